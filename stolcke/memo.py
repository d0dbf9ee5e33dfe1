"""What was made before: grammars of schemas, and what they were compiled to."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from stolcke.options import Limits

__all__ = ["Memo", "clear_cache"]


class Measured(Protocol):
    """What can be remembered: it knows how large it is, which may change."""

    @property
    def n_bytes(self) -> int: ...


Value = TypeVar("Value", bound=Measured)

_all: weakref.WeakValueDictionary[int, Memo] = weakref.WeakValueDictionary()
_clock = itertools.count()

_MEASURED = 4
"""Values of which each addition finds out how large they are by now, in turn."""
_SPARE = 16
"""The share of the limits that is free once they have been met."""


class _Entry(Generic[Value]):
    """A value, when it was last asked for, and its size when last looked at."""

    __slots__ = ("n_bytes", "used", "value")

    def __init__(self, value: Value) -> None:
        self.value = value
        self.used = next(_clock)
        self.n_bytes = value.n_bytes


class Memo(Generic[Value]):
    """The values asked for last, by all that they were made from.

    Threads may share it.  There is no lock that a fork could leave locked: each step is a single operation of a
    dict, and whoever loses a race makes a value that is made already, or forgets one too many.
    """

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry[Value]] = {}
        self._turn = 0
        self._used = 0  # bytes, when last looked at
        _all[id(self)] = self

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Value | None:
        """The value of a key, where it is known."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.used = next(_clock)
        return entry.value

    def add(self, key: Hashable, value: Value, limits: Limits) -> Value:
        """Remember a value, as far as the limits allow; returns it, or the one that another thread was first with."""
        new = _Entry(value)
        entry = self._entries.setdefault(key, new)
        if entry is new:
            self._used += new.n_bytes
        entries = list(self._entries.values())
        self._measure(entries[self._turn : self._turn + _MEASURED])
        self._turn = self._turn + _MEASURED if self._turn + _MEASURED < len(entries) else 0
        if self._is_full(limits):
            # Two threads may have lost count of the bytes.
            self._used = sum([each.n_bytes for each in entries])
            if self._is_full(limits):
                self._shrink(limits)
        return entry.value

    def _is_full(self, limits: Limits) -> bool:
        return len(self._entries) > limits.remembered or self._used > limits.remembered_bytes

    def _measure(self, entries: list[_Entry[Value]]) -> None:
        """Find out what some values take by now."""
        for each in entries:
            before, each.n_bytes = each.n_bytes, each.value.n_bytes
            self._used += each.n_bytes - before

    def _shrink(self, limits: Limits) -> None:
        """Forget what was not asked for the longest time, and some more, so that this is not due again at once."""
        known = sorted(self._entries.items(), key=lambda item: item[1].used, reverse=True)
        most, most_bytes = (limit - limit // _SPARE for limit in (limits.remembered, limits.remembered_bytes))
        used = kept = 0
        for number, (key, entry) in enumerate(known):
            used += entry.n_bytes
            if number >= most or used > most_bytes:
                self._entries.pop(key, None)
            else:
                kept = used
        self._used = kept

    def forget(self, key: Hashable) -> None:
        """Forget one value."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._used -= entry.n_bytes

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._used = 0


def clear_cache() -> None:
    """Forget all grammars of schemas and all compiled grammars that were remembered for the next time.

    The grammars that a program holds stay as they are.  What their parts have in common is kept: the automata of
    terminals, and all that is known of a vocabulary.
    """
    for reference in _all.valuerefs():
        memo = reference()
        if memo is not None:
            memo.clear()
