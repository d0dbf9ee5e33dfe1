"""Masks and log-probabilities applied to logits in place, on any device, and memory for masks.

NumPy arrays and tensors of torch are taken alike; torch is met only where a caller brings it.
"""

from stolcke.kernels.applying import apply_token_bitmask_inplace
from stolcke.kernels.memory import MaskPool, allocate_token_bitmask

__all__ = ["MaskPool", "allocate_token_bitmask", "apply_token_bitmask_inplace"]
