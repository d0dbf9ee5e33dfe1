"""Combined grammars: their languages are what the parts' languages say, and so are their probabilities."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stolcke
from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Special
from tests.reference.earley import Earley
from tests.reference.masks import Tokens
from tests.strategies import grammars, tally_grammars, texts

TEXTS = texts(b"abc", 3)
BYTES = stolcke.Vocabulary.from_bytes()

parts = st.one_of(grammars(specials=False), tally_grammars())


def accepts(grammar: Grammar, text: str) -> bool:
    matcher = stolcke.compile(grammar, BYTES).matcher()
    return matcher.accept_bytes(text.encode()) and matcher.is_accepting


def language(grammar: Grammar) -> set[bytes]:
    reference = Earley(grammar)
    return {text for text in TEXTS if reference.is_sentence(text)}


def joined(first: set[bytes], second: set[bytes]) -> set[bytes]:
    return {a + b for a in first for b in second} & set(TEXTS)


@given(parts, parts)
def test_languages_of_sequences_and_choices(a: Grammar, b: Grammar) -> None:
    assert language(a + b) == joined(language(a), language(b))
    assert language(a | b) == language(a) | language(b)
    assert language("ab" + a) == joined({b"ab"}, language(a))
    assert language(a | "ca") == language(a) | {b"ca"}
    # One of a name that is taken, and a part that occurs twice.
    assert language(Grammar.sequence(a, b, a)) == joined(joined(language(a), language(b)), language(a))


@given(grammars(specials=False, ignore=False), st.integers(0, 3), st.none() | st.integers(0, 2), st.booleans())
def test_languages_of_repeats(part: Grammar, least: int, more: int | None, separated: bool) -> None:
    most = None if more is None else least + more
    expected, exactly = set(), {b""}
    # With an empty part nothing gets longer, and three bytes hold no more than three others.
    for count in range((least + 4 if most is None else most) + 1):
        expected |= exactly if count >= least else set()
        between = joined(exactly, {b"b"}) if separated and count else exactly
        exactly = joined(between, language(part))
    assert language(part.repeat(least, most, separator="b" if separated else None)) == expected


@given(grammars(specials=False), grammars(specials=False))
def test_each_part_ignores_what_it_did(a: Grammar, b: Grammar) -> None:
    whole = language(Grammar.sequence(a, "c", b))
    assert whole == joined(joined(language(a), {b"c"}), language(b))


def test_parts_that_ignore_the_same_are_one_grammar() -> None:
    a, b = Grammar.from_lark('start: "a"\n%ignore " "'), Grammar.from_lark('start: "b" WS?\nWS: " "\n%ignore WS')
    c = Grammar.from_lark('start: "c"\n%ignore " "')
    assert (a + c).ignore == a.ignore
    assert (a + b).ignore == ()  # the names differ, and so do they
    assert accepts(a + c, " a  c ")
    assert accepts(a + b, " a  b ")
    assert accepts(a.repeat(2), "a a")
    assert not accepts("(" + a + ")", " (a)")
    assert accepts("(" + a + ")", "( a )")


def test_front_ends_mix() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {}}, "required": ["y"]}
    arguments = Grammar.from_json_schema(schema, property_order="any")
    name = Grammar.from_regex("[a-z]+") | Grammar.from_gbnf('root ::= "<" root? ">"')
    calls = (name + "(" + arguments + ")").repeat(1, 3, separator="; ")
    assert accepts(calls, 'f({"y": 1, "x": 2}); <<>>({"y": {}} )')
    assert not accepts(calls, 'f({"x": 2})')
    assert not accepts(calls, 'f({"y": 2});g({"y": 2})')
    assert not accepts(calls, "; ".join(['f({"y":2})'] * 4))


def probability(grammar: Grammar, text: str) -> float:
    matcher = stolcke.compile(grammar, BYTES).matcher()
    return float(np.exp(matcher.sentence_logprob)) if matcher.accept_bytes(text.encode()) else 0.0


def test_probabilities_of_a_sequence_multiply_and_of_a_choice_add_up() -> None:
    a = Grammar.from_lark('start: "a" [.3] | "a" "b" [.7]')
    b = Grammar.from_lark('start: "b" "c" [.1] | "c" [.9]\n%ignore " " {.25}')
    assert probability(a + b, "abc") == pytest.approx((0.3 * 0.1 * 0.75 + 0.7 * 0.9) * 0.75**2)
    assert probability(a + b, "ab c ") == pytest.approx((0.3 * 0.1 * 0.75 + 0.7 * 0.9) * 0.25**2 * 0.75**2)
    assert probability(a | b, "c") == pytest.approx(0.5 * 0.9 * 0.75**2)
    chosen = Grammar.choice(a, b, "ab", weights=[0.2, None, 0.3])
    assert probability(chosen, "ab") == pytest.approx(0.2 * 0.7 + 0.3)
    assert probability(chosen, "c") == pytest.approx(0.5 * 0.9 * 0.75**2)
    # Each number of rounds within bounds is as probable as any other.
    assert [probability(a.repeat(1, 3), "a" * n) for n in range(5)] == pytest.approx([0, 0.1, 0.03, 0.009, 0])


def test_raw_weights_and_others() -> None:
    raw = Grammar.from_lark('%weights raw\nstart: "a" [2] | "b"')
    other = Grammar.from_lark('start: "a" | "c" [.25]')
    both = raw | other
    assert both.raw_weights
    assert [rule.weight for rule in both.rules if rule.lhs.name == "start"] == [None, None]
    # Raw weights are not divided by what all texts have together; what is left of 1 went to the other "a".
    assert [probability(both, text) for text in "abc"] == pytest.approx([2.75, 1, 0.25])


def test_special_tokens_of_equal_names_are_one() -> None:
    a, b = Grammar.from_lark('start: "a" X\n%declare X'), Grammar.from_lark('start: X "b"\n%declare X')
    assert [name for name, each in (a + b).terminals.items() if isinstance(each.pattern, Special)] == ["X"]
    tokens = Tokens([b"a", b"b", b"<x>"], special_ids=(2,), special={"X": 2})
    vocabulary = stolcke.Vocabulary(tokens.tokens, special_token_ids=[2])
    matcher = stolcke.compile(a + b, vocabulary, special={"X": "<x>"}).matcher()
    assert matcher.accept_tokens([0, 2, 2, 1]) == 4
    assert matcher.is_accepting


def test_trees_are_called_as_before() -> None:
    a = Grammar.from_lark('start: item\nitem: "a"')
    tree = stolcke.Parser(a + a.repeat(1)).parse("aa").best.tree
    assert {each.data for each in tree.iter_subtrees()} == {"start", "item"}


def test_what_is_left_out_and_not_exact_stays_so() -> None:
    schema = Grammar.from_json_schema({"type": "string"})
    loose = replace(schema, exact=False, dropped=("format",))
    assert (loose + "x").exact is False
    assert (loose | loose).dropped == ("format",)


def test_empty_texts() -> None:
    assert accepts(Grammar.literal(""), "")
    assert accepts(Grammar.sequence(), "")
    assert accepts(Grammar.literal("a").optional(), "")
    assert accepts(Grammar.literal("a").repeat(0, 0), "")
    assert accepts(Grammar.literal(b"\xc3\xa9"), "é")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Grammar.choice, "no choices"),
        (partial(Grammar.choice, "a", "b", weights=[1]), "2 choices have 1 weights"),
        (partial(Grammar.choice, "a", "b", weights=[0.7, 0.7]), "more than 1"),
        (partial(Grammar.sequence, "a", 3), "not int"),
        (partial(Grammar.literal, 3), "not int"),
        (partial(Grammar.literal, "\ud800"), "surrogate"),
        (partial(Grammar.literal("a").repeat, -1), "from 0 on, not -1"),
        (partial(Grammar.literal("a").repeat, 0.5), r"not 0\.5"),
        (partial(Grammar.literal("a").repeat, 3, 2), "exchange the bounds"),
        (partial(Grammar.literal("a").repeat, 1, separator=2), "not int"),
    ],
)
def test_wrong_combinations_are_refused(make, words) -> None:
    with pytest.raises(GrammarError, match=words):
        make()


def test_others_may_add_to_a_grammar() -> None:
    for combine in (lambda g: g + 3, lambda g: 3 + g, lambda g: g | None):
        with pytest.raises(TypeError):
            combine(Grammar.literal("a"))


def test_large_combinations() -> None:
    with pytest.raises(LimitExceeded, match="repeat"):
        Grammar.literal("a").repeat(0, 10**9)
    large = Grammar.literal("a").repeat(0, 10**4)
    others = [replace(large) for _ in range(11)]
    with pytest.raises(LimitExceeded, match="rules"):
        Grammar.sequence(*others)
    deep = Grammar.literal("a")
    for _ in range(200):
        deep = deep + "b"
    assert accepts(deep, "a" + "b" * 200)
