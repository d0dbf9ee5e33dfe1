"""Texts that are refused, long ones, deep ones, and how much work they are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from math import exp, log
from random import Random

import numpy as np
import pytest
from lark import Tree

import stolcke
from stolcke import ParseError, Parser
from tests.reference.enumeration import sentences
from tests.reference.random_grammars import random_grammar
from tests.strategies import EFFORT

pytestmark = pytest.mark.filterwarnings("ignore::stolcke.InconsistentGrammarWarning")

JSON = Parser(stolcke.Grammar.from_file(stolcke.grammar_path("json")))


@pytest.mark.parametrize(
    ("text", "byte", "line", "column", "reason", "expected"),
    [
        ('{"ä": é}', 7, 1, 7, "'é' cannot come here", {"STRING", '"["', '"true"'}),
        ("[1,\n 2", 6, 2, 3, "the text ends too early", {'","', '"]"', "more of NUMBER"}),
        ("[] x", 3, 1, 4, "'x' cannot come here", {"more of WHITE_SPACE", "the end of the text"}),
        ('["abc', 5, 1, 6, "the text ends too early", {"more of STRING"}),
        ("", 0, 1, 1, "the text ends too early", {"STRING"}),
        (b'["\xff"]', 2, 1, 3, "byte 0xff, which is not UTF-8, cannot come here", {"more of STRING"}),
        (b'["\xc3("]', 3, 1, 4, "'(' cannot come here", {"more of STRING"}),
    ],
)
def test_a_text_that_is_not_in_the_language(text, byte, line, column, reason, expected) -> None:
    with pytest.raises(ParseError) as caught:
        JSON.parse(text)
    error = caught.value
    assert (error.byte, error.line, error.column) == (byte, line, column)
    assert error.reason.startswith(f"{reason}; expected ")
    assert expected <= set(error.expected)
    assert f"(line {line}, column {column})" in str(error)
    assert str(error).splitlines()[2].index("^") == 4 + column - 1


def test_expectations_are_those_of_the_matcher() -> None:
    compiled = stolcke.compile(JSON.grammar, stolcke.Vocabulary.from_bytes())
    for begin in ("", "[1", '{"a" ', "[tr", '{"a": 1, ', "[[]] "):
        matcher = compiled.matcher()
        assert matcher.accept_bytes(begin.encode())
        with pytest.raises(ParseError) as caught:
            JSON.parse(begin + "\x00")
        assert set(caught.value.expected) == set(matcher.expected())


def test_texts_of_probability_zero() -> None:
    parser = Parser(stolcke.Grammar.from_lark('start: "a" [1.0] | "b" [0.0]'))
    assert parser.parse("a").logprob == 0
    with pytest.raises(ParseError, match="probability 0"):
        parser.parse("b")
    with pytest.raises(ParseError, match="cannot come here"):
        parser.parse("c")


def test_the_language_is_that_of_the_grammar() -> None:
    """Every short text of random grammars, against languages found without parsing."""
    random = Random(3)
    for number in range(60 * EFFORT):
        grammar = random_grammar(random, nonterminals=5, ignore=number % 3 == 0)
        language = {bytes(text) for text in sentences(grammar, 4)}
        parser = Parser(replace(grammar, raw_weights=True))
        for letters in (letters for n in range(5) for letters in product(b"ab ", repeat=n)):
            text = bytes(letters)
            if text in language:
                assert chart_accepts(parser, text), (str(grammar), text)
            else:
                with pytest.raises(ParseError):
                    parser.parse(text)


def chart_accepts(parser: Parser, text: bytes) -> bool:
    """Whether there are derivations; with weights of 1 their sum may be infinite."""
    try:
        parser.parse(text)
    except ParseError as error:
        return "do not add up" in error.reason
    return True


def test_the_empty_text() -> None:
    forest = Parser(stolcke.Grammar.from_lark('start: a?\na: "x" [0.5] | [0.5]\n%ignore " "')).parse("")
    assert forest.n_derivations == 2
    assert exp(forest.logprob) == pytest.approx(0.5 * (0.5 + 0.5 * 0.5))
    assert [found.tree for found in forest] == [Tree("start", []), Tree("start", [Tree("a", [])])]


def test_a_grammar_without_texts() -> None:
    with pytest.raises(ParseError, match="ends too early"):
        Parser(stolcke.Grammar.from_lark('start: "a" start')).parse("")


def test_special_tokens_are_no_text() -> None:
    parser = Parser(stolcke.Grammar.from_lark('%declare _CALL\nstart: "a" [0.3] | _CALL [0.7]'))
    assert exp(parser.parse("a").logprob) == pytest.approx(0.3)


DEEP = {
    "nested": ('start: "(" start ")" | "x"', lambda n: "(" * n + "x" + ")" * n),
    "right": ('start: "a" start | "x"', lambda n: "a" * n + "x"),
    "left": ('start: start "a" | "x"', lambda n: "x" + "a" * n),
    "unit": ('start: a\na: b | "(" a ")"\nb: "x" | a', lambda n: "(" * n + "x" + ")" * n),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_trees(name: str) -> None:
    text, make = DEEP[name]
    n = 10_000
    forest = Parser(stolcke.Grammar.from_lark(text)).parse(make(n))
    best = forest.best
    depth, tree = 0, best.tree
    while inner := [child for child in tree.children if isinstance(child, Tree)]:
        depth, tree = depth + 1, inner[0]
    assert depth >= n
    assert forest.posterior(best.tree) == pytest.approx(best.posterior, rel=1e-6)
    assert forest.sample(np.random.default_rng(1), 1)[0].tree.data == "start"
    assert best.to_dot().count("->") >= n
    if name != "unit":
        assert forest.logprob == pytest.approx((n + 1) * log(0.5), rel=1e-9)


LINEAR = {
    "right": ('start: "x" start | "x"', "x"),
    "right, with blanks": ('start: "x" start | "x"\n%ignore " "', "x "),
    "left, with blanks": ('start: start "x" | "x"\n%ignore " "', "x "),
    "arithmetic": (stolcke.grammar_path("arithmetic").read_text(), "-f(1)**"),
    "JSON": (stolcke.grammar_path("json").read_text(), '[{"a": '),
    "unit rules": ('start: a\n?a: b | b "+" a\n?b: c | c "*" b\n?c: "x" | "(" a ")"\n%ignore /[ ]+/', "(x + x* "),
    "dangling ends": ('start: s\ns: "i" s | "i" s "e" s ";" | "x" ";"\n%ignore " "', "i i x; "[:2]),
}
ENDS = {
    "arithmetic": "2",
    "JSON": "1",
    "unit rules": "x",
    "dangling ends": "x;",
}
CLOSING = {"JSON": "}]", "unit rules": ")"}


@pytest.mark.parametrize("name", LINEAR)
def test_work_grows_with_the_length(name: str) -> None:
    """Twice the text, twice the chart and twice the forest."""
    text, unit = LINEAR[name]
    parser = Parser(stolcke.Grammar.from_lark(text))
    sizes = []
    for n in (100, 200, 400):
        sentence = unit * n + ENDS.get(name, "") + CLOSING.get(name, "") * n
        chart = stolcke.parsing.chart.Chart(parser._predictor, sentence.encode())
        links = sum(len(found) for column in chart.columns if column for found in column.items.values())
        sizes.append((links, sum(1 for _ in parser.parse(sentence).spans())))
    for small, large in pairwise(sizes):
        assert large[0] <= 2.02 * small[0] + 10
        assert large[1] <= 2.02 * small[1] + 10


def test_a_long_match_is_one_step() -> None:
    n = 50_000
    forest = Parser(stolcke.Grammar.from_lark('start: TEXT "!"\nTEXT: /[a-z]+/')).parse("a" * n + "!")
    assert forest.logprob == pytest.approx(-log(26) - n * log(27), rel=1e-9)
    assert sum(1 for _ in forest.spans()) == 3
