"""Terminals with a counted repeat, whose automata are too large to write down."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from stolcke.errors import LimitExceeded
from stolcke.grammar.patterns import Counted, Machine, Pattern, Repeat, Sequence
from stolcke.lexer.automaton import Automaton, automaton
from stolcke.lexer.context import holds_assertions
from stolcke.options import Limits

__all__ = ["CountedAutomaton", "terminal_automaton", "unbounded"]

# A longer text does not exist: no bound from here on is one.
ENDLESS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CountedAutomaton:
    """The automaton of ``before unit{least,most} after``, in parts.

    The core makes its states when a text leads to them (:mod:`stolcke._core.counted`).

    Attributes
    ----------
    before, unit, after : Automaton
    least : int
    most : int or None
    unbounded : Automaton
        That of ``before unit* after``.
    """

    before: Automaton
    unit: Automaton
    after: Automaton
    least: int
    most: int | None
    unbounded: Automaton = field(compare=False)

    @property
    def n_states(self) -> int:
        """Number of states that are written down."""
        return self.unbounded.n_states

    @property
    def n_bytes(self) -> int:
        """About the memory that is taken."""
        return self.unbounded.n_bytes

    @property
    def is_empty(self) -> bool:
        """Whether no text is accepted; else it would not be in parts."""
        return False

    @property
    def matches_empty(self) -> bool:
        """Whether the empty text is accepted."""
        return self.least == 0 and self.unbounded.matches_empty


def terminal_automaton(pattern: Pattern, limits: Limits = Limits()) -> Automaton | CountedAutomaton:
    """Give the automaton of a terminal; in parts, if that is possible, where its pattern is a :class:`Counted`.

    Parameters
    ----------
    pattern : Pattern
    limits : Limits

    Raises
    ------
    RegexError, GrammarError, LimitExceeded
        As :func:`stolcke.lexer.automaton` does; bounds are no matter of ``limits.repeat`` here, unless the pattern
        has to be written out.
    """
    if not isinstance(pattern, Counted) or pattern.most == 0 or (pattern.most or ENDLESS) < pattern.least:
        return automaton(pattern, limits)
    if holds_assertions(pattern, limits):  # its parts look at each other
        return automaton(pattern, limits)
    found = _parts(pattern.before, pattern.unit, pattern.after, limits)
    if found is None:
        return automaton(pattern, limits)
    if pattern.least >= ENDLESS:
        raise LimitExceeded("repeat", pattern.least, ENDLESS, "repeat in a terminal")
    most = None if pattern.most is None or pattern.most >= ENDLESS else pattern.most
    return CountedAutomaton(*found[:3], pattern.least, most, found[3])


@lru_cache(maxsize=1024)
def _parts(before: Pattern, unit: Pattern, after: Pattern, limits: Limits) -> tuple[Automaton, ...] | None:
    """The automata of the parts and the unbounded one, or None where the parts do not fit."""
    parts = tuple(automaton(part, limits) for part in (before, unit, after))
    whole = unbounded(*parts, limits)
    return None if whole is None else (*parts, whole)


def unbounded(before: Automaton, unit: Automaton, after: Automaton, limits: Limits = Limits()) -> Automaton | None:
    """Give the automaton of ``before unit* after``; None where these parts make no :class:`CountedAutomaton`."""
    if not (before.n_states and unit.n_states and after.n_states) or unit.matches_empty:
        return None
    if not (_is_prefix_code(before) and _is_prefix_code(unit)) or (_first_bytes(unit) & _first_bytes(after)).any():
        return None
    machines = [Machine("a part of a counted repeat", part) for part in (before, unit, after)]
    return automaton(Sequence((machines[0], Repeat(machines[1], 0, None), machines[2])), limits)


def _is_prefix_code(machine: Automaton) -> bool:
    """Whether no text of the language is a prefix of another: what accepts goes no further."""
    return not (np.diff(machine.offsets) * machine.accepting).any()


def _first_bytes(machine: Automaton) -> np.ndarray:
    """Which bytes begin a text of the language: bool[256]."""
    first = np.zeros(256, bool)
    for edge in range(int(machine.offsets[1])):
        first[machine.low[edge] : int(machine.high[edge]) + 1] = True
    return first
