"""The rules said to be open are those that brackets, or a look at the grammar, say."""

from __future__ import annotations

import json
import random

import pytest

import stolcke
from stolcke.domains import Layout
from stolcke.observing.open_rules import OpenRules

BYTES = stolcke.Vocabulary.from_bytes()


def along(compiled: stolcke.CompiledGrammar, text: bytes) -> list[tuple[str, ...]]:
    """What is open before each byte of a text, and behind it."""
    rules, matcher = OpenRules(compiled), compiled.matcher()
    found = [rules.at(matcher.state)]
    for number, byte in enumerate(text):
        assert matcher.accept_bytes(bytes([byte])), text[: number + 1]
        found.append(rules.at(matcher.state))
    return found


def value(chance: random.Random, depth: int) -> object:
    kind = chance.choice(["object", "array", "text", "number"] if depth else ["text", "number"])
    if kind == "object":
        return {f"{{[{i}": value(chance, depth - 1) for i in range(chance.randrange(4))}
    if kind == "array":
        return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return "]}{[," if kind == "text" else chance.randrange(1000)


@pytest.mark.parametrize("seed", range(12))
def test_objects_and_arrays_of_json_are_the_brackets_open(seed: int) -> None:
    compiled = stolcke.compile(stolcke.Grammar.from_file(stolcke.grammar_path("json")), BYTES)
    text = json.dumps(value(random.Random(seed), 5), separators=(",", ":"))
    stack: list[str] = []
    inside = False
    expected = [()]
    for character in text:
        inside ^= character == '"'
        if not inside and character in "{[":
            stack.append({"{": "object", "[": "array"}[character])
        elif not inside and character in "}]":
            stack.pop()
        expected.append(tuple(stack))
    found = along(compiled, text.encode())
    assert [tuple(name for name in each if name in ("object", "array")) for each in found] == expected


def test_rules_terminals_and_readings() -> None:
    grammar = stolcke.Grammar.from_lark("""
        start: call | sum
        sum: NUMBER "+" NUMBER
        call: NAME "(" [sum ("," sum)*] ")"
        NAME: /[a-z]+/
        NUMBER: /[0-9]+/
    """)
    assert along(stolcke.compile(grammar, BYTES), b"f(1+2,3+4)") == [
        (),
        ("call", "NAME"),
        ("call",),
        ("call", "sum", "NUMBER"),
        ("call", "sum"),
        ("call", "sum", "NUMBER"),
        ("call",),
        ("call", "sum", "NUMBER"),
        ("call", "sum"),
        ("call", "sum", "NUMBER"),
        (),
    ]


def test_rules_that_not_all_readings_have_are_left_out() -> None:
    grammar = stolcke.Grammar.from_lark("""
        start: "(" (one | two) ")"
        one: "<" deep ">"
        two: "<" "a" "b"
        deep: "a" "b" "c"
    """)
    found = along(stolcke.compile(grammar, BYTES), b"(<abc>)")
    assert (found[2][0], set(found[2][1].split(" | "))) == ("start", {"one", "two"})
    assert (found[3][0], set(found[3][1].split(" | "))) == ("start", {"deep", "two"})
    assert found[5] == ("start", "one")


def test_left_and_right_recursion_and_lists_do_not_nest() -> None:
    grammar = stolcke.Grammar.from_lark(
        'start: left ";" right ";" list\nleft: left "l" | "l"\nright: "r" right | "r"\nlist: "x"*'
    )
    found = along(stolcke.compile(grammar, BYTES), b"lll;rrrr;xxxx")
    assert found[1] == found[3] == ("start | left",)
    assert found[5] == found[7] == ("start | right",)
    assert found[10] == found[13] == ("list",)


def test_deep_nesting_is_named_from_inside() -> None:
    grammar = stolcke.Grammar.from_lark('start: "(" start ")" | "[" start "]" | "x"')
    compiled = stolcke.compile(grammar, BYTES)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"(" * 30)
    assert OpenRules(compiled).at(matcher.state) == ("start",) * 30
    assert matcher.accept_bytes(b"[(" * 30_000)
    found = OpenRules(compiled).at(matcher.state)
    assert 500 < len(found) < 60_000 and set(found) == {"start"}


@pytest.mark.parametrize("order", ["declared", "any"])
def test_schemas_with_tallies_and_without(order: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "integer"}}, "b": {}},
        "required": ["a"],
    }
    compiled = stolcke.compile(stolcke.Grammar.from_json_schema(schema, property_order=order), BYTES)
    found = along(compiled, b'{"a": [1, 2], "b": {"c": [[3]]}}')
    known = set(compiled.arrays.nonterminals)
    terminals = set(compiled.arrays.terminals)
    for each in found:
        names = {name for joined in each[:-1] for name in joined.split(" | ")}
        assert names <= known
        assert not each or set(each[-1].split(" | ")) <= known | terminals
    inside = [len(each) for each in found]
    assert inside[0] == 0 and max(inside) == max(inside[24:30]) > inside[9] > 1
    assert all(each[0].startswith("document") for each in found[3:-3])


def test_guarded_grammars_and_prefixes() -> None:
    grammar = stolcke.Grammar.from_lark(r"""
        start: (_NL | _stmt)*
        _stmt: pass | block
        pass: "pass" _NL
        block: "if" NAME ":" _NL _INDENT _stmt+ _DEDENT
        NAME: /[a-z]+/
        _NL: (/\r?\n[\t ]*/ | /#[^\n]*/)+
        %ignore /[ \t]+/
        %declare _INDENT _DEDENT
    """)
    compiled = stolcke.compile(grammar, BYTES, guard=Layout(newline="_NL"))
    found = along(compiled, b"if a:\n  if b:\n    pass\n")
    levels = ["start", "block", "block", "pass", '"pass"']
    assert all(name in each.split(" | ") for name, each in zip(levels, found[20], strict=True))
    matcher = stolcke.compile(stolcke.Grammar.from_choices(["yes", "no"]), BYTES).matcher(prefix=b"so ")
    assert OpenRules(matcher.compiled).at(matcher.state) == ()
    assert matcher.accept_bytes(b"so y") and OpenRules(matcher.compiled).at(matcher.state)
