"""The partition function and what is made of it, against closed forms and plain iteration."""

from __future__ import annotations

import math
import warnings
from random import Random

import numpy as np
import pytest

import stolcke
from stolcke.errors import InconsistentGrammarWarning, WeightsError
from stolcke.weights import ProperWeights, proper_weights
from tests.weights.systems import Rules, by_iteration, mean_matrix, system


def quietly(rules: Rules, n: int | None = None, *, raw: bool = False) -> ProperWeights:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentGrammarWarning)
        return proper_weights(system(rules, n, raw=raw))


def catalan(p: float) -> Rules:
    return [(1, ["a"], p), (1, [1, 1], 1 - p)]


# Closed forms.


@pytest.mark.parametrize("p", [0.75, 0.5, 0.25, 0.01, 1e-9])
def test_catalan(p):
    made = quietly(catalan(p))
    assert math.exp(made.start_log_partition) == pytest.approx(min(1, p / (1 - p)), rel=1e-14)
    assert made.spectral_radius == pytest.approx(2 * (1 - p), rel=1e-14)
    assert made.consistent == (p >= 0.5)
    # Reweighted, a and its mirror: the derivations that end are those of the grammar with p and 1 - p swapped.
    likely = max(p, 1 - p)
    assert made.rule_probabilities.tolist() == pytest.approx([1, likely, 1 - likely], rel=1e-13)


def test_weights_that_are_proper_stay_as_they_are_to_the_last_digit():
    made = proper_weights(
        system([(1, [2, 1], 0.1), (1, ["a"], 0.2), (1, [], 0.7), (2, ["a", 2], 1 / 3), (2, [], 2 / 3)])
    )
    assert made.rule_probabilities.tolist() == [1, 0.1, 0.2, 0.7, 1 / 3, 2 / 3]
    assert made.log_partition.tolist() == [0, 0, 0]


def test_a_radius_of_one_is_exact_where_probabilities_add_up():
    made = proper_weights(system(catalan(0.5)))
    assert made.start_log_partition == 0
    assert made.consistent


def test_a_radius_of_one_with_raw_weights_is_exact_to_half_the_digits():
    made = proper_weights(system([(1, ["a"], 0.25), (1, [1, 1], 1.0)], raw=True))
    assert math.exp(made.start_log_partition) == pytest.approx(0.5, abs=2e-8)
    assert made.rule_probabilities.sum() == pytest.approx(2, rel=1e-14)


def test_the_empty_text():
    made = proper_weights(system([(1, [1, 1], 0.3), (1, ["a"], 0.5), (1, [], 0.2)]))
    # The lesser root of e = .3 e e + .2.
    assert made.empty[1] == pytest.approx((1 - math.sqrt(1 - 4 * 0.3 * 0.2)) / 0.6, rel=1e-14)
    assert made.empty[1] == pytest.approx(0.2137003522, abs=1e-10)


def test_unit_cycles():
    rules: Rules = [(1, [2], 0.5), (1, ["a"], 0.5), (2, [1], 0.5), (2, [], 0.5)]
    made = proper_weights(system(rules))
    assert made.log_partition.tolist() == [0, 0, 0]
    assert made.empty.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3], rel=1e-14)
    assert made.spectral_radius == pytest.approx(0.5, rel=1e-14)


def test_what_was_dropped_is_mended():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = proper_weights(system([(1, [2, 2], 0.5), (1, ["a"], 0.5), (2, ["a"], 0.5)]))
    # Z(2) = 1/2, Z(1) = 1/8 + 1/2.
    assert made.rule_probabilities.tolist() == pytest.approx([1, 0.2, 0.8, 1], rel=1e-14)
    assert not made.consistent
    assert made.spectral_radius == 0


def test_zero_weights():
    made = proper_weights(system([(1, ["a"], 1.0), (1, [2], 0.0), (2, [2], 1.0), (2, ["a"], 0.0), (3, [1, 2], 1.0)], 3))
    assert made.rule_probabilities.tolist() == [1, 1, 0, 0, 0, 0]
    assert made.log_partition.tolist() == [0, 0, -math.inf, -math.inf]
    assert made.consistent


def test_a_start_of_weight_zero_is_an_error():
    with pytest.raises(WeightsError, match=r"every text has the weight 0, as 'n1', 'n2' derive none") as caught:
        proper_weights(system([(1, [2], 1.0), (2, [2, "a"], 1.0), (2, ["a"], 0.0)]))
    assert caught.value.nonterminals == ("n1", "n2")


