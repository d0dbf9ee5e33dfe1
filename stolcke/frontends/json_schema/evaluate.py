"""From goals to sets of values: schemas, and the logic that combines them."""

from __future__ import annotations

from typing import Any

from stolcke.deadline import Deadline
from stolcke.errors import LimitExceeded, SchemaError, UnsupportedSchema
from stolcke.frontends.json_schema import algebra
from stolcke.frontends.json_schema.algebra import Union
from stolcke.frontends.json_schema.arrays import Arrays
from stolcke.frontends.json_schema.dialects import Dialect
from stolcke.frontends.json_schema.formulas import (
    ANYTHING,
    NEVER,
    AnyOf,
    Constant,
    Formula,
    Goal,
    Not,
    Scoped,
    both,
    opposite,
)
from stolcke.frontends.json_schema.keywords import EVERYTHING, KEYWORDS, TYPES, Context, constant, types_of
from stolcke.frontends.json_schema.numbers import NumberSet
from stolcke.frontends.json_schema.objects import Layer, Objects
from stolcke.frontends.json_schema.references import Document, Node
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.strings import Strings
from stolcke.lexer.language import Language

__all__ = ["ASKED", "Evaluator", "Loop"]

_NAMES = ("null", "boolean", "number", "integer", "string", "array", "object")
_LOGIC = frozenset(["enum", "const", "allOf", "anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef", "$recursiveRef"])
_MEANINGS = {kind: {**meanings, **dict.fromkeys(_LOGIC)} for kind, meanings in KEYWORDS.items()}
"""What keywords mean for a type; None for those that speak of schemas or values of every type."""
_UNEVALUATED = {"object": "unevaluatedProperties", "array": "unevaluatedItems"}
ASKED = {kind: frozenset([*meanings, _UNEVALUATED.get(kind, "type")]) for kind, meanings in _MEANINGS.items()}
"""The keywords that may say something of a type."""
_ASKING = frozenset(["type"]).union(*ASKED.values())
_CHOICES = frozenset(["anyOf", "oneOf"])
_ELSEWHERE = frozenset(["$ref", "$schema"])
_LATE = {"allOf": 1, "anyOf": 2, "oneOf": 2, "not": 2, "if": 2}
"""Keywords that gain from knowing what the others of a schema leave, and when they have their turn."""
_KINDS = {**{kind: (kind,) for kind in TYPES}, "integer": ("number",)}
_HOPS = 8
"""References in a row that are followed for a glance."""
_DEPTH = 6
"""How deep a set is searched for a member that makes it empty."""
_GOALS = 60_000
"""Goals, by type, in one grammar; oneOf within oneOf doubles them."""
_ENDLESS = Deadline()
_INTEGERS: Union = (NumberSet(integer=True),)
_FEW = 8
"""Cases that are not worth a search for empty ones."""
_CASES = 40_000
"""Cases, all those together that are looked through: what bounds the time."""


class Loop(UnsupportedSchema):
    """A schema is being evaluated already."""


