"""Masks of a batch of matchers, each at its own place in a text."""

from __future__ import annotations

import numpy as np

from stolcke import fill_masks

from . import material

SIZE = 64


class Fill:
    """One call for the whole batch."""

    params = ([1, 2], material.VOCABULARIES)
    param_names = ("threads", "vocabulary")

    def setup(self, threads: int, vocabulary: str) -> None:
        """Spread the matchers over the text, and fill their masks twice, so that finished rows are there."""
        ids = material.token_texts("json", vocabulary)[0]
        compiled = material.compiled("json", vocabulary)
        self.matchers = [compiled.matcher() for _ in range(SIZE)]
        for i, matcher in enumerate(self.matchers):
            matcher.accept_tokens(ids[: i * len(ids) // SIZE])
        self.rows = np.zeros((SIZE, len(material.row(compiled))), np.int32)
        for _ in range(2):
            fill_masks(self.matchers, self.rows)

    def time_fill_masks(self, threads: int, vocabulary: str) -> None:
        fill_masks(self.matchers, self.rows, threads=threads)

    def time_one_by_one(self, threads: int, vocabulary: str) -> None:
        for matcher, row in zip(self.matchers, self.rows, strict=True):
            matcher.fill_mask(row)
