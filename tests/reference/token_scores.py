"""What a matcher must say about a text's probabilities, token by token, by asking the chart about each of them."""

from __future__ import annotations

import math

import numpy as np

from tests.reference.masks import Tokens
from tests.reference.probabilities import Probabilities, Text

Logprobs = np.ndarray
"""float64, natural logarithms of probabilities; -inf where there is none."""


def log(probability: float) -> float:
    """The natural logarithm, -inf for zero."""
    return math.log(probability) if probability > 0 else -math.inf


def end_logprob(found: Probabilities, text: Text) -> float:
    """How probable it is that the text ends here, given that it has come so far."""
    here, ending = found.prefix(text), found.sentence(text)
    return log(ending / here) if here > 0 else -math.inf


def next_byte_logprobs(found: Probabilities, text: Text) -> Logprobs:
    """For each byte, and in entry 256 for the end: float64[257]."""
    return np.array([log(value) for value in found.next_bytes(text).tolist()])


def token_logprobs(found: Probabilities, tokens: Tokens, text: Text) -> Logprobs:
    """For each token, in a text of its own: float64[len(tokens)]."""
    scores = np.full(len(tokens.tokens), -math.inf)
    for token in range(len(scores)):
        added = tokens.symbols(token)
        if token in tokens.ends:
            scores[token] = end_logprob(found, text)
        elif added and found.prefix(text) > 0:
            scores[token] = found.token_logprob(text, added)
    return scores


def normalized(scores: Logprobs) -> Logprobs:
    """The same, with what makes their probabilities add up to 1 taken away; nothing, where all are -inf."""
    total = math.fsum(np.exp(scores).tolist())
    return scores - math.log(total) if total > 0 else scores
