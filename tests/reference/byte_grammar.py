"""A grammar rewritten so that single bytes and special tokens are its only terminals.

Nothing is left but context-free rules: terminals become right-linear rules
(one nonterminal per derivative), tallies are written out, ``%ignore`` becomes a nonterminal before each
terminal and at the end, and whatever takes part in no sentence is removed.
"""

from __future__ import annotations

from collections.abc import Hashable

from stolcke.grammar.model import Grammar, Terminal
from stolcke.grammar.patterns import Special
from tests.reference import derivatives
from tests.reference.tallies import written_out

Symbol = Hashable
"""An ``int`` is a byte, a ``Special`` a special token, all else a nonterminal."""
Rules = dict[Symbol, set[tuple[Symbol, ...]]]

START = "start of text"
IGNORED = "ignored"


def byte_rules(grammar: Grammar) -> Rules:
    """Rules over bytes and special tokens that derive exactly the texts of ``grammar``.

    ``START`` has no rules where no text at all is derived.
    """
    grammar = written_out(grammar)
    rules: Rules = {START: {(("rule", grammar.start), IGNORED)}, IGNORED: {()}}
    for name in grammar.ignore:
        rules[IGNORED].add((IGNORED, _terminal(grammar, name, rules)))
    for rule in grammar.rules:
        rhs: list[Symbol] = []
        for symbol in rule.rhs:
            if isinstance(symbol, Terminal):
                rhs += [IGNORED, _terminal(grammar, symbol.name, rules)]
            else:
                rhs.append(("rule", symbol.name))
        rules.setdefault(("rule", rule.lhs.name), set()).add(tuple(rhs))
    return trim(rules)


def _terminal(grammar: Grammar, name: str, rules: Rules) -> Symbol:
    """The symbol of a terminal, whose rules are added."""
    pattern = grammar.terminals[name].pattern
    if isinstance(pattern, Special):
        return pattern
    root = ("matches", derivatives.expression(pattern))
    pending = [root]
    while pending:
        state = pending.pop()
        if state in rules:
            continue
        rules[state] = set()
        for value in derivatives.first_bytes(state[1]):
            rest = derivatives.derive(state[1], value)
            if derivatives.matches_empty(rest):
                rules[state].add((value,))
            if derivatives.first_bytes(rest):
                rules[state].add((value, ("matches", rest)))
                pending.append(("matches", rest))
    return root


def is_terminal(symbol: Symbol) -> bool:
    """Whether a symbol stands for itself in a text."""
    return isinstance(symbol, int | Special)


def trim(rules: Rules) -> Rules:
    """Only the rules that take part in deriving some sentence."""
    productive: set[Symbol] = set()

    def ends(rhs: tuple[Symbol, ...]) -> bool:
        return all(is_terminal(symbol) or symbol in productive for symbol in rhs)

    while found := {lhs for lhs in rules if lhs not in productive and any(map(ends, rules[lhs]))}:
        productive |= found
    kept = {lhs: {rhs for rhs in rules[lhs] if ends(rhs)} for lhs in productive}
    reachable: set[Symbol] = set()
    pending = [START]
    while pending:
        symbol = pending.pop()
        if symbol not in reachable and symbol in kept:
            reachable.add(symbol)
            pending += [part for rhs in kept[symbol] for part in rhs]
    return {lhs: kept[lhs] for lhs in reachable} or {START: set()}
