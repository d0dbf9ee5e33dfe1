"""Random schemas of which a guard has to look at something: items that differ, strings that automata do not know."""

from __future__ import annotations

from random import Random

from tests.json_schema import random_schemas
from tests.json_schema.random_schemas import Schema


def schema(draw: Random, depth: int = 2) -> Schema:
    """An array of items that differ, alone, nested, or beside alternatives that ask for something else."""
    items = random_schemas.schema(draw, depth=depth - 1) if draw.random() < 0.5 else draw.choice(_ITEMS)
    if isinstance(items, dict) and "$defs" in items:
        # References are to the whole schema.
        items, definitions = {name: value for name, value in items.items() if name != "$defs"}, items["$defs"]
        return {"$defs": definitions} | _around(draw, items)
    return _around(draw, items)


def _around(draw: Random, items: Schema) -> dict:
    unique = {"type": "array", "uniqueItems": True, "items": items}
    match draw.randint(0, 6):
        case 0:
            return {"anyOf": [unique, {"type": "array", "maxItems": 2}, draw.choice(_ITEMS)]}
        case 1:
            return {"type": "array", "items": unique, "uniqueItems": draw.random() < 0.5}
        case 2:
            return {"properties": {"a": unique}, "additionalProperties": {"type": "integer"}}
        case 3:
            return {**unique, "contains": draw.choice(_ITEMS), "maxItems": 3}
        case 4:
            return {**unique, "prefixItems": [draw.choice(_ITEMS)], "minItems": 1}
        case 5:
            return {"oneOf": [unique, {"type": "array", "items": draw.choice(_ITEMS), "uniqueItems": True}]}
    return unique


_ITEMS = (
    True,
    {"type": "string"},
    {"type": "string", "maxLength": 30},
    {"type": "integer"},
    {"type": ["number", "null", "boolean"]},
    {"type": "array", "items": {"type": "string"}},
    {"type": "array", "uniqueItems": True},
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    {"anyOf": [{"type": "string", "pattern": "^a*$"}, {"type": "object", "additionalProperties": {"type": "integer"}}]},
    {"type": "string", "format": "hostname"},
)
