"""Canonical tokenisation: what the tokenizer writes is allowed, and of the rest as little as a pair can tell."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stolcke
from stolcke import Canonical, Vocabulary, VocabularyError
from tests.tokenizers.laws import TEXTS
from tests.vocabularies import SHARED, real

hf = pytest.importorskip("tokenizers")
from tokenizers import models  # noqa: E402

from tests.tokenizers import test_hugging_face as made  # noqa: E402


def forbidden(canonical: Canonical, ids: list[int]) -> list[tuple[int | None, int]]:
    """The pairs of neighbours, and the beginning, that are not allowed."""
    pairs = zip([None, *ids], ids, strict=False)
    return [(a, b) for a, b in pairs if not canonical.row(a)[b >> 5] >> (b & 31) & 1]


# -- no cuts: pairs decide ------------------------------------------------------------------------------------------


def plain(rules: list[tuple[str, str]]):
    """A tokenizer with these rules and nothing else, where they make sense; and its vocabulary."""
    vocab, kept = {"a": 0, "b": 1}, []
    for left, right in rules:
        if left in vocab and right in vocab and len(left + right) < 7:
            vocab.setdefault(left + right, len(vocab))
            kept.append((left, right))
    tokenizer = hf.Tokenizer(models.BPE(vocab, list(dict.fromkeys(kept))))
    vocabulary = Vocabulary([piece.encode() for piece in vocab], [])
    return tokenizer, vocabulary, list(vocab)


PIECES = st.text("ab", min_size=1, max_size=4)


@given(rules=st.lists(st.tuples(PIECES, PIECES), max_size=14), texts=st.lists(st.text("ab", max_size=12), max_size=4))
def test_pairs_are_allowed_as_the_rules_make_them(rules, texts):
    tokenizer, vocabulary, pieces = plain(rules)
    canonical = Canonical(tokenizer, vocabulary)
    regular = canonical._spines._regular
    for a, first in enumerate(pieces):
        allowed = canonical.allowed(a)
        for b, second in enumerate(pieces):
            written = tokenizer.encode(first + second).ids == [a, b]
            assert allowed[b] or not written, (first, second)
            if regular[a] and regular[b]:
                assert allowed[b] == written, (first, second)
    for text in texts:
        assert forbidden(canonical, tokenizer.encode(text).ids) == []


@given(rules=st.lists(st.tuples(PIECES, PIECES), max_size=14), seed=st.integers(0, 9))
def test_a_sequence_of_allowed_pairs_is_what_the_tokenizer_writes(rules, seed):
    tokenizer, vocabulary, pieces = plain(rules)
    canonical = Canonical(tokenizer, vocabulary)
    if not canonical._spines._regular.all():
        return
    rng = random.Random(seed)
    ids, row = [], canonical.allowed(None)
    while len(ids) < 7 and row.any():
        ids.append(rng.choice(np.flatnonzero(row).tolist()))
        row = canonical.allowed(ids[-1])
    assert tokenizer.encode("".join(pieces[i] for i in ids)).ids == ids


@given(ranked=st.lists(st.text("ab", min_size=2, max_size=6), unique=True, max_size=12))
def test_ranks_decide_likewise(ranked):
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([b]): b for b in range(256)} | {text.encode(): 256 + i for i, text in enumerate(ranked)}
    encoding = tiktoken.Encoding("a", pat_str=r"[\s\S]+", mergeable_ranks=ranks, special_tokens={})
    canonical = Canonical(encoding, Vocabulary(list(ranks), []))
    regular = canonical._spines._regular
    known = [b"a", b"b", *(text.encode() for text in ranked)]
    for a in known:
        allowed = canonical.allowed(ranks[a])
        for b in known:
            written = encoding.encode_ordinary((a + b).decode()) == [ranks[a], ranks[b]]
            assert allowed[ranks[b]] or not written, (a, b)
            if regular[ranks[a]] and regular[ranks[b]] and a + b not in ranks:
                assert allowed[ranks[b]] == written, (a, b)


def test_a_tokenizer_without_cuts_is_decided_by_pairs():
    """Like Llama 2's: the text is one stretch."""
    tokenizer = made.llama2()
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    canonical = Canonical(tokenizer, vocabulary)
    names = {piece: token for piece, token in tokenizer.get_vocab().items() if not piece.startswith("<")}
    usable = np.zeros(len(vocabulary), bool)
    usable[list(names.values())] = True
    begins = np.array([text.startswith(b" ") for text in vocabulary.tokens])
    rng = random.Random(4)
    for _ in range(300):
        ids, row = [], canonical.allowed(None) & usable & begins
        while len(ids) < 8 and row.any():
            ids.append(rng.choice(np.flatnonzero(row).tolist()))
            row = canonical.allowed(ids[-1]) & usable
        text = b"".join(vocabulary.tokens[i] for i in ids).decode()
        assert tokenizer.encode(text[1:], add_special_tokens=False).ids == ids


