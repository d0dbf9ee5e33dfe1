"""Weights of rules made probabilities of texts."""

from stolcke.weights.proper import ProperWeights, proper_weights

__all__ = ["ProperWeights", "proper_weights"]
