"""Terminals told apart by what else is possible where they are read.

Nonterminals are copied by the LR state that they begin in, so that each use of a terminal belongs to one state; and
what some part of a text may leave out is told apart from what it writes, as LR parsers do with optional parts.  Copies
that turn out the same are one.  Derivations stay what they are, one for one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from stolcke.errors import LimitExceeded
from stolcke.grammar.analysis import nullable, productive, reachable
from stolcke.grammar.lr import LrAutomaton
from stolcke.grammar.model import Grammar, Nonterminal, Rule, RuleOptions, Symbol, Terminal, TerminalDefinition

__all__ = ["ContextRule", "Contexts", "contexts", "following_terminals", "split_by_context"]

_GROWTH = 6
"""Rules that copies may amount to, for each rule that there was."""
_SPARE = 500
"""The same for small grammars, where growth does not hurt."""

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
Parts = Callable[[str, frozenset[str]], tuple[TerminalDefinition, ...]]


def contexts(grammar: Grammar, relevant: Relevant) -> Contexts:
    """Find the LR states of a grammar and what is possible in each.

    Parameters
    ----------
    grammar : Grammar
        Without tallies.
    relevant : callable
        Gives, for a terminal, those of which it matters whether they are possible, too.

    Raises
    ------
    LimitExceeded
    """
    known = productive(grammar) & reachable(grammar)
    usable = [
        (number, rule)
        for number, rule in enumerate(grammar.rules)
        if rule.lhs.name in known and all(isinstance(s, Terminal) or s.name in known for s in rule.rhs)
    ]
    terminals = list(dict.fromkeys(s.name for _, rule in usable for s in rule.rhs if isinstance(s, Terminal)))
    symbols: dict[_Name | str, int] = {name: number for number, name in enumerate(terminals)}
    names = list(terminals)
    rules: list[ContextRule] = []
    seen: set[_Name] = set()
    waiting: list[_Name] = []

    def number_of(name: _Name | str) -> int:
        if name not in symbols:
            symbols[name] = len(symbols)
            names.append(name[0])
        if not isinstance(name, str) and name not in seen:
            seen.add(name)
            waiting.append(name)
        return symbols[name]

    for parted in (_parted(grammar, usable, relevant), frozenset()):
        alternatives = _Alternatives(usable, nullable(grammar), parted)
        start = number_of((grammar.start, WHOLE))
        for name in waiting:
            for source, rhs in alternatives.of(name):
                rules.append(ContextRule(symbols[name], tuple(map(number_of, rhs)), source))
            if parted and len(rules) > 3 * len(usable) + _SPARE:
                break
        else:
            break
        # Telling apart costs more than it is worth here: begin again without.
        rules, seen, waiting = [], set(), []
        symbols, names = {name: number for number, name in enumerate(terminals)}, list(terminals)
    automaton = LrAutomaton([(rule.lhs, rule.rhs) for rule in rules], len(terminals), start)
    live = [
        frozenset(name for number, name in enumerate(terminals) if bits >> number & 1)
        for bits in _live_on_arrival(rules, automaton, len(terminals))
    ]
    return Contexts(names, rules, automaton, live)


class _Alternatives:
    """The rules of nonterminals, or of a part of their texts."""

    def __init__(self, usable: list[tuple[int, Rule]], empty: frozenset[str], parted: frozenset[str]) -> None:
        self._empty = empty
        self._parted = parted
        self._of: dict[str, list[tuple[int, Rule]]] = {}
        for number, rule in usable:
            self._of.setdefault(rule.lhs.name, []).append((number, rule))

    def of(self, name: _Name) -> Iterable[tuple[int, tuple[_Name | str, ...]]]:
        """Go through the right sides, each with the number of its rule."""
        for number, rule in self._of[name[0]]:
            may_be_empty = all(isinstance(s, Nonterminal) and s.name in self._empty for s in rule.rhs)
            if name[1] == EMPTY:
                if may_be_empty:
                    yield number, tuple((symbol.name, EMPTY) for symbol in rule.rhs)
                continue
            ways: list[list[_Name | str]] = [
                [symbol.name]
                if isinstance(symbol, Terminal)
                else [(symbol.name, EMPTY), (symbol.name, SOLID)]
                if symbol.name in self._parted
                else [(symbol.name, WHOLE)]
                for symbol in rule.rhs
            ]
            for rhs in product(*ways):
                if not (name[1] == SOLID and may_be_empty and all(symbol[1] == EMPTY for symbol in rhs)):
                    yield number, rhs


def _parted(grammar: Grammar, usable: list[tuple[int, Rule]], relevant: Relevant) -> frozenset[str]:
    """Find the nonterminals of which it matters, for a terminal that may come next, whether they are left out."""
    if any(rule.weight is not None for _, rule in usable):
        # An alternative for each part would need weights of its own.
        return frozenset()
    empty = nullable(grammar)
    first, follow = _first_and_follow(usable, empty)
    again: dict[str, set[str]] = {}  # what a list begins with, it goes on with
    for _, rule in usable:
        if rule.rhs[:1] == (rule.lhs,):
            again.setdefault(rule.lhs.name, set()).update(_first_of(rule.rhs[1:], first, empty)[0])
    found: set[str] = set()
    for _, rule in usable:
        for place, symbol in enumerate(rule.rhs):
            if isinstance(symbol, Terminal) or symbol.name not in empty or symbol.name in found:
                continue
            following, is_last = _first_of(rule.rhs[place + 1 :], first, empty)
            if is_last:
                following = following | follow[rule.lhs.name]
            left_out = first[symbol.name] - again.get(symbol.name, set())
            if any(relevant(name) & left_out for name in following):
                found.add(symbol.name)
    changed = True
    while changed:
        changed = False
        for _, rule in usable:
            if rule.lhs.name in found and all(isinstance(s, Nonterminal) and s.name in empty for s in rule.rhs):
                inner = {symbol.name for symbol in rule.rhs}
                changed = changed or not inner <= found
                found |= inner
    return frozenset(found)


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


def _live_on_arrival(rules: list[ContextRule], automaton: LrAutomaton, n_terminals: int) -> list[int]:
    """Collect what is sure to have been possible when the terminal was read that a state goes on with.

    A terminal is read before the rules end that end in front of it.  What is possible in any of the states on the
    way, from the one behind the last terminal on, was possible then.  Where there are several ways to a state, what
    they have in common counts; ways are finite, so that this is the greatest solution.
    """
    live = automaton.live
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


def split_by_context(grammar: Grammar, relevant: Relevant, parts: Parts) -> Grammar:
    """Give each use of a terminal what its context says.

    Parameters
    ----------
    grammar : Grammar
        Without tallies.
    relevant : callable
        See :func:`contexts`.
    parts : callable
        What becomes of a terminal, by name, where certain terminals are sure to be possible, too: a choice of these.

    Returns
    -------
    Grammar
        Where copies would be too many, all uses of a terminal at one place of a rule have what their contexts agree
        in; and where even the automaton is too large, what needs no context.
    """
    try:
        found = contexts(grammar, relevant)
    except LimitExceeded:
        found = None
    writer = _Writer(grammar, parts)
    if found is not None and writer.write_copies(found):
        return writer.grammar(found)
    writer = _Writer(grammar, parts)
    writer.write_places(found)
    return writer.grammar(found)


class _Writer:
    """Writes the rules and the terminals that they use."""

    def __init__(self, grammar: Grammar, parts: Parts) -> None:
        self._grammar = grammar
        self._parts = parts
        self._rules: list[Rule] = []
        self._options = dict(grammar.options)
        self._templates = dict(grammar.templates)
        self._taken = {*grammar.nonterminals, *grammar.terminals}
        self._copied: set[str] = set()
        self._terminals: dict[str, TerminalDefinition] = {}
        self._used: dict[tuple[TerminalDefinition, ...], tuple[str, ...]] = {}
        self._choices: dict[tuple[tuple[str, ...], bool], Nonterminal] = {}

    def grammar(self, found: Contexts | None) -> Grammar:
        """Give the grammar that was written.

        What is ignored may stand everywhere, so its restrictions are those of all contexts.  Rules that no text
        needs, and terminals that no rule does, stay as they are.
        """
        everywhere = frozenset.intersection(*found.live) if found is not None else frozenset()
        ignore = {name: self._names_of(name, everywhere) for name in self._grammar.ignore}
        for name, definition in self._grammar.terminals.items():
            if not any(name == (other.variant_of or other.name) for other in self._terminals.values()):
                self._terminals[name] = definition
        written = {rule.lhs.name for rule in self._rules}
        rest = [rule for rule in self._grammar.rules if rule.lhs.name not in written]
        return replace(
            self._grammar,
            rules=(*self._rules, *rest),
            terminals=self._terminals,
            options=self._options,
            templates=self._templates,
            ignore=tuple(dict.fromkeys(part for parts in ignore.values() for part in parts)),
            # Where there are weights, nothing is parted.
            ignore_weights={ignore[name][0]: weight for name, weight in self._grammar.ignore_weights.items()},
        )

    def _free_name(self, name: str) -> str:
        number = 2
        while f"{name}_{number}" in self._taken:
            number += 1
        self._taken.add(f"{name}_{number}")
        return f"{name}_{number}"

    def _names_of(self, name: str, live: frozenset[str]) -> tuple[str, ...]:
        """Name what becomes of a terminal; the first that is met keeps its name."""
        parts = self._parts(name, live)
        if parts not in self._used:
            names = []
            for part in parts:
                if name in self._terminals:
                    part = replace(part, name=self._free_name(name), variant_of=part.variant_of or name)
                self._terminals[part.name] = part
                names.append(part.name)
            self._used[parts] = tuple(names)
        return self._used[parts]

    def _variant(self, name: str, live: frozenset[str], rule: Rule) -> Symbol:
        """Give the symbol for a use of a terminal: where it is a choice, a nonterminal that trees leave out."""
        names = self._names_of(name, live)
        if len(names) == 1:
            return Terminal(names[0])
        options = self._grammar.options.get(rule.lhs.name)
        key = names, options is not None and options.keep_all_tokens
        if key not in self._choices:
            choice = Nonterminal(self._free_name(f"_{name.lower().strip('_')}_part"))
            self._choices[key] = choice
            if key[1]:
                self._options[choice.name] = RuleOptions(keep_all_tokens=True)
            self._rules += [Rule(choice, (Terminal(part),)) for part in names]
        return self._choices[key]

    def write_places(self, found: Contexts | None) -> None:
        """Write the rules as they were, each place of a terminal with what all its contexts agree in."""
        live: dict[tuple[int, int], frozenset[str]] = {}
        for state, names in enumerate(found.automaton.predicted if found else ()):
            for name in names:
                for number in found.automaton.rules_of[name]:
                    source = found.rules[number].source
                    for place, here in enumerate(found.automaton.walk(state, number)[:-1]):
                        key = source, place
                        live[key] = live[key] & found.live[here] if key in live else found.live[here]
        for number, rule in enumerate(self._grammar.rules):
            rhs = tuple(
                self._variant(symbol.name, live.get((number, place), frozenset()), rule)
                if isinstance(symbol, Terminal)
                else symbol
                for place, symbol in enumerate(rule.rhs)
            )
            self._rules.append(Rule(rule.lhs, rhs, rule.alias, rule.location, rule.weight))

    def write_copies(self, found: Contexts) -> bool:
        """Write nonterminals by the state that they begin in; whether these are few enough."""
        automaton, n_terminals = found.automaton, found.automaton.n_terminals
        # What each copy's rules are: numbers of other copies, or terminals' variants.
        nodes: dict[tuple[int, int], int] = {}
        order: list[tuple[int, int]] = []

        def node(state: int, symbol: int) -> int:
            if (state, symbol) not in nodes:
                nodes[state, symbol] = len(order)
                order.append((state, symbol))
            return nodes[state, symbol]

        node(0, automaton.start)
        bodies: list[list[tuple[int, tuple[int | Symbol, ...]]]] = []
        for state, name in order:
            body = []
            for number in automaton.rules_of[name]:
                source = found.rules[number].source
                rhs = [
                    self._variant(found.names[symbol], found.live[here], self._grammar.rules[source])
                    if symbol < n_terminals
                    else node(here, symbol)
                    for symbol, here in zip(found.rules[number].rhs, automaton.walk(state, number), strict=False)
                ]
                body.append((source, tuple(rhs)))
            bodies.append(body)
        classes = _equal([found.names[name] for _, name in order], bodies)
        representatives = list({number: place for place, number in reversed(list(enumerate(classes)))}.items())
        representatives.sort(key=lambda pair: pair[1])
        if sum(len(bodies[place]) for _, place in representatives) > _GROWTH * len(self._grammar.rules) + _SPARE:
            return False
        name_of = {number: self._copy_name(found.names[order[place][1]]) for number, place in representatives}
        for number, place in representatives:
            for source, body in bodies[place]:
                rule = self._grammar.rules[source]
                rhs = tuple(Nonterminal(name_of[classes[s]]) if isinstance(s, int) else s for s in body)
                self._rules.append(Rule(Nonterminal(name_of[number]), rhs, rule.alias, rule.location, rule.weight))
        return True

    def _copy_name(self, name: str) -> str:
        if name not in self._copied:
            self._copied.add(name)
            return name
        other = self._free_name(name)
        self._templates[other] = self._grammar.templates.get(name, name)
        if name in self._grammar.options:
            self._options[other] = self._grammar.options[name]
        return other


def _equal(names: list[str], bodies: list[list[tuple[int, tuple[int | Symbol, ...]]]]) -> list[int]:
    """Number the copies so that equal ones, with equal ones inside, have one number: the coarsest way."""
    number: dict[Hashable, int] = {}
    classes = [number.setdefault(name, len(number)) for name in names]
    while True:
        n_classes = len(number)
        number = {}
        classes = [
            number.setdefault(
                (
                    classes[place],
                    tuple(
                        (source, tuple(classes[s] if isinstance(s, int) else s for s in rhs)) for source, rhs in body
                    ),
                ),
                len(number),
            )
            for place, body in enumerate(bodies)
        ]
        if len(number) == n_classes:
            return classes
