"""Sets of objects, described by what their members have to satisfy.

The keywords about members (``properties``, ``patternProperties``,
``additionalProperties``) belong together: which value a member may have depends on all
of them.  Such a group is a *layer*.  An intersection of two sets just has the layers of
both, and which goals meet at a name is worked out where rules are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from stolcke.errors import UnsupportedSchema
from stolcke.frontends.json_schema.formulas import ANYTHING, NEVER, Goal, both, likeness, opposite
from stolcke.lexer.language import Language
from stolcke.lexer.other_names import all_but

__all__ = ["KeyClass", "Layer", "Objects", "Witness"]

_GLANCE = 64
"""Required names that are looked at to see that a set is empty."""
_CLASSES = 256
"""Groups of names that overlapping patterns may make; each further pattern may double them."""

_NO_PROPERTIES: Mapping[str, Goal] = MappingProxyType({})


class Layer:
    """What one schema says about members.

    A member must satisfy the goal of its name and of every pattern that its name
    matches; one without any of these, ``additional``.
    """

    __slots__ = ("additional", "patterns", "properties")

    def __init__(
        self,
        properties: Mapping[str, Goal] = _NO_PROPERTIES,
        patterns: tuple[tuple[Language, Goal], ...] = (),
        additional: Goal = ANYTHING,
    ) -> None:
        self.properties = properties
        self.patterns = patterns
        self.additional = additional

    @property
    def is_open(self) -> bool:
        """Whether it says nothing of names other than its properties."""
        return not self.patterns and not self.additional

    def goal(self, name: str) -> Goal:
        """What the member of a name has to satisfy."""
        found = self.properties.get(name)
        for language, goal in self.patterns:
            if name in language:
                found = goal if found is None else both(found, goal)
        return self.additional if found is None else found

    def keys(self) -> Language:
        """The names that the layer speaks of: those that are not additional."""
        spoken = Language.words(self.properties)
        for language, _ in self.patterns:
            spoken = spoken | language
        return spoken


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """There is a member with a name out of ``keys`` (None: any) that satisfies ``goal``."""

    keys: Language | None
    goal: Goal


class KeyClass:
    """Names without a place of their own, and what their members have to satisfy.

    The names are a language, or all but those in ``beside``, of which no language is made as long as nobody asks.
    """

    __slots__ = ("_keys", "beside", "goal")

    def __init__(self, keys: Language | None, goal: Goal, beside: tuple[str, ...] | None = None) -> None:
        self._keys = keys
        self.goal = goal
        self.beside = beside

    @property
    def keys(self) -> Language:
        """The names."""
        if self._keys is None:
            self._keys = all_but(self.beside or ())
        return self._keys

    def narrowed(self, goal: Goal) -> KeyClass:
        """The same names, where a goal more has to be satisfied."""
        return KeyClass(self._keys, both(self.goal, goal), self.beside)


class Objects:
    """A simple set of objects.

    ``names`` are the names allowed (None: all), ``least`` and ``most`` bound the number of
    members.  ``seen`` are the names that ``unevaluatedProperties`` takes as evaluated; it
    is kept only where that keyword is near.
    """

    __slots__ = ("layers", "least", "most", "names", "required", "seen", "witnesses")

    def __init__(
        self,
        layers: tuple[Layer, ...] = (),
        required: tuple[str, ...] = (),
        names: Language | None = None,
        least: int = 0,
        most: int | None = None,
        witnesses: tuple[Witness, ...] = (),
        seen: Language | None = None,
    ) -> None:
        self.layers = layers
        self.required = required
        self.names = names
        self.least = least
        self.most = most
        self.witnesses = witnesses
        self.seen = seen

    def __and__(self, other: Objects) -> Objects | None:
        names = self.names if other.names is None else other.names
        if self.names is not None and other.names is not None:
            names = self.names & other.names
        bounds = [most for most in (self.most, other.most) if most is not None]
        seen = self.seen if other.seen is None else other.seen
        if self.seen is not None and other.seen is not None:
            seen = self.seen | other.seen
        common = Objects(
            _layers(self.layers, other.layers),
            tuple(dict.fromkeys(self.required + other.required)) if other.required else self.required,
            names,
            max(self.least, other.least),
            min(bounds) if bounds else None,
            self.witnesses + other.witnesses,
            seen,
        )
        return None if common.is_clearly_empty else common

    @property
    def is_clearly_empty(self) -> bool:
        """Whether a glance shows that no object is in the set."""
        if self.most is not None and max(self.least, len(self.required)) > self.most:
            return True
        return len(self.required) <= _GLANCE and any(self.goal(name) is NEVER for name in self.required)

    @property
    def has_names(self) -> bool:
        """Whether there may be a member of any name at all, as far as names tell."""
        if self.names is None and all(not layer.patterns and layer.additional is not NEVER for layer in self.layers):
            return True
        declared = self.declared()
        return any(self.goal(name) is not NEVER for name in declared) or bool(self.others(declared))

    def goal(self, name: str) -> Goal:
        """What the member of a name has to satisfy."""
        if self.names is not None and name not in self.names:
            return NEVER
        goal = ANYTHING
        for layer in self.layers:
            goal = both(goal, layer.goal(name))
        return goal

    def complement(self) -> tuple[Objects, ...]:
        outside = []
        named: dict[str, Goal] = dict.fromkeys(self.required, ANYTHING)
        for layer in self.layers:
            for name, goal in layer.properties.items():
                named[name] = both(named.get(name, ANYTHING), goal)
        required = frozenset(self.required)
        for name, goal in named.items():
            if name in required:  # it is missing or wrong: one case, lest negations of many sets double with each name
                outside.append(Objects((Layer({name: opposite(goal)}),)))
            elif goal:
                outside.append(Objects((Layer({name: opposite(goal)}),), (name,)))
        for layer in self.layers:
            for language, goal in layer.patterns:
                if goal:
                    outside.append(Objects(witnesses=(Witness(language, opposite(goal)),)))
            if layer.additional:
                outside.append(Objects(witnesses=(Witness(~layer.keys(), opposite(layer.additional)),)))
        if self.names is not None:
            outside.append(Objects(witnesses=(Witness(~self.names, ANYTHING),)))
        if self.least > 0:
            outside.append(Objects(most=self.least - 1))
        if self.most is not None:
            outside.append(Objects(least=self.most + 1))
        for witness in self.witnesses:
            keys = Language.everything() if witness.keys is None else witness.keys
            outside.append(Objects((Layer(patterns=((keys, opposite(witness.goal)),)),)))
        return tuple(outside)

    def conditions(self) -> set[tuple]:
        """All that is asked, one by one: an object is in the set if it fulfils each of them."""
        asked: set[tuple] = {("required", name) for name in self.required}
        for layer in self.layers:
            if layer.is_open:
                asked.update(
                    ("member", name, likeness(formula)) for name, goal in layer.properties.items() for formula in goal
                )
            else:
                asked.add(("layer", layer))
        asked.update(("witness", witness.keys, witness.goal) for witness in self.witnesses)
        if self.names is not None:
            asked.add(("names", self.names))
        if self.least:
            asked.add(("least", self.least))
        if self.most is not None:
            asked.add(("most", self.most))
        return asked

    def absent(self) -> list[str]:
        """The names declared that no member may have."""
        return [
            name for layer in self.layers if layer.is_open for name, goal in layer.properties.items() if goal is NEVER
        ]

    def may_stand_for(self, other: Objects) -> bool:
        """Whether it may replace a set within it: where names come in the order declared, that must be the same."""
        rest = iter(other.declared())
        return self.seen == other.seen and all(name in rest for name in self.declared())

    def with_seen(self, seen: Language) -> Objects:
        """The same set, where more names count as evaluated."""
        total = seen if self.seen is None else self.seen | seen
        return Objects(self.layers, self.required, self.names, self.least, self.most, self.witnesses, total)

    def declared(self) -> tuple[str, ...]:
        """The names that have a place of their own, in the order declared."""
        names: dict[str, None] = {}
        for layer in self.layers:
            names.update(dict.fromkeys(layer.properties))
        names.update(dict.fromkeys(self.required))
        return tuple(names)

    def members(self) -> dict[str, Goal]:
        """The names that have a place of their own, in the order declared, and what their members have to satisfy."""
        if len(self.layers) == 1 and self.names is None and not self.layers[0].patterns:
            (layer,) = self.layers
            named = {**layer.properties}
            for name in self.required:
                named.setdefault(name, layer.additional)
            return named
        return {name: self.goal(name) for name in self.declared()}

    def others(self, declared: tuple[str, ...]) -> list[KeyClass]:
        """Group all other names by what their members have to satisfy."""
        if any(not layer.patterns and layer.additional is NEVER for layer in self.layers):
            return []
        classes = [KeyClass(None, ANYTHING, declared)]
        if self.names is not None:
            classes = [KeyClass(all_but(declared) & self.names, ANYTHING)]
        for layer in self.layers:
            if not layer.patterns:
                if layer.additional:
                    classes = [each.narrowed(layer.additional) for each in classes]
                continue
            cells: list[tuple[Language | None, Goal | None]] = [(None, None)]
            for language, goal in layer.patterns:
                split: list[tuple[Language | None, Goal | None]] = []
                for keys, so_far in cells:
                    inside = language if keys is None else keys & language
                    outside = ~language if keys is None else keys - language
                    split.append((inside, goal if so_far is None else both(so_far, goal)))
                    split.append((outside, so_far))
                cells = [(keys, goal) for keys, goal in split if not keys.is_empty]
                if len(cells) > _CLASSES:
                    raise UnsupportedSchema(f"patternProperties overlap in more than {_CLASSES} ways")
            refined = []
            for each in classes:
                for keys, goal in cells:
                    common = each.keys & keys
                    total = both(each.goal, layer.additional if goal is None else goal)
                    if total is not NEVER and not common.is_empty:
                        refined.append(KeyClass(common, total))
            classes = refined
            if len(classes) > _CLASSES:
                raise UnsupportedSchema(f"patternProperties overlap in more than {_CLASSES} ways")
        return _merged(classes)


def _layers(a: tuple[Layer, ...], b: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers of both; two that only name properties become one."""
    if a and b and a[-1].is_open and b[0].is_open:
        properties = dict(a[-1].properties)
        for name, goal in b[0].properties.items():
            properties[name] = both(properties[name], goal) if name in properties else goal
        return (*a[:-1], Layer(properties), *b[1:])
    return a + b


def _merged(classes: list[KeyClass]) -> list[KeyClass]:
    """Make one class of those with equal goals, and drop those that no member can be in."""
    if len(classes) == 1 and classes[0].beside is not None:
        return [] if classes[0].goal is NEVER else classes
    by_goal: dict[Goal, Language] = {}
    for each in classes:
        if not each.keys.is_empty and each.goal is not NEVER:
            by_goal[each.goal] = by_goal[each.goal] | each.keys if each.goal in by_goal else each.keys
    return [KeyClass(keys, goal) for goal, keys in by_goal.items()]
