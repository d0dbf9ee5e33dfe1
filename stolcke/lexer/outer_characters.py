"""The characters that the texts of an automaton begin with, and those that they end with."""

from __future__ import annotations

from functools import lru_cache

from stolcke.lexer.automaton import Automaton
from stolcke.lexer.charsets import Bounds, union

__all__ = ["outer_characters"]

_Way = tuple[int, int, int]
"""First and last number of a range, and the state that they lead to."""

_LEADS = ((0x00, 0x7F, 0, 0x00), (0xC2, 0xDF, 1, 0xC0), (0xE0, 0xEF, 2, 0xE0), (0xF0, 0xF4, 3, 0xF0))
"""First and last byte that begin a character, how many bytes follow, and what the first one has beside its number."""


@lru_cache(maxsize=1024)
def outer_characters(machine: Automaton) -> tuple[Bounds, Bounds]:
    """Find which characters texts begin with, and which they end with.

    Parameters
    ----------
    machine : Automaton
        Whose texts are UTF-8.

    Returns
    -------
    first, last : tuple of int
        As bounds.
    """
    if not machine.n_states:
        return (), ()
    walker = _Walker(machine)
    accepting = machine.accepting.tolist()
    seen, waiting = {0}, [0]
    last: set[Bounds] = set()
    for state in waiting:
        ways = walker.characters(state)
        last.update([(low, high + 1) for low, high, target in ways if accepting[target]])
        more = {target for _, _, target in ways} - seen
        seen |= more
        waiting += more
    # Every state leads to the end of some text.
    first = {(low, high + 1) for low, high, _ in walker.characters(0)}
    return union(first), union(last)


class _Walker:
    """Reads an automaton over bytes by characters."""

    def __init__(self, machine: Automaton) -> None:
        ways = list(zip(machine.low.tolist(), machine.high.tolist(), machine.target.tolist(), strict=True))
        offsets = machine.offsets.tolist()
        self._ways = [ways[offsets[i] : offsets[i + 1]] for i in range(machine.n_states)]
        self._known: dict[tuple[int, int], list[_Way]] = {}

    def characters(self, state: int) -> list[_Way]:
        """The characters that may come next."""
        found: list[_Way] = []
        for first, last, n_more, mark in _LEADS:
            for low, high, target in self._ways[state]:
                low, high = max(low, first), min(high, last)
                if low <= high:
                    self._extend(found, low - mark, high - mark, target, n_more)
        return found

    def _rest(self, state: int, n_bytes: int) -> list[_Way]:
        """The numbers that so many more bytes of a character may spell."""
        key = state, n_bytes
        if key not in self._known:
            found: list[_Way] = []
            for low, high, target in self._ways[state]:
                self._extend(found, max(low, 0x80) - 0x80, min(high, 0xBF) - 0x80, target, n_bytes - 1)
            self._known[key] = found
        return self._known[key]

    def _extend(self, found: list[_Way], low: int, high: int, target: int, n_more: int) -> None:
        """Add the numbers that begin with one of a range and go on with so many bytes."""
        if not n_more:
            _add(found, low, high, target)
            return
        rest, size = self._rest(target, n_more), 1 << 6 * n_more
        if [way[:2] for way in rest] == [(0, size - 1)]:
            _add(found, low * size, (high + 1) * size - 1, rest[0][2])
            return
        for number in range(low, high + 1):
            for begin, end, to in rest:
                _add(found, number * size + begin, number * size + end, to)


def _add(found: list[_Way], low: int, high: int, target: int) -> None:
    if found and found[-1][1] + 1 == low and found[-1][2] == target:
        found[-1] = found[-1][0], high, target
    else:
        found.append((low, high, target))
