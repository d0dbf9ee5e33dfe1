"""Copies that derive nothing are dropped, and copies of one nonterminal that derive the same are made one."""

from __future__ import annotations

from collections.abc import Callable, Collection

from stolcke.grammar.refinement import coarsest
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
    block = coarsest([one.symbol if isinstance(one, Copy) else one[:2] for one in everyone], strings, len(number))
    leaders: dict[int, _Any] = {}
    return {one: leaders.setdefault(block[i], one) for i, one in enumerate(everyone)}
