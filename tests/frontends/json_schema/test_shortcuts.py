"""What is written as it stands, made once, or not asked for, leaves every grammar with the texts that it would have."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.frontends.json_schema import emit, evaluate
from stolcke.frontends.json_schema.keywords import TYPES
from tests.json_schema import random_schemas
from tests.json_schema.documents import COMPACT
from tests.strategies import EFFORT

BYTES = stolcke.Vocabulary.from_bytes()
WALKS = 4
STEPS = 80


@contextmanager
def the_long_way() -> Iterator[None]:
    """Look at every place, work out every set, and ask for every type."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emit, "SchemaWalk", lambda *arguments: None)
        patch.setattr(evaluate, "_kinds_named", lambda schema, dialect: TYPES)
        yield


def outcome(schema, **choices):
    """A grammar compiled, and what was dropped; or an error."""
    stolcke.clear_cache()
    try:
        grammar = stolcke.Grammar.from_json_schema(schema, **choices)
        return grammar, stolcke.compile(grammar, BYTES)
    except (stolcke.SchemaError, stolcke.UnsupportedSchema, stolcke.GrammarError) as error:
        return error, None


def walk(one: stolcke.CompiledGrammar, other: stolcke.CompiledGrammar, draw: random.Random) -> None:
    """Write bytes that one grammar allows; the other one must allow the same at each step."""
    matchers = one.matcher(), other.matcher()
    rows = np.zeros((2, (len(BYTES) + 31) // 32), np.int32)
    text = bytearray()
    for _ in range(STEPS):
        for matcher, row in zip(matchers, rows, strict=True):
            matcher.fill_mask(row)
        allowed = np.flatnonzero(np.unpackbits(rows[0].view(np.uint8), bitorder="little"))
        assert rows[0].tolist() == rows[1].tolist(), bytes(text)
        allowed = allowed[allowed < 256]
        if not allowed.size:
            return
        # What structure is written with is rare among the bytes of strings.
        structural = [byte for byte in allowed.tolist() if byte in b'"{}[],:']
        byte = draw.choice(structural if structural and draw.random() < 0.6 else allowed.tolist())
        text.append(byte)
        accepted = [matcher.accept(byte) for matcher in matchers]
        assert accepted == [True, True], bytes(text)


def same(schema, seed=0, **choices):
    grammar, short = outcome(schema, **choices)
    with the_long_way():
        other, long = outcome(schema, **choices)
    assert isinstance(grammar, stolcke.Grammar) == isinstance(other, stolcke.Grammar), (grammar, other)
    if short is None:
        return grammar
    assert (grammar.exact, set(grammar.dropped)) == (other.exact, set(other.dropped))
    draw = random.Random(seed)
    for each in ((short, long), (long, short)):
        for _ in range(WALKS):
            walk(*each, draw)
    return grammar


@settings(max_examples=150 * EFFORT)
@given(st.randoms(use_true_random=False), st.sampled_from(["declared", "any"]), st.booleans())
def test_random_schemas(draw, order, strict):
    """In one object, so that there are equal places."""
    members = {name: random_schemas.schema(draw) for name in "abcd"}
    members |= {name: {**random_schemas.schema(draw), "type": draw.choice(TYPES)} for name in "efghij"}
    schema = COMPACT.write({"type": draw.choice(["object", ["object", "null"]]), "properties": members})
    same(schema, draw.random(), property_order=order, strict=strict)


NEARLY = {
    "the same": [{"type": "string"}, {"type": "string", "description": "of something", "x-y": 1}, {"type": ["string"]}],
    "1 and 1.0": [{"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 1.0}],
    "zeros": [{"type": "number", "minimum": 0.0}, {"type": "number", "minimum": -0.0}],
    "other bounds": [{"type": "number", "minimum": 1}, {"type": "number", "maximum": 1}, {"type": "number"}],
    "listed": [{"type": "string"}, {"type": "string", "enum": ["a"]}, {"type": "string", "const": "b"}],
    "combined": [{"type": "string"}, {"type": "string", "not": {"const": "a"}}, {"type": "string", "if": {}}],
    "types": [{"type": ["string", "null"]}, {"type": ["null", "string"]}, {"type": ["string", "integer", "null"]}],
    "structured": [{"type": ["string", "array"]}, {"type": "string"}, {"type": "array"}],
    "choices": [{"anyOf": [{"type": "string"}, {"type": "null"}]}, {"oneOf": [{"type": "string"}, {"type": "null"}]}],
    "choice of all": [{"anyOf": [{"type": "string"}, {}]}, {"anyOf": [{"type": "string"}, {"minLength": 1}]}],
    "choice and more": [{"anyOf": [{"type": "string"}], "enum": [1, "a"]}, {"anyOf": [{"type": ["null", "object"]}]}],
    "two choices": [{"anyOf": [{"type": "string"}], "oneOf": [{"type": "null"}, {"type": "string"}]}],
    "choice by reference": [
        {"anyOf": [{"$ref": "#/properties/b", "type": "null"}, {"type": "null"}]},
        {"type": "array"},
    ],
}


@pytest.mark.parametrize("dialect", ["4", "7", "2020-12"])
@pytest.mark.parametrize("schemas", NEARLY.values(), ids=NEARLY)
def test_places_that_are_nearly_equal(schemas, dialect):
    names = "abc"[: len(schemas)]
    for kind in ({}, {"type": "object"}, {"type": "object", "required": ["a", "z"], "additionalProperties": False}):
        same({**kind, "properties": dict(zip(names, schemas, strict=True))}, dialect=dialect)


def test_a_boolean_is_no_bound_even_where_one_was_seen():
    schema = {"properties": {"a": {"type": "integer", "minimum": 1}, "b": {"type": "integer", "minimum": True}}}
    assert isinstance(same(schema), stolcke.SchemaError)


def test_what_is_dropped_is_listed_for_each_of_equal_places():
    pattern = {"type": "string", "pattern": r"(a|b)\1"}
    grammar = same({"properties": {"a": pattern, "b": pattern}}, strict=False)
    assert sorted(text.rpartition("(at ")[2] for text in grammar.dropped) == [
        "#/properties/a/pattern)",
        "#/properties/b/pattern)",
    ]


def test_draft_4_has_bounds_beside_bounds():
    bounds = [{"type": "integer", "minimum": 1, "exclusiveMinimum": flag} for flag in (True, False)]
    grammar = same({"properties": dict(zip("ab", bounds, strict=True))}, dialect="4")
    assert {"integer", "integer_1"} <= grammar.terminals.keys()


PLAIN = {
    "open": {"type": "object", "properties": {"a": {}, "b": True}, "required": ["b", "c"]},
    "closed": {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": False},
    "others": {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
    "forbidden": {"type": "object", "properties": {"a": False, "b": {"type": "null"}}},
    "forbidden and required": {"type": "object", "properties": {"a": False}, "required": ["a"]},
    "required and not allowed": {"type": "object", "required": ["a"], "additionalProperties": False},
    "nothing": {"type": "object", "additionalProperties": False},
    "required twice": {"type": "object", "required": ["a", "a"], "additionalProperties": {"type": "null"}},
    "silent": {"type": "object", "title": "t", "x-y": [1], "format": "date", "minLength": 3, "properties": {}},
    "array": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "array"}}}},
    "array of some": {"type": "array", "items": {"type": "boolean"}, "minItems": 1},
    "array of none": {"type": "array", "items": False},
    "array of counted": {"type": "array", "items": True, "minItems": 2, "maxItems": 3},
    "nested": {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"$ref": "#"}}}}},
    "references": {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/x", "description": "d"}, "b": {"$ref": "#/$defs/y", "type": "string"}},
        "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"enum": ["v", None, 2]}},
    },
    "its own draft": {
        "type": "object",
        "properties": {
            "a": {
                "$id": "urn:a",
                "$schema": "http://json-schema.org/draft-04/schema#",
                "type": "object",
                "properties": {"b": {"type": "integer", "minimum": 1, "exclusiveMinimum": True}},
            },
            "b": {"type": "integer", "minimum": 1},
        },
    },
    "dynamic": {
        "$id": "urn:tree",
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    },
    "odd names": {"type": "object", "properties": {'"': {"type": "null"}, "\u00e9\U0001f600": {"type": "null"}}},
    "no schema": {"type": "object", "properties": {"a": 3}},
    "no object": {"type": "object", "properties": []},
    "no list": {"type": "object", "required": "a"},
    "a loop": {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}},
    "nowhere": {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}},
    "unevaluated": {"type": "object", "properties": {"a": {}}, "unevaluatedProperties": False},
}


