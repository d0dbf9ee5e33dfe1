"""NLTK's probabilistic grammars: read and printed, judged by NLTK itself."""

from __future__ import annotations

from functools import cache

import nltk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.model import Grammar, Terminal
from stolcke.grammar.weights import rule_weights
from stolcke.options import Limits

TOY = """
# A toy of English.
S -> NP VP [1.0]
NP -> Det N [0.5] | 'I' [.25] | NP \\
   PP [0.25]
Det -> 'the' [0.8] | "a" [0.2]
N -> 'man' [0.5] | 'telescope'[0.5]
VP -> V NP [0.1] | VP PP [0.7] | V [0.2]
V -> 'saw' [0.65] | 'walked' [0.35]
PP -> P NP [1.0]
P -> 'in' [0.001] | 'with' [0.999]
"""


def inside(grammar: Grammar, text: str) -> float:
    """Probability of a text, by every way to divide it; for grammars without empty texts and unit cycles."""
    weights = dict(zip(map(id, grammar.rules), rule_weights(grammar).tolist(), strict=True))

    @cache
    def of_symbol(symbol, begin: int, end: int) -> float:
        if isinstance(symbol, Terminal):
            return float(grammar.terminals[symbol.name].pattern.text == text[begin:end])
        found = grammar.alternatives[symbol.name]
        return sum(weights[id(rule)] * of_string(rule.rhs, begin, end) for rule in found)

    @cache
    def of_string(symbols, begin: int, end: int) -> float:
        if len(symbols) <= 1:
            return of_symbol(symbols[0], begin, end) if symbols else float(begin == end)
        return sum(
            first * of_string(symbols[1:], cut, end)
            for cut in range(begin + 1, end)
            if (first := of_symbol(symbols[0], begin, cut))
        )

    return sum(weights[id(rule)] * of_string(rule.rhs, 0, len(text)) for rule in grammar.alternatives[grammar.start])


def of_nltk(text: str, tokens: list[str]) -> float:
    parser = nltk.parse.InsideChartParser(nltk.PCFG.fromstring(text))
    return sum(tree.prob() for tree in parser.parse(tokens))


@pytest.mark.parametrize(
    "sentence",
    [
        "I saw the man",
        "the man walked",
        "I saw the man with a telescope",
        "I saw the man with a telescope in the telescope",
        "I walked with the man with a telescope",
    ],
)
@pytest.mark.parametrize("separator", [" ", "", ", "])
def test_sentences_have_the_probabilities_that_nltk_gives_them(sentence, separator):
    grammar = Grammar.from_pcfg(TOY, separator=separator)
    tokens = sentence.split()
    expected = of_nltk(TOY, tokens)
    assert expected > 0
    assert inside(grammar, separator.join(tokens)) == pytest.approx(expected, rel=1e-12)


def test_texts_have_separators_between_tokens_and_nowhere_else():
    compiled = stolcke.compile(Grammar.from_pcfg(TOY), stolcke.Vocabulary.from_bytes())
    for text, right in [("I walked", True), (" I walked", False), ("I  walked", False), ("Iwalked", False)]:
        matcher = compiled.matcher()
        assert (matcher.accept_bytes(text.encode()) and matcher.is_accepting) == right
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"I walked ")
    assert not matcher.is_accepting


def productions(grammar: nltk.PCFG) -> list[tuple]:
    return [(p.lhs().symbol(), tuple(map(str, p.rhs())), p.prob()) for p in grammar.productions()]


@pytest.mark.parametrize("separator", [" ", "", "\n"])
def test_what_is_printed_is_the_same_grammar_to_nltk(separator):
    printed = Grammar.from_pcfg(TOY, separator=separator).to_pcfg(separator=separator)
    expected, found = nltk.PCFG.fromstring(TOY), nltk.PCFG.fromstring(printed)
    assert productions(found) == productions(expected)
    assert found.start() == expected.start()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1e-12, 1), min_size=1, max_size=6), st.data())
def test_what_is_printed_is_read_back_to_the_last_digit(numbers, data):
    total = sum(numbers)
    weights = [number / total for number in numbers]
    tokens = data.draw(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters='\n"'), min_size=1), min_size=len(weights))
    )
    sides = " | ".join(f'"{token}" S [{w!r}]' for token, w in zip(tokens, weights, strict=False))
    grammar = Grammar.from_pcfg(f'Top -> "x" [1]\nS -> {sides}', "S", separator="")
    printed = grammar.to_pcfg(separator="")
    again = Grammar.from_pcfg(printed, separator="")
    assert again == grammar
    found = nltk.PCFG.fromstring(printed)
    assert found.start().symbol() == "S"
    assert [p.prob() for p in found.productions()] == rule_weights(grammar).tolist()


def test_what_nltk_prints_is_read():
    grammar = nltk.PCFG.fromstring(f"%start NP\n{TOY}")
    found = Grammar.from_pcfg(str(grammar))
    assert found.start == "NP"
    assert rule_weights(found) == pytest.approx([p.prob() for p in grammar.productions()], rel=1e-5)


