"""Random schemas, and documents near them: few names, texts and numbers, so that keywords meet.

All choices come from a ``random.Random``; Hypothesis's own (``st.randoms``)
makes failures shrink, Python's makes long campaigns quick.  Schemas and
documents are values as :func:`tests.json_schema.documents.read` gives them:
numbers with a point are Decimals.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from tests.json_schema.documents import JSON

Schema = Any
"""A dict or a bool."""

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
NAMES = ("a", "b", "c", "ab", "é")
WORDS = ("", "a", "b", "ab", "ba", "abc", "aa", "é", 'q"\\/', "😀", "127.0.0.1", "127.0.0.01", "1")
PATTERNS = ("a", "^a", "b$", "^(a|b)*$", "^[a-c]{2}$", "^.$", "^[^a]*$", ".*", "^(?!a)", "a(?=b)", r"\d")
FORMATS = ("ipv4", "uuid", "of-nobody")
FRACTIONS = tuple(
    map(Decimal, ["-3", "-2.5", "-1", "-0.1", "0.1", "0.3", "0.5", "1.5", "2.50", "1e1", "12.75", "1e-2"])
)
STEPS = (1, 2, 3, 5, *map(Decimal, ["0.1", "0.5", "1.5", "2.0"]))
DEFINITIONS = ("x", "y")


def number(draw: Random) -> int | Decimal:
    """A small number, half of the time an integer."""
    return draw.randint(-3, 12) if draw.random() < 0.5 else draw.choice(FRACTIONS)


def value(draw: Random, depth: int = 2) -> JSON:
    """A document, whatever the schema."""
    return of_type(draw, draw.choice(TYPES if depth else TYPES[:5]), depth)


def of_type(draw: Random, type_: str, depth: int = 2) -> JSON:
    """A document of a type."""
    match type_:
        case "null":
            return None
        case "boolean":
            return draw.random() < 0.5
        case "integer":
            return draw.randint(-3, 12)
        case "number":
            return number(draw)
        case "string":
            return draw.choice(WORDS)
        case "array":
            return [value(draw, max(0, depth - 1)) for _ in range(draw.randint(0, 3))]
        case "object":
            return {name: value(draw, max(0, depth - 1)) for name in names(draw, 3)}
    raise AssertionError(type_)


def names(draw: Random, most: int) -> list[str]:
    """Up to ``most`` different names of properties."""
    return draw.sample(NAMES, draw.randint(0, most))


def schema(draw: Random, depth: int = 3) -> Schema:
    """A schema of draft 2020-12, with definitions that it may refer to, itself included."""
    found = subschema(draw, depth, literal=False)
    if "$ref" in str(found):
        found = {**found, "$defs": {name: subschema(draw, depth - 1) for name in DEFINITIONS}}
    return found


def subschema(draw: Random, depth: int, *, literal: bool = True) -> Schema:
    """A schema of a few keywords, of one kind more often than not; at depth 0 none that holds schemas."""
    if literal and draw.random() < 0.15:
        return draw.random() < 0.7
    found: dict[str, Any] = {}
    for _ in range(draw.choice([1, 1, 1, 2, 2, 3])):
        kind = _KINDS[draw.choice(sorted(_KINDS) if depth else ["any", "number", "string"])]
        for keyword in draw.sample(sorted(kind), draw.choice([1, 1, 2, 3])):
            found[keyword] = kind[keyword](draw, depth - 1)
    return found


def _by_name(draw: Random, depth: int) -> dict[str, Schema]:
    return {name: subschema(draw, depth) for name in names(draw, 3)}


def _several(draw: Random, depth: int) -> list[Schema]:
    return [subschema(draw, depth) for _ in range(draw.choice([1, 2, 2, 3]))]


def _types(draw: Random, depth: int) -> str | list[str]:
    found = draw.sample(TYPES, draw.randint(1, 3))
    return found[0] if len(found) == 1 else found


def _size(draw: Random, depth: int) -> int:
    return draw.randint(0, 3)


def _number(draw: Random, depth: int) -> int | Decimal:
    return number(draw)


def _any_of(choices: tuple) -> Callable[[Random, int], Any]:
    return lambda draw, depth: draw.choice(choices)


_KINDS: dict[str, dict[str, Callable[[Random, int], Any]]] = {
    "any": {
        "type": _types,
        "enum": lambda draw, depth: [value(draw) for _ in range(draw.randint(1, 4))],
        "const": lambda draw, depth: value(draw),
    },
    "string": {
        "type": lambda draw, depth: "string",
        "minLength": _size,
        "maxLength": _size,
        "pattern": _any_of(PATTERNS),
        "format": _any_of(FORMATS),
    },
    "number": {
        **dict.fromkeys(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], _number),
        "type": _any_of(("integer", "number")),
        "multipleOf": _any_of(STEPS),
    },
    "object": {
        "type": lambda draw, depth: "object",
        **dict.fromkeys(["properties", "dependentSchemas"], _by_name),
        **dict.fromkeys(["additionalProperties", "propertyNames", "unevaluatedProperties"], subschema),
        **dict.fromkeys(["minProperties", "maxProperties"], _size),
        "required": lambda draw, depth: names(draw, 2),
        "patternProperties": lambda draw, depth: {draw.choice(PATTERNS): subschema(draw, depth) for _ in range(2)},
        "dependentRequired": lambda draw, depth: {name: names(draw, 2) for name in names(draw, 2)},
    },
    "array": {
        "type": lambda draw, depth: "array",
        **dict.fromkeys(["items", "contains", "unevaluatedItems"], subschema),
        **dict.fromkeys(["minItems", "maxItems", "minContains", "maxContains"], _size),
        "prefixItems": _several,
        "uniqueItems": lambda draw, depth: True,
    },
    "combinations": {
        **dict.fromkeys(["allOf", "anyOf", "oneOf"], _several),
        **dict.fromkeys(["not", "if", "then", "else"], subschema),
        "$ref": lambda draw, depth: draw.choice(["#", *(f"#/$defs/{name}" for name in DEFINITIONS)]),
    },
}


def near(draw: Random, schema: Schema, root: Schema = None, depth: int = 4) -> JSON:
    """A document that follows one of a schema's hints, and so is valid more often than by chance."""
    root = schema if root is None else root
    if not isinstance(schema, dict) or depth == 0 or draw.random() < 0.1:
        return value(draw, min(depth, 2))

    def inside(subschema: Schema) -> JSON:
        return near(draw, subschema, root, depth - 1)

    keyword = draw.choice(sorted(schema) or ["$defs"])
    match keyword:
        case "const":
            return schema["const"]
        case "enum" | "anyOf" | "oneOf" | "allOf":
            found = draw.choice(schema[keyword])
            return found if keyword == "enum" else inside(found)
        case "if" | "then" | "else":
            return inside(schema[keyword])
        case "$ref":
            name = schema["$ref"].rpartition("/")[2]
            return inside(root if name == "#" else root["$defs"][name])
        case "type":
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            chosen = draw.choice(types)
    if keyword != "type":
        chosen = next((kind for kind in ("string", "number", "object", "array") if keyword in _KINDS[kind]), None)
    if chosen == "object":
        present = draw.sample(schema.get("required", []), len(schema.get("required", []))) + names(draw, 2)
        present += [name for name in schema.get("properties", ()) if draw.random() < 0.5]
        rest = schema.get("additionalProperties", True)
        return {name: inside(schema.get("properties", {}).get(name, rest)) for name in present}
    if chosen == "array":
        first = schema.get("prefixItems", [])[: draw.randint(0, 3)]
        rest = schema.get(draw.choice(["items", "contains"]), True)
        return [*map(inside, first), *(inside(rest) for _ in range(draw.randint(0, 3)))]
    return of_type(draw, chosen) if chosen else value(draw)
