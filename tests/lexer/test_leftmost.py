"""Preferred matches: what re finds, at every text."""

from __future__ import annotations

import re
from itertools import product
from random import Random

import pytest

from stolcke.grammar.patterns import Regex
from stolcke.lexer import automaton
from stolcke.lexer.leftmost import Alphabet, Leftmost, Unfollowable, character_sets, text_automaton
from stolcke.lexer.regex_syntax import parse_regex
from stolcke.options import Limits
from tests.strategies import EFFORT

TEXTS = ["".join(letters) for n in range(6) for letters in product("abc", repeat=n)]


def leftmost(source: str, flags: str = "") -> tuple[Leftmost, Alphabet]:
    node = parse_regex(Regex(source, flags), Limits())
    alphabet = Alphabet(character_sets(node))
    return Leftmost(node, alphabet), alphabet


def found(machine: Leftmost, alphabet: Alphabet, text: str) -> str | None:
    """The match at the beginning of a text: the last one that is met."""
    state, best = 0, "" if machine.matches[0] else None
    for place, character in enumerate(text):
        group = next(
            (g for g, b in enumerate(alphabet.groups) if b[0] <= ord(character) and in_bounds(b, character)), -1
        )
        if group not in machine.steps[state]:
            break
        state = machine.steps[state][group]
        if machine.matches[state]:
            best = text[: place + 1]
    return best


def in_bounds(bounds: tuple[int, ...], character: str) -> bool:
    return any(low <= ord(character) < end for low, end in zip(bounds[::2], bounds[1::2], strict=True))


def check(source: str) -> None:
    machine, alphabet = leftmost(source)
    expression = re.compile(source)
    for text in TEXTS:
        match = expression.match(text)
        assert found(machine, alphabet, text) == (match and match.group()), (source, text)


@pytest.mark.parametrize(
    "source",
    [
        "a",
        "ab?",
        "a|ab",
        "ab|a",
        "(a|ab)(c|bcb)?",
        "a*",
        "a*?b",
        "a+?",
        "(?:ab)*",
        "(a|b)*?c",
        "a{1,3}",
        "a{2}?b{0,2}?",
        "[ab]+c?",
        "[^a]+",
        "(a|ab|abc)(c|)",
        "(ab?)+",
        "(?i:A)b",
        "b*(a|)(ab|a)",
    ],
)
def test_examples(source):
    check(source)


def random_expression(random: Random, depth: int) -> str:
    kind = random.randrange(6) if depth else 0
    if kind < 2:
        return random.choice(["a", "b", "c", "[ab]", "[^c]", "ab"])
    inner = [random_expression(random, depth - 1) for _ in range(2)]
    if kind == 2:
        return "".join(inner)
    if kind == 3:
        return f"(?:{'|'.join(inner)})"
    return f"(?:{inner[0]}){random.choice(['*', '+', '?', '*?', '+?', '??', '{1,2}', '{0,2}?'])}"


def test_random_expressions():
    random = Random(2)
    checked = 0
    for _ in range(150 * EFFORT):
        source = random_expression(random, 3)
        try:
            check(source)
            checked += 1
        except Unfollowable:
            pass  # a repeat of what may be empty
    assert checked > 80 * EFFORT


@pytest.mark.parametrize("source", ["(a?)*", "(a*)+", "(?<=a)b"])
def test_what_is_not_followed(source):
    with pytest.raises(Unfollowable):
        leftmost(source)


@pytest.mark.parametrize(
    ("source", "expected"), [("a|ab", True), ("ab|a", False), ("a+", False), ("a+?", True), ("(a|b)c", False)]
)
def test_cuts(source, expected):
    assert leftmost(source)[0].has_cut == expected


def test_groups_are_told_apart_by_the_sets():
    alphabet = Alphabet([(97, 100), (98, 99), (120, 121, 122, 123)])
    assert sorted(alphabet.groups) == [(97, 98, 99, 100), (98, 99), (120, 121, 122, 123)]
    assert {alphabet.groups[g] for g in alphabet.members[97, 100]} == {(97, 98, 99, 100), (98, 99)}
    assert alphabet.outside(alphabet.members[97, 100]) == (0, 97, 100, 0x110000)


@pytest.mark.parametrize("source", ["[a-z]+", "é|[ü-ÿ]*x", "a(b|c)*", "[^\\n]*"])
def test_automata_of_what_is_found(source):
    machine, alphabet = leftmost(source)
    accepting = {state for state, matches in enumerate(machine.matches) if matches}
    assert text_automaton(machine.steps, accepting, alphabet, Limits()) == automaton(Regex(source))
