"""Common texts of two automata, against trying all short texts."""

from __future__ import annotations

from itertools import product

import pytest

from stolcke.grammar.patterns import Regex
from stolcke.lexer import automaton
from stolcke.lexer.overlap import common_text

EXPRESSIONS = ["a", "b|ab", "[ab]+", "a*b", "(ab)+", "(aa)+", "a(aa)*", "[^a]b?", "(?:[ab]{3})+", "b[ab]b", "abab|c"]


@pytest.mark.parametrize("one", EXPRESSIONS)
@pytest.mark.parametrize("other", EXPRESSIONS)
def test_shortest_common_text(one: str, other: str) -> None:
    a, b = automaton(Regex(one)), automaton(Regex(other))
    texts = (bytes(letters) for length in range(1, 7) for letters in product(b"abc", repeat=length))
    expected = next((text for text in texts if a.accepts(text) and b.accepts(text)), None)
    found = common_text(a, b)
    assert (found is None) == (expected is None)
    if found is not None:
        assert len(found) == len(expected)
        assert a.accepts(found)
        assert b.accepts(found)


def test_gives_up() -> None:
    a, b = automaton(Regex("a{40}")), automaton(Regex("a+"))
    assert common_text(a, b) == b"a" * 40
    assert common_text(a, b, most=10) is None
