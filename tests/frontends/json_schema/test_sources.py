"""What may be given as a schema: parsed, JSON text, and types that pydantic describes."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke.errors import SchemaError
from stolcke.frontends.json_schema.sources import parse_schema

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_texts_are_what_json_says(schema):
    text = json.dumps(schema, ensure_ascii=False)
    assert parse_schema(text) == schema
    assert parse_schema(json.dumps(schema, indent=1).encode()) == schema
    assert parse_schema(schema) is schema


def test_every_form_of_text():
    assert parse_schema("true") is True
    assert parse_schema(" false\n") is False
    assert parse_schema(b"\xef\xbb\xbf{}") == parse_schema(bytearray(b"{}")) == {}


@pytest.mark.parametrize(
    "text", ["0.1", "1e3", "1.10", "0.1000000000000000055511151231257827", "1e400", "1e-400", "12.5"]
)
def test_numbers_keep_their_value(text):
    """As a decimal: 0.1 is a tenth, and not the binary number closest to it."""
    number = parse_schema(f'{{"const": {text}}}')["const"]
    assert Fraction(repr(number) if isinstance(number, float) else number) == Fraction(text)
    assert isinstance(number, float) or float(text) in (0, math.inf) or len(text) > 17


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('{"a": }', 1, 7, "the text is not JSON: expecting value"),
        ('{\n "a": 1,,\n}', 2, 9, "the text is not JSON"),
        ("", 1, 1, "expecting value"),
        ("{} {}", 1, 4, "extra data"),
        ("{'a': 1}", 1, 2, "expecting property name"),
        ('{"a": 01}', 1, 8, "the text is not JSON"),
        ('{"type": "string', 1, 10, "unterminated string"),
    ],
)
def test_syntax_errors_have_a_place(text, line, column, message):
    for source in (text, text.encode()):
        with pytest.raises(SchemaError) as caught:
            parse_schema(source)
        assert message in caught.value.reason
        assert (caught.value.line, caught.value.column, caught.value.pointer) == (line, column, None)
        assert str(caught.value).endswith("^")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{"a": {"b": 1, "c": 2, "b": 1}}', 'the key "b" occurs twice in one object'),
        ('{"a": 1, "\\u0061": 1}', 'the key "a" occurs twice in one object'),
        ('{"minimum": NaN}', "NaN is no number"),
        ('{"minimum": -Infinity}', "-Infinity is no number"),
        (b'{"a": "\xff"}', "the text is not UTF-8: byte 7 is wrong"),
        ('{"a":' * 100_000, "nested too deep"),
        ('{"const": ' + "9" * 10_000 + "}", "an integer has more than 4300 digits"),
        ("[]", "not an array (at #)"),
        ("null", "not null (at #)"),
        ('"true"', "not a string (at #)"),
        ("1.5", "not a number (at #)"),
        ([], "not an array (at #)"),
        (None, "not null (at #)"),
        (1, "not a number (at #)"),
        (object(), "not object (pass a dict, a bool, JSON text, or a type) (at #)"),
    ],
)
def test_what_is_no_schema(source, message):
    with pytest.raises(SchemaError) as caught:
        parse_schema(source)
    assert str(caught.value).endswith(message) or message in str(caught.value)


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


def test_types_that_pydantic_describes():
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        name: str
        points: tuple[Point, ...] = ()

    schema = parse_schema(Model)
    assert schema["required"] == ["name"] and "Point" in schema["$defs"]
    assert parse_schema(pydantic.TypeAdapter(Model)) == schema
    assert parse_schema(Point)["properties"].keys() == {"x", "y"}
    assert parse_schema(list[int]) == {"type": "array", "items": {"type": "integer"}}
    assert parse_schema(int | None) == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert parse_schema(dict[str, bool])["type"] == "object"
    assert parse_schema(str) == {"type": "string"}


def test_types_that_pydantic_does_not_describe():
    pytest.importorskip("pydantic")
    for source in (type("Strange", (), {}), list[type("Strange", (), {})]):
        with pytest.raises(SchemaError, match="pydantic"):
            parse_schema(source)


def test_types_without_pydantic(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(SchemaError, match="needs pydantic, which is not installed"):
        parse_schema(Point)
    assert parse_schema({}) == {}
