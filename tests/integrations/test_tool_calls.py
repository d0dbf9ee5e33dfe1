"""Calls of tools: names and their own arguments, in the spelling of every template, as often as is allowed."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

import stolcke
from stolcke.errors import ResponseFormatError, SchemaError
from stolcke.integrations.responses import (
    TEMPLATES,
    Region,
    SpecialToken,
    ToolTemplate,
    chat_request,
    marker_in,
    tool_calls,
)

WEATHER = {"type": "object", "properties": {"city": {"$ref": "#/$defs/city"}}, "required": ["city"]}
WEATHER |= {"additionalProperties": False, "$defs": {"city": {"enum": ["Bern", "Rome"]}}}
DIGIT = {"type": "integer", "minimum": 0, "maximum": 9}
ADD = {"properties": {"a": DIGIT, "b": DIGIT}, "required": ["a", "b"]}
ADD |= {"additionalProperties": False}
SCHEMAS = {"get_weather": WEATHER, "add": ADD, "now": {"type": "object", "maxProperties": 0}}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER, "strict": True}},
    {"type": "function", "function": {"name": "add", "description": "sums", "parameters": ADD}},
    {"type": "function", "function": {"name": "now"}},
]
TOKENS = [*(bytes([b]) for b in range(256)), b"[TOOL_CALLS]", b"[ARGS]"]
VOCABULARY = stolcke.Vocabulary(TOKENS, special_token_ids=[256, 257])
BERN, SUM = '{"city": "Bern"}', '{"a": 1, "b": 2}'


def accepts(region: Region, text: str) -> bool:
    """Whether a text is accepted, in which ``[TOOL_CALLS]`` and ``[ARGS]`` are the tokens."""
    matcher = stolcke.compile(region.grammar, VOCABULARY).matcher()
    for part in re.split(r"(\[TOOL_CALLS\]|\[ARGS\])", text):
        special = TOKENS.index(part.encode()) if part.encode() in TOKENS[256:] else None
        if not (matcher.accept_bytes(part.encode()) if special is None else matcher.accept(special)):
            return False
    return matcher.is_accepting


SPELLED = {
    "hermes": (
        '<tool_call>\n{"name": "get_weather", "arguments": ' + BERN + "}\n</tool_call>",
        '\n<tool_call>{"name":"add","arguments":' + SUM + "}</tool_call>",
    ),
    "llama3_json": (
        '{"name": "get_weather", "parameters": ' + BERN + "}",
        '; {"name": "add", "parameters": ' + SUM + "}",
    ),
    "mistral": (
        '[TOOL_CALLS][{"name": "get_weather", "arguments": ' + BERN + "}",
        ', {"name": "add", "arguments": ' + SUM + "}",
    ),
    "mistral_v11": ("[TOOL_CALLS]get_weather[ARGS]" + BERN, "[TOOL_CALLS]add[ARGS]" + SUM),
    "function_tag": (
        "<function=get_weather>" + BERN + "</function>",
        "<function=add>" + SUM + "</function>",
    ),
    "json_list": (
        '[{"name": "get_weather", "arguments": ' + BERN + "}",
        ', {"name": "add", "arguments": ' + SUM + "}",
    ),
}
CLOSING = {"mistral": "]", "json_list": "]"}


def test_every_template_is_tried() -> None:
    assert set(SPELLED) == set(TEMPLATES)


@pytest.mark.parametrize("name", SPELLED)
def test_choices_and_parallel_calls(name: str) -> None:
    first, further = SPELLED[name]
    end = CLOSING.get(name, "")
    one, two, text = first + end, first + further + end, "Let me see. "
    named = {"type": "function", "function": {"name": "get_weather"}}
    shown = {
        choice: [accepts(tool_calls(TOOLS, given, template=name), each) for each in (one, two, text)]
        for choice, given in (("auto", "auto"), ("required", "required"), ("none", "none"), ("named", named))
    }
    # Without a marker, only the beginning of a text tells it from calls, and any text will do where there are none.
    silent = name in ("llama3_json", "json_list")
    assert shown == {
        "auto": [True, True, True],
        "required": [True, True, False],
        "none": [silent, silent, True],
        "named": [True, False, False],
    }
    single = tool_calls(TOOLS, "required", parallel_tool_calls=False, template=name)
    assert [accepts(single, each) for each in (one, two)] == [True, False]
    assert accepts(tool_calls(TOOLS, template=name), text + one)
    # Nothing follows calls, and arguments are those of the name.
    assert not accepts(tool_calls(TOOLS, template=name), one + "x")
    assert not accepts(tool_calls(TOOLS, template=name), one.replace("get_weather", "add"))
    assert not accepts(tool_calls(TOOLS, template=name), one.replace("Bern", "Oslo"))


def test_what_is_drawn_validates() -> None:
    compiled = stolcke.compile(tool_calls(TOOLS, "required", template="json_list").grammar, VOCABULARY)
    seen = set()
    for text in compiled.sample(3, 40):
        for call in json.loads(text):
            assert list(call) == ["name", "arguments"]
            jsonschema.validate(call["arguments"], SCHEMAS[call["name"]])
            seen.add(call["name"])
    assert seen == set(SCHEMAS)


def test_drawn_hermes_calls_are_read_by_the_usual_expression() -> None:
    options = {"whitespace": "spaced"}
    compiled = stolcke.compile(tool_calls(TOOLS, "required", json_options=options).grammar, VOCABULARY)
    for text in compiled.sample(5, 20):
        calls = re.findall(r"<tool_call>(.*?)</tool_call>", text.decode(), re.DOTALL)
        for call in map(json.loads, calls):
            jsonschema.validate(call["arguments"], SCHEMAS[call["name"]])
        assert "".join(f"<tool_call>{call}</tool_call>" for call in calls) == text.decode()


def test_allowed_tools() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "add"}}]}
    region = tool_calls(TOOLS, {"type": "allowed_tools", "allowed_tools": allowed}, template="json_list")
    assert accepts(region, '[{"name": "add", "arguments": ' + SUM + "}]")
    assert not accepts(region, '[{"name": "now", "arguments": {}}]')


def test_a_template_of_ones_own() -> None:
    template = ToolTemplate(
        begin=("calls:", SpecialToken("[TOOL_CALLS]")), call_begin="- ", name_key="fn", arguments_key="with", end="."
    )
    compact = {"whitespace": "compact"}
    region = tool_calls(TOOLS, template=template, json_options=compact)
    assert region.special_tokens == ("[TOOL_CALLS]",)
    call = '- {"fn":"now","with":{}}'
    assert accepts(region, f"so calls:[TOOL_CALLS]{call}{call}.")
    assert accepts(region, "so call")
    assert not accepts(region, f"so calls:{call}.")
    assert not accepts(region, f"so calls:[TOOL_CALLS]{call}")


def test_markers_are_special_tokens_where_the_vocabulary_has_them() -> None:
    tokens = [*(bytes([b]) for b in range(256)), b"<tool_call>", b"</tool_call>", b"</think>"]
    vocabulary = stolcke.Vocabulary(tokens, special_token_ids=[256, 257])
    template = TEMPLATES["hermes"].in_vocabulary(vocabulary)
    assert (template.call_begin, template.call_end) == (SpecialToken("<tool_call>"), SpecialToken("</tool_call>"))
    assert template.begin == ""
    assert marker_in(vocabulary, "</think>") == "</think>"
    assert TEMPLATES["mistral"].in_vocabulary(vocabulary) == TEMPLATES["mistral"]
    matcher = stolcke.compile(tool_calls(TOOLS, template=template).grammar, vocabulary).matcher()
    assert matcher.accept_bytes(b"<tool_call> is a tag. ")
    assert matcher.accept(256)
    assert matcher.accept_bytes(b'{"name": "now", "arguments": {}}')
    assert not matcher.is_accepting
    assert matcher.accept(257)
    assert matcher.is_accepting


def test_a_whole_request() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "null"}}, "required": ["x"]}
    request = {
        "model": "m",
        "messages": [],
        "tools": TOOLS,
        "response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}},
    }
    region = chat_request(request)
    call = SPELLED["hermes"][0]
    assert [accepts(region, text) for text in ('{"x": null}', call, "text")] == [True, True, False]
    region = chat_request({**request, "response_format": {"type": "text"}, "stop": "\n\n"}).after("</think>")
    assert [accepts(region, "so</think>" + text) for text in ("a\n\n", f"a{call}", "a\n\na", call + "\n\n")] == [
        *(True, True),
        *(False, True),
    ]
    assert accepts(chat_request({"tools": TOOLS, "tool_choice": "none"}), "text")


def function(**fields: object) -> dict:
    return {"type": "function", "function": fields}


@pytest.mark.parametrize(
    ("tools", "choice", "pointer", "words"),
    [
        ([], "auto", "#/tools", "no tools are given"),
        ({}, "auto", "#/tools", "an array, not an object"),
        ([{"type": "custom", "function": {}}], "auto", "#/tools/0/type", "known are function"),
        ([function(parameters={})], "auto", "#/tools/0/function", "'name' is missing"),
        ([function(name="f", returns={})], "auto", "#/tools/0/function", "'returns' is not known"),
        ([function(name="f g")], "auto", "#/tools/0/function/name", "no name"),
        ([function(name="f"), function(name="f")], "auto", "#/tools/1/function/name", "two functions"),
        ([function(name="f", parameters=3)], "auto", "#/tools/0/function/parameters", "an object, not a number"),
        (TOOLS, "any", "#/tool_choice", "known are none, auto, required"),
        (TOOLS, function(name="h"), "#/tool_choice/function/name", "known are get_weather, add, now"),
        (TOOLS, {"function": {}}, "#/tool_choice", "'type' is missing"),
    ],
)
def test_wrong_requests_are_refused(tools, choice, pointer: str, words: str) -> None:
    with pytest.raises(ResponseFormatError) as caught:
        tool_calls(tools, choice)
    assert caught.value.pointer == pointer
    assert words in str(caught.value)


def test_wrong_templates_and_parameters_are_refused() -> None:
    with pytest.raises(ResponseFormatError, match="there are hermes, llama3_json"):
        tool_calls(TOOLS, template="chatml")
    with pytest.raises(ResponseFormatError, match="tells a call from text"):
        tool_calls(TOOLS, template=ToolTemplate(name_end=":"))
    with pytest.raises(SchemaError) as caught:
        tool_calls([function(name="f", parameters={"properties": {"x": {"minimum": "1"}}})])
    assert caught.value.pointer == "#/tools/0/function/parameters/properties/x/minimum"
    with pytest.raises(ResponseFormatError, match="asks for tools"):
        chat_request({"tool_choice": "required"})