@pytest.mark.parametrize("rules", [[(1, ["a"], 0.3), (1, [1, 1], 1.0)], [(1, ["a"], 1.0), (1, ["a", 1], 1.0)]])
def test_raw_weights_that_add_up_to_infinity_are_an_error(rules):
    with pytest.raises(WeightsError, match=r"derivations of 'n1' add up to infinity") as caught:
        proper_weights(system(rules, raw=True))
    assert caught.value.nonterminals == ("n1",)


def test_raw_weights_above_one():
    made = proper_weights(system([(1, ["a"], 3.0), (1, [2, 2], 2.0), (2, ["a"], 5.0)], raw=True))
    assert math.exp(made.start_log_partition) == pytest.approx(53, rel=1e-14)
    assert made.rule_probabilities.tolist() == pytest.approx([1, 3 / 53, 50 / 53, 1], rel=1e-14)


@pytest.mark.parametrize("tiny", [1e-300, 5e-324, 1e-20])
def test_weights_near_the_least_number(tiny):
    made = quietly([(1, ["a"], tiny), (1, [1, 1], 1.0)])
    assert made.start_log_partition == pytest.approx(math.log(tiny), rel=1e-14)
    assert made.rule_probabilities[1] == pytest.approx(1, rel=1e-12)
    product = quietly([(1, [2] * 5, 1.0), (2, ["a"], 1e-300)], raw=True)
    assert product.start_log_partition == pytest.approx(5 * math.log(1e-300), rel=1e-14)
    assert product.rule_probabilities.tolist() == [1, 1, 1]


def test_the_warning_says_how_much_is_lost():
    with pytest.warns(
        InconsistentGrammarWarning, match=r"ends with probability 0\.333333333 \(spectral radius 1\.5\)"
    ) as w:
        proper_weights(system(catalan(0.25)))
    assert w[0].message.spectral_radius == pytest.approx(1.5, rel=1e-14)
    assert w[0].message.start_partition == pytest.approx(1 / 3, rel=1e-14)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not proper_weights(system(catalan(0.25), raw=True)).consistent


# Random systems, against plain iteration.


def random_rules(random: Random, n: int, *, most: float = 1.0) -> Rules:
    rules: Rules = []
    for lhs in range(1, n + 1):
        count = random.randint(2, 4)
        weights = [random.random() ** 3 for _ in range(count)]
        total = sum(weights) / random.choice([1, 1, most])
        for weight in weights[:-1]:
            rhs = [random.choice(["a", *range(1, n + 1)]) for _ in range(random.randint(0, 4))]
            rules.append((lhs, rhs, weight / total))
        rules.append((lhs, random.choice([[], ["a"]]), weights[-1] / total))
    return rules


@pytest.mark.parametrize("seed", range(150))
def test_random_systems(seed):
    random = Random(seed)
    n = random.randint(1, 8)
    rules = random_rules(random, n, most=0.8)
    mean = mean_matrix(rules, n)
    radius = float(np.abs(np.linalg.eigvals(mean)).max())
    made = quietly(rules, n)
    assert made.spectral_radius == pytest.approx(radius, rel=1e-9, abs=1e-4)
    if abs(radius - 1) < 0.02:
        pytest.skip("plain iteration takes too long")
    expected = by_iteration(rules)
    found = np.exp(made.log_partition)
    assert found[1:].tolist() == pytest.approx([expected[a] for a in range(1, n + 1)], rel=1e-12)
    totals = np.bincount([0, *(lhs for lhs, _, _ in rules)], made.rule_probabilities, n + 1)
    assert totals.tolist() == pytest.approx([1] * (n + 1), rel=1e-14)
    # Reweighted, all of it ends.
    again = [(lhs, rhs, p) for (lhs, rhs, _), p in zip(rules, made.rule_probabilities[1:].tolist(), strict=True)]
    assert proper_weights(system(again, n)).consistent
    assert np.abs(np.linalg.eigvals(mean_matrix(again, n))).max() < 1
    silent = by_iteration([(lhs, rhs, 0.0 if "a" in rhs else p) for lhs, rhs, p in again])
    assert made.empty[1:].tolist() == pytest.approx([silent[a] for a in range(1, n + 1)], rel=1e-12, abs=1e-300)


# Large ones.

N = 10_000


def chain() -> Rules:
    steps: Rules = [(a, [a + 1, "a"], 0.5) for a in range(1, N)]
    return [*steps, *((a, ["a"], 0.5) for a in range(1, N)), (N, ["a"], 1.0)]


def ring(p: float) -> Rules:
    return [rule for a in range(1, N + 1) for rule in ((a, [a % N + 1, a % N + 1], p), (a, ["a"], 1 - p))]


def there_and_back(p: float) -> Rules:
    """Each leads to both of its neighbours; from the middle it looks as if all were alike."""
    inner = [rule for a in range(2, N) for rule in ((a, [a - 1, a + 1], p), (a, ["a"], 1 - p))]
    return [(1, [2, 2], p), (1, ["a"], 1 - p), *inner, (N, [N - 1, N - 1], p), (N, ["a"], 1 - p)]


