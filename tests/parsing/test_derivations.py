"""The best derivations in order, their entropy, and samples of them."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from math import exp, inf, log

import numpy as np
import pytest

import stolcke
from stolcke import Parser
from tests.parsing.grammars import random_cases, weighted
from tests.reference.all_derivations import all_derivations, entropy

CASES = [
    (weighted('start: "a" | start start | start start start', 0.6, 0.3, 0.1), b"aaaaaa"),
    (weighted('start: x y\nx: A | B | x x\ny: B | A y\nA: "a"\nB: /a+/', 1, 0.5, 0.2, 0.3, 0.7, 0.3), b"aaaaa"),
    (weighted('start: "i" start "e" start | "i" start | "x"', 0.2, 0.3, 0.5), b"iiixexex"),
    (weighted('start: s\ns: s "+" s | s "*" s | "1"', 1, 0.3, 0.1, 0.6), b"1+1*1+1*1"),
]


@pytest.mark.parametrize(("grammar", "data"), CASES)
def test_all_derivations_are_found_in_order(grammar: stolcke.Grammar, data: bytes) -> None:
    expected = sorted((weight for weight, _ in all_derivations(grammar, data)), reverse=True)
    forest = Parser(grammar).parse(data)
    found = list(forest)
    assert [exp(one.logprob) for one in found] == pytest.approx(expected, rel=1e-12)
    assert forest.n_derivations == len(expected) > 2
    assert sum(one.posterior for one in found) == pytest.approx(1, rel=1e-12)
    assert exp(forest.logprob) == pytest.approx(sum(expected), rel=1e-12)
    assert forest.entropy == pytest.approx(entropy(expected), rel=1e-12)
    assert forest.best == found[0]
    assert forest.k_best(3) == found[:3]
    assert forest.k_best(10**6) == found


def test_endless_derivations_are_sorted_and_different() -> None:
    """In circles of the empty text, of one nonterminal and of several."""
    checked = 0
    for grammar, data in random_cases(450):
        try:
            forest = Parser(grammar).parse(data)
        except stolcke.ParseError:
            continue
        if forest.n_derivations < inf:
            continue
        found = list(islice(forest, 60))
        scores = [one.logprob for one in found]
        assert len(found) == 60
        assert all(a >= b - 1e-9 for a, b in pairwise(scores))
        assert sum(one.posterior for one in found) <= 1 + 1e-9
        shares = np.array([one.posterior for one in found])
        if shares.sum() > 1 - 1e-9:
            assert forest.entropy == pytest.approx(-(shares * np.log(shares)).sum(), abs=1e-6)
            checked += 1
    assert checked > 10


def test_the_best_goes_in_no_circle() -> None:
    forest = Parser(weighted('start: x\nx: y | "a"\ny: x | "b"', 1, 0.999, 0.001, 0.999, 0.001)).parse("a")
    assert forest.best.tree.pretty() == "start\n  x\n"


def test_raw_weights_that_grow_in_circles() -> None:
    """Ever more probable derivations have no best one, and their sum may have no limit."""
    with pytest.raises(stolcke.ParseError, match="do not add up"):
        Parser(weighted('start: start | "a"', 1.5, 1, raw_weights=True)).parse("a")
    with pytest.raises(stolcke.ParseError, match="do not add up"):
        Parser(weighted('start: start start | "a" | ', 2, 1, 1, raw_weights=True)).parse("a")


@pytest.mark.parametrize(("grammar", "data"), [*CASES, (weighted('start: start start | "a" | ', 0.3, 0.5, 0.2), b"a")])
def test_samples_are_as_frequent_as_probable(grammar: stolcke.Grammar, data: bytes) -> None:
    """Pearson's statistic stays below its 99.9 % quantile; seeds are fixed."""
    forest = Parser(grammar).parse(data)
    n = 3000
    samples = forest.sample(np.random.default_rng(7), n)
    for one in samples[:50]:
        assert one.posterior == pytest.approx(exp(one.logprob - forest.logprob))
    expected: Counter[str] = Counter()
    for one in islice(forest, 400):
        expected[repr(one.tree)] += one.posterior
    counts = Counter(repr(one.tree) for one in samples)
    kept = [tree for tree, share in expected.items() if share * n >= 5]
    pairs = [(counts[tree], expected[tree] * n) for tree in kept]
    rest = n - sum(count for count, _ in pairs)
    left = n - sum(mean for _, mean in pairs)
    if left > 1:
        pairs.append((rest, left))
    statistic = sum((count - mean) ** 2 / mean for count, mean in pairs)
    freedom = len(pairs) - 1
    # Wilson and Hilferty's approximation of the quantile.
    assert statistic < freedom * (1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)) ** 0.5) ** 3


def test_equal_seeds_draw_equal_samples() -> None:
    forest = Parser(CASES[0][0]).parse("aaaaaa")
    first, second, third = (forest.sample(np.random.default_rng(seed), 20) for seed in (1, 1, 2))
    assert first == second != third


def test_one_derivation_has_no_entropy() -> None:
    forest = Parser(stolcke.Grammar.from_lark('start: "a" start | "b"')).parse("aab")
    assert (forest.n_derivations, forest.entropy) == (1, 0)
    assert forest.best.logprob == forest.logprob == pytest.approx(3 * log(0.5))
    assert forest.best.posterior == 1
