"""Terminals as the parser runs them: byte automata whose every move has a probability, made row by row when needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import log

import numpy as np

from stolcke.lexer import Automaton, CountedAutomaton

__all__ = ["CountedMachine", "Machine", "NoMachine", "PlainMachine", "Row"]

Row = tuple[dict[int, tuple[int, float]], float | None]
"""Of one state: byte -> (next state, log-probability), and the log-probability of stopping, None where that is 0."""

_STOP = 256


class Machine(ABC):
    """A terminal's automaton with a probability for every byte and for stopping; it starts in state 0.

    Attributes
    ----------
    rows : list of Row or None
        Of each state met so far; None where :meth:`row` has yet to make it.
    """

    rows: list[Row | None]

    def row(self, state: int) -> Row:
        """The moves of a state."""
        found = self.rows[state]
        if found is None:
            found = self.rows[state] = self._make(state)
        return found

    @abstractmethod
    def _make(self, state: int) -> Row:
        """Make the moves of a state."""

    @property
    def first_bytes(self) -> int:
        """The bytes that begin a match, as bits."""
        return sum(1 << byte for byte in self.row(0)[0])


class PlainMachine(Machine):
    """An automaton that is written down.

    Parameters
    ----------
    automaton : Automaton
    weights : float64[n_states, 257], optional
        Probability of each byte, and of stopping; all that are possible in a state alike, if not given.
    """

    def __init__(self, automaton: Automaton, weights: np.ndarray | None = None) -> None:
        self._automaton = automaton
        self._weights = weights
        self.rows = [None] * automaton.n_states

    def _make(self, state: int) -> Row:
        edges = _edges(self._automaton, state)
        if self._weights is None:
            return _uniform(edges, bool(self._automaton.accepting[state]))
        weights = self._weights[state].tolist()
        moves = {byte: (target, log(weights[byte])) for byte, target in edges.items() if weights[byte] > 0}
        return moves, log(weights[_STOP]) if weights[_STOP] > 0 else None


class NoMachine(Machine):
    """A terminal that special tokens stand for: no bytes match it."""

    def __init__(self) -> None:
        self.rows = [({}, None)]

    def _make(self, state: int) -> Row:
        raise IndexError(state)


class CountedMachine(Machine):
    """The automaton of ``before unit{least,most} after``, uniform: each byte that leads on and stopping alike.

    A state is (part, state of that part, units read), where part 3 stands between units.

    Parameters
    ----------
    automaton : CountedAutomaton
    """

    def __init__(self, automaton: CountedAutomaton) -> None:
        self._parts = (automaton.before, automaton.unit, automaton.after)
        self._least = automaton.least
        self._most = automaton.most
        self.rows = []
        self._keys: list[tuple[int, int, int]] = []
        self._number: dict[tuple[int, int, int], int] = {}
        self._state(0, 0, 0)

    def _state(self, part: int, state: int, count: int) -> int:
        """The number of a state, new ones in the order in which they are met."""
        if part < 2 and self._parts[part].accepting[state]:
            part, state, count = 3, 0, count + part
        if self._most is None:
            count = min(count, self._least)
        key = part, state, 0 if part == 2 else count
        number = self._number.setdefault(key, len(self._keys))
        if number == len(self._keys):
            self._keys.append(key)
            self.rows.append(None)
        return number

    def _make(self, state: int) -> Row:
        part, inner, count = self._keys[state]
        ways: dict[int, tuple[int, int, int]] = {}
        if part == 3:
            if self._most is None or count < self._most:
                ways = {byte: (1, target, count) for byte, target in _edges(self._parts[1], 0).items()}
            accepting = count >= self._least and self._parts[2].matches_empty
            if count >= self._least:
                ways |= {byte: (2, target, 0) for byte, target in _edges(self._parts[2], 0).items()}
        else:
            ways = {byte: (part, target, count) for byte, target in _edges(self._parts[part], inner).items()}
            accepting = part == 2 and bool(self._parts[2].accepting[inner])
        return _uniform({byte: self._state(*key) for byte, key in ways.items()}, accepting)


def _uniform(edges: dict[int, int], accepting: bool) -> Row:
    each = -log(len(edges) + accepting)
    return {byte: (target, each) for byte, target in edges.items()}, each if accepting else None


def _edges(automaton: Automaton, state: int) -> dict[int, int]:
    """The state that each byte leads to."""
    return {
        byte: int(automaton.target[edge])
        for edge in range(int(automaton.offsets[state]), int(automaton.offsets[state + 1]))
        for byte in range(int(automaton.low[edge]), int(automaton.high[edge]) + 1)
    }
