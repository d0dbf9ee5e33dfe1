"""Copies that derive nothing are dropped, and copies of one nonterminal that derive the same are made one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable

from stolcke.lexical.copies import CopiedRule, Copies, Copy, Tail

__all__ = ["merged", "trimmed"]

_Any = Copy | Tail
_Tallies = dict[Copy, list[tuple[_Any, ...]]]


def trimmed(copies: Copies, barren: Collection[_Any]) -> tuple[list[CopiedRule], _Tallies]:
    """Keep the rules and tallies that are part of some text.

    Parameters
    ----------
    copies : Copies
    barren : collection of Copy
        Those of terminals that match nothing.

    Returns
    -------
    rules : list of CopiedRule
    tallies : dict of Copy to list of tuple
        Entries of tallies may mention what derives nothing.
    """
    missing, users, ready = [], {}, []
    for number, rule in enumerate(copies.rules):
        needed = {symbol for symbol in rule.rhs if symbol in barren or not _is_given(symbol)}
        missing.append(len(needed))
        for symbol in needed:
            users.setdefault(symbol, []).append(number)
        if not needed:
            ready.append(rule.lhs)
    # Which tallies derive something is told later, when their entries are looked at.
    ready += copies.tallies
    fertile: set[_Any] = set()
    while ready:
        symbol = ready.pop()
        if symbol in fertile:
            continue
        fertile.add(symbol)
        for number in users.get(symbol, ()):
            missing[number] -= 1
            if not missing[number]:
                ready.append(copies.rules[number].lhs)
    kept = [rule for number, rule in enumerate(copies.rules) if not missing[number]]
    of: dict[_Any, list[CopiedRule]] = {}
    for rule in kept:
        of.setdefault(rule.lhs, []).append(rule)
    met, waiting = {copies.start}, [copies.start]
    while waiting:
        symbol = waiting.pop()
        strings = [rule.rhs for rule in of.get(symbol, ())]
        if isinstance(symbol, Copy):
            strings += copies.tallies.get(symbol, ())
        for string in strings:
            for each in string:
                if each not in met:
                    met.add(each)
                    waiting.append(each)
    tallies = {copy: strings for copy, strings in copies.tallies.items() if copy in met}
    return [rule for rule in kept if rule.lhs in met], tallies


def _is_given(symbol: _Any) -> bool:
    return isinstance(symbol, Copy) and symbol.is_terminal


def merged(rules: list[CopiedRule], tallies: _Tallies, known: Callable[[_Any], object]) -> dict[_Any, _Any]:
    """Find copies of one nonterminal whose rules are the same, but for copies that are the same in turn.

    Parameters
    ----------
    rules : list of CopiedRule
    tallies : dict of Copy to list of tuple
    known : callable
        What a terminal's copy comes to; None for other symbols.

    Returns
    -------
    dict
        Of each left side, that which stands for all that are the same; the coarsest partition that the rules respect.
    """
    everyone = list(dict.fromkeys([*(rule.lhs for rule in rules), *tallies]))
    # Numbers first: those of what has rules, then those of terminals, which never change.
    number: dict[object, int] = {one: i for i, one in enumerate(everyone)}

    def numbered(symbols: tuple[_Any, ...]) -> tuple[int, ...]:
        return tuple([number[x] if x in number else number.setdefault(known(x), len(number)) for x in symbols])

    strings: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in everyone]
    for rule in rules:
        strings[number[rule.lhs]].append((rule.origin, numbered(rule.rhs)))
    for copy, parts in tallies.items():
        strings[number[copy]] += [(-2 - k, numbered(part)) for k, part in enumerate(parts)]
    block = _coarsest([one.symbol if isinstance(one, Copy) else one[:2] for one in everyone], strings, len(number))
    leaders: dict[int, _Any] = {}
    return {one: leaders.setdefault(block[i], one) for i, one in enumerate(everyone)}


def _coarsest(kinds: list[Hashable], strings: list[list[tuple[int, tuple[int, ...]]]], n_symbols: int) -> list[int]:
    """Give equal symbols one number: those of one kind whose strings are the same, but for symbols that are equal.

    Symbols without a kind, which come last, equal no others.  When a class falls apart, only what uses the symbols that
    leave it is looked at again.
    """
    n = len(kinds)
    numbers: dict[Hashable, int] = {}
    block = [numbers.setdefault(kind, len(numbers)) for kind in kinds]
    block += range(len(numbers), len(numbers) + n_symbols - n)
    users: list[list[int]] = [[] for _ in range(n)]
    for i, several in enumerate(strings):
        for each in {x for _, rhs in several for x in rhs if x < n}:
            users[each].append(i)
    members: dict[int, list[int]] = {}
    for i in range(n):
        members.setdefault(block[i], []).append(i)
    signatures: list[frozenset] = [frozenset()] * n
    count = len(numbers) + n_symbols - n
    changed = list(range(n))
    while changed:
        for i in changed:
            signatures[i] = frozenset([(origin, tuple([block[x] for x in rhs])) for origin, rhs in strings[i]])
        again: set[int] = set()
        for number in sorted({block[i] for i in changed}):
            parts: dict[frozenset, list[int]] = {}
            for i in members[number]:
                parts.setdefault(signatures[i], []).append(i)
            for part in sorted(parts.values(), key=len)[:-1]:
                members[count] = part
                for i in part:
                    block[i] = count
                    again.update(users[i])
                count += 1
            if len(parts) > 1:
                members[number] = [i for i in members[number] if block[i] == number]
        changed = sorted(again)
    return block
