"""Rules for objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stolcke.errors import UnsupportedSchema
from stolcke.frontends.json_schema.formulas import NEVER, Goal, both
from stolcke.frontends.json_schema.objects import KeyClass, Objects
from stolcke.lexer.language import Language

if TYPE_CHECKING:
    from stolcke.frontends.json_schema.emit import Emitter

__all__ = ["object_rules"]

_STATES = 50_000
"""Nonterminals that the counts and witnesses of one object may take."""
_VARIANTS = 1_000
"""Ways in which one member may meet several witnesses."""


def object_rules(emitter: Emitter, lhs: int, objects: Objects, depth: int) -> None:
    """Write the alternatives of ``lhs`` that derive a set of objects."""
    writer = _Writer(emitter, lhs, objects, depth)
    if writer.is_empty:
        return
    if emitter.settings.property_order == "any" and not objects.witnesses:
        writer.in_any_order()
    elif writer.least <= 1 and writer.most is None and not objects.witnesses:
        writer.in_order()
    else:
        writer.in_order_and_counted()


class _Writer:
    """Writes one set of objects.

    In the order declared, a state says how many of the declared names are behind
    (``index``), how many members there were, as far as it matters (``count``), and which
    witnesses have been met (``met``).
    """

    def __init__(self, emitter: Emitter, lhs: int, objects: Objects, depth: int) -> None:
        self.emitter = emitter
        self.lhs = lhs
        self.objects = objects
        self.depth = depth + 1
        goals = objects.members()
        declared = tuple(goals)
        required = frozenset(objects.required)
        self.is_empty = any(goal is NEVER for name, goal in goals.items() if name in required)
        self.members = [(name, goal, name in required) for name, goal in goals.items() if goal is not NEVER]
        self.others = objects.others(declared)
        self.least = objects.least if objects.least > len(required) else 0
        self.most = objects.most
        if self.most is not None and not self.others and self.most >= len(self.members):
            self.most = None
        if self.least > 1 and self.others:
            # Names that are not declared may come twice, and then count once for who reads them.
            emitter.exact = False
        parts = emitter.structure(depth)
        self.open = parts.open_object
        self.close = parts.close_object
        self.empty = parts.empty_object
        self.comma = parts.comma

    # --- any order -----------------------------------------------------------------------------------------------

    def in_any_order(self) -> None:
        """Each declared name at most once, wherever it likes: a tally."""
        entries = [
            ((self._key(name), self._value(goal)), True, required, False) for name, goal, required in self.members
        ]
        entries += [((self._other_key(each), self._value(each.goal)), False, False, False) for each in self.others]
        emitter = self.emitter
        if self.least == 0 and not any(required for _, _, required in self.members):
            emitter.rule(self.lhs, self.empty)
        if entries and self.most != 0:
            members = emitter.written.nonterminal("members")
            emitter.written.tally(members, entries, (self.comma,), max(1, self.least), self.most)
            emitter.rule(self.lhs, self.open, members, self.close)

    # --- the order declared --------------------------------------------------------------------------------------

    def in_order(self) -> None:
        """Declared names in their order; others anywhere between them."""
        emitter, depth, key, value = self.emitter, self.depth, self.emitter.named_key, self.emitter.value
        others = [(self._other_key(each), self._value(each.goal)) for each in self.others]
        members = [(key(name), value(goal, depth), required) for name, goal, required in self.members]
        emitter.written.members_in_order(
            self.lhs, (self.open, self.close, self.empty, self.comma), members, others, may_be_empty=self.least == 0
        )

    # --- the order declared, with something to keep count of -----------------------------------------------------

    def in_order_and_counted(self) -> None:
        """As above, where the number of members has bounds, or some of them are witnesses."""
        self.clip = max(self.least, self.most or 0)
        self.last_required = max((i + 1 for i, member in enumerate(self.members) if member[2]), default=0)
        self.known: dict[tuple, int] = {}
        self.todo: list[tuple] = []
        first = (0, 0, frozenset())
        if self._is_done(first):
            self.emitter.rule(self.lhs, self.empty)
        if self.most != 0 and (self.members or self.others):
            self.emitter.rule(self.lhs, self.open, self._next("member", first))
        while self.todo:
            self.emitter.evaluator.deadline.check("writing rules")
            kind, state = self.todo.pop()
            getattr(self, "_" + kind)(self.known[kind, state], *state)

    def _next(self, kind: str, state: tuple) -> int:
        """The nonterminal of a state: ``rest`` after a member, ``member`` before one, ``named`` before a declared."""
        if kind == "member" and not self.others:
            kind = "named"
        found = self.known.get((kind, state))
        if found is None:
            if len(self.known) > _STATES:
                raise UnsupportedSchema("counting the members of this object takes too many states")
            found = self.known[kind, state] = self.emitter.written.part_of(self.lhs, kind)
            self.todo.append((kind, state))
        return found

    def _is_done(self, state: tuple) -> bool:
        index, count, met = state
        return index >= self.last_required and count >= self.least and len(met) == len(self.objects.witnesses)

    def _rest(self, lhs: int, index: int, count: int, met: frozenset) -> None:
        state = (index, count, met)
        written = False
        if self._is_done(state):
            self.emitter.rule(lhs, self.close)
            written = True
        if (self.others or index < len(self.members)) and (self.most is None or count < self.most):
            self.emitter.rule(lhs, self.comma, self._next("member", state))
            written = True
        if not written:
            self.emitter.rule(lhs, lhs)

    def _member(self, lhs: int, index: int, count: int, met: frozenset) -> None:
        self.emitter.rule(lhs, self._next("named", (index, count, met)))
        after = min(count + 1, self.clip)
        for each in self.others:
            for keys, goal, found in self._variants(each.keys, each.goal, met):
                if not keys.is_empty:
                    key = self._other_key(KeyClass(keys, goal))
                    self.emitter.rule(lhs, key, self._value(goal), self._next("rest", (index, after, found)))

    def _named(self, lhs: int, index: int, count: int, met: frozenset) -> None:
        if index == len(self.members):
            self.emitter.rule(lhs, lhs)
            return
        name, goal, required = self.members[index]
        after = min(count + 1, self.clip)
        for _, each, found in self._variants(name, goal, met):
            rest = self._next("rest", (index + 1, after, found))
            self.emitter.rule(lhs, self._key(name), self._value(each), rest)
        if not required:
            self.emitter.rule(lhs, self._next("named", (index + 1, count, met)))

    def _variants(self, keys: Language | str, goal: Goal, met: frozenset) -> list[tuple]:
        """The ways for a member to meet witnesses: what its name and value are then, and who has been met."""
        variants = [(keys, goal, met)]
        for i, witness in enumerate(self.objects.witnesses):
            if i in met:
                continue
            for each, wanted, found in tuple(variants):
                if isinstance(each, str):
                    if witness.keys is None or each in witness.keys:
                        variants.append((each, both(wanted, witness.goal), found | {i}))
                else:
                    common = each if witness.keys is None else each & witness.keys
                    variants.append((common, both(wanted, witness.goal), found | {i}))
            if len(variants) > _VARIANTS:
                raise UnsupportedSchema("a member here may be a witness for too many schemas at once")
        return [variant for variant in variants if variant[1] is not NEVER]

    # --- symbols -------------------------------------------------------------------------------------------------

    def _key(self, name: str) -> int:
        return self.emitter.named_key(name)

    def _other_key(self, each: KeyClass) -> int:
        if each.beside is not None:
            return self.emitter.other_names(each.beside)
        return self.emitter.key(each.keys, "other name:")

    def _value(self, goal: Goal) -> int:
        return self.emitter.value(goal, self.depth)
