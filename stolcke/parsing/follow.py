"""Which bytes may come after a terminal: one byte of lookahead keeps matches out of the chart that lead nowhere."""

from __future__ import annotations

from stolcke.parsing.tables import Tables

__all__ = ["END_OF_TEXT", "follow_bytes"]

END_OF_TEXT = 256
"""The bit of the end of the text, behind those of the bytes."""


def follow_bytes(tables: Tables) -> list[int]:
    """Find the bytes, as bits, that may follow each terminal; as many as there are or more, never less.

    Linear in the size of the grammar, up to the number of times that a set grows.
    """
    strings = list(tables.outline())
    n = 1 + max((symbol for lhs, rhs in strings for symbol in (lhs, *rhs)), default=len(tables.names))
    nullable = tables.nullable + [False] * (n - len(tables.names))
    first = [0 if machine is None else machine.first_bytes for machine in tables.machines]
    first += [0] * (n - len(first))
    _grow_first(strings, nullable, first)
    follow = [0] * n
    follow[tables.start] = 1 << END_OF_TEXT
    heirs: list[set[int]] = [set() for _ in range(n)]
    for lhs, rhs in strings:
        behind, ends = 0, True
        for symbol in reversed(rhs):
            follow[symbol] |= behind
            if ends:
                heirs[lhs].add(symbol)
            behind = first[symbol] | (behind if nullable[symbol] else 0)
            ends = ends and nullable[symbol]
    waiting = list(range(n))
    while waiting:
        symbol = waiting.pop()
        for heir in heirs[symbol]:
            if follow[symbol] & ~follow[heir]:
                follow[heir] |= follow[symbol]
                waiting.append(heir)
    return follow[: tables.n_terminals]


def _grow_first(strings: list[tuple[int, tuple[int, ...]]], nullable: list[bool], first: list[int]) -> None:
    """Add to ``first`` the bytes that begin texts of each nonterminal."""
    users: list[list[int]] = [[] for _ in first]
    waiting = []
    for lhs, rhs in strings:
        for symbol in rhs:
            users[symbol].append(lhs)
            if first[symbol]:
                waiting.append(symbol)
            if not nullable[symbol]:
                break
    while waiting:
        symbol = waiting.pop()
        for lhs in users[symbol]:
            if first[symbol] & ~first[lhs]:
                first[lhs] |= first[symbol]
                waiting.append(lhs)
