"""A guard in numbers: which terminals it watches, their variants, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import count

import numpy as np

from stolcke._core.minimize import minimize
from stolcke.compiler.arrays import GrammarArrays, TerminalMachine
from stolcke.errors import CompileError, LimitExceeded
from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Special
from stolcke.guard import Guard, Kinds, Reading
from stolcke.lexer import Automaton
from stolcke.options import Limits

__all__ = ["Clerk", "GuardTables", "guarded", "kept_apart"]

NONE = np.uint32(0xFFFFFFFF)

_NO_BYTES: frozenset[int] = frozenset()
_IGNORED = " (ignored)"
_FIRST = 5
"""Number of the first state after the start: those between are the engine's own."""


def guarded(grammar: Grammar, guard: Guard) -> Grammar:
    """Give the grammar with what a guard may ignore among what is ignored, as terminals of their own.

    Raises
    ------
    CompileError
    """
    if not isinstance(guard, Guard):
        raise CompileError(f"guard= takes a stolcke.Guard, not {type(guard).__name__}")
    for field in ("watches", "longest", "ignores", "inserts"):
        if isinstance(getattr(guard, field), str):
            raise CompileError(
                f"{field} of a guard must be a tuple of names of terminals, not {getattr(guard, field)!r}"
            )
    for name in guard.ignores:
        if name not in guard.watches:
            raise CompileError(f"the guard ignores {name!r}, which is not among what it watches")
    for name in guard.watches:
        if name not in grammar.terminals:
            raise CompileError(f"the guard watches {name!r}, which is no terminal of the grammar")
        if isinstance(grammar.terminals[name].pattern, Special):
            raise CompileError(f"the guard watches {name!r}, which is %declared and has no text")
    for name in guard.inserts:
        if name not in grammar.terminals or not isinstance(grammar.terminals[name].pattern, Special):
            raise CompileError(f"the guard inserts {name!r}; add `%declare {name}` to the grammar")
    try:
        hash(guard)
        hash(guard.start)
    except TypeError as error:
        raise CompileError(f"a guard and its states must be hashable: {error}") from error
    extra = {}
    for definition in grammar.terminals.values():
        written = definition.variant_of or definition.name
        if written in guard.ignores:
            name = definition.name + _IGNORED
            title = None if definition.name == written else written + _IGNORED
            extra[name] = replace(definition, name=name, variant_of=title)
    if not extra:
        return grammar
    return replace(grammar, terminals={**grammar.terminals, **extra}, ignore=(*grammar.ignore, *extra))


def kept_apart(guard: Guard) -> tuple[str, ...]:
    """Terminals that are what they are to the guard, even where others match the same."""
    return (*guard.watches, *(name + _IGNORED for name in guard.ignores))


