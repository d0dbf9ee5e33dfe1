"""Terminals told apart by what else is possible where they are read.

Nonterminals are copied by the LR state that they begin in, so that each use of a terminal belongs to one state.  Copies
that turn out the same are one.  Derivations stay what they are, one for one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stolcke.grammar.contexts import SPARE, Contexts, Relevant, contexts
from stolcke.grammar.model import Grammar, Nonterminal, Rule, RuleOptions, Symbol, Terminal, TerminalDefinition
from stolcke.grammar.refinement import coarsest

__all__ = ["split_by_context"]

_GROWTH = 6
"""Rules that copies may amount to, for each rule that there was."""

Parts = Callable[[str, frozenset[str]], tuple[TerminalDefinition, ...]]


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
    found = contexts(grammar, relevant)
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
        self._copied: dict[str, str] = {}
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
        rules = self._rules + [rule for rule in self._grammar.rules if rule.lhs.name not in written]
        place = {rule.lhs.name: number for number, rule in reversed(list(enumerate(self._grammar.rules)))}
        rules.sort(key=lambda rule: place.get(self._copied.get(rule.lhs.name, rule.lhs.name), len(self._grammar.rules)))
        return replace(
            self._grammar,
            rules=tuple(rules),
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
            for number in [number for name in names for number in found.automaton.rules_of[name]]:
                for place, (_, here) in enumerate(found.along(state, number)):
                    if here >= 0:
                        key = found.rules[number].source, place
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

        # Of each state, a number that states of equal possibilities share: a terminal becomes the same in all of them.
        numbers: dict[frozenset[str], int] = {}
        same = [numbers.setdefault(live, len(numbers)) for live in found.live]
        variants: dict[tuple[int, int, str], Symbol] = {}

        def variant(symbol: int, state: int, rule: Rule) -> Symbol:
            key = symbol, same[state], rule.lhs.name
            if key not in variants:
                variants[key] = self._variant(found.names[symbol], found.live[state], rule)
            return variants[key]

        node(0, automaton.start)
        bodies: list[list[tuple[int, tuple[int | Symbol, ...]]]] = []
        for state, name in order:
            body = []
            for number in automaton.rules_of[name]:
                source = found.rules[number].source
                rule = self._grammar.rules[source]
                rhs = [
                    variant(symbol, here, rule) if symbol < n_terminals else node(here, symbol)
                    for symbol, here in found.along(state, number)
                ]
                body.append((source, tuple(rhs)))
            bodies.append(body)
        classes = _equal([found.names[name] for _, name in order], bodies)
        representatives = list({number: place for place, number in reversed(list(enumerate(classes)))}.items())
        representatives.sort(key=lambda pair: pair[1])
        if sum(len(bodies[place]) for _, place in representatives) > _GROWTH * len(self._grammar.rules) + SPARE:
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
            self._copied[name] = name
            return name
        other = self._free_name(name)
        self._copied[other] = name
        self._templates[other] = self._grammar.templates.get(name, name)
        if name in self._grammar.options:
            self._options[other] = self._grammar.options[name]
        return other


def _equal(names: list[str], bodies: list[list[tuple[int, tuple[int | Symbol, ...]]]]) -> list[int]:
    """Number the copies so that equal ones, with equal ones inside, have one number: the coarsest way."""
    number: dict[Symbol, int] = {}

    def numbered(rhs: tuple[int | Symbol, ...]) -> tuple[int, ...]:
        return tuple([s if isinstance(s, int) else number.setdefault(s, len(names) + len(number)) for s in rhs])

    strings = [[(source, numbered(rhs)) for source, rhs in body] for body in bodies]
    return coarsest(names, strings, len(names) + len(number))[: len(names)]
