"""Grammars built in Python are checked; constructors and comparisons behave."""

from __future__ import annotations

import pytest

from stolcke.errors import GrammarError, RegexError
from stolcke.grammar.model import Grammar, Location, Nonterminal, Rule, RuleOptions, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal, Nonempty, Regex, Whole
from tests.reference.language import language

START, A = Nonterminal("start"), Terminal("A")
TERMINALS = {"A": TerminalDefinition("A", Literal("a"))}


def test_a_grammar_built_in_python():
    grammar = Grammar("start", [Rule(START, (A, START)), Rule(START, ())], TERMINALS)
    assert language(grammar, "a", 3) == {"", "a", "aa", "aaa"}
    assert isinstance(grammar.rules, tuple)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": "other"}, "start rule 'other' is not defined"),
        ({"rules": ()}, "start rule 'start' is not defined"),
        ({"rules": (Rule(START, (Nonterminal("lost"),)),)}, "name='lost'.*is not defined"),
        ({"rules": (Rule(START, (Terminal("B"),)),)}, "name='B'.*is not defined"),
        ({"rules": (Rule(START, (Terminal("start"),)),)}, "is not defined"),
        ({"rules": (Rule(START, ("A",)),)}, "'A', used in rule 'start', is not defined"),
        ({"rules": (Rule("start", ()),)}, "must be Rule"),
        ({"rules": (Rule(START, [A]),)}, "must be Rule"),
        ({"rules": ("start",)}, "must be Rule"),
        ({"terminals": {"A": Literal("a")}}, "must be a TerminalDefinition"),
        ({"terminals": {"A": TerminalDefinition("B", Literal("a"))}}, "must be a TerminalDefinition of that name"),
        ({"terminals": {"A": TerminalDefinition("A", "a")}}, "must be a Pattern"),
        ({"ignore": ("WS",)}, "ignored terminal 'WS' is not defined"),
        ({"options": {"lost": RuleOptions()}}, "'lost', which has no rule"),
    ],
)
def test_malformed_grammars(fields, message):
    whole = {"start": "start", "rules": (Rule(START, (A,)),), "terminals": TERMINALS}
    assert Grammar(**whole)
    with pytest.raises(GrammarError, match=message):
        Grammar(**{**whole, **fields})


def test_an_undefined_symbol_is_reported_with_the_rule_s_place():
    rule = Rule(START, (Terminal("B"),), None, Location(3, 7, "some.lark"))
    with pytest.raises(GrammarError, match=r"some\.lark, line 3, column 7"):
        Grammar("start", (rule,), TERMINALS)


def test_equal_grammars_are_equal_wherever_they_were_written():
    one = Grammar.from_lark('start: "a" x\nx: "b"')
    other = Grammar.from_lark('\n\n  start:   "a"   x\nx: "b"')
    assert one == other
    assert len({one, other}) == 1
    assert one != Grammar.from_lark('start: "a" x\nx: "c"')


def test_fields_cannot_be_changed():
    grammar = Grammar.from_lark('start: "a"')
    with pytest.raises(AttributeError):
        grammar.start = "x"
    with pytest.raises(TypeError):
        grammar.terminals["A"] = TERMINALS["A"]


def test_from_choices():
    assert language(Grammar.from_choices(["ab", "a", "ab", "ba"]), "ab", 4) == {"ab", "a", "ba"}
    assert language(Grammar.from_choices(["", "a"]), "ab", 2) == {"", "a"}
    assert language(Grammar.from_choices([""]), "ab", 2) == {""}
    assert language(Grammar.from_choices(text for text in ["b"]), "ab", 2) == {"b"}
    assert Grammar.from_choices([b"\xff"]).terminals["CHOICE"].pattern == Literal(b"\xff")


@pytest.mark.parametrize("choices", [[], (), "abc", b"abc", [1], ["a", None]])
def test_choices_that_are_none(choices):
    with pytest.raises(GrammarError, match="choice"):
        Grammar.from_choices(choices)


def test_from_regex():
    assert language(Grammar.from_regex("a+b?"), "ab", 3) == {"a", "aa", "aaa", "ab", "aab"}
    assert language(Grammar.from_regex("A", "i"), "aA", 2) == {"a", "A"}
    assert language(Grammar.from_regex("a*"), "a", 2) == {"", "a", "aa"}
    assert Grammar.from_regex("a*").terminals["REGEX"].pattern == Nonempty(Regex("a*"))
    assert Grammar.from_regex("[^a]").terminals["REGEX"].pattern == Regex("[^a]")
    assert Grammar.from_regex("a b", "xi").terminals["REGEX"].pattern == Regex("a b", "ix")


def test_assertions_of_a_regex_see_the_ends_of_the_text():
    assert language(Grammar.from_regex(r"^a*$"), "a", 2) == {"", "a", "aa"}
    assert language(Grammar.from_regex(r"(?<!b)\bab?(?!bc)\b(?!\n)"), "ab", 3) == {"a", "ab"}
    assert language(Grammar.from_regex(r"\B|a"), "a", 2) >= {"a"}
    assert language(Grammar.from_regex("(?=.*a)(?=.*b).{2}"), "ab", 2) == {"ab", "ba"}
    grammar = Grammar.from_regex("^a+$")
    assert grammar.terminals["REGEX"].pattern == Nonempty(Whole(Regex("^a+$")))
    with pytest.raises(GrammarError, match="as the whole of a text"):
        str(grammar)


@pytest.mark.parametrize(
    ("pattern", "flags", "position"),
    [("a(b", "", 1), ("a**", "", 2), ("[z-a]", "", 1), ("a", "l", None), ("(?<=a+)b", "", None), (b"a", "", None)],
)
def test_malformed_expressions(pattern, flags, position):
    with pytest.raises(RegexError) as caught:
        Grammar.from_regex(pattern, flags)
    assert caught.value.position == position


def test_deep_expressions_are_refused():
    from stolcke.errors import StolckeError

    with pytest.raises(StolckeError):
        Grammar.from_regex("(" * 100_000 + "a" + ")" * 100_000)


def test_from_file(tmp_path):
    path = tmp_path / "some.lark"
    path.write_text('\ufefffirst: "a"\r\n', encoding="utf-8")
    grammar = Grammar.from_file(path, start="first")
    assert language(grammar, "a", 2) == {"a"}
    assert grammar.rules[0].location.source == str(path)
    with pytest.raises(FileNotFoundError):
        Grammar.from_file(tmp_path / "nothing.lark")
