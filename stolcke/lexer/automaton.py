"""The automaton of a terminal: minimal, deterministic, over bytes."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from stolcke._core import dfa
from stolcke._core.byte_dfa import ByteDfa
from stolcke._core.minimize import minimize
from stolcke.errors import LimitExceeded
from stolcke.grammar.patterns import Choice, Literal, Machine, Nonempty, Pattern, Sequence, Whole
from stolcke.lexer import nfa
from stolcke.lexer.context import Context, in_context, may_assert
from stolcke.options import Limits

__all__ = ["Automaton", "automaton", "determinized"]

# Of a state with its edges, roughly.
_STATE_BYTES = 32
# Positions stored while determinising, per state that is allowed.
_WORK_PER_STATE = 200


class Automaton:
    """A minimal, trimmed, deterministic automaton over bytes; immutable, hashable, equal where the languages are.

    State 0 is the start, and states are numbered breadth first along edges in
    the order of their bytes.  Hence automata of equal language are equal,
    array by array.  The empty language has no state.

    Parameters
    ----------
    offsets : int32[n_states + 1]
        Edges of state ``s`` are ``offsets[s]`` to ``offsets[s + 1]``: sorted,
        disjoint, and as long as they can be.
    low, high : uint8[edges]
        First and last byte of each edge.
    target : int32[edges]
    accepting : uint8[n_states]

    Attributes
    ----------
    machine : ByteDfa
        How the core holds it; the arrays are made when they are asked for.
    """

    __slots__ = ("_arrays", "machine")

    machine: ByteDfa
    _arrays: tuple[np.ndarray, ...] | None

    def __init__(
        self, offsets: np.ndarray, low: np.ndarray, high: np.ndarray, target: np.ndarray, accepting: np.ndarray
    ) -> None:
        self.machine = ByteDfa.from_arrays(offsets, low, high, target, accepting)
        self._arrays = None

    @classmethod
    def of(cls, machine: ByteDfa) -> Automaton:
        """Give the automaton that the core has made."""
        self = cls.__new__(cls)
        self.machine = machine
        self._arrays = None
        return self

    def __reduce__(self) -> tuple:
        return Automaton, self.arrays()

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Give the parameters again."""
        if self._arrays is None:
            self._arrays = self.machine.arrays()
        return self._arrays

    @property
    def offsets(self) -> np.ndarray:
        return self.arrays()[0]

    @property
    def low(self) -> np.ndarray:
        return self.arrays()[1]

    @property
    def high(self) -> np.ndarray:
        return self.arrays()[2]

    @property
    def target(self) -> np.ndarray:
        return self.arrays()[3]

    @property
    def accepting(self) -> np.ndarray:
        return self.arrays()[4]

    @property
    def n_states(self) -> int:
        """Number of states."""
        return self.machine.n_states

    @property
    def n_bytes(self) -> int:
        """About the memory that it takes."""
        return _STATE_BYTES * self.n_states

    @property
    def is_empty(self) -> bool:
        """Whether no text is accepted."""
        return self.machine.n_states == 0

    @property
    def matches_empty(self) -> bool:
        """Whether the empty text is accepted."""
        return self.machine.matches_empty

    def add_to(self, vocabulary: Any) -> int:
        """Give the canonical state that it begins with; see :meth:`stolcke.Vocabulary.start_state`."""
        return vocabulary.core.add_automaton(self.machine)

    def step(self, state: int, byte: int) -> int:
        """Find the state that a byte leads to; -1 where it leads nowhere."""
        begin, end = int(self.offsets[state]), int(self.offsets[state + 1])
        edge = begin + int(np.searchsorted(self.high[begin:end], byte))
        return int(self.target[edge]) if edge < end and self.low[edge] <= byte else -1

    def steps(self) -> np.ndarray:
        """Find all that :meth:`step` says: the state each byte leads to, -1 for none, as int32[n_states, 256]."""
        widths = self.high.astype(np.int64) - self.low + 1
        first = np.repeat(np.cumsum(widths) - widths, widths)
        byte = np.arange(first.size) - first + np.repeat(self.low, widths)
        source = np.repeat(np.repeat(np.arange(self.n_states), np.diff(self.offsets)), widths)
        steps = np.full((self.n_states, 256), -1, np.int32)
        steps[source, byte] = np.repeat(self.target, widths)
        return steps

    def accepts(self, data: bytes) -> bool:
        """Whether the whole of ``data`` is in the language."""
        if self.n_states == 0:
            return False
        state = 0
        for byte in data:
            state = self.step(state, byte)
            if state < 0:
                return False
        return bool(self.accepting[state])

    @property
    def repeats(self) -> bool:
        """Whether every match goes on as another one begins; then matches in a row are one match, too."""
        ways = {
            tuple(array[begin:end].tobytes() for array in (self.low, self.high, self.target))
            for (begin, end), accepting in zip(pairwise(self.offsets.tolist()), self.accepting, strict=True)
            if begin == 0 or accepting
        }
        return len(ways) <= 1

    def without_empty(self) -> Automaton:
        """Leave out the empty text: a start of its own, that does not accept, leads where the old one does."""
        if not self.matches_empty:
            return self
        edges = int(self.offsets[1])
        offsets = np.concatenate([[0], self.offsets + edges]).astype(np.int32)
        low = np.concatenate([self.low[:edges], self.low])
        high = np.concatenate([self.high[:edges], self.high])
        target = np.concatenate([self.target[:edges], self.target]) + np.int32(1)
        accepting = np.concatenate([[0], self.accepting]).astype(np.uint8)
        return Automaton(*minimize(offsets, low, high, target, accepting))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Automaton):
            return NotImplemented
        return self is other or self.machine == other.machine

    def __hash__(self) -> int:
        return hash(self.machine)

    def __str__(self) -> str:
        r"""Show one state a line, ``*`` where it accepts: ``1* [0-9] 1, \x80 2``."""
        if self.n_states == 0:
            return "(matches nothing)"
        lines = []
        for state in range(self.n_states):
            ways: dict[int, list[str]] = {}
            for edge in range(int(self.offsets[state]), int(self.offsets[state + 1])):
                label = _byte_range(int(self.low[edge]), int(self.high[edge]))
                ways.setdefault(int(self.target[edge]), []).append(label)
            shown = ", ".join(f"{_joined(labels)} {target}" for target, labels in ways.items())
            lines.append(f"{state}{'*' if self.accepting[state] else ''} {shown}".rstrip())
        return "\n".join(lines)


