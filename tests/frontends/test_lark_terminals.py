"""Terminals: their patterns, and the names that unnamed ones get, against Lark."""

from __future__ import annotations

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Choice, Literal, Pattern, Regex, Repeat, Sequence
from tests.reference.language import pattern_texts


def pattern_of(definition: str, name: str = "T") -> Pattern:
    return Grammar.from_lark(f"start: T\n{definition}").terminals[name].pattern


@pytest.mark.parametrize(
    ("definition", "pattern"),
    [
        ('T: "a"', Literal("a")),
        ('T: "a"i', Literal("a", ignore_case=True)),
        (r'T: "\"\\\n\t\x41\u00e9\/"', Literal('"\\\n\tAé\\/')),
        ("T: /a+/", Regex("a+")),
        ("T: /a b/xi", Regex("a b", "ix")),
        (r"T: /a\/b/", Regex(r"a\/b")),
        ('T: "a".."f"', Regex("[a-f]")),
        (r'T: "\\".."]"', Regex(r"[\\-\]]")),
        ('T: "a" "b"', Sequence((Literal("a"), Literal("b")))),
        ('T: "a" | "b" "c"', Choice((Literal("a"), Sequence((Literal("b"), Literal("c")))))),
        ('T: "a"?', Repeat(Literal("a"), 0, 1)),
        ('T: ["a"]', Repeat(Literal("a"), 0, 1)),
        ('T: "a"*', Repeat(Literal("a"), 0, None)),
        ('T: ("a" | "b")+', Repeat(Choice((Literal("a"), Literal("b"))), 1, None)),
        ('T: "a"~3', Repeat(Literal("a"), 3, 3)),
        ('T: "a"~3..5', Repeat(Literal("a"), 3, 5)),
        ('T: U "x"\nU: V V\nV: "v"', Sequence((Sequence((Literal("v"), Literal("v"))), Literal("x")))),
        ('T: "a" |', Choice((Literal("a"), Sequence(())))),
    ],
)
def test_patterns(definition, pattern):
    assert pattern_of(definition) == pattern


@pytest.mark.parametrize(
    "definition",
    [
        r'T: "a".."c" ("b" | /[ab]c?/)~1..2',
        r'T: ("a" ["b"])+ "c"',
        r'T: "AB"i /c|a/i?',
        r"T: /a # comment\n b/x | /./s",
        r'T: U~2\nU: "a" | "b" | "ab"'.replace("\\n", "\n"),
    ],
)
def test_patterns_match_what_lark_s_expression_matches(definition):
    import re

    (terminal,) = (t for t in lark.Lark(f"start: T\n{definition}", parser="earley").terminals if t.name == "T")
    expression = re.compile(terminal.pattern.to_regexp())
    alphabet = "abcA"
    found = pattern_texts(pattern_of(definition), alphabet, 5)
    from tests.reference.language import all_texts

    assert found == {text for text in all_texts(alphabet, 5) if expression.fullmatch(text)}


NAMES = r"""
start: "+" "if" "If" "if"i "while"i "->" "x1" "1x" "é" "_" "__a" "+" /r/ "r" "n" "\n" "\r\n" /n/ "a b" "(" "PLUS"
_other: NAMED "named" THEN "then" /re/ "also" "-"
NAMED: "named"
THEN: "then"i
RE: /re/
MINUS: /m/
FIRST: "also"
SECOND: "also"
"""


def test_unnamed_terminals_are_named_as_lark_names_them():
    ours = Grammar.from_lark(NAMES)
    theirs = lark.Lark(NAMES, parser="earley", keep_all_tokens=True, start=["start", "_other"])
    expected = {t.name: (t.pattern.value, "i" in t.pattern.flags) for t in theirs.terminals}
    found = {
        name: (t.pattern.source, False) if isinstance(t.pattern, Regex) else (t.pattern.text, t.pattern.ignore_case)
        for name, t in ours.terminals.items()
    }
    assert {name: value for name, value in found.items() if name in expected} == expected
    # Lark drops terminals without use; we keep them for the report.
    assert set(found) - set(expected) <= {"MINUS", "FIRST", "THEN"}


def test_priorities_and_places():
    grammar = Grammar.from_lark('start: A B\nA.5: "a"\nB.-2: "b"')
    assert [(t.priority, t.location.line, t.location.column) for t in grammar.terminals.values()] == [
        (5, 2, 1),
        (-2, 3, 1),
    ]


def test_unnamed_terminals_know_where_they_are_first_met():
    grammar = Grammar.from_lark('start: "a" b\nb: "a" /x/ "0".."9"\n%ignore " "')
    places = {name: (t.location.line, t.location.column) for name, t in grammar.terminals.items()}
    assert places == {"A": (1, 8), "__ANON_0": (2, 8), "__ANON_1": (2, 12), "SPACE": (3, 9)}


def test_ignore_in_all_its_forms():
    grammar = Grammar.from_lark(
        'start: "a"\n%ignore WS\n%ignore "#"\n%ignore / +/\n%ignore ("x" "y")+\n%ignore WS\nWS: "w"'
    )
    assert grammar.ignore == ("WS", "HASH", "__ANON_0", "__IGNORE_3")
    assert grammar.terminals["__IGNORE_3"].pattern == Repeat(Sequence((Literal("x"), Literal("y"))), 1, None)


def test_terminals_that_only_serve_others_are_left_out_and_unused_ones_kept():
    grammar = Grammar.from_lark('start: A\nA: PART "x"\nPART: "p"\nLOST: "l" PART')
    assert set(grammar.terminals) == {"A", "LOST"}


def test_recursion_is_found_from_every_side():
    from stolcke.errors import GrammarError

    for text in ("T: T", 'T: "a" T?', "T: U\nU: V\nV: U", "U: U"):
        with pytest.raises(GrammarError, match="must not refer to themselves"):
            Grammar.from_lark(f'start: "s"\n{text}')


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8))
def test_escaped_literals_read_as_the_text_they_stand_for(text):
    """Escapes written the plain way, one code point at a time."""
    escaped = "".join(f"\\U{ord(char):08x}" for char in text if char not in "\\")
    if escaped:
        grammar = Grammar.from_lark(f'start: T\nT: "{escaped}"')
        assert grammar.terminals["T"].pattern == Literal(text.replace("\\", ""))
