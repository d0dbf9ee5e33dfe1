"""Earley's algorithm as in the textbook: dotted rules, absolute origins, one byte at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Special
from tests.reference.byte_grammar import START, Symbol, byte_rules

Text = Sequence[int | Special]
"""``bytes``, or a tuple of bytes and special tokens."""
Item = tuple[Symbol, tuple[Symbol, ...], int, int]
"""Left-hand side, right-hand side, position of the dot, column where it began."""


class Earley:
    """Which texts are sentences of a grammar, and which can be continued to one.

    Columns are kept for every text asked about, so asking about all texts up to
    some length costs one column each.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.rules = byte_rules(grammar)
        self.nullable = self._nullable()
        # Per text: for each column, its items and which of them wait for which symbol.
        self._charts: dict[tuple, list[tuple[set[Item], dict[Symbol, list[Item]]]]] = {}
        self._charts[()] = self._extended([], [(START, rhs, 0, 0) for rhs in self.rules[START]])

    def is_sentence(self, text: Text) -> bool:
        """Whether the grammar derives exactly ``text``."""
        items = self._chart(tuple(text))[-1][0]
        return any(lhs == START and dot == len(rhs) for lhs, rhs, dot, _ in items)

    def is_viable(self, text: Text) -> bool:
        """Whether some sentence begins with ``text`` (exact, because the rules are trimmed)."""
        return bool(self._chart(tuple(text))[-1][0])

    def next_symbols(self, text: Text) -> set[int | Special]:
        """The bytes and special tokens that may come after ``text``."""
        waiting = self._chart(tuple(text))[-1][1]
        return {symbol for symbol in waiting if symbol not in self.rules}

    def _chart(self, text: tuple) -> list:
        """The columns of a text, from those of its longest prefix that is known."""
        known = len(text)
        while text[:known] not in self._charts:
            known -= 1
        for end in range(known, len(text)):
            chart = self._charts[text[:end]]
            scanned = [(lhs, rhs, dot + 1, origin) for lhs, rhs, dot, origin in chart[-1][1].get(text[end], ())]
            self._charts[text[: end + 1]] = self._extended(chart, scanned)
        return self._charts[text]

    def _extended(self, chart: list, kernel: Iterable[Item]) -> list:
        """A chart with one more column, closed under prediction and completion."""
        items: set[Item] = set()
        waiting: dict[Symbol, list[Item]] = {}
        longer = [*chart, (items, waiting)]
        agenda = list(kernel)
        while agenda:
            item = agenda.pop()
            if item in items:
                continue
            items.add(item)
            lhs, rhs, dot, origin = item
            if dot == len(rhs):
                agenda += [(p, r, d + 1, o) for p, r, d, o in longer[origin][1].get(lhs, ())]
                continue
            waiting.setdefault(rhs[dot], []).append(item)
            agenda += [(rhs[dot], predicted, 0, len(chart)) for predicted in self.rules.get(rhs[dot], ())]
            if rhs[dot] in self.nullable:
                # An empty completion may have come before this item began to wait.
                agenda.append((lhs, rhs, dot + 1, origin))
        return longer

    def _nullable(self) -> set[Symbol]:
        nullable: set[Symbol] = set()
        while found := {
            lhs
            for lhs, alternatives in self.rules.items()
            if lhs not in nullable and any(nullable.issuperset(rhs) for rhs in alternatives)
        }:
            nullable |= found
        return nullable
