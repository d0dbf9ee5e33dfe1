"""Lexical rules as people use them: reserved words, neighbours, and all that a grammar with them still does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.deadline import Deadline
from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.model import Grammar, Neighbour, Nonterminal, Rule, Tally, TallyEntry, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal, Regex
from stolcke.lexical import without_restrictions
from stolcke.options import Limits
from tests.reference.language import all_texts
from tests.reference.restricted import Restricted

BYTES = stolcke.Vocabulary.from_bytes()

LANGUAGE = """
    start: statement+
    statement: NAME "=" expression ";" | "if" expression "then" statement | "return" expression ";"
    expression: term | expression "and" term | expression "+" term
    term: NAME | NUMBER | "(" expression ")" | term "." key
    key: NAME
    NAME: /[a-zé]+/
    NUMBER: /-?[0-9]+/
    KEYWORDS: "if" | "then" | "return" | "and"
    %reserve NAME: KEYWORDS -> except key
    %follow NAME, KEYWORDS: /[a-zé0-9]/
    %ignore " "
"""


def accepts(grammar: Grammar | str, text: str) -> bool:
    if isinstance(grammar, str):
        grammar = Grammar.from_lark(grammar)
    matcher = stolcke.compile(grammar, BYTES).matcher()
    return matcher.accept_bytes(text.encode()) and matcher.is_accepting


@pytest.fixture(scope="module")
def language() -> Grammar:
    return Grammar.from_lark(LANGUAGE)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("x=if;", False),
        ("x=iff;", True),
        ("x=y.if;", True),
        ("x=y.iff.then;", True),
        ("if x then y=z;", True),
        ("ifx then y=z;", False),
        ("if(x)then y=z;", True),
        ("if(x)theny=z;", False),
        ("if(x)and(y)then y=z;", True),
        ("if x and(y)and z then return(a);", True),
        ("if xand y then y=z;", False),
        ("x=éand y;", False),
        ("x=é and y;", True),
        ("return-1;", True),
        ("return1;", False),
        ("x=1and 2;", True),
    ],
)
def test_words_end_where_they_end(language, text, right):
    assert accepts(language, text) == right


def test_a_mask_says_what_may_follow_a_word(language):
    compiled = stolcke.compile(language, BYTES)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"x=if")
    # Only longer names are left: `if` itself is no name, and a name goes on with a letter.
    allowed = {int(token) for token in matcher.allowed_token_ids()}
    assert allowed == {*range(ord("a"), ord("z") + 1), 0xC3}
    matcher.reset()
    assert matcher.accept_bytes(b"if")
    assert ord("x") in matcher.allowed_token_ids()  # a name may begin with `if`, too
    assert ord("(") in matcher.allowed_token_ids()
    assert ord("=") not in matcher.allowed_token_ids()


def test_tokens_of_several_characters_have_the_masks_of_their_bytes(language):
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [
        w.encode() for w in ("if ", "if(", "ifx", " then", "then ", ")then", "and", " and ", "é=", "x;", ".if", "=if;")
    ]
    vocabulary = stolcke.Vocabulary([*tokens, b""], eos_token_ids=[len(tokens)])
    compiled = stolcke.compile(language, vocabulary)
    for text in (b"", b"if", b"if ", b"if x", b"if(x)", b"x=y", b"x=y.", b"x"):
        matcher = compiled.matcher()
        assert matcher.accept_bytes(text)
        allowed = set(matcher.allowed_token_ids().tolist())
        for token, data in enumerate(tokens):
            byte_wise = compiled.matcher()
            assert (token in allowed) == byte_wise.accept_bytes(text + data), (text, data)


GENERICS = """
    start: declaration | expression
    declaration: type " " NAME
    type: NAME | NAME "<" type ("," type)* CLOSE
    expression: NAME | expression GREATER expression | expression ">>" expression | GREATER expression
    NAME: /[A-Za-z]+/
    CLOSE: ">"
    GREATER: ">"
    %follow GREATER: />/
