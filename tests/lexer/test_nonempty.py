"""Leaving out the empty text gives the canonical automaton of what remains."""

from __future__ import annotations

import pytest

from stolcke.grammar.patterns import Nonempty, Regex
from stolcke.lexer import automaton


@pytest.mark.parametrize(
    ("pattern", "same"),
    [
        ("a*", "a+"),
        ("a?", "a"),
        ("(ab)*", "(ab)+"),
        ("a*b?", "a+b?|b"),
        ("", r"[^\s\S]"),
        ("a+", "a+"),
        ("(?i)k*", "(?i)k+"),
    ],
)
def test_only_the_empty_text_is_left_out(pattern, same):
    assert automaton(Nonempty(Regex(pattern))) == automaton(Regex(same))
