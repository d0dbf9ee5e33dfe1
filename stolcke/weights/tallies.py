"""What tallies do on average, where each of their choices is uniform.

A tally that may stop and may go on does either with probability one half; if it
goes on, all entries that may come are equally probable.  Entries differ only in
whether they are required, occur once and are marked, so that it is enough to
count how many of each kind have come: the choices are a Markov chain over these
numbers, which never returns to a state but from that state itself.
"""

from __future__ import annotations

import heapq
from collections import Counter
from math import inf

import numpy as np

__all__ = ["ONCE", "REQUIRED", "STOP", "Kind", "State", "mean_uses", "probability_of_none", "start", "ways"]

STOP = 0.5
"""Probability to stop, where both stopping and going on is possible."""

_MOST_STATES = 20_000
"""Beyond these, averages are cut off: what has not been looked at is counted as if it were never reached."""

ONCE, REQUIRED, _MARKED = 1, 2, 4

Kind = tuple[int, bool]
"""The flags of an entry, and whether it has come."""
State = tuple[frozenset[tuple[Kind, int]], float, float, float, float]
"""How many there are of each kind; the least and greatest number of entries to come, and of marked ones."""


def start(flags: np.ndarray, bounds: list[int]) -> State:
    """The state of a tally that nothing has come of; parameters as for :func:`probability_of_none`."""
    kinds = Counter((flag, False) for flag in flags.tolist())
    least, most, least_marked, most_marked = (inf if bound < 0 else bound for bound in bounds)
    return _clipped(kinds, least, most, least_marked, most_marked)


def _reach(kinds: Counter[Kind], marked: int) -> tuple[int, float]:
    """How many entries, marked or not, must and may come."""
    least, most = 0, 0.0
    for (flags, seen), count in kinds.items():
        if count and bool(flags & _MARKED) == bool(marked):
            least += count if flags & REQUIRED and not seen else 0
            if not flags & ONCE:
                most = inf
            elif not seen:
                most += count
    return least, most


def _possible(kinds: Counter[Kind], need: float, room: float, need_marked: float, room_marked: float) -> bool:
    """Whether some choice of what can come fits between the bounds."""
    (must, may), (must_marked, may_marked) = _reach(kinds, 0), _reach(kinds, 1)
    least, most = max(must_marked, need_marked), min(may_marked, room_marked)
    return least <= most and max(must + least, need) <= min(may + most, room)


def _clipped(kinds: Counter[Kind], need: float, room: float, need_marked: float, room_marked: float) -> State:
    """A state without what follows from the rest of it, so that chains that go on for ever have few states."""
    (must, may), (must_marked, may_marked) = _reach(kinds, 0), _reach(kinds, 1)
    if room_marked >= may_marked:
        room_marked = inf
    if room >= may + min(may_marked, room_marked):
        room = inf
    if need_marked <= must_marked:
        need_marked = 0
    if need <= must + max(must_marked, need_marked):
        need = 0
    return frozenset((kind, n) for kind, n in kinds.items() if n), need, room, need_marked, room_marked


def ways(state: State) -> tuple[float, list[tuple[Kind, float, State]]]:
    """The probability to stop, and of each kind that of going on with one of it and where that leads."""
    counts, need, room, need_marked, room_marked = state
    kinds = Counter(dict(counts))
    found: list[tuple[Kind, int, State]] = []
    for (flags, seen), count in counts:
        if seen and flags & ONCE:
            continue
        marked = bool(flags & _MARKED)
        after = kinds.copy()
        if flags & (ONCE | REQUIRED) and not seen:
            after[flags, False] -= 1
            after[flags, True] += 1
        rest = (need - 1, room - 1, need_marked - marked, room_marked - marked)
        if _possible(after, *rest):
            least, most, least_marked, most_marked = rest
            found.append(
                ((flags, seen), count, _clipped(after, max(least, 0), most, max(least_marked, 0), most_marked))
            )
    complete = need == need_marked == 0 and _reach(kinds, 0)[0] == _reach(kinds, 1)[0] == 0
    stop = (STOP if found else 1.0) if complete else 0.0
    total = sum(count for _, count, _ in found)
    return stop, [(kind, (1 - stop) * count / total, after) for kind, count, after in found]


def probability_of_none(flags: np.ndarray, bounds: list[int]) -> float:
    """The probability that a tally has no entries at all.

    Parameters
    ----------
    flags : uint8[entries]
        1 for an entry that occurs at most once, 2 for a required one, 4 for a marked one; added up.
    bounds : list of int
        The least and greatest number of entries, and of marked ones; -1 for no greatest.
    """
    return ways(start(flags, bounds))[0]


def mean_uses(flags: np.ndarray, bounds: list[int]) -> tuple[np.ndarray, float]:
    """How often each entry, and a separator, occurs on average.

    Parameters
    ----------
    flags, bounds
        As for :func:`probability_of_none`.

    Returns
    -------
    entries : float64[entries]
    separators : float
    """
    uses: Counter[int] = Counter()
    separators = 0.0
    mass: dict[State, float] = {}
    waiting: list[tuple[float, int, State]] = []

    def reach(state: State, probability: float) -> None:
        if state not in mass:
            heapq.heappush(waiting, (_rank(state), len(mass), state))
            mass[state] = 0.0
        mass[state] += probability

    for (kind, _), probability, after in ways(start(flags, bounds))[1]:
        uses[kind] += probability
        reach(after, probability)
    while waiting and len(mass) <= _MOST_STATES:
        _, _, state = heapq.heappop(waiting)
        _, following = ways(state)
        visits = mass[state] / (1 - sum(probability for _, probability, after in following if after == state))
        for (kind, _), probability, after in following:
            uses[kind] += visits * probability
            separators += visits * probability
            if after != state:
                reach(after, visits * probability)
    numbers = Counter(flags.tolist())
    return np.array([uses[flag] / numbers[flag] for flag in flags.tolist()]), separators


def _rank(state: State) -> float:
    """A number that grows with each step to another state: what has come, less what may or must still come."""
    counts, need, room, need_marked, room_marked = state
    seen = sum(n for (_, seen), n in counts if seen)
    return seen - need - need_marked - sum(0 if bound == inf else bound + 1 for bound in (room, room_marked))
