"""The states of a tally: which entries may come next, and whether it may end.

The engine makes these states while it reads (``stolcke/_core/tally.pyx``); here they are made again, for texts that
are parsed by position.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from stolcke.grammar.model import Tally

__all__ = ["TallyState", "TallyStates"]


class TallyState(NamedTuple):
    """What has been seen of the entries that leave a trace, and how many must and may still come."""

    seen: int
    need: int
    room: float
    need_marked: int
    room_marked: float


class TallyStates:
    """The rules of one tally.

    Parameters
    ----------
    tally : Tally
    possible : list of bool
        Which entries derive some text.
    separable : bool
        Whether the separator does.
    """

    def __init__(self, tally: Tally, possible: list[bool], separable: bool) -> None:
        self.entries = tally.entries
        self.usable = [number for number, ok in enumerate(possible) if ok]
        self._required_missing = any(entry.required and not possible[i] for i, entry in enumerate(tally.entries))
        most = inf if tally.most is None else tally.most
        self.initial = TallyState(
            0,
            tally.least,
            most if separable else min(most, 1),
            tally.least_marked,
            inf if tally.most_marked is None else tally.most_marked,
        )

    def _reach(self, seen: int) -> tuple[list[int], list[float]]:
        """Of unmarked and of marked entries: how many must still come, how many may."""
        least, most = [0, 0], [0.0, 0.0]
        for number in self.usable:
            entry = self.entries[number]
            missing = not seen >> number & 1
            least[entry.marked] += entry.required and missing
            most[entry.marked] += (1 if missing else 0) if entry.once else inf
        return least, most

    def _possible(self, state: TallyState) -> bool:
        if self._required_missing:
            return False
        least, most = self._reach(state.seen)
        least_marked = max(least[1], state.need_marked)
        most_marked = min(most[1], state.room_marked)
        return least_marked <= most_marked and max(least[0] + least_marked, state.need) <= min(
            most[0] + most_marked, state.room
        )

    def is_complete(self, state: TallyState) -> bool:
        """Whether nothing need come any more."""
        least, _ = self._reach(state.seen)
        return not (self._required_missing or state.need or state.need_marked or any(least)) and state.room >= 0

    def continues(self, state: TallyState) -> bool:
        """Whether one more entry can come, so that the rest can be completed."""
        return self._possible(state._replace(need=max(state.need, 1)))

    def next_entries(self, state: TallyState) -> list[tuple[int, TallyState]]:
        """The entries that can come next, so that the rest can be completed, each with the state after it."""
        found = []
        for number in self.usable:
            entry = self.entries[number]
            if entry.once and state.seen >> number & 1:
                continue
            after = TallyState(
                state.seen | (entry.once or entry.required) << number,
                max(state.need - 1, 0),
                state.room - 1,
                max(state.need_marked - entry.marked, 0),
                state.room_marked - entry.marked,
            )
            if after.room >= 0 and after.room_marked >= 0 and self._possible(after):
                found.append((number, after))
        return found
