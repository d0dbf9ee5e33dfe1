"""The first token of a text whose decoder takes the first space away."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.grammar.patterns import Literal, Pattern, Repeat, Sequence, Special
from tests.engine.laws import Engine, derives_nothing, filled, stripping_vocabulary_of
from tests.engine.samples import SAMPLES, synthetic_tokens
from tests.engine.test_options import SETTINGS
from tests.reference import masks
from tests.reference.masks import Tokens
from tests.strategies import EFFORT, PALETTES, A, B, make_grammar, small_rules

STRIPPED = Tokens(
    tokens=[
        b" ",
        b"b",
        b"",
        b"  ",
        b" b",
        b"b ",
        b"bb",
        b"</s>",
        b"  b",
        b" b ",
        b" ",
        b"\xff",
        b" \xff",
        b"</s>",
        b" <x>",
        b" bb",
    ],
    ends=(7, 13),
    special_ids=(14,),
)
"""Tokens with one space, two and none at their beginning, spaces alone, twice, and a special one with a space."""

UNSPACED = replace(
    STRIPPED, first_texts={3: b"", 8: b"b", 9: b"b", 5: b"b", 0: b" ", 12: b"b \xff", 6: b"bbb", 15: b"bb"}
)
"""More is taken away from some of them, nothing from one, and one does not change at all."""


def spaced(pattern: Pattern) -> Pattern:
    """The pattern with a space in place of each a."""
    match pattern:
        case Literal(text, False):
            return Literal(text.replace("a", " "))
        case Sequence(parts):
            return Sequence(tuple(map(spaced, parts)))
        case Repeat(part, least, most):
            return Repeat(spaced(part), least, most)
    raise AssertionError(pattern)


def opened(engine: Engine) -> stolcke.Matcher:
    return engine.compiled.matcher(strip_first_space=True)


def check_opening(engine: Engine, matcher: stolcke.Matcher) -> list[int]:
    """Compare a matcher at the opening with its twin; the allowed tokens."""
    expected = masks.allowed_first_tokens(engine.earley, engine.tokens)
    where = f"at the opening of\n{engine.grammar}"
    assert matcher.is_opening
    assert filled(matcher, len(engine.tokens.tokens)) == expected, where
    assert [token for token in range(len(engine.tokens.tokens)) if matcher.allows(token)] == expected, where
    assert matcher.is_accepting == engine.earley.is_sentence(()), where
    assert matcher.forced_bytes() == masks.forced_bytes(engine.earley, ()), where
    return expected


@pytest.mark.parametrize("tokens", [STRIPPED, UNSPACED], ids=["one space", "more"])
@pytest.mark.parametrize("shard", range(4))
def test_every_small_grammar(shard, tokens):
    """Mask, and what comes after each first token; then everything again from the opening."""
    vocabulary = stripping_vocabulary_of(tokens)
    compared = 0
    found = product(small_rules(6), PALETTES)
    for rules, (terminals, ignore) in islice(found, shard, None, 4):
        grammar = make_grammar(rules, {name: spaced(pattern) for name, pattern in terminals.items()}, ignore)
        if derives_nothing(grammar):
            continue
        engine = Engine(grammar, tokens, vocabulary=vocabulary, prewarm=0)
        matcher = opened(engine)
        for token in check_opening(engine, matcher):
            assert matcher.accept(token)
            if token not in tokens.ends:
                engine.check(matcher, tokens.first_symbols(token))
            assert not matcher.is_opening
            matcher.rollback()
        for token in set(range(len(tokens.tokens))) - set(check_opening(engine, matcher)):
            assert not matcher.accept(token)
        engine.check(engine.compiled.matcher(), b"")
        compared += 1
    assert compared > 100, "the generator yields too little to prove anything"


@cache
def choosy() -> Engine:
    """A text may begin with one space or none; a special token can take its place."""
    grammar = make_grammar(
        {"s": [("o", "B", "r"), ("X", "C", "B")], "o": [(), ("C",)], "r": [(), ("C", "B", "r")]},
        {"B": B, "C": Literal(" "), "X": Special("X")},
    )
    tokens = replace(STRIPPED, special={"X": 14})
    return Engine(grammar, tokens, vocabulary=stripping_vocabulary_of(tokens))


def test_a_special_token_ends_the_opening():
    engine = choosy()
    matcher = opened(engine)
    assert 14 in check_opening(engine, matcher)
    assert matcher.accept(14)
    assert not matcher.is_opening
    assert engine.check(matcher, (Special("X"),)) == [0, 4, 10]


def test_bytes_are_the_text_itself():
    matcher = opened(choosy())
    assert matcher.accept_bytes(b"")
    assert matcher.is_opening
    assert matcher.accept_bytes(b" ")
    assert not matcher.is_opening
    assert not matcher.accept_bytes(b" ")
    assert matcher.accept(1)


def test_a_space_alone_opens_a_text_just_once():
    matcher = opened(choosy())
    assert matcher.accept_tokens([0, 0, 0, 1]) == 2  # the first adds nothing, the third would be a second space
    matcher.rollback()
    assert not matcher.is_opening
    matcher.rollback()
    assert matcher.is_opening


def test_fork_reset_and_fill_masks():
    engine = choosy()
    matcher = opened(engine)
    fork = matcher.fork()
    assert matcher.accept(4)
    check_opening(engine, fork)
    assert fork.accept(8)
    plain = engine.compiled.matcher()
    matcher.reset()
    rows = np.empty((3, 1), np.int32)
    stolcke.fill_masks([matcher, fork, plain], rows)
    given = [np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist() for row in rows]
    expected = [masks.allowed_first_tokens(engine.earley, engine.tokens), engine.allowed(b" b"), engine.allowed(b"")]
    assert given == expected
    assert given[0] != given[2]


def test_other_vocabularies_do_not_strip():
    grammar = make_grammar({"s": [("B",)]}, {"B": B})
    compiled = stolcke.compile(grammar, stolcke.Vocabulary([b"b", b" b"]))
    assert compiled.matcher(strip_first_space=True).allowed_token_ids().tolist() == [0]
    compiled = stolcke.compile(grammar, stolcke.Vocabulary([b"b", b" b"], strips_first_space=True))
    assert compiled.matcher().allowed_token_ids().tolist() == [0]
    assert compiled.matcher(strip_first_space=True).allowed_token_ids().tolist() == [0, 1]


def test_what_a_dump_shows():
    matcher = opened(choosy())
    assert matcher.dump().splitlines()[1:] == choosy().compiled.matcher().dump().splitlines()[1:]
    assert matcher.expected() == choosy().compiled.matcher().expected()


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("setting", [None, "without any"])
def test_larger_vocabularies(sample, setting):
    """Each token against its bytes: which are allowed, and the state after some of them."""
    tokens = synthetic_tokens()
    compiled = stolcke.compile(
        stolcke.Grammar.from_lark(SAMPLES[sample][0]),
        stripping_vocabulary_of(tokens),
        options=SETTINGS[setting] if setting else None,
    )
    plain, matcher = compiled.matcher(), compiled.matcher(strip_first_space=True)
    expected = []
    for token in range(len(tokens.tokens)):
        if token in tokens.ends:
            fits = plain.is_accepting
        elif fits := bool(tokens.symbols(token)) and plain.accept_bytes(bytes(tokens.first_symbols(token))):
            assert matcher.accept(token)
            if token % 16 == 0:
                assert filled(matcher, len(tokens.tokens)) == filled(plain, len(tokens.tokens)), tokens.tokens[token]
            matcher.rollback()
            plain.rollback()
        expected += [token] * fits
    assert filled(matcher, len(tokens.tokens)) == expected
    # The others ignore spaces wherever they are.
    assert (len(expected) > len(plain.allowed_token_ids())) == (sample == "markup")


def test_forced_tokens_are_those_of_the_tokenizer():
    tokens = [b"c", b" ", b"ab", b" a", b" ab", b"d", b"b", b"a"]
    grammar = make_grammar(
        {"s": [("A", "C")]}, {"A": Literal("ab"), "C": Sequence((Literal("c"), Repeat(Literal("d"), 0, None)))}
    )
    compiled = stolcke.compile(grammar, stolcke.Vocabulary(tokens, [], strips_first_space=True))
    matcher = compiled.matcher(strip_first_space=True)
    assert matcher.forced_tokens({"abc": [4, 0]}.__getitem__) == [4, 0]
    assert matcher.forced_tokens({"abc": [2, 0]}.__getitem__) == [2, 0]
    assert compiled.matcher().forced_tokens({"abc": [4, 0]}.__getitem__) == []
    # A longer token could take the place of the whole, if its space is not counted.
    compiled = stolcke.compile(grammar, stolcke.Vocabulary([*tokens, b" abcd"], [], strips_first_space=True))
    assert compiled.matcher(strip_first_space=True).forced_tokens({"abc": [4, 0]}.__getitem__) == []
    first = {8: b"abcdd"}
    vocabulary = stolcke.Vocabulary([*tokens, b"x"], [], strips_first_space=True, first_texts=first)
    assert stolcke.compile(grammar, vocabulary).matcher(strip_first_space=True).allows(8)
    assert stolcke.compile(grammar, vocabulary).matcher(strip_first_space=True).forced_tokens(lambda _: [4, 0]) == []


def test_limits_refuse_the_opening():
    """What a limit refuses is refused for exceptions too, and leaves nothing behind."""
    grammar = make_grammar({"s": [("x",)], "x": [("A", "x"), ("B", "x"), ()]}, {"A": Repeat(A, 1, None), "B": A})
    vocabulary = stolcke.Vocabulary([b" a", b"aa"], strips_first_space=True, first_texts={1: b"aaa"})
    tight = stolcke.compile(grammar, vocabulary, limits=stolcke.Limits(live_threads=0), prewarm=0)
    for _ in range(2):
        with pytest.raises(stolcke.LimitExceeded):
            tight.matcher(strip_first_space=True).mask()
    roomy = stolcke.compile(grammar, vocabulary, limits=stolcke.Limits(live_threads=2), prewarm=0)
    assert roomy.matcher(strip_first_space=True).mask().tolist() == [True, True]


# -- decoders as oracles ------------------------------------------------------------------------------------------

DECODED = {
    "no space": r"/[A-Za-z.]+( [a-zA-Z0-9.,:]+)*/",
    "one space": r"/ [a-z]+( [a-z]+)*/",
    "any spaces": r"/ *[^ ]?[a-z ]*./?",
    "inner": r"/(a|b|the)(  ?[a-z]+)*|  x/",
}


@cache
def tokenizer_and_vocabulary(kind: str):
    made = pytest.importorskip("tests.tokenizers.test_hugging_face")
    tokenizer = made.MAKERS[kind]()
    # Spaces where they are seldom: runs of them, and within a piece.
    tokenizer.add_tokens([made.AddedToken(text, normalized=False) for text in ("▁▁", "▁▁▁the", "a▁b", "a b", " the")])
    return tokenizer, stolcke.Vocabulary.from_tokenizer(tokenizer)


@pytest.mark.parametrize("kind", ["llama2", "unigram", "gemma"])
@pytest.mark.parametrize("name", DECODED)
def test_the_first_mask_against_decode(kind, name):
    tokenizer, vocabulary = tokenizer_and_vocabulary(kind)
    compiled = stolcke.compile(stolcke.Grammar.from_lark(f"start: {DECODED[name]}"), vocabulary)
    plain, mask = compiled.matcher(), compiled.matcher(strip_first_space=True).mask()
    for token in np.flatnonzero(vocabulary.skip == 0).tolist():
        text = tokenizer.decode([token])
        if "\N{REPLACEMENT CHARACTER}" in text:
            continue  # half a character
        fits = plain.accept_bytes(text.encode())
        assert mask[token] == fits, (vocabulary.tokens[token], text)
        plain.rollback(fits)


@settings(max_examples=60 * EFFORT)
@given(kind=st.sampled_from(["llama2", "unigram", "gemma"]), name=st.sampled_from(sorted(DECODED)), choices=st.data())
def test_walks_against_decode(kind, name, choices):
    """Whatever is generated decodes to what the grammar allows."""
    tokenizer, vocabulary = tokenizer_and_vocabulary(kind)
    compiled = stolcke.compile(stolcke.Grammar.from_lark(f"start: {DECODED[name]}"), vocabulary)
    matcher, ids = compiled.matcher(strip_first_space=True), []
    for _ in range(4):
        allowed = [token for token in matcher.allowed_token_ids().tolist() if not vocabulary.skip[token]]
        spaces = [token for token in allowed if vocabulary.tokens[token].startswith(b" ")]
        if not allowed:
            break
        ids.append(choices.draw(st.sampled_from(allowed) | st.sampled_from(spaces or allowed)))
        assert matcher.accept(ids[-1])
        text = tokenizer.decode(ids)
        if "\N{REPLACEMENT CHARACTER}" not in text:
            plain = compiled.matcher()
            assert plain.accept_bytes(text.encode()), ids
            assert plain.is_accepting == matcher.is_accepting
            assert (plain.mask() == matcher.mask()).all()
