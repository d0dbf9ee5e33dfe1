"""A symbolic grammar as the parser needs it: numbered rules with probabilities, what is ignored written out.

Symbols are numbered: terminals first, then nonterminals.  A *dot* is a place in a right-hand side; those of a rule
follow each other.  The states of tallies are nonterminals, too, and get their rules when they are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import log

from stolcke.errors import GrammarError
from stolcke.grammar import analysis
from stolcke.grammar.model import Grammar, Symbol, Terminal
from stolcke.lexical import Plain
from stolcke.parsing.machines import Machine
from stolcke.parsing.tallies import TallyState, TallyStates

__all__ = ["END", "Tables"]

END = -1
"""What stands behind a right-hand side."""

_TALLY, _REST, _CHOICE = range(3)

_STOP = 0.5
"""Probability that a tally stops where it may go on."""


class Tables:
    """The rules of a grammar that can take part in some text.

    Parameters
    ----------
    grammar : Grammar
    weights : sequence of float
        Of each rule of the grammar; rules with weight 0 are left out.
    ignored : tuple of (tuple of float, float)
        Probability of another match of each ignored terminal, and of none.
    machines : mapping of str to Machine
        Of each terminal that matches some text.
    once : bool
        Whether ignored matches in a row are one match anyway.

    Attributes
    ----------
    names : list of str
        Of each symbol.
    n_terminals : int
    start : int
        The symbol that texts are derived from.
    root : int
        The start of the grammar; the same where nothing is ignored.
    skip : int
        The nonterminal of what is ignored, or -1.
    silent : set of int
        Nonterminals that leave nothing in trees: those of what is ignored.
    lhs, begin, log_weight, source : list
        Of each rule: its nonterminal, its first dot, the logarithm of its weight, and its number in the grammar or -1.
    after : list of int
        The symbol after each dot, or END.
    rule_at : list of int
        The rule that each dot is in.
    nullable : list of bool
        Whether each symbol derives the empty text.
    """

    def __init__(
        self,
        grammar: Grammar,
        weights: Sequence[float],
        ignored: tuple[tuple[float, ...], float],
        machines: Mapping[str, Machine],
        once: bool,
    ) -> None:
        positive = tuple(rule for rule, weight in zip(grammar.rules, weights, strict=True) if weight > 0)
        kept = Grammar.made(grammar.start, positive, {}, tallies=grammar.tallies)
        nothing = grammar.terminals.keys() - machines.keys()
        productive = self._productive = analysis.productive(kept, nothing)
        if grammar.start in productive:
            positive = tuple(rule for rule in positive if self._derives(rule.rhs, nothing))
            kept = Grammar.made(grammar.start, positive, {}, tallies=grammar.tallies)
            productive = self._productive = productive & analysis.reachable(kept)
        self.is_empty = grammar.start not in productive
        self.names = list(grammar.terminals)
        self.machines = [machines.get(name) for name in self.names]
        self.n_terminals = len(self.names)
        self._terminal = {name: number for number, name in enumerate(self.names)}
        self.number = {name: self.n_terminals + i for i, name in enumerate(sorted(productive))}
        self.names += sorted(productive)
        self._nullable_names = analysis.nullable(kept)
        self.nullable = [name in self._nullable_names for name in self.names]
        self.nullable[: self.n_terminals] = [False] * self.n_terminals
        self.rules_of: list[list[int] | None] = [[] for _ in self.names]
        self.lhs: list[int] = []
        self.begin: list[int] = []
        self.log_weight: list[float] = []
        self.source: list[int] = []
        self.after: list[int] = []
        self.rule_at: list[int] = []
        self._instances: dict[tuple, int] = {}
        self._state_of: dict[int, tuple[int, str, TallyState]] = {}
        self._tallies: dict[str, TallyStates] = {}
        self._separators: dict[str, tuple[int, ...]] = {}
        self.skip = -1
        self.start = self.number.get(grammar.start, -1)
        # A front end that writes out what is ignored has names for that which no one else can write.
        self.root = self.number.get(grammar.start.removeprefix("%"), -1)
        self.silent = {self.number[name] for name in productive if name.startswith("%ignored")}
        self._nonterminals = frozenset(grammar.nonterminals)
        self._n_written = 0
        self._called: dict[str, list[int]] = {}
        if not self.is_empty:
            self._write(grammar, weights, ignored, nothing, once)

    def _write(
        self,
        grammar: Grammar,
        weights: Sequence[float],
        ignored: tuple[tuple[float, ...], float],
        nothing: Collection[str],
        once: bool,
    ) -> None:
        pairs = zip(grammar.ignore, ignored[0], strict=True)
        matches = {self._terminal[name]: p for name, p in pairs if name not in nothing}
        if matches:
            self._write_ignored(matches, ignored[1], once, grammar.start)
        for index, (rule, weight) in enumerate(zip(grammar.rules, weights, strict=True)):
            if weight > 0 and rule.lhs.name in self.number and self._derives(rule.rhs, nothing):
                self._add(self.number[rule.lhs.name], self.numbers(rule.rhs), log(weight), index)
        for name, tally in grammar.tallies.items():
            if name in self._productive:
                possible = [self._derives(entry.symbols, nothing) for entry in tally.entries]
                separable = self._derives(tally.separator, nothing)
                states = self._tallies[name] = TallyStates(tally, possible, separable)
                self._separators[name] = self.numbers(tally.separator) if separable else ()
                self._promise(self.number[name], _TALLY, name, states.initial)
        self._n_written = len(self.lhs)

    def _write_ignored(self, matches: dict[int, float], stop: float, once: bool, start: str) -> None:
        """What is ignored stands before every terminal and at the end; what matches nothing leaves its share to all."""
        total = stop + sum(matches.values())
        self.skip = self._symbol("_ignored", True)
        self.silent.add(self.skip)
        self._add(self.skip, (), log(stop / total), -1)
        for terminal, p in matches.items():
            if p > 0:
                self._add(self.skip, (terminal,) if once else (self.skip, terminal), log(p / total), -1)
        text = self._symbol(f"_{start}_and_ignored", self.nullable[self.start])
        self._add(text, (self.start, self.skip), 0.0, -1)
        self.start = text

    def _symbol(self, name: str, nullable: bool) -> int:
        self.names.append(name)
        self.nullable.append(nullable)
        self.rules_of.append([])
        return len(self.names) - 1

    def _derives(self, symbols: tuple[Symbol, ...], nothing: Collection[str]) -> bool:
        return all(x.name not in nothing if isinstance(x, Terminal) else x.name in self._productive for x in symbols)

    def numbers(self, symbols: tuple[Symbol, ...]) -> tuple[int, ...]:
        """Symbols as numbers, with what is ignored before each terminal."""
        found: list[int] = []
        for symbol in symbols:
            if isinstance(symbol, Terminal):
                if self.skip >= 0:
                    found.append(self.skip)
                found.append(self._terminal[symbol.name])
            else:
                found.append(self.number[symbol.name])
        return tuple(found)

    def _add(self, lhs: int, rhs: tuple[int, ...], log_weight: float, source: int) -> None:
        rule = len(self.lhs)
        self.lhs.append(lhs)
        self.begin.append(len(self.after))
        self.log_weight.append(log_weight)
        self.source.append(source)
        self.after += rhs
        self.after.append(END)
        self.rule_at += [rule] * (len(rhs) + 1)
        self.rules_of[lhs].append(rule)

    def call(self, plain: Plain) -> None:
        """Call symbols as they are called in the grammar that restrictions were compiled away from."""
        for name, definition in plain.grammar.terminals.items():
            self.names[self._terminal[name]] = definition.variant_of or name
        for name, original in plain.original.items():
            if name in self.number:
                self.names[self.number[name]] = original
        for name, number in (*self._terminal.items(), *self.number.items()):
            self._called.setdefault(self.names[number], []).append(number)
            self._called.setdefault(name, [number])
        if plain.rule_of is not None:
            self.root = self.number.get(plain.root, -1)

    def symbols(self, name: str) -> list[int]:
        """The numbers of a symbol of the grammar and its copies; none for one that is part of no text.

        Raises
        ------
        GrammarError
            Where there is none of that name.
        """
        found = self._called.get(name)
        if found is None and name not in self._nonterminals:
            raise GrammarError(f"the grammar has no symbol {name!r}")
        return found or []

    def length(self, rule: int) -> int:
        """Number of symbols on the right-hand side of a rule."""
        end = self.begin[rule + 1] if rule + 1 < len(self.begin) else len(self.after)
        return end - self.begin[rule] - 1

    def right_hand_side(self, rule: int) -> tuple[int, ...]:
        """The symbols of a rule."""
        begin = self.begin[rule]
        return tuple(self.after[begin : begin + self.length(rule)])

    def tallies(self) -> list[tuple[int, TallyStates, tuple[int, ...]]]:
        """The tallies: their nonterminals, states and separators."""
        return [(self.number[name], states, self._separators[name]) for name, states in self._tallies.items()]

    def rules(self, nonterminal: int) -> list[int]:
        """The rules of a nonterminal; those of a tally's state are made now."""
        found = self.rules_of[nonterminal]
        if found is None:
            found = self.rules_of[nonterminal] = []
            self._make_rules(nonterminal, *self._state_of[nonterminal])
        return found

    def outline(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Rules from which any text of the grammar can be derived, and others: states of tallies are not told apart.

        Numbers from ``len(names)`` on are nonterminals that only these rules have.
        """
        for rule in range(self._n_written):
            yield self.lhs[rule], self.right_hand_side(rule)
        for number, (tally, states, separator) in enumerate(self.tallies()):
            entry = len(self.names) + number
            yield tally, (entry,)
            yield tally, (entry, *separator, tally)
            for i in states.usable:
                yield entry, self.numbers(states.entries[i].symbols)

    # --- states of tallies ---------------------------------------------------------------------------------------

    def _promise(self, nonterminal: int, kind: int, name: str, state: TallyState) -> None:
        self.rules_of[nonterminal] = None
        self._state_of[nonterminal] = kind, name, state

    def _instance(self, kind: int, name: str, state: TallyState) -> int:
        key = kind, name, state
        found = self._instances.get(key)
        if found is None:
            nullable = kind == _REST and self._tallies[name].is_complete(state)
            found = self._instances[key] = self._symbol(f"_{name}_{'rest' if kind == _REST else 'choice'}", nullable)
            self._promise(found, kind, name, state)
        return found

    def _make_rules(self, nonterminal: int, kind: int, name: str, state: TallyState) -> None:
        """Where a tally may stop and may go on it does either with one half; all entries are equally probable."""
        states = self._tallies[name]
        strings: list[tuple[int, ...]] = []
        if kind == _REST and self._separators[name]:
            if states.continues(state):
                strings.append((*self._separators[name], self._instance(_CHOICE, name, state)))
        else:
            for number, after in states.next_entries(state):
                symbols = self.numbers(states.entries[number].symbols)
                rest = (self._instance(_REST, name, after),) if states.continues(after) else ()
                strings.append(symbols + rest)
        stops = self.nullable[nonterminal]
        if stops:
            self._add(nonterminal, (), log(_STOP) if strings else 0.0, -1)
        for string in strings:
            self._add(nonterminal, string, log((_STOP if stops else 1) / len(strings)), -1)
