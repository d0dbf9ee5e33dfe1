"""Why a value does not satisfy a schema: which of its parts, and which keyword.

Nothing here decides what a grammar accepts.  The same sets that become rules are asked
whether they contain a value, one keyword at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stolcke.errors import StolckeError
from stolcke.frontends.json_schema.algebra import Few
from stolcke.frontends.json_schema.arrays import Arrays
from stolcke.frontends.json_schema.evaluate import Evaluator
from stolcke.frontends.json_schema.formulas import NEVER, Constant, Goal, Scoped, key_of
from stolcke.frontends.json_schema.keywords import KEYWORDS, Context, types_of
from stolcke.frontends.json_schema.numbers import NumberSet, number
from stolcke.frontends.json_schema.objects import Objects
from stolcke.frontends.json_schema.references import Document, Node
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.string_tests import passes
from stolcke.frontends.json_schema.strings import Strings

__all__ = ["Violation", "violations"]

_WORDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be greater than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "pattern": "must match the pattern {}",
    "format": "must have the format {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "uniqueItems": "must not have equal items",
    "contains": "has too few or too many items that satisfy this schema",
    "minProperties": "must have at least {} members",
    "maxProperties": "must have at most {} members",
    "propertyNames": "has a member whose name is not allowed",
    "const": "must be {}",
    "enum": "must be one of {}",
    "not": "must not satisfy this schema",
    "unevaluatedProperties": "has members that no other keyword allows",
    "unevaluatedItems": "has items that no other keyword allows",
}
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """A keyword that a value does not satisfy.

    Attributes
    ----------
    path : tuple of str or int
        Where the value is: names and indexes, from the document's root.
    keyword : str
        JSON pointer of the keyword in the schema.
    reason : str
        What the keyword asks of the value.
    """

    path: tuple[str | int, ...]
    keyword: str
    reason: str


def violations(schema: dict | bool, settings: Settings, value: Any) -> list[Violation]:
    """Find the keywords of a schema that a value does not satisfy.

    Parameters
    ----------
    schema : dict or bool
    settings : Settings
    value : JSON value
        Numbers that no float is equal to in decimal as ``decimal.Decimal``.

    Returns
    -------
    list of Violation
        Empty where the value satisfies the schema, or where that is not known.
    """
    document = Document(schema, default_dialect=settings.dialect, resources=settings.resources)
    judge = _Judge(Evaluator(document, settings))
    try:
        return list(dict.fromkeys(judge.of_schema(document.root, document.root.scope(()), value, ())))
    except (StolckeError, RecursionError):
        return []  # what is refused, or nested too deep, is not explained


class _Judge:
    """Membership in sets of values, and what is wrong where there is none."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        # By the identity of values, which all belong to one document.
        self._known: dict[tuple[Goal, int], bool] = {}

    # --- membership ----------------------------------------------------------------------------------------------

    def satisfies(self, goal: Goal, value: Any) -> bool:
        key = (goal, id(value))
        if key not in self._known:
            self._known[key] = self._in_any(self.evaluator.alternatives(goal, types_of(value)), value)
        return self._known[key]

    def _in_any(self, sets: tuple, value: Any) -> bool:
        return any(self._contains(simple, value) for simple in sets)

    def _contains(self, simple: Any, value: Any) -> bool:
        if isinstance(simple, NumberSet):
            return simple.contains(number(value))
        if isinstance(simple, Few):
            return value in simple.values
        if isinstance(simple, Strings):
            long_enough = simple.least <= len(value) and (simple.most is None or len(value) <= simple.most)
            in_language = long_enough and (simple.language is None or value in simple.language)
            return in_language and all(passes(test, value) for test in simple.tests)
        return self._has_items(simple, value) if isinstance(simple, Arrays) else self._has_members(simple, value)

    def _has_items(self, arrays: Arrays, items: list) -> bool:
        if len(items) < arrays.least or (arrays.most is not None and len(items) > arrays.most):
            return False
        has_equal = (arrays.unique or arrays.repeated) and len(set(map(key_of, items))) < len(items)
        if (arrays.unique and has_equal) or (arrays.repeated and not has_equal):
            return False
        for count in arrays.counts:
            found = sum(self.satisfies(count.goal, item) for item in items[count.start :])
            if found < count.least or (count.most is not None and found > count.most):
                return False
        return all(self.satisfies(arrays.goal(index), item) for index, item in enumerate(items))

    def _has_members(self, objects: Objects, members: dict) -> bool:
        if len(members) < objects.least or (objects.most is not None and len(members) > objects.most):
            return False
        if any(name not in members for name in objects.required):
            return False
        for witness in objects.witnesses:
            named = [member for name, member in members.items() if witness.keys is None or name in witness.keys]
            if not any(self.satisfies(witness.goal, member) for member in named):
                return False
        return all(self.satisfies(objects.goal(name), member) for name, member in members.items())

    # --- what is wrong -------------------------------------------------------------------------------------------

    def _of_goal(self, goal: Goal, value: Any, path: tuple) -> Iterator[Violation]:
        for formula in goal:
            if isinstance(formula, Scoped):
                yield from self.of_schema(formula.node, formula.scope, value, path)
            elif isinstance(formula, Node):
                yield from self.of_schema(formula, (), value, path)

    def of_schema(self, node: Node, scope: tuple, value: Any, path: tuple) -> Iterator[Violation]:
        schema, dialect = node.schema, node.dialect
        if not isinstance(schema, dict):
            if schema is False:
                yield Violation(path, node.pointer, "nothing is allowed here")
            return
        keywords = ["$ref"] if "$ref" in schema and dialect.ref_overrides else list(schema)
        late = [keyword for keyword in keywords if keyword.startswith("unevaluated")]
        fine = True
        for keyword in keywords:
            if keyword in dialect.keywords and keyword not in late:
                for violation in self._of_keyword(node, scope, keyword, value, path):
                    fine = False
                    yield violation
        if fine and late and not self._allows(node, scope, value):
            kind = {"object": "unevaluatedProperties", "array": "unevaluatedItems"}.get(types_of(value))
            if kind in late:
                yield _violation(node, kind, path)

    def _allows(self, node: Node, scope: tuple, value: Any) -> bool:
        return self._in_any(self.evaluator.values(node, node.scope(scope), types_of(value)), value)

    def _of_keyword(self, node: Node, scope: tuple, keyword: str, value: Any, path: tuple) -> Iterator[Violation]:
        argument = node.schema[keyword]
        meaning = KEYWORDS[types_of(value)].get(keyword)
        if meaning is not None:
            sets = meaning(Context(self.evaluator, node, scope, False), argument)
            if not self._in_any(sets, value):
                below = [found for simple in sets for found in self._below(node, keyword, simple, value, path)]
                yield from below if len(sets) == 1 and below else [_violation(node, keyword, path, value)]
        elif keyword == "type":
            names = [argument] if isinstance(argument, str) else argument
            if not _has_type(names, value):
                found = types_of(value)
                reason = f"must be {' or '.join(map(_with_article, names))}, and is {_with_article(found)}"
                yield Violation(path, f"{node.pointer}/type", reason)
        elif keyword in ("enum", "const"):
            values = [argument] if keyword == "const" else argument
            if Constant(value) not in [Constant(each) for each in values]:
                yield _violation(node, keyword, path)
        elif keyword == "not":
            if self._allows(node.child("not"), scope, value):
                yield _violation(node, keyword, path)
        elif keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            target = node.reference() if keyword == "$ref" else node.dynamic_reference(scope)
            if target is not None:
                yield from self.of_schema(target, target.scope(scope), value, path)
        elif keyword == "if":
            branch = "then" if self._allows(node.child("if"), scope, value) else "else"
            if branch in node.schema:
                yield from self._of_branch(node.child(branch), scope, value, path)
        elif keyword == "allOf":
            for index in range(len(argument)):
                yield from self._of_branch(node.child("allOf", index), scope, value, path)
        elif keyword in ("anyOf", "oneOf"):
            yield from self._of_alternatives(node, scope, keyword, value, path)

    def _of_branch(self, node: Node, scope: tuple, value: Any, path: tuple) -> Iterator[Violation]:
        yield from self.of_schema(node, node.scope(scope), value, path)

    def _below(self, node: Node, keyword: str, simple: Any, value: Any, path: tuple) -> Iterator[Violation]:
        """What is wrong with members or items, where a keyword speaks of them."""
        if not isinstance(simple, (Arrays, Objects)):
            return
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            goal = simple.goal(step)
            if goal is NEVER:
                name, speaker = json.dumps(step, ensure_ascii=False), _speaker(node, keyword, step)
                what = f"a member named {name}" if isinstance(value, dict) else f"an item at index {name}"
                yield Violation((*path, step), f"{node.pointer}/{speaker}", f"{what} is not allowed")
            elif not self.satisfies(goal, part):
                yield from self._of_goal(goal, part, (*path, step))

    def _of_alternatives(self, node: Node, scope: tuple, keyword: str, value: Any, path: tuple) -> Iterator[Violation]:
        branches = [node.child(keyword, index) for index in range(len(node.schema[keyword]))]
        holding = [index for index, branch in enumerate(branches) if self._allows(branch, scope, value)]
        where = f"{node.pointer}/{keyword}"
        if not holding:
            yield Violation(path, where, f"satisfies none of these {len(branches)} schemas")
            # Of the one that goes wrong deepest in the value, which is likely to be meant.
            found = [list(self._of_branch(branch, scope, value, path)) for branch in branches]
            depths = [min((len(each.path) for each in one), default=0) for one in found]
            deepest = max(depths, default=0)
            if deepest > len(path):
                yield from found[depths.index(deepest)]
        elif keyword == "oneOf" and len(holding) > 1:
            yield Violation(
                path, where, f"satisfies the schemas {', '.join(map(str, holding))}, and must satisfy one only"
            )