class GuardTables:
    """What :meth:`stolcke._core.guarded_engine.GuardedEngine.guard_with` takes.

    Parameters
    ----------
    guard : Guard
    arrays : GrammarArrays
        Of a grammar that was lowered with the guard's terminals kept apart.
    start_state : callable
        Gives the canonical state that a machine begins with.
    limits : Limits

    Attributes
    ----------
    clerk : Clerk
    terminals, bars, starts, watched, inserting : np.ndarray
        See there.
    """

    def __init__(
        self, guard: Guard, arrays: GrammarArrays, start_state: Callable[[TerminalMachine], int], limits: Limits
    ) -> None:
        inserted = {name: arrays.terminals.index(name) for name in guard.inserts if name in arrays.specials}
        variants: list[tuple[str, Hashable | None]] = [(name, None) for name in arrays.terminals]
        machines: list[TerminalMachine | None] = [*arrays.machines, *[None] * len(arrays.specials)]
        terminals = list(range(len(machines)))
        barred = [_NO_BYTES] * len(machines)
        watched = []
        for terminal, name in enumerate(arrays.terminals[: len(arrays.machines)]):
            written = name.removesuffix(_IGNORED)
            is_ignored = name != written and written in guard.ignores
            if not is_ignored and name not in guard.watches:
                continue
            watched.append(terminal)
            kinds, longest = None if is_ignored else guard.kinds(name), written in guard.longest
            if kinds is None and not longest:
                continue
            machine, machines[terminal] = machines[terminal], None  # nothing of it is read as a whole
            if not isinstance(machine, Automaton):
                raise CompileError(f"the guard tells texts of {name} apart, which is a counted repeat; write it out")
            try:
                parts = _told_apart(machine, kinds, longest, limits.regex_states, name)
            except (TypeError, AttributeError) as error:
                raise CompileError(
                    f"kinds({name!r}) of {guard!r}: {error}; a Kinds, its states and kinds are hashable"
                ) from error
            for (kind, bar), part in parts.items():
                variants.append((name, kind))
                barred.append(bar)
                machines.append(part)
                terminals.append(terminal)
        for terminal, kind, machine in self._further(guard, arrays):
            variants.append((arrays.terminals[terminal], kind))
            barred.append(_NO_BYTES)
            machines.append(machine)
            terminals.append(terminal)
        bars = list(dict.fromkeys(barred))
        self.clerk = self._clerk(guard, variants, inserted)
        self.terminals = np.array(terminals, np.uint32)
        self.bars = np.array([bars.index(bar) for bar in barred], np.uint32)
        self.watched = np.array(watched, np.uint32)
        self.inserting = np.array([t for t in watched if arrays.terminals[t] in guard.watches], np.uint32)
        self.starts = np.array(
            [
                [_start(machine, bar, name, start_state) for machine, (name, _) in zip(machines, variants, strict=True)]
                for bar in bars
            ],
            np.uint32,
        )

    def _further(self, guard: Guard, arrays: GrammarArrays) -> Iterable[tuple[int, Hashable, TerminalMachine]]:
        """Variants beyond those of terminals and kinds, which come last: terminal, kind and machine of each."""
        return ()

    def _clerk(self, guard: Guard, variants: list[tuple[str, Hashable | None]], inserted: Mapping[str, int]) -> Clerk:
        return Clerk(guard, variants, inserted)


class Clerk:
    """Puts the engine's questions, which are numbers, to the guard, and its answers into numbers."""

    def __init__(self, guard: Guard, variants: list[tuple[str, Hashable | None]], inserted: Mapping[str, int]) -> None:
        self._guard = guard
        self._variants = variants
        self._inserted = inserted
        # Two threads may ask at once: a number that one of them loses is never used.
        self._next = count(_FIRST)
        self._number: dict[Hashable, int] = {guard.start: 0}
        self.states: dict[int, Hashable] = {0: guard.start}

    def read(self, state: int, variant: int) -> tuple[int, tuple[int, ...]] | None:
        """What the guard makes of a variant: its next state, and what it inserts."""
        name, kind = self._variants[variant]
        is_ignored = name.endswith(_IGNORED)
        answer = self._guard.read(self.states[state], name.removesuffix(_IGNORED), kind)
        if answer is None:
            return None
        if not isinstance(answer, Reading):
            raise CompileError(f"read() of {self._guard!r} must give a Reading or None, not {answer!r}")
        if bool(answer.ignored) != is_ignored:
            return None
        return self._numbered(answer.state), self._terminals(answer.insert)

    def end(self, state: int) -> tuple[int, ...] | None:
        """What the guard inserts at the end of the text; None where it must not end."""
        names = self._guard.end(self.states[state])
        if names is not None and not isinstance(names, tuple):
            raise CompileError(f"end() of {self._guard!r} must give a tuple of names or None, not {names!r}")
        return None if names is None else self._terminals(names)

    def _new_number(self, state: Hashable) -> int:
        """A number for a state, unless it has one by now."""
        return next(self._next)

    def _numbered(self, state: Hashable) -> int:
        try:
            number = self._number.setdefault(state, self._new_number(state))
        except TypeError as error:
            raise CompileError(f"a state of {self._guard!r} must be hashable: {error}") from error
        self.states[number] = state
        return number

    def _terminals(self, names: tuple[str, ...]) -> tuple[int, ...]:
        unknown = [name for name in names if name not in self._guard.inserts]
        if unknown:
            raise CompileError(f"{self._guard!r} inserts {unknown[0]!r}, which its `inserts` does not name")
        # One that no text of the grammar has room for leads nowhere.
        return tuple(self._inserted.get(name, int(NONE)) for name in names)


