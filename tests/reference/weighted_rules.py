"""A grammar as plain weighted rules: shares settled, tallies and ignored text written out, terminals as WFSAs.

What every weight is unless it is given, in one place:

- the rules of one left side that have no weight share equally what the others leave of 1 (under raw weights each of
  them is 1);
- ``%ignore`` is ``skip: [rest] | skip T1 [p1] | skip T2 [p2]`` before every terminal and at the end; where one match
  of the only ignored terminal is the same text as many, ``skip: [rest] | T [p]``;
- a tally stops or goes on with one half each where both are possible, and goes on with all entries that may come
  equally;
- in each state of a terminal's automaton all live bytes and, where it accepts, stopping are equally probable.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, Terminal
from stolcke.grammar.patterns import Counted, Pattern, Special
from stolcke.lexer import Automaton, automaton
from tests.reference.tallies import written_out

TEXT = Nonterminal("whole text")
SKIP = Nonterminal("ignored text")
STOP = 256
"""Column of a terminal's table that holds the probability of stopping; the others are bytes."""

WeightedRule = tuple[Nonterminal, tuple[Symbol, ...], float]
"""Left side, right side, weight."""


@dataclass(frozen=True)
class Wfsa:
    """A terminal: a deterministic automaton over bytes, or one special token, with probabilities.

    ``table[q, b]`` is the probability of byte ``b`` in state ``q``, and ``table[q, STOP]`` that of stopping there.
    """

    machine: Automaton | Special
    table: np.ndarray

    def step(self, state: int, symbol: Hashable) -> tuple[int, float]:
        """The state that a byte or special token leads to and its probability; -1 where it leads nowhere."""
        if isinstance(self.machine, Special):
            return (1, 1.0) if state == 0 and symbol == self.machine else (-1, 0.0)
        if not isinstance(symbol, int):
            return -1, 0.0
        return self.machine.step(state, symbol), float(self.table[state, symbol])

    @cached_property
    def rules(self) -> list[tuple[int, int | Special, int, float]]:
        """All steps of positive probability: state, byte or special token, state, probability."""
        if isinstance(self.machine, Special):
            return [(0, self.machine, 1, 1.0)]
        places = np.argwhere(self.table[:, :STOP] > 0).tolist()
        return [(state, byte, *self.step(state, byte)) for state, byte in places]


def uniform(machine: Automaton) -> np.ndarray:
    """In each state, all live bytes and stopping equally: float64[n_states, 257]."""
    table = np.zeros((machine.n_states, 257))
    for state in range(machine.n_states):
        for edge in range(machine.offsets[state], machine.offsets[state + 1]):
            table[state, machine.low[edge] : int(machine.high[edge]) + 1] = 1
        table[state, STOP] = machine.accepting[state]
    return table / table.sum(1, keepdims=True)


@lru_cache(maxsize=1000)
def uniform_wfsa(pattern: Pattern) -> Wfsa:
    """The automaton of a pattern under equal probabilities."""
    if isinstance(pattern, Special):
        return Wfsa(pattern, np.eye(257)[[STOP, STOP]])
    machine = automaton(pattern.expanded() if isinstance(pattern, Counted) else pattern)
    return Wfsa(machine, uniform(machine))


@dataclass(frozen=True)
class WeightedRules:
    """Rules, which may share a right side and need not be proper, and what their terminals match."""

    rules: tuple[WeightedRule, ...]
    terminals: Mapping[Terminal, Wfsa]
    start: Nonterminal = TEXT
    raw: bool = False

    @cached_property
    def nonterminals(self) -> tuple[Nonterminal, ...]:
        """All left sides and whatever else is mentioned."""
        found = dict.fromkeys([self.start, *(lhs for lhs, _, _ in self.rules)])
        found |= dict.fromkeys(x for _, rhs, _ in self.rules for x in rhs if isinstance(x, Nonterminal))
        return tuple(found)


