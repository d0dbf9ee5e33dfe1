"""A language model that is a table, and what it makes of a grammar when all texts are written down."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

import stolcke


class Table:
    """Each beginning of a text has logits of its own, made from nothing but its tokens."""

    def __init__(self, width: int, *, seed: int = 0, spread: float = 1.5, likes: int | None = None) -> None:
        self.width, self.seed, self.spread, self.likes = width, seed, spread, likes
        self.rows: list[tuple[int, ...]] = []
        self.seen: list[list[tuple[int, ...]]] = []

    def logits(self, text: tuple[int, ...]) -> np.ndarray:
        logits = np.random.default_rng([self.seed, *text]).normal(0, self.spread, self.width).astype(np.float32)
        if self.likes is not None:
            logits[self.likes] += 2
        return logits

    def begin(self, n: int) -> np.ndarray:
        self.rows = [()] * n
        self.seen = [self.rows]
        return self._all()

    def extend(self, parents: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        self.rows = [
            (*self.rows[parent], token) for parent, token in zip(parents.tolist(), tokens.tolist(), strict=True)
        ]
        self.seen.append(self.rows)
        return self._all()

    def _all(self) -> np.ndarray:
        return np.stack([self.logits(text) for text in self.rows])


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    return logits - math.log(np.exp(logits - logits.max()).sum()) - logits.max()


def all_texts(
    model: Table, matcher: stolcke.Matcher, beta: float, most: int, text: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], float, float]]:
    """Every sequence of at most ``most`` tokens that ends: tokens, log of the target, log of the product of the Z."""
    if matcher.is_finished:
        yield text, 0.0, 0.0
        return
    if not most:
        return
    logprobs = log_softmax(model.logits(text))
    allowed = matcher.allowed_token_ids().tolist()
    factors = {token: logprobs[token] + beta * matcher.logprobs([token])[0] for token in allowed}
    log_z = math.log(sum(math.exp(factor) for factor in factors.values())) if factors else -math.inf
    for token, factor in factors.items():
        after = matcher.fork()
        assert after.accept(token)
        for whole, target, z in all_texts(model, after, beta, most - 1, (*text, token)):
            yield whole, target + factor, z + log_z