"""


@pytest.mark.parametrize(
    ("text", "right"), [("List<List<int>> x", True), ("a>>b", True), ("a>b", True), (">a", True), ("a>>>b", True)]
)
def test_brackets_close_one_by_one_beside_an_operator_of_two(text, right):
    assert accepts(GENERICS, text) == right


@pytest.mark.filterwarnings("ignore::stolcke.errors.InconsistentGrammarWarning")
def test_two_signs_are_not_the_operator_of_two():
    forest = stolcke.Parser(Grammar.from_lark(GENERICS)).parse("a>>b")
    assert forest.n_derivations == 1  # the shift; without the restriction, `>` and a signed `b` is another
    assert (
        stolcke.Parser(Grammar.from_lark(GENERICS.replace("%follow GREATER: />/", ""))).parse("a>>b").n_derivations == 2
    )
    spaced = GENERICS.replace("%follow GREATER: />/", "%follow GREATER: /[> ]/") + '    %ignore " "\n'
    assert accepts(spaced, "a >> b")
    assert not accepts(spaced, "a > > b")


@pytest.mark.parametrize(
    ("directive", "right", "wrong"),
    [
        ("%follow WORD: /$/", "ab.", "ab"),
        ("%follow WORD: /[.]|$/", "ab!", "ab."),
        ("%precede WORD: /^/", ".ab", "ab"),
        ("%precede WORD: /^|[.]/", "!ab", ".ab"),
        ('%follow WORD: "!"', "ab", "ab!"),
        ('%follow WORD: "!" | "."', "ab", "ab."),
        ("%follow WORD: MARK", "ab", "ab."),
        ("%reserve WORD: /a+/", "b", "aa"),
    ],
)
def test_the_text_has_ends(directive, right, wrong):
    grammar = f"start: MARK? WORD MARK?\nWORD: /[ab]+/\nMARK: /[.!]/\n{directive}"
    assert accepts(grammar, right)
    assert not accepts(grammar, wrong)


def test_several_directives_add_up():
    grammar = 'start: A /[a-z]/\nA: "a"\n%follow A: /x/\n%follow A: /[yz]/'
    assert [accepts(grammar, f"a{letter}") for letter in "wxyz"] == [True, False, False, False]


def test_a_special_token_is_an_edge():
    grammar = Grammar.from_lark("%declare _CALL\nstart: NAME _CALL NAME\nNAME: /[a-z]+/\n%follow NAME: /[a-z]/")
    vocabulary = stolcke.Vocabulary(
        [*(bytes([b]) for b in range(256)), b"<call>", b""], eos_token_ids=[257], special_token_ids=[256]
    )
    matcher = stolcke.compile(grammar, vocabulary, special={"_CALL": 256}).matcher()
    assert matcher.accept_bytes(b"a")
    assert matcher.accept(256)
    text = Grammar.from_lark("%declare _CALL\nstart: NAME _CALL NAME\nNAME: /[a-z]+/\n%follow NAME: /$/")
    with pytest.raises(GrammarError, match="derives no text"):
        stolcke.compile(text, vocabulary, special={"_CALL": 256})


def test_schemas_stand_beside_restricted_terminals():
    grammar = Grammar.from_lark(
        'start: NAME %json {"type": ["integer", "object"], "properties": {"a": {"type": "integer"}}}\n'
        "NAME: /[a-z]+/\n%follow NAME: /[a-z0-9-]/\n%ignore / +/"
    )
    assert accepts(grammar, 'x{"a": 1}')
    assert accepts(grammar, "x 1")
    assert not accepts(grammar, "x1")


def tally_grammar(*, follow: Neighbour) -> Grammar:
    """Names and numbers in any order, and nothing between them."""
    terminals = {
        "NAME": TerminalDefinition("NAME", Regex("[a-z]"), follow=follow),
        "NUMBER": TerminalDefinition("NUMBER", Regex("[0-9]")),
        "DOT": TerminalDefinition("DOT", Literal(".")),
    }
    entries = (TallyEntry((Terminal("NAME"),), once=True), TallyEntry((Terminal("NUMBER"),), once=True))
    rules = (Rule(Nonterminal("start"), (Nonterminal("t"), Terminal("DOT"))),)
    return Grammar("start", rules, terminals, tallies={"t": Tally(entries)})


def test_tallies_are_left_alone_and_refused_only_where_a_restriction_reaches_in():
    letters = (0, ord("a"), ord("z") + 1, 0x110000)
    assert accepts(tally_grammar(follow=Neighbour(letters)), "1a.")  # a name never follows a name here
    digits = (0, ord("0"), ord("9") + 1, 0x110000)
    with pytest.raises(GrammarError, match="comes between its entries: the tally 't'"):
        stolcke.compile(tally_grammar(follow=Neighbour(digits)), BYTES)


def test_bytes_that_are_no_characters_are_refused():
    terminals = {
        "A": TerminalDefinition("A", Literal("a"), follow=Neighbour((0, 97))),
        "B": TerminalDefinition("B", Literal(b"\xff")),
    }
    rules = (Rule(Nonterminal("start"), (Terminal("A"), Terminal("B"))),)
    with pytest.raises(GrammarError, match="bytes that are not UTF-8"):
        stolcke.compile(Grammar("start", rules, terminals), BYTES)


def test_a_bound_on_rules_holds_for_those_that_are_written():
    with pytest.raises(LimitExceeded, match="rules"):
        stolcke.compile(Grammar.from_lark(LANGUAGE), BYTES, limits=Limits(rules=30))


def test_messages_show_the_names_that_were_written(language):
    matcher = stolcke.compile(language, BYTES).matcher()
    assert matcher.accept_bytes(b"if(x)")
    assert set(matcher.expected()) == {'"then"', '"and"', '"+"', '"."', '" "'}
    assert matcher.accept_bytes(b" and x.")
    assert "NAME" in " ".join(matcher.expected())
    assert not any("~" in each or "/" in each for each in matcher.expected())


def test_trees_show_the_names_that_were_written(language):
    forest = stolcke.Parser(language).parse("if x and(y)then z=x.if;")
    assert forest.n_derivations == 1
    tree = forest.best.tree
    assert {node.data for node in tree.iter_subtrees()} == {"start", "statement", "expression", "term", "key"}
    assert [(token.type, token.value) for token in tree.scan_values(lambda _: True)] == [
        ("NAME", "x"), ("NAME", "y"), ("NAME", "z"), ("NAME", "x"), ("NAME", "if"),
    ]  # fmt: skip
    counts = forest.expected_counts()
    assert counts.shape == (len(language.rules),)
    used = {str(language.rules[i].lhs.name) for i in np.flatnonzero(counts)}
    assert {"statement", "expression", "term", "key"} <= used
    assert forest.inside("expression", 2, 4) > -np.inf
    with pytest.raises(stolcke.ParseError, match="'y' cannot come here"):
        stolcke.Parser(language).parse("if(x)theny=z;")


def test_probabilities_are_those_of_the_texts_that_are_left():
    grammar = Grammar.from_lark('start: A B [0.5] | A "b" [0.5]\nA: "a"\nB: /[bc]/\n%follow A: /c/')
    compiled = stolcke.compile(grammar, BYTES)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"ab")
    # `ac` weighed 0.25; B is cut in two, each of which has a half of it.
    assert matcher.sentence_logprob == pytest.approx(np.log(0.75))
    assert stolcke.Parser(grammar).parse("ab").logprob == pytest.approx(np.log(0.75))
    assert compiled.matcher().prefix_logprob == pytest.approx(np.log(0.75))


def test_the_parser_and_the_engine_agree_on_probabilities(language):
    matcher = stolcke.compile(language, BYTES).matcher()
    assert matcher.accept_bytes(b"if x and z then y = y;")
    forest = stolcke.Parser(language).parse("if x and z then y = y;")
    assert matcher.sentence_logprob == pytest.approx(forest.logprob)


def test_saved_and_loaded(language, tmp_path):
    compiled = stolcke.compile(language, BYTES)
    compiled.save(tmp_path / "language")
    loaded = stolcke.CompiledGrammar.load(tmp_path / "language", BYTES)
    for text in (b"", b"if", b"if(x)", b"x=if"):
        one, other = compiled.matcher(), loaded.matcher()
        assert one.accept_bytes(text)
        assert other.accept_bytes(text)
        assert one.allowed_token_ids().tolist() == other.allowed_token_ids().tolist()
        assert one.expected() == other.expected()


SMALL = Grammar.from_lark(
    """
    start: item*
    item: NAME | "if" item | "(" start ")" | NUMBER
    NAME: /[if]+/
    NUMBER: /-?1/
    %reserve NAME: "if"
    %follow NAME, "if": /[if1]/
    %precede NUMBER: /1/
    %ignore " "
    """
)
REFERENCE = Restricted(SMALL, "if1-() ", 6)
COMPILED = stolcke.compile(SMALL, BYTES)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="if1-() ", max_size=6))
def test_random_texts_against_the_reference(text):
    matcher = COMPILED.matcher()
    assert (matcher.accept_bytes(text.encode()) and matcher.is_accepting) == REFERENCE.accepts(text)


def test_terminals_without_text_are_not_seen():
    """As those that a guard inserts: what stands around them meets."""
    grammar = Grammar.from_lark(
        "%declare _IN\nstart: WORD _IN inner\ninner: _IN? WORD | MARK\nWORD: /[ab]/\nMARK: /[.]/\n%follow WORD: /a/"
    )
    plain = without_restrictions(grammar, Limits(), Deadline(), unseen=("_IN",)).grammar
    assert sum(symbol.name == "_IN" for rule in plain.rules for symbol in rule.rhs) >= 2
    rules = [replace(rule, rhs=tuple(s for s in rule.rhs if s.name != "_IN")) for rule in plain.rules]
    without = replace(plain, rules=tuple(rules))
    right = {text for text in all_texts("ab.", 2) if accepts(without, text)}
    assert right == {"ab", "bb", "a.", "b."}
