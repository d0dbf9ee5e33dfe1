"""Probabilities of rules and of what terminals match."""

from stolcke.weights.distributions import CodePoints, Distribution, Fitted, Table, Uniform
from stolcke.weights.mean_length import MeanLength

__all__ = ["CodePoints", "Distribution", "Fitted", "MeanLength", "Table", "Uniform"]
