"""Weighted grammars whose probabilities are known in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stolcke.grammar.model import Grammar, Nonterminal, Rule, TerminalDefinition
from stolcke.grammar.patterns import Literal, Pattern
from tests.strategies import A, B, symbol


def weighted_grammar(
    rules: Mapping[str, list[tuple[str, float | None]]],
    terminals: Mapping[str, Pattern],
    *,
    ignore: tuple[str, ...] = (),
    ignore_weights: Mapping[str, float] | None = None,
    raw: bool = False,
) -> Grammar:
    """A grammar of ``{"s": [("A s B", 0.25), ...]}``; upper case is a terminal, the first rule is the start."""
    return Grammar(
        start=next(iter(rules)),
        rules=tuple(
            Rule(Nonterminal(lhs), tuple(map(symbol, rhs.split())), weight=weight)
            for lhs, alternatives in rules.items()
            for rhs, weight in alternatives
        ),
        terminals={name: TerminalDefinition(name, pattern) for name, pattern in terminals.items()},
        ignore=ignore,
        ignore_weights=ignore_weights or {},
        raw_weights=raw,
    )


@dataclass(frozen=True)
class Case:
    """A grammar, and the probabilities of some prefixes and sentences of it."""

    name: str
    grammar: Grammar
    prefixes: dict[bytes, float] = field(default_factory=dict)
    sentences: dict[bytes, float] = field(default_factory=dict)
    tolerance: float = 0.0
    """How far the numbers given may be off, as they were written with so many digits."""
    is_inconsistent: bool = False
    """Whether the weights as they are leave some mass to endless derivations."""


def runs(values: list[float], first: int = 0) -> dict[bytes, float]:
    """Probabilities of a, aa, aaa and so on, from a number of letters on."""
    return {b"a" * n: value for n, value in enumerate(values, first)}


OPEN, CLOSE = {"L": Literal("("), "R": Literal(")")}.items()

CASES: tuple[Case, ...] = (
    Case(
        "Catalan",
        weighted_grammar({"s": [("A", 0.75), ("s s", 0.25)]}, {"A": A}),
        runs([1, 1, 0.25, 0.109375, 0.056640625]) | {b"b": 0, b"ab": 0},
        runs([0, 0.75, 0.140625, 0.052734375, 0.02471923828125]),
    ),
    Case(
        "Catalan, raw and inconsistent",
        weighted_grammar({"s": [("A", 0.25), ("s s", 0.75)]}, {"A": A}, raw=True),
        runs([1 / 3, 1 / 3, 1 / 12, 0.4375 / 12, 0.2265625 / 12]),
        runs([0, 0.25, 3 / 64]),
    ),
    Case(
        "Catalan, made consistent",
        weighted_grammar({"s": [("A", 0.25), ("s s", 0.75)]}, {"A": A}),
        runs([1, 1, 0.25, 0.109375, 0.056640625]),
        runs([0, 0.75, 0.140625]),
        is_inconsistent=True,
    ),
    Case(
        "left recursion",
        weighted_grammar({"s": [("s A", 0.4), ("A", 0.6)]}, {"A": A}),
        runs([1, *(0.4 ** (n - 1) for n in range(1, 8))]),
        runs([0, *(0.6 * 0.4 ** (n - 1) for n in range(1, 8))]),
    ),
    Case(
        "right recursion",
        weighted_grammar({"s": [("A s", 0.4), ("A", 0.6)]}, {"A": A}),
        runs([1, *(0.4 ** (n - 1) for n in range(1, 8))]),
        runs([0, *(0.6 * 0.4 ** (n - 1) for n in range(1, 8))]),
    ),
    Case(
        "unit cycle",
        weighted_grammar({"x": [("y", 0.5), ("A", 0.5)], "y": [("x", 0.5), ("B", 0.5)]}, {"A": A, "B": B}),
        {b"": 1, b"a": 2 / 3, b"b": 1 / 3, b"ab": 0},
        {b"": 0, b"a": 2 / 3, b"b": 1 / 3, b"aa": 0},
    ),
    Case(
        "brackets",
        weighted_grammar({"s": [("L s R s", 0.4), ("", 0.6)]}, dict((OPEN, CLOSE))),
        {b"": 1, b"(": 0.4, b"()": 0.24, b"(()": 0.096, b")": 0},
        {b"": 0.6, b"()": 0.144, b"(())": 0.03456, b"(()": 0},
    ),
    Case(
        "empty and ambiguous",
        weighted_grammar({"s": [("s s", 0.3), ("A", 0.5), ("", 0.2)]}, {"A": A}),
        runs([1, 0.7862996478, 0.2127603132, 0.0995617603]),
        runs([0.2137003522, 0.5735393347, 0.1131985529, 0.0446836393]),
        tolerance=6e-11,
    ),
)
