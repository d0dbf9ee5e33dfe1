"""Masks and log-probabilities applied to logits of a 128k vocabulary on the CPU, beside filling them with zeros."""

from __future__ import annotations

import numpy as np

from stolcke.kernels import allocate_token_bitmask, apply_token_bitmask_inplace

TOKENS = 128_256
BATCH = 64


class Apply:
    """A batch of masks, by the format of the logits and the share of tokens allowed, each by chance."""

    params = (("float32", "bfloat16"), (0.0, 0.01, 0.5, 0.99, 1.0))
    param_names = ("format", "allowed")

    def setup(self, format: str, allowed: float) -> None:
        """Make random masks, log-probabilities and logits."""
        random = np.random.default_rng(0)
        self.masks = allocate_token_bitmask(BATCH, TOKENS)
        for row in self.masks:
            flags = random.random(32 * len(row)) < allowed
            row[:] = np.packbits(flags, bitorder="little").view(np.int32)
        self.logits = np.zeros((BATCH, TOKENS), np.uint16 if format == "bfloat16" else np.float32)
        self.logprobs = np.log(random.random((BATCH, TOKENS), dtype=np.float32))

    def time_fill_of_the_logits(self, format: str, allowed: float) -> None:
        self.logits.fill(0)

    def time_apply(self, format: str, allowed: float) -> None:
        apply_token_bitmask_inplace(self.logits, self.masks)

    def time_apply_on_two_threads(self, format: str, allowed: float) -> None:
        apply_token_bitmask_inplace(self.logits, self.masks, threads=2)

    def time_apply_with_logprobs(self, format: str, allowed: float) -> None:
        apply_token_bitmask_inplace(self.logits, self.masks, logprobs=self.logprobs, beta=0.5)


class OneRow:
    """What a call costs where there is hardly anything to do, and one sequence."""

    def setup(self) -> None:
        """Make a row of logits and a mask that forbids every other token."""
        self.mask = np.full((1, TOKENS // 32), 0x55555555, np.int32)
        self.logits = np.zeros((1, TOKENS), np.float32)

    def time_call(self) -> None:
        apply_token_bitmask_inplace(self.logits, self.mask, 32)

    def time_row(self) -> None:
        apply_token_bitmask_inplace(self.logits, self.mask)
