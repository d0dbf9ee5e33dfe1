"""Why a value does not satisfy a schema: there is a reason exactly where ``jsonschema`` finds one, and it is there."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

import stolcke
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.violations import violations
from tests.json_schema import random_schemas
from tests.json_schema.oracle import validator


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_reasons_are_where_jsonschema_finds_them(draw) -> None:
    schema = random_schemas.schema(draw)
    note(str(schema))
    try:
        stolcke.Grammar.from_json_schema(schema)
    except (stolcke.SchemaError, stolcke.LimitExceeded):
        event("refused")
        return
    oracle = validator(schema)
    for number in range(4):
        value = random_schemas.value(draw) if number < 2 else random_schemas.near(draw, schema)
        try:
            valid = oracle.is_valid(value)
        except RecursionError:
            event("a loop of references")
            return
        note(str(value))
        found = violations(schema, Settings(), value)
        assert bool(found) is not valid
        for violation in found:
            part = value
            for step in violation.path:
                part = part[step]  # an error if there is no such part
            if "$ref" not in str(schema):
                place = schema
                for step in violation.keyword.split("/")[1:]:
                    step = step.replace("~1", "/").replace("~0", "~")
                    place = place[int(step)] if isinstance(place, list) else place[step]


@pytest.mark.parametrize(
    ("schema", "value", "path", "keyword", "reason"),
    [
        (False, 1, (), "#", "nothing is allowed"),
        ({"type": ["integer", "null"]}, 1.5, (), "#/type", "must be an integer or null, and is a number"),
        ({"multipleOf": Decimal("0.1")}, Decimal("0.25"), (), "#/multipleOf", "must be a multiple of 0.1"),
        ({"items": False}, [1], (0,), "#/items", "an item at index 0 is not allowed"),
        ({"prefixItems": [True, {"const": 1}]}, [0, 2], (1,), "#/prefixItems/1/const", "must be 1"),
        (
            {"patternProperties": {"^a": {"maxLength": 1}}},
            {"ab": "xy"},
            ("ab",),
            "#/patternProperties/^a/maxLength",
            "",
        ),
        ({"additionalProperties": {"type": "null"}}, {"a": 1}, ("a",), "#/additionalProperties/type", "must be null"),
        ({"oneOf": [{"minimum": 0}, {"maximum": 9}]}, 5, (), "#/oneOf", "satisfies the schemas 0, 1"),
        ({"if": {"minimum": 5}, "then": {"multipleOf": 5}}, 7, (), "#/then/multipleOf", "multiple of 5"),
        ({"required": ["a", "b"]}, {}, (), "#/required", 'lacks the members "a", "b"'),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, (), "#/dependentRequired", "dependentRequired"),
        (
            {"unevaluatedProperties": False, "properties": {"a": True}},
            {"b": 1},
            (),
            "#/unevaluatedProperties",
            "no other",
        ),
        ({"uniqueItems": True, "items": {"enum": [1, 2]}}, [1, 1.0], (), "#/uniqueItems", "equal items"),
        ({"contains": {"const": 1}}, [2], (), "#/contains", "items that satisfy"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}, 2, (), "#/$defs/a/const", "must be 1"),
    ],
)
def test_reasons(schema, value, path, keyword, reason) -> None:
    (violation,) = violations(schema, Settings(), value)
    assert (violation.path, violation.keyword) == (path, keyword)
    assert reason in violation.reason


def test_alternatives_are_explained_by_the_one_that_goes_wrong_deepest() -> None:
    schema = {
        "anyOf": [{"type": "string"}, {"properties": {"a": {"properties": {"b": {"const": 1}}}}, "type": "object"}]
    }
    first, second = violations(schema, Settings(), {"a": {"b": 2}})
    assert (first.path, first.keyword) == ((), "#/anyOf")
    assert (second.path, second.keyword) == (("a", "b"), "#/anyOf/1/properties/a/properties/b/const")


def test_what_is_refused_is_not_explained() -> None:
    assert violations({"pattern": "(a)\\1"}, Settings(), "b") == []
