"""The partition function by plain iteration, and what follows from it: proper weights, spectral radius, mean length."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np

from stolcke.grammar.model import Nonterminal, Terminal
from tests.reference.weighted_rules import STOP, WeightedRules, Wfsa

ROUNDS = 4_000
"""Rounds after which a grammar counts as critical or endless: enough for a spectral radius of .99."""


class NoPartition(ValueError):
    """The iteration does not come to rest: the sum is infinite, or the grammar is (almost) critical."""


def partition(rules: Iterable[tuple[Hashable, tuple[Hashable, ...], float]], rounds: int = ROUNDS) -> dict:
    """The sum of the weights of all derivations from each symbol, the least fixed point; 1 for what has no rules.

    From zero on, the sum over the derivations of at most ``n`` levels becomes that of ``n + 1``, until nothing
    changes.
    """
    rules = list(rules)
    number = {symbol: n for n, symbol in enumerate(dict.fromkeys(lhs for lhs, _, _ in rules))}
    longest = max((len(rhs) for _, rhs, _ in rules), default=0)
    one = len(number)
    factors = np.full((len(rules), longest), one)
    for row, (_, rhs, _) in enumerate(rules):
        factors[row, : len(rhs)] = [number.get(symbol, one) for symbol in rhs]
    left = np.array([number[lhs] for lhs, _, _ in rules], int)
    weights = np.array([weight for _, _, weight in rules], float)
    sums = np.append(np.zeros(one), 1.0)
    for _ in range(rounds):
        before = sums.copy()
        sums[:one] = np.bincount(left, weights * sums[factors].prod(1), minlength=one)
        if np.abs(sums - before).max() <= 1e-18 + 1e-17 * sums.max():
            return {symbol: float(sums[n]) for symbol, n in number.items()}
        if not sums.max() < 1e100:
            break
    raise NoPartition(f"no fixed point after {rounds} rounds")


@dataclass(frozen=True)
class Proper:
    """A grammar whose derivations are finite with probability 1, and what it was before.

    ``scale`` is what all probabilities are multiplied by: the partition function of the start under raw weights,
    else 1.  ``sums`` is the partition function of the rules as they were.
    """

    rules: WeightedRules
    scale: float
    sums: dict


def proper(given: WeightedRules) -> Proper:
    """Every rule ``X -> Y1 ... Yn`` multiplied by ``Z(Y1) ... Z(Yn) / Z(X)``; rules of no derivation are left out.

    Raises
    ------
    NoPartition
    ValueError
        Where the start derives nothing with a positive probability.
    """
    sums = sums_of(given)
    rules = []
    for lhs, rhs, weight in given.rules:
        product = weight * float(np.prod([sums[symbol] for symbol in rhs]))
        if product > 0:
            rules.append((lhs, rhs, product / sums[lhs]))
    if not sums[given.start] > 0:
        raise ValueError("no text has a positive probability")
    scale = sums[given.start] if given.raw else 1.0
    return Proper(WeightedRules(tuple(rules), given.terminals, given.start, given.raw), scale, sums)


def sums_of(given: WeightedRules) -> dict:
    """The partition function of all symbols; terminals sum to 1, or match nothing."""
    terminals = {terminal: float(len(found.table) > 0) for terminal, found in given.terminals.items()}
    nothing = [(terminal, (), 0.0) for terminal, total in terminals.items() if not total]
    # What has no rules at all derives nothing, either.
    nothing += [(symbol, (), 0.0) for symbol in given.nonterminals]
    return terminals | partition([*given.rules, *nothing])


def mean_matrix(given: WeightedRules) -> np.ndarray:
    """How often each nonterminal occurs on the right of each, in the mean: the derivative of proper rules at 1."""
    number = {symbol: n for n, symbol in enumerate(given.nonterminals)}
    mean = np.zeros((len(number), len(number)))
    for lhs, rhs, weight in given.rules:
        for symbol in rhs:
            if isinstance(symbol, Nonterminal):
                mean[number[lhs], number[symbol]] += weight
    return mean


def spectral_radius(given: WeightedRules) -> float:
    """The growth of derivations from level to level: below 1 exactly where their mean size is finite."""
    return float(np.abs(np.linalg.eigvals(mean_matrix(given))).max())


def mean_length(given: WeightedRules) -> float:
    """The mean number of bytes and special tokens of a text under proper rules."""
    number = {symbol: n for n, symbol in enumerate(given.nonterminals)}
    own = np.zeros(len(number))
    lengths = {terminal: mean_match(found) for terminal, found in given.terminals.items()}
    for lhs, rhs, weight in given.rules:
        own[number[lhs]] += weight * sum(lengths[symbol] for symbol in rhs if isinstance(symbol, Terminal))
    means = np.linalg.solve(np.eye(len(number)) - mean_matrix(given), own)
    return float(means[number[given.start]])


def mean_match(found: Wfsa) -> float:
    """The mean length of a terminal's match: expected steps until it stops."""
    steps = np.zeros((len(found.table), len(found.table)))
    for state, _, following, weight in found.rules:
        steps[state, following] += weight
    if not len(steps):
        return 0.0
    assert np.allclose(steps.sum(1) + found.table[:, STOP], 1)
    return float(np.linalg.solve(np.eye(len(steps)) - steps, steps.sum(1))[0])
