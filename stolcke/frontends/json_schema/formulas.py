"""What a value has to satisfy: schemas, their opposites, and fixed values.

A *goal* is a set of formulas that must all hold.  Equal goals describe equal sets of
values, so each becomes one nonterminal, and recursive schemas end.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stolcke.frontends.json_schema.numbers import number
from stolcke.frontends.json_schema.references import Node

__all__ = [
    "ANYTHING",
    "NEVER",
    "AnyOf",
    "Constant",
    "Formula",
    "Goal",
    "Not",
    "Scoped",
    "both",
    "key_of",
    "likeness",
    "opposite",
]

_PLAIN = frozenset(["type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "pattern"])
_SILENT = frozenset(["title", "description", "default", "examples", "$comment"])
_SMALL = _PLAIN | _SILENT


@dataclass(frozen=True, slots=True)
class Scoped:
    """A schema seen from a dynamic scope: the resources that were entered on the way to it."""

    node: Node
    scope: tuple


@dataclass(frozen=True, slots=True)
class Not:
    """Everything but the values of a goal."""

    goal: Goal


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The values of any of some goals; of none of them, where there is none."""

    goals: tuple[Goal, ...]


class Constant:
    """One value, in all its spellings; equal to another constant of an equal value."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.key = key_of(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


Formula = Node | Scoped | Not | AnyOf | Constant
Goal = frozenset  # of Formula

ANYTHING: Goal = frozenset()
NEVER: Goal = frozenset([AnyOf(())])


def both(a: Goal, b: Goal) -> Goal:
    """Require two goals at once."""
    if not a or a == b:
        return b
    if not b:
        return a
    if a is NEVER or b is NEVER:
        return NEVER
    common = a | b
    return NEVER if any(type(formula) is Not and formula.goal <= common for formula in common) else common


def opposite(goal: Goal) -> Goal:
    """Require that a goal is missed."""
    if not goal:
        return NEVER
    if goal is NEVER:
        return ANYTHING
    if len(goal) == 1:
        (formula,) = goal
        if isinstance(formula, Not):
            return formula.goal
    return frozenset([Not(goal)])


def likeness(formula: Formula) -> Any:
    """What equals another formula's only where the two ask for the same, as places with equal small schemas do."""
    if isinstance(formula, Not):
        return "not", frozenset(map(likeness, formula.goal))
    if not isinstance(formula, Node) or not formula.schema.keys() <= _SMALL:
        return formula
    if formula.likeness is None:
        asked = frozenset((name, key_of(value)) for name, value in formula.schema.items() if name in _PLAIN)
        formula.likeness = formula.dialect, asked
    return formula.likeness


def key_of(value: Any) -> Any:
    """A hashable key that equals another one exactly where JSON Schema calls the two values equal.

    ``1`` equals ``1.0``, but not ``true``; the order of an object's members does not count.
    """
    if isinstance(value, bool) or value is None:
        return (value is None, value)
    if isinstance(value, list):
        return ("array", tuple(map(key_of, value)))
    if isinstance(value, dict):
        return ("object", frozenset((name, key_of(member)) for name, member in value.items()))
    return number(value) if isinstance(value, (float, Decimal)) else value
