"""Products of experts: a model's next token, times what a grammar says of it.

At each step the model has probabilities p(v), the grammar scores lambda(v), natural
logarithms; tokens are drawn from q(v) = p(v) exp(beta lambda(v)) / Z.  Over a
text of n tokens the model's and the grammar's factors make up the *target*,

    p(text) * exp(beta * sum of lambda),

while the text was drawn with the probability target / (Z_1 ... Z_n).  So texts drawn
step by step are not distributed as the target, and the product of the Z is exactly
the importance weight that makes up for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stolcke.errors import VocabularyError

__all__ = ["Product", "as_array", "combine", "log_sum", "product"]


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """The next token under a model and a grammar.

    Attributes
    ----------
    logprobs : float64[..., width]
        Natural logarithms of q; they are those of a distribution, or all minus infinity where ``log_z`` is.
    log_z : float64[...]
        The logarithm of Z, the share of the model's probability that the grammar leaves.  Their sum along a text is
        the logarithm of its importance weight.
    """

    logprobs: np.ndarray
    log_z: np.ndarray


def combine(logits: Any, scores: Any, beta: float = 1.0) -> np.ndarray:
    """Logits plus ``beta`` times the grammar's scores.

    What has a score of minus infinity stays impossible whatever ``beta`` is, also 0; so is what lies beyond the scores.

    Parameters
    ----------
    logits : float[..., width]
        Of a model; an array, or a tensor of torch.
    scores : float[..., n] or bool[..., n], n <= width
        Log-probabilities as of :meth:`stolcke.Matcher.fill_logprobs`, or a mask: what is allowed has 0 then.
    beta : float

    Returns
    -------
    float64[..., width]

    Raises
    ------
    VocabularyError
        If the scores are more than the logits, or ``beta`` is negative or not finite.
    """
    if not (math.isfinite(beta) and beta >= 0):
        raise VocabularyError(f"beta must be a finite number, at least 0, not {beta!r}")
    logits, scores = as_array(logits).astype(np.float64), as_array(scores)
    if scores.dtype == bool:
        scores = np.where(scores, 0.0, -np.inf)
    n, width = scores.shape[-1], logits.shape[-1]
    if n > width:
        raise VocabularyError(f"the model has {width} logits, and there are scores of {n} tokens")
    possible = scores > -np.inf
    combined = np.full((*np.broadcast_shapes(logits.shape[:-1], scores.shape[:-1]), width), -np.inf)
    # Without `where`, 0 times minus infinity would be nan.
    added = np.multiply(scores, beta, where=possible, out=np.zeros(scores.shape))
    combined[..., :n] = np.where(possible, logits[..., :n] + added, -np.inf)
    return combined


def product(logits: Any, scores: Any, beta: float = 1.0) -> Product:
    """The distribution that is proportional to a model's times a grammar's to the power of ``beta``, and Z.

    Parameters
    ----------
    logits, scores, beta
        As for :func:`combine`.  The model's distribution is that of all its logits, those beyond the vocabulary
        included.

    Returns
    -------
    Product
    """
    logits = as_array(logits).astype(np.float64)
    total = log_sum(logits)
    combined = combine(logits - np.where(np.isfinite(total), total, 0.0)[..., None], scores, beta)
    log_z = log_sum(combined)
    logprobs = np.full_like(combined, -np.inf)
    np.subtract(combined, log_z[..., None], where=np.isfinite(log_z)[..., None], out=logprobs)
    return Product(logprobs, log_z)


def log_sum(values: np.ndarray) -> np.ndarray:
    """Logarithms of the sums of exponentials along the last axis; minus infinity for nothing but zeros."""
    greatest = values.max(axis=-1, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(greatest), greatest, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(values - shift).sum(axis=-1)) + shift[..., 0]


def as_array(values: Any) -> np.ndarray:
    """An array of numbers, also of a tensor that is on a GPU or of a type that NumPy does not have."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.float() if values.is_floating_point() else values).numpy()
    return np.asarray(values)
