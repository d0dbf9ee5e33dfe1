"""Sets of values of one type, as unions of simple sets.

Each type of JSON has a class of *simple sets* (intervals of numbers, objects described
by their members, ...), closed under intersection, whose complement is a union of simple
sets.  So all of JSON Schema's logic works on unions of them, type by type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol, Self

from stolcke.errors import UnsupportedSchema

__all__ = ["ALTERNATIVES", "Few", "Simple", "Union", "bounded", "meet", "reduced", "union"]

ALTERNATIVES = 2_000
"""Simple sets in one union, beyond which a schema is refused."""
_PAIRS = 20_000
"""Pairs of simple sets that are met to find out how many of them have something in common."""


class Simple(Protocol):
    """What every simple set can do."""

    def __and__(self, other: Any) -> Self | None:
        """The common values; None where there are certainly none."""

    def complement(self) -> tuple[Self, ...]:
        """All other values of the type."""


Union = tuple  # of Simple


class Few:
    """Some of the few values of a type: of ``false`` and ``true``, or of ``null`` alone."""

    __slots__ = ("all", "values")

    def __init__(self, values: frozenset, everything: frozenset) -> None:
        self.values = values
        self.all = everything

    def __and__(self, other: Few) -> Few | None:
        common = self.values & other.values
        return Few(common, self.all) if common else None

    def complement(self) -> tuple[Few, ...]:
        rest = self.all - self.values
        return (Few(rest, self.all),) if rest else ()


def union(sets: Iterable[Union]) -> Union:
    """Collect the values of any of the sets."""
    return bounded(tuple(simple for one in sets for simple in one))


def meet(a: Union, b: Union) -> Union:
    """Collect the values of both sets; there may be more cases than may be kept."""
    if len(a) > 1 < len(b) and len(a) * len(b) > _PAIRS:
        raise _too_many(len(a) * len(b))
    return tuple(common for x in a for y in b if (common := x & y) is not None)


def reduced(alternatives: Union) -> Union:
    """Drop sets that are seen to lie within others: those that ask for all that another one asks for, and more."""
    asked = [simple.conditions() for simple in alternatives]
    frequency = Counter(condition for conditions in asked for condition in conditions)
    about: dict[str, list[tuple]] = {}
    for condition in frequency:
        if condition[0] == "member":
            about.setdefault(condition[1], []).append(condition)
    kept: list[int] = []
    # A set that is kept is looked for under the rarest of its conditions.
    kept_by: dict[tuple | None, list[int]] = {}
    for i in sorted(range(len(alternatives)), key=lambda i: len(asked[i])):
        simple, fulfilled = alternatives[i], set(asked[i])
        for name in simple.absent():  # whatever is asked of a member holds where there is none
            fulfilled.update(about.get(name, ()))
        if not any(
            asked[j] <= fulfilled and alternatives[j].may_stand_for(simple)
            for condition in (None, *fulfilled)
            for j in kept_by.get(condition, ())
        ):
            kept.append(i)
            kept_by.setdefault(min(asked[i], key=frequency.__getitem__, default=None), []).append(i)
    return tuple(alternatives[i] for i in sorted(kept))


def bounded(alternatives: Union) -> Union:
    """Refuse what is too much."""
    if len(alternatives) > ALTERNATIVES:
        raise _too_many(len(alternatives))
    return alternatives


def _too_many(n: int) -> UnsupportedSchema:
    return UnsupportedSchema(f"the combination of alternatives here has {n} cases, more than {ALTERNATIVES}")
