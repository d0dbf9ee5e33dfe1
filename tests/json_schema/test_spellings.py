"""What each option allows of the ways in which one document can be written."""

from __future__ import annotations

import pytest

from tests.json_schema.documents import DEFAULT, SPACED, SPELLINGS, Spelling, escaped, raw
from tests.json_schema.judging import judge

DOCUMENT = {"a": [1, {"é": "ab\n😀"}, []], "b": {}, "cc": [[True], None]}
TYPED = {
    "type": "object",
    "properties": {
        "a": {"prefixItems": [{"type": "integer"}, {"properties": {"é": {"minLength": 4, "maxLength": 4}}}]},
        "b": {"type": "object", "maxProperties": 0},
        "cc": {"items": {"enum": [[True], None]}},
    },
    "required": ["a", "b"],
    "additionalProperties": False,
}
INDENTED = {indent: Spelling(f"indent={indent}", colon=": ", indent=indent) for indent in (0, 2, 4)}
ESCAPED = Spelling("escaped", key=escaped, string=escaped)
RAGGED = Spelling("ragged", " ,\r\n\t", " : ")
FOUND = {spelling.name: spelling for spelling in (*SPELLINGS, *INDENTED.values(), ESCAPED, RAGGED)}
TIGHT = [
    spelling for spelling in FOUND.values() if (spelling.comma, spelling.colon, spelling.indent) == (",", ":", None)
]


@pytest.fixture(params=[True, TYPED], ids=["anything", "typed"])
def schema(request):
    return request.param


@pytest.mark.parametrize(
    ("options", "spellings"),
    [
        ({}, list(FOUND.values())),
        ({"whitespace": "compact"}, TIGHT),
        ({"whitespace": "compact", "escapes": False}, [spelling for spelling in TIGHT if spelling.key is raw]),
        ({"whitespace": "spaced"}, [DEFAULT, SPACED]),
        ({"whitespace": "spaced", "ascii_only": True}, [DEFAULT]),
        *(({"whitespace": indent}, [spelling]) for indent, spelling in INDENTED.items()),
    ],
    ids=str,
)
def test_each_option_allows_its_spellings(schema, options, spellings):
    judged = judge(schema, property_order="declared", **options)
    allowed = {name for name, spelling in FOUND.items() if judged.accepts(spelling.write(DOCUMENT))}
    assert allowed == {spelling.name for spelling in spellings}


@pytest.mark.parametrize("most", [0, 1, 3])
def test_runs_of_white_space_are_bounded(schema, most):
    judged = judge(schema, property_order="declared", max_whitespace=most)
    for width in range(5):
        spelling = Spelling("wide", "," + " " * width, "\t" * width + ":")
        assert judged.accepts(spelling.write(DOCUMENT)) is (width <= most)


@pytest.mark.parametrize("text", ['{"\\u0061": 1}', '{"a": "x"}', '{"a": 1, "\\u0061": 1}', '{"a": 1, "a": 1}'])
def test_a_name_is_what_it_denotes(text):
    judged = judge({"properties": {"a": {"type": "string"}}}, property_order="any")
    assert judged.accepts(text) is (text == '{"a": "x"}')


def test_declared_order():
    judged = judge({"properties": {"a": True, "b": True}}, property_order="declared")
    assert judged.accepts('{"x":0,"a":1,"y":2,"b":3,"z":4}')
    assert judged.accepts('{"y":2,"b":3}')
    assert not judged.accepts('{"b":3,"a":1}')
    assert judge({"properties": {"a": True, "b": True}}, property_order="any").accepts('{"b":3,"a":1}')
