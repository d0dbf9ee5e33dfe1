"""Response formats: drawn texts validate, wrong ones are refused, and so are wrong requests, by their place."""

from __future__ import annotations

import json

import jsonschema
import pytest

import stolcke
from stolcke.errors import GrammarError, ResponseFormatError, SchemaError, UnsupportedSchema
from stolcke.integrations.responses import (
    Region,
    SpecialToken,
    chat_request,
    response_format,
    structural_tag,
    structured_outputs,
)

BYTES = stolcke.Vocabulary.from_bytes()
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "age": {"$ref": "#/$defs/age"}},
    "required": ["name", "age"],
    "additionalProperties": False,
    "$defs": {"age": {"type": "integer", "minimum": 0, "maximum": 130}},
}
FORMAT = {"type": "json_schema", "json_schema": PERSON}


def accepts(region: Region, text: str) -> bool:
    matcher = stolcke.compile(region.grammar, BYTES).matcher()
    return matcher.accept_bytes(text.encode()) and matcher.is_accepting


def draws(region: Region, n: int = 20) -> list[str]:
    return [text.decode() for text in stolcke.compile(region.grammar, BYTES).sample(7, n)]


def json_schema(schema: object, **more: object) -> dict:
    return {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, **more}}


@pytest.mark.parametrize(
    "region",
    [
        response_format(json_schema(PERSON, strict=True)),
        structured_outputs({"json": PERSON}),
        structured_outputs({"json": json.dumps(PERSON)}),
        structured_outputs({"structural_tag": {"type": "structural_tag", "format": FORMAT}}),
        chat_request({"messages": [], "response_format": json_schema(PERSON)}),
    ],
)
def test_what_is_drawn_validates(region: Region) -> None:
    for text in draws(region):
        jsonschema.validate(json.loads(text), PERSON)
    assert not accepts(region, '{"name": "a", "age": 131}')
    assert accepts(region, '{"name": "a", "age": 130}')


def test_json_object_and_text() -> None:
    for region in (response_format({"type": "json_object"}), structured_outputs({"json_object": True})):
        assert all(isinstance(json.loads(text), dict) for text in draws(region))
        assert not accepts(region, "[]")
    for region in (response_format({"type": "text"}), chat_request({"model": "any"})):
        assert accepts(region, "")
        assert accepts(region, "é {[\n")
        assert region.special_tokens == ()


def test_regex_and_choice() -> None:
    assert accepts(structured_outputs({"regex": r"\d{3}"}), "123")
    assert not accepts(structured_outputs({"regex": r"\d{3}"}), "12")
    assert set(draws(structured_outputs({"choice": ["yes", "no"]}))) == {"yes", "no"}


@pytest.mark.parametrize(
    "text",
    [
        'start: "a" start? "b"',
        '%llguidance {}\nstart: "a" start? "b"',
        'root ::= "a" root? "b"',
        'root ::= x |\n "a" root "b"\nx ::= "a" [b]{1}',
        '# a comment\nroot ::= "a" .{0,0} root? "b"',  # GBNF only: a dot
    ],
)
def test_grammars_are_told_apart(text: str) -> None:
    region = structured_outputs({"grammar": text})
    assert accepts(region, "aabb")
    assert not accepts(region, "aab")


def test_white_space() -> None:
    compact = structured_outputs({"json": PERSON, "disable_any_whitespace": True})
    assert accepts(compact, '{"name":"a","age":1}')
    assert not accepts(compact, '{"name": "a","age":1}')
    spaced = response_format(json_schema(PERSON), json_options={"whitespace": "spaced"})
    assert accepts(spaced, '{"name": "a", "age": 1}')
    assert not accepts(spaced, '{"name":"a","age":1}')


def test_without_strict_what_cannot_be_kept_is_left_out() -> None:
    schema = {"type": "string", "pattern": r"(a)\1"}
    with pytest.raises(UnsupportedSchema) as caught:
        response_format(json_schema(schema, strict=True))
    assert caught.value.pointer == "#/json_schema/schema/pattern"
    grammar = response_format(json_schema(schema)).grammar
    assert not grammar.exact
    assert any("pattern" in each for each in grammar.dropped)


def test_after_a_marker() -> None:
    region = response_format({"type": "json_object"})
    thinking = region.after("</think>")
    assert accepts(thinking, 'hm {} </thin</think>\n\n{"a": 1}')
    assert not accepts(thinking, "{}")
    # It ends where the marker occurs first.
    assert not accepts(thinking, "a</think>b</think>{}")
    assert accepts(region.after("</think>", optional=True), "{}")
    tight = structured_outputs({"choice": ["x"]}).after("</think>", whitespace=False)
    assert accepts(tight, "</think>x")
    assert not accepts(tight, "</think>\nx")


