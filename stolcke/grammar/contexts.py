"""What is possible, too, where a grammar's terminals are read.

The states of an LR automaton tell the places of a text apart.  What some part of a text may leave out is told apart
from what it writes where that matters, as LR parsers do with optional parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import NamedTuple

from stolcke.errors import LimitExceeded
from stolcke.grammar.analysis import components, nullable, productive, reachable
from stolcke.grammar.lr import LrAutomaton
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal

__all__ = ["SPARE", "ContextRule", "Contexts", "Relevant", "contexts", "following_terminals"]

SPARE = 500
"""Rules that are allowed beside a multiple of those that there are: small grammars may grow."""
_ROUNDS = 5

_LABELS = 16
"""Parts that one nonterminal may have."""

_Label = tuple
"""Which texts of a nonterminal are meant: those of one rule, and of certain parts in it; () for all."""
_Name = tuple[str, _Label]


class ContextRule(NamedTuple):
    """A rule as the LR automaton has it."""

    lhs: int
    rhs: tuple[int, ...]
    """Without the symbols that are left out: an LR parser would first have to see what comes instead."""
    source: int
    """Number of the rule that it stands for."""
    whole: tuple[tuple[int, bool], ...]
    """Each symbol of that rule, and whether it is left out."""


class Contexts(NamedTuple):
    """What :func:`contexts` finds."""

    names: list[str]
    """Of all symbols; terminals come first."""
    rules: list[ContextRule]
    automaton: LrAutomaton
    live: list[frozenset[str]]
    """Of each state, the terminals that are sure to be possible when one is read that this state goes on with."""

    def along(self, state: int, number: int) -> Iterator[tuple[int, int]]:
        """Go through the symbols of a rule that begins in a state, each with the state before it; -1 if left out."""
        path = iter(self.automaton.walk(state, number) if state >= 0 else ())
        for symbol, is_left_out in self.rules[number].whole:
            yield symbol, -1 if is_left_out else next(path)


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
    alternatives = _Alternatives(usable)
    try:
        found = _analysed(grammar.start, alternatives, None)
        if any(rule.weight is not None for _, rule in usable):
            # An alternative for each part would need a weight of its own.
            return found
        for _ in range(_ROUNDS):
            if not alternatives.part(_telling(found, relevant)):
                break
            # Each round sees better what is possible, unless it costs more than it is worth.
            found = _analysed(grammar.start, alternatives, 3 * len(usable) + SPARE)
    except LimitExceeded:
        pass
    return found


def _analysed(start: str, alternatives: _Alternatives, most: int | None) -> Contexts:
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

    number_of((start, ()))
    for name in waiting:
        for source, rhs in alternatives.of(name):
            whole = tuple((number_of(symbol), alternatives.is_left_out(symbol)) for symbol in rhs)
            written = tuple(symbol for symbol, is_left_out in whole if not is_left_out)
            rules.append(ContextRule(symbols[name], written, source, whole))
            if most is not None and len(rules) > most:
                raise LimitExceeded("rules", f"more than {most}", most, "parts of nonterminals")
    automaton = LrAutomaton([(rule.lhs, rule.rhs) for rule in rules], n_terminals, n_terminals)
    bits = _live_on_arrival(automaton)
    live = [frozenset(names[number] for number in range(n_terminals) if each >> number & 1) for each in bits]
    return Contexts(names, rules, automaton, live)


class _Alternatives:
    """The rules of nonterminals, or of a part of their texts."""

    def __init__(self, usable: list[tuple[int, Rule]]) -> None:
        self.terminals = list(dict.fromkeys(s.name for _, rule in usable for s in rule.rhs if isinstance(s, Terminal)))
        self._of: dict[str, list[tuple[int, Rule]]] = {}
        for number, rule in usable:
            self._of.setdefault(rule.lhs.name, []).append((number, rule))
        graph = {
            name: [s.name for _, rule in rules for s in rule.rhs if isinstance(s, Nonterminal)]
            for name, rules in self._of.items()
        }
        # Of nonterminals, each behind those that it consists of.
        self._rank = {name: rank for rank, names in enumerate(components(graph)) for name in names}
        self._labels: dict[str, list[_Label]] = {}
        self._whole: set[str] = set()

    def part(self, names: set[str]) -> bool:
        """Tell the texts of more nonterminals apart by their rules, and whether there are such."""
        names = names - self._labels.keys() - self._whole
        parted = sorted({*names, *self._labels}, key=self._rank.__getitem__)
        self._labels = {}
        for name in parted:
            labels = [
                (number, *inner)
                for number, rule in self._of[name]
                for inner in product(*(self._labels[symbol] for symbol in self._inner(name, rule)))
            ]
            if len(labels) > _LABELS:
                self._whole.add(name)
            else:
                self._labels[name] = labels
        return bool(names - self._whole)

    def _inner(self, name: str, rule: Rule) -> list[str]:
        """Name the symbols of a rule whose parts make parts of the whole; lists have too many."""
        return [
            symbol.name
            for symbol in rule.rhs
            if isinstance(symbol, Nonterminal)
            and symbol.name in self._labels
            and self._rank[symbol.name] < self._rank[name]
        ]

    def is_left_out(self, symbol: _Name | str) -> bool:
        """Whether a symbol is a part of a nonterminal that is the empty text alone."""
        if isinstance(symbol, str) or not symbol[1]:
            return False
        number, *labels = symbol[1]
        rule = next(rule for each, rule in self._of[symbol[0]] if each == number)
        names = self._inner(symbol[0], rule)
        return len(names) == len(rule.rhs) and all(map(self.is_left_out, zip(names, labels, strict=True)))

    def of(self, name: _Name) -> Iterable[tuple[int, tuple[_Name | str, ...]]]:
        """Go through the right sides, each with the number of its rule."""
        for number, rule in self._of[name[0]]:
            if name[1] and name[1][0] != number:
                continue
            fixed = list(name[1][1:])
            inner = set(self._inner(name[0], rule)) if name[1] else set()
            ways: list[list[_Name | str]] = []
            for symbol in rule.rhs:
                if isinstance(symbol, Terminal):
                    ways.append([symbol.name])
                elif symbol.name in inner:
                    ways.append([(symbol.name, fixed.pop(0))])
                else:
                    ways.append([(symbol.name, label) for label in self._labels.get(symbol.name, [()])])
            for rhs in product(*ways):
                yield number, rhs


def _telling(found: Contexts, relevant: Relevant) -> set[str]:
    """Find the nonterminals of which it matters, for a terminal that may come next, how they were written."""
    automaton, live = found.automaton, found.live
    telling: set[str] = set()
    for state, names in enumerate(automaton.predicted):
        for symbol in names:
            ends = {live[automaton.walk(state, rule)[-1]] for rule in automaton.rules_of[symbol]}
            if len(ends) > 1:
                matters = frozenset.union(*ends) - frozenset.intersection(*ends)
                following = live[automaton.steps[state][symbol]]
                if any(relevant(name) & matters for name in following):
                    telling.add(found.names[symbol])
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
