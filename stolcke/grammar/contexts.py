"""What is possible, too, where a grammar's terminals are read.

The states of an LR automaton tell the places of a text apart.  What some part of a text may leave out is told apart
from what it writes where that matters, as LR parsers do with optional parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import NamedTuple

from stolcke.errors import LimitExceeded
from stolcke.grammar.analysis import nullable, productive, reachable
from stolcke.grammar.lr import LrAutomaton
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal

__all__ = ["SPARE", "ContextRule", "Contexts", "Relevant", "contexts", "following_terminals"]

SPARE = 500
"""Rules that are allowed beside a multiple of those that there are: small grammars may grow."""
_ROUNDS = 3

WHOLE, EMPTY, SOLID = range(3)
_Name = tuple[str, int]
"""A nonterminal and which of its texts are meant: all, the empty one, or the others."""


class ContextRule(NamedTuple):
    """A rule as the LR automaton has it."""

    lhs: int
    rhs: tuple[int, ...]
    source: int
    """Number of the rule that it stands for."""


class Contexts(NamedTuple):
    """What :func:`contexts` finds."""

    names: list[str]
    """Of all symbols; terminals come first."""
    rules: list[ContextRule]
    automaton: LrAutomaton
    live: list[frozenset[str]]
    """Of each state, the terminals that are sure to be possible when one is read that this state goes on with."""


Relevant = Callable[[str], frozenset[str]]


def contexts(grammar: Grammar, relevant: Relevant) -> Contexts | None:
    """Find the LR states of a grammar and what is possible in each.

    Parameters
    ----------
    grammar : Grammar
        Without tallies.
    relevant : callable
        Gives, for a terminal, those of which it matters whether they are possible, too.

    Returns
    -------
    Contexts or None
        None where the grammar derives nothing, or has too many states.
    """
    known = productive(grammar) & reachable(grammar)
    usable = [
        (number, rule)
        for number, rule in enumerate(grammar.rules)
        if rule.lhs.name in known and all(isinstance(s, Terminal) or s.name in known for s in rule.rhs)
    ]
    if grammar.start not in known:
        return None
    alternatives = _Alternatives(usable, nullable(grammar))
    try:
        found = _analysed(grammar.start, alternatives, frozenset(), None)
        if any(rule.weight is not None for _, rule in usable):
            # An alternative for each part would need a weight of its own.
            return found
        parted: frozenset[str] = frozenset()
        for _ in range(_ROUNDS):
            more = alternatives.closed(_telling(found, relevant, alternatives.empty))
            if more <= parted:
                break
            parted |= more
            # Each round sees better what is possible, unless it costs more than it is worth.
            found = _analysed(grammar.start, alternatives, parted, 3 * len(usable) + SPARE)
    except LimitExceeded:
        pass
    return found


def _analysed(start: str, alternatives: _Alternatives, parted: frozenset[str], most: int | None) -> Contexts:
    symbols: dict[_Name | str, int] = {name: number for number, name in enumerate(alternatives.terminals)}
    names = list(alternatives.terminals)
    n_terminals = len(names)
    rules: list[ContextRule] = []
    waiting: list[_Name] = []

    def number_of(name: _Name | str) -> int:
        if name not in symbols:
            symbols[name] = len(symbols)
            names.append(name[0])
            waiting.append(name)
        return symbols[name]

    number_of((start, WHOLE))
    for name in waiting:
        for source, rhs in alternatives.of(name, parted):
            rules.append(ContextRule(symbols[name], tuple(map(number_of, rhs)), source))
            if most is not None and len(rules) > most:
                raise LimitExceeded("rules", f"more than {most}", most, "parts of nonterminals")
    automaton = LrAutomaton([(rule.lhs, rule.rhs) for rule in rules], n_terminals, n_terminals)
    bits = _live_on_arrival(automaton)
    live = [frozenset(names[number] for number in range(n_terminals) if each >> number & 1) for each in bits]
    return Contexts(names, rules, automaton, live)


class _Alternatives:
    """The rules of nonterminals, or of a part of their texts."""

    def __init__(self, usable: list[tuple[int, Rule]], empty: frozenset[str]) -> None:
        self.empty = empty
        self.terminals = list(dict.fromkeys(s.name for _, rule in usable for s in rule.rhs if isinstance(s, Terminal)))
        self._usable = usable
        self._of: dict[str, list[tuple[int, Rule]]] = {}
        for number, rule in usable:
            self._of.setdefault(rule.lhs.name, []).append((number, rule))

    def of(self, name: _Name, parted: frozenset[str]) -> Iterable[tuple[int, tuple[_Name | str, ...]]]:
        """Go through the right sides, each with the number of its rule."""
        for number, rule in self._of[name[0]]:
            may_be_empty = self._may_be_empty(rule)
            if name[1] == EMPTY:
                if may_be_empty:
                    yield number, tuple((symbol.name, EMPTY) for symbol in rule.rhs)
                continue
            ways: list[list[_Name | str]] = [
                [symbol.name]
                if isinstance(symbol, Terminal)
                else [(symbol.name, EMPTY), (symbol.name, SOLID)]
                if symbol.name in parted
                else [(symbol.name, WHOLE)]
                for symbol in rule.rhs
            ]
            for rhs in product(*ways):
                if not (name[1] == SOLID and may_be_empty and all(symbol[1] == EMPTY for symbol in rhs)):
                    yield number, rhs

    def _may_be_empty(self, rule: Rule) -> bool:
        return all(isinstance(symbol, Nonterminal) and symbol.name in self.empty for symbol in rule.rhs)

    def closed(self, names: set[str]) -> frozenset[str]:
        """Add what some of the nonterminals may consist of, all of which may be empty: they need parts, too."""
        waiting = list(names)
        while waiting:
            for _, rule in self._of[waiting.pop()]:
                inner = {symbol.name for symbol in rule.rhs if self._may_be_empty(rule)}
                waiting += inner - names
                names = names | inner
        return frozenset(names)


def _telling(found: Contexts, relevant: Relevant, empty: frozenset[str]) -> set[str]:
    """Find the nonterminals of which it matters, for a terminal that may come next, whether they are left out."""
    automaton, live = found.automaton, found.live
    telling: set[str] = set()
    for state, names in enumerate(automaton.predicted):
        for symbol in names:
            name = found.names[symbol]
            if name not in empty or name in telling:
                continue
            behind = automaton.steps[state][symbol]
            ends = {automaton.walk(state, rule)[-1] for rule in automaton.rules_of[symbol]} - {state}
            if not ends:
                continue
            written = frozenset.intersection(*(live[end] for end in ends))
            matters = live[state] ^ written
            if any(relevant(following) & matters for following in live[behind]):
                telling.add(name)
    return telling


def following_terminals(grammar: Grammar) -> dict[str, set[str]]:
    """Find the terminals that rules allow directly behind each terminal; more, where no text holds them."""
    rules = list(enumerate(grammar.rules))
    empty = nullable(grammar)
    first, follow = _first_and_follow(rules, empty)
    found: dict[str, set[str]] = {}
    for _, rule in rules:
        for place, symbol in enumerate(rule.rhs):
            if isinstance(symbol, Terminal):
                following, is_last = _first_of(rule.rhs[place + 1 :], first, empty)
                found.setdefault(symbol.name, set()).update(following, follow[rule.lhs.name] if is_last else ())
    return found


def _first_and_follow(
    usable: list[tuple[int, Rule]], empty: frozenset[str]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    first: dict[str, set[str]] = {rule.lhs.name: set() for _, rule in usable}
    follow: dict[str, set[str]] = {name: set() for name in first}
    changed = True
    while changed:
        changed = False
        for _, rule in usable:
            begins = _first_of(rule.rhs, first, empty)[0]
            sets = [(first[rule.lhs.name], begins)]
            for place, symbol in enumerate(rule.rhs):
                if isinstance(symbol, Nonterminal):
                    following, is_last = _first_of(rule.rhs[place + 1 :], first, empty)
                    sets.append((follow[symbol.name], following))
                    if is_last:
                        sets.append((follow[symbol.name], follow[rule.lhs.name]))
            for target, more in sets:
                if not more <= target:
                    target |= more
                    changed = True
    return first, follow


def _first_of(symbols, first: dict[str, set[str]], empty: frozenset[str]) -> tuple[set[str], bool]:
    """Terminals that a string of symbols may begin with, and whether it may be empty."""
    found: set[str] = set()
    for symbol in symbols:
        if isinstance(symbol, Terminal):
            found.add(symbol.name)
            return found, False
        found |= first[symbol.name]
        if symbol.name not in empty:
            return found, False
    return found, True


def _live_on_arrival(automaton: LrAutomaton) -> list[int]:
    """Collect what is sure to have been possible when the terminal was read that a state goes on with.

    A terminal is read before the rules end that end in front of it.  What is possible in any of the states on the
    way, from the one behind the last terminal on, was possible then.  Where there are several ways to a state, what
    they have in common counts; ways are finite, so that this is the greatest solution.
    """
    live = automaton.live
    n_terminals = automaton.n_terminals
    everything = (1 << n_terminals) - 1
    found = [everything] * len(live)
    found[0] = live[0]
    ends: dict[int, set[int]] = {}
    for state, names in enumerate(automaton.predicted):
        for name in names:
            target = ends.setdefault(automaton.steps[state][name], set())
            target.update(automaton.walk(state, rule)[-1] for rule in automaton.rules_of[name])
    for steps in automaton.steps:
        for symbol, target in steps.items():
            if symbol < n_terminals:
                found[target] = live[target]
    changed = True
    while changed:
        changed = False
        for state, sources in ends.items():
            common = everything
            for source in sources:
                common &= found[source]
            if live[state] | common != found[state]:
                found[state] = live[state] | common
                changed = True
    return found
