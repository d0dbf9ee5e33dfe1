"""Sequential Monte Carlo: texts drawn from a model under a grammar, with weights that make them exact.

Each of several *particles* is a text under way.  All take one token at a time from
the product of model and grammar (:mod:`stolcke.steering.products`), and their
weights are multiplied by its Z.  Where few particles have nearly all of the
weight, they are drawn anew by their weights: those that have come to an
improbable place go, others are there several times.  The average weight estimates
the sum of the target over all texts, without bias, resampled or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from stolcke._core import bitmask
from stolcke.batches import fill_masks
from stolcke.compiled_grammar import CompiledGrammar
from stolcke.errors import VocabularyError, WeightsError
from stolcke.matcher import Matcher
from stolcke.scoring import fill_logprobs_batch
from stolcke.steering.products import as_array, log_sum, product

__all__ = ["Model", "Particle", "Posterior", "sample"]


class Model(Protocol):
    """A language model that keeps a batch of texts."""

    def begin(self, n: int) -> Any:
        """Begin ``n`` texts; the logits of their first tokens, float[n, width], an array or a tensor."""

    def extend(self, parents: np.ndarray, tokens: np.ndarray) -> Any:
        """Go on to a batch of other texts.

        Parameters
        ----------
        parents : int64[m]
            Text ``i`` goes on from text ``parents[i]`` of the batch before.  Some may occur often, others not at all.
        tokens : int64[m]
            The token that each text gets.

        Returns
        -------
        float[m, width]
            Logits of the next tokens.
        """


@dataclass(frozen=True, slots=True)
class Particle:
    """A text drawn.

    Attributes
    ----------
    tokens : tuple of int
        The end token at last, if ``finished``.
    text : bytes
        What its tokens stand for, without the end token; special tokens are no text.
    log_weight : float
        Natural logarithm; minus infinity where the text came to no end.
    finished : bool
        Whether it ended with an end token.
    """

    tokens: tuple[int, ...]
    text: bytes
    log_weight: float
    finished: bool


@dataclass(frozen=True, slots=True)
class Posterior:
    """Weighted texts.

    Attributes
    ----------
    particles : tuple of Particle
    log_normalizer : float
        Natural logarithm of the estimated sum of the target over all texts; the estimate itself is without bias.
    effective_sizes : tuple of float
        Of each step, before any resampling: how many equally weighted particles would be worth as much.
    resampled : tuple of bool
        Of each step, whether the particles were drawn anew.
    """

    particles: tuple[Particle, ...]
    log_normalizer: float
    effective_sizes: tuple[float, ...]
    resampled: tuple[bool, ...]

    @property
    def probabilities(self) -> dict[bytes, float]:
        """The estimated probability of each text drawn, the most probable one first."""
        total: dict[bytes, float] = {}
        for particle in self.particles:
            if particle.log_weight > -np.inf:
                weight = float(np.exp(particle.log_weight - self.log_normalizer)) / len(self.particles)
                total[particle.text] = total.get(particle.text, 0.0) + weight
        return dict(sorted(total.items(), key=lambda item: -item[1]))


def sample(
    model: Model,
    constraint: CompiledGrammar | Matcher,
    *,
    particles: int = 16,
    beta: float = 0.0,
    threshold: float = 0.5,
    resampling: str = "systematic",
    seed: int | np.random.Generator | None = None,
    max_tokens: int = 256,
    threads: int = 1,
) -> Posterior:
    """Draw texts from a language model under a grammar.

    The target of a text is the model's probability of its tokens, times the grammar's of the text to the power of
    ``beta``; that of a text outside the grammar is 0.

    Parameters
    ----------
    model : Model
    constraint : CompiledGrammar or Matcher
        A matcher stands for its grammar, begun where it stands; it stays there.  Its masks say what may come, so with
        a budget (``compiled.matcher(max_tokens=...)``) all texts end in time.
    particles : int
    beta : float
        0 for the mask alone, which needs no weights.
    threshold : float
        Particles are drawn anew where the effective sample size is less than this share of their number: never with 0,
        whenever weights differ with 1.
    resampling : {"systematic", "multinomial"}
    seed : int or numpy.random.Generator, optional
        The same seed gives the same texts.
    max_tokens : int
        After so many tokens, the end token included, what has not ended counts for nothing.
    threads : int
        For masks and log-probabilities.

    Returns
    -------
    Posterior

    Raises
    ------
    VocabularyError
        If the vocabulary has no end token or the model's logits are fewer than the tokens, or the arguments are wrong.
    WeightsError
        If ``beta`` is not 0 and the grammar has no probabilities; if a model's logits are not numbers.
    """
    start = constraint.matcher() if isinstance(constraint, CompiledGrammar) else constraint
    if not isinstance(start, Matcher):
        raise VocabularyError(f"texts are held by a CompiledGrammar or a Matcher, not {type(start).__name__}")
    if not start.compiled.vocabulary.eos_token_ids:
        raise VocabularyError("the vocabulary has no end token, so no text would ever end; give it eos_token_ids")
    if particles < 1 or max_tokens < 1 or threads < 1:
        raise VocabularyError("particles, max_tokens and threads must be at least 1")
    if not 0 <= threshold <= 1:
        raise VocabularyError(f"threshold must be a share between 0 and 1, not {threshold!r}")
    if resampling not in _POSITIONS:
        raise VocabularyError(f'resampling must be "systematic" or "multinomial", not {resampling!r}')
    if beta:
        _ = start.compiled.weights  # which raises here rather than in the middle
    run = _Run(start, particles, beta, threshold, _POSITIONS[resampling], np.random.default_rng(seed), threads)
    logits = model.begin(particles)
    for left in range(max_tokens, 0, -1):
        run.weigh(logits)
        run.resample()
        parents, tokens = run.draw()
        if not len(parents) or left == 1:
            break
        logits = model.extend(parents, tokens)
    return run.posterior()


def _systematic(rng: np.random.Generator, n: int) -> np.ndarray:
    return (rng.random() + np.arange(n)) / n


def _multinomial(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.sort(rng.random(n))


_POSITIONS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "systematic": _systematic,
    "multinomial": _multinomial,
}
"""Where in the unit interval the new particles are, which the old ones share out by their weights."""


def effective_size(log_weights: np.ndarray) -> float:
    """The square of the weights' sum over the sum of their squares; 0 where all are 0."""
    total = log_sum(log_weights)
    return float(np.exp(2 * total - log_sum(2 * log_weights))) if np.isfinite(total) else 0.0


