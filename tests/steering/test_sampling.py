"""Samples of texts by sequential Monte Carlo, beside the enumeration of all texts."""

from __future__ import annotations

import math

import numpy as np
import pytest

import stolcke
from stolcke.steering import sample
from stolcke.steering.sampling import _POSITIONS, effective_size, picked
from tests.steering.models import Table, all_texts

TOKENS = [b"a", b"b", b"ab", b"(", b")", b"()", b"<end>", b"x"]
END = 6
VOCABULARY = stolcke.Vocabulary(TOKENS, eos_token_ids=[END])
NESTED = stolcke.compile(
    stolcke.Grammar.from_lark('start: item [0.6] | item start [0.4]\nitem: "a" [0.5] | "b" [0.3] | "(" item ")" [0.2]'),
    VOCABULARY,
)
MOST = 6
CASES = [
    (0.0, 0.0, "systematic"),
    (0.0, 0.7, "systematic"),
    (0.0, 1.0, "multinomial"),
    (1.0, 0.7, "multinomial"),
    (1.0, 1.0, "systematic"),
]


def exact(model, beta, most=MOST, **options):
    found = list(all_texts(model, NESTED.matcher(**options), beta, most))
    return {tokens: math.exp(target) for tokens, target, _ in found}, {tokens: z for tokens, _, z in found}


@pytest.mark.parametrize(("beta", "threshold", "kind"), CASES)
def test_the_normalizer_is_without_bias(beta, threshold, kind) -> None:
    """The mean over runs that know nothing of each other; five standard errors are missed once in two million times."""
    # Of a mild model that likes to end: else so few texts have nearly all of the weight that estimates are all alike.
    model = Table(len(TOKENS), seed=3, spread=0.7, likes=END)
    targets, _ = exact(model, beta)
    runs = 200
    estimates = np.exp([
        sample(model, NESTED, particles=12, beta=beta, threshold=threshold, resampling=kind, seed=seed,
               max_tokens=MOST).log_normalizer
        for seed in range(runs)
    ])  # fmt: skip
    error = estimates.std(ddof=1) / math.sqrt(runs)
    assert 0 < error < 0.1 * sum(targets.values())
    assert abs(estimates.mean() - sum(targets.values())) < 5 * error


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_weights_without_resampling_are_the_products_of_z(beta) -> None:
    model = Table(len(TOKENS), seed=5)
    targets, products = exact(model, beta)
    posterior = sample(model, NESTED, particles=200, beta=beta, threshold=0, seed=1, max_tokens=MOST)
    assert not any(posterior.resampled)
    ended = [particle for particle in posterior.particles if particle.finished]
    assert len({particle.tokens for particle in ended}) > 10
    for particle in ended:
        assert particle.log_weight == pytest.approx(products[particle.tokens], abs=2e-6)
        assert particle.text == b"".join(TOKENS[token] for token in particle.tokens[:-1])
    # Each text is drawn with the probability target / weight: over all texts, and those that do not end, this is 1.
    assert sum(target / math.exp(products[tokens]) for tokens, target in targets.items()) <= 1


@pytest.mark.parametrize("threshold", [0.0, 0.8])
def test_the_posterior_is_that_of_all_texts(threshold) -> None:
    """Estimated expectations of several runs, five standard errors at most from the exact ones."""
    model = Table(len(TOKENS), seed=8)
    targets, _ = exact(model, 1.0)
    total = sum(targets.values())
    shares = {}
    for tokens, target in targets.items():
        text = b"".join(TOKENS[token] for token in tokens[:-1])
        shares[text] = shares.get(text, 0.0) + target / total
    likely = sorted(shares, key=shares.get)[-6:]
    runs = [
        sample(model, NESTED, particles=400, beta=1.0, threshold=threshold, seed=seed, max_tokens=MOST).probabilities
        for seed in range(12)
    ]
    for text in likely:
        estimates = np.array([run.get(text, 0.0) for run in runs])
        error = estimates.std(ddof=1) / math.sqrt(len(runs))
        # A quotient of estimates has a bias of the order of 1 / particles.
        assert abs(estimates.mean() - shares[text]) < 5 * error + 2 / 400, text
    assert runs[0] == dict(sorted(runs[0].items(), key=lambda item: -item[1]))
    assert sum(runs[0].values()) == pytest.approx(1, rel=1e-9)


