"""Masks over fixed texts under the shipped grammars: a first pass that computes them, and a second that finds them.

``time_*`` is a whole pass, commits included.  ``track_*`` are microseconds per
mask, the clock's own tenth of a microsecond included; they are timings, which
``check_counts.py`` leaves out for their unit.
"""

from __future__ import annotations

from time import perf_counter_ns

import numpy as np

from stolcke import CompiledGrammar

from . import material


def mask_times(compiled: CompiledGrammar, texts: list[list[int]]) -> list[int]:
    """Nanoseconds of each mask of one pass."""
    row, times = material.row(compiled), []
    for ids in texts:
        matcher = compiled.matcher()
        for token in ids:
            begin = perf_counter_ns()
            matcher.fill_mask(row)
            times.append(perf_counter_ns() - begin)
            matcher.accept(token)
    return times


class FirstPass:
    """A grammar and a vocabulary that nothing has been computed for."""

    params = (material.GRAMMARS, material.VOCABULARIES)
    param_names = ("grammar", "vocabulary")
    number = 1
    warmup_time = 0.0
    rounds = 1
    repeat = (3, 10, 10.0)

    def setup(self, name: str, vocabulary: str) -> None:
        """Compile anew, which asv asks for before every sample."""
        self.texts = material.token_texts(name, vocabulary)
        self.compiled = material.compiled(name, vocabulary)

    def time_pass(self, name: str, vocabulary: str) -> None:
        material.run(self.compiled, self.texts)

    def passes(self, name: str, vocabulary: str) -> np.ndarray:
        """Microseconds of each mask, the least of three first passes."""
        runs = [mask_times(material.compiled(name, vocabulary), self.texts) for _ in range(3)]
        return np.min(runs, axis=0) / 1000

    def track_average(self, name: str, vocabulary: str) -> float:
        return float(self.passes(name, vocabulary).mean())

    def track_p99(self, name: str, vocabulary: str) -> float:
        return float(np.percentile(self.passes(name, vocabulary), 99))

    track_average.unit = track_p99.unit = "µs"


class SecondPass:
    """The same texts again, under the same compiled grammar."""

    params = (material.GRAMMARS, material.VOCABULARIES)
    param_names = ("grammar", "vocabulary")

    def setup(self, name: str, vocabulary: str) -> None:
        """Compile, and run the texts twice: a mask that is asked for again gets its finished row."""
        self.texts = material.token_texts(name, vocabulary)
        self.compiled = material.compiled(name, vocabulary)
        for _ in range(2):
            material.run(self.compiled, self.texts)

    def time_pass(self, name: str, vocabulary: str) -> None:
        material.run(self.compiled, self.texts)

    def passes(self) -> np.ndarray:
        """Microseconds of each mask, the least of five passes."""
        return np.min([mask_times(self.compiled, self.texts) for _ in range(5)], axis=0) / 1000

    def track_average(self, name: str, vocabulary: str) -> float:
        return float(self.passes().mean())

    def track_p99(self, name: str, vocabulary: str) -> float:
        return float(np.percentile(self.passes(), 99))

    track_average.unit = track_p99.unit = "µs"
