"""Each step of a generation as a line of JSON; docs/observability.md says what the fields mean."""

from __future__ import annotations

import base64
import json
import math
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np

from stolcke._core import bitmask
from stolcke.errors import StolckeError, VocabularyError
from stolcke.observing.open_rules import OpenRules
from stolcke.observing.scores import Scores

__all__ = ["SCHEMA", "Place", "Trace"]

SCHEMA = 1
"""Version of the lines; it grows when readers of older ones would misunderstand them."""

_MOST_OPEN = 32
_MOST_EXPECTED = 16


@dataclass(slots=True)
class Place:
    """What is known of a place of a text before its next token is; made by :meth:`Trace.look`.

    Attributes
    ----------
    matcher : Matcher
        The one that stood there; it may have moved on.
    state : int
        The live state that it was in.
    step : int
        How many calls it had accepted.
    is_opening : bool
        Whether the next token loses its first space.
    allowed : bool[vocabulary size]
    mask_seconds : float
    rules : dict
        The fields that say what is open and expected.
    scores : Scores or None
    """

    matcher: Any
    state: int
    step: int
    given: tuple[int, int | None]  # tokens, and the last of them: what masks may depend on beside the state
    is_opening: bool
    allowed: np.ndarray
    mask_seconds: float
    rules: dict[str, Any]
    scores: Scores | None = None

    def is_where(self, matcher: Any) -> bool:
        """Whether a matcher stands there."""
        here = matcher.n_accepted, matcher.state, (matcher.n_tokens, matcher.last_token)
        return self.matcher is matcher and (self.step, self.state, self.given) == here


