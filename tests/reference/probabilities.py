"""Stolcke's probabilistic Earley chart: what is most obviously right, with dense matrices.

Texts are bytes and special tokens.  The names are those of the paper: an item is a dotted rule that began at a
position; its inner probability is that of the rule up to the dot deriving the text since then; its forward
probability is the sum over all derivations of the text that lead to it.  The forward probability of an item is its
inner one times the forward mass of its left side where it began (what predicts it there, in all ways), so that is
what is kept for each symbol and position.

- ``left_closure`` (R_L) sums over all chains of left corners that predict a symbol,
- ``unit_closure`` (R_U) over all chains of rules that complete with one symbol, the others being empty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Special
from tests.reference.partition import ROUNDS, NoPartition, Proper, proper
from tests.reference.weighted_rules import STOP, weighted_rules

Text = Sequence[int | Special]


@dataclass(frozen=True)
class Thread:
    """A terminal under way: since which position, in which state, with which probability of what it has read."""

    terminal: int
    origin: int
    state: int
    weight: float


@dataclass(frozen=True)
class Column:
    """The chart at one position.

    ``inner[k]`` holds, for each symbol, the probability that it derives the text from ``k`` to here; ``dotted[k]``
    the inner probabilities of the items that began at ``k``; ``forward`` the forward mass of each symbol beginning
    here.
    """

    inner: dict[int, np.ndarray]
    dotted: dict[int, np.ndarray]
    forward: np.ndarray
    threads: tuple[Thread, ...]


class Probabilities:
    """Prefix and sentence probabilities of a grammar; columns are kept for every text asked about.

    Raises
    ------
    NoPartition, ValueError
        Where there is no partition function, or nothing derives a text with a positive probability.
    """

    def __init__(self, grammar: Grammar, tables: Mapping[str, np.ndarray] | None = None) -> None:
        self.proper: Proper = proper(weighted_rules(grammar, tables))
        rules = self.proper.rules
        self.symbols = [*rules.nonterminals, *rules.terminals]
        number = {symbol: n for n, symbol in enumerate(self.symbols)}
        self.start = number[rules.start]
        self.terminals = {number[t]: found for t, found in rules.terminals.items() if len(found.table)}
        self.rules = [(number[lhs], [number[x] for x in rhs], weight) for lhs, rhs, weight in rules.rules]
        # One item for each place of the dot; `first[r]` is where those of rule r begin.
        self.first = np.cumsum([0, *(len(rhs) + 1 for _, rhs, _ in self.rules)])
        self.waiting = np.array([x for _, rhs, _ in self.rules for x in (*rhs, -1)])
        self.left = np.array([lhs for lhs, rhs, _ in self.rules for _ in range(len(rhs) + 1)])
        self.movable = np.flatnonzero(self.waiting >= 0)
        self.empty = self._empty()
        self.left_closure, self.unit_closure = self._left_closure(), self._unit_closure()
        self.begun = self._begun()
        self._charts: dict[tuple, list[Column]] = {(): [self._first_column()]}

    # --- closures ------------------------------------------------------------------------------------------------

    def _empty(self) -> np.ndarray:
        """The probability that each symbol derives the empty text: again a least fixed point."""
        empty = np.zeros(len(self.symbols))
        for _ in range(ROUNDS):
            before = empty.copy()
            empty = np.zeros(len(self.symbols))
            for lhs, rhs, weight in self.rules:
                empty[lhs] += weight * before[rhs].prod()
            if np.abs(empty - before).max() <= 1e-16:
                return empty
            if not empty.max() < 2:
                break
        raise NoPartition("empty derivations do not come to rest")

    def _left_closure(self) -> np.ndarray:
        """How often each symbol begins, at the same position, what each derives."""
        corner = np.zeros((len(self.symbols), len(self.symbols)))
        for lhs, rhs, weight in self.rules:
            for dot, symbol in enumerate(rhs):
                corner[lhs, symbol] += weight * self.empty[rhs[:dot]].prod()
        return np.linalg.inv(np.eye(len(corner)) - corner)

    def _unit_closure(self) -> np.ndarray:
        """How often each symbol is, in what each derives, all but the empty text."""
        unit = np.zeros((len(self.symbols), len(self.symbols)))
        for lhs, rhs, weight in self.rules:
            for dot, symbol in enumerate(rhs):
                unit[lhs, symbol] += weight * self.empty[rhs[:dot]].prod() * self.empty[rhs[dot + 1 :]].prod()
        return np.linalg.inv(np.eye(len(unit)) - unit)

    def _begun(self) -> np.ndarray:
        """The inner probability of each item where it began: the rule's weight, all before the dot being empty."""
        begun = np.zeros(len(self.waiting))
        for (_, rhs, weight), first in zip(self.rules, self.first.tolist(), strict=False):
            for dot in range(len(rhs) + 1):
                begun[first + dot] = weight * self.empty[rhs[:dot]].prod()
        return begun

    # --- columns -------------------------------------------------------------------------------------------------

    def _first_column(self) -> Column:
        predicted = np.zeros(len(self.symbols))
        predicted[self.start] = 1
        return Column({0: self.empty}, {0: self.begun}, predicted @ self.left_closure, ())

    def _next_column(self, chart: list[Column], symbol: int | Special) -> Column:
        """Scan one byte or special token, then complete, then predict."""
        end = len(chart)
        threads = self._scanned(chart, symbol)
        inner, dotted = {end: self.empty}, {end: self.begun}
        for origin in reversed(range(end)):
            matched = np.zeros(len(self.symbols))
            for t in threads:
                if t.origin == origin:
                    matched[t.terminal] += t.weight * self.terminals[t.terminal].table[t.state, STOP]
            # Items whose last symbol that is not empty began after the origin.
            split = np.zeros(len(self.waiting))
            for middle in range(origin + 1, end):
                before, after = chart[middle].dotted[origin], inner[middle]
                split[self.movable + 1] += before[self.movable] * after[self.waiting[self.movable]]
            completed = matched + self._completed(self._past_empty(split))
            inner[origin] = self.unit_closure @ completed
            split[self.movable + 1] += self.begun[self.movable] * inner[origin][self.waiting[self.movable]]
            dotted[origin] = self._past_empty(split)
        predicted = np.zeros(len(self.symbols))
        for origin in range(end):
            forward = chart[origin].forward[self.left] * dotted[origin]
            np.add.at(predicted, self.waiting[self.movable], forward[self.movable])
        return Column(inner, dotted, predicted @ self.left_closure, threads)

    def _scanned(self, chart: list[Column], symbol: int | Special) -> tuple[Thread, ...]:
        """The threads of the last column and those that begin there, one step on."""
        moved = []
        for t in (*chart[-1].threads, *self._beginning(chart)):
            state, weight = self.terminals[t.terminal].step(t.state, symbol)
            if state >= 0 and weight > 0:
                moved.append(Thread(t.terminal, t.origin, state, t.weight * weight))
        return tuple(moved)

    def _beginning(self, chart: list[Column]) -> list[Thread]:
        """The threads of the terminals that the last column expects."""
        return [Thread(t, len(chart) - 1, 0, 1.0) for t in self.terminals if chart[-1].forward[t] > 0]

    def _past_empty(self, items: np.ndarray) -> np.ndarray:
        """Move the dot of items that have read something past symbols that are empty, too."""
        items = items.copy()
        for item in self.movable.tolist():
            items[item + 1] += items[item] * self.empty[self.waiting[item]]
        return items

    def _completed(self, items: np.ndarray) -> np.ndarray:
        """The inner probabilities of complete items, added up by left side."""
        completed = np.zeros(len(self.symbols))
        done = self.waiting < 0
        np.add.at(completed, self.left[done], items[done])
        return completed

    def _chart(self, text: tuple) -> list[Column]:
        """The columns of a text, from those of its longest prefix that is known."""
        known = len(text)
        while text[:known] not in self._charts:
            known -= 1
        for end in range(known, len(text)):
            chart = self._charts[text[:end]]
            self._charts[text[: end + 1]] = [*chart, self._next_column(chart, text[end])]
        return self._charts[text]

    # --- answers -------------------------------------------------------------------------------------------------

    def prefix(self, text: Text) -> float:
        """The probability of all texts that begin with ``text``."""
        text = tuple(text)
        if not text:
            return self.proper.scale
        chart = self._chart(text[:-1])
        return self.proper.scale * sum(
            chart[thread.origin].forward[thread.terminal] * thread.weight for thread in self._scanned(chart, text[-1])
        )

    def sentence(self, text: Text) -> float:
        """The probability of exactly ``text``."""
        return self.proper.scale * float(self._chart(tuple(text))[-1].inner[0][self.start])

    def next_bytes(self, text: Text) -> np.ndarray:
        """Probabilities of what follows, given that ``text`` has been written: float64[257], the last is the end."""
        here = self.prefix(text)
        if not here > 0:
            return np.zeros(257)
        following = np.zeros(257)
        chart = self._chart(tuple(text))
        for t in (*chart[-1].threads, *self._beginning(chart)):
            if not isinstance(self.terminals[t.terminal].machine, Special):
                following += chart[t.origin].forward[t.terminal] * t.weight * self.terminals[t.terminal].table[t.state]
        following *= self.proper.scale
        following[STOP] = self.sentence(text)
        return following / here

    def token_logprob(self, text: Text, added: Text) -> float:
        """The logarithm of the probability that ``added`` follows ``text``."""
        here, there = self.prefix(text), self.prefix((*text, *added))
        return math.log(there / here) if there > 0 else -math.inf
