"""Schemas made to hurt, and a process of its own for each: ``python -m tests.json_schema.hostile NAME``.

The process prints one line of JSON: what came of it, in how many seconds, with
how much memory at most.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import stolcke

MEMORY_BYTES = 3_000_000_000
"""Address space of the process; beyond it Python raises MemoryError."""


def nested(depth: int, wrap: Callable[[Any], Any], inner: Any) -> Any:
    """A thing wrapped so many times."""
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def doubled(keyword: str, depth: int) -> dict[str, Any]:
    """A combinator over two slightly different copies of the level below: 2 to the power of the depth if expanded."""
    levels: dict[str, Any] = {"level0": {"type": "string"}}
    for level in range(1, depth + 1):
        below = {"$ref": f"#/$defs/level{level - 1}"}
        levels[f"level{level}"] = {keyword: [{**below, "minLength": level}, {**below, "maxLength": 3 * level}]}
    return {"$ref": f"#/$defs/level{depth}", "$defs": levels}


def names(count: int) -> list[str]:
    return [f"property{i:05}" for i in range(count)]


def every_name(schema: Any, count: int = 16_000) -> dict[str, Any]:
    return dict.fromkeys(names(count), schema)


STRINGS = [f"{i:06}" + "x" * 60 for i in range(16_000)]
"""About 1 MB."""

SCHEMAS: dict[str, Callable[[], Any]] = {
    # Combinators.
    "oneOf 16 deep": lambda: nested(16, lambda s: {"oneOf": [s, {"type": "integer", "minimum": 5}]}, {"minimum": 3}),
    "oneOf 16 deep, doubled": lambda: doubled("oneOf", 16),
    "anyOf 16 deep, doubled": lambda: doubled("anyOf", 16),
    "allOf 16 deep, doubled": lambda: doubled("allOf", 16),
    "oneOf of objects 16 deep": lambda: nested(
        16, lambda s: {"oneOf": [{"properties": {"a": s}}, {"properties": {"b": s}}]}, {"type": "string"}
    ),
    "not 1000 deep": lambda: nested(1000, lambda s: {"not": s}, {"type": "string"}),
    "if 200 deep": lambda: nested(200, lambda s: {"if": {"required": ["a"]}, "then": s, "else": s}, {"minimum": 1}),
    "12 anyOf of 6": lambda: {"allOf": [{"anyOf": [{"required": [f"a{i}_{j}"]} for j in range(6)]} for i in range(12)]},
    "anyOf of 2000 objects": lambda: {
        "anyOf": [{"properties": {"kind": {"const": i}}, "required": ["kind"]} for i in range(2000)]
    },
    "oneOf of 300 objects": lambda: {
        "oneOf": [{"properties": {f"p{i}": {"type": "string"}}, "required": [f"p{i}"]} for i in range(300)]
    },
    "allOf of 5000": lambda: {"allOf": [{"properties": {f"p{i}": {"type": "string"}}} for i in range(5000)]},
    # Objects.
    "16k properties": lambda: {"properties": every_name({"type": "string"})},
    "16k properties, closed": lambda: {"properties": every_name({"type": "string"}), "additionalProperties": False},
    "16k properties, required": lambda: {"properties": every_name({"type": "integer"}), "required": names(16_000)},
    "16k required names": lambda: {"required": names(16_000)},
    "16k dependencies": lambda: {"dependentRequired": {a: [b] for a, b in pairwise(names(16_000))}},
    "500 overlapping patternProperties": lambda: {"patternProperties": {f"a.*{i}": {"minimum": i} for i in range(500)}},
    "40 properties of exactly 20": lambda: {"properties": every_name(True, 40), "minProperties": 20},
    "a million properties": lambda: {"minProperties": 1_000_000},
    "unevaluatedProperties over 12 anyOf": lambda: {
        "allOf": [{"anyOf": [{"properties": {f"a{i}": True}}, {"properties": {f"b{i}": True}}]} for i in range(12)],
        "unevaluatedProperties": False,
    },
    # Strings.
    "counted groups": lambda: {"pattern": "^((((a{1,50}){1,50}){1,50}){1,50})$"},
    "counted groups of classes": lambda: {"pattern": "(([a-z]{2,99}|[0-9a-f]{5,77}){3,88}x?){9,99}"},
    "an exponential automaton": lambda: {"pattern": "(a|b)*a(a|b){40}"},
    "many lookaheads": lambda: {"pattern": "^" + "".join(f"(?=.*{chr(97 + i)})" for i in range(20)) + ".*$"},
    "nested groups in a pattern": lambda: {"pattern": "(" * 10_000 + "a" + ")" * 10_000},
    "a pattern of 1 MB": lambda: {"pattern": "^(" + "|".join(STRINGS) + ")$"},
    "patterns 30 times": lambda: {"allOf": [{"pattern": f"a.{{{i}}}b"} for i in range(30)]},
    "strings of 10^9": lambda: {"type": "string", "minLength": 10**9},
    "strings up to 10^9": lambda: {"type": "string", "maxLength": 10**9},
    # Numbers.
    "steps of primes": lambda: {"allOf": [{"multipleOf": p} for p in (7919, 7907, 7901, 7883, 7879, 7877)]},
    "a tiny step": lambda: {"multipleOf": 1e-300},
    "a huge bound": lambda: '{"minimum": 1e999999999}',
    "a huge constant": lambda: '{"const": 1e999999999}',
    "a constant of 100,000 digits": lambda: '{"const": ' + "7" * 100_000 + "}",
    # Arrays.
    "10^9 items": lambda: {"type": "array", "minItems": 10**9},
    "up to 10^9 items": lambda: {"type": "array", "maxItems": 10**9},
    "contains 30 times": lambda: {"allOf": [{"contains": {"const": i}} for i in range(30)]},
    "contains 10^6": lambda: {"contains": {"type": "string"}, "minContains": 10**6},
    "unique among 1000": lambda: {"uniqueItems": True, "items": {"enum": list(range(1000))}},
    # References.
    "a schema that is itself": lambda: {"$ref": "#"},
    "a ring of references": lambda: {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#"}}},
    "a ring through allOf": lambda: {"allOf": [{"$ref": "#"}, {"type": "string"}]},
    "a ring through not": lambda: {"not": {"$ref": "#"}},
    "a ring through oneOf": lambda: {"oneOf": [{"$ref": "#"}, {"type": "string"}]},
    "an endless document": lambda: {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    "a chain of 5000 references": lambda: {
        "$ref": "#/$defs/r0",
        "$defs": {f"r{i}": {"$ref": f"#/$defs/r{i + 1}"} for i in range(5000)} | {"r5000": {"type": "string"}},
    },
    # Size and depth.
    "an enum of 1 MB": lambda: {"enum": STRINGS},
    "an enum of 200,000 numbers": lambda: {"enum": [i * 7 for i in range(200_000)]},
    "an enum of objects": lambda: {"enum": [{"id": i, "name": s[:20]} for i, s in enumerate(STRINGS[:5000])]},
    "not an enum of 1 MB": lambda: {"not": {"enum": STRINGS}},
    "a constant of 1 MB": lambda: {"const": "x" * 1_000_000},
    "items 10^4 deep": lambda: nested(10_000, lambda s: {"items": s}, {"type": "string"}),
    "properties 10^4 deep": lambda: nested(10_000, lambda s: {"properties": {"a": s}}, {"type": "string"}),
    "allOf 10^4 deep": lambda: nested(10_000, lambda s: {"allOf": [s]}, {"type": "string"}),
    "a constant 10^4 deep": lambda: {"const": nested(10_000, lambda v: [v], 1)},
    "text 10^5 deep": lambda: '{"items":' * 100_000 + "true" + "}" * 100_000,
    "a broken text": lambda: '{"items": ',
}


def outcome(schema: Any, **options: Any) -> str:
    """What came of a schema: "compiled", "nothing" for an empty language, or the class of the error."""
    try:
        grammar = stolcke.Grammar.from_json_schema(schema, **options)
        matcher = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes()).matcher()
        matcher.allowed_token_ids()
        for byte in b'{"a":[1,"b"]}':
            matcher.accept_bytes(bytes([byte]))
            matcher.allowed_token_ids()
    except stolcke.StolckeError as error:
        if not str(error):
            return f"{type(error).__name__} without a word"
        return "nothing" if "derives no text" in str(error) else type(error).__name__
    return "compiled"


def main(name: str, order: str) -> None:
    """Run one schema and print what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    schema = SCHEMAS[name]()
    begin = time.perf_counter()
    found = outcome(schema, property_order=order)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"outcome": found, "seconds": seconds, "peak_bytes": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
