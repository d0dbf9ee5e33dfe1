"""Rules for arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stolcke.errors import UnsupportedSchema
from stolcke.frontends.json_schema.arrays import Arrays
from stolcke.frontends.json_schema.formulas import NEVER, Constant, Goal, both, opposite
from stolcke.frontends.json_schema.value_guard import CLOSE, CLOSE_EQUAL, OPEN, OPEN_EQUAL

if TYPE_CHECKING:
    from stolcke.frontends.json_schema.checking import Checks
    from stolcke.frontends.json_schema.emit import Emitter

__all__ = ["array_rules"]

_STATES = 5_000
"""Nonterminals that the counts of one array may take."""

_FINITE = 1_000
"""Values that items may have where they must differ."""

_EQUAL = "arrays with equal items, which the opposite of uniqueItems asks for"


def array_rules(emitter: Emitter, lhs: int, arrays: Arrays, depth: int, checks: Checks | None = None) -> None:
    """Write the alternatives of ``lhs`` that derive a set of arrays; with ``checks``, of those whose items differ."""
    writer = _Writer(emitter, lhs, arrays, depth, checks)
    if checks is not None:
        writer.alike_or_not()
    elif arrays.repeated:
        _with_checks(emitter, lhs, arrays, depth, UnsupportedSchema(_EQUAL))
    elif arrays.unique and (arrays.most is None or arrays.most > 1):
        try:
            writer.different_items()
        except UnsupportedSchema as error:
            _with_checks(emitter, lhs, arrays, depth, error)
    else:
        writer.alike_or_not()


def _with_checks(emitter: Emitter, lhs: int, arrays: Arrays, depth: int, error: UnsupportedSchema) -> None:
    """Let items be looked at as they end, if the caller allows that; else the error stands, or that is left out."""
    if emitter.checks is None:
        emitter.evaluator.drop(error)
        array_rules(emitter, lhs, replace(arrays, unique=False, repeated=False), depth)
    else:
        emitter.checks.note(emitter.pointer, "uniqueItems")
        array_rules(emitter, lhs, arrays, depth, emitter.checks)


class _Writer:
    """Writes one set of arrays; ``index`` is clipped where no item is told from the next."""

    def __init__(self, emitter: Emitter, lhs: int, arrays: Arrays, depth: int, checks: Checks | None = None) -> None:
        self.emitter = emitter
        self.checks = checks
        self.lhs = lhs
        self.arrays = arrays
        self.depth = depth + 1
        parts = emitter.structure(depth)
        self.open = parts.open_array
        self.close = parts.close_array
        self.empty = parts.empty_array
        self.comma = parts.comma
        if checks is not None:
            opening, closing = (OPEN_EQUAL, CLOSE_EQUAL) if arrays.repeated else (OPEN, CLOSE)
            self.open, self.close = checks.copy(self.open, opening), checks.copy(self.close, closing)

    def alike_or_not(self) -> None:
        """Items may be equal or not, or somebody else looks at that."""
        if self.arrays.n_prefix == 0 and len(self.arrays.counts) <= 1:
            self.equal_places()
        elif not self.arrays.counts:
            self.prefix()
        else:
            self.places()

    def equal_places(self) -> None:
        """All items are alike, and at most one kind of them is counted."""
        arrays, emitter = self.arrays, self.emitter
        goal = arrays.goal(0)
        count = arrays.counts[0] if arrays.counts else None
        if arrays.least == 0 and (count is None or count.least == 0):
            emitter.rule(self.lhs, self.empty)
        if arrays.most == 0 or (goal is NEVER):
            return
        if count is None and arrays.least <= 1 and arrays.most is None:
            rest = emitter.written.part_of(self.lhs, "rest")
            item = self._value(goal)
            emitter.rule(self.lhs, self.open, item, rest)
            emitter.rule(rest, self.comma, item, rest)
            emitter.rule(rest, self.close)
            return
        if count is None:
            entries = [((self._value(goal),), False, False, False)]
            bounds: dict[str, Any] = {}
        else:
            counted = both(goal, count.goal)
            other = goal if count.most is None else both(goal, opposite(count.goal))
            entries = [((self._value(counted),), False, False, True)] if counted is not NEVER else []
            entries += [((self._value(other),), False, False, False)] if other is not NEVER else []
            bounds = {"least_marked": count.least, "most_marked": count.most}
        self._tally(entries, max(1, arrays.least), arrays.most, bounds)

    def _tally(self, entries: list[tuple], least: int, most: int | None, bounds: dict[str, Any]) -> None:
        items = self.emitter.written.part_of(self.lhs, "items")
        self.emitter.written.tally(items, entries, (self.comma,), least, most, **bounds)
        self.emitter.rule(self.lhs, self.open, items, self.close)

    def prefix(self) -> None:
        """Some items one by one, and then any number of equal ones."""
        arrays, emitter = self.arrays, self.emitter
        if arrays.least == 0:
            emitter.rule(self.lhs, self.empty)
        lhs, separator = self.lhs, self.open
        for index in range(arrays.n_prefix):
            goal = arrays.goal(index)
            if goal is NEVER or arrays.most == index:
                return
            rest = emitter.written.part_of(self.lhs, "rest")
            emitter.rule(lhs, separator, self._value(goal), rest)
            # Without an end here the state may be a dead one; the compiler trims it.
            emitter.rule(rest, self.close if arrays.least <= index + 1 else rest)
            lhs, separator = rest, self.comma
        goal = arrays.goal(arrays.n_prefix)
        most = None if arrays.most is None else arrays.most - arrays.n_prefix
        if goal is NEVER or most == 0:
            return
        items = emitter.written.part_of(self.lhs, "items")
        least = max(1, arrays.least - arrays.n_prefix)
        emitter.written.tally(items, [((self._value(goal),), False, False, False)], (self.comma,), least, most)
        emitter.rule(lhs, separator, items, self.close)

    def places(self) -> None:
        """Items differ by their place, or several kinds are counted: a nonterminal for each state."""
        arrays = self.arrays
        self.clip = max(arrays.n_prefix, arrays.least, arrays.most or 0)
        self.known: dict[tuple, int] = {}
        self.todo: list[tuple] = []
        first = (0, (0,) * len(arrays.counts))
        if self._is_done(first):
            self.emitter.rule(self.lhs, self.empty)
        if arrays.most != 0:
            self.emitter.rule(self.lhs, self.open, self._next("item", first))
        while self.todo:
            self.emitter.evaluator.deadline.check("writing rules")
            kind, state = self.todo.pop()
            getattr(self, "_" + kind)(self.known[kind, state], *state)

    def _next(self, kind: str, state: tuple) -> int:
        found = self.known.get((kind, state))
        if found is None:
            if len(self.known) > _STATES:
                raise UnsupportedSchema("counting the items of this array takes too many states")
            found = self.known[kind, state] = self.emitter.written.part_of(self.lhs, kind)
            self.todo.append((kind, state))
        return found

    def _is_done(self, state: tuple) -> bool:
        index, counted = state
        return index >= self.arrays.least and all(
            n >= count.least for n, count in zip(counted, self.arrays.counts, strict=True)
        )

    def _rest(self, lhs: int, index: int, counted: tuple) -> None:
        written = False
        if self._is_done((index, counted)):
            self.emitter.rule(lhs, self.close)
            written = True
        if self.arrays.most is None or index < self.arrays.most:
            self.emitter.rule(lhs, self.comma, self._next("item", (index, counted)))
            written = True
        if not written:
            self.emitter.rule(lhs, lhs)

    def _item(self, lhs: int, index: int, counted: tuple) -> None:
        variants: list[tuple[Goal, tuple[int, ...]]] = [(self.arrays.goal(index), ())]
        for n, count in zip(counted, self.arrays.counts, strict=True):
            if index < count.start:
                variants = [(goal, (*so_far, n)) for goal, so_far in variants]
                continue
            split = []
            for goal, so_far in variants:
                top = count.least if count.most is None else count.most
                if count.most is None or n < count.most:
                    split.append((both(goal, count.goal), (*so_far, min(n + 1, top))))
                if count.most is not None:
                    split.append((both(goal, opposite(count.goal)), (*so_far, n)))
                elif n < count.least:
                    split.append((goal, (*so_far, n)))
                else:
                    split[-1] = (goal, (*so_far, n))
            variants = split
            if len(variants) > _STATES:
                raise UnsupportedSchema("an item here may count for too many contains at once")
        written = False
        for goal, after in variants:
            if goal is not NEVER:
                rest = self._next("rest", (min(index + 1, self.clip), after))
                self.emitter.rule(lhs, self._value(goal), rest)
                written = True
        if not written:
            self.emitter.rule(lhs, lhs)

    def different_items(self) -> None:
        """Equal items are forbidden: each value of a finite set at most once."""
        arrays, emitter = self.arrays, self.emitter
        if arrays.counts:
            raise UnsupportedSchema("uniqueItems beside contains")
        if arrays.n_prefix:
            self._different_by_place()
            return
        values = self._finite(arrays.goal(0))
        if arrays.least == 0:
            emitter.rule(self.lhs, self.empty)
        if values and arrays.most != 0:
            entries = [((self._value(frozenset([value])),), True, False, False) for value in values]
            self._tally(entries, max(1, arrays.least), arrays.most, {})

    def _different_by_place(self) -> None:
        """Which values there were is the state, and how many of them says which place is next."""
        arrays, emitter = self.arrays, self.emitter
        n = arrays.n_prefix + 1
        if arrays.most is not None:
            n = min(n, arrays.most)
        places = [self._finite(arrays.goal(index)) for index in range(n)]
        rests: dict[frozenset, int] = {}
        todo: list[tuple[frozenset, int, int]] = [(frozenset(), self.lhs, self.open)]
        while todo:
            used, lhs, separator = todo.pop()
            if len(used) >= arrays.least:
                emitter.rule(lhs, self.close if used else self.empty)
            if arrays.most is not None and len(used) >= arrays.most:
                continue
            for value in places[min(len(used), len(places) - 1)]:
                after = used | {value}
                if value in used:
                    continue
                if after not in rests:
                    if len(rests) > _STATES:
                        raise UnsupportedSchema("uniqueItems over too many combinations of values")
                    rests[after] = emitter.written.part_of(self.lhs, "rest")
                    emitter.rule(rests[after], rests[after])  # for where nothing may follow; trimmed away
                    todo.append((after, rests[after], self.comma))
                emitter.rule(lhs, separator, self._value(frozenset([value])), rests[after])

    def _finite(self, goal: Goal) -> list[Constant]:
        """The values of an item."""
        values = self.emitter.evaluator.finite_values(goal, _FINITE)
        if values is None:
            raise UnsupportedSchema("uniqueItems where items are not scalars with a bounded number of values")
        return [Constant(value) for value in values]

    def _value(self, goal: Goal) -> int:
        symbol = self.emitter.value(goal, self.depth)
        return symbol if self.checks is None else self.checks.last(symbol)
