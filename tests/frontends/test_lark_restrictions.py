"""``%follow``, ``%precede`` and ``%reserve`` in Lark texts: what they become, and what is refused where."""

from __future__ import annotations

import pytest

from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar, Neighbour, Terminal
from stolcke.grammar.patterns import Literal, Regex

LETTERS = (0, ord("a"), ord("z") + 1, 0x110000)


def test_a_directive_is_part_of_the_terminal():
    grammar = Grammar.from_lark(
        'start: A\nA: /[a-z]+/\n%follow A: /[a-z]/\n%precede A: /^|[a-z]/\n%reserve A: "x" | /y+/'
    )
    terminal = grammar.terminals["A"]
    assert terminal.follow == Neighbour(LETTERS, True)
    assert terminal.precede == Neighbour(LETTERS, False)
    assert terminal.reserved == (Literal("x"), Regex("y+"))


@pytest.mark.parametrize(
    "text",
    [
        'start: A "x"\nA: /[a-z]+/\n%reserve A: "if" | /y+/\n%follow A: /[a-z]|$/\n%precede A: /^|[0-9]/\n',
        'start: A\nA.2: /[^"]+/\n%follow A: /[\\/\\]\\\\^-]/\n%precede A: /[é€]/\n',
        "start: A\nA: /a/\n%follow A: /$/\n%precede A: /[\\s\\S]/\n",
    ],
)
def test_printed_text_reads_back_as_an_equal_grammar(text):
    grammar = Grammar.from_lark(text)
    again = Grammar.from_lark(str(grammar))
    assert again == grammar
    assert hash(again) == hash(grammar)
    assert str(again) == str(grammar)


def test_grammars_that_differ_in_restrictions_are_different():
    text = "start: A\nA: /a/\n%follow A: /{}/"
    assert Grammar.from_lark(text.format("x")) != Grammar.from_lark(text.format("y"))


def test_a_choice_of_literals_stands_for_each_of_them():
    grammar = Grammar.from_lark('start: "if" A "fi"\nA: /x/\nWORDS: "if" | "fi" | "of"\n%follow WORDS: /[a-z]/')
    asked = {name for name, terminal in grammar.terminals.items() if terminal.follow is not None}
    assert asked == {"IF", "FI", "WORDS"}


def test_literals_are_named_as_rules_have_them():
    grammar = Grammar.from_lark('start: "if" ":" "IF"i\n%follow "if", ":", "IF"i: /[a-z]/')
    assert all(terminal.follow == Neighbour(LETTERS) for terminal in grammar.terminals.values())


def test_several_directives_leave_what_all_of_them_allow():
    grammar = Grammar.from_lark('start: A\nA: /a/\n%follow A: "x"\n%follow A: /y|$/')
    assert grammar.terminals["A"].follow == Neighbour((0, ord("x"), ord("z"), 0x110000), False)


def test_excepted_rules_have_a_terminal_of_their_own():
    grammar = Grammar.from_lark(
        'start: A key other\nkey: A\nother: (A ",")+\nlist{x}: x A\nA: /[a-z]+/\n'
        '%reserve A: "if"\n  | "do" -> except key, other  // why\n%reserve A: "of" -> except key\n'
    )
    reserved = {name: [p.text for p in t.reserved] for name, t in grammar.terminals.items() if name.startswith("A")}
    assert sorted(reserved.values()) == [[], ["if", "do", "of"], ["of"]]
    of_rule = {rule.lhs.name: rule.rhs for rule in grammar.rules}
    assert of_rule["start"][0] == Terminal("A")
    assert reserved[of_rule["key"][0].name] == []
    helper = of_rule[of_rule["other"][0].name]
    assert reserved[next(s.name for s in helper if s.name.startswith("A"))] == ["of"]
    assert {t.variant_of for name, t in grammar.terminals.items() if name.startswith("A/")} == {"A"}


