"""Weighted rules as arrays, without terminals' automata: what :func:`stolcke.weights.proper_weights` looks at."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

Rules = list[tuple[int, list[int | str], float]]
"""Left sides and nonterminals count from 1; a text is a terminal."""


def system(rules: Rules, n: int | None = None, *, raw: bool = False) -> SimpleNamespace:
    """The arrays of a grammar that starts with nonterminal 1."""
    n = max(lhs for lhs, _, _ in rules) if n is None else n
    rows = [[1], *([symbol if isinstance(symbol, int) else 0 for symbol in rhs] for _, rhs, _ in rules)]
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    nothing, begin = np.zeros(0, np.int32), np.zeros(1, np.int32)
    return SimpleNamespace(
        n_terminals=1,
        n_nonterminals=n + 1,
        nonterminals=("", *(f"n{index}" for index in range(1, n + 1))),
        lhs=np.array([0, *(lhs for lhs, _, _ in rules)], np.int32),
        rhs_offsets=offsets,
        rhs=np.array([symbol + 1 if symbol else 0 for row in rows for symbol in row], np.int32),
        weights=np.array([1.0, *(weight for _, _, weight in rules)]),
        raw_weights=raw,
        tally=nothing,
        entry_offsets=begin,
        entry=nothing,
        entry_flags=nothing.astype(np.uint8),
        separator_offsets=begin,
        separator=nothing,
        tally_bounds=nothing,
    )


def by_iteration(rules: Rules, rounds: int = 10_000) -> dict[int, float]:
    """The partition function, from zero on and a level of derivations at a time."""
    sums = dict.fromkeys((lhs for lhs, _, _ in rules), 0.0)
    for _ in range(rounds):
        before, sums = sums, dict.fromkeys(sums, 0.0)
        for lhs, rhs, weight in rules:
            sums[lhs] += weight * np.prod([before[symbol] for symbol in rhs if isinstance(symbol, int)])
        if all(abs(sums[a] - before[a]) <= 1e-16 * sums[a] for a in sums):
            return sums
    raise AssertionError("the iteration does not come to rest")


def mean_matrix(rules: Rules, n: int) -> np.ndarray:
    """The mean numbers of nonterminals that each leads to, as float64[n, n]."""
    mean = np.zeros((n, n))
    for lhs, rhs, weight in rules:
        for symbol in rhs:
            if isinstance(symbol, int):
                mean[lhs - 1, symbol - 1] += weight
    return mean
