"""What each keyword means: the values of one type that satisfy it.

A schema is the intersection of its keywords, and each keyword speaks of one type (or of
all): so a schema is evaluated once for each type it allows, and keywords about other
types are no concern there.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from stolcke.errors import LimitExceeded, RegexError, SchemaError, UnsupportedSchema
from stolcke.frontends.json_schema.algebra import Few, Union
from stolcke.frontends.json_schema.arrays import Arrays, Count, Items
from stolcke.frontends.json_schema.checked_formats import checked_format
from stolcke.frontends.json_schema.ecma import pattern_language
from stolcke.frontends.json_schema.formats import format_language
from stolcke.frontends.json_schema.formulas import ANYTHING, NEVER, Goal
from stolcke.frontends.json_schema.numbers import NumberSet, number
from stolcke.frontends.json_schema.objects import Layer, Objects
from stolcke.frontends.json_schema.references import Node
from stolcke.frontends.json_schema.string_tests import is_of_format
from stolcke.frontends.json_schema.strings import Strings
from stolcke.lexer.language import Language

if TYPE_CHECKING:
    from stolcke.frontends.json_schema.evaluate import Evaluator

__all__ = ["EVERYTHING", "KEYWORDS", "TYPES", "Context", "constant", "types_of"]

EVERYTHING: dict[str, Union] = {
    "null": (Few(frozenset([None]), frozenset([None])),),
    "boolean": (Few(frozenset([False, True]), frozenset([False, True])),),
    "number": (NumberSet(),),
    "string": (Strings(),),
    "array": (Arrays(),),
    "object": (Objects(),),
}
TYPES = tuple(EVERYTHING)


class Context:
    """What the meaning of a keyword may depend on: its schema, and how to speak of schemas beneath it.

    ``tracking`` is on where an ``unevaluated...`` keyword wants to know what was evaluated.
    """

    __slots__ = ("evaluator", "node", "schema", "scope", "tracking")

    def __init__(self, evaluator: Evaluator, node: Node, scope: tuple, tracking: bool) -> None:
        self.evaluator = evaluator
        self.node = node
        self.schema = node.schema
        self.scope = scope
        self.tracking = tracking

    def goal(self, *path: str | int) -> Goal:
        """What a schema beneath asks for."""
        return self.evaluator.goal(self.node.child(*path), self.scope)

    def goals(self, keyword: str) -> dict[str, Goal]:
        """What the schemas ask for that a keyword holds, by name."""
        goal, scope = self.evaluator.goal, self.scope
        return {name: goal(child, scope) for name, child in self.node.members(keyword)}

    def objects(self, *path: str | int) -> Union:
        """The objects that a schema beneath allows in place of this one's."""
        child = self.node.child(*path)
        return self.evaluator.values(child, child.scope(self.scope), "object", self.tracking)

    def wrong(self, keyword: str, wanted: str) -> SchemaError:
        """Make the error of a keyword whose value has the wrong form."""
        return SchemaError(f"{keyword} must be {wanted}", pointer=f"{self.node.pointer}/{keyword}")


def types_of(value: Any) -> str:
    """Name the type of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, (list, tuple)) else "number"


def constant(value: Any, goal_of_value: Callable[[Any], Goal]) -> Any:
    """The simple set of one value, of the value's type."""
    kind = types_of(value)
    if kind in ("null", "boolean"):
        return Few(frozenset([value]), EVERYTHING[kind][0].all)
    if kind == "number":
        return NumberSet.point(value if isinstance(value, Fraction) else number(value))
    if kind == "string":
        return Strings(Language.words([value]))
    if kind == "array":
        return Arrays((Items(tuple(map(goal_of_value, value))),), least=len(value), most=len(value))
    members = {name: goal_of_value(member) for name, member in value.items()}
    return Objects((Layer(members, additional=NEVER),), tuple(members))


def _count(c: Context, keyword: str, value: Any) -> int:
    """A number of things: 2.0 is one, too."""
    if isinstance(value, (float, Decimal)) and value % 1 == 0:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise c.wrong(keyword, "a whole number that is not negative")
    return value


