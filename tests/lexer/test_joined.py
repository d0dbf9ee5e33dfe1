"""A literal and what follows it: joined as it is, it is what determinising and minimising both gives."""

from __future__ import annotations

import itertools
import pickle
import random

import pytest

from stolcke._core.minimize import minimize
from stolcke.grammar.patterns import Literal, Machine, Pattern, Regex, Sequence
from stolcke.lexer import Automaton, automaton
from stolcke.lexer.language import Language

LETTERS = 'ab09fF"\\/\n\x00\x1f\x7fé߿ࠀ퟿\ue000\uffff\U00010000\U0010ffff'
FOLLOWERS = {
    "colon": Literal(":"),
    "colon and spaces": Regex(r"[ \t\n]*:[ \t\n]*"),
    "quotes": Regex(r'[ "]*:"'),
    "nothing": Literal(""),
    "digits": Regex("[0-9]+|[a-f]{2}"),
}


def general(first: Automaton, after: Pattern) -> Automaton:
    """The same through the subset construction: what begins with a literal is not joined."""
    return automaton(Sequence((Literal(""), Machine("first", first), after)))


def word_sets(seed: int) -> list[list[str]]:
    """Some sets of words, many of them prefixes of each other."""
    chance = random.Random(seed)
    sets: list[list[str]] = [[], [""], ["", "a"], ["a", "ab", "abc"]]
    for size in (1, 1, 1, 2, 3, 8):
        words = ["".join(chance.choices(LETTERS, k=chance.randrange(5))) for _ in range(size)]
        sets.append(words + [word[: chance.randrange(len(word) + 1)] for word in words[1:]])
    return sets


@pytest.mark.parametrize(("escapes", "ascii_only"), list(itertools.product((True, False), repeat=2)))
@pytest.mark.parametrize("after", FOLLOWERS)
def test_literals_and_what_follows_them(after, escapes, ascii_only):
    for words in word_sets(len(after)):
        names = Language.words(words)
        for language in (names, ~names):
            literal = language.json_string(ascii_only, escapes=escapes)
            assert literal == Automaton(*minimize(*literal.arrays()))
            joined = automaton(Sequence((Machine("literal", literal), FOLLOWERS[after])))
            assert joined == general(literal, FOLLOWERS[after]), (words, language is names)


@pytest.mark.parametrize(
    ("first", "after"),
    [
        ("y", "(xy)*z"),  # what remains at the start remains in the second, too
        ("yxy", "(xy)*z"),
        ("a|b", "a*"),
        ("(xy|x?z)", "(xyz)*|z"),
        ("a|ab", "b?c"),  # a text that is a prefix of another
        ("(a|b)*c", "(a|c)+"),
        ("", "a"),
        ("a", ""),
    ],
)
def test_other_texts(first, after):
    machine = automaton(Regex(first))
    assert automaton(Sequence((Machine("first", machine), Regex(after)))) == general(machine, Regex(after))


def test_nothing_follows_nothing():
    nothing = Language.nothing().json_string()
    assert automaton(Sequence((Machine("nothing", nothing), Literal(":")))).n_states == 0
    key = Machine("key", Language.words(["a"]).json_string())
    assert automaton(Sequence((key, Machine("nothing", nothing)))).n_states == 0


def test_automata_are_values():
    one, other = (Language.words(["a", "b"]).json_string(ascii_only=flag) for flag in (True, False))
    assert one == other == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(other) == hash(Automaton(*one.arrays()))
    assert one != Language.words(["a"]).json_string()
    with pytest.raises(ValueError, match="read-only"):
        one.target[0] = 1