# -- cuts -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["byte_level", "llama2", "gemma"])
def small(request):
    tokenizer = made.MAKERS[request.param]()
    return tokenizer, Canonical(tokenizer, Vocabulary.from_tokenizer(tokenizer))


@given(text=made.TEXTS)
def test_what_the_tokenizer_writes_is_allowed(small, text):
    tokenizer, canonical = small
    assert forbidden(canonical, tokenizer.encode(text, add_special_tokens=False).ids) == []


TEKKEN_LIKE = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def real_tokenizer(name: str):
    """A real tokenizer, a function that encodes, and its vocabulary."""
    if name in ("llama3", "qwen3"):
        path = SHARED / "hf" / name / "tokenizer.json"
        if not path.is_file():
            pytest.skip(f"{path} is not here")
        tokenizer = hf.Tokenizer.from_file(str(path))
        return tokenizer, lambda text: tokenizer.encode(text, add_special_tokens=False).ids, Vocabulary.from_file(path)
    tiktoken = pytest.importorskip("tiktoken")
    tokens, eos, special = real(name)
    ranks = {text: i for i, text in enumerate(tokens) if text and i not in {*eos, *special}}
    encoding = tiktoken.Encoding(name, pat_str=TEKKEN_LIKE, mergeable_ranks=ranks, special_tokens={})
    return encoding, encoding.encode_ordinary, Vocabulary(tokens, eos, special)


def random_texts(seed: int) -> list[str]:
    """Words, numbers, code, contractions, white space and other scripts, in every order."""
    rng = random.Random(seed)
    parts = [word for text in TEXTS for word in text.split(" ")]
    parts += [
        "'s",
        "'LL",
        "'ſ",
        "''s",
        "n't",
        "I'm",
        "don",
        "camelCase",
        "HTTPServer",
        "١٢٣٤",
        "12",
        "7",
        "3.14",
        "e-5",
    ]
    parts += [
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "\r\n",
        "\u00a0",
        "\u3000",
        "\u200d",
        "_",
        "//",
        "((",
        "**",
        "...",
        "«",
        "क्षि",
    ]
    parts += [
        "สวัสดี",
        "한국어",
        "ﬁ",
        "ǅ",
        "ʰ",
        "\ud7ff",
        "𝒳",
        "½",
        "e\u0301",
        "\x00",
        "\x85",
        "✓",
        "🇩🇪",
        "x",
        "X",
        "é",
        "ß",
    ]
    glue = ["", "", " ", " ", "\n", "'"]
    return ["".join(rng.choice(parts) + rng.choice(glue) for _ in range(rng.randrange(1, 20))) for _ in range(25)]


@pytest.mark.parametrize("name", ["llama3", "qwen3", "o200k"])
def test_a_real_tokenizer(name):
    tokenizer, encode, vocabulary = real_tokenizer(name)
    canonical = Canonical(tokenizer, vocabulary)
    ids_of = {text: i for i, text in enumerate(vocabulary.tokens) if text and not vocabulary.skip[i]}
    rng = random.Random(5)
    rejected = tried = 0
    for text in [*TEXTS, *random_texts(6)]:
        ids = encode(text)
        assert [(a and vocabulary.tokens[a], vocabulary.tokens[b]) for a, b in forbidden(canonical, ids)] == []
        # Another way to write the same: one token as two.
        place = rng.randrange(len(ids))
        piece = vocabulary.tokens[ids[place]]
        halves = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        halves = [(ids_of[a], ids_of[b]) for a, b in halves if a in ids_of and b in ids_of]
        if halves:
            tried += 1
            rejected += bool(forbidden(canonical, [*ids[:place], *rng.choice(halves), *ids[place + 1 :]]))
    assert tried > 15
    assert rejected > 0.7 * tried