def _number(c: Context, keyword: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise c.wrong(keyword, "a number")
    return number(value)


# --- numbers -------------------------------------------------------------------------------------------------------


def minimum(c: Context, value: Any) -> Union:
    is_open = c.node.dialect.boolean_exclusive and c.schema.get("exclusiveMinimum") is True
    return (NumberSet(least=_number(c, "minimum", value), least_open=is_open),)


def maximum(c: Context, value: Any) -> Union:
    is_open = c.node.dialect.boolean_exclusive and c.schema.get("exclusiveMaximum") is True
    return (NumberSet(most=_number(c, "maximum", value), most_open=is_open),)


def exclusive_minimum(c: Context, value: Any) -> Union:
    if isinstance(value, bool) and c.node.dialect.boolean_exclusive:
        return EVERYTHING["number"]  # it speaks to its sibling, minimum
    return (NumberSet(least=_number(c, "exclusiveMinimum", value), least_open=True),)


def exclusive_maximum(c: Context, value: Any) -> Union:
    if isinstance(value, bool) and c.node.dialect.boolean_exclusive:
        return EVERYTHING["number"]
    return (NumberSet(most=_number(c, "exclusiveMaximum", value), most_open=True),)


def multiple_of(c: Context, value: Any) -> Union:
    step = _number(c, "multipleOf", value)
    if step <= 0:
        raise c.wrong("multipleOf", "greater than 0")
    return (NumberSet(steps=frozenset([step])),)


# --- strings -------------------------------------------------------------------------------------------------------


def min_length(c: Context, value: Any) -> Union:
    return (Strings(least=_count(c, "minLength", value)),)


def max_length(c: Context, value: Any) -> Union:
    return (Strings(most=_count(c, "maxLength", value)),)


def pattern(c: Context, value: Any) -> Union:
    if not isinstance(value, str):
        raise c.wrong("pattern", "a string")
    language = _pattern(c, "pattern", value)
    return EVERYTHING["string"] if language == Language.everything() else (Strings(language),)


def _pattern(c: Context, keyword: str, source: str) -> Language:
    try:
        return pattern_language(source, c.evaluator.settings.limits)
    except RegexError as error:
        at = "" if error.position is None else f", at offset {error.position}"
        reason = f"the pattern {source!r}{at}: {error.reason}"
        raise UnsupportedSchema(reason, pointer=f"{c.node.pointer}/{keyword}") from error
    except LimitExceeded as error:
        raise UnsupportedSchema(f"the pattern {source!r}: {error}", pointer=f"{c.node.pointer}/{keyword}") from error


def format_(c: Context, value: Any) -> Union:
    if not isinstance(value, str):
        raise c.wrong("format", "a string")
    language = format_language(value) if c.evaluator.settings.formats else None
    if language is None:
        return EVERYTHING["string"]
    beyond = checked_format(value) if c.evaluator.settings.checked else None
    if beyond is None:
        return (Strings(language),)
    return Strings(language), Strings(beyond.around, tests=frozenset([is_of_format(value)]))


# --- arrays --------------------------------------------------------------------------------------------------------


def items(c: Context, value: Any) -> Union:
    """The one keyword for what prefixItems and items became; older drafts have a list here, and additionalItems."""
    if isinstance(value, list):
        prefix = tuple(c.goal("items", i) for i in range(len(value)))
        rest = c.goal("additionalItems") if "additionalItems" in c.schema else ANYTHING
        simple = Arrays((Items(prefix, rest),))
        return (simple.with_seen(None if "additionalItems" in c.schema else len(prefix)) if c.tracking else simple,)
    prefix = ()
    if "prefixItems" in c.node.dialect.keywords and isinstance(c.schema.get("prefixItems"), list):
        prefix = (ANYTHING,) * len(c.schema["prefixItems"])
    simple = Arrays((Items(prefix, c.goal("items")),))
    return (simple.with_seen(None) if c.tracking else simple,)


def prefix_items(c: Context, value: Any) -> Union:
    if not isinstance(value, list):
        raise c.wrong("prefixItems", "a list of schemas")
    simple = Arrays((Items(tuple(c.goal("prefixItems", i) for i in range(len(value)))),))
    return (simple.with_seen(len(value)) if c.tracking else simple,)


def min_items(c: Context, value: Any) -> Union:
    return (Arrays(least=_count(c, "minItems", value)),)


def max_items(c: Context, value: Any) -> Union:
    return (Arrays(most=_count(c, "maxItems", value)),)


def unique_items(c: Context, value: Any) -> Union:
    if not isinstance(value, bool):
        raise c.wrong("uniqueItems", "true or false")
    return (Arrays(unique=value),)


def contains(c: Context, value: Any) -> Union:
    least, most = 1, None
    if "minContains" in c.node.dialect.keywords:
        least = _count(c, "minContains", c.schema.get("minContains", 1))
        if "maxContains" in c.schema:
            most = _count(c, "maxContains", c.schema["maxContains"])
    goal = c.goal("contains")
    if most is not None and least > most:
        return ()
    simple = Arrays(counts=(Count(goal, least, most),) if least or most is not None else ())
    return (simple.with_seen(0, (goal,)) if c.tracking and c.node.dialect.contains_evaluates else simple,)


# --- objects -------------------------------------------------------------------------------------------------------


def properties(c: Context, value: Any) -> Union:
    """The three keywords of a layer, at the first of them that is met."""
    schema = c.schema
    if value is not schema.get("properties") and "properties" in schema:
        return EVERYTHING["object"]
    if "properties" not in schema and value is not schema.get("patternProperties") and "patternProperties" in schema:
        return EVERYTHING["object"]
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for keyword, members in (("properties", named), ("patternProperties", patterns)):
        if not isinstance(members, dict):
            raise c.wrong(keyword, "an object of schemas")
    layer = Layer(
        c.goals("properties") if named else {},
        tuple((_pattern(c, "patternProperties", p), c.goal("patternProperties", p)) for p in patterns),
        c.goal("additionalProperties") if "additionalProperties" in schema else ANYTHING,
    )
    simple = Objects((layer,))
    if not c.tracking:
        return (simple,)
    return (simple.with_seen(Language.everything() if "additionalProperties" in schema else layer.keys()),)


def required(c: Context, value: Any) -> Union:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise c.wrong("required", "a list of names")
    return (Objects(required=tuple(dict.fromkeys(value))),)


def property_names(c: Context, value: Any) -> Union:
    names = c.goal("propertyNames")
    if not names:
        return EVERYTHING["object"]
    return (Objects(names=c.evaluator.language(names)),)


def min_properties(c: Context, value: Any) -> Union:
    return (Objects(least=_count(c, "minProperties", value)),)


def max_properties(c: Context, value: Any) -> Union:
    return (Objects(most=_count(c, "maxProperties", value)),)


def _without(name: str) -> Objects:
    return Objects((Layer({name: NEVER}),))


def dependent_required(c: Context, value: Any, keyword: str = "dependentRequired") -> Union:
    if not isinstance(value, dict):
        raise c.wrong(keyword, "an object of lists of names")
    result = EVERYTHING["object"]
    for name, names in value.items():
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise c.wrong(keyword, "an object of lists of names")
        result = c.evaluator.meet(result, (_without(name), Objects(required=(name, *names))), "object")
    return result


def dependent_schemas(c: Context, value: Any, keyword: str = "dependentSchemas") -> Union:
    if not isinstance(value, dict):
        raise c.wrong(keyword, "an object of schemas")
    result = EVERYTHING["object"]
    for name in value:
        then = c.objects(keyword, name)
        if c.tracking:  # what `then` evaluates does not count where it is not asked
            then = c.evaluator.meet((Objects(required=(name,)),), then, "object")
        result = c.evaluator.meet(result, (_without(name), *then), "object")
    return result


def dependencies(c: Context, value: Any) -> Union:
    """Both of the above, as drafts up to 7 have it."""
    if not isinstance(value, dict):
        raise c.wrong("dependencies", "an object")
    result = EVERYTHING["object"]
    for name, wanted in value.items():
        if isinstance(wanted, str):
            wanted = [wanted]
        if isinstance(wanted, list):
            one = dependent_required(c, {name: wanted}, "dependencies")
        else:
            one = dependent_schemas(c, {name: wanted}, "dependencies")
        result = c.evaluator.meet(result, one, "object")
    return result


KEYWORDS: dict[str, dict[str, Callable[[Context, Any], Union]]] = {
    "null": {},
    "boolean": {},
    "number": {
        "minimum": minimum,
        "maximum": maximum,
        "exclusiveMinimum": exclusive_minimum,
        "exclusiveMaximum": exclusive_maximum,
        "multipleOf": multiple_of,
    },
    "string": {"minLength": min_length, "maxLength": max_length, "pattern": pattern, "format": format_},
    "array": {
        "items": items,
        "prefixItems": prefix_items,
        "minItems": min_items,
        "maxItems": max_items,
        "uniqueItems": unique_items,
        "contains": contains,
    },
    "object": {
        "properties": properties,
        "patternProperties": properties,
        "additionalProperties": properties,
        "required": required,
        "propertyNames": property_names,
        "minProperties": min_properties,
        "maxProperties": max_properties,
        "dependentRequired": dependent_required,
        "dependentSchemas": dependent_schemas,
        "dependencies": dependencies,
    },
}
