"""Bounds of probabilities by enumerating derivations: even dumber than parsing.

Leftmost derivations are followed one step at a time, the most probable first.  Where a derivation stands, its mass is
its weight times the partition functions of what is still to be expanded.  A form decides a question as soon as enough
of its bytes are known; the mass of the others is how far apart the bounds are.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

import numpy as np

from stolcke.grammar.model import Grammar, Nonterminal, Terminal
from tests.reference.partition import sums_of
from tests.reference.probabilities import Text
from tests.reference.weighted_rules import STOP, weighted_rules

Form = tuple[tuple, tuple]
"""The bytes and special tokens known so far, and what is to be expanded, the next first."""


class Bounds:
    """Lower and upper bounds for texts up to a length.

    Parameters
    ----------
    grammar : Grammar
    longest : int
        Greatest length of texts that may be asked about.
    gap : float
        How much mass may stay undecided.
    steps : int
        How many forms may be expanded; then the bounds stay as far apart as they are.
    tables : mapping of str to float64[n_states, 257], optional
    """

    def __init__(
        self,
        grammar: Grammar,
        longest: int,
        gap: float = 1e-9,
        steps: int = 20_000,
        tables: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.rules = weighted_rules(grammar, tables)
        self.sums = sums_of(self.rules)
        self.longest = longest
        self.total = 1.0 if self.rules.raw else self.sums[self.rules.start]
        self.alternatives: dict[Nonterminal, list] = {}
        for lhs, rhs, weight in self.rules.rules:
            self.alternatives.setdefault(lhs, []).append((rhs, weight))
        self.finished: dict[tuple, float] = {}
        self.cut: dict[tuple, float] = {}
        self.open: dict[Form, float] = {((), (self.rules.start,)): self.sums[self.rules.start]}
        self._expand(gap, steps)
        self.gap = sum(self.open.values()) / self.total

    def _expand(self, gap: float, steps: int) -> None:
        heap = [(-mass, 0, form) for form, mass in self.open.items()]
        undecided, number = sum(self.open.values()), 0
        while heap and undecided > gap * self.total and number < steps:
            _, _, form = heapq.heappop(heap)
            if form not in self.open:
                continue  # met before, with what has been added since
            mass = self.open.pop(form)
            undecided -= mass
            for (known, stack), part in self._steps(form, mass):
                if not stack and len(known) <= self.longest:
                    self.finished[known] = self.finished.get(known, 0.0) + part
                elif len(known) > self.longest:
                    self.cut[known] = self.cut.get(known, 0.0) + part
                else:
                    number += 1
                    total = self.open[known, stack] = self.open.get((known, stack), 0.0) + part
                    undecided += part
                    heapq.heappush(heap, (-total, number, (known, stack)))

    def _steps(self, form: Form, mass: float) -> list[tuple[Form, float]]:
        """All ways to expand the first symbol, and how the mass is divided among them."""
        known, (first, *rest) = form
        if isinstance(first, Nonterminal):
            ways = [(known, rhs, weight) for rhs, weight in self.alternatives.get(first, ())]
            weights = [weight * float(np.prod([self.sums[symbol] for symbol in rhs])) for _, rhs, weight in ways]
        else:
            terminal, state = (first, 0) if isinstance(first, Terminal) else first
            found = self.rules.terminals[terminal]
            ways = [((*known, b), ((terminal, to),), w) for q, b, to, w in found.rules if q == state]
            ways.append((known, (), float(found.table[state, STOP])))
            weights = [weight for _, _, weight in ways]
        total = sum(weights)
        return [
            ((after, (*symbols, *rest)), mass * weight / total)
            for (after, symbols, _), weight in zip(ways, weights, strict=True)
            if weight > 0
        ]

    def prefix(self, text: Text) -> tuple[float, float]:
        """Bounds of the probability of all texts that begin with ``text``."""
        text = tuple(text)
        under_way = ((known, mass) for (known, _), mass in self.open.items())
        decided = [*self.finished.items(), *self.cut.items(), *under_way]
        low = sum(mass for known, mass in decided if known[: len(text)] == text)
        return self._between(text, low)

    def sentence(self, text: Text) -> tuple[float, float]:
        """Bounds of the probability of exactly ``text``."""
        return self._between(tuple(text), self.finished.get(tuple(text), 0.0), longer=True)

    def _between(self, text: tuple, low: float, longer: bool = False) -> tuple[float, float]:
        undecided = sum(
            mass
            for (known, _), mass in self.open.items()
            if text[: len(known)] == known and (longer or len(known) < len(text))
        )
        return low / self.total, (low + undecided) / self.total