def weighted_rules(grammar: Grammar, tables: Mapping[str, np.ndarray] | None = None) -> WeightedRules:
    """Write a grammar out.

    Parameters
    ----------
    grammar : Grammar
    tables : mapping of str to float64[n_states, 257], optional
        For terminals whose distribution is not the uniform one.
    """
    terminals = {Terminal(name): uniform_wfsa(found.pattern) for name, found in grammar.terminals.items()}
    terminals |= {Terminal(n): replace(terminals[Terminal(n)], table=table) for n, table in (tables or {}).items()}
    ignored = [Terminal(name) for name in grammar.ignore if len(terminals[Terminal(name)].table)]
    rules: list[WeightedRule] = [(TEXT, (Nonterminal(grammar.start), SKIP), 1.0)]
    for name, alternatives in grammar.alternatives.items():
        for rule, weight in zip(alternatives, shares(alternatives, grammar.raw_weights), strict=True):
            rules.append((Nonterminal(name), with_skips(rule.rhs), weight))
    rules += tally_rules(grammar)
    return WeightedRules((*rules, *ignored_rules(grammar, ignored, terminals)), terminals, raw=grammar.raw_weights)


def shares(alternatives: tuple[Rule, ...], raw: bool) -> list[float]:
    """The weight of each rule of one left side."""
    given = [rule.weight for rule in alternatives if rule.weight is not None]
    missing = len(alternatives) - len(given)
    share = 1.0 if raw else max(0.0, 1 - sum(given)) / missing if missing else 0.0
    return [share if rule.weight is None else rule.weight for rule in alternatives]


def with_skips(symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """Ignored text before each terminal."""
    return tuple(x for symbol in symbols for x in ((SKIP, symbol) if isinstance(symbol, Terminal) else (symbol,)))


def ignored_rules(grammar: Grammar, ignored: list[Terminal], terminals: Mapping[Terminal, Wfsa]) -> list[WeightedRule]:
    """What ``%ignore`` means."""
    if not ignored:
        return [(SKIP, (), 1.0)]
    given = {t: grammar.ignore_weights[t.name] for t in ignored if t.name in grammar.ignore_weights}
    share = (1 - sum(given.values())) / (len(ignored) - len(given) + 1)
    machine = terminals[ignored[0]].machine
    once = len(ignored) == 1 and isinstance(machine, Automaton) and machine.repeats
    before = () if once else (SKIP,)
    return [(SKIP, (), share), *((SKIP, (*before, terminal), given.get(terminal, share)) for terminal in ignored)]


def tally_rules(grammar: Grammar) -> list[WeightedRule]:
    """The rules of all tallies written out, of those that lead to some text."""
    plain = written_out(grammar)
    possible = completable(plain)
    alternatives: dict[Nonterminal, list[tuple[Symbol, ...]]] = {}
    for rule in plain.rules[len(grammar.rules) :]:
        if rule.rhs != (rule.lhs,) and possible.issuperset(rule.rhs):
            alternatives.setdefault(rule.lhs, []).append(rule.rhs)
    rules: list[WeightedRule] = []
    for lhs, bodies in alternatives.items():
        going_on = [rhs for rhs in bodies if rhs]
        stop = 0.0 if () not in bodies else 0.5 if going_on else 1.0
        rules += [(lhs, (), stop)] if stop else []
        rules += [(lhs, with_skips(rhs), (1 - stop) / len(going_on)) for rhs in going_on]
    return rules


def completable(grammar: Grammar) -> set[Symbol]:
    """The symbols that derive some text, whatever its probability."""
    found: set[Symbol] = set()
    for name, definition in grammar.terminals.items():
        if len(uniform_wfsa(definition.pattern).table):
            found.add(Terminal(name))
    while more := {rule.lhs for rule in grammar.rules if rule.lhs not in found and found.issuperset(rule.rhs)}:
        found |= more
    return found
