"""tiktoken's encodings and lists of ranks; mistral-common's tekken."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke import Vocabulary, VocabularyError
from tests.tokenizers.laws import TEXTS, check_masks
from tests.vocabularies import real

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
MERGED = ["th", "he", " t", "the", " the", "do", "dog", " do", " dog", "es", "na", "ve", "12", "  ", "    ", "\n\n"]
MERGED += ["東", "京", "東京"]
RANKS = {token: rank for rank, token in enumerate([*(bytes([b]) for b in range(256)), *(m.encode() for m in MERGED)])}
SPECIAL = {"<|endoftext|>": 300, "<|tool|>": 302, "<|im_end|>": 303}


def encoding(ranks=RANKS, special=SPECIAL):
    tiktoken = pytest.importorskip("tiktoken")
    return tiktoken.Encoding("a", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special)


@pytest.fixture(scope="module")
def small():
    made = encoding()
    return made, Vocabulary.from_tokenizer(made, size=320)


@given(text=st.text() | st.lists(st.sampled_from([*TEXTS, *MERGED])).map("".join))
def test_the_bytes_of_the_ids_of_a_text_are_its_bytes(small, text):
    made, vocabulary = small
    assert b"".join(vocabulary.tokens[i] for i in made.encode_ordinary(text)) == text.encode()


def test_every_id_of_an_encoding(small):
    made, vocabulary = small
    for token in [*RANKS.values(), *SPECIAL.values()]:
        assert vocabulary.tokens[token] == made.decode_single_token_bytes(token)
    assert [i for i, t in enumerate(vocabulary.tokens) if not t] == [*range(275, 300), 301, *range(304, 320)]
    assert vocabulary.special_token_ids == (300, 302, 303)
    assert vocabulary.eos_token_ids == (300, 303)
    assert vocabulary.special_id("<|tool|>") == 302
    assert not vocabulary.strips_first_space
    check_masks(vocabulary)


def test_ends_of_an_encoding():
    unknown = encoding(special={"<|tool|>": 300})
    with pytest.raises(VocabularyError, match="does not say which token ends"):
        Vocabulary.from_tokenizer(unknown)
    assert Vocabulary.from_tokenizer(unknown, generation_config={"eos_token_id": 300}).eos_token_ids == (300,)
    assert Vocabulary.from_tokenizer(encoding(), generation_config={"eos_token_id": 302}).eos_token_ids == (302,)


def rank_list(ranks):
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items())


def test_a_list_of_ranks(tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(rank_list(RANKS))
    for source in (path, tmp_path):
        vocabulary = Vocabulary.from_file(source, eos_token_ids=300, special_token_ids=302, size=304)
        assert list(vocabulary.tokens) == [*RANKS, *[b""] * 29]
        assert vocabulary.special_token_ids == (300, 302)
    with pytest.raises(VocabularyError, match="does not say which token ends"):
        Vocabulary.from_file(path)
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [274]}')
    assert Vocabulary.from_file(path).eos_token_ids == (274,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"YQ== 0\nYg= 1\n", "line 2: b'Yg=' is not base64"),
        (b"YQ== 0\nYg==\n", "line 2: b'Yg==' is not a token in base64 and its rank"),
        (b"YQ== 0\nYg== 0\n", "line 2: two tokens have the id 0"),
        (b"YQ== 0\nYQ== 1\n", "line 2: b'a' has two ranks"),
        (b"YQ== 0\nYg== 99999999999\n", "line 2: 99999999999 is not a token id"),
    ],
)
def test_lists_that_are_refused(tmp_path, text, message):
    (tmp_path / "x.tiktoken").write_bytes(text)
    with pytest.raises(VocabularyError, match=message):
        Vocabulary.from_file(tmp_path / "x.tiktoken", eos_token_ids=[])


@pytest.mark.parametrize("name", ["llama3", "qwen3", "deepseek", "o200k"])
def test_an_encoding_of_a_real_vocabulary(name):
    tokens, eos, special = real(name)
    ordinary = {t: i for i, t in enumerate(tokens) if t and i not in {*eos, *special}}
    made = encoding(ordinary, {tokens[i].decode(): i for i in special if tokens[i]})
    vocabulary = Vocabulary.from_tokenizer(made, eos_token_ids=eos, size=len(tokens))
    twice = {i for i, t in enumerate(tokens) if t and ordinary.get(t, i) != i}
    assert list(vocabulary.tokens) == [b"" if i in twice - {*special} else t for i, t in enumerate(tokens)]
    assert set(vocabulary.special_token_ids) == {i for i in {*eos, *special} if tokens[i] or i in eos}
    for text in TEXTS:
        assert b"".join(vocabulary.tokens[i] for i in made.encode_ordinary(text)) == text.encode()


# -- tekken ---------------------------------------------------------------------------------------------------------


def tekken(**change):
    listed = [{"rank": r, "token_bytes": base64.b64encode(t).decode(), "token_str": None} for t, r in RANKS.items()]
    special = [
        {"rank": i, "token_str": t, "is_control": True} for i, t in enumerate(["<unk>", "<s>", "</s>", "[TOOL_CALLS]"])
    ]
    config = {"pattern": PATTERN, "num_vocab_tokens": len(listed), "default_num_special_tokens": 6, "version": "v7"}
    top = {"config": config | {"default_vocab_size": 270 + 6}, "vocab": listed, "special_tokens": special}
    top["config"].update(change.pop("config", {}))
    return top | change


def test_a_small_tekken_file(tmp_path):
    (tmp_path / "tekken.json").write_text(json.dumps(tekken()))
    vocabulary = Vocabulary.from_file(tmp_path)
    named = [b"<unk>", b"<s>", b"</s>", b"[TOOL_CALLS]", b"<SPECIAL_4>", b"<SPECIAL_5>"]
    assert list(vocabulary.tokens) == [*named, *list(RANKS)[:270]]
    assert vocabulary.eos_token_ids == (2,)
    assert vocabulary.special_token_ids == (0, 1, 2, 3, 4, 5)
    assert Vocabulary.from_file(json.dumps(tekken())) == vocabulary
    pytest.importorskip("mistral_common")
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    assert Vocabulary.from_tokenizer(Tekkenizer.from_file(tmp_path / "tekken.json")) == vocabulary
    check_masks(vocabulary)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"default_vocab_size": 300}}, "6 special tokens and 275 others are not the 300"),
        ({"config": {"default_vocab_size": 3}}, "are not the 3 that it promises"),
        ({"config": {"default_vocab_size": None}}, "is not a tekken.json"),
        ({"vocab": [{"rank": 0, "token_bytes": "_"}]}, "is not base64"),
        ({"vocab": [{"rank": 0, "token_bytes": "YQ=="}] * 2}, "two tokens have the id 6"),
        ({"vocab": [{"rank": -7, "token_bytes": "YQ=="}]}, "-1 is not a token id"),
        ({"vocab": 3}, "is not a tekken.json"),
        ({"special_tokens": [{"rank": 0, "token_str": 3}]}, "is not a tekken.json"),
    ],
)
def test_tekken_files_that_are_refused(change, message):
    with pytest.raises(VocabularyError, match=message):
        Vocabulary.from_file(json.dumps(tekken(**change)))


@pytest.fixture(scope="module")
def mistral():
    module = pytest.importorskip("mistral_common.tokens.tokenizers.mistral")
    made = module.MistralTokenizer.v3(is_tekken=True)
    return made, Vocabulary.from_tokenizer(made)


def test_a_real_tekken(mistral):
    made, vocabulary = mistral
    inner = made.instruct_tokenizer.tokenizer
    assert len(vocabulary) == inner.n_words
    assert vocabulary.eos_token_ids == (inner.eos_id,)
    assert vocabulary.special_token_ids == tuple(sorted(inner.special_ids))
    assert vocabulary == Vocabulary.from_file(inner.file_path) == Vocabulary.from_tokenizer(inner)
    for text in TEXTS:
        ids = inner.encode(text, bos=False, eos=False)
        assert b"".join(vocabulary.tokens[i] for i in ids) == text.encode()
        for token in ids:
            assert vocabulary.tokens[token] == inner.id_to_byte_piece(token)
    check_masks(vocabulary)