def test_templates_are_excepted_by_their_name():
    grammar = Grammar.from_lark('start: pair{"x"} A\npair{y}: A y\nA: /[a-z]+/\n%reserve A: "if" -> except pair')
    of_rule = {rule.lhs.name: rule.rhs for rule in grammar.rules}
    assert of_rule["start"][1] == Terminal("A")
    assert grammar.terminals[of_rule["pair_0"][0].name].reserved == ()


def test_imports_bring_their_restrictions(tmp_path):
    (tmp_path / "words.lark").write_text(
        'name: NAME\nNAME: /[a-z]+/\nKEYWORDS: "if" | "else"\nOTHER: "o"\n'
        "%reserve NAME: KEYWORDS -> except name\n%follow NAME: LETTER\n%follow OTHER: /x/\nLETTER: /[a-z]/\n"
    )
    main = str(tmp_path / "main.lark")
    grammar = Grammar.from_lark("%import .words.NAME\nstart: NAME", source=main)
    assert grammar.terminals["NAME"].reserved == (Literal("if"), Literal("else"))
    assert grammar.terminals["NAME"].follow == Neighbour(LETTERS)
    renamed = Grammar.from_lark(
        "%import .words.NAME -> WORD\n%import .words.name -> word\nstart: WORD word", source=main
    )
    assert renamed.terminals["WORD"].reserved
    (inner,) = (rule.rhs[0] for rule in renamed.rules if rule.lhs.name == "word")
    assert renamed.terminals[inner.name].reserved == ()
    assert renamed.terminals[inner.name].variant_of == "WORD"


@pytest.mark.parametrize(
    ("directive", "line", "column", "says"),
    [
        ("%follow B: /x/", 4, 9, "'B' is not defined"),
        ("%follow A /x/", 4, 1, "and a colon, as in %follow NAME: /[a-z]/"),
        ("%reserve A:", 4, 1, "nothing is reserved"),
        ("%reserve a: A", 4, 1, "and a colon, as in %reserve NAME: KEYWORDS"),
        ("%follow A: /xy/", 4, 12, "beside a terminal stands one"),
        ('%follow A: "x" "y"', 4, 12, "beside a terminal stands one"),
        ("%follow A: /x+/", 4, 12, "beside a terminal stands one"),
        ("%follow A: B", 4, 12, "'B' is used but not defined"),
        ('%follow "z": /x/', 4, 9, 'no rule has "z"'),
        ("%follow X: /x/", 4, 9, "special token"),
        ('%reserve A: "a" -> except foo', 4, 27, "'foo' is excepted but not defined"),
        ('%reserve A: "a" -> except b', 4, 27, "does not mention A"),
        ('%reserve A: "a" -> except', 4, 17, "come names of rules"),
        ('%reserve A: "a" -> except b "x"', 4, 17, "and nothing else"),
        ('%follow A: "a" -> except b', 4, 16, "only %reserve has"),
        ('%reserve "a": "a"', 4, 10, "takes texts from a named terminal"),
        ('%reserve A: "a" )', 4, 17, "but expected"),
    ],
)
def test_what_is_refused(directive, line, column, says):
    with pytest.raises(GrammarError) as caught:
        Grammar.from_lark(f'%declare X\nstart: A b X?\nb: "b"\n{directive}\nA: /a/')
    assert says in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)
    shown, caret = str(caught.value).split("\n")[-2:]
    assert directive in shown
    assert caret.strip() == "^"


def test_a_directive_has_a_line_of_its_own():
    with pytest.raises(GrammarError, match="has a line of its own"):
        Grammar.from_lark("start: A %follow A: /x/\nA: /a/")


def test_except_is_an_alias_elsewhere():
    grammar = Grammar.from_lark("start: A -> except\nA: /a/\n%follow A: /x/")
    assert grammar.rules[0].alias == "except"


def test_what_looks_like_a_directive_in_a_string_or_comment_is_none():
    grammar = Grammar.from_lark('start: "%follow A: /x/" // %reserve A: "a" -> except b\n')
    assert [t.pattern for t in grammar.terminals.values()] == [Literal("%follow A: /x/")]