class TwoWays:
    """After a, nine tenths of the model is within the grammar; after b, one tenth. Then x, and the end for certain."""

    grammar = stolcke.Grammar.from_lark('start: "a" "x" | "b" "x" "x"')

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []
        self.firsts: list[int] = []
        self.every: set[tuple[int, ...]] = set()

    def begin(self, n):
        self.rows = [()] * n
        return self._logits()

    def extend(self, parents, tokens):
        self.rows = [(*self.rows[p], t) for p, t in zip(parents.tolist(), tokens.tolist(), strict=True)]
        self.every.update(self.rows)
        self.firsts = self.firsts or tokens.tolist()
        return self._logits()

    def _logits(self):
        chances = {(): {0: 0.5, 1: 0.5}, (0,): {7: 0.9, 2: 0.1}, (1,): {7: 0.1, 2: 0.9}, (1, 7): {7: 1.0}}
        rows = [chances.get(row, {END: 1.0}) for row in self.rows]
        with np.errstate(divide="ignore"):
            return np.log(np.array([[row.get(token, 0.0) for token in range(len(TOKENS))] for row in rows]))


@pytest.mark.parametrize("kind", ["systematic", "multinomial"])
def test_resampled_particles_have_the_average_weight_and_their_own_texts(kind) -> None:
    """All is known here but how many particles began with a; weights that were kept, or rows mixed up, would show."""
    compiled = stolcke.compile(TwoWays.grammar, VOCABULARY)
    for seed in range(10):
        model = TwoWays()
        posterior = sample(model, compiled, particles=40, threshold=1.0, resampling=kind, seed=seed)
        share = model.firsts.count(0) / 40
        expected = math.log(share * 0.9 + (1 - share) * 0.1)
        assert posterior.log_normalizer == pytest.approx(expected, rel=1e-12)
        assert [p.log_weight for p in posterior.particles] == pytest.approx([expected] * 40, rel=1e-12)
        assert posterior.resampled == (False, True, False, False)
        assert posterior.effective_sizes[1] == pytest.approx(
            40 * (share * 0.9 + (1 - share) * 0.1) ** 2 / (share * 0.81 + (1 - share) * 0.01), rel=1e-9
        )
        assert {p.tokens for p in posterior.particles} <= {(0, 7, END), (1, 7, 7, END)}
        # Those that began with a have come to nine times the weight; five standard deviations of a multinomial count.
        weighty = share * 0.9 / (share * 0.9 + (1 - share) * 0.1)
        alive = sum(particle.tokens[0] == 0 for particle in posterior.particles)
        assert abs(alive - 40 * weighty) < 5 * math.sqrt(40 * weighty * (1 - weighty)) < 40 * (weighty - share)
        # What a particle wrote is what the model was told: the row of its own history went on.
        assert {p.tokens[:-1] for p in posterior.particles} <= model.every


def test_a_model_is_told_of_the_rows_that_go_on() -> None:
    """Rows of texts that have ended are gone, and the histories of the others are those of the particles."""
    model = Table(len(TOKENS), seed=11)
    posterior = sample(model, NESTED, particles=50, threshold=1.0, seed=2, max_tokens=MOST)
    assert any(posterior.resampled)
    histories = {row for rows in model.seen for row in rows}
    assert all(
        particle.tokens[: -1 if particle.finished else MOST - 1] in histories for particle in posterior.particles
    )
    assert all(END not in row for row in histories)
    assert len(model.seen[-1]) < 50


