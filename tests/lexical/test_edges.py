"""Terminals whose expressions look beside their matches, against re where each terminal stands in a text."""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from random import Random

import pytest

import stolcke
from stolcke.errors import GrammarError, RegexError
from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Regex
from tests.reference.language import all_texts
from tests.reference.regex import Twin
from tests.reference.restricted import Restricted
from tests.strategies import EFFORT

BYTES = stolcke.Vocabulary.from_bytes()
ALPHABET = "ab -"
LENGTH = 4 if EFFORT == 1 else 5

EDGES = [
    *(r"\ba+\b", "a+(?!a)", r"b\b|a", "(?<=a)b+", "(?<!a)b", "^[ab]", "-$", r".\b", r"\b.", r"\B-", r"a\B"),
    *(
        "[ab]+?(?!b)",
        r"(?!ab\b)[ab]+\b",
        "(?:^a|b)b?",
        "(?=a)[ab]{1,2}(?= |$)",
        r"(?<=\b)a+|-(?<!^-)",
        "a(?=-)|b(?!-)|ab",
    ),
    "(?<= )-(?= )",
]
PLAIN = ["a", "b", "-", " ", "ab", "[ab]+"]
SHAPES = [
    "start: (A|B|C)+\n",
    "start: A start B | C\n",
    "start: x x?\nx: A | B C?\n",
    "start: A? B* C?\n",
    "start: (A|B)* C\n%ignore / /\n",
    "start: A (C B)*\n%ignore D\nD: /-| +/\n",
]


class InContext(Restricted):
    """Asks re about a terminal of an expression where it stands."""

    def matches(self, name: str, text: str, begin: int, end: int) -> bool:
        pattern = self.terminals[name].pattern
        if not isinstance(pattern, Regex):
            return super().matches(name, text, begin, end)
        return judge(pattern.source, text, begin, end)


@cache
def judge(source: str, text: str, begin: int, end: int) -> bool:
    if "+?" in source:
        # re knows what a lazy repeat prefers, and not what it gives up.
        return Twin(source).accepts(text[begin:end], text[:begin], text[end:])
    found = re.compile(f"(?:{source})(?=.{{{len(text) - end}}}\\Z)").match(text, begin)
    return found is not None and found.end() == end


def grammar_of(shape: str, sources: list[str]) -> Grammar:
    terminals = "".join(f"{name}: /{source}/\n" for name, source in zip("ABC", sources, strict=True))
    return Grammar.from_lark(shape + terminals)


def check(shape: str, sources: list[str]) -> bool:
    """Compare on all texts; whether there is any."""
    grammar = grammar_of(shape, sources)
    reference = InContext(grammar, ALPHABET, LENGTH)
    expected = {text for text in all_texts(ALPHABET, LENGTH) if reference.accepts(text)}
    try:
        compiled = stolcke.compile(grammar, BYTES)
    except GrammarError as error:
        if "derives no text" not in error.reason or expected:
            raise
        return False
    prefixes = {text[:end] for text in expected for end in range(len(text) + 1)}
    for text in all_texts(ALPHABET, LENGTH):
        matcher = compiled.matcher()
        viable = matcher.accept_bytes(text.encode())
        assert (viable and matcher.is_accepting) == (text in expected), (shape, sources, text)
        assert viable or text not in prefixes
        if viable and len(text) < LENGTH:
            allowed = {chr(token) for token in matcher.allowed_token_ids() if token < 128}
            assert all(c in allowed for c in ALPHABET if text + c in prefixes), (shape, sources, text)
    return bool(expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_random_terminals(shape: str) -> None:
    random = Random(shape)
    found = 0
    for _ in range(12 * EFFORT):
        sources = [random.choice(EDGES), random.choice(EDGES + PLAIN), random.choice(PLAIN + EDGES)]
        found += check(shape, sources)
    assert found > 4 or EFFORT < 1


@pytest.mark.parametrize("source", EDGES)
def test_beside_another_terminal(source: str) -> None:
    check("start: (A|B|C)+\n", [source, "b", "[- ]"])


def test_restrictions_of_both_kinds_hold() -> None:
    """What a directive asks for and what an expression asks for."""
    grammar = Grammar.from_lark("start: (A|B|C)+\nA: /a+(?!b)/\nB: /b/\nC: /[- ]/\n%follow A: /[-a]/\n")
    compiled = stolcke.compile(grammar, BYTES)
    for text, expected in {"a": True, "aa": True, "ab": False, "a-": False, "a ": True, "ba b": True}.items():
        matcher = compiled.matcher()
        assert (matcher.accept_bytes(text.encode()) and matcher.is_accepting) == expected, text


def test_an_end_token_is_allowed_where_the_end_may_be() -> None:
    compiled = stolcke.compile(Grammar.from_lark("start: (A | B)+\nA: /a(?=b)/\nB: /b(?!$)|-/"), BYTES)
    matcher = compiled.matcher()
    for text, ends, allowed in [("a", False, "b"), ("b", False, "ab-"), ("-", True, "ab-")]:
        assert matcher.accept_bytes(text.encode())
        assert matcher.is_accepting == ends
        assert "".join(sorted(chr(i) for i in matcher.allowed_token_ids() if i < 128)) == "".join(sorted(allowed))


def test_what_looks_too_far_is_refused_with_its_place() -> None:
    with pytest.raises(RegexError, match="the one character behind the match") as caught:
        stolcke.compile(Grammar.from_lark("start: A\nA: /a(?!bc)/"), BYTES)
    assert (caught.value.pattern, caught.value.position) == ("a(?!bc)", 1)


def test_each_text_has_as_many_derivations_as_terminals_cut_it_in() -> None:
    """The variants of a terminal share no text in one place, so that nothing is counted twice."""
    source = "start: A [0.5] | A start [0.5]\nA: /.\\b|-/\n"
    compiled = stolcke.compile(Grammar.from_lark(source), BYTES)
    parser = stolcke.Parser(Grammar.from_lark(source))
    for letters in product("a-", repeat=3):
        text = "".join(letters)
        matcher = compiled.matcher()
        if matcher.accept_bytes(text.encode()) and matcher.is_accepting:
            assert parser.parse(text).n_derivations == 1
