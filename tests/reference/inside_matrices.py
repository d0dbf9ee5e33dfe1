"""Inside probabilities as matrices: what a symbol derives between any two places of one text.

The matrix of a right-hand side is the product of those of its symbols, and that of a nonterminal the weighted sum over
its rules: repeated until nothing changes.  Nothing here knows of charts, forests or the order of places.
"""

from __future__ import annotations

import numpy as np

from stolcke.grammar.model import Grammar, Terminal
from stolcke.grammar.weights import ignore_weights, rule_weights
from stolcke.lexer import Automaton, automaton


def terminal_matrix(machine: Automaton, data: bytes) -> np.ndarray:
    """Probability of each match, where all that can follow in a state is equally probable; float64[n + 1, n + 1]."""
    found = np.zeros((len(data) + 1, len(data) + 1))
    for begin in range(len(data)):
        state, weight = 0, 1.0
        for end in range(begin, len(data) + 1):
            ways = sum(machine.step(state, byte) >= 0 for byte in range(256)) + int(machine.accepting[state])
            if machine.accepting[state]:
                found[begin, end] = weight / ways
            if end == len(data):
                break
            state, weight = machine.step(state, data[end]), weight / ways
            if state < 0:
                break
    return found


def inside_matrices(
    grammar: Grammar,
    data: bytes,
    weights: np.ndarray | None = None,
    added: tuple[str, int, int, float] | None = None,
) -> dict[str, np.ndarray]:
    """The matrix of each symbol, and under ``""`` that of whole texts.

    Parameters
    ----------
    grammar : Grammar
        Without tallies.
    data : bytes
    weights : float64[rules], optional
        Instead of those of the grammar.
    added : (nonterminal, begin, end, weight), optional
        What else that nonterminal derives.
    """
    weights = rule_weights(grammar) if weights is None else weights
    n = len(data) + 1
    machines = {name: automaton(definition.pattern) for name, definition in grammar.terminals.items()}
    terminals = {name: terminal_matrix(machine, data) for name, machine in machines.items()}
    matches, stop = ignore_weights(grammar)
    ignored = sum((p * terminals[name] for name, p in zip(grammar.ignore, matches, strict=True)), np.zeros((n, n)))
    if len(grammar.ignore) == 1 and machines[grammar.ignore[0]].repeats:
        skip = stop * np.eye(n) + ignored
    else:
        skip = stop * np.linalg.inv(np.eye(n) - ignored)
    found = {name: np.zeros((n, n)) for name in grammar.nonterminals}
    for _ in range(100_000):
        new = {name: np.zeros((n, n)) for name in found}
        if added is not None:
            new[added[0]][added[1:3]] += added[3]
        for rule, weight in zip(grammar.rules, weights, strict=True):
            product = weight * np.eye(n)
            for symbol in rule.rhs:
                product = product @ (
                    skip @ terminals[symbol.name] if isinstance(symbol, Terminal) else found[symbol.name]
                )
            new[rule.lhs.name] += product
        settled = all((np.abs(new[name] - found[name]) <= 1e-15 * new[name]).all() for name in found)
        found = new
        if settled:
            break
    return found | terminals | {"": found[grammar.start] @ skip}
