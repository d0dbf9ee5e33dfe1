"""Bit kernels on rows of a 128k vocabulary, beside a plain copy of one row as the yardstick."""

from __future__ import annotations

import numpy as np

from stolcke._core import bitmask

TOKENS = 128_256


class Rows:
    """One mask row at a time."""

    def setup(self) -> None:
        """Make random rows and flags."""
        random = np.random.default_rng(0)
        self.flags = random.random(TOKENS) < 0.5
        self.rows = [random.integers(-(2**31), 2**31, bitmask.words(TOKENS)).astype(np.int32) for _ in range(4)]
        self.out = self.rows[0].copy()

    def time_copy_of_a_row(self) -> None:
        np.copyto(self.out, self.rows[0])

    def time_pack(self) -> None:
        bitmask.pack(self.flags, self.out)

    def time_unpack(self) -> None:
        bitmask.unpack(self.rows[0], TOKENS)

    def time_and(self) -> None:
        bitmask.and_rows(self.rows[0], self.rows[1], self.out)

    def time_or(self) -> None:
        bitmask.or_rows(self.rows[0], self.rows[1], self.out)

    def time_and_of_four(self) -> None:
        bitmask.and_many(self.rows, self.out)

    def time_popcount(self) -> None:
        bitmask.popcount(self.rows[0])

    def time_token_ids(self) -> None:
        bitmask.token_ids(self.rows[0], TOKENS)