# -- in a matcher ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def words():
    """Rules that make ``abc`` of ``a`` and ``bc``."""
    vocab = {"a": 0, "b": 1, "c": 2, "bc": 3, "abc": 4, "ab": 5, "</s>": 6}
    tokenizer = hf.Tokenizer(models.BPE(vocab, [("b", "c"), ("a", "bc"), ("a", "b")]))
    tokenizer.add_special_tokens(["</s>"])
    vocabulary = Vocabulary([piece.encode() for piece in vocab], 6)
    return Canonical(tokenizer, vocabulary), vocabulary


def test_a_matcher_with_canonical_masks(words):
    canonical, vocabulary = words
    compiled = stolcke.compile(stolcke.Grammar.from_lark("start: /[abc]+/"), vocabulary)
    matcher = compiled.matcher(canonical=canonical)
    assert matcher.allowed_token_ids().tolist() == [0, 1, 2, 3, 4, 5]
    assert matcher.accept(0)
    assert matcher.allowed_token_ids().tolist() == [0, 2, 4, 5, 6]  # not b, nor bc
    rows = np.zeros((1, 1), np.int32)
    stolcke.fill_masks([fork := matcher.fork()], rows)
    assert rows[0, 0] == 0b1110101
    assert matcher.accept(1)  # which the mask forbids, the grammar does not
    matcher.rollback()
    assert matcher.allowed_token_ids().tolist() == [0, 2, 4, 5, 6]
    assert matcher.accept_bytes(b"a")
    assert matcher.allowed_token_ids().tolist() == list(range(7))
    matcher.reset()
    assert matcher.allowed_token_ids().tolist() == [0, 1, 2, 3, 4, 5]
    assert fork.allowed_token_ids().tolist() == [0, 2, 4, 5, 6]
    assert compiled.matcher(canonical=canonical, previous=0).allowed_token_ids().tolist() == [0, 2, 4, 5]
    healed = compiled.matcher(canonical=canonical, previous=0, prefix=b"bc")
    assert healed.allowed_token_ids().tolist() == [1, 3]  # neither may follow an a, but nothing else remains
    assert compiled.matcher(canonical=canonical, previous=0, prefix=b"ab").allowed_token_ids().tolist() == [0, 4, 5]


def test_where_nothing_would_remain_the_mask_is_the_exact_one(words):
    canonical, vocabulary = words
    matcher = stolcke.compile(stolcke.Grammar.from_lark('start: "abc"'), vocabulary).matcher(canonical=canonical)
    assert matcher.accept(0)
    assert matcher.allowed_token_ids().tolist() == [1, 3]


def test_rows_are_forgotten_and_refused(words):
    canonical, vocabulary = words
    few = Canonical(made.byte_level(), Vocabulary.from_tokenizer(made.byte_level()), most_rows=3)
    for token in range(40, 50):
        few.row(token)
    assert len(few._rows) == 3
    with pytest.raises(ValueError, match="read-only"):
        canonical.row(0)[0] = 1
    with pytest.raises(VocabularyError, match="outside the vocabulary"):
        canonical.row(99)
    with pytest.raises(VocabularyError, match="more tokens than the vocabulary"):
        Canonical(made.byte_level(), vocabulary)
    with pytest.raises(VocabularyError, match=r"token 1 is b'b' for the tokenizer and b'x' in the vocabulary"):
        Canonical(plain([])[0], Vocabulary([b"a", b"x"], []))
    for other in (made.unigram(), object()):
        with pytest.raises(VocabularyError, match=r"only BPE|are not known"):
            Canonical(other, vocabulary)
