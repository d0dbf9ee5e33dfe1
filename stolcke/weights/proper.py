"""Weights of rules made proper: probabilities of derivations that end.

The *partition function* Z of a nonterminal is the weight that all its finite
derivations have together, the least solution of

    Z(A) = sum over the rules A -> X Y ... of p * Z(X) * Z(Y) * ...

Where it is less than one, some derivations never end, or led to rules that were
dropped.  With the probabilities p * Z(X) * Z(Y) * ... / Z(A) instead, every
derivation ends, and those that ended before keep their probabilities relative
to each other; prefix probabilities are then those of finite texts.

The rules of tallies are made while texts are read, each choice uniform, and are
not reweighted: to the nonterminals around it a tally is one that ends, Z = 1,
and each of its entries counts with its own proper probabilities.
"""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stolcke._core.partition_function import log_partition
from stolcke._core.perron import spectral_radii
from stolcke.errors import InconsistentGrammarWarning, WeightsError
from stolcke.weights.tallies import mean_uses, probability_of_none

__all__ = ["ProperWeights", "WeightedRules", "proper_weights"]

_TOLERANCE = 1e-9
"""Of what is lost to derivations that do not end, and of spectral radii above one: what is worth no warning."""
_NAMED = 5
"""How many nonterminals a message names."""


class WeightedRules(Protocol):
    """What is needed of :class:`stolcke.compiler.arrays.GrammarArrays`, which says what each of these is."""

    @property
    def n_terminals(self) -> int: ...
    @property
    def nonterminals(self) -> tuple[str, ...]: ...

    n_nonterminals: int
    lhs: np.ndarray
    rhs_offsets: np.ndarray
    rhs: np.ndarray
    weights: np.ndarray
    raw_weights: bool
    tally: np.ndarray
    entry_offsets: np.ndarray
    entry: np.ndarray
    entry_flags: np.ndarray
    separator_offsets: np.ndarray
    separator: np.ndarray
    tally_bounds: np.ndarray


@dataclass(frozen=True)
class ProperWeights:
    """What prediction needs to know of a grammar's weights.

    Attributes
    ----------
    rule_probabilities : float64[rules]
        Reweighted, so that those of each nonterminal add up to one; zero for rules that no finite derivation of any
        weight uses.
    log_partition : float64[nonterminals]
        Natural logarithms of Z as the weights were written; minus infinity where all derivations weigh nothing, and
        0 for tallies.
    empty : float64[nonterminals]
        Probability of the empty text, after reweighting.
    spectral_radius : float
        The largest of the matrix of mean numbers of nonterminals that one leads to, by the weights as written: up to
        one derivations end.
    consistent : bool
        Whether the weights were proper as written: Z = 1 wherever it is not 0, and no tally goes on for ever.
    start_log_partition : float
        That of the start: with raw weights the weight of all texts.
    """

    rule_probabilities: np.ndarray
    log_partition: np.ndarray
    empty: np.ndarray
    spectral_radius: float
    consistent: bool
    start_log_partition: float


def proper_weights(rules: WeightedRules) -> ProperWeights:
    """Make probabilities of the weights of a grammar.

    Parameters
    ----------
    rules : GrammarArrays
        Or another object with the same arrays.

    Returns
    -------
    ProperWeights

    Raises
    ------
    WeightsError
        Where all texts together weigh nothing, or infinitely much, and where raw weights meet tallies that cannot
        take them.

    Warns
    -----
    InconsistentGrammarWarning
        Where weights are not raw, and some derivations never end. What was lost with rules that derive no text is
        mended without a word.
    """
    given = np.full(rules.n_nonterminals, np.nan)
    given[rules.tally] = 0.0
    logs = log_partition(rules.lhs, rules.rhs_offsets, rules.rhs, rules.weights, rules.n_terminals, given)
    _check_partition(rules, logs)
    probabilities = _reweighted(rules, logs)
    uses = _recursive_uses(rules)
    radius = _radius(rules, rules.weights, uses)
    # Tallies are not reweighted, so that those that lead to themselves may go on without end.
    endless = len(rules.tally) > 0 and radius > 1 + _TOLERANCE and _radius(rules, probabilities, uses) > 1 + _TOLERANCE
    live = logs[logs > -np.inf]
    made = ProperWeights(
        rule_probabilities=probabilities,
        log_partition=logs,
        empty=_empty(rules, probabilities),
        spectral_radius=radius,
        consistent=not endless and bool((np.abs(live) <= _TOLERANCE).all()),
        start_log_partition=float(logs[0]),
    )
    if radius > 1 + _TOLERANCE and not made.consistent and not rules.raw_weights:
        _warn(made, endless)
    return made


def _check_partition(rules: WeightedRules, logs: np.ndarray) -> None:
    diverging = np.flatnonzero(logs == np.inf)
    if diverging.size:
        names = tuple(rules.nonterminals[a] for a in diverging if rules.nonterminals[a])
        raise WeightsError(
            f"the weights of all derivations of {_listed(names)} add up to infinity; make them less, above all those "
            "of recursive rules",
            nonterminals=names,
        )
    if logs[0] == -np.inf:
        names = tuple(rules.nonterminals[a] for a in np.flatnonzero(logs == -np.inf) if rules.nonterminals[a])
        raise WeightsError(
            f"every text has the weight 0, as {_listed(names)} derive none of any weight; give a rule that ends a "
            "recursion a weight above 0",
            nonterminals=names,
        )
    for t in range(len(rules.tally)):
        entries = rules.entry[rules.entry_offsets[t] : rules.entry_offsets[t + 1]]
        separators = rules.separator[rules.separator_offsets[t] : rules.separator_offsets[t + 1]]
        parts = logs[np.concatenate([entries, separators[separators >= rules.n_terminals]]) - rules.n_terminals]
        name = rules.nonterminals[rules.tally[t]]
        if (parts == -np.inf).any():
            raise WeightsError(
                f"an entry of tally {name!r}, or what separates them, has the weight 0; leave it out",
                nonterminals=(name,),
            )
        if rules.raw_weights and (np.abs(parts) > _TOLERANCE).any():
            raise WeightsError(
                f"the entries of tally {name!r} have raw weights that do not add up to 1, which tallies cannot take; "
                "make them add up",
                nonterminals=(name,),
            )


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more