def tangle(p: float) -> Rules:
    """Each leads to any others."""
    random = Random(1)
    pairs = [(a, [random.randint(1, N), random.randint(1, N)], p) for a in range(1, N + 1)]
    return [*pairs, *((a, ["a"], 1 - p) for a in range(1, N + 1))]


def test_a_long_chain():
    made = proper_weights(system(chain()))
    assert not made.log_partition.any()
    assert made.spectral_radius == 0


@pytest.mark.parametrize("shape", [ring, there_and_back, tangle])
@pytest.mark.parametrize("p", [0.3, 0.5, 0.6])
def test_ten_thousand_that_lead_to_each_other(shape, p):
    made = quietly(shape(p), N)
    assert made.spectral_radius == pytest.approx(2 * p, rel=1e-9)
    # All are alike: z = p z z + 1 - p.
    assert np.exp(made.log_partition).tolist() == pytest.approx([min(1, (1 - p) / p)] * (N + 1), rel=1e-13)


def test_a_tangle_of_different_weights():
    random = Random(2)
    rules: Rules = []
    for a in range(1, N + 1):
        p = random.uniform(0.2, 1)
        rules += [(a, [random.randint(1, N), random.randint(1, N)], p), (a, ["a"], 1 - p)]
    made = quietly(rules, N)
    pairs = np.array([rhs for _, rhs, _ in rules[::2]]) - 1
    chance = np.array([weight for _, _, weight in rules[::2]])
    z = np.zeros(N)
    for _ in range(3000):
        z = chance * z[pairs[:, 0]] * z[pairs[:, 1]] + 1 - chance
    assert z.max() < 1
    assert np.exp(made.log_partition[1:]).tolist() == pytest.approx(z.tolist(), rel=1e-12)
    # Its eigenvalue is that of a vector that all of the matrix keeps, found by powers here, too.
    x, radius = np.ones(N), 0.0
    for _ in range(2000):
        y = chance * (x[pairs[:, 0]] + x[pairs[:, 1]]) + x
        radius, x = float(y.max() / x.max()) - 1, y / y.max()
    assert made.spectral_radius == pytest.approx(radius, rel=1e-9)


def test_a_hub():
    spokes = [rule for a in range(2, N + 1) for rule in ((a, [1, 1], 0.3), (a, ["a"], 0.7))]
    made = quietly([*((1, [a], 1 / (N - 1)) for a in range(2, N + 1)), *spokes], N)
    # There and back in two steps.
    assert made.spectral_radius**2 == pytest.approx(0.6, rel=1e-12)
    assert not made.log_partition.any()


def test_a_walk_that_ends_at_one_end_only():
    """Its spectral radius is nearly one, though every derivation ends."""
    n = 500
    inner = [rule for a in range(2, n) for rule in ((a, [a + 1], 0.5), (a, [a - 1], 0.5))]
    made = proper_weights(system([(1, [2], 0.5), (1, ["a"], 0.5), *inner, (n, [n - 1], 1.0)]))
    assert not made.log_partition.any()
    assert made.spectral_radius == pytest.approx(math.cos(math.pi / (2 * n)), rel=1e-12)


def test_a_long_rule():
    made = proper_weights(system([(1, [2, "a"] * 5000, 0.3), (1, ["a"], 0.7), (2, ["a", 2], 0.5), (2, [], 0.5)]))
    assert made.log_partition.tolist() == [0, 0, 0]


# Compiled grammars.


def test_the_arrays_of_a_grammar():
    grammar = stolcke.Grammar.from_lark('start: "a" ("b" | "c")*\n%ignore " "')
    arrays = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes()).arrays
    made = proper_weights(arrays)
    assert made.consistent
    assert made.rule_probabilities.tolist() == arrays.weights.tolist()
    names = arrays.nonterminals
    assert made.empty[names.index("_ignored_0")] == 0.5


def test_the_warning_points_at_whoever_compiles():
    grammar = stolcke.Grammar.from_lark('start: start start [0.75] | "a" [0.25]')
    with pytest.warns(InconsistentGrammarWarning, match="0.333333333") as found:
        stolcke.compile(grammar, stolcke.Vocabulary.from_bytes())
    assert [warning.filename for warning in found] == [__file__]


def test_the_warning_of_shared_weights_points_at_the_first_question():
    grammar = stolcke.Grammar.from_lark('start: start start start | "a"')
    matcher = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes()).matcher()
    with pytest.warns(InconsistentGrammarWarning) as found:
        assert matcher.eos_logprob == -np.inf
    assert [warning.filename for warning in found] == [__file__]