def test_a_budget_brings_all_texts_to_an_end() -> None:
    model = Table(len(TOKENS), seed=4)
    free = sample(model, NESTED, particles=60, seed=0, max_tokens=4)
    assert not all(particle.finished for particle in free.particles)
    assert all(p.log_weight == -np.inf for p in free.particles if not p.finished)
    held = sample(model, NESTED.matcher(max_tokens=4), particles=60, seed=0, max_tokens=4)
    assert all(particle.finished and len(particle.tokens) <= 4 for particle in held.particles)
    # The budget's masks are exact here, so the texts and their weights are those of all texts that are short enough.
    targets, products = exact(model, 0.0, 4, max_tokens=4)
    assert sum(target / math.exp(products[tokens]) for tokens, target in targets.items()) == pytest.approx(1, rel=1e-9)
    plain, _ = exact(model, 0.0, 4)
    assert targets.keys() == plain.keys()
    for particle in sample(model, NESTED.matcher(max_tokens=4), particles=60, seed=0, threshold=0).particles:
        assert particle.log_weight == pytest.approx(products[particle.tokens], abs=1e-9)


def test_the_same_seed_gives_the_same_texts() -> None:
    first, again, other = (
        sample(Table(len(TOKENS)), NESTED, particles=20, seed=seed, max_tokens=20) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_shares_of_a_unit() -> None:
    with np.errstate(divide="ignore"):
        weights = np.log([0.0, 1.0, 0.0, 3.0, 0.0])
    assert picked(weights, np.array([0.0, 0.2499, 0.25, 1 - 2**-53])).tolist() == [1, 1, 3, 3]
    assert picked(weights - 5000, np.array([0.0, 0.3])).tolist() == [1, 3]
    assert effective_size(weights) == pytest.approx(16 / 10)
    assert effective_size(np.full(3, -np.inf)) == 0
    assert effective_size(np.full(7, -9000.0)) == pytest.approx(7)


@pytest.mark.parametrize("kind", ["systematic", "multinomial"])
def test_particles_are_drawn_as_often_as_their_weights_say(kind) -> None:
    weights = np.random.default_rng(1).gamma(0.5, size=50)
    shares = weights / weights.sum()
    rng = np.random.default_rng(2)
    counts = np.array(
        [np.bincount(picked(np.log(weights), _POSITIONS[kind](rng, 50)), minlength=50) for _ in range(2000)]
    )
    assert (counts.sum(axis=1) == 50).all()
    if kind == "systematic":
        assert (np.abs(counts - 50 * shares) < 1).all()
    # The variance of a count is at most that of a multinomial one.
    assert (np.abs(counts.mean(axis=0) - 50 * shares) < 5 * np.sqrt(50 * shares / 2000)).all()


def test_where_no_text_is_possible_nothing_has_weight() -> None:
    class Silent(Table):
        def logits(self, text):
            return np.where(np.arange(self.width) == 7, 0, -np.inf)

    posterior = sample(Silent(len(TOKENS)), NESTED, particles=3, seed=0)
    assert posterior.log_normalizer == -np.inf and posterior.probabilities == {}


def test_wrong_arguments_are_refused() -> None:
    model = Table(len(TOKENS))
    for wrong in ({"particles": 0}, {"threshold": 1.5}, {"resampling": "residual"}, {"max_tokens": 0}, {"beta": -1.0}):
        with pytest.raises(stolcke.VocabularyError):
            sample(model, NESTED, **wrong)
    with pytest.raises(stolcke.VocabularyError, match="CompiledGrammar"):
        sample(model, "a")
    endless = stolcke.compile(stolcke.Grammar.from_lark('start: "a"'), stolcke.Vocabulary([b"a"]))
    with pytest.raises(stolcke.VocabularyError, match="end token"):
        sample(model, endless)
    with pytest.raises(stolcke.WeightsError, match="numbers"):
        sample(type("Broken", (Table,), {"logits": lambda self, text: np.full(8, np.nan)})(8), NESTED)