def picked(log_weights: np.ndarray, positions: np.ndarray | float) -> np.ndarray:
    """Whose share of all weight, one after the other, each position in the unit interval is in: int64[positions]."""
    shares = np.exp(log_weights - log_weights.max()).cumsum()
    # The first share that reaches beyond the position is never an empty one; rounding must not lead behind the last.
    last = np.searchsorted(shares, shares[-1])
    return np.minimum(np.searchsorted(shares, positions * shares[-1], side="right"), last)


@dataclass(slots=True)
class _Text:
    """A particle on its way."""

    matcher: Matcher
    tokens: list[int] = field(default_factory=list)
    row: int = 0
    """Its row in the model's batch, as long as it has not ended."""
    next_logprobs: np.ndarray | None = None


class _Run:
    """The particles of one sample, and their weights."""

    def __init__(
        self,
        start: Matcher,
        n: int,
        beta: float,
        threshold: float,
        positions: Callable[[np.random.Generator, int], np.ndarray],
        rng: np.random.Generator,
        threads: int,
    ) -> None:
        self.beta, self.threshold, self.positions, self.rng, self.threads = beta, threshold, positions, rng, threads
        self.vocabulary = start.compiled.vocabulary
        self.is_opening = start.is_opening
        self.texts = [_Text(start.fork(), row=i) for i in range(n)]
        self.log_weights = np.zeros(n)
        self.effective_sizes: list[float] = []
        self.resampled: list[bool] = []

    def _open(self) -> list[int]:
        """The particles that have neither ended nor come to a dead end."""
        return [
            i for i, text in enumerate(self.texts) if not text.matcher.is_finished and self.log_weights[i] > -np.inf
        ]

    def weigh(self, logits: Any) -> None:
        """Find the next token's distribution of each particle, and multiply its weight by Z."""
        opened = self._open()
        if not opened:
            return
        rows = as_array(logits)[[self.texts[i].row for i in opened]]
        if not (rows < np.inf).all():
            raise WeightsError("the model's logits are not all numbers below infinity")
        found = product(rows, self._scores([self.texts[i].matcher for i in opened]), self.beta)
        for i, logprobs, log_z in zip(opened, found.logprobs, found.log_z, strict=True):
            self.texts[i].next_logprobs = logprobs
            self.log_weights[i] += log_z

    def _scores(self, matchers: list[Matcher]) -> np.ndarray:
        n_tokens = len(self.vocabulary)
        masks = np.empty((len(matchers), bitmask.words(n_tokens)), np.int32)
        fill_masks(matchers, masks, self.threads)
        allowed = np.array([bitmask.unpack(mask, n_tokens) for mask in masks])
        if not self.beta:
            return allowed
        scores = np.empty((len(matchers), n_tokens), np.float32)
        fill_logprobs_batch(matchers, scores, self.threads)
        scores[~allowed] = -np.inf
        return scores

    def resample(self) -> None:
        """Draw the particles anew by their weights, if these differ much; all then have the average weight."""
        n = len(self.texts)
        size = effective_size(self.log_weights)
        self.effective_sizes.append(size)
        # Rounding must not let equal weights look different.
        due = 0 < size < self.threshold * n * (1 - 1e-9)
        self.resampled.append(due)
        if not due:
            return
        chosen = picked(self.log_weights, self.positions(self.rng, n))
        self.texts = [
            _Text(text.matcher.fork(), list(text.tokens), text.row, text.next_logprobs)
            for text in (self.texts[i] for i in chosen.tolist())
        ]
        self.log_weights[:] = log_sum(self.log_weights) - np.log(n)

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        """Give each open particle a token; which rows of the model's batch go on, and with what."""
        parents: list[int] = []
        tokens: list[int] = []
        for i in self._open():
            text = self.texts[i]
            token = int(picked(text.next_logprobs, self.rng.random()))
            if not text.matcher.accept(token):
                raise AssertionError(f"token {token} was in the mask, but is not accepted")
            text.tokens.append(token)
            if not text.matcher.is_finished:
                parents.append(text.row)
                tokens.append(token)
                text.row = len(parents) - 1
        return np.array(parents, np.int64), np.array(tokens, np.int64)

    def posterior(self) -> Posterior:
        """What has come of it."""
        made = []
        special = self.vocabulary.skip
        for text, log_weight in zip(self.texts, self.log_weights.tolist(), strict=True):
            finished = text.matcher.is_finished
            pieces = [b"" if special[token] else self.vocabulary.tokens[token] for token in text.tokens]
            if pieces and self.is_opening:
                pieces[0] = self.vocabulary.first_text(text.tokens[0])
            content = b"".join(pieces)
            made.append(Particle(tuple(text.tokens), content, log_weight if finished else -np.inf, finished))
        log_weights = np.array([particle.log_weight for particle in made])
        log_normalizer = float(log_sum(log_weights) - np.log(len(made)))
        return Posterior(tuple(made), log_normalizer, tuple(self.effective_sizes), tuple(self.resampled))
