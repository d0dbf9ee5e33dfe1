"""What a text is worth under the weights of its grammar: the methods that a matcher has for that."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stolcke._core import bitmask
from stolcke.errors import LimitExceeded, VocabularyError, WeightsError

if TYPE_CHECKING:
    from stolcke._core.meter import Meter
    from stolcke._core.weighted_matcher import WeightTrack

__all__ = ["Pruning", "Scoring", "fill_logprobs_batch"]


@dataclass(frozen=True)
class Pruning:
    """What may be left out of the sums, for grammars whose texts have very many readings.

    What is left out is added up: :attr:`Scoring.prefix_logprob_bounds` tells between which numbers the exact
    probability is.  The best reading stays, even where each one is small.

    Attributes
    ----------
    threshold : float
        Left out are readings of the terminals under way with less than this share of the text's probability, and
        rules with less than this share of the place where they are expected, or where they may come next.
    beam : int
        So many readings of the terminals under way are kept at most; 0 for all of them.
    prune_mask : bool
        Whether masks (:meth:`Matcher.fill_mask`, :meth:`Matcher.mask`, :meth:`Matcher.allowed_token_ids`,
        :func:`fill_masks`) leave out tokens that only readings left out allow, and those of probability 0.  Where no
        token would remain, the mask is the exact one.  What :meth:`Matcher.accept` takes does not depend on it.
    """

    threshold: float = 0.0
    beam: int = 0
    prune_mask: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise WeightsError(f"threshold must be a share from 0 to below 1, not {self.threshold!r}")
        if not isinstance(self.beam, int) or not 0 <= self.beam < 2**31:
            raise WeightsError(f"beam must be a number of readings, 0 for all, not {self.beam!r}")


class Scoring:
    """The methods of :class:`stolcke.Matcher` that speak of probabilities.

    All logarithms are natural.  What cannot be has probability 0, and the logarithm is minus infinity.
    """

    compiled: Any
    pruning: Pruning
    meter: Meter | None

    def _reading(self) -> WeightTrack:
        """The text so far, read with weights."""
        track = self.weighed()
        if track is None:
            self.weigh(self.compiled.weight_track(self.pruning))
            track = self.weighed()
        return track

    @property
    def prefix_logprob(self) -> float:
        """The probability that a text of the grammar begins with the text so far, as a logarithm.

        Once an end token has been accepted, that of the whole text.
        """
        return self._reading().prefix_logprob

    @property
    def eos_logprob(self) -> float:
        """How probable it is that the text ends here, given that it begins so, as a logarithm."""
        return -math.inf if self.prefix_left else self._reading().eos_logprob

    @property
    def sentence_logprob(self) -> float:
        """The probability of the text so far as a whole text of the grammar, as a logarithm."""
        if self.is_finished:
            return self.prefix_logprob
        return self.prefix_logprob + self.eos_logprob

    @property
    def prefix_logprob_bounds(self) -> tuple[float, float]:
        """Between which numbers the exact ``prefix_logprob`` is; one and the same without pruning."""
        track = self._reading()
        return track.prefix_logprob, float(np.logaddexp(track.prefix_logprob, track.log_lost))

    def next_byte_logprobs(self) -> np.ndarray:
        """How probable each next byte is, and at last the end of the text.

        Returns
        -------
        float64[257]
            Their exponentials add up to 1, unless special tokens may come, too.
        """
        if self.prefix_left:
            logprobs = np.full(257, -math.inf)
            logprobs[self.prefix_left[0]] = 0
            return logprobs
        return self._reading().next_byte_logprobs()

    def fill_logprobs(self, row: np.ndarray, *, normalize: bool = False) -> None:
        """Write the log-probability of every token to come next.

        Parameters
        ----------
        row : float32[n], n >= vocabulary size
            Every element is written, minus infinity where a token is not
            possible.  A token's probability is that of its bytes, ``pi(w t) /
            pi(w)``; tokens overlap, so these do not add up to 1.  End tokens
            have the probability that the text ends.
        normalize : bool
            Whether to divide by their sum: a distribution over tokens.

        Raises
        ------
        VocabularyError
            If the row is too short, not contiguous, read-only or of another dtype.
        LimitExceeded
        """
        self._check_row(row)
        if self.meter is None:
            self._fill(row, normalize)
            return
        begun = time.perf_counter()
        try:
            self._fill(row, normalize)
        except LimitExceeded as error:
            self.meter.add_limit(error)
            raise
        self.meter.add_logprobs(time.perf_counter() - begun)

    def _fill(self, row: np.ndarray, normalize: bool) -> None:
        if self._is_beginning:
            self._fill_beginning(row, normalize)
        else:
            self._reading().fill(row, normalize)

    def logprobs(self, tokens: Iterable[int], *, normalize: bool = False) -> np.ndarray:
        """The log-probabilities of some tokens to come next, as float64[len(tokens)].

        Raises
        ------
        VocabularyError
            If an id is outside the vocabulary.
        """
        self._reading()
        found = np.array([self.token_logprob(token) for token in tokens], np.float64)
        total = self._log_total() if normalize else -math.inf
        if total > -math.inf:  # else no token is possible, and nothing to be divided by
            found -= total
        return found

    def compact_logprobs(self, *, normalize: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The log-probabilities of all tokens as groups of equal ones.

        Returns
        -------
        group : int32[vocabulary size]
            Read-only.  States that treat the vocabulary alike share one array,
            so that it need be sent to a GPU only once.
        value : float32[groups]
            The row of :meth:`fill_logprobs` is ``value[group]``.
        """
        if self._is_beginning:
            row = np.empty(len(self.compiled.vocabulary), np.float32)
            self._fill_beginning(row, normalize)
            value, group = np.unique(row, return_inverse=True)
            return group.astype(np.int32), value
        return self._reading().compact(normalize)

    def restrict_mask(self, row: np.ndarray) -> None:
        """Take the tokens of probability 0 out of a mask, unless none would remain.

        Parameters
        ----------
        row : int32[n], n >= (vocabulary size + 31) // 32
            As :meth:`Matcher.fill_mask` writes it.
        """
        scores = np.empty(len(self.compiled.vocabulary), np.float32)
        self.fill_logprobs(scores)
        possible = np.zeros(len(row), row.dtype)
        bitmask.pack(scores > -math.inf, possible)
        possible &= row
        if possible.any():
            row[:] = possible

    def _check_row(self, row: Any) -> None:
        n_tokens = len(self.compiled.vocabulary)
        if not isinstance(row, np.ndarray) or row.dtype != np.float32 or row.ndim != 1:
            kind = f"{row.dtype}, {row.ndim} dimensions" if isinstance(row, np.ndarray) else type(row).__name__
            raise VocabularyError(f"a row of log-probabilities must be a float32 array of one dimension, not {kind}")
        if not row.flags.carray:
            raise VocabularyError("a row of log-probabilities must be contiguous, aligned and writeable")
        if len(row) < n_tokens:
            raise VocabularyError(f"the row has {len(row)} elements, {n_tokens} are needed for as many tokens")

    @property
    def _is_beginning(self) -> bool:
        """Whether tokens do not, or not only, stand for bytes of the grammar's text."""
        return self.is_opening or bool(self.prefix_left)

    def _fill_beginning(self, row: np.ndarray, normalize: bool) -> None:
        """Where tokens lose their leading space, or a prefix comes first, each one is read by itself."""
        self._reading()
        n_tokens = len(self.compiled.vocabulary)
        mask = np.empty((n_tokens + 31) // 32, np.int32)
        self.fill_exact_mask(mask)
        allowed = bitmask.token_ids(mask, n_tokens)
        row[:] = -math.inf
        row[allowed] = [self.token_logprob(token) for token in allowed.tolist()]
        total = _log_sum(row[:n_tokens]) if normalize else -math.inf
        if total > -math.inf:
            row[:n_tokens] -= total

    def _log_total(self) -> float:
        if not self._is_beginning:
            return self._reading().log_total()
        row = np.empty(len(self.compiled.vocabulary), np.float32)
        self._fill_beginning(row, False)
        return _log_sum(row)


def _log_sum(row: np.ndarray) -> float:
    """The logarithm of the sum of the exponentials."""
    return float(np.logaddexp.reduce(row.astype(np.float64)))


def fill_logprobs_batch(
    matchers: Sequence[Scoring], rows: np.ndarray, threads: int = 1, *, normalize: bool = False
) -> None:
    """Log-probabilities of all tokens for several matchers.

    Parameters
    ----------
    matchers : sequence of Matcher
        Of any compiled grammars; each may occur once.
    rows : float32[len(matchers), n], n >= vocabulary size
        Contiguous; every element is written.
    threads : int
        How many threads share the work.
    normalize : bool
        As for :meth:`Matcher.fill_logprobs`.

    Raises
    ------
    VocabularyError
        If ``rows`` has another shape or dtype, or is too narrow.
    LimitExceeded
    """
    matchers = list(matchers)
    for matcher in matchers:
        if not isinstance(matcher, Scoring):
            raise VocabularyError(f"fill_logprobs_batch takes matchers, not {type(matcher).__name__}")
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or len(rows) != len(matchers):
        raise VocabularyError(f"{len(matchers)} matchers need a float32 array of as many rows")
    if len(set(map(id, matchers))) < len(matchers):
        raise VocabularyError("a matcher occurs twice; give fill_logprobs_batch a fork, matcher.fork(), instead")
    if threads < 1:
        raise VocabularyError(f"threads must be at least 1, not {threads}")
    for matcher, row in zip(matchers, rows, strict=True):
        matcher._check_row(row)
    threads = min(threads, len(matchers), (os.cpu_count() or 1) * 4)
    if threads <= 1:
        for matcher, row in zip(matchers, rows, strict=True):
            matcher.fill_logprobs(row, normalize=normalize)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [
            pool.submit(matcher.fill_logprobs, row, normalize=normalize)
            for matcher, row in zip(matchers, rows, strict=True)
        ]:
            done.result()