def _violation(node: Node, keyword: str, path: tuple, value: Any = None) -> Violation:
    argument = node.schema[keyword]
    if keyword == "required":
        missing = [name for name in argument if name not in value]
        reason = f"lacks the member{'s' * (len(missing) > 1)} {', '.join(map(json.dumps, missing))}"
    elif keyword == "enum":
        reason = f"must be one of {_short(', '.join(map(_text, argument)))}"
    else:
        reason = _WORDS.get(keyword, f"does not satisfy {keyword}").format(_short(_text(argument)))
    return Violation(path, f"{node.pointer}/{keyword}", reason)


def _text(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _with_article(kind: str) -> str:
    if kind == "null":
        return kind
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"


def _has_type(names: list[str], value: Any) -> bool:
    kind = types_of(value)
    return kind in names or ("integer" in names and kind == "number" and number(value).denominator == 1)


def _speaker(node: Node, keyword: str, step: str | int) -> str:
    """The keyword that forbids a member: properties, patternProperties and additionalProperties mean one thing."""
    schema = node.schema
    if not isinstance(step, str):
        return "additionalItems" if isinstance(schema.get("items"), list) else keyword
    if step in schema.get("properties", {}):
        return "properties"
    return "additionalProperties" if schema.get("additionalProperties") is False else keyword
