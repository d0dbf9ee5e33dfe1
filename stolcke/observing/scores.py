"""A model's log-probabilities at one place, before and after a mask."""

from __future__ import annotations

import numpy as np

__all__ = ["Scores"]


class Scores:
    """Log-probabilities of the next token, natural logarithms.

    Parameters
    ----------
    logits : float[n]
        Of any precision; what is no number is taken for minus infinity.
    allowed : bool[n]
        What the mask lets through.
    """

    def __init__(self, logits: np.ndarray, allowed: np.ndarray) -> None:
        self._logits = np.where(np.isnan(logits), np.array(-np.inf, logits.dtype), logits)  # a copy, in any case
        self._allowed = allowed
        self._log_all = _log_sum(self._logits)
        self._log_allowed = _log_sum(self._logits[allowed])

    def before(self, token: int) -> float:
        """The model's own log-probability of a token."""
        return self._share(token, self._log_all)

    def after(self, token: int) -> float:
        """That of a token among those allowed; minus infinity for the others."""
        return self._share(token, self._log_allowed) if self._allowed[token] else -np.inf

    def _share(self, token: int, log_total: float) -> float:
        logit = float(self._logits[token])
        return logit - log_total if logit > -np.inf else -np.inf

    @property
    def log_mass_allowed(self) -> float:
        """The logarithm of the probability that the model gives to all allowed tokens together."""
        return self._log_allowed - self._log_all if self._log_allowed > -np.inf else -np.inf

    def best(self, n: int) -> list[int]:
        """The ``n`` likeliest of all tokens and the ``n`` likeliest of those allowed, each once, likeliest first."""
        allowed = np.flatnonzero(self._allowed)
        found = {*_largest(self._logits, n).tolist(), *allowed[_largest(self._logits[allowed], n)].tolist()}
        return sorted(found, key=lambda token: (-self._logits[token], token))


def _largest(values: np.ndarray, n: int) -> np.ndarray:
    """Places of the ``n`` largest values, at most; in no order, equal ones as they come."""
    n = min(n, len(values))
    return np.argpartition(values, len(values) - n)[len(values) - n :] if n else np.empty(0, np.intp)


def _log_sum(values: np.ndarray) -> float:
    """The logarithm of the sum of the exponentials; minus infinity for no values."""
    most = float(values.max(initial=-np.inf))
    return most + float(np.log(np.exp(values.astype(np.float64) - most).sum())) if np.isfinite(most) else most
