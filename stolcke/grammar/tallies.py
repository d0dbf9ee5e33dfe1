"""What a tally derives, as far as it depends on numbers alone."""

from __future__ import annotations

from math import inf

from stolcke.grammar.model import Tally, TallyEntry

__all__ = ["Reach", "alone"]


class Reach:
    """Which numbers of entries a tally can have, given those entries that are known to be possible.

    Parts become possible one after the other, in any order, by :meth:`add` and
    by setting ``separable``; each answer takes constant time.

    Parameters
    ----------
    tally : Tally
    """

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.separable = not tally.separator
        self._missing = sum(entry.required for entry in tally.entries)
        # Of unmarked and of marked entries: how many must occur, how many may.
        self._least = [0, 0]
        self._most = [0.0, 0.0]

    def add(self, entry: TallyEntry) -> None:
        """Let one more entry of the tally be possible."""
        self._missing -= entry.required
        self._least[entry.marked] += entry.required
        self._most[entry.marked] += 1 if entry.once else inf

    def is_possible(self, entry: TallyEntry | None = None, *, least: int = 0) -> bool:
        """Whether a choice of possible entries is between the bounds, holds ``entry`` and at least ``least``."""
        if self._missing:
            return False
        must = list(self._least)
        if entry is not None and not entry.required:
            must[entry.marked] += 1
        tally = self.tally
        most = inf if tally.most is None else tally.most
        if not self.separable:
            most = min(most, 1)
        least_marked = max(must[1], tally.least_marked)
        most_marked = self._most[1] if tally.most_marked is None else min(self._most[1], tally.most_marked)
        if least_marked > most_marked:
            return False
        return max(must[0] + least_marked, tally.least, least) <= min(self._most[0] + most_marked, most)


def alone(tally: Tally) -> list[TallyEntry]:
    """Entries each of which makes a text of its tally without any other."""
    required = sum(entry.required for entry in tally.entries)
    if tally.least > 1 or tally.most == 0:
        return []
    most_marked = 1 if tally.most_marked is None else tally.most_marked
    return [e for e in tally.entries if e.required == required and tally.least_marked <= e.marked <= most_marked]
