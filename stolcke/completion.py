"""The shortest completion of a text in tokens, and masks that keep one within reach.

The core (:mod:`stolcke._core.completions`) knows for each live state between which
numbers its shortest completion is.  Where they differ, and the difference matters,
a best-first search (A*) over live states goes on from there, each step a token:
its estimate is the lower bound, and it ends once the two bounds meet, or answer
the question, or its effort is spent.  What it finds stays known.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np

from stolcke._core import bitmask
from stolcke._core.completions import Completions
from stolcke._core.engine import Engine
from stolcke.errors import BudgetError

__all__ = ["Completion"]

NEVER = 1 << 40
"""What the core says where no completion is known, or there is none."""

EFFORT = 20_000
"""Nodes of the vocabulary's trie that all searches for one mask may look at; some milliseconds."""

LONGEST = 20_000
"""Bytes of a shortest text that is spelled anew with tokens that reach across terminals."""


class Completion:
    """How texts of one compiled grammar can be completed; shared by its matchers.

    Parameters
    ----------
    engine : Engine
        Without a guard.
    end_tokens : tuple of int
    most_bytes : int
        Memory of the engine's caches beyond which searches are given up, so that room is left for masks.

    Attributes
    ----------
    effort : int
        What one mask may cost; see :data:`EFFORT`.
    undecided : int
        How often a token's state was given up without an answer, and the token was forbidden.
    """

    def __init__(self, engine: Engine, end_tokens: tuple[int, ...], most_bytes: int) -> None:
        self._engine, self._most_bytes = engine, most_bytes
        self.core = Completions(engine, frozenset(end_tokens))
        self.effort = EFFORT
        self.undecided = 0
        self._end_tokens = end_tokens
        self._n_tokens, self._n_words = engine.store.n_tokens, engine.store.n_words
        self._refined: set[int] = set()
        self._given_up: set[tuple[int, int]] = set()

    # --- masks ---------------------------------------------------------------------------------------------------

    def restrict(self, state: int, left: int, row: np.ndarray) -> None:
        """Take the tokens out of a mask behind which no completion within ``left`` tokens is known.

        Where that is not possible any more, those remain that lead to the end as fast as is known.

        Parameters
        ----------
        state : int
            A live state.
        left : int
            Tokens that may come, the next one and the end token included.
        row : int32[n]
            The mask, as :meth:`stolcke.Matcher.fill_mask` writes it.
        """
        core = self.core
        if core.is_free(state, left):
            return
        row = row.view(np.int32)
        end = core.n_visits + self.effort
        if core.bounds(state)[1] > left:
            self._settle([state], left + 1, end)
            left = max(left, core.bounds(state)[1])
            if left >= NEVER:
                return
        ordinary = core.is_ordinary(state)
        exact = row.copy()
        unsettled = core.restrict(state, left, row) if ordinary else self._restrict_slowly(state, left, row)
        if unsettled and self._settle(unsettled, left, end):
            row[:] = exact
            if ordinary:
                core.restrict(state, left, row)
            else:
                self._restrict_slowly(state, left, row)

    def _restrict_slowly(self, state: int, left: int, row: np.ndarray) -> list[int]:
        """The same where tokens stand for something else than their bytes."""
        tokens, states = self._each(state, row)
        judged = {after: self.core.bounds(after) for after in set(states.tolist())}
        forbidden = tokens[[judged[after][1] >= left for after in states.tolist()]]
        np.bitwise_and.at(row, forbidden >> 5, ~(np.uint32(1) << (forbidden & 31).astype(np.uint32)).view(np.int32))
        return sorted(after for after, (low, high) in judged.items() if low < left <= high)

    def _each(self, state: int, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tokens of a mask, but for those that end the text, and where they lead."""
        tokens = bitmask.token_ids(row, self._n_tokens)
        if self.core.accepts(state):  # elsewhere an end token in a mask is one that the grammar names
            tokens = tokens[~np.isin(tokens, self._end_tokens)]
        tokens = tokens.astype(np.int64)
        return tokens, self.core.after_each(state, tokens.tolist())

    def _settle(self, states: Iterable[int], left: int, end: int) -> bool:
        """Look for completions of fewer than ``left`` tokens, as far as ``end`` permits; whether one was found."""
        found = False
        for state in states:
            if self.core.n_visits < end and not self._is_full():
                self._refine(state)
            low, high = self.core.bounds(state)
            if low < left <= high and (state, left) not in self._given_up:
                if self.core.n_visits < end and not self._is_full():
                    self._search(state, left - 1, end)
                    self._given_up.add((state, left))
                low, high = self.core.bounds(state)
            found |= high < left
            self.undecided += low < left <= high
        return found

    # --- completions ---------------------------------------------------------------------------------------------

    def bounds(self, state: int, most: int = 0, *, effort: int | None = None) -> tuple[int, int]:
        """Between which numbers the fewest tokens to the end are, once a search has been made.

        Parameters
        ----------
        state : int
        most : int
            A number that is good enough, where the fewest need not be known.
        effort : int, optional
            Nodes that may be looked at; ten times those of a mask unless given.
        """
        self._refine(state)
        low, high = self.core.bounds(state)
        if low < high > most:
            self._search(state, most, self.core.n_visits + (10 * self.effort if effort is None else effort))
        return self.core.bounds(state)

    def shortest(self, state: int, *, effort: int | None = None) -> list[int]:
        """The tokens of the shortest completion that is found, an end token at last where there is one.

        Raises
        ------
        BudgetError
            Where none is found.
        """
        low, high = self.bounds(state, effort=effort)
        if high >= NEVER:
            raise BudgetError(None, low, None)
        tokens = []
        while high > self.core.end:
            token, state = self._next(state, high)
            tokens.append(token)
            high = self.core.bounds(state)[1]
        return tokens + list(self._end_tokens[:high])

    def _next(self, state: int, high: int) -> tuple[int, int]:
        """A token that leads towards the end, and the state behind it."""
        token = self.core.token(state)
        if token is not None:
            return token, int(self.core.after_each(state, [token])[0])
        for token, after in zip(*self._successors(state, high - 1), strict=True):
            if self.core.bounds(int(after))[1] < high:
                return int(token), int(after)
        raise AssertionError("a completion that was known is lost")

    def _refine(self, state: int) -> None:
        if state not in self._refined and self.core.is_ordinary(state):
            self.core.refine(state, LONGEST)
            self._refined.add(state)

    def _successors(self, state: int, most: int) -> tuple[np.ndarray, np.ndarray]:
        """A token for each state that one leads to, where the end may be within ``most`` further tokens."""
        if self.core.is_ordinary(state):
            return self.core.successors(state, most)
        row = np.empty(self._n_words, np.int32)
        self.core.fill(state, row)
        tokens, states = self._each(state, row)
        states, first = np.unique(states, return_index=True)
        near = [self.core.bounds(after)[0] <= most for after in states.tolist()]
        return tokens[first][near], states[near]

    def _is_full(self) -> bool:
        return self._engine.n_bytes > self._most_bytes

    def _search(self, start: int, most: int, end: int) -> None:
        """Bring the bounds of a state together.

        It ends once a completion of at most ``most`` tokens is known, or there is certainly none; where ``most`` is
        less than what is needed, once the fewest are known; or when so many nodes have been visited in all.
        """
        core = self.core
        low, best = core.bounds(start)
        # A question that can be answered with no needs no way that is longer; the fewest may be anything.
        furthest = most if most >= low else NEVER - 1
        best_state = None
        taken = {start: 0}
        parents: dict[int, tuple[int, int]] = {}
        waiting = [(low, 0, start)]
        while waiting:
            estimate, n, state = heapq.heappop(waiting)
            if n > taken[state]:
                continue
            low = min(max(low, estimate), best)
            if low >= best or best <= most or core.n_visits >= end or self._is_full():
                break
            for token, after in zip(*self._successors(state, min(best - 1, furthest) - n - 1), strict=True):
                after = int(after)
                if n + 1 >= taken.get(after, NEVER):
                    continue
                taken[after] = n + 1
                parents[after] = state, int(token)
                after_low, after_high = core.bounds(after)
                if n + 1 + after_high < best:
                    best, best_state = n + 1 + after_high, after
                heapq.heappush(waiting, (n + 1 + after_low, n + 1, after))
        else:
            low = min(best, furthest + 1)
        core.learn(start, low, NEVER)
        while best_state is not None and best_state != start:
            best_state, token = parents[best_state]
            core.learn(best_state, 0, best - taken[best_state], token)