@lru_cache(maxsize=64)
def _told_apart(
    machine: Automaton, kinds: Kinds | None, longest: bool, most: int, name: str
) -> dict[tuple[Hashable, frozenset[int]], Automaton]:
    """The automaton of the texts of each kind, and by the bytes that may not follow, if they must be the longest."""
    if kinds is None:
        return _by_ending(machine, longest)
    pairs: dict[tuple[int, Hashable], int] = {(0, kinds.start): 0}
    order = [*pairs]
    ways = list(zip(machine.low.tolist(), machine.high.tolist(), machine.target.tolist(), strict=True))
    begins, accepts = machine.offsets.tolist(), machine.accepting.tolist()
    offsets, low, high, target = [0], [], [], []
    accepting: dict[tuple[Hashable, frozenset[int]], list[int]] = {}
    for number, (state, mark) in enumerate(order):  # which grows
        if number >= most:
            raise LimitExceeded("regex_states", f"more than {most}", most, f"kinds of terminal {name}")
        kind = kinds.kind(mark) if accepts[state] else None
        if kind is not None:
            key = kind, _first_bytes(machine, state) if longest else _NO_BYTES
            accepting.setdefault(key, []).append(number)
        for first, last, goal in ways[begins[state] : begins[state + 1]]:
            previous = None
            for byte in range(first, last + 1):
                after = kinds.step(mark, byte)
                if after is None:
                    previous = None
                    continue
                pair = goal, after
                to = pairs.setdefault(pair, len(order))
                if to == len(order):
                    order.append(pair)
                if to == previous:
                    high[-1] = byte
                else:
                    low.append(byte)
                    high.append(byte)
                    target.append(to)
                previous = to
        offsets.append(len(low))
    arrays = (
        np.array(offsets, np.int32),
        np.array(low, np.uint8),
        np.array(high, np.uint8),
        np.array(target, np.int32),
    )
    return {key: _ending_in(arrays, len(pairs), states) for key, states in accepting.items()}


def _by_ending(machine: Automaton, longest: bool) -> dict[tuple[None, frozenset[int]], Automaton]:
    """The same where all texts are of one kind, None."""
    accepting: dict[tuple[None, frozenset[int]], list[int]] = {}
    for state in np.flatnonzero(machine.accepting).tolist():
        accepting.setdefault((None, _first_bytes(machine, state) if longest else _NO_BYTES), []).append(state)
    if len(accepting) == 1:
        return dict.fromkeys(accepting, machine)
    arrays = machine.offsets, machine.low, machine.high, machine.target
    return {key: _ending_in(arrays, machine.n_states, states) for key, states in accepting.items()}


def _ending_in(arrays: tuple[np.ndarray, ...], n_states: int, states: list[int]) -> Automaton:
    """The automaton of the texts that end in some states; of offsets, bounds and targets of its edges."""
    ends = np.zeros(n_states, np.uint8)
    ends[states] = 1
    return Automaton(*minimize(*arrays, ends))


def _first_bytes(machine: Automaton, state: int) -> frozenset[int]:
    """The bytes with which a state goes on."""
    edges = range(int(machine.offsets[state]), int(machine.offsets[state + 1]))
    return frozenset(byte for k in edges for byte in range(int(machine.low[k]), int(machine.high[k]) + 1))


def _start(
    machine: TerminalMachine | None, bar: frozenset[int], name: str, start_state: Callable[[TerminalMachine], int]
) -> int:
    """The canonical state that a variant begins with where some bytes must not come first; NONE where none is left."""
    if machine is None:
        return int(NONE)
    parts = machine if isinstance(machine, Automaton) else machine.unbounded
    edges = int(parts.offsets[1])
    first = _first_bytes(parts, 0)
    if not first & bar:
        return start_state(machine)
    if first <= bar:
        return int(NONE)
    if not isinstance(machine, Automaton):
        raise CompileError(f"{name} is a counted repeat, of which some may not come after a terminal; write it out")
    low, high, target = [], [], []
    for k in range(edges):
        for byte in range(int(parts.low[k]), int(parts.high[k]) + 1):
            if byte not in bar:
                low.append(byte)
                high.append(byte)
                target.append(int(parts.target[k]) + 1)
    offsets = np.concatenate([[0], parts.offsets + len(low)]).astype(np.int32)
    left = Automaton(
        *minimize(
            offsets,
            np.concatenate([np.array(low, np.uint8), parts.low]),
            np.concatenate([np.array(high, np.uint8), parts.high]),
            np.concatenate([np.array(target, np.int32), parts.target + np.int32(1)]),
            np.concatenate([np.zeros(1, np.uint8), parts.accepting]),
        )
    )
    return start_state(left) if left.n_states else int(NONE)