def _byte(byte: int) -> str:
    if 0x20 < byte < 0x7F:
        return f"\\{chr(byte)}" if chr(byte) in "[]\\-," else chr(byte)
    return {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}.get(byte, f"\\x{byte:02x}")


def _byte_range(low: int, high: int) -> str:
    return _byte(low) if low == high else f"{_byte(low)}-{_byte(high)}"


def _joined(labels: list[str]) -> str:
    single = len(labels) == 1 and "-" not in labels[0].lstrip("\\")[1:]
    return labels[0] if single else f"[{''.join(labels)}]"


def automaton(pattern: Pattern, limits: Limits = Limits()) -> Automaton:
    """Give the automaton of a pattern, remembered by pattern.

    Parameters
    ----------
    pattern : Pattern
        Alternation and greedy repeats mean the whole regular language.  A lazy
        repeat is leftmost-first: a text does not match where, at some point of
        the loop, leaving it would have matched a shorter text.
    limits : Limits
        ``regex_states``, ``repeat``, ``nesting`` and ``alternatives`` are met
        here.

    Raises
    ------
    RegexError
        A regular expression is malformed or unsupported.
    GrammarError
        A special terminal, or text without an encoding.
    LimitExceeded
    """
    if isinstance(pattern, Machine):
        return pattern.automaton
    try:
        return _automaton(pattern, limits)
    except RecursionError:
        raise LimitExceeded("nesting", "more than the interpreter's stack holds", limits.nesting, "terminal") from None


@lru_cache(maxsize=4096)
def _automaton(pattern: Pattern, limits: Limits) -> Automaton:
    if isinstance(pattern, Nonempty):
        return _automaton(pattern.part, limits).without_empty()
    if isinstance(pattern, Whole):
        context = in_context(pattern.part, limits)
        return _automaton(pattern.part, limits) if context is None else determinized(context.alone(), limits)
    if isinstance(pattern, Machine):
        return pattern.automaton
    if isinstance(pattern, Literal) and not pattern.ignore_case:
        return Automaton(*nfa.words([nfa.encode(pattern)]))
    if isinstance(pattern, Choice):
        words = [part for part in pattern.parts if isinstance(part, Literal) and not part.ignore_case]
        if len(words) == len(pattern.parts) <= limits.alternatives:
            # A dictionary: no larger than its text, which is bounded where it comes from.
            return Automaton(*minimize(*nfa.words([nfa.encode(word) for word in words])))
    if isinstance(pattern, Sequence) and len(pattern.parts) > 1 and isinstance(pattern.parts[0], Machine):
        joined = _joined_after(pattern.parts[0].automaton, pattern.parts[1:], limits)
        if joined is not None:
            return joined
    if may_assert(pattern):
        context = in_context(pattern, limits)
        if context is not None:
            return _without_neighbours(context, limits)
    return determinized(nfa.build(pattern, limits), limits)


def determinized(machine: nfa.Nfa, limits: Limits) -> Automaton:
    """Give the automaton of nodes.

    Raises
    ------
    LimitExceeded
        ``regex_states``
    """
    try:
        arrays = dfa.determinize(
            *machine.fragments,
            machine.kind,
            machine.first,
            machine.second,
            machine.branches,
            machine.start,
            limits.regex_states,
            limits.regex_states * _WORK_PER_STATE,
        )
    except dfa.TooManyStates:
        given = f"more than {limits.regex_states}"
        raise LimitExceeded("regex_states", given, limits.regex_states, "terminal") from None
    return Automaton(*minimize(*arrays))


def _without_neighbours(context: Context, limits: Limits) -> Automaton:
    """Give the automaton of an expression whose assertions look at nothing but its match."""
    variants = context.variants()
    restricted = [ahead for _, precede, follow in variants for ahead in (False, True) if (precede, follow)[ahead]]
    if restricted:
        raise context.error(
            "this looks at what stands beside the match, which only a terminal of a grammar can, as a whole",
            ahead=restricted[0],
        )
    return determinized(variants[0][0] if variants else context.alone(), limits)


def _joined_after(first: Automaton, rest: tuple[Pattern, ...], limits: Limits) -> Automaton | None:
    """Join an automaton and what follows it, where that needs no determinisation; else None.

    Such are a name in quotes and the colon after it, of which a JSON Schema has as many as it has properties.
    """
    if any(map(may_assert, rest)):
        return None
    after = automaton(rest[0] if len(rest) == 1 else Sequence(rest), limits)
    if first.n_states + after.n_states > limits.regex_states:
        return None
    machine = first.machine.then(after.machine)
    return None if machine is None else Automaton.of(machine)
