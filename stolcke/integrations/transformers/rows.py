"""Where the rows of a ``generate`` stand: each with a matcher behind what it has generated.

What a row may go on with depends on its grammar and on what it has generated so far, and on nothing else; so its state
is found by the generated tokens themselves, whichever way ``generate`` came to them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stolcke import Matcher, ParseError

__all__ = ["Row", "Rows", "row_after"]


@dataclass(slots=True, eq=False)
class Row:
    """Where a row stands: behind the tokens that its matcher took, the first of those that it refused, if any."""

    matcher: Matcher
    refused: int | None = None
    error: ParseError | None = None
    seconds: float = 0.0  # that its last tokens took

    @property
    def has_ended(self) -> bool:
        return self.refused is not None or self.matcher.is_finished

    @property
    def was_stopped(self) -> bool:
        """Whether the refused token is one that hosts put behind what they stopped, rather than text."""
        return self.refused in self.matcher.compiled.vocabulary.special_token_ids


class Rows:
    """The rows of the last call, with their matchers; those of the next are made from them.

    A row that goes on with another one's tokens takes over its matcher, rolled back as far as they differ, or a fork of
    it where more rows do so; the tokens since are accepted.  Nothing but the last call is kept.

    Parameters
    ----------
    starts : sequence of Matcher
        One for each item of the batch, as it stands before the first generated token; never changed.
    """

    def __init__(self, starts: Sequence[Matcher]) -> None:
        self.starts = list(starts)
        distinct = {id(start): number for number, start in enumerate(starts)}
        self.pools = [distinct[id(start)] for start in starts]  # rows of one pool have the same start
        self.forget()

    def forget(self) -> None:
        self.ids = np.empty((0, 0), np.int64)
        self.of_pool: dict[int, np.ndarray] = {}
        self.rows: list[Row] = []

    def follow(self, ids: np.ndarray, *, only_next: bool) -> bool:
        """Go to other generated tokens.

        Parameters
        ----------
        ids : int64[rows, length]
            What each row has generated.
        only_next : bool
            Whether to do so only if each row, but for its last token, was known.

        Returns
        -------
        bool
            Whether it was done.
        """
        n, length = ids.shape
        pools = [self.pools[i // (n // len(self.pools))] for i in range(n)]
        if ids.shape == (len(self.ids), self.ids.shape[1] + 1) and np.array_equal(ids[:, :-1], self.ids):
            origins = [(row, length - 1) for row in self.rows]
        else:
            origins = self._origins(ids, pools)
            if only_next and any(common < length - 1 for _, common in origins):
                return False
        try:
            rows = self._made(ids, pools, origins)
        except BaseException:
            self.forget()  # some matchers have moved on
            raise
        self.ids, self.rows = ids.copy(), rows
        self.of_pool = {pool: np.flatnonzero(np.array(pools) == pool) for pool in set(pools)}
        return True

    def part(self, rows: Sequence[Row]) -> None:
        """Go on with other rows, which do not share matchers and may go on by different numbers of tokens.

        The next :meth:`follow` begins anew.
        """
        self.forget()
        self.rows = list(rows)

    def _origins(self, ids: np.ndarray, pools: list[int]) -> list[tuple[Row | None, int]]:
        """For each row a known one with the longest common beginning, and its length; None for the empty beginning."""
        length = ids.shape[1]
        by_tokens = {}
        if self.ids.shape[1] == length - 1:  # so it is with beams, of which there may be many
            by_tokens = {
                (pool, self.ids[i].tobytes()): self.rows[i]
                for pool, members in self.of_pool.items()
                for i in members.tolist()
            }
        width = min(length, self.ids.shape[1])
        found: list[tuple[Row | None, int]] = []
        for row, pool in zip(ids, pools, strict=True):
            parent = by_tokens.get((pool, row[:-1].tobytes()))
            members = self.of_pool.get(pool)
            if parent is not None:
                found.append((parent, length - 1))
            elif members is None:
                found.append((None, 0))
            else:
                differs = np.ones((len(members), width + 1), bool)
                np.not_equal(self.ids[members, :width], row[:width], out=differs[:, :width])
                common = differs.argmax(axis=1)
                best = int(common.argmax())
                found.append((self.rows[members[best]], int(common[best])))
        return found

    def _made(self, ids: np.ndarray, pools: list[int], origins: list[tuple[Row | None, int]]) -> list[Row]:
        keys = [
            (pool if origin is None else id(origin), common, row[common:].tobytes())
            for row, pool, (origin, common) in zip(ids, pools, origins, strict=True)
        ]
        firsts: dict[tuple, int] = {}
        for i, key in enumerate(keys):
            firsts.setdefault(key, i)
        users = Counter(id(origin.matcher) for i in firsts.values() if (origin := origins[i][0]) is not None)
        kept: set[int] = set()
        made: dict[tuple, Row] = {}
        for key, i in firsts.items():
            origin, common = origins[i]
            start = self.starts[pools[i]]
            if origin is None:
                made[key] = row_after(start.fork(), ids[i, common:])
                continue
            matcher = origin.matcher
            users[id(matcher)] -= 1
            taken = matcher.n_accepted - start.n_accepted
            if taken < common:  # it had ended before
                kept.add(id(matcher))
                made[key] = origin
                continue
            if users[id(matcher)] or id(matcher) in kept:
                matcher = matcher.fork()
            matcher.rollback(taken - common)
            made[key] = row_after(matcher, ids[i, common:])
        return [made[key] for key in keys]


def row_after(matcher: Matcher, tokens: np.ndarray) -> Row:
    """A row from a matcher and the tokens behind it."""
    size = len(matcher.compiled.vocabulary)
    begun = time.perf_counter()
    for token in tokens.tolist():
        if 0 <= token < size and matcher.accept(token):
            continue
        row = Row(matcher, token, seconds=time.perf_counter() - begun)
        if not (matcher.is_finished or (row.was_stopped and matcher.is_accepting)):
            row.error = _refusal(row)
        return row
    return Row(matcher, seconds=time.perf_counter() - begun)


def _refusal(row: Row) -> ParseError:
    vocabulary = row.matcher.compiled.vocabulary
    expected = row.matcher.expected()
    if row.was_stopped:
        reason = "was ended before the text was whole"
    elif not 0 <= row.refused < len(vocabulary):
        reason = f"has the token {row.refused}, which is outside the vocabulary of {len(vocabulary)} tokens"
    else:
        reason = f"has the token {row.refused}, {vocabulary.tokens[row.refused]!r}, which the grammar does not allow"
    return ParseError(f"a row {reason}; expected {', '.join(expected[:8])}", expected=expected)