class Evaluator:
    """Evaluates the schemas of one document; everything is remembered."""

    def __init__(self, document: Document, settings: Settings, deadline: Deadline = _ENDLESS) -> None:
        self.document = document
        self.settings = settings
        self.deadline = deadline
        self.dropped: list[str] = []
        self._goals: dict[tuple[Goal, str], Union] = {}
        self._values: dict[tuple, Union | None] = {}
        self._opposites: dict[tuple[Goal, str], Union] = {}
        self._impossible: dict[Goal, bool] = {}
        self._cases = 0

    def goal(self, node: Node, scope: tuple) -> Goal:
        """What a schema asks for, as a goal: that of the schema it refers to, where it does nothing else."""
        for _ in range(_HOPS):
            schema = node.schema
            if not schema or schema is True:
                return NEVER if schema is False else ANYTHING
            if "type" not in schema and _ASKING.isdisjoint(schema):
                return ANYTHING
            if not _only_refers(node):
                break
            scope = node.scope(scope)
            node = node.reference()
        scope = node.scope(scope)
        return frozenset([Scoped(node, scope) if scope else node])

    def goal_of_value(self, value: Any) -> Goal:
        """Being equal to a value."""
        return frozenset([Constant(value)])

    def alternatives(self, goal: Goal, kind: str) -> Union:
        """The values of a type that satisfy a goal."""
        key = (goal, kind)
        found = self._goals.get(key)
        if found is None:
            self.deadline.check("evaluating the schema")
            found = EVERYTHING[kind]
            for formula in goal:
                values = self._formula(formula, kind)
                found = self.meet(found, values, kind)
                if not found:
                    break
            if len(found) > 1:
                found = tuple(simple for simple in found if self.is_possible(simple))
            self._goals[key] = found
            if len(self._goals) > _GOALS:
                raise UnsupportedSchema(f"the schema comes to more than {_GOALS} combinations of schemas")
        return found

    def kinds(self, goal: Goal) -> tuple[str, ...]:
        """The types that a goal may have values of, at a glance: a schema that names its type is the usual case.

        What others would say of the types that a schema rules out is not asked.
        """
        if len(goal) == 1:
            (formula,) = goal
            return _kinds_of(formula)
        found = TYPES
        for formula in goal:
            kinds = _kinds_of(formula)
            if kinds is not TYPES:
                found = kinds if found is TYPES else tuple(kind for kind in found if kind in kinds)
        return found

    def language(self, goal: Goal) -> Language:
        """The strings that satisfy a goal."""
        total = Language.nothing()
        for simple in self.alternatives(goal, "string"):
            if not simple.tests:  # names cannot wait until they are complete, and have the regular part of a format
                total = total | simple.as_language()
        return total

    def finite_values(self, goal: Goal, limit: int) -> list | None:
        """The values that satisfy a goal, where they are scalars and at most ``limit``; else None."""
        if any(self.alternatives(goal, kind) for kind in ("array", "object")):
            return None
        values: dict[Constant, None] = {}
        for kind in ("null", "boolean", "number", "string"):
            for simple in self.alternatives(goal, kind):
                if isinstance(simple, NumberSet):
                    found = simple.finite(limit)
                elif isinstance(simple, Strings):
                    is_endless = simple.language is None or simple.tests
                    found = None if is_endless else simple.as_language().finite_words(limit)
                else:
                    found = simple.values
                if found is None or len(values) + len(found) > limit:
                    return None
                values.update(dict.fromkeys(map(Constant, found)))
        return [constant.value for constant in values]

    def _formula(self, formula: Formula, kind: str) -> Union:
        if isinstance(formula, Node):
            return self.values(formula, (), kind)
        if isinstance(formula, Scoped):
            return self.values(formula.node, formula.scope, kind)
        if isinstance(formula, Not):
            key = (formula.goal, kind)
            found = self._opposites.get(key)
            if found is None:
                found = self._opposites[key] = self._negate(self.alternatives(formula.goal, kind), kind)
            return found
        if isinstance(formula, AnyOf):
            return algebra.union(self.alternatives(goal, kind) for goal in formula.goals)
        if types_of(formula.value) != kind:
            return ()
        return (constant(formula.value, self.goal_of_value),)

    def values(self, node: Node, scope: tuple, kind: str, tracking: bool = False, within: Union = ()) -> Union:
        """The values of a type that a schema allows.

        Where only those within a set are asked for, others may be among them.
        """
        schema = node.schema
        if schema is True:
            return EVERYTHING[kind]
        if schema is False:
            return ()
        if not isinstance(schema, dict):
            raise SchemaError("a schema must be an object or a boolean", pointer=node.pointer)
        if within and (kind != "object" or "oneOf" not in schema):
            within = ()
        key = (node.number, scope, kind, tracking, within)
        found = self._values.get(key)
        if found is not None:
            return found
        if key in self._values:
            raise Loop("the schema refers to itself without end", pointer=node.pointer)
        self.deadline.check("evaluating the schema")
        self._values[key] = None
        try:
            found = self._values[key] = self._evaluate(node, scope, kind, tracking, within or EVERYTHING[kind])
        except BaseException as error:
            del self._values[key]
            if isinstance(error, UnsupportedSchema) and not error.pointer:
                raise UnsupportedSchema(error.reason, pointer=node.pointer) from None
            raise
        return found

    def _evaluate(self, node: Node, scope: tuple, kind: str, tracking: bool, within: Union) -> Union:
        schema, dialect = node.schema, node.dialect
        if "$ref" in schema and dialect.ref_overrides:
            return self._referenced(node, scope, "$ref", kind, tracking)
        unevaluated = _UNEVALUATED.get(kind)
        if unevaluated in schema and unevaluated in dialect.keywords:
            tracking = True
        found = self._of_types(node, kind)
        if not found:
            return ()
        # Choices come last: within what the other keywords leave, their branches have less in common.
        known, meanings = dialect.keywords, _MEANINGS[kind]
        keywords = [keyword for keyword in schema if keyword in meanings and keyword in known]
        ordered = keywords if _LATE.keys().isdisjoint(keywords) else sorted(keywords, key=_turn)
        parts: dict[str, Union] = {}
        context = Context(self, node, scope, tracking)
        for keyword in ordered:
            value = schema[keyword]
            meaning = meanings[keyword]
            if meaning is not None:
                try:
                    parts[keyword] = meaning(context, value)
                    found = self.meet(found, parts[keyword], kind)
                except UnsupportedSchema as error:
                    self.drop(UnsupportedSchema(error.reason, pointer=error.pointer or node.pointer))
            else:
                inside = self.meet(within, found, kind) if keyword in _LATE else ()
                parts[keyword] = self._logic(node, scope, keyword, value, kind, tracking, inside)
                found = self.meet(found, parts[keyword], kind)
            if not found:
                return ()
        if ordered != keywords:  # names come in the order declared
            found = self._of_types(node, kind)
            for keyword in keywords:
                found = self.meet(found, parts.get(keyword, EVERYTHING[kind]), kind)
        if unevaluated in schema and unevaluated in dialect.keywords:
            found = self._unevaluated(node, scope, found, unevaluated)
        return found

    def drop(self, error: UnsupportedSchema) -> None:
        """Pass an error on, or, if the caller is lenient, note what is left out."""
        if self.settings.strict:
            raise error
        if str(error) not in self.dropped:
            self.dropped.append(str(error))

    def _of_types(self, node: Node, kind: str) -> Union:
        """What the keyword ``type`` leaves of a type."""
        wanted = node.schema.get("type")
        if wanted is None or wanted == kind:
            return EVERYTHING[kind]
        names = wanted if isinstance(wanted, list) else [wanted]
        for name in names:
            if name not in _NAMES:
                known = ", ".join(_NAMES)
                raise SchemaError(f"type must be one of {known}, not {name!r}", pointer=f"{node.pointer}/type")
        if kind in names:
            return EVERYTHING[kind]
        if kind == "number" and "integer" in names:
            return _INTEGERS
        return ()

    def _logic(
        self, node: Node, scope: tuple, keyword: str, value: Any, kind: str, tracking: bool, inside: Union
    ) -> Union:
        """What a keyword about other schemas, or about values, leaves of a set."""
        if keyword in ("enum", "const"):
            return self._listed(node, keyword, value, kind)
        if keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            return self._referenced(node, scope, keyword, kind, tracking)
        if keyword == "not":
            return self._negate(self._below(node, scope, kind, False, "not"), kind)
        if keyword == "if":
            return self._conditional(node, scope, kind, tracking)
        if not isinstance(value, list) or not value:
            raise SchemaError(f"{keyword} must be a list of schemas, at least one", pointer=f"{node.pointer}/{keyword}")
        if keyword == "allOf":
            found = EVERYTHING[kind]
            for i in range(len(value)):
                child = node.child(keyword, i)
                branch = self.values(child, child.scope(scope), kind, tracking, self.meet(inside, found, kind))
                found = self.meet(found, branch, kind)
            return found
        branches = [self._below(node, scope, kind, tracking, keyword, i) for i in range(len(value))]
        if keyword == "oneOf":
            return self._exactly_one(branches, kind, inside if len(inside) <= _FEW else EVERYTHING[kind])
        if not tracking:
            return EVERYTHING[kind] if any(b is EVERYTHING[kind] for b in branches) else algebra.union(branches)
        return self._tracked_any(branches, kind)

    def _listed(self, node: Node, keyword: str, value: Any, kind: str) -> Union:
        """The values of ``enum`` or ``const`` of a type."""
        if keyword == "const":
            value = [value]
        elif not isinstance(value, list):
            raise SchemaError("enum must be a list of values", pointer=f"{node.pointer}/enum")
        mine = [each for each in value if types_of(each) == kind]
        if not mine:
            return ()
        if kind == "string":
            longest = max(map(len, mine))
            if longest > self.settings.limits.regex_states:
                raise LimitExceeded(
                    "regex_states", longest + 1, self.settings.limits.regex_states, f"{keyword} (at {node.pointer})"
                )
            return (Strings(Language.words(mine)),)
        if kind == "number" and len(mine) > algebra.ALTERNATIVES:
            raise UnsupportedSchema(f"more than {algebra.ALTERNATIVES} numbers are listed", pointer=node.pointer)
        return tuple(constant(each.value, self.goal_of_value) for each in dict.fromkeys(map(Constant, mine)))

    def _below(self, node: Node, scope: tuple, kind: str, tracking: bool, *path: str | int) -> Union:
        """What a schema beneath, about the same value, allows."""
        child = node.child(*path)
        return self.values(child, child.scope(scope), kind, tracking)

    def _referenced(self, node: Node, scope: tuple, keyword: str, kind: str, tracking: bool) -> Union:
        target = node.reference() if keyword == "$ref" else node.dynamic_reference(scope)
        return self.values(target, target.scope(scope), kind, tracking)

    def _conditional(self, node: Node, scope: tuple, kind: str, tracking: bool) -> Union:
        schema, everything = node.schema, EVERYTHING[kind]
        if "then" not in schema and "else" not in schema and not tracking:
            return everything
        condition = self._below(node, scope, kind, tracking, "if")
        opposite = self._negate(condition, kind)
        if "then" in schema:
            condition = self.meet(condition, self._below(node, scope, kind, tracking, "then"), kind)
        if "else" in schema:
            opposite = self.meet(opposite, self._below(node, scope, kind, tracking, "else"), kind)
        return algebra.union([condition, opposite])

    def _exactly_one(self, branches: list[Union], kind: str, inside: Union) -> Union:
        """The values of one branch and of no other; where two have nothing in common, nothing is taken away.

        Only values ``inside`` matter.
        """
        result = []
        for i, branch in enumerate(branches):
            alone = self._overlapping(branch, inside)
            for j, other in enumerate(branches):
                if i != j and alone and (common := self._overlapping(other, self.meet(branch, inside, kind))):
                    alone = self._overlapping(self._without(alone, common, kind), inside)
            result.append(alone)
        return algebra.union(result)

    def _overlapping(self, found: Union, other: Union) -> Union:
        """Those simple sets of a union that may have something in common with another union."""
        return tuple(x for x in found if any((common := x & y) is not None and self.is_possible(common) for y in other))

    def _tracked_any(self, branches: list[Union], kind: str) -> Union:
        """As a union; but each value is in one alternative only, the one that knows all branches it satisfies."""
        none, some = EVERYTHING[kind], ()
        for branch in branches:
            outside = self._negate(branch, kind)
            some = self._pruned(
                algebra.union(
                    [self.meet(some, branch, kind), self.meet(some, outside, kind), self.meet(none, branch, kind)]
                )
            )
            none = self._pruned(self.meet(none, outside, kind))
        return some

    def _negate(self, taken: Union, kind: str) -> Union:
        """All other values of a type."""
        return self._without(EVERYTHING[kind], taken, kind)

    def _without(self, found: Union, taken: Union, kind: str) -> Union:
        """The values of one set that are not in another."""
        for simple in taken:
            common = self._overlapping(found, (simple,))
            apart = () if len(common) == len(found) else tuple(each for each in found if each not in common)
            self._look_through(len(common))
            cut = [self._cut(each, simple) for each in common]
            found = self._few(tuple(each for part in (apart, *cut) for each in part), kind)
        return found

    def _look_through(self, cases: int) -> None:
        self._cases += cases
        if self._cases > _CASES:
            raise UnsupportedSchema(f"the combinations of alternatives come to more than {_CASES} cases")

    def _cut(self, found: Any, taken: Any) -> Union:
        """The values of a simple set that are not in another one."""
        pieces = taken.complement()
        if isinstance(found, Objects):
            pieces = [self._needed(found, piece) for piece in pieces]
        return tuple(common for piece in pieces if (common := found & piece) is not None)

    def _needed(self, found: Objects, piece: Objects) -> Objects:
        """What a set does not know of a piece already: where a value is wrong anyway, that it is there."""
        if len(piece.layers) == len(piece.required) == 1:
            (name,) = piece.required
            wanted = opposite(piece.goal(name))
            if self._is_impossible(both(found.goal(name), wanted), _DEPTH):
                return Objects(required=(name,))
        return piece

    def _few(self, found: Union, kind: str) -> Union:
        """The same set; many cases are looked through for empty and needless ones, lest they multiply."""
        if len(found) > _FEW:
            self._look_through(len(found))
            found = self._pruned(found)
            if kind == "object":
                found = algebra.reduced(found)
        return algebra.bounded(found)

    def meet(self, a: Union, b: Union, kind: str) -> Union:
        """The values of both."""
        if a is EVERYTHING[kind]:
            return b
        return a if b is EVERYTHING[kind] else self._few(algebra.meet(a, b), kind)

    def _pruned(self, found: Union) -> Union:
        return tuple(simple for simple in found if self.is_possible(simple))

    def _unevaluated(self, node: Node, scope: tuple, found: Union, keyword: str) -> Union:
        goal = self.goal(node.child(keyword), scope)
        result = []
        for simple in found:
            if keyword == "unevaluatedItems":
                more = simple & simple.unseen(goal)
                result.append(None if more is None else more.with_seen(None))
                continue
            patterns = () if simple.seen is None else ((simple.seen, ANYTHING),)
            more = simple & Objects((Layer({}, patterns, goal),))
            result.append(None if more is None else more.with_seen(Language.everything()))
        return tuple(simple for simple in result if simple is not None)

    # --- emptiness -----------------------------------------------------------------------------------------------

    def is_possible(self, simple: Any, depth: int = _DEPTH) -> bool:
        """Whether a simple set may have a value: False only where it certainly has none."""
        self.deadline.check("evaluating the schema")
        if isinstance(simple, NumberSet):
            return not simple.is_empty
        if isinstance(simple, Objects):
            if any(self._is_impossible(simple.goal(name), depth) for name in simple.required):
                return False
            return simple.least == 0 or bool(simple.required) or simple.has_names
        if isinstance(simple, Arrays):
            return not any(self._is_impossible(simple.goal(i), depth) for i in range(min(simple.least, 16)))
        return True

    def _is_impossible(self, goal: Goal, depth: int) -> bool:
        if not goal or depth == 0:
            return False
        if goal is NEVER:
            return True
        known = self._impossible.get(goal)
        if known is None:
            self._impossible[goal] = False  # what would be empty only by itself is left to the grammar's trimming
            try:
                known = all(
                    not self.is_possible(simple, depth - 1)
                    for kind in self.kinds(goal)
                    for simple in self.alternatives(goal, kind)
                )
            except (UnsupportedSchema, LimitExceeded):
                known = False  # it cannot be told; or it is a loop, and the question was asked from within the answer
            self._impossible[goal] = known
        return known


