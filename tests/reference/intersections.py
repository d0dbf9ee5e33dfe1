"""Prefix and sentence probabilities as partition functions of larger grammars: nothing of Earley, nor of closures.

The derivations of texts that begin with ``w`` are those of the grammar intersected with the automaton that reads
``w`` and then anything; the sum of their weights is that grammar's partition function.  No weight is changed
beforehand: what is not proper is divided by the partition function of the grammar itself at the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping

import numpy as np

from stolcke.grammar.model import Grammar, Terminal
from tests.reference.partition import partition, sums_of
from tests.reference.probabilities import Text
from tests.reference.weighted_rules import STOP, WeightedRules, Wfsa, weighted_rules

Rule = tuple[Hashable, tuple[Hashable, ...], float]


class Intersections:
    """The same questions as those of :class:`Probabilities`; exponential in nothing, but cubic and slow."""

    def __init__(self, grammar: Grammar, tables: Mapping[str, np.ndarray] | None = None) -> None:
        self.rules = weighted_rules(grammar, tables)
        self.total = 1.0 if self.rules.raw else sums_of(self.rules)[self.rules.start]

    def prefix(self, text: Text) -> float:
        """The probability of all texts that begin with ``text``."""
        return self._sum(tuple(text), and_more=True) / self.total

    def sentence(self, text: Text) -> float:
        """The probability of exactly ``text``."""
        return self._sum(tuple(text), and_more=False) / self.total

    def _sum(self, text: tuple, and_more: bool) -> float:
        sums = partition(intersected(self.rules, text, and_more))
        return sums.get((self.rules.start, 0, len(text)), 0.0)


def intersected(given: WeightedRules, text: tuple, and_more: bool) -> Iterator[Rule]:
    """Rules of ``(symbol, i, j)``: what the symbol derives leads the automaton from position ``i`` to ``j``.

    The last position is also reached from itself by any text, if ``and_more`` may follow.
    """
    end = len(text)
    for lhs, rhs, weight in given.rules:
        for stops in itertools.combinations_with_replacement(range(end + 1), len(rhs) + 1):
            spans = itertools.pairwise(stops)
            yield (lhs, stops[0], stops[-1]), tuple((x, *span) for x, span in zip(rhs, spans, strict=True)), weight
    for terminal, found in given.terminals.items():
        for begin, last in itertools.combinations_with_replacement(range(end + 1), 2):
            # A match is what its automaton's first state derives.
            if len(found.table):
                yield (terminal, begin, last), ((terminal, 0, begin, last),), 1.0
        yield from _matches(terminal, found, text, and_more)
    # What nothing derives must not count as a symbol without rules, which would be worth 1.
    for symbol in (*given.nonterminals, *given.terminals):
        for begin, last in itertools.combinations_with_replacement(range(end + 1), 2):
            yield (symbol, begin, last), (), 0.0


def _matches(terminal: Terminal, found: Wfsa, text: tuple, and_more: bool) -> Iterator[Rule]:
    """A terminal's automaton as rules with one symbol on the right: one for each state and way to go on."""
    end = len(text)
    for begin, last in itertools.combinations_with_replacement(range(end + 1), 2):
        for state in range(len(found.table)):
            yield (terminal, state, begin, last), (), float(found.table[state, STOP]) if begin == last else 0.0
    for state, symbol, following, weight in found.rules:
        for begin in range(end):
            if text[begin] == symbol:
                for last in range(begin + 1, end + 1):
                    yield (terminal, state, begin, last), ((terminal, following, begin + 1, last),), weight
        if and_more:
            yield (terminal, state, end, end), ((terminal, following, end, end),), weight
