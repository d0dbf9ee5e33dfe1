"""Grammar -> Grammar: what terminals ask of their neighbours, and the texts they leave to others, compiled away."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from stolcke.deadline import Deadline
from stolcke.grammar.model import Grammar, Nonterminal, Rule, RuleOptions, Symbol, Terminal
from stolcke.grammar.patterns import Machine, Special
from stolcke.grammar.printing import terminal_title
from stolcke.grammar.terminals import TerminalDefinition
from stolcke.grammar.weights import ignore_weights, rule_weights
from stolcke.lexer import automaton
from stolcke.lexer.context import may_assert
from stolcke.lexical.copies import CopiedRule, Copies, Copy, Tail
from stolcke.lexical.ends import Ends, ones
from stolcke.lexical.merging import merged, trimmed
from stolcke.options import Limits

__all__ = ["IGNORED", "Plain", "without_restrictions"]

IGNORED = "%ignored"
"""Begins the names of nonterminals for what is ignored; nobody can write such a name, and trees leave them out."""
_NOTHING = "%nothing"


@dataclass(frozen=True)
class Plain:
    """A grammar without restrictions, and what its parts are called in the one that it was made from.

    Attributes
    ----------
    grammar : Grammar
        Of the same texts, each with as many derivations.  Its weights are those of the derivations that keep the
        restrictions, so that all texts together may weigh less than one.
    root : str
        The nonterminal for the start of the original one.
    rule_of : tuple of int, or None
        The rule that each rule comes from, or -1; None where the rules are the same.
    original : mapping of str to str
        The names of nonterminals and terminals that have others there.
    """

    grammar: Grammar
    root: str
    rule_of: tuple[int, ...] | None = None
    original: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def without_restrictions(
    grammar: Grammar, limits: Limits, deadline: Deadline, *, unseen: Collection[str] = (), ignored_behind: bool = True
) -> Plain:
    """Compile restrictions away.

    Parameters
    ----------
    grammar : Grammar
    limits : Limits
        ``regex_states`` and ``rules`` are met here, the latter by the rules that are written.
    deadline : Deadline
    unseen : collection of str
        Declared terminals that no text stands for, not even that of a token: what is before and behind them meets.
    ignored_behind : bool
        Whether what is ignored is written behind the terminal that it follows, which needs fewer copies, and not before
        the one that it precedes.

    Raises
    ------
    GrammarError
        Where a restriction would reach into a tally, or meets bytes that are no characters.
    RegexError, LimitExceeded, Cancelled
    """
    if not any(
        each.is_restricted or (type(each.pattern) is not Machine and may_assert(each.pattern))
        for each in grammar.terminals.values()
    ):
        return Plain(grammar, grammar.start)
    ends = Ends(grammar.terminals, unseen, limits, deadline)
    # What is named twice or matches nothing has no share of the weight.
    ignored = tuple(dict.fromkeys(name for name in grammar.ignore if ends.firsts[name]))
    given = {name: weight for name, weight in grammar.ignore_weights.items() if name in ignored}
    grammar = replace(grammar, ignore=ignored, ignore_weights=given)
    whole = {name: _whole(definition, ends) for name, definition in grammar.terminals.items()}
    same = Plain(replace(grammar, terminals=whole), grammar.start)
    if not ends.matter:
        return same
    # Some front ends write out what is ignored themselves.
    skip = next((Nonterminal(name) for name in grammar.nonterminals if name.startswith(IGNORED)), None)
    if grammar.ignore:
        skip = Nonterminal(_free(IGNORED, grammar.nonterminals))
    written = _with_ignored(grammar, whole, skip, ignored_behind)
    copies = Copies(written, ends, unseen, limits, deadline)
    if copies.forbid_nothing:
        return same
    return _Writer(grammar, written, skip, whole, ends, copies).plain()


def _whole(definition: TerminalDefinition, ends: Ends) -> TerminalDefinition:
    if isinstance(definition.pattern, Special):
        return definition
    pattern = ends.pattern(definition.name, -1, -1)
    if pattern is definition.pattern and not definition.is_restricted:
        return definition
    return replace(definition, pattern=pattern, follow=None, precede=None, reserved=())


def _with_ignored(
    grammar: Grammar, terminals: Mapping[str, TerminalDefinition], skip: Nonterminal | None, behind: bool
) -> Grammar:
    """Write out what is ignored, and the weights of rules."""
    weights = rule_weights(grammar).tolist()
    rules = [replace(rule, weight=weight) for rule, weight in zip(grammar.rules, weights, strict=True)]
    kept = replace(grammar, rules=tuple(rules), terminals=terminals, raw_weights=True)
    if skip is None or not grammar.ignore:
        return kept
    start = Nonterminal(_free(f"%{grammar.start}", grammar.nonterminals))

    def opened(symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        pairs = (((s, skip) if behind else (skip, s)) if isinstance(s, Terminal) else (s,) for s in symbols)
        return tuple(each for pair in pairs for each in pair)

    rules = [replace(rule, rhs=opened(rule.rhs)) for rule in rules]
    first = Nonterminal(grammar.start)
    rules.append(Rule(start, (skip, first) if behind else (first, skip), weight=1.0))
    only = terminals[grammar.ignore[0]].pattern if len(grammar.ignore) == 1 else None
    once = only is not None and not isinstance(only, Special) and automaton(only).repeats
    matches, stop = ignore_weights(grammar)
    rules.append(Rule(skip, (), weight=stop))
    for name, weight in zip(grammar.ignore, matches, strict=True):
        # Recursive on the right, so that it is not taken for a list to be folded behind every terminal.
        rules.append(Rule(skip, (Terminal(name),) if once else (Terminal(name), skip), weight=weight))
    tallies = {
        name: replace(
            tally,
            entries=tuple(replace(entry, symbols=opened(entry.symbols)) for entry in tally.entries),
            separator=opened(tally.separator),
        )
        for name, tally in grammar.tallies.items()
    }
    return replace(kept, start=start.name, rules=tuple(rules), tallies=tallies, ignore=(), ignore_weights={})


def _free(name: str, taken: Iterable[str]) -> str:
    names = set(taken)
    candidate, number = name, 0
    while candidate in names:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


class _Writer:
    """Gives copies names and makes a grammar of them."""

    def __init__(
        self,
        grammar: Grammar,
        written: Grammar,
        skip: Nonterminal | None,
        whole: dict[str, TerminalDefinition],
        ends: Ends,
        copies: Copies,
    ) -> None:
        self._grammar = grammar
        self._written = written
        self._skip = skip
        self._ends = ends
        self._copies = copies
        self._terminals = dict(whole)
        self._taken = {*written.nonterminals, *whole}
        self._original: dict[str, str] = {}
        self._symbols: dict[Copy | Tail, Symbol | None] = {}
        self._shares: dict[Copy, float] = {}
        self._of_machine: dict[tuple[str, object], Terminal] = {}

    def plain(self) -> Plain:
        copies = self._copies
        for rule in copies.rules:
            self._read_terminals(rule.rhs)
        for strings in copies.tallies.values():
            for symbols in strings:
                self._read_terminals(symbols)
        barren = {copy for copy, symbol in self._symbols.items() if symbol is None}
        rules, tallies = trimmed(copies, barren)
        for copy in tallies:
            if copy in copies.refused:
                raise copies.refused[copy]
        leader = merged(rules, tallies, lambda copy: self._symbols.get(copy))
        self._name(rules, tallies, leader)
        return self._put_together(rules, tallies, leader)

    # --- terminals -----------------------------------------------------------------------------------------------

    def _read_terminals(self, symbols: tuple[Copy | Tail, ...]) -> None:
        for copy in symbols:
            if isinstance(copy, Copy) and copy.is_terminal and copy not in self._symbols:
                self._symbols[copy] = self._terminal(copy)

    def _terminal(self, copy: Copy) -> Terminal | None:
        """The terminal of a copy, or None where it matches nothing."""
        name = copy.symbol.name
        definition = self._terminals[name]
        if isinstance(definition.pattern, Special):
            return Terminal(name)
        if self._copies.is_whole(copy):
            return Terminal(name) if copy.begin else None
        pattern = self._ends.pattern(name, copy.begin, copy.end)
        machine = automaton(pattern)
        if not machine.n_states:
            return None
        if isinstance(definition.pattern, Machine) and definition.pattern.automaton == machine:
            return Terminal(name)
        found = self._of_machine.get((name, machine))
        if found is None:
            found = self._of_machine[name, machine] = Terminal(self._new_name(name))
            self._terminals[found.name] = replace(
                definition,
                name=found.name,
                pattern=Machine(terminal_title(definition), machine),
                variant_of=definition.variant_of or name,
            )
            self._original[found.name] = name
        return found

    def _share(self, copy: Copy) -> float:
        """How much of a terminal's weight a part of it has: pairs of a first and a last type share it equally."""
        found = self._shares.get(copy)
        if found is None:
            name = copy.symbol.name
            cells = [
                bool(copy.begin >> k & 1 and copy.end >> m & 1)
                for k in ones(self._ends.firsts[name])
                for m in ones(self._ends.lasts[name])
                if automaton(self._ends.pattern(name, 1 << k, 1 << m)).n_states
            ]
            found = self._shares[copy] = sum(cells) / len(cells)
        return found

    # --- names ---------------------------------------------------------------------------------------------------

    def _new_name(self, name: str) -> str:
        number = 1
        while f"{name}~{number}" in self._taken:
            number += 1
        self._taken.add(f"{name}~{number}")
        return f"{name}~{number}"

    def _name(self, rules: list[CopiedRule], tallies: dict, leader: dict[Copy | Tail, Copy | Tail]) -> None:
        """Name the copies that are left; one of each nonterminal keeps its name, the whole one where there is one."""
        leaders = dict.fromkeys(leader[lhs] for lhs in (*(rule.lhs for rule in rules), *tallies))
        whole = {leader[lhs] for lhs in leader if isinstance(lhs, Copy) and self._copies.is_whole(lhs)}
        named: set[str] = set()
        for copy in sorted(leaders, key=lambda copy: copy not in whole):
            if isinstance(copy, Tail):
                n_rules = len(self._written.rules)
                name = self._written.rules[copy.string].lhs.name if copy.string < n_rules else "tally"
                new = self._new_name(name if name.startswith(IGNORED) else f"_{name.strip('_%')}_rest")
            else:
                name = new = copy.symbol.name
                if name in named:
                    new = self._new_name(name)
                    self._original[new] = name
                named.add(name)
            self._symbols[copy] = Nonterminal(new)
        for copy, first in leader.items():
            self._symbols[copy] = self._symbols[first]

    # --- the grammar ---------------------------------------------------------------------------------------------

    def _put_together(self, rules: list[CopiedRule], tallies: dict, leader: dict[Copy | Tail, Copy | Tail]) -> Plain:
        grammar, written = self._grammar, self._written
        made: list[Rule] = []
        rule_of: list[int] = []
        nothing_ignored = sum(r.weight or 0.0 for r in written.rules if r.lhs == self._skip and not r.rhs)
        options: dict[str, RuleOptions] = {}
        for rule in rules:
            if leader[rule.lhs] != rule.lhs or self._is_nothing_ignored(rule.lhs):
                continue
            lhs = self._symbols[rule.lhs]
            weight, alias, location = 1.0, None, None
            if rule.origin >= 0:
                source = written.rules[rule.origin]
                weight, alias, location = source.weight, source.alias, source.location
            for symbol in rule.rhs:
                if isinstance(symbol, Copy) and symbol.is_terminal and not self._copies.is_whole(symbol):
                    weight *= self._share(symbol)
                elif self._is_nothing_ignored(leader.get(symbol, symbol)):
                    weight *= nothing_ignored
            kept = [symbol for symbol in rule.rhs if not self._is_nothing_ignored(leader.get(symbol, symbol))]
            rhs = tuple(self._symbols[symbol] for symbol in kept)
            made.append(Rule(lhs, rhs, alias, location, weight))
            rule_of.append(rule.origin if rule.origin < len(grammar.rules) else -1)
            given = self._options(rule.lhs)
            if given is not None:
                options[lhs.name] = given
        counted = {}
        for copy, strings in tallies.items():
            if leader[copy] == copy:
                tally = written.tallies[copy.symbol.name]
                symbols = [tuple(self._symbols.get(x) or Nonterminal(_NOTHING) for x in string) for string in strings]
                entries = tuple(
                    replace(entry, symbols=string) for entry, string in zip(tally.entries, symbols, strict=False)
                )
                counted[self._symbols[copy].name] = replace(tally, entries=entries, separator=symbols[-1])
                if copy.symbol.name in written.options:
                    options[self._symbols[copy].name] = written.options[copy.symbol.name]
        if any(Nonterminal(_NOTHING) in string for tally in counted.values() for string in tally.strings()):
            made.append(Rule(Nonterminal(_NOTHING), (Nonterminal(_NOTHING),), weight=1.0))
            rule_of.append(-1)
        start = self._symbols.get(self._copies.start)
        if start is None:
            start = Nonterminal(written.start)
            made.append(Rule(start, (start,), weight=1.0))
            rule_of.append(-1)
        root = next((s.name for s in self._start_symbols(start.name, made)), start.name)
        plain = Grammar(
            start.name,
            tuple(made),
            self._terminals,
            options=options,
            tallies=counted,
            raw_weights=True,
            exact=grammar.exact,
            dropped=grammar.dropped,
            templates=self._templates(made),
        )
        return Plain(plain, root, tuple(rule_of), MappingProxyType(self._original))

    def _is_nothing_ignored(self, copy: Copy | Tail) -> bool:
        """Whether a copy stands for what is ignored where nothing is: it need not be written."""
        return isinstance(copy, Copy) and copy.symbol == self._skip and not copy.begin

    def _options(self, lhs: Copy | Tail) -> RuleOptions | None:
        if isinstance(lhs, Copy):
            return self._written.options.get(lhs.symbol.name)
        if lhs.string < len(self._written.rules):
            given = self._written.options.get(self._written.rules[lhs.string].lhs.name)
            if given is not None and given.keep_all_tokens:
                return RuleOptions(keep_all_tokens=True)
        return None

    def _start_symbols(self, start: str, rules: list[Rule]) -> Iterable[Symbol]:
        """The start that was written, below the one that ends with what is ignored."""
        if start.startswith("%"):
            for rule in rules:
                if rule.lhs.name == start:
                    yield from (symbol for symbol in rule.rhs if not symbol.name.startswith(IGNORED))

    def _templates(self, rules: list[Rule]) -> dict[str, str]:
        templates = self._grammar.templates
        found = {}
        for rule in rules:
            name = self._original.get(rule.lhs.name, rule.lhs.name)
            if name in templates:
                found[rule.lhs.name] = templates[name]
        return found
