"""Sets of arrays, described by what their items have to satisfy.

None of them changes once it is made.  That their classes are not frozen is for speed: a large schema has thousands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stolcke.frontends.json_schema.formulas import ANYTHING, NEVER, AnyOf, Goal, both, opposite

__all__ = ["Arrays", "Count", "Items"]


@dataclass(slots=True, eq=False)
class Items:
    """What one schema says about items: the first ones one by one, and all that follow."""

    prefix: tuple[Goal, ...] = ()
    rest: Goal = ANYTHING

    def goal(self, index: int) -> Goal:
        """What the item at an index has to satisfy."""
        return self.prefix[index] if index < len(self.prefix) else self.rest


@dataclass(slots=True, eq=False)
class Count:
    """From index ``start`` on, ``least`` to ``most`` (None: any number) of the items satisfy ``goal``."""

    goal: Goal
    least: int = 1
    most: int | None = None
    start: int = 0


@dataclass(slots=True, eq=False)
class Arrays:
    """A simple set of arrays.

    ``least`` and ``most`` bound the number of items; ``unique`` forbids equal ones, and
    ``repeated`` asks for some.
    ``seen`` is what ``unevaluatedItems`` takes as evaluated: this many first items (None:
    all) and the items that satisfy any of some goals.
    """

    layers: tuple[Items, ...] = ()
    least: int = 0
    most: int | None = None
    counts: tuple[Count, ...] = ()
    unique: bool = False
    seen: tuple[int | None, tuple[Goal, ...]] = (0, ())
    repeated: bool = False

    def __and__(self, other: Arrays) -> Arrays | None:
        bounds = [most for most in (self.most, other.most) if most is not None]
        common = Arrays(
            self.layers + other.layers,
            max(self.least, other.least),
            min(bounds) if bounds else None,
            self.counts + other.counts,
            self.unique or other.unique,
            _joined(self.seen, other.seen),
            self.repeated or other.repeated,
        )
        if common.unique and common.repeated:
            return None
        if common.most is not None and common.least > common.most:
            return None
        return None if any(common.goal(i) is NEVER for i in range(min(common.least, 64))) else common

    def goal(self, index: int) -> Goal:
        """What the item at an index has to satisfy."""
        goal = ANYTHING
        for layer in self.layers:
            goal = both(goal, layer.goal(index))
        return goal

    @property
    def n_prefix(self) -> int:
        """Index from which on all items have to satisfy the same."""
        starts = [len(layer.prefix) for layer in self.layers] + [count.start for count in self.counts]
        return max(starts, default=0)

    def complement(self) -> tuple[Arrays, ...]:
        outside = [Arrays(least=2, repeated=True)] if self.unique else []
        if self.repeated:
            outside.append(Arrays(unique=True))
        for layer in self.layers:
            for index, goal in enumerate(layer.prefix):
                if goal:
                    prefix = (ANYTHING,) * index + (opposite(goal),)
                    outside.append(Arrays((Items(prefix),), least=index + 1))
            if layer.rest:
                outside.append(Arrays(counts=(Count(opposite(layer.rest), start=len(layer.prefix)),)))
        if self.least > 0:
            outside.append(Arrays(most=self.least - 1))
        if self.most is not None:
            outside.append(Arrays(least=self.most + 1))
        for count in self.counts:
            if count.least > 0:
                outside.append(Arrays(counts=(replace(count, least=0, most=count.least - 1),)))
            if count.most is not None:
                outside.append(Arrays(counts=(replace(count, least=count.most + 1, most=None),)))
        return tuple(outside)

    def with_seen(self, first: int | None, goals: tuple[Goal, ...] = ()) -> Arrays:
        """The same set, where more items count as evaluated."""
        return replace(self, seen=_joined(self.seen, (first, goals)))

    def unseen(self, goal: Goal) -> Arrays:
        """Require a goal of all items that do not count as evaluated."""
        first, goals = self.seen
        if first is None:
            return self
        rest = frozenset([AnyOf((goal, *goals))]) if goals else goal
        return Arrays((Items((ANYTHING,) * first, rest),))


def _joined(a: tuple[int | None, tuple], b: tuple[int | None, tuple]) -> tuple[int | None, tuple]:
    return (None if a[0] is None or b[0] is None else max(a[0], b[0])), a[1] + b[1]
