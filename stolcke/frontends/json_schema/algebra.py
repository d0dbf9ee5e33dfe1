"""Sets of values of one type, as unions of simple sets.

Each type of JSON has a class of *simple sets* (intervals of numbers, objects described
by their members, ...), closed under intersection, whose complement is a union of simple
sets.  So all of JSON Schema's logic works on unions of them, type by type.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, Self

from stolcke.errors import UnsupportedSchema

__all__ = ["ALTERNATIVES", "Few", "Simple", "Union", "meet", "negate", "union"]

ALTERNATIVES = 2_000
"""Simple sets in one union, beyond which a schema is refused."""


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
    collected = tuple(simple for one in sets for simple in one)
    return _bounded(collected)


def meet(a: Union, b: Union) -> Union:
    """Collect the values of both sets."""
    if len(a) * len(b) > ALTERNATIVES**2:
        _bounded(range(len(a) * len(b)))
    return _bounded(tuple(common for x in a for y in b if (common := x & y) is not None))


def negate(a: Union, everything: Union) -> Union:
    """Collect the values of a type that are not in a set."""
    rest = everything
    for simple in a:
        rest = meet(rest, simple.complement())
    return rest


def _bounded(alternatives: Any) -> Any:
    if len(alternatives) > ALTERNATIVES:
        raise UnsupportedSchema(
            f"the combination of alternatives here has {len(alternatives)} cases, more than {ALTERNATIVES}"
        )
    return alternatives