@pytest.mark.parametrize("dialect", ["4", "7", "2020-12"])
@pytest.mark.parametrize("schema", PLAIN.values(), ids=PLAIN)
def test_plain_places_are_written_as_they_stand(schema, dialect):
    same(schema, dialect=dialect)


def test_what_was_read_before_does_not_hide_an_error():
    wrong = {"minItems": "x", "enum": ["q"]}
    for first in (True, {"enum": ["q"]}, {"properties": {"a": {"enum": ["q"]}}}):
        outcome(first)
        with pytest.raises(stolcke.SchemaError, match="minItems"):
            stolcke.Grammar.from_json_schema(wrong)
    for order in ("ab", "ba"):
        parts = {"a": {"enum": ["z"]}, "b": {"required": 3, "enum": ["z"]}}
        with pytest.raises(stolcke.SchemaError, match="required"):
            stolcke.Grammar.from_json_schema({"type": "object", "properties": {name: parts[name] for name in order}})


def test_only_what_is_small_is_remembered():
    known = emit._patterns_of(True, False, True, stolcke.Limits())
    for listed in ([f"{i}" for i in range(200)] + ["one more"], ["x" * 10_000], list(range(1000))):
        before = len(known)
        stolcke.Grammar.from_json_schema({"enum": listed})
        assert len(known) <= before + (len(str(listed)) < 4000)
    metaschema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:mine"}
    before = len(known)
    stolcke.Grammar.from_json_schema(
        {"$schema": "urn:mine", "type": "string", "maxLength": 7_654}, resources={"urn:mine": metaschema}
    )
    assert len(known) == before


def test_a_large_object_is_given_up_in_time():
    members = {f"p{i}": {"type": "integer"} for i in range(300_000)}
    with pytest.raises(stolcke.LimitExceeded, match="at least 300"):
        stolcke.Grammar.from_json_schema({"type": "object", "properties": members})
    asked = []
    members = {f"p{i}": {"type": "integer"} for i in range(20_000)}
    with pytest.raises(stolcke.Cancelled):
        stolcke.Grammar.from_json_schema(
            {"type": "object", "properties": members}, cancel=lambda: asked.append(0) or len(asked) > 20
        )


def test_names_are_strings():
    for kind in ({}, {"type": "object"}):
        with pytest.raises(stolcke.SchemaError, match="names are strings"):
            stolcke.Grammar.from_json_schema({**kind, "properties": {1: {}}})
