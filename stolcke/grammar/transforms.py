"""Grammars to equivalent grammars: the same language, better suited to the engine.

The usual order is :func:`trim`, :func:`remove_duplicates`, :func:`fold_lists`,
:func:`with_ignore` and :func:`trim` again: ignored terminals are a list, too,
but one that all rules should share rather than fold into themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from stolcke.grammar.analysis import productive, reachable
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, Terminal, error_at

__all__ = ["fold_lists", "remove_duplicates", "trim", "with_ignore"]


def _rebuilt(grammar: Grammar, rules: Iterable[Rule], **changes) -> Grammar:
    """Replace the rules, and drop options of nonterminals that have none left."""
    rules = tuple(rules)
    defined = {rule.lhs.name for rule in rules}
    options = {name: options for name, options in grammar.options.items() if name in defined}
    return replace(grammar, rules=rules, options=options, **changes)


def trim(grammar: Grammar, empty_terminals: Collection[str] = ()) -> Grammar:
    """Drop rules that derive no text or cannot be met, and terminals left unused.

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
        raise error_at(reason, grammar.alternatives[grammar.start][0].location)
    empty = frozenset(empty_terminals)
    rules = [
        rule
        for rule in grammar.rules
        if all(s.name not in empty if isinstance(s, Terminal) else s.name in alive for s in rule.rhs)
    ]
    met = reachable(_rebuilt(grammar, rules))
    rules = [rule for rule in rules if rule.lhs.name in met]
    ignore = tuple(name for name in grammar.ignore if name not in empty)
    used = {symbol.name for rule in rules for symbol in rule.rhs if isinstance(symbol, Terminal)}.union(ignore)
    terminals = {name: terminal for name, terminal in grammar.terminals.items() if name in used}
    return _rebuilt(grammar, rules, terminals=terminals, ignore=ignore)


def remove_duplicates(grammar: Grammar) -> Grammar:
    """Keep the first of the rules that agree in both sides, and drop ``a: a`` where ``a`` has other rules."""
    solid = {rule.lhs for rule in grammar.rules if rule.rhs != (rule.lhs,)}
    rules: dict[tuple[Nonterminal, tuple[Symbol, ...]], Rule] = {}
    for rule in grammar.rules:
        if rule.rhs != (rule.lhs,) or rule.lhs not in solid:
            rules.setdefault((rule.lhs, rule.rhs), rule)
    return _rebuilt(grammar, rules.values())


def _fresh(taken: Collection[str], base: str) -> str:
    number = 0
    while f"{base}_{number}" in taken:
        number += 1
    return f"{base}_{number}"


def with_ignore(grammar: Grammar) -> Grammar:
    """Write out what ``%ignore`` means: optional ignored terminals before each terminal and before the end.

    One nonterminal holds any number of them; it is put before every terminal,
    so the grammar grows by a symbol for each occurrence and nothing else.
    """
    if not grammar.ignore:
        return grammar
    skip = Nonterminal(_fresh(grammar.alternatives, "_ignored"))
    start = Nonterminal(_fresh(grammar.alternatives, f"_{grammar.start.strip('_')}_text"))
    rules = [Rule(start, (Nonterminal(grammar.start), skip))]
    for rule in grammar.rules:
        rhs: list[Symbol] = []
        for symbol in rule.rhs:
            if isinstance(symbol, Terminal):
                rhs.append(skip)
            rhs.append(symbol)
        rules.append(replace(rule, rhs=tuple(rhs)))
    rules.append(Rule(skip, ()))
    rules += [Rule(skip, (skip, Terminal(name))) for name in dict.fromkeys(grammar.ignore)]
    return _rebuilt(grammar, rules, start=start.name, ignore=())


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
        self.taken = set(grammar.alternatives)
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
