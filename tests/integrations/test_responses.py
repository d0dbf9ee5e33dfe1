"""Response formats: drawn texts validate, wrong ones are refused, and so are wrong requests, by their place."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stolcke
from stolcke.errors import (
    GrammarError,
    LimitExceeded,
    ResponseFormatError,
    SchemaError,
    StolckeError,
    UnsupportedSchema,
)
from stolcke.grammar.model import Grammar
from stolcke.integrations.responses import (
    Region,
    SpecialToken,
    chat_request,
    response_format,
    structural_tag,
    structured_outputs,
    tool_calls,
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


NAMES = [
    *("type", "json_schema", "schema", "name", "strict", "format", "structures", "triggers", "tags", "begin", "end"),
    *("content", "elements", "json", "regex", "choice", "grammar", "structural_tag", "tools", "function", "parameters"),
    *("tool_choice", "response_format", "structured_outputs", "stop", "value", "rules", "token", "excludes"),
]
WORDS = [
    *("text", "json_object", "structural_tag", "json_schema", "function", "auto", "object", "a", "", "(", "root ::= x"),
    *("any_text", "tag", "triggered_tags", "sequence", "or", "dispatch", "token", "regex", "const_string", "star"),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(WORDS) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


def outcome(read, request: object) -> object:
    """The grammar of a request, or the error of ours that refuses it."""
    try:
        return read(request).grammar
    except StolckeError as error:
        return error


@given(values)
def test_whatever_comes_is_read_or_refused_by_its_place(value: object) -> None:
    for read in (response_format, structured_outputs, structural_tag, chat_request, tool_calls):
        found = outcome(read, value)
        assert isinstance(found, (Grammar, LimitExceeded)) or found.pointer.startswith("#")


def edited(request: object, random: Random) -> object:
    """A request that is right, but for one thing in it that is another now."""
    if random.random() < 0.2 or not isinstance(request, (dict, list)) or not request:
        return random.choice([None, True, -1, 1, "", "a", "text", [], {}, ["a"], {"type": "tag"}, "\ud800"])
    copy = deepcopy(request)
    key = random.choice(list(copy) if isinstance(copy, dict) else range(len(copy)))
    if isinstance(copy, dict) and random.random() < 0.2:
        del copy[key]
    else:
        copy[key] = edited(copy[key], random)
    return copy


TAG = {"type": "tag", "begin": "<a>", "content": {"type": "any_text", "excludes": ["x"]}, "end": ["</a>"]}
TRIGGERED = {"type": "triggered_tags", "triggers": ["<a"], "tags": [TAG]}
STRUCTURES = [{"begin": "<a", "schema": True, "end": ">"}]
ONE = {"type": "function", "function": {"name": "a"}}
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [ONE]}}
RIGHT = [
    {"response_format": json_schema({"type": "null"})},
    {"response_format": {"type": "structural_tag", "format": TRIGGERED}},
    {"response_format": {"type": "structural_tag", "format": {"type": "repeat", "min": 1, "max": 2, "content": TAG}}},
    {"response_format": {"type": "structural_tag", "triggers": ["<"], "structures": STRUCTURES}},
    {"structured_outputs": {"choice": ["a", "b"]}, "stop": ["x"]},
    {"tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}], "tool_choice": ALLOWED},
]


@pytest.mark.parametrize("request_", RIGHT, ids=range(len(RIGHT)))
def test_requests_that_are_nearly_right(request_: dict) -> None:
    assert isinstance(chat_request(request_).grammar, Grammar)
    random = Random(11)
    found = [outcome(chat_request, edited(request_, random)) for _ in range(150)]
    refused = [each.pointer for each in found if not isinstance(each, Grammar)]
    assert len(refused) > 30
    assert all(pointer.startswith("#") for pointer in refused)
