"""A printed grammar reads back as the same grammar, to us and to Lark."""

from __future__ import annotations

import re
from random import Random

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar, Nonterminal, Rule, RuleOptions, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal, Nonempty, Pattern, Regex, Repeat, Sequence, Special
from tests.reference.language import all_texts, language
from tests.reference.random_grammars import random_grammar

TEXTS = [
    'start: "a" | "b" "c"* -> x | [A] d~2..3\n?d.2: "+" | "if"\n!_e: d+\nA.3: /[a-c"]/i "x".."z" | "lit"i~2',
    'start: "\\"" "\\\\" /\\// /"/ /[\\]\\/"]/ "\\n" /\\n/ /\\x41/ /a\\.b/x',
    'start: _CALL "x"\n%declare _CALL OTHER\n%ignore " "\n%ignore /#[^\\n]*/\n%ignore WS\nWS: ("\\t" | "\\f")+',
    "start:\nother: | other",
    'start: t{"a"} t{"b"}\nt{x}: x | t{x} ","',
    'start: "a" | "a" | b\nb: "a"\nlost: "c"\nLOST: "d" XS*\nXS: "x"~3..3 Y\nY: ("y" |)',
]


@pytest.mark.parametrize("text", TEXTS)
def test_printed_text_reads_back_as_an_equal_grammar(text):
    grammar = Grammar.from_lark(text)
    printed = str(grammar)
    again = Grammar.from_lark(printed)
    assert again == grammar
    assert hash(again) == hash(grammar)
    assert str(again) == printed


@pytest.mark.parametrize("text", TEXTS)
def test_printed_text_is_text_to_lark(text):
    parser = lark.Lark(str(Grammar.from_lark(text)), parser="earley", lexer="dynamic_complete")
    assert parser.rules


def test_random_grammars_keep_language_and_rules():
    for seed in range(200):
        grammar = random_grammar(Random(seed), ignore=seed % 2 == 0)
        again = Grammar.from_lark(str(grammar), start=grammar.start)
        assert language(again, "ab ", 3) == language(grammar, "ab ", 3), str(grammar)
        assert len(again.rules) == len(grammar.rules)


def grammar_of(pattern: Pattern) -> Grammar:
    return Grammar("start", (Rule(Nonterminal("start"), (Terminal("T"),)),), {"T": TerminalDefinition("T", pattern)})


def reread(pattern: Pattern) -> Pattern:
    return Grammar.from_lark(str(grammar_of(pattern))).terminals["T"].pattern


@settings(max_examples=400, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1), st.booleans())
def test_literals_survive(text, ignore_case):
    grammar = grammar_of(Literal(text, ignore_case))
    assert Grammar.from_lark(str(grammar)) == grammar


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@settings(max_examples=400, deadline=None)
@given(
    st.text(st.sampled_from("ab\"'/\\\\\\nxtu.*+()[]|^-#0127 \n\t\r\0é\u2028"), min_size=1, max_size=8),
    st.sampled_from(["", "i", "x", "s"]),
)
def test_expressions_keep_their_meaning(source, flags):
    try:
        expected = re.compile(f"(?{flags}){source}" if flags else source)
    except (re.error, OverflowError):
        return
    found = reread(Regex(source, flags))
    assert found.flags == flags
    again = re.compile(f"(?{flags}){found.source}" if flags else found.source)
    for text in all_texts("ab\"\\/nx'A\n#2 ", 2):
        assert bool(again.fullmatch(text)) == bool(expected.fullmatch(text)), (source, found.source, text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"\x2a", r"\052"),
        (r"\u002b\n", r"\053\012"),
        ("/", r"\/"),
        (r"\\\"", r"\\\042"),
        ('\\\\"', r"\\\042"),
    ],
)
def test_escapes_that_lark_would_evaluate(source, expected):
    assert reread(Regex(source)).source == expected


@pytest.mark.parametrize(
    "pattern",
    [
        Sequence(()),
        Repeat(Literal("a"), 2, None),
        Repeat(Sequence((Literal("a"), Regex("b|c"))), 0, 3),
        Choice((Literal("a"), Sequence((Literal("b"), Literal("c"))), Repeat(Literal("a"), 1, 1))),
    ],
)
def test_composed_patterns_keep_their_meaning(pattern):
    grammar = grammar_of(pattern)
    assert language(Grammar.from_lark(str(grammar)), "abc", 4) == language(grammar, "abc", 4)


def test_the_empty_choice_matches_nothing():
    assert language(Grammar.from_lark(str(grammar_of(Choice(())))), "ab", 2) == set()


def test_bytes_are_printed_where_they_are_utf8():
    assert reread(Literal("é".encode())) == Literal("é")
    with pytest.raises(GrammarError, match=r"bytes b'\\xff', which are not UTF-8"):
        str(grammar_of(Literal(b"\xff")))


@pytest.mark.parametrize("pattern", [Literal(""), Sequence((Special("T"),)), Special("other"), Nonempty(Regex("a*"))])
def test_what_lark_cannot_express_is_an_error(pattern):
    with pytest.raises(GrammarError):
        str(grammar_of(pattern))


def test_names_that_lark_does_not_allow_are_changed():
    names = ["start", "Rule One", "rule_rule_one", "ünï", "/a/b", "/a?b", "X"]
    rules = [Rule(Nonterminal("start"), tuple(map(Nonterminal, names[1:])))]
    rules += [Rule(Nonterminal(name), (Terminal("a b"), Terminal("A_B"))) for name in names[1:]]
    terminals = {"a b": TerminalDefinition("a b", Literal("x")), "A_B": TerminalDefinition("A_B", Regex("y"))}
    grammar = Grammar("start", tuple(rules), terminals)
    again = Grammar.from_lark(str(grammar))
    assert len(again.alternatives) == len(names)
    assert language(again, "xy", 12) == {"xy" * 6}


def test_options_are_printed():
    rule = Rule(Nonterminal("start"), (), "empty")
    grammar = Grammar("start", (rule,), {}, (), {"start": RuleOptions(True, True, -4)})
    assert str(grammar) == "?!start.-4: -> empty\n"
    assert Grammar.from_lark(str(grammar)) == grammar


def test_an_empty_expression():
    assert Grammar.from_lark(str(grammar_of(Regex("")))).terminals["T"].pattern == Regex("(?:)")
