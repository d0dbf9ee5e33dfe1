"""Common texts of two automata, against trying all short texts."""

from __future__ import annotations

from itertools import product

from stolcke.grammar.patterns import Regex
from stolcke.lexer import automaton
from stolcke.lexer.overlap import common_text

EXPRESSIONS = ["a", "b|ab", "[ab]+", "a*b", "(ab)+", "(aa)+", "a(aa)*", "[bc]b?", "(?:[ab]{3})+", "b[ab]b", "abab|c"]


TEXTS = [bytes(letters) for length in range(1, 7) for letters in product(b"abc", repeat=length)]


def test_shortest_common_texts() -> None:
    automata = {expression: automaton(Regex(expression)) for expression in EXPRESSIONS}
    accepted = {expression: [t for t in TEXTS if found.accepts(t)] for expression, found in automata.items()}
    for one, other in product(EXPRESSIONS, repeat=2):
        expected = next((text for text in accepted[one] if text in accepted[other]), None)
        assert common_text(automata[one], automata[other]) == expected, (one, other)


def test_gives_up() -> None:
    a, b = automaton(Regex("a{40}")), automaton(Regex("a+"))
    assert common_text(a, b) == b"a" * 40
    assert common_text(a, b, most=10) is None
