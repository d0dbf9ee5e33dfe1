"""Steps of a ``generate`` for a trace: what a row may go on with is seen at one call, the token chosen at the next."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stolcke import Matcher
from stolcke.observing import Trace
from stolcke.observing.trace import Place

__all__ = ["RowTracer"]

_CALLS = 64
"""So many calls are remembered: as far as drafts go back."""


@dataclass(slots=True)
class _Open:
    """A place whose token is not known yet, with a matcher that stays there."""

    place: Place
    matcher: Matcher


@dataclass
class RowTracer:
    """Writes the steps of the rows of a batch.

    The rows of each further ``generate`` are numbered on from those before.  Where drafts are made and judged, or beams
    change places, a step is written again: what the model has to say comes behind what its assistant did.
    """

    trace: Trace
    first_row: int = 0
    _n_rows: int = 0
    _calls: deque[dict[tuple[int, bytes], _Open | None]] = field(default_factory=lambda: deque(maxlen=_CALLS))

    def begin(self) -> None:
        """Begin another ``generate``, whose rows are others."""
        self.first_row += self._n_rows
        self._n_rows = 0
        self._calls.clear()

    def chosen(self, ids: np.ndarray, refused: Sequence[int | None], seconds: Sequence[float]) -> None:
        """Write the steps that led to a call's rows.

        Parameters
        ----------
        ids : int64[rows, length]
            What each row has generated.
        refused : sequence of int or None
            The token at which each row has left its grammar, if it has.
        seconds : sequence of float
            What each row's last token took to be accepted.
        """
        self._n_rows = max(self._n_rows, len(ids))
        for number, row in enumerate(ids if ids.shape[1] else ()):
            found = self._find(number, row[:-1].tobytes())
            if found is not None:
                token = int(row[-1])
                self._write(found, token, number, refused[number] != token, seconds[number])

    def look(self, ids: np.ndarray, rows: Sequence[Matcher | None], scores: Any) -> None:
        """Note where the rows stand that have not ended, with masks made and timed here, and the model's logits."""
        call: dict[tuple[int, bytes], _Open | None] = {}
        for number, matcher in enumerate(rows):
            if matcher is None:
                call[number, ids[number].tobytes()] = None
                continue
            place = self.trace.look(matcher)
            logits = scores[number].detach().float().cpu().numpy()
            missing = max(0, len(place.allowed) - len(logits))  # of ids that stand for nothing
            self.trace.note_logits(place, np.pad(logits, (0, missing), constant_values=-np.inf))
            call[number, ids[number].tobytes()] = _Open(place, matcher.fork())
        self._calls.append(call)

    def finish(self, ids: np.ndarray) -> None:
        """Write the steps of the last tokens, which no further call has shown.

        Parameters
        ----------
        ids : int64[rows, length]
            What ``generate`` has returned, without the prompts.
        """
        lengths = sorted({len(tokens) // ids.itemsize for call in self._calls for _, tokens in call}, reverse=True)
        for number, row in enumerate(ids):
            beginnings = {length: row[:length].tobytes() for length in lengths if length < len(row)}
            if self._calls and any(self._calls[-1].get((number, each), self) is None for each in beginnings.values()):
                continue  # it had ended before, and all of it is written
            for length, tokens in beginnings.items():
                found = self._find(number, tokens)
                if found is not None:
                    begun = time.perf_counter()
                    accepted = found.matcher.fork().accept(int(row[length]))
                    self._write(found, int(row[length]), number, accepted, time.perf_counter() - begun)
                    break
        self.begin()

    def _find(self, number: int, tokens: bytes) -> _Open | None:
        for call in reversed(self._calls):
            if (number, tokens) in call:
                return call[number, tokens]
        for call in reversed(self._calls):  # beams change places
            for (_, others), found in call.items():
                if others == tokens and found is not None:
                    return found
        return None

    def _write(self, found: _Open, token: int, number: int, accepted: bool, seconds: float) -> None:
        if not 0 <= token < len(found.place.allowed):
            return  # a padding token of the model's own, beyond the tokenizer's
        self.trace.write_step(
            found.place,
            token,
            accepted=accepted,
            commit_seconds=seconds,
            grammar_logprob=self.trace.grammar_logprob(found.matcher, token),
            row=self.first_row + number,
        )
