"""How probable each match of a terminal is: byte automata with weights that add up to one in every state.

In each state of a terminal's minimal automaton the bytes that lead on and, where it accepts, stopping have weights
that add up to one.  The probability of a match is the product of the weights along its path, so that those of all
matches add up to one wherever the process ends at all; that of a beginning is the product so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stolcke.errors import CompileError
from stolcke.lexer import Automaton

__all__ = ["STOP", "CodePoints", "Distribution", "Fitted", "Table", "Uniform", "choices"]

STOP = 256
"""The column of stopping, behind those of the bytes."""


class Distribution:
    """Base of all distributions: values that can be compared and hashed, the keys of what is remembered.

    One of your own derives from this and says in ``_rows`` how the choices of each state are weighted; a
    :class:`Table` of a function is less work.
    """

    def weights(self, automaton: Automaton) -> np.ndarray:
        """Weigh what may follow in each state of a terminal.

        Parameters
        ----------
        automaton : Automaton
            Its states are numbered as ``print(automaton)`` shows them.

        Returns
        -------
        float64[n_states, 257]
            Probability of each byte, and in column 256 of stopping; each row adds up to one.

        Raises
        ------
        CompileError
            Where this distribution does not suit the terminal.
        """
        possible = choices(automaton)
        rows = np.array(self._rows(automaton, possible), np.float64)
        if rows.shape != possible.shape:
            raise CompileError(
                f"the table has the shape {rows.shape}, and the terminal's automaton has {len(possible)} states: "
                f"it takes an array of {possible.shape}"
            )
        _check(rows, possible)
        rows /= rows.max(axis=1, keepdims=True)  # so that no sum overflows
        return rows / rows.sum(axis=1, keepdims=True)

    def _rows(self, automaton: Automaton, possible: np.ndarray) -> np.ndarray:
        """Weights up to a factor for each row: float[n_states, 257], zero where ``possible`` is false."""
        raise NotImplementedError


def choices(automaton: Automaton) -> np.ndarray:
    """Find the bytes that lead on from each state, and in column 256 whether it accepts: bool[n_states, 257]."""
    return np.column_stack([automaton.steps() >= 0, automaton.accepting.astype(bool)])


def _check(rows: np.ndarray, possible: np.ndarray) -> None:
    """Refuse weights that are no weights, that lead nowhere, or that are all zero."""
    for wrong, why in (
        (~np.isfinite(rows), "is not finite"),
        (rows < 0, "is negative"),
        ((rows != 0) & ~possible, "is not zero, though no match goes on with it"),
    ):
        if wrong.any():
            state, choice = np.argwhere(wrong)[0].tolist()
            raise CompileError(f"in state {state}, the weight of {_called(choice)} {why}: {rows[state, choice]}")
    empty = ~(rows > 0).any(axis=1)
    if empty.any():
        state = int(np.flatnonzero(empty)[0])
        may = ", ".join(map(_called, np.flatnonzero(possible[state])[:8].tolist()))
        raise CompileError(f"in state {state}, all weights are zero; one of {may} needs a positive one")


def _called(choice: int) -> str:
    return "stopping" if choice == STOP else f"byte {bytes([choice])!r}"


@dataclass(frozen=True)
class Uniform(Distribution):
    """In each state, every byte that leads on, and stopping where it is possible, is equally probable."""

    def _rows(self, automaton: Automaton, possible: np.ndarray) -> np.ndarray:
        return possible.astype(np.float64)


@dataclass(frozen=True)
class CodePoints(Distribution):
    """At each place, every character that may follow, and stopping where it is possible, is equally probable.

    The weight of a byte is in proportion to the number of characters that it can lead to.  Terminals that match
    anything but UTF-8 are refused.
    """

    def _rows(self, automaton: Automaton, possible: np.ndarray) -> np.ndarray:
        steps, remaining = automaton.steps(), remaining_bytes(automaton)
        # How many characters can end in a state: within one, those that begin with the bytes so far.
        ways = (remaining == 0).astype(np.float64)
        for left in (1, 2, 3):
            within = np.flatnonzero(remaining == left)
            ways[within] = np.where(possible[within, :STOP], ways[steps[within]], 0).sum(axis=1)
        rows = possible.astype(np.float64)
        rows[:, :STOP] *= ways[steps]
        return rows


# The bytes of a character that come after its first one: how many, and the range of the next one.
_BETWEEN = (0, 0x80, 0xBF)
_SECOND = {0xE0: (2, 0xA0, 0xBF), 0xED: (2, 0x80, 0x9F), 0xF0: (3, 0x90, 0xBF), 0xF4: (3, 0x80, 0x8F)}
_Place = tuple[int, int, int]


def _after(place: _Place, byte: int) -> _Place | None:
    """The place within a character that a byte leads to; None where it is not UTF-8."""
    left, low, high = place
    if left:
        return (left - 1, 0x80, 0xBF) if low <= byte <= high else None
    if byte < 0x80:
        return _BETWEEN
    if not 0xC2 <= byte <= 0xF4:
        return None
    return _SECOND.get(byte, (1 if byte < 0xE0 else 2 if byte < 0xF0 else 3, 0x80, 0xBF))


_AFTER: dict[_Place, list[_Place | None]] = {}
_PENDING = [_BETWEEN]
while _PENDING:
    _place = _PENDING.pop()
    if _place not in _AFTER:
        _AFTER[_place] = [_after(_place, _byte) for _byte in range(256)]
        _PENDING += [_next for _next in _AFTER[_place] if _next is not None]


def remaining_bytes(automaton: Automaton) -> np.ndarray:
    """Find how many bytes the character begun in each state still has: 0 between characters; int8[n_states].

    All texts that lead to a state agree about it, as what follows is the same for all of them.

    Raises
    ------
    CompileError
        Where the automaton accepts something that is not UTF-8.
    """
    offsets, target = automaton.offsets.tolist(), automaton.target.tolist()
    ranges = list(zip(automaton.low.tolist(), automaton.high.tolist(), strict=True))
    remaining = np.zeros(automaton.n_states, np.int8)
    seen = {(0, _BETWEEN)} if automaton.n_states else set()
    pending = list(seen)
    while pending:
        state, place = pending.pop()
        remaining[state] = place[0]
        if place[0] and automaton.accepting[state]:
            raise CompileError("its matches are not all UTF-8: one of them ends within a character")
        for edge in range(offsets[state], offsets[state + 1]):
            low, high = ranges[edge]
            for after in dict.fromkeys(_AFTER[place][low : high + 1]):
                if after is None:
                    byte = next(b for b in range(low, high + 1) if _AFTER[place][b] is None)
                    raise CompileError(f"its matches are not all UTF-8: {_called(byte)} may stand where it must not")
                if (target[edge], after) not in seen:
                    seen.add((target[edge], after))
                    pending.append((target[edge], after))
    return remaining


@dataclass(frozen=True)
class Fitted(Distribution):
    """Learned from examples: how often each choice was made in each state, plus a constant for those that could be.

    A state that no example comes to is uniform.

    Parameters
    ----------
    examples : iterable of str or bytes
        Matches of the terminal, with repetitions; text is taken as UTF-8.
    smoothing : float
        What is added to the count of each byte that leads on, and of stopping where that is possible.  With 0 the
        examples are as probable as they can be, and what does not occur in them has probability 0.
    """

    examples: tuple[bytes, ...]
    smoothing: float

    def __init__(self, examples: Iterable[str | bytes], smoothing: float = 0.5) -> None:
        if isinstance(examples, (str, bytes)):
            raise CompileError("Fitted takes several examples, not one text")
        if not 0 <= smoothing < np.inf:
            raise CompileError(f"smoothing must be a number from 0 on, not {smoothing!r}")
        encoded = tuple(text.encode() if isinstance(text, str) else bytes(text) for text in examples)
        if not encoded:
            raise CompileError("Fitted needs at least one example")
        object.__setattr__(self, "examples", encoded)
        object.__setattr__(self, "smoothing", float(smoothing))

    def _rows(self, automaton: Automaton, possible: np.ndarray) -> np.ndarray:
        steps, accepting = automaton.steps().tolist(), automaton.accepting.tolist()
        counts = np.zeros(possible.shape)
        for number, example in enumerate(self.examples):
            path, state = [], 0
            for place, byte in enumerate(example):
                path.append((state, byte))
                state = steps[state][byte]
                if state < 0:
                    raise CompileError(f"example {number}, {example!r}, is no match: it stops at byte {place}")
            if not accepting[state]:
                raise CompileError(f"example {number}, {example!r}, is no match: it ends too early")
            path.append((state, STOP))
            np.add.at(counts, tuple(np.array(path).T), 1)
        rows = np.where(possible, counts + self.smoothing, 0)
        unseen = ~counts.any(axis=1)
        rows[unseen] = possible[unseen]
        return rows


@dataclass(frozen=True, eq=False)
class Table(Distribution):
    """Weights of your own, which need not add up to one.

    Parameters
    ----------
    source : array or callable
        Either float[n_states, 257], for the one automaton whose states these are; or a function that is called for
        each state with the bytes that lead on, uint8[n] ascending, and whether the state accepts, and that returns
        float[257].  Weights are not negative, zero for bytes that do not lead on and for stopping where the state
        does not accept, and one of each state is positive.
    """

    source: np.ndarray | Callable[[np.ndarray, bool], Any]

    def __post_init__(self) -> None:
        if not callable(self.source):
            rows = np.array(self.source, np.float64)
            rows.flags.writeable = False
            object.__setattr__(self, "source", rows)

    def _rows(self, automaton: Automaton, possible: np.ndarray) -> np.ndarray:
        if not callable(self.source):
            return self.source
        rows = [
            np.asarray(self.source(np.flatnonzero(row[:STOP]).astype(np.uint8), bool(row[STOP])), np.float64)
            for row in possible
        ]
        for state, row in enumerate(rows):
            if row.shape != (STOP + 1,):
                raise CompileError(f"the function returned the shape {row.shape} for state {state}; it takes (257,)")
        return np.array(rows).reshape(possible.shape)

    def _value(self) -> tuple:
        return (self.source,) if callable(self.source) else (self.source.shape, self.source.tobytes())

    def __eq__(self, other: object) -> bool:
        return self._value() == other._value() if isinstance(other, Table) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value())
