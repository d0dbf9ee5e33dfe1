"""Written weights made complete: a probability for every rule, and for what is ignored.

Whoever needs probabilities takes them from here, so that texts, grammars built in
Python and imported ones mean the same and are refused for the same reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from stolcke.errors import GrammarError

if TYPE_CHECKING:
    # The model checks the weights of every grammar, so that it comes first.
    from stolcke.grammar.model import Grammar, Rule

__all__ = ["TOLERANCE", "ignore_weights", "is_weighted", "rule_weights"]

TOLERANCE = 1e-9
"""How far from 1 the weights of a nonterminal may add up, as decimal fractions such as .3333333333 do."""


def is_weighted(grammar: Grammar) -> bool:
    """Whether a grammar says anything about probabilities; if not, all is shared equally."""
    return grammar.raw_weights or bool(grammar.ignore_weights) or any(rule.weight is not None for rule in grammar.rules)


def rule_weights(grammar: Grammar) -> np.ndarray:
    """Give every rule its weight.

    The rules of a nonterminal that have none share equally what the others leave of 1.  Where all have one, the
    weights are divided by their sum, which is 1 up to :data:`TOLERANCE`.  Of a grammar with raw weights nothing need
    add up, and a weight that is not written is 1.

    Returns
    -------
    float64[rules]
        In the order of ``grammar.rules``; those of each nonterminal add up to 1, unless weights are raw.

    Raises
    ------
    GrammarError
        With the place of a rule, where one is known: for a weight that is no number from 0 on, and for weights of a
        nonterminal that are all zero, add up to more than 1, or to less where nothing takes the rest.
    """
    rules = grammar.rules
    names: dict[str, int] = {}
    owner = np.fromiter((names.setdefault(rule.lhs.name, len(names)) for rule in rules), np.intp, len(rules))
    missing = np.fromiter((rule.weight is None for rule in rules), bool, len(rules))
    for index in np.flatnonzero(~missing):
        _check_number(rules[index])
    given = np.array([0.0 if rule.weight is None else float(rule.weight) for rule in rules])
    sums = np.bincount(owner, given, len(names))
    gaps = np.bincount(owner, missing, len(names))
    _check_sums(rules, owner, given, sums, gaps, grammar.raw_weights)
    if grammar.raw_weights:
        return np.where(missing, 1.0, given)
    shares = np.maximum(1 - sums, 0) / np.maximum(gaps, 1)
    # Where some are missing, the given ones are what they are, unless rounding has brought them above 1.
    wholes = np.where(gaps > 0, np.maximum(sums, 1), sums)
    # A sum that misses 1 only by its own rounding leaves them as they are written.
    wholes[np.abs(wholes - 1) < 1e-13] = 1
    return np.where(missing, shares[owner], given / wholes[owner])


def _check_number(rule: Rule) -> None:
    weight = rule.weight
    if not isinstance(weight, Real) or isinstance(weight, bool):
        raise _error(f"the weight {weight!r} of a rule for {rule.lhs.name!r} is not a number", rule)
    if not isfinite(weight) or weight < 0:
        raise _error(f"the weight {weight!r} of a rule for {rule.lhs.name!r} is not a number from 0 on", rule)


def _check_sums(
    rules: Sequence[Rule], owner: np.ndarray, given: np.ndarray, sums: np.ndarray, gaps: np.ndarray, raw: bool
) -> None:
    """Refuse the first nonterminal whose weights cannot be those of its rules.

    Parameters
    ----------
    rules : sequence of Rule
    owner : intp[rules]
        Number of the nonterminal of each.
    given : float64[rules]
        Weights, 0 where none is written.
    sums : float64[nonterminals]
        Of the weights.
    gaps : float64[nonterminals]
        How many rules have none.
    raw : bool
        Whether sums other than 1 are meant.
    """
    closed = gaps == 0
    wrong = closed & (sums == 0)
    if not raw:
        wrong |= (sums > 1 + TOLERANCE) | (closed & (sums < 1 - TOLERANCE))
    if not wrong.any():
        return
    own = np.flatnonzero(owner == np.flatnonzero(wrong)[0])
    name, total = rules[own[0]].lhs.name, sums[owner[own[0]]]
    if total == 0:
        raise _error(f"all weights of {name!r} are 0, so that it has no text; make one of them greater", rules[own[0]])
    if total < 1:
        reason = f"the weights of {name!r} add up to {total:.12g} and nothing takes the rest"
        raise _error(f"{reason}; leave one out, or make them add up to 1", rules[own[0]])
    # The one with which it is too much.
    last = own[np.searchsorted(np.cumsum(given[own]), 1 + TOLERANCE)]
    reason = f"the weights of {name!r} add up to {total:.12g}, more than 1"
    raise _error(f"{reason}; make them less, or write %weights raw if they are no probabilities", rules[last])


def _error(reason: str, rule: Rule) -> GrammarError:
    return GrammarError(reason, **(rule.location.place() if rule.location else {}))


def ignore_weights(grammar: Grammar) -> tuple[tuple[float, ...], float]:
    """Give the probabilities of what may follow where terminals are ignored.

    Ignored terminals without a probability, and the end of what is ignored, share equally what the others leave
    of 1; with raw weights, too.

    Returns
    -------
    matches : tuple of float
        Of another match of each terminal, in the order of ``grammar.ignore``.
    stop : float
        Of the end; with nothing to ignore it is 1.

    Raises
    ------
    GrammarError
        Where a probability is none, is given for a terminal that is not ignored, or leaves none for the end.
    """
    given = grammar.ignore_weights
    for name, weight in given.items():
        if name not in grammar.ignore:
            raise GrammarError(f"a weight is given for {name!r}, which is not ignored; add it to ignore")
        if not isinstance(weight, Real) or isinstance(weight, bool) or not 0 <= weight < 1:
            raise GrammarError(
                f"the weight {weight!r} of the ignored terminal {name!r} is not a number from 0 to below 1"
            )
    rest = 1 - sum(map(float, given.values()))
    if rest <= 0:
        raise GrammarError(
            f"the weights of the ignored terminals add up to {1 - rest:.12g}, so that nothing ends them; make them less"
        )
    share = rest / (len(grammar.ignore) - len(given) + 1)
    return tuple(float(given.get(name, share)) for name in grammar.ignore), share
