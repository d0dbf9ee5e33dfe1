"""Probabilities of rules, and of what terminals match."""

from stolcke.weights.distributions import CodePoints, Distribution, Fitted, Table, Uniform
from stolcke.weights.mean_length import MeanLength
from stolcke.weights.proper import ProperWeights, proper_weights

__all__ = [
    "CodePoints",
    "Distribution",
    "Fitted",
    "MeanLength",
    "ProperWeights",
    "Table",
    "Uniform",
    "proper_weights",
]