def _turn(keyword: str) -> int:
    return _LATE.get(keyword, 0)


def _kinds_of(formula: Formula) -> tuple[str, ...]:
    """The types that a formula allows, as far as a schema names them, or one that it does no more than refer to."""
    node = formula
    for _ in range(_HOPS):
        if type(node) is not Node or not isinstance(node.schema, dict):
            return TYPES
        schema = node.schema
        if not _only_refers(node):
            break
        node = node.reference()
    else:
        return TYPES
    kinds = _kinds_named(schema, node.dialect)
    if kinds is not TYPES and "type" not in schema:
        _number_branches(node)
    return kinds


def _only_refers(node: Node) -> bool:
    """Whether a schema asks for no more than another one does."""
    schema = node.schema
    return "$ref" in schema and (node.dialect.ref_overrides or _ASKING.isdisjoint(schema.keys() - {"$ref"}))


def _kinds_named(schema: dict, dialect: Dialect) -> tuple[str, ...]:
    """The types that a schema names, or that all the branches name of a choice that is all it asks for."""
    kind = schema.get("type")
    if type(kind) is str:
        return _KINDS.get(kind, TYPES)
    if type(kind) is list and all(type(each) is str and each in _KINDS for each in kind):
        wanted = {_KINDS[each][0] for each in kind}
    elif len(asked := schema.keys() & _ASKING) == 1 and asked <= _CHOICES & dialect.keywords:
        branches = schema[asked.pop()]
        if type(branches) is not list or not branches:
            return TYPES
        wanted = set()
        for branch in branches:
            is_plain = type(branch) is dict and _ELSEWHERE.isdisjoint(branch)
            kinds = _kinds_named(branch, dialect) if is_plain else TYPES
            if kinds is TYPES:
                return TYPES
            wanted.update(kinds)
    else:
        return TYPES
    return tuple(each for each in TYPES if each in wanted)


def _number_branches(node: Node) -> None:
    """Let the branches of nested choices have the next numbers: sets of places are gone through in their order."""
    for keyword in _CHOICES & node.schema.keys():
        for index in range(len(node.schema[keyword])):
            branch = node.child(keyword, index)
            if "type" not in branch.schema:
                _number_branches(branch)
