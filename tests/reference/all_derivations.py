"""Every derivation of a short text, by trying everything; for grammars without empty rules and circles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stolcke.grammar.model import Grammar, Nonterminal
from stolcke.grammar.weights import rule_weights
from stolcke.lexer import automaton
from tests.reference.inside_matrices import terminal_matrix

Derivation = tuple
"""(number of the rule, parts), where the part of a terminal is (its name, begin, end)."""


def all_derivations(grammar: Grammar, data: bytes) -> Iterator[tuple[float, Derivation]]:
    """Go through all derivations, each with its probability; nothing may be ignored."""
    weights = rule_weights(grammar)
    terminals = {name: terminal_matrix(automaton(t.pattern), data) for name, t in grammar.terminals.items()}

    def of_symbol(symbol, begin: int, end: int) -> Iterator[tuple[float, Derivation]]:
        if not isinstance(symbol, Nonterminal):
            weight = terminals[symbol.name][begin, end]
            if weight:
                yield weight, (symbol.name, begin, end)
            return
        for number, rule in enumerate(grammar.rules):
            if rule.lhs == symbol and weights[number]:
                for weight, parts in of_symbols(rule.rhs, begin, end):
                    yield weight * weights[number], (number, parts)

    def of_symbols(symbols, begin: int, end: int) -> Iterator[tuple[float, tuple]]:
        if not symbols:
            if begin == end:
                yield 1.0, ()
            return
        *first, last = symbols
        # Every symbol takes at least one byte, so that left recursion comes to an end.
        for middle in range(begin + len(first), end):
            for weight, parts in of_symbols(tuple(first), begin, middle):
                for more, part in of_symbol(last, middle, end):
                    yield weight * more, (*parts, part)

    yield from of_symbol(Nonterminal(grammar.start), 0, len(data))


def entropy(probabilities: list[float]) -> float:
    """Of the derivations given the text, in nats."""
    shares = np.array(probabilities) / sum(probabilities)
    return float(-(shares * np.log(shares)).sum())
