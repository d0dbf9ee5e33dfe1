"""Counted repeats in parts, and written out."""

from __future__ import annotations

import pytest

from stolcke.errors import LimitExceeded
from stolcke.grammar.patterns import Counted, Literal, Machine, Regex
from stolcke.grammar.printing import pattern_text
from stolcke.lexer import Automaton, CountedAutomaton, automaton, terminal_automaton
from stolcke.options import Limits

QUOTE = Literal('"')


def test_written_out_it_is_the_sequence() -> None:
    counted = Counted(QUOTE, Regex('[^"]'), 2, 5, QUOTE)
    assert automaton(counted) == automaton(Regex('"[^"]{2,5}"'))
    assert pattern_text(counted) == '("\\"" (/[^"]/)~2..5 "\\"")'


def test_parts_that_fit_are_not_written_out() -> None:
    machine = terminal_automaton(Counted(QUOTE, Machine("a letter", automaton(Regex("[a-z]"))), 0, 10**9, QUOTE))
    assert isinstance(machine, CountedAutomaton)
    assert machine.unbounded == automaton(Regex('"[a-z]*"'))
    assert machine.n_states < 5
    assert not machine.matches_empty
    assert (machine.least, machine.most) == (0, 10**9)
    assert terminal_automaton(Counted(Literal(""), Regex("a"), 0, 9, Literal(""))).matches_empty
    assert not terminal_automaton(Counted(Literal(""), Regex("a"), 1, 9, Literal(""))).matches_empty


@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [
        (QUOTE, Regex("a|ab"), QUOTE),
        (QUOTE, Regex("a?"), QUOTE),
        (QUOTE, Regex("[a-z]"), Regex("x|!")),
        (Regex("<a?"), Regex("[a-z]"), QUOTE),
        (QUOTE, Regex(r"[^\s\S]"), QUOTE),
    ],
)
def test_parts_that_do_not_fit_are_written_out(before, unit, after) -> None:
    counted = Counted(before, unit, 1, 3, after)
    found = terminal_automaton(counted)
    assert isinstance(found, Automaton)
    assert found == automaton(counted.expanded())


def test_bounds() -> None:
    for least, most in [(0, 0), (3, 2)]:
        assert isinstance(terminal_automaton(Counted(QUOTE, Regex("a"), least, most, QUOTE)), Automaton)
    # No text is as long as that: the bound is none.
    assert terminal_automaton(Counted(QUOTE, Regex("a"), 0, 2**40, QUOTE)).most is None
    with pytest.raises(LimitExceeded, match="repeat"):
        terminal_automaton(Counted(QUOTE, Regex("a"), 2**40, None, QUOTE))
    with pytest.raises(LimitExceeded, match="repeat"):
        automaton(Counted(QUOTE, Regex("a"), 0, 65_535, QUOTE), Limits())
