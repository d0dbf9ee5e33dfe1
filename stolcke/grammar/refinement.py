"""Symbols that derive the same, told by their rules."""

from __future__ import annotations

from collections.abc import Hashable

__all__ = ["coarsest"]


def coarsest(kinds: list[Hashable], strings: list[list[tuple[int, tuple[int, ...]]]], n_symbols: int) -> list[int]:
    """Give equal symbols one number: those of one kind whose strings are the same, but for symbols that are equal.

    When a class falls apart, only what uses the symbols that leave it is looked at again.

    Parameters
    ----------
    kinds : list of Hashable
        Of each symbol that has strings.
    strings : list of list of (int, tuple of int)
        Its right-hand sides, each with a number that equal ones share; their order does not matter.
    n_symbols : int
        How many symbols there are; those without a kind, which come last, equal no others.

    Returns
    -------
    list of int
        A number for each symbol; the coarsest way.
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
