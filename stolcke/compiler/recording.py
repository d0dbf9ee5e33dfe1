"""A guard that reads texts, in numbers: what :mod:`stolcke._core.recording_engine` takes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from stolcke._core.minimize import minimize
from stolcke._core.recording_engine import RecordingEngine
from stolcke.compiler.arrays import GrammarArrays, TerminalMachine
from stolcke.compiler.guarding import Clerk, GuardTables
from stolcke.errors import CompileError
from stolcke.guard import Guard, Reading, TextGuard
from stolcke.lexer import Automaton
from stolcke.options import Limits

__all__ = ["recording_engine"]

_RECORDS = 1 << 30
"""In the number of a state that records; as the engine has it."""


def recording_engine(
    guard: TextGuard,
    arrays: GrammarArrays,
    given: Iterable[Any],
    start_state: Callable[[TerminalMachine], int],
    limits: Limits,
) -> RecordingEngine:
    """The engine of a grammar under such a guard; ``given`` is what every engine takes.

    Raises
    ------
    CompileError
        Where the guard is at odds with itself or the grammar.
    """
    for field in ("longest", "ignores", "inserts"):
        if getattr(guard, field):
            raise CompileError(f"{field} of a TextGuard must be empty, not {getattr(guard, field)!r}")
    for name in guard.refuses:
        if name not in guard.watches:
            raise CompileError(f"the guard may refuse {name!r}, which is not among what it watches")
    if guard.records(guard.start):
        raise CompileError(f"{guard!r} records from the start; watch a terminal with which the text begins")
    tables = _RecordingTables(guard, arrays, start_state, limits)
    engine = RecordingEngine(*given)
    engine.record_with(np.array(tables.refusing, np.uint32), np.array(tables.shadows, np.uint32))
    engine.guard_with(tables.clerk, tables.terminals, tables.bars, tables.starts, tables.watched, tables.inserting)
    return engine


class _RecordingTables(GuardTables):
    """As :class:`GuardTables`, with shadows of terminals that may be refused."""

    refusing: list[int]
    shadows: list[int]

    def _further(self, guard: Guard, arrays: GrammarArrays) -> Iterable[tuple[int, Hashable, TerminalMachine]]:
        assert isinstance(guard, TextGuard)
        self.refusing, self.shadows = [], []
        for terminal, name in enumerate(arrays.terminals[: len(arrays.machines)]):
            if name not in guard.refuses:
                continue
            machine = arrays.machines[terminal]
            if not isinstance(machine, Automaton) or guard.kinds(name) is not None:
                raise CompileError(f"the guard may refuse {name}, which is a counted repeat or of several kinds")
            self.refusing.append(terminal)
            yield terminal, _SHADOW, _shadow(machine)

    def _clerk(self, guard: Guard, variants: list[tuple[str, Hashable | None]], inserted: Mapping[str, int]) -> Clerk:
        assert isinstance(guard, TextGuard)
        self.shadows = [number for number, (_, kind) in enumerate(variants) if kind is _SHADOW]
        return RecordingClerk(guard, variants, inserted)


class RecordingClerk(Clerk):
    """As :class:`Clerk`; states come together with the text that was written since."""

    _guard: TextGuard

    def _new_number(self, state: Hashable) -> int:
        number = super()._new_number(state)
        return number | _RECORDS if self._guard.records(state) else number

    def read_text(self, state: int, text: bytes, variant: int) -> tuple[int, tuple[int, ...]] | None:
        """What the guard makes of a variant with which a text ends: its next state."""
        answer = self._answer(state, text, variant)
        return None if answer is None else (self._numbered(answer.state), ())

    def allows(self, state: int, text: bytes, variant: int) -> bool:
        """Whether the guard allows a variant with which a text ends."""
        return self._answer(state, text, variant) is not None

    def is_safe(self, state: int, text: bytes) -> bool:
        """Whether the guard will allow the next terminal that it may refuse, however the text goes on."""
        return bool(self._guard.is_safe(self._extended(state, text)))

    def _extended(self, state: int, text: bytes) -> Hashable:
        return self._guard.extended(self.states[state], text) if text else self.states[state]

    def _answer(self, state: int, text: bytes, variant: int) -> Reading | None:
        name, kind = self._variants[variant]
        answer = self._guard.read(self._extended(state, text), name, kind)
        if answer is None and name not in self._guard.refuses:
            raise CompileError(f"{self._guard!r} refuses {name!r}, which its `refuses` does not name")
        if not (answer is None or isinstance(answer, Reading)):
            raise CompileError(f"read() of {self._guard!r} must give a Reading or None, not {answer!r}")
        return answer


_SHADOW = object()


def _shadow(machine: Automaton) -> Automaton:
    """What reads all that a text of the machine may begin with and be longer, and never ends.

    It is no automaton of a language; the vocabulary's tokens are told apart by where they stay alive.
    """
    goes_on = np.diff(machine.offsets) > 0
    kept = goes_on[machine.target]
    states = np.repeat(np.arange(machine.n_states), np.diff(machine.offsets))[kept]
    numbers = np.cumsum(goes_on) - 1
    offsets = np.zeros(int(goes_on.sum()) + 1, np.int32)
    np.cumsum(np.bincount(numbers[states], minlength=len(offsets) - 1), out=offsets[1:])
    targets = numbers[machine.target[kept]].astype(np.int32)
    every = np.ones(len(offsets) - 1, np.uint8)
    *arrays, accepting = minimize(offsets, machine.low[kept], machine.high[kept], targets, every)
    return Automaton(*arrays, np.zeros_like(accepting))