def test_after_a_special_token() -> None:
    vocabulary = stolcke.Vocabulary([*(bytes([b]) for b in range(256)), b"</think>"], special_token_ids=[256])
    region = structured_outputs({"choice": ["x"]}).after(SpecialToken("</think>"))
    assert region.special_tokens == ("</think>",)
    matcher = stolcke.compile(region.grammar, vocabulary).matcher()
    assert matcher.accept_bytes(b"a </think> is text here")
    assert matcher.accept(256)
    assert not matcher.accept_bytes(b"y")
    assert matcher.accept_bytes(b"\nx")
    assert matcher.is_accepting


def test_stop_strings_end_a_text() -> None:
    text = chat_request({"stop": "END"})
    assert [accepts(text, each) for each in ("a", "a EN", "a END", "a END.", "END END")] == [
        *(True, True, True),
        *(False, False),
    ]
    document = response_format({"type": "json_object"}).stopping(["\n\n", "###"])
    assert accepts(document, '{"a": "###"}###')
    assert not accepts(document, '{"a": 1###')
    tag = {"begin": "<a>", "schema": True, "end": "</a>"}
    tags = structural_tag({"type": "structural_tag", "structures": [tag], "triggers": ["<a>"]}).stopping("\n")
    assert accepts(tags, 'x <a>"\\n"</a> y\n')
    assert not accepts(tags, "x\ny")
    assert not accepts(tags, "x\n<a>1</a>")


@pytest.mark.parametrize(
    ("request_", "pointer", "words"),
    [
        (3, "#", "must be an object, not a number"),
        ({}, "#", "'type' is missing"),
        ({"type": "xml"}, "#/type", "known are text, json_object, json_schema, structural_tag"),
        ({"type": "text", "schema": {}}, "#", "'schema' is not known here"),
        ({"type": "json_schema"}, "#", "'json_schema' is missing"),
        ({"type": "json_schema", "json_schema": {"schema": {}}}, "#/json_schema", "'name' is missing"),
        (json_schema({}, strikt=True), "#/json_schema", "'strikt' is not known here"),
        (json_schema({}, strict="yes"), "#/json_schema/strict", "true or false, not a string"),
        ({"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}, "#/json_schema/name", "no name"),
    ],
)
def test_wrong_response_formats(request_, pointer: str, words: str) -> None:
    with pytest.raises(ResponseFormatError) as caught:
        response_format(request_)
    assert caught.value.pointer == pointer
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "pointer", "words"),
    [
        ({}, "#", "exactly one of json, json_object, regex, choice, grammar, structural_tag"),
        ({"json": {}, "regex": "a"}, "#", "here are json, regex"),
        ({"json": None, "guided_json": {}}, "#", "'guided_json' is not known here"),
        ({"json_object": False}, "#/json_object", "must be true"),
        ({"choice": []}, "#/choice", "no choices"),
        ({"choice": ["a", 3]}, "#/choice/1", "a string, not a number"),
        ({"choice": ["\ud800"]}, "#/choice/0", "surrogate"),
        ({"regex": "a("}, "#/regex", "malformed regular expression"),
        ({"grammar": "root ::= ("}, "#/grammar", "nor GBNF"),
        ({"grammar": "start: x"}, "#/grammar", "x"),
        ({"json": {}, "whitespace_pattern": " "}, "#/whitespace_pattern", "not supported"),
        ({"json": {}, "disable_additional_properties": True}, "#/disable_additional_properties", "in the schema"),
    ],
)
def test_wrong_structured_outputs(request_, pointer: str, words: str) -> None:
    with pytest.raises(ResponseFormatError) as caught:
        structured_outputs(request_)
    assert caught.value.pointer == pointer
    assert words in str(caught.value)


def test_wrong_schemas_and_whole_requests() -> None:
    with pytest.raises(SchemaError) as caught:
        chat_request({"response_format": json_schema({"properties": {"a/b": {"type": 3}}})})
    assert caught.value.pointer == "#/response_format/json_schema/schema/properties/a~1b/type"
    with pytest.raises(SchemaError) as caught:
        structured_outputs({"json": "{"})
    assert caught.value.pointer == "#/json"
    assert caught.value.line == 1
    with pytest.raises(ResponseFormatError, match="response_format is given, too"):
        chat_request({"response_format": {"type": "text"}, "structured_outputs": {"regex": "a"}})
    with pytest.raises(ResponseFormatError, match=r"#/stop/1"):
        chat_request({"stop": ["a", ""]})
    assert issubclass(ResponseFormatError, GrammarError)