def _reweighted(rules: WeightedRules, logs: np.ndarray) -> np.ndarray:
    """The p * Z(X) * Z(Y) * ... / Z(A) of each rule, as float64[rules]."""
    of_symbol = np.concatenate([np.zeros(rules.n_terminals), logs])
    outcome = _sums(of_symbol[rules.rhs], rules.rhs_offsets)
    used = (rules.weights > 0) & (outcome > -np.inf)
    change = np.where(used, outcome, 0.0) - np.where(used, logs[rules.lhs], 0.0)
    with np.errstate(divide="ignore"):
        # The product may be in range where the exponential is not.
        made = np.where(used, np.exp(np.log(rules.weights) + change), 0.0)
    made = np.where(used & (change == 0), rules.weights, made)
    # What the partition function lacks in digits, as it does near a spectral radius of one, is not left to the rules.
    totals = np.bincount(rules.lhs, made, rules.n_nonterminals)
    totals[np.abs(totals - 1) <= 1e-15 * np.bincount(rules.lhs, minlength=rules.n_nonterminals)] = 1.0
    totals[totals == 0] = 1.0
    return made / totals[rules.lhs]


def _sums(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The sum of each ``values[offsets[i]:offsets[i + 1]]``; those of nothing are 0."""
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.bincount(owner, values, len(offsets) - 1)


def _recursive_uses(rules: WeightedRules) -> list[tuple[np.ndarray, float]]:
    """How often each tally uses its entries and separators on average, where it may lead back to itself; else once."""
    once = [(np.ones(n), 1.0) for n in np.diff(rules.entry_offsets).tolist()]
    if not once:
        return once
    radii = spectral_radii(*_means(rules, rules.weights, once), rules.n_nonterminals)
    return [_uses(rules, t) if radii[a] > 0 else once[t] for t, a in enumerate(rules.tally.tolist())]


def _uses(rules: WeightedRules, tally: int) -> tuple[np.ndarray, float]:
    flags = rules.entry_flags[rules.entry_offsets[tally] : rules.entry_offsets[tally + 1]]
    return mean_uses(flags, rules.tally_bounds[4 * tally : 4 * tally + 4].tolist())


def _means(
    rules: WeightedRules, weights: np.ndarray, uses: list[tuple[np.ndarray, float]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean numbers of nonterminals that each leads to, as rows, columns and values."""
    n = rules.n_terminals
    sizes = np.diff(rules.rhs_offsets)
    rows, columns, values = [np.repeat(rules.lhs, sizes)], [rules.rhs - n], [np.repeat(weights, sizes)]
    for t, (entries, separators) in enumerate(uses):
        symbols = rules.entry[rules.entry_offsets[t] : rules.entry_offsets[t + 1]]
        between = rules.separator[rules.separator_offsets[t] : rules.separator_offsets[t + 1]]
        rows.append(np.full(symbols.size + between.size, rules.tally[t], np.int32))
        columns += [symbols - n, between - n]
        values += [entries, np.full(between.size, separators)]
    row, column, value = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
    inner = column >= 0
    return row[inner].astype(np.int32), column[inner].astype(np.int32), value[inner]


def _radius(rules: WeightedRules, weights: np.ndarray, uses: list[tuple[np.ndarray, float]]) -> float:
    return float(spectral_radii(*_means(rules, weights, uses), rules.n_nonterminals).max())


def _empty(rules: WeightedRules, probabilities: np.ndarray) -> np.ndarray:
    """The probability that each nonterminal derives the empty text, as float64[nonterminals]."""
    sizes = np.diff(rules.rhs_offsets)
    silent = _sums((rules.rhs < rules.n_terminals).astype(float), rules.rhs_offsets) == 0
    offsets = np.zeros(np.count_nonzero(silent) + 1, np.int32)
    np.cumsum(sizes[silent], out=offsets[1:])
    given = np.full(rules.n_nonterminals, np.nan)
    for t, a in enumerate(rules.tally.tolist()):
        flags = rules.entry_flags[rules.entry_offsets[t] : rules.entry_offsets[t + 1]]
        none = probability_of_none(flags, rules.tally_bounds[4 * t : 4 * t + 4].tolist())
        given[a] = math.log(none) if none else -math.inf
    rhs = rules.rhs[np.repeat(silent, sizes)]
    return np.exp(log_partition(rules.lhs[silent], offsets, rhs, probabilities[silent], rules.n_terminals, given))


def _warn(made: ProperWeights, endless: bool) -> None:
    partition = math.exp(made.start_log_partition)
    remedy = (
        "tallies are not reweighted, and prefix probabilities hold those of texts that never end"
        if endless
        else "the probabilities used are those of the derivations that end"
    )
    warnings.warn(
        InconsistentGrammarWarning(
            f"by the grammar's weights a derivation ends with probability {partition:.9g} (spectral radius "
            f"{made.spectral_radius:.9g}); {remedy}",
            spectral_radius=made.spectral_radius,
            start_partition=partition,
        ),
        stacklevel=_stack_level(),
    )


def _stack_level() -> int:
    """How far up the code of whoever uses this package is; he is to be shown, not we."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "stolcke":
        level, frame = level + 1, frame.f_back
    return level