class Trace:
    """A file of steps, one line each, written at once: what a run that breaks has done can be read.

    Threads may share one.

    Parameters
    ----------
    file : path or text file
        A file given open stays open.
    top : int
        How many of the likeliest tokens to note where logits are given: so many of all, and of those allowed.
    grammar_logprobs : bool
        Whether to ask the grammar for each token's log-probability, too.  That reads the text with weights, and takes
        longer than a mask.
    open_rules : bool
        Whether to note the rules under way and what is expected.
    about : mapping, optional
        Whatever JSON can hold and the reader should know: prompt, model, seed.

    Attributes
    ----------
    n_steps : int
        How many have been written.

    Raises
    ------
    StolckeError
        If ``about`` is nothing that JSON can hold.
    OSError
    """

    def __init__(
        self,
        file: str | os.PathLike | TextIO,
        *,
        top: int = 5,
        grammar_logprobs: bool = False,
        open_rules: bool = True,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        if top < 0:
            raise VocabularyError(f"top must be a number of tokens, not {top}")
        try:
            first = _line({"type": "trace", "schema": SCHEMA, "about": dict(about or {})})
        except (TypeError, ValueError) as error:
            raise StolckeError(f"about= of a trace must be a mapping that JSON can hold: {error}") from None
        self.top = top
        self.grammar_logprobs = grammar_logprobs
        self.open_rules = open_rules
        self.n_steps = 0
        self._lock = threading.Lock()
        self._rules: dict[Any, OpenRules] = {}  # by compiled grammar
        self._places: dict[int, Place] = {}  # by row: masks made for the next step
        self._begun = time.perf_counter()
        self._file: TextIO | None
        if isinstance(file, str | os.PathLike):
            self._file, self._is_ours = open(file, "w", encoding="utf-8", newline="\n"), True  # noqa: SIM115
        else:
            self._file, self._is_ours = file, False
        self._write(first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close("" if error is None else f"{type(error).__name__}: {error}")

    def close(self, error: str = "") -> None:
        """Write the last line, with what broke the run, if anything did; closing again does nothing."""
        if self._file is None:
            return
        try:
            self._write(_line({"type": "end", "steps": self.n_steps} | ({"error": error} if error else {})))
        finally:
            file, self._file = self._file, None
            self._places.clear()
            if self._is_ours:
                file.close()

    def fill_mask(self, matcher: Any, mask: np.ndarray, *, row: int = 0) -> None:
        """``matcher.fill_mask(mask)``, timed; the :meth:`step` that comes next notes this mask and its time.

        Parameters
        ----------
        matcher : Matcher
        mask : int32[n], n >= (vocabulary size + 31) // 32
        row : int
            Which sequence this is, where there are several.
        """
        begun = time.perf_counter()
        matcher.fill_mask(mask)
        self._places[row] = self._place(matcher, mask, time.perf_counter() - begun)

    def step(
        self,
        matcher: Any,
        token: int,
        *,
        logits: np.ndarray | None = None,
        model_logprob: float | None = None,
        row: int = 0,
    ) -> bool:
        """``matcher.accept(token)``, timed, and the line of this step.

        The mask noted is that of :meth:`fill_mask` for the same sequence; without one, it is made, and timed, here.

        Parameters
        ----------
        matcher : Matcher
        token : int
        logits : float[n], n >= vocabulary size, optional
            The model's, before the mask; for its probabilities and the likeliest tokens.
        model_logprob : float, optional
            The model's log-probability of the token before the mask, where there are no logits.
        row : int
            Which sequence this is, where there are several.

        Returns
        -------
        bool
            Whether the grammar took the token; a line is written in both cases.

        Raises
        ------
        VocabularyError
            If the token is outside the vocabulary, or the logits are none.
        WeightsError
            With ``grammar_logprobs``, where the grammar has no probabilities.
        """
        place = self._places.pop(row, None)
        if place is None or not place.is_where(matcher):
            place = self.look(matcher)
        if logits is not None:
            self.note_logits(place, logits)
        grammar_logprob = self.grammar_logprob(matcher, token)
        begun = time.perf_counter()
        accepted = matcher.accept(token)
        seconds = time.perf_counter() - begun
        self.write_step(
            place,
            token,
            accepted=accepted,
            commit_seconds=seconds,
            model_logprob=model_logprob,
            grammar_logprob=grammar_logprob,
            row=row,
        )
        return accepted

    # --- the parts of a step, for hosts that learn the token only later ------------------------------------------

    def look(self, matcher: Any) -> Place:
        """The place where a matcher stands, with a mask made and timed for it."""
        mask = np.empty(bitmask.words(len(matcher.compiled.vocabulary)), np.int32)
        begun = time.perf_counter()
        matcher.fill_mask(mask)
        return self._place(matcher, mask, time.perf_counter() - begun)

    def _place(self, matcher: Any, mask: np.ndarray, seconds: float) -> Place:
        return Place(
            matcher,
            matcher.state,
            matcher.n_accepted,
            (matcher.n_tokens, matcher.last_token),
            matcher.is_opening,
            bitmask.unpack(mask, len(matcher.compiled.vocabulary)),
            seconds,
            self._rules_at(matcher) if self.open_rules else {},
        )

    def _rules_at(self, matcher: Any) -> dict[str, Any]:
        compiled = matcher.compiled
        if compiled not in self._rules:
            self._rules[compiled] = OpenRules(compiled)
        rules = self._rules[compiled].at(matcher.state)
        return {
            "open": list(rules[-_MOST_OPEN:]),
            "open_depth": len(rules),
            "expected": matcher.expected()[:_MOST_EXPECTED],
        }

    def note_logits(self, place: Place, logits: np.ndarray) -> None:
        """Note what a model says at a place: float[n], n >= vocabulary size."""
        size = len(place.allowed)
        if not isinstance(logits, np.ndarray) or logits.ndim != 1 or len(logits) < size or logits.dtype.kind != "f":
            kind = f"{logits.dtype}{list(logits.shape)}" if isinstance(logits, np.ndarray) else type(logits).__name__
            raise VocabularyError(
                f"logits must be a NumPy array of floating-point numbers, one for each of {size} tokens, not {kind}"
            )
        place.scores = Scores(logits[:size], place.allowed)

    def grammar_logprob(self, matcher: Any, token: int) -> float | None:
        """The grammar's log-probability of a token where a matcher stands; None unless it is to be noted."""
        return float(matcher.logprobs([token])[0]) if self.grammar_logprobs else None

    def write_step(
        self,
        place: Place,
        token: int,
        *,
        accepted: bool,
        commit_seconds: float,
        model_logprob: float | None = None,
        grammar_logprob: float | None = None,
        row: int = 0,
    ) -> None:
        """Write the line of a step from a place."""
        vocabulary, scores = place.matcher.compiled.vocabulary, place.scores
        fields = {
            "type": "step",
            "row": row,
            "step": place.step,
            **_token_fields(vocabulary, token, place.is_opening),
            "accepted": accepted,
            "allowed": int(place.allowed.sum()),
            "vocabulary": len(place.allowed),
            "mask_us": _microseconds(place.mask_seconds),
            "commit_us": _microseconds(commit_seconds),
        }
        if scores is not None:
            model_logprob = scores.before(token)
            fields["masked_logprob"] = _number(scores.after(token))
            fields["allowed_logprob"] = _number(scores.log_mass_allowed)
        if model_logprob is not None:
            fields["model_logprob"] = _number(model_logprob)
        if grammar_logprob is not None:
            fields["grammar_logprob"] = _number(grammar_logprob)
        fields |= place.rules
        if scores is not None:
            fields["top"] = [
                {
                    **_token_fields(vocabulary, each, place.is_opening),
                    "model_logprob": _number(scores.before(each)),
                    "masked_logprob": _number(scores.after(each)),
                }
                for each in scores.best(self.top)
            ]
        fields["seconds"] = round(time.perf_counter() - self._begun, 6)
        self._write(_line(fields), 1)

    def _write(self, line: str, n_steps: int = 0) -> None:
        with self._lock:
            if self._file is None:
                raise StolckeError("the trace has been closed; make another one")
            self._file.write(line)
            self._file.flush()
            self.n_steps += n_steps


def _token_fields(vocabulary: Any, token: int, is_opening: bool) -> dict[str, Any]:
    """A token and its text; of bytes that are no UTF-8 on their own an escaped form, and themselves in base64."""
    data = vocabulary.first_text(token) if is_opening else vocabulary.tokens[token]
    fields: dict[str, Any] = {"token": int(token), "text": data.decode(errors="backslashreplace")}
    try:
        data.decode()
    except UnicodeDecodeError:
        fields["bytes"] = base64.b64encode(data).decode()
    if token in vocabulary.eos_token_ids:
        fields["kind"] = "end"
    elif token in vocabulary.special_token_ids:
        fields["kind"] = "special"
    return fields


def _line(fields: Mapping[str, Any]) -> str:
    line = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Half a surrogate pair is no UTF-8; its Python escape is its JSON escape.
    return line.encode(errors="backslashreplace").decode() + "\n"


def _number(value: float) -> float | None:
    """A number for JSON, which has no minus infinity: null."""
    return float(value) if math.isfinite(value) else None


def _microseconds(seconds: float) -> float:
    return round(seconds * 1e6, 3)
