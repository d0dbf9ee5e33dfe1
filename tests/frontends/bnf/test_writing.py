"""Grammars as GBNF and EBNF: what is printed means the same when it is read again, or is refused by name."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, reject

import stolcke
from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Tally, TallyEntry, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Counted, Literal, Machine, Nonempty, Regex, Repeat, Sequence
from stolcke.lexer import automaton
from tests.reference.earley import Earley
from tests.strategies import grammars, tally_grammars, texts

TEXTS = texts("abcé".encode(), 3)
BYTES = stolcke.Vocabulary.from_bytes()


def accepts(grammar: Grammar, text: str) -> bool:
    matcher = stolcke.compile(grammar, BYTES).matcher()
    return matcher.accept_bytes(text.encode()) and matcher.is_accepting


class Recursion(Exception):
    """A rule begins with itself, which llama.cpp does not read."""


def gbnf(grammar: Grammar) -> str:
    try:
        return grammar.to_gbnf()
    except GrammarError as error:
        raise (Recursion if "begins with itself" in error.reason else AssertionError)(error.reason) from None


def language(grammar: Grammar) -> set[bytes]:
    reference = Earley(grammar)
    return {text for text in TEXTS if reference.is_sentence(text)}


@given(grammars(specials=False) | tally_grammars())
def test_what_is_written_is_read_as_the_same_language(grammar: Grammar) -> None:
    try:
        written = grammar.to_ebnf()
    except GrammarError as error:
        reason = error.reason
    else:
        reason = ""
    if reason:
        is_empty = not language(grammar) and "derives no text" in reason
        assert is_empty or re.search("not UTF-8|more than count its entries", reason), reason
        reject()
    expected = language(grammar)
    assert language(Grammar.from_ebnf(written)) == expected, written
    with contextlib.suppress(Recursion):
        assert language(Grammar.from_gbnf(gbnf(grammar))) == expected, written


@pytest.mark.parametrize("name", ["json", "arithmetic"])
def test_a_shipped_grammar(name) -> None:
    grammar = Grammar.from_file(stolcke.grammar_path(name))
    for again in (Grammar.from_gbnf(grammar.to_gbnf()), Grammar.from_ebnf(grammar.to_ebnf())):
        for text in ('{"a": [1, -2.5e3, "\\u00e9\\n"], "": null}', "[1,]", '"é😀"', "1 + 2*(x - 3)", "1 +", " ", "\\x"):
            assert accepts(again, text) == accepts(grammar, text), text


def test_a_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 3}, "b": {"type": "string", "maxLength": 2}},
        "additionalProperties": False,
    }
    grammar = Grammar.from_json_schema(schema, whitespace="compact")
    again = Grammar.from_gbnf(grammar.to_gbnf())
    for text in ('{"a":3}', '{"a":2}', '{"b":"😀\\n"}', '{"b":"abc"}', '{"a":3,"b":""}', '{"\\u0061":12}', "{}", "{"):
        assert accepts(again, text) == accepts(grammar, text), text


LARK = [
    ('start: "if"i /[k-]/i', ["IFk", "if\u212a", "iF-"], ["if", "ifa"]),
    ("start: /a.*?b/", ["ab", "acb"], ["abb", "a"]),
    ('start: /[^\\n"\\\\\\x00-\\x1f^]+/', ["é😀-]["], ["^", "\\", "\n", '"']),
    ("start: /(?s:.)x/", ["\nx", "ax"], ["xy"]),
    ("start: A~2..3\nA: /(a*b?)*c/", ["cc", "aabcbcc"], ["c", "b"]),
    ('start: a b\na: a "x" | "y" | b\nb: "z"*\n%ignore " "', ["y", " z xz z ", "", "  "], ["yzy"]),
    ('start: root | "(" start ")"\nroot: "a"', ["a", "((a))"], ["(a"]),
    ('start: x_1 "," x__1\nx_1: "a"\nx__1: "b"', ["a,b"], ["b,a"]),
    ("start: /[^a]/", ["b", "é", "😀", "\ud7ff", "\ue000"], ["a"]),
    ("start: /[\\u0080-\\U0010ffff]/", ["\x80", "߿", "ࠀ", "\uffff", "\U00010000", "\U0010ffff"], ["a"]),
]


@pytest.mark.parametrize(("lark", "inside", "outside"), LARK)
def test_constructs_of_lark(lark, inside, outside) -> None:
    grammar = Grammar.from_lark(lark)
    for again in (Grammar.from_gbnf(grammar.to_gbnf()), Grammar.from_ebnf(grammar.to_ebnf())):
        assert {each: accepts(again, each) for each in inside + outside} == (
            dict.fromkeys(inside, True) | dict.fromkeys(outside, False)
        )


def of_pattern(pattern) -> Grammar:
    start = Nonterminal("start")
    return Grammar("start", (Rule(start, (Terminal("T"),)),), {"T": TerminalDefinition("T", pattern)})


def test_patterns_that_lark_does_not_have() -> None:
    quoted = of_pattern(Counted(Literal('"'), Regex('[^"é]'), 2, 3, Literal('"')))
    assert quoted.to_gbnf() == 'root ::= T\nT ::= "\\"" [^"é]{2,3} "\\""\n'
    assert of_pattern(Literal("é".encode())).to_gbnf() == 'root ::= T\nT ::= "é"\n'
    nonempty = Grammar.from_gbnf(of_pattern(Nonempty(Repeat(Literal("a"), 0, 2))).to_gbnf())
    assert [accepts(nonempty, "a" * n) for n in range(4)] == [False, True, True, False]


def test_the_text_itself() -> None:
    lark = 'start: item ("," item)*\nitem: NAME | "(" start ")"\nNAME: /[a-z_][a-z0-9_]*/\n%ignore " "'
    grammar = Grammar.from_lark(lark)
    assert grammar.to_gbnf() == (
        "root ::= start ignored\n"
        'ignored ::= " "*\n'
        "start ::= item start-star-0\n"
        'start-star-0 ::= (ignored "," item)*\n'
        'item ::= ignored NAME | ignored "(" start ignored ")"\n'
        "NAME ::= [_a-z] [0-9_a-z]*\n"
    )
    assert Grammar.from_lark('start: "a"').to_ebnf(root="main") == 'main ::= "a"\n'


def test_special_tokens() -> None:
    text = 'root ::= <think> "a" <[7]>\n'
    assert Grammar.from_gbnf(text).to_gbnf() == text
    text = 'root ::= Token(3) "a" Token(7, 9)\n'
    assert Grammar.from_ebnf(text).to_ebnf() == text
    assert Grammar.from_ebnf(text).to_gbnf() == 'root ::= <[3]> "a" (<[7]> | <[9]>)\n'


def counted(**bounds) -> Grammar:
    tally = Tally((TallyEntry((Terminal("A"),), **bounds),))
    return Grammar("start", (), {"A": TerminalDefinition("A", Literal("a"))}, tallies={"start": tally})


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        (Grammar.from_lark('start: x "a" | "b"\nx: start "c"'), "begins with itself, as 'root' and 'x' can"),
        (Grammar.from_lark('start: x start "a" | "b"\nx: "c"?'), "begins with itself, as 'root' can"),
        (Grammar.from_lark("start: X\n%declare X"), "'X'.*which token"),
        (Grammar.from_ebnf("root ::= Token(1)"), None),
        (Grammar.from_lark('start: start "a"'), "derives no text"),
        (of_pattern(Literal(b"a\xff")), "terminal 'T': it matches bytes that are not UTF-8"),
        (of_pattern(Literal(b"\xc3")), "'T'.*not UTF-8"),
        (of_pattern(Literal(b"\xed\xa0\x80")), "'T'.*not UTF-8"),
        (of_pattern(Literal(b"\xe0\x80\x80")), "'T'.*not UTF-8"),
        (counted(once=True), "'start', a tally"),
        (of_pattern(Sequence((Machine("m", automaton(Regex("[ab]*a[ab]{11}"))), Literal("c")))), "'T'.*states"),
    ],
)
def test_what_gbnf_cannot_say_is_named(grammar, words) -> None:
    if words is None:
        assert grammar.to_gbnf() == "root ::= <[1]>\n"
        return
    with pytest.raises(GrammarError, match=words):
        grammar.to_gbnf()


def test_what_ebnf_cannot_say_is_named() -> None:
    with pytest.raises(GrammarError, match=r"<think>.*only ids"):
        Grammar.from_gbnf("root ::= <think>").to_ebnf()
    with pytest.raises(GrammarError, match="cannot be the name"):
        Grammar.literal("a").to_ebnf(root="1 2")
    with pytest.raises(GrammarError, match="not written <"):
        Grammar.from_gbnf("root ::= <a<b>").to_gbnf()


@pytest.mark.parametrize("rest", [r"A: /a\b/", r"A: /(?<!c)a/", 'A: "a"\n%follow A: /a/', 'A: /[ab]/\n%reserve A: "a"'])
def test_what_a_terminal_asks_for_is_refused_by_name(rest: str) -> None:
    grammar = Grammar.from_lark(f'start: (A | "c")+\n{rest}')
    for write in (grammar.to_gbnf, grammar.to_ebnf):
        with pytest.raises(GrammarError, match="cannot express what terminal 'A' asks of its neighbours"):
            write()


def test_assertions_within_a_match_are_written_as_automata() -> None:
    grammar = Grammar.from_lark(r"""start: A
A: /a(?!b)[a-c](?<!c)/""")
    assert [text for text in ("aa", "ab", "ac") if accepts(Grammar.from_gbnf(grammar.to_gbnf()), text)] == ["aa"]
