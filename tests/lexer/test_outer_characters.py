"""Characters at the ends of texts, against products with "any text that begins (or ends) with this character"."""

from __future__ import annotations

import pytest

from stolcke.grammar.patterns import Literal, Regex, Sequence
from stolcke.lexer import automaton
from stolcke.lexer.boolean import intersection
from stolcke.lexer.outer_characters import outer_characters

ANYTHING = Regex("(?s:.*)")
CHARACTERS = "aZ09_ é߿ࠀ日\ud7ff\ue000\uffff\U00010000\U0001f600\U0010ffff\x00\x7f\x80"


@pytest.mark.parametrize(
    "source",
    [
        "a",
        "a[^b]*b?",
        r"\w+",
        r"[^\W0-9]\w*\.?",
        "(?s:.+)",
        "[é-ࠀ]+|日0",
        "[\u0080-\uffff]a?[\U00010000-\U0010ffff]",
        "(a|é|日|\U0001f600){2,3}",
        r"[^\n]",
    ],
)
def test_each_character(source):
    machine = automaton(Regex(source))
    first, last = outer_characters(machine)
    for character in CHARACTERS:
        begins = intersection(machine, automaton(Sequence((Literal(character), ANYTHING)))).n_states > 0
        ends = intersection(machine, automaton(Sequence((ANYTHING, Literal(character))))).n_states > 0
        assert holds(first, character) == begins, character
        assert holds(last, character) == ends, character


def test_bounds_are_joined_and_ascending():
    first, last = outer_characters(automaton(Regex("(?s:.)")))
    assert first == last == (0, 0xD800, 0xE000, 0x110000)  # surrogates have no UTF-8
    assert outer_characters(automaton(Regex("[a-cb-f]x|g"))) == ((97, 104), (103, 104, 120, 121))


def test_no_text_has_no_ends():
    nothing = intersection(automaton(Literal("a")), automaton(Literal("b")))
    assert outer_characters(nothing) == ((), ())


def holds(bounds: tuple[int, ...], character: str) -> bool:
    return any(low <= ord(character) < end for low, end in zip(bounds[::2], bounds[1::2], strict=True))
