"""``%json {...}`` in Lark grammars: where it may stand, what is ignored there, and what is wrong with it."""

from __future__ import annotations

import pytest

import stolcke
from stolcke import Grammar, GrammarError, SchemaError, UnsupportedSchema

PERSON = """%json {
  "type": "object",
  "properties": {"name": {"type": "string"}},

  "required": ["name"], "additionalProperties": false
}"""


def takes(grammar: Grammar, text: str) -> bool:
    matcher = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes()).matcher()
    return matcher.accept_bytes(text.encode()) and matcher.is_accepting


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (f'start: "call(" {PERSON} ")"', ['call({"name": "x"})'], ["call({})", 'call( {"name": "x"})', '{"name": ""}']),
        ("start: %json true", ["1", "[{}]", '"a"'], ["", " 1", "1 ", "1 2"]),
        ('start: %json false | %json {"const": 1}', ["1", "1.0"], ["2"]),
        ('start: "a" %json {"enum": [1, 2]}?', ["a", "a1", "a2"], ["a12", "a3"]),
        ('start: (%json {"const": true} ";")*', ["", "true;", "true;true;"], ["true"]),
        ('start: %json {"const": null}~2..3', ["nullnull", "nullnullnull"], ["null", "null" * 4]),
        ('start: [%json {"const": 1} | %json {"const": 2}] "b"', ["b", "1b", "2b"], ["3b"]),
        ('start: list{%json {"type": "boolean"}, ","}\nlist{x, sep}: x (sep x)*', ["true,false"], ["true,"]),
        ('start: "%json" // %json {\n  | /%json {/ # %json', ["%json", "%json {"], ["1"]),
        ('start: %json {"const": "}"} "}"', ['"}"}'], ['"}"']),
        ('start: %json\n  {"const": 1} "x"\n  | "y"', ["1x", "y"], ["1"]),
    ],
)
def test_languages(text: str, inside: list[str], outside: list[str]) -> None:
    grammar = Grammar.from_lark(text)
    for each in inside:
        assert takes(grammar, each), each
    for each in outside:
        assert not takes(grammar, each), each


def test_what_is_ignored_stands_before_a_schema_and_not_in_it() -> None:
    grammar = Grammar.from_lark('start: "a" %json {"type": ["array", "null"]} "b"\n%ignore "-"')
    for text in ("a[]b", "-a--[null, [ ]]-b-", "a\u002dnull-b"):
        assert takes(grammar, text), text
    for text in ("a[-]b", "a[null,-null]b", "a [] b", "anu-llb"):
        assert not takes(grammar, text), text


def test_schemas_keep_their_rules_apart() -> None:
    one, two = '{"properties": {"x": {"const": 1}}, "required": ["x"]}', '{"properties": {"x": {"const": 2}}}'
    grammar = Grammar.from_lark(f"start: %json {one} | document %json {two} \ndocument: %json {one}")
    assert takes(grammar, '{"x": 1}')
    assert takes(grammar, '{"x": 1}{"x": 2}')
    assert not takes(grammar, '{"x": 2}')
    assert not takes(grammar, '{"x": 1}{"x": 1}')


def test_recursive_schema() -> None:
    schema = '{"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}'
    grammar = Grammar.from_lark(f'start: "<" %json {schema} ">"\n%ignore "."')
    assert takes(grammar, ".<[[], [[]]]>")
    assert not takes(grammar, "<[[.]]>")


def test_imported_rules_bring_their_schemas(tmp_path) -> None:
    (tmp_path / "calls.lark").write_text('\n\ncall: "f(" %json {"type": "integer"} ")"\nother: %json true')
    text = 'start: call | %json {"const": "x"}\n%import .calls.call'
    grammar = Grammar.from_lark(text, source=tmp_path / "main.lark")
    assert takes(grammar, "f(5)")
    assert takes(grammar, '"x"')
    assert not takes(grammar, 'f("x")')


def test_options_are_those_of_from_json_schema() -> None:
    text = 'start: "=" %json {"properties": {"a": true, "b": true}, "additionalProperties": false}'
    text_in_other_order = '={"b":1,"a":2}'
    assert not takes(Grammar.from_lark(text), text_in_other_order)
    any_order = Grammar.from_lark(text, json_options={"property_order": "any", "whitespace": "compact"})
    assert takes(any_order, text_in_other_order)
    assert not takes(any_order, '={"b": 1}')
    with pytest.raises(GrammarError, match="json_options"):
        Grammar.from_lark(text, json_options={"order": "any"})


def test_what_is_dropped_is_told() -> None:
    text = 'start: %json {"type": "string", "pattern": "(a)\\\\1"} %json true'
    with pytest.raises(UnsupportedSchema) as refused:
        Grammar.from_lark(text)
    assert (refused.value.line, refused.value.column, refused.value.pointer) == (1, 8, "#/pattern")
    grammar = Grammar.from_lark(text, json_options={"strict": False})
    assert not grammar.exact
    assert len(grammar.dropped) == 1


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('start: "a"\n  | %json {"a" 5}', 2, 16, "expecting ':'"),
        ("start: %json", 1, 13, "expecting value"),
        ("start: %json 5", 1, 8, "object, true or false"),
        ('start: %json {"a": 1,\n "a": 2}', 1, 8, "twice"),
        ("start: %json " + "[" * 100_000, 1, 8, "nested too deep"),
        ('start: %json {"type":\n\n true} ")"', 1, 8, "type"),
        ('start: %json {"a":\n{}} lost "b"', 2, 5, "lost"),
        ('start: %json {"a":\n{}} )', 2, 5, "found ')'"),
        ("A: %json {}\nstart: A", 1, 4, "make it a rule"),
        ('%json {}\nstart: "a"', 1, 9, "end of the line"),
        ('%json {}: "b"\nstart: "a"', 1, 1, "cannot stand here"),
        ('%declare %json {}\nstart: "a"', 1, 10, "cannot stand here"),
        ('start: "x" -> %json {}', 1, 15, "found %json"),
    ],
)
def test_errors_say_where(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(GrammarError) as wrong:
        Grammar.from_lark(text)
    assert reason in wrong.value.reason
    assert (wrong.value.line, wrong.value.column) == (line, column)


def test_schema_errors_have_the_pointer_and_the_place() -> None:
    with pytest.raises(SchemaError) as wrong:
        Grammar.from_lark('start: "a"\n   | %json {"properties": {"x": {"minLength": -1}}}', source="g.lark")
    error = wrong.value
    assert (error.line, error.column, error.source, error.pointer) == (2, 6, "g.lark", "#/properties/x/minLength")
