"""The twins are checked against each other, against ``re`` and against counts by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from stolcke.grammar.patterns import Literal, Regex, Repeat, Special
from tests.reference import derivatives, masks
from tests.reference.earley import Earley
from tests.reference.enumeration import sentences
from tests.strategies import (
    EFFORT,
    FUSED,
    PATTERNS,
    A,
    B,
    grammars,
    lark_text,
    make_grammar,
    regex_text,
    small_grammars,
    texts,
)


def matches(expression: tuple, text: bytes) -> bool:
    for value in text:
        expression = derivatives.derive(expression, value)
    return derivatives.matches_empty(expression)


@pytest.mark.parametrize("pattern", PATTERNS, ids=regex_text)
def test_derivatives_match_what_re_matches(pattern):
    source = regex_text(pattern)
    for text in texts(b"abc", 5):
        expected = re.fullmatch(source, text.decode()) is not None
        assert matches(derivatives.expression(pattern), text) == expected, text
        assert matches(derivatives.expression(Regex(source)), text) == expected, text


def test_ignoring_case_takes_every_character_that_re_holds_equal():
    expression = derivatives.expression(Literal("k", ignore_case=True))
    assert [c for c in ("k", "K", "\u212a", "j") if matches(expression, c.encode())] == ["k", "K", "\u212a"]


def assert_earley_equals_enumeration(grammar, alphabet: tuple, longest: int, beyond: int):
    """Viable texts are the prefixes of sentences ``beyond`` symbols longer: enough for small grammars."""
    earley = Earley(grammar)
    derived = sentences(grammar, longest + beyond)
    prefixes = {text[:n] for text in derived for n in range(len(text) + 1)}
    level = [()]
    for _ in range(longest + 1):
        for text in level:
            assert earley.is_sentence(text) == (text in derived), (text, lark_text(grammar))
            assert earley.is_viable(text) == (text in prefixes), (text, lark_text(grammar))
        level = [(*text, symbol) for text in level for symbol in alphabet]


def test_earley_equals_enumeration_on_all_small_grammars():
    for grammar in small_grammars(5):
        assert_earley_equals_enumeration(grammar, tuple(b"ab"), longest=2, beyond=9)


@settings(max_examples=300 * EFFORT)
@given(grammars())
def test_earley_equals_enumeration_on_random_grammars(grammar):
    derived = sentences(grammar, 5)
    earley = Earley(grammar)
    alphabet = (*b"abc\xc3\xa8\xa9\xff", Special("SPECIAL"))
    viable = [()] if earley.is_viable(()) else []
    found = set()
    for _ in range(6):
        found |= {text for text in viable if earley.is_sentence(text)}
        viable = [(*t, symbol) for t in viable for symbol in alphabet if earley.is_viable((*t, symbol))]
    assert found == derived, lark_text(grammar)
    assert all(earley.is_viable(text[:n]) for text in derived for n in range(len(text)))


def test_what_derives_nothing_is_not_viable():
    grammar = make_grammar({"s": [("A", "x"), ("B",)], "x": [("A", "x")]}, {"A": A, "B": B})
    earley = Earley(grammar)
    assert not earley.is_viable(b"a")
    assert earley.is_sentence(b"b")


def test_ignored_text_stands_before_each_terminal_and_at_the_end():
    grammar = make_grammar({"s": [("A", "A")]}, {"A": A, "B": B}, ignore=("B",))
    earley = Earley(grammar)
    assert earley.is_sentence(b"bbababb")
    assert not earley.is_viable(b"aba" + b"a")


def test_masks_and_forced_bytes_by_hand():
    grammar = make_grammar(
        {"s": [("A", "B", "SPECIAL")], "x": [("A",)]}, {"A": A, "B": Repeat(B, 1, 2), "SPECIAL": Special("SPECIAL")}
    )
    earley = Earley(grammar)
    tokens = masks.Tokens(
        [b"a", b"ab", b"SPECIAL", b"", b"end", b"abb"], ends=(4,), special_ids=(2,), special={"SPECIAL": 2}
    )
    special = Special("SPECIAL")
    assert masks.allowed_tokens(earley, tokens, b"") == [0, 1, 5]
    assert masks.forced_bytes(earley, b"") == b"ab"
    assert masks.allowed_tokens(earley, tokens, b"ab") == [2]
    assert masks.forced_bytes(earley, b"abb") == b""
    assert masks.allowed_tokens(earley, tokens, (*b"ab", special)) == [4]


def test_the_fused_vocabulary_is_read_as_meant():
    assert [FUSED.symbols(token) for token in (2, 7, 14)] == [(), (), ()]
    assert FUSED.symbols(8) == (97, 97, 98)