def test_sums_within_nltk_s_tolerance_are_made_one():
    grammar = Grammar.from_pcfg("S -> 'a' [0.333] | 'b' [0.333] | 'c' [0.333]")
    assert [rule.weight for rule in grammar.rules] == pytest.approx([1 / 3] * 3, rel=1e-15)
    assert nltk.PCFG.fromstring("S -> 'a' [0.333] | 'b' [0.333] | 'c' [0.333]")


def test_a_missing_probability_is_what_is_left():
    grammar = Grammar.from_pcfg("S -> 'a' [0.5] | A | \nA -> 'b'")
    assert list(rule_weights(grammar)) == [0.5, 0.25, 0.25, 1]


def test_names_that_the_tokens_need():
    grammar = Grammar.from_pcfg(
        "S/NP -> 'if' NP-SBJ^<S> ' ' '\"' \"'\" [1]\nNP-SBJ^<S> -> 'IF' '#' [1]", separator="\t"
    )
    assert Grammar.from_pcfg(grammar.to_pcfg(separator="\t"), separator="\t") == grammar
    assert inside(grammar, "if\tIF\t#\t \t\"\t'") == 1


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", None, None, "no production"),
        ("\n  S 'a'", 2, 3, "'->' follows"),
        ("S->'a'", 1, 1, "'->' follows, with blanks around it"),
        ("S -> 'a' [0.5] 'b'", 1, 16, "a probability ends its production"),
        ("S -> 'a' [1.5]", 1, 10, "probability 1.5 is greater than 1"),
        ("S -> 'a' [-0.5] | 'b'", 1, 10, "'-0.5' is not a number from 0 to 1"),
        ("S -> 'a' [nan]", 1, 10, "'nan' is not a number"),
        ("S -> 'a' []", 1, 10, "'' is not a number"),
        ("S -> A\nA -> 'a' [0.5] |\\\n 'b' [0.4]", 2, 6, "weights of 'A' add up to 0.9"),
        ("S -> 'a' [0.5] | 'b' [0.52]", 1, 18, "add up to 1.02, more than 1"),
        ("S -> 'a' [0] | 'b' [0]", 1, 6, "all weights of 'S' are 0"),
        ("S -> 'a' A", 1, 6, "name='A'.* is not defined"),
        ("S -> 'a", 1, 6, 'unexpected "\'"; tokens stand in quotes'),
        ("S -> ''", 1, 6, "a token is not empty"),
        ("S -> 'a' ' '", 1, 10, "a token is the separator"),
        ("S -> 'a' -> 'b'", 1, 10, "'->' cannot stand in a production"),
        ("S -> 'a'\n'a' -> S", 2, 1, "a line begins with a nonterminal"),
        ("%start\nS -> 'a'", 1, 1, "after %start one nonterminal follows"),
        ("%start A\nS -> 'a'", None, None, "start rule 'A' is not defined"),
        ("S -> A 'b'\nA -> 'a' |", 1, 6, "'A' may be empty.*separator=\"\""),
    ],
)
def test_errors_have_a_place_and_a_remedy(text, line, column, message):
    with pytest.raises(GrammarError, match=message) as caught:
        Grammar.from_pcfg(text, source="some.pcfg")
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("limits", [Limits(grammar_bytes=20), Limits(rules=2)])
def test_limits(limits):
    with pytest.raises(LimitExceeded):
        Grammar.from_pcfg("S -> 'a' | 'b' | 'c' | 'd'", limits=limits)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('start: "a"\n%weights raw', "raw weights are no probabilities"),
        ('start: "a"\n%ignore "b"', "NLTK ignores nothing"),
        ("start: /a/", "not a fixed text"),
        ('start: "a"i', "not a fixed text"),
        ('start: "a" "b"', "not always one separator ' '"),
        ('start: "a" " "', "not always one separator ' '"),
        ('start: " "', "not always one separator ' '"),
        ('start: b " " "a"\nb: "b"?', "'b' may be empty"),
        ('start: "\\"\'"', "NLTK cannot write the token"),
        ('start: "\\n"', "NLTK cannot write the token"),
    ],
)
def test_what_nltk_cannot_say_is_an_error(text, message):
    with pytest.raises(GrammarError, match=message):
        Grammar.from_lark(text).to_pcfg()


def test_grammars_of_other_sources_are_printed():
    grammar = Grammar.from_lark('start: "the" " " n (" " "too")?{0.25}\nn: "cat" [0.7] | "dog"')
    with pytest.raises(GrammarError, match="not always one separator"):
        grammar.to_pcfg()
    printed = Grammar.from_lark('start: "the" " " n | "the" " " n " " "too" [0.25]\nn: "cat" [0.7] | "dog"').to_pcfg()
    assert of_nltk(printed, ["the", "dog", "too"]) == pytest.approx(0.075)
    assert of_nltk(printed, ["the", "cat"]) == pytest.approx(0.525)
