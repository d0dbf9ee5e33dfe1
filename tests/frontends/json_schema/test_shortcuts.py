"""What is made once, or not asked for, leaves every grammar as it would be otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.frontends.json_schema import emit, evaluate
from stolcke.frontends.json_schema.keywords import TYPES
from tests.json_schema import random_schemas
from tests.json_schema.documents import COMPACT
from tests.strategies import EFFORT


@contextmanager
def the_long_way() -> Iterator[None]:
    """Look at every place and ask for every type."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emit, "scalar_content", lambda goal: None)
        patch.setattr(evaluate, "_kinds_named", lambda schema, dialect: TYPES)
        yield


def outcome(schema, **choices):
    """All of a grammar, in its order; or the error."""
    stolcke.clear_cache()
    try:
        grammar = stolcke.Grammar.from_json_schema(schema, **choices)
    except (stolcke.SchemaError, stolcke.UnsupportedSchema) as error:
        return type(error), str(error)
    return grammar, list(grammar.terminals), list(grammar.tallies)


def same(schema, **choices):
    short = outcome(schema, **choices)
    with the_long_way():
        assert short == outcome(schema, **choices)
    return short


@settings(max_examples=150 * EFFORT)
@given(st.randoms(use_true_random=False), st.sampled_from(["declared", "any"]), st.booleans())
def test_random_schemas(draw, order, strict):
    """In one object, so that there are equal places."""
    members = {name: random_schemas.schema(draw) for name in "abcd"}
    members |= {name: {**random_schemas.schema(draw), "type": draw.choice(TYPES)} for name in "efghij"}
    same(COMPACT.write({"properties": members}), property_order=order, strict=strict)


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
    grammar, *_ = same({"properties": dict(zip(names, schemas, strict=True))}, dialect=dialect)
    assert grammar.rules


def test_a_boolean_is_no_bound_even_where_one_was_seen():
    schema = {"properties": {"a": {"type": "integer", "minimum": 1}, "b": {"type": "integer", "minimum": True}}}
    assert same(schema) == (stolcke.SchemaError, outcome(schema)[1])


def test_what_is_dropped_is_listed_for_each_of_equal_places():
    pattern = {"type": "string", "pattern": r"(a|b)\1"}
    grammar, *_ = same({"properties": {"a": pattern, "b": pattern}}, strict=False)
    assert sorted(text.rpartition("(at ")[2] for text in grammar.dropped) == [
        "#/properties/a/pattern)",
        "#/properties/b/pattern)",
    ]


def test_draft_4_has_bounds_beside_bounds():
    bounds = [{"type": "integer", "minimum": 1, "exclusiveMinimum": flag} for flag in (True, False)]
    grammar, *_ = same({"properties": dict(zip("ab", bounds, strict=True))}, dialect="4")
    assert {"integer", "integer_1"} <= grammar.terminals.keys()
