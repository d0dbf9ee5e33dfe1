"""Masks of many matchers in one call, or while the model computes."""

from __future__ import annotations

import operator
import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np

from stolcke import errors
from stolcke._core.batches import Batch
from stolcke._core.crew import Crew
from stolcke.errors import BatchError, VocabularyError
from stolcke.matcher import Matcher

__all__ = ["MaskFiller", "PendingDrafts", "PendingMasks", "fill_masks"]

_MOST = 4 * (os.cpu_count() or 1)
"""Threads beyond which there are no more, whatever was asked for."""
_crew = Crew()
"""The workers of :func:`fill_masks`."""


class _Restriction:
    """What is left to do with the masks of a matcher that prunes, or has canonical tokens, once they are made."""

    def __init__(self, matcher: Matcher, rows: range, do: Callable[[], None]) -> None:
        self.matcher, self.rows, self.do = matcher, rows, do
        self.place = self._now()

    def _now(self) -> tuple:
        """Where the matcher stands, with all that a restriction depends on."""
        return self.matcher.state, self.matcher.n_accepted, self.matcher.n_tokens, self.matcher.last_token

    def __call__(self, batch: Batch) -> None:
        whole = [row for row in self.rows if row not in batch.found]
        if not whole:
            return
        try:
            if self._now() != self.place:
                raise VocabularyError(
                    "a matcher with pruning=, canonical= or max_tokens= was moved before wait(), "
                    "which needs it as it was; start with matcher.fork(), or move it afterwards"
                )
            self.do()
        except Exception as error:
            for row in whole:
                batch.refuse(row, error)


class PendingMasks:
    """Masks that are being made; see :meth:`MaskFiller.start`."""

    def __init__(self, batch: Batch, restrictions: Sequence[_Restriction]) -> None:
        self._batch = batch
        self._restrictions = restrictions
        self._waited = False

    def done(self) -> bool:
        """Whether :meth:`wait` would find all masks made; those of matchers that restrict them it then restricts."""
        return self._batch.is_complete

    def wait(self) -> Any:
        """Help with what nobody has begun, and come back when all rows are written; for one thread to call.

        Raises
        ------
        BatchError
            Where rows have no mask.  They are zero, and all others are right.
        """
        if not self._waited:
            self._batch.complete()
            for restrict in self._restrictions:
                restrict(self._batch)
            self._waited = True
        if self._batch.found:
            raise BatchError(self._batch.found)
        return None


class PendingDrafts(PendingMasks):
    """Masks along drafts that are being made; see :meth:`MaskFiller.start_drafts`.

    Attributes
    ----------
    accepted : list of bool[len(draft)]
        Which tokens can be accepted; known at once.
    """

    def __init__(self, batch: Batch, restrictions: Sequence[_Restriction], accepted: list[np.ndarray]) -> None:
        super().__init__(batch, restrictions)
        self.accepted = accepted

    def wait(self) -> list[np.ndarray]:
        """As :meth:`PendingMasks.wait`; returns ``accepted``."""
        super().wait()
        return self.accepted


