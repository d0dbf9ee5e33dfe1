"""Grammars to equivalent grammars, step by step: what :class:`stolcke._core.rules.Rules` does to integers.

The usual order is :func:`trim`, :func:`remove_duplicates`, :func:`with_entry_rules`,
:func:`fold_lists`, :func:`trim` again, and :func:`with_ignore`: ignored terminals
are a list, too, but one that all rules should share rather than fold into themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from itertools import chain

from stolcke.grammar.analysis import productive, reachable
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, Tally, TallyEntry, Terminal, error_at
from stolcke.grammar.tallies import Reach

__all__ = ["fold_lists", "remove_duplicates", "trim", "with_entry_rules", "with_ignore"]


def _rebuilt(grammar: Grammar, rules: Iterable[Rule], **changes) -> Grammar:
    """Replace the rules, and drop options of nonterminals that are no more."""
    rules = tuple(rules)
    defined = {rule.lhs.name for rule in rules}.union(changes.get("tallies", grammar.tallies))
    options = {name: options for name, options in grammar.options.items() if name in defined}
    return replace(grammar, rules=rules, options=options, **changes)


def trim(grammar: Grammar, empty_terminals: Collection[str] = ()) -> Grammar:
    """Drop rules and entries that derive no text or cannot be met, and terminals left unused.

    Parameters
    ----------
    grammar : Grammar
        Any grammar.
    empty_terminals : collection of str
        Terminals that match no text at all.

    Raises
    ------
    GrammarError
        Where the start derives no text.
    """
    alive = productive(grammar, empty_terminals)
    if grammar.start not in alive:
        reason = (
            f"the start rule {grammar.start!r} derives no text: each of its alternatives needs itself again, "
            "or something that matches nothing"
        )
        rules = grammar.alternatives.get(grammar.start)
        raise error_at(reason, rules[0].location if rules else None)
    empty = frozenset(empty_terminals)

    def derives(symbols: Iterable[Symbol]) -> bool:
        return all(s.name not in empty if isinstance(s, Terminal) else s.name in alive for s in symbols)

    rules = [rule for rule in grammar.rules if derives(rule.rhs)]
    tallies = {name: _trimmed(tally, derives) for name, tally in grammar.tallies.items() if name in alive}
    met = reachable(_rebuilt(grammar, rules, tallies=tallies))
    rules = [rule for rule in rules if rule.lhs.name in met]
    tallies = {name: tally for name, tally in tallies.items() if name in met}
    ignore = tuple(name for name in grammar.ignore if name not in empty)
    strings = chain((rule.rhs for rule in rules), *(tally.strings() for tally in tallies.values()))
    used = {s.name for symbols in strings for s in symbols if isinstance(s, Terminal)}.union(ignore)
    terminals = {name: terminal for name, terminal in grammar.terminals.items() if name in used}
    return _rebuilt(grammar, rules, tallies=tallies, terminals=terminals, ignore=ignore)


def _trimmed(tally: Tally, derives: Callable[[Iterable[Symbol]], bool]) -> Tally:
    """Drop the entries that occur in no text, and a separator that never does."""
    reach = Reach(tally)
    entries = [entry for entry in tally.entries if derives(entry.symbols)]
    for entry in entries:
        reach.add(entry)
    reach.separable = derives(tally.separator)
    # In any order: an entry that occurs in some text is the first one of another.
    kinds = {(entry.required, entry.marked): entry for entry in entries}
    possible = {kind for kind, entry in kinds.items() if reach.is_possible(entry)}
    entries = tuple(entry for entry in entries if (entry.required, entry.marked) in possible)
    if reach.separable and reach.is_possible(least=2):
        return tally if len(entries) == len(tally.entries) else replace(tally, entries=entries)
    return replace(tally, entries=entries, separator=(), most=min(1, 1 if tally.most is None else tally.most))


def remove_duplicates(grammar: Grammar) -> Grammar:
    """Keep the first of the rules that agree in both sides, and drop ``a: a`` where ``a`` has other rules."""
    solid = {rule.lhs for rule in grammar.rules if rule.rhs != (rule.lhs,)}
    rules: dict[tuple[Nonterminal, tuple[Symbol, ...]], Rule] = {}
    for rule in grammar.rules:
        if rule.rhs != (rule.lhs,) or rule.lhs not in solid:
            rules.setdefault((rule.lhs, rule.rhs), rule)
    return _rebuilt(grammar, rules.values())


def _free(taken: Collection[str], base: str, number: int = 0) -> str:
    """A name that is not taken: the base and a number, from the given one on."""
    while f"{base}_{number}" in taken:
        number += 1
    return f"{base}_{number}"


def with_entry_rules(grammar: Grammar) -> Grammar:
    """Let each entry of a tally be a single nonterminal.

    What a token can do within an entry is then found once, and not again for
    each state of the tally that goes on after the entry.
    """
    taken = set(grammar.nonterminals)
    rules = list(grammar.rules)
    tallies = {}
    for name, tally in grammar.tallies.items():
        entries = []
        for number, entry in enumerate(tally.entries):
            if len(entry.symbols) > 1 or isinstance(entry.symbols[0], Terminal):
                lhs = Nonterminal(_free(taken, f"_{name.strip('_')}_entry", number))
                taken.add(lhs.name)
                rules.append(Rule(lhs, entry.symbols))
                entry = TallyEntry((lhs,), entry.once, entry.required, entry.marked)
            entries.append(entry)
        tallies[name] = replace(tally, entries=tuple(entries))
    return replace(grammar, rules=tuple(rules), tallies=tallies) if tallies else grammar


def with_ignore(grammar: Grammar, repeats: Collection[str] = ()) -> Grammar:
    """Write out what ``%ignore`` means: optional ignored terminals before each terminal and before the end.

    One nonterminal holds any number of them; it is put before every terminal,
    so the grammar grows by a symbol for each occurrence and nothing else.

    Parameters
    ----------
    grammar : Grammar
    repeats : collection of str
        Terminals of which several matches in a row are one match, too: one
        that is all that is ignored is written once.
    """
    if not grammar.ignore:
        return grammar
    skip = Nonterminal(_free(grammar.nonterminals, "_ignored"))
    start = Nonterminal(_free(grammar.nonterminals, f"_{grammar.start.strip('_')}_text"))

    def skipping(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
        written: list[Symbol] = []
        for symbol in symbols:
            written += [skip, symbol] if isinstance(symbol, Terminal) else [symbol]
        return tuple(written)

    rules = [Rule(start, (Nonterminal(grammar.start), skip))]
    rules += [replace(rule, rhs=skipping(rule.rhs)) for rule in grammar.rules]
    tallies = {}
    for name, tally in grammar.tallies.items():
        entries = (TallyEntry(skipping(e.symbols), e.once, e.required, e.marked) for e in tally.entries)
        tallies[name] = replace(tally, entries=tuple(entries), separator=skipping(tally.separator))
    rules.append(Rule(skip, ()))
    ignored = tuple(dict.fromkeys(grammar.ignore))
    before = () if len(ignored) == 1 and ignored[0] in repeats else (skip,)
    rules += [Rule(skip, (*before, Terminal(name))) for name in ignored]
    return _rebuilt(grammar, rules, tallies=tallies, start=start.name, ignore=())


def fold_lists(grammar: Grammar) -> Grammar:
    """Rewrite lists ``x: a (b)* c`` as ``x: h c`` with ``h: a | h b``.

    Then the first and all later rounds of the list begin where the rule
    begins, and the parser meets equal columns after each ``b``.  The prefix
    ``a`` must not be empty, and must not begin with ``x``, as that would turn
    a direct left recursion into an indirect one.  Lists that end up unused
    stay: see :func:`trim`.
    """
    lists = {}
    for name, rules in grammar.alternatives.items():
        found = _list_of(name, rules)
        if found is not None:
            lists[name] = found
    if not lists:
        return grammar
    return _Folding(grammar, lists).run()


def _list_of(name: str, rules: tuple[Rule, ...]) -> tuple[bool, tuple[tuple[Symbol, ...], ...]] | None:
    """Recognise ``s: | s b`` and ``s: b | s b``: whether it may be empty, and the rounds ``b``."""
    itself = Nonterminal(name)
    bases = [rule.rhs for rule in rules if rule.rhs[:1] != (itself,)]
    rounds = tuple(dict.fromkeys(rule.rhs[1:] for rule in rules if rule.rhs[:1] == (itself,) and len(rule.rhs) > 1))
    if not rounds:
        return None
    if set(bases) == {()}:
        return True, rounds
    if set(bases) == set(rounds):
        return False, rounds
    return None


class _Folding:
    """One run of :func:`fold_lists`."""

    _SMALL = 16
    """Symbols of a list's rounds that may be copied to several places; longer ones get a nonterminal."""

    def __init__(self, grammar: Grammar, lists: dict[str, tuple[bool, tuple[tuple[Symbol, ...], ...]]]) -> None:
        self.grammar = grammar
        self.lists = lists
        self.taken = set(grammar.nonterminals)
        self.heads: dict[tuple[tuple[Symbol, ...], str], Nonterminal] = {}
        self.uses = dict.fromkeys(lists, 0)
        self.numbers: dict[str, int] = {}

    def run(self) -> Grammar:
        rules = []
        for rule in self.grammar.rules:
            rhs = self._fold(rule)
            rules.append(rule if len(rhs) == len(rule.rhs) else replace(rule, rhs=rhs))
        groups: dict[str, tuple[tuple[Symbol, ...], ...]] = {}
        for name, (_, rounds) in self.lists.items():
            groups[name] = rounds
            if self.uses[name] > 1 and sum(len(part) + 1 for part in rounds) > self._SMALL:
                group = self._name(name, "round")
                rules += [Rule(group, part) for part in rounds]
                groups[name] = ((group,),)
        for (prefix, name), head in self.heads.items():
            bases = (prefix,) if self.lists[name][0] else tuple(prefix + part for part in groups[name])
            rules += [Rule(head, base) for base in bases]
            rules += [Rule(head, (head, *part)) for part in groups[name]]
        return _rebuilt(self.grammar, rules)

    def _fold(self, rule: Rule) -> tuple[Symbol, ...]:
        if rule.rhs[:1] == (rule.lhs,):
            return rule.rhs
        done: list[Symbol] = []
        for symbol in rule.rhs:
            if done and isinstance(symbol, Nonterminal) and self._foldable(symbol.name, len(done)):
                done = [self._head(rule.lhs.name, tuple(done), symbol.name)]
            else:
                done.append(symbol)
        return tuple(done)

    def _foldable(self, name: str, prefix: int) -> bool:
        if name not in self.lists:
            return False
        may_be_empty, rounds = self.lists[name]
        # A list of at least one round repeats the prefix before each kind of round.
        return may_be_empty or len(rounds) == 1 or prefix == 1

    def _head(self, owner: str, prefix: tuple[Symbol, ...], name: str) -> Nonterminal:
        head = self.heads.get((prefix, name))
        if head is None:
            head = self.heads[prefix, name] = self._name(owner, "list")
            self.uses[name] += 1
        return head

    def _name(self, owner: str, kind: str) -> Nonterminal:
        base = f"_{owner.strip('_')}_{kind}"
        number = self.numbers.get(base, 0)
        while f"{base}_{number}" in self.taken:
            number += 1
        self.numbers[base] = number + 1
        self.taken.add(f"{base}_{number}")
        return Nonterminal(f"{base}_{number}")
