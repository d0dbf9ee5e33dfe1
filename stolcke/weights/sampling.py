"""Texts drawn at random: from a grammar, top down, and as continuations of a text, byte by byte.

Both draw from the same distribution over texts.  Top down, a derivation is made from the proper probabilities of
rules, and each of its terminals is a walk through its automaton; byte by byte, each byte and the end are drawn from
their probabilities after the text so far, which sum over all derivations.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Protocol

import numpy as np

from stolcke.errors import SampleTooLong, WeightsError
from stolcke.lexer import Automaton, CountedAutomaton
from stolcke.weights.distributions import STOP, Uniform, choices
from stolcke.weights.proper import WeightedRules
from stolcke.weights.tallies import ONCE, REQUIRED, State, start, ways

__all__ = ["MAX_BYTES", "GrammarSampler", "NextBytes", "continuation"]

MAX_BYTES = 1_000_000
"""Length of a text drawn at random, where nothing else is said."""

_STEPS_PER_BYTE = 64
"""Rules of a derivation for each byte that its text may have."""


class SampledRules(WeightedRules, Protocol):
    """What is needed of :class:`stolcke.compiler.arrays.GrammarArrays`, which says what each of these is."""

    machines: tuple[Automaton | CountedAutomaton, ...]
    specials: tuple[str, ...]
    distributions: tuple[np.ndarray | None, ...]


class NextBytes(Protocol):
    """What is needed of a matcher."""

    def next_byte_logprobs(self) -> np.ndarray:
        """Natural logarithms of the probabilities of each byte and, in column 256, of the end: float64[257]."""

    def accept_bytes(self, data: bytes) -> bool:
        """Go on with some bytes."""


class _Weighted:
    """Numbers to draw from, with their probabilities up to a factor."""

    __slots__ = ("numbers", "sums")

    def __init__(self, numbers: np.ndarray, weights: np.ndarray) -> None:
        self.numbers = numbers.tolist()
        self.sums = list(accumulate(weights.tolist()))

    def draw(self, rng: np.random.Generator) -> int:
        if len(self.numbers) == 1:
            return self.numbers[0]
        # Numbers of weight 0 add nothing to the sums, so that none is the first one above the point.
        return self.numbers[bisect_right(self.sums, rng.random() * self.sums[-1])]


def _evenly(numbers: np.ndarray) -> _Weighted:
    return _Weighted(numbers, np.ones(numbers.size))


class _Walk:
    """Matches of an automaton, drawn state by state."""

    def __init__(self, machine: Automaton, rows: np.ndarray | None) -> None:
        self.steps = machine.steps()
        self.possible = choices(machine)
        self.rows = Uniform().weights(machine) if rows is None else rows
        self.known: dict[int, _Weighted] = {}

    def draw(self, rng: np.random.Generator, out: bytearray, max_bytes: int, state: int = 0) -> None:
        """Append what remains of a match, from a state on."""
        while True:
            known = self.known.get(state)
            if known is None:
                numbers = np.flatnonzero(self.rows[state])
                known = self.known[state] = _Weighted(numbers, self.rows[state, numbers])
            choice = known.draw(rng)
            if choice == STOP:
                return
            out.append(choice)
            if len(out) > max_bytes:
                raise SampleTooLong("the text drawn is longer than allowed", max_bytes)
            state = int(self.steps[state, choice])


class _CountedWalk:
    """Uniform matches of a repeat whose states are not written down: where units meet, all that may follow is."""

    def __init__(self, machine: CountedAutomaton) -> None:
        self.machine = machine
        self.before, self.unit, self.after = (_Walk(m, None) for m in (machine.before, machine.unit, machine.after))
        unit, after = np.flatnonzero(self.unit.possible[0]), np.flatnonzero(self.after.possible[0])
        # By whether one more unit may come, and whether what follows may.
        self.between = {
            (True, True): _evenly(np.concatenate([unit, after])),
            (True, False): _evenly(unit),
            (False, True): _evenly(after),
        }

    def draw(self, rng: np.random.Generator, out: bytearray, max_bytes: int) -> None:
        machine = self.machine
        self.before.draw(rng, out, max_bytes)
        count = 0
        while True:
            more = machine.most is None or count < machine.most
            choice = self.between[more, count >= machine.least].draw(rng)
            if choice == STOP:
                return
            out.append(choice)
            if not self.unit.possible[0, choice]:
                self.after.draw(rng, out, max_bytes, int(self.after.steps[0, choice]))
                return
            self.unit.draw(rng, out, max_bytes, int(self.unit.steps[0, choice]))
            count += 1


class _Tally:
    """A tally in the course of a derivation."""

    __slots__ = ("entries", "number", "seen", "state")

    def __init__(self, number: int, state: State) -> None:
        self.number = number
        self.state = state
        self.entries = 0
        self.seen: set[int] = set()
        """Those that occur once or are required."""


class _Ways:
    """How a tally goes on in a state: the probability to stop, and the kinds of entries that may come."""

    __slots__ = ("following", "kinds", "stop")

    def __init__(self, state: State) -> None:
        self.stop, following = ways(state)
        # In an order of their own: that of a set depends on how it was made.
        self.following = sorted(following, key=lambda way: way[0])
        self.kinds = _Weighted(np.arange(len(self.following)), np.array([p for _, p, _ in self.following]))


class GrammarSampler:
    """Draws texts of a grammar.

    Parameters
    ----------
    arrays : GrammarArrays
    probabilities : float64[rules]
        Proper ones: ``proper_weights(arrays).rule_probabilities``.
    texts : mapping of str to sequence of bytes
        What is written for each special terminal; one of several is drawn uniformly.
    """

    def __init__(self, arrays: SampledRules, probabilities: np.ndarray, texts: Mapping[str, Sequence[bytes]]) -> None:
        self.arrays = arrays
        self.texts = [texts[name] for name in arrays.specials]
        self.probabilities = probabilities
        order = np.argsort(arrays.lhs, kind="stable")
        ends = np.cumsum(np.bincount(arrays.lhs, minlength=arrays.n_nonterminals))
        self.rules_of = np.split(order, ends[:-1])
        self.rules: dict[int, _Weighted] = {}
        self.walks: dict[int, _Walk | _CountedWalk] = {}
        self.tally_of = {nonterminal: number for number, nonterminal in enumerate(arrays.tally.tolist())}
        self.starts = [self._start(number) for number in range(len(arrays.tally))]
        self.flags = arrays.entry_flags.tolist()
        self.ways: dict[State, _Ways] = {}

    def draw(self, rng: np.random.Generator, max_bytes: int) -> bytes:
        """Draw a text.

        Raises
        ------
        SampleTooLong
            Where it is longer than ``max_bytes``, or its derivation is out of all proportion to it.
        """
        n_terminals, n_text = self.arrays.n_terminals, len(self.arrays.machines)
        out = bytearray()
        stack: list[int | _Tally] = [n_terminals]
        steps = _STEPS_PER_BYTE * (max_bytes + 1_000)
        while stack:
            symbol = stack.pop()
            if isinstance(symbol, _Tally):
                self._go_on(symbol, rng, stack)
            elif symbol < n_text:
                self._walk(symbol).draw(rng, out, max_bytes)
            elif symbol < n_terminals:
                several = self.texts[symbol - n_text]
                out += several[rng.integers(len(several))]
            elif (number := self.tally_of.get(symbol - n_terminals)) is not None:
                self._go_on(_Tally(number, self.starts[number]), rng, stack)
            else:
                stack += self._rhs(symbol - n_terminals, rng)
            if len(out) > max_bytes:
                raise SampleTooLong("the text drawn is longer than allowed", max_bytes)
            steps -= 1
            if not steps:
                raise SampleTooLong("the derivation drawn is out of all proportion to its text", max_bytes)
        return bytes(out)

    def _walk(self, terminal: int) -> _Walk | _CountedWalk:
        walk = self.walks.get(terminal)
        if walk is None:
            machine = self.arrays.machines[terminal]
            if isinstance(machine, CountedAutomaton):
                walk = _CountedWalk(machine)
            else:
                walk = _Walk(machine, self.arrays.distributions[terminal])
            self.walks[terminal] = walk
        return walk

    def _rhs(self, nonterminal: int, rng: np.random.Generator) -> list[int]:
        """The symbols of a rule drawn, the last one first."""
        rules = self.rules.get(nonterminal)
        if rules is None:
            numbers = self.rules_of[nonterminal]
            rules = self.rules[nonterminal] = _Weighted(numbers, self.probabilities[numbers])
        rule = rules.draw(rng)
        begin, end = self.arrays.rhs_offsets[rule : rule + 2].tolist()
        return self.arrays.rhs[begin:end][::-1].tolist()

    def _start(self, number: int) -> State:
        arrays = self.arrays
        flags = arrays.entry_flags[arrays.entry_offsets[number] : arrays.entry_offsets[number + 1]]
        return start(flags, arrays.tally_bounds[4 * number : 4 * number + 4].tolist())

    def _go_on(self, tally: _Tally, rng: np.random.Generator, stack: list[int | _Tally]) -> None:
        """Stop, or draw one more entry."""
        arrays = self.arrays
        known = self.ways.get(tally.state)
        if known is None:
            known = self.ways[tally.state] = _Ways(tally.state)
        if not known.following or rng.random() < known.stop:
            return
        (flags, seen), _, after = known.following[known.kinds.draw(rng)]
        begin, end = arrays.entry_offsets[tally.number : tally.number + 2].tolist()
        alike = [e for e in range(begin, end) if self.flags[e] == flags and (e in tally.seen) == seen]
        entry = alike[rng.integers(len(alike))]
        stack.append(tally)
        stack.append(int(arrays.entry[entry]))
        if tally.entries:
            begin, end = arrays.separator_offsets[tally.number : tally.number + 2].tolist()
            stack += arrays.separator[begin:end][::-1].tolist()
        tally.entries += 1
        tally.state = after
        if flags & (ONCE | REQUIRED):
            tally.seen.add(entry)


def continuation(matcher: NextBytes, rng: np.random.Generator, max_bytes: int) -> bytes:
    """Draw the rest of a text, byte by byte; the matcher goes along.

    Special tokens are no bytes: the text drawn is one of those that go on without any.

    Raises
    ------
    SampleTooLong
        Where it is longer than ``max_bytes``.
    WeightsError
        Where no text of positive probability goes on as this one.
    """
    out = bytearray()
    while True:
        logs = matcher.next_byte_logprobs()
        most = logs.max()
        if most == -np.inf:
            raise WeightsError("no text goes on from here with bytes alone and a probability above 0")
        choice = _Weighted(np.arange(STOP + 1), np.exp(logs - most)).draw(rng)
        if choice == STOP:
            return bytes(out)
        if len(out) == max_bytes:
            raise SampleTooLong("the continuation drawn is longer than allowed", max_bytes)
        out.append(choice)
        matcher.accept_bytes(bytes([choice]))