class MaskFiller:
    """Threads that make the masks of batches, step after step.

    They are started when they are first needed, sleep between batches, and end with :meth:`close`, at the end of a
    ``with`` block, or with the process.  A process that forks has them in the parent; in the child new ones are
    started.  Any number of threads may use one filler.

    Parameters
    ----------
    threads : int, optional
        How many make masks at the same time, the one that waits for them included; without it, as many as there are
        processors.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = _processors() if threads is None else _checked(threads)
        self._crew = Crew()
        self._close = weakref.finalize(self, self._crew.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MaskFiller of {self.threads} threads>"

    def close(self) -> None:
        """End the threads.  Batches that are under way lose nothing: what is left of them, ``wait()`` does."""
        self._crew.close()

    def fill(
        self, matchers: Iterable[Matcher], rows: np.ndarray, indices: Sequence[int] | np.ndarray | None = None
    ) -> None:
        """Write the masks of matchers.

        Parameters
        ----------
        matchers : iterable of Matcher
            Of any compiled grammars.
        rows : int32[n, words] or uint32[n, words]
            Each row contiguous, as :meth:`Matcher.fill_mask` takes it.
        indices : sequence of int, optional
            The row of each matcher; other rows stay as they are.  Without it there are as many rows as matchers.

        Raises
        ------
        BatchError
            Where rows have no mask.  They are zero, and all others are right.
        VocabularyError
            If rows, indices and matchers do not fit each other; then nothing is written.
        """
        _masks(matchers, rows, indices, self._crew, self.threads - 1, True).wait()

    def start(
        self, matchers: Iterable[Matcher], rows: np.ndarray, indices: Sequence[int] | np.ndarray | None = None
    ) -> PendingMasks:
        """Begin to write the masks of matchers, as they stand now, and come back at once.

        Masks that are known are copied before it returns.  The others are made by the threads, without Python's lock.
        Until ``wait()`` returns, ``rows`` belong to the filler.  Matchers may move on, but for those with
        ``pruning=``, ``canonical=`` or ``max_tokens=``: these ``wait()`` itself has to look at, and they must stand as
        they did.

        Parameters
        ----------
        matchers, rows, indices
            As for :meth:`fill`.

        Returns
        -------
        PendingMasks
            Whose ``wait()`` raises what :meth:`fill` does.

        Raises
        ------
        VocabularyError
            If rows, indices and matchers do not fit each other; then nothing is written.
        """
        return _masks(matchers, rows, indices, self._crew, self.threads, False)

    def fill_drafts(
        self,
        matchers: Iterable[Matcher],
        drafts: Iterable[Iterable[int]],
        rows: np.ndarray,
        parents: Sequence[Sequence[int] | np.ndarray | None] | None = None,
    ) -> list[np.ndarray]:
        """Write the masks along a draft for each matcher: as :meth:`Matcher.fill_draft_masks` for each.

        Parameters
        ----------
        matchers : iterable of Matcher
        drafts : iterable of sequences of int
            The tokens of each draft; it may be empty.
        rows : int32[n, words] or uint32[n, words]
            One after the other, the ``len(draft) + 1`` rows of each matcher: before its draft, then behind each token.
        parents : sequence, optional
            For each draft its parents, or None for a chain.

        Returns
        -------
        list of bool[len(draft)]
            Which tokens could be accepted.

        Raises
        ------
        BatchError
            Where rows have no mask.  They are zero, and all others are right.
        VocabularyError
            If the arguments do not fit each other; then nothing is written.
        """
        return self._drafts(matchers, drafts, rows, parents, self.threads - 1, True).wait()

    def start_drafts(
        self,
        matchers: Iterable[Matcher],
        drafts: Iterable[Iterable[int]],
        rows: np.ndarray,
        parents: Sequence[Sequence[int] | np.ndarray | None] | None = None,
    ) -> PendingDrafts:
        """Begin to write the masks along drafts; what :meth:`start` is to :meth:`fill`.

        The drafts are followed before it returns, so that ``accepted`` is there at once.

        Returns
        -------
        PendingDrafts
        """
        return self._drafts(matchers, drafts, rows, parents, self.threads, False)

    def _drafts(
        self, matchers: Any, drafts: Any, rows: np.ndarray, parents: Any, helpers: int, waits: bool
    ) -> PendingDrafts:
        batch = Batch(rows, errors)
        drafts = [list(draft) for draft in drafts]
        matchers = list(matchers)
        accepted, restricting = batch.add_drafts(matchers, drafts, parents, True)
        restrictions = []
        if restricting:
            firsts = np.cumsum([0, *(len(draft) + 1 for draft in drafts)]).tolist()
            place = {first: number for number, first in enumerate(firsts)}
            for first, matcher, before in restricting:
                number = place[first]
                numbers = range(first, firsts[number + 1])
                given = drafts[number], rows[first : firsts[number + 1]], before, accepted[number]
                restrictions.append(_Restriction(matcher, numbers, partial(matcher.restrict_draft_masks, *given)))
        batch.offer_to(self._crew, helpers, waits)
        return PendingDrafts(batch, restrictions, accepted)


def _masks(
    matchers: Iterable[Matcher], rows: np.ndarray, indices: Any, crew: Crew, helpers: int, waits: bool
) -> PendingMasks:
    batch = Batch(rows, errors)
    restrictions = [
        _Restriction(matcher, range(row, row + 1), partial(matcher.restrict_mask, rows[row]))
        for row, matcher in batch.add_matchers(matchers, indices)
    ]
    batch.offer_to(crew, helpers, waits)
    return PendingMasks(batch, restrictions)


def fill_masks(matchers: Iterable[Matcher], rows: np.ndarray, threads: int = 1) -> None:
    """Masks of several matchers in one call, without holding Python's lock.

    The simple form of :class:`stolcke.batches.MaskFiller`: all who call it share their threads.

    Parameters
    ----------
    matchers : iterable of Matcher
        Of any compiled grammars.
    rows : int32[len(matchers), words] or uint32[len(matchers), words]
        Each row contiguous; every word is written.
    threads : int
        How many threads share the work.

    Raises
    ------
    VocabularyError
        If ``rows`` has another shape or dtype, or is too narrow.
    LimitExceeded
        And whatever else :meth:`Matcher.fill_mask` raises: the error of the first row that has one.  All rows without
        one are right nevertheless, the others zero.
    """
    try:
        _masks(matchers, rows, None, _crew, min(_checked(threads), _MOST) - 1, True).wait()
    except BatchError as error:
        raise error.errors[min(error.errors)] from None


def _checked(threads: int) -> int:
    if operator.index(threads) < 1:
        raise VocabularyError(f"threads must be at least 1, not {threads!r}")
    return operator.index(threads)


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
