"""Lark's own Earley parser agrees wherever its semantics are ours.

They are not where Lark matches terminals by ``re``: see ``DIFFERENCES``, each
of which is checked on both sides, so that the list stays true.
"""

from __future__ import annotations

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.grammar.patterns import Choice, Literal
from tests.engine.laws import derives_nothing, vocabulary_of
from tests.reference.earley import Earley
from tests.strategies import BYTES_ONLY, EFFORT, NONTERMINALS, PATTERNS, TERMINALS, lark_text, make_grammar, texts

COINCIDING = [pattern for pattern in PATTERNS if not isinstance(pattern, Choice)]
"""Terminals whose greedy match is the longest: no alternatives of different length."""

TEXTS = texts(b"abc", 4)


def lark_parser(text: str) -> lark.Lark:
    """Lark as close to our semantics as it gets; forests, because trees of cyclic parses never end."""
    return lark.Lark(text, start=text[: text.index(":")], parser="earley", lexer="dynamic_complete", ambiguity="forest")


def lark_accepts(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.UnexpectedInput:
        return False
    except RuntimeError as error:
        # Lark gives up on a text that it found to be a sentence in several ways, trailing ignored text being one.
        return "multiple start symbol items" in str(error)
    return True


def we_accept(matcher: stolcke.Matcher, text: bytes) -> bool:
    matcher.reset()
    return matcher.accept_bytes(text) and matcher.is_accepting


@st.composite
def coinciding_grammars(draw) -> stolcke.Grammar:
    """Random grammars of the class; what is ignored is a fixed text, which Lark cannot take too much of."""
    nonterminals = NONTERMINALS[: draw(st.integers(1, 3))]
    terminals = TERMINALS[: draw(st.integers(1, 3))]
    rhs = st.lists(st.sampled_from(nonterminals + 2 * terminals), max_size=3).map(tuple)
    rules = {lhs: draw(st.lists(rhs, min_size=1, max_size=3, unique=True)) for lhs in nonterminals}
    patterns = {name: draw(st.sampled_from(COINCIDING)) for name in terminals}
    ignored = [name for name in terminals if isinstance(patterns[name], Literal)]
    return make_grammar(rules, patterns, ignored[:1] if draw(st.booleans()) else ())


@settings(max_examples=120 * EFFORT)
@given(coinciding_grammars())
def test_lark_agrees_on_random_grammars(grammar):
    source = lark_text(grammar)
    parser = lark_parser(source)
    earley = Earley(grammar)
    matcher = None if derives_nothing(grammar) else stolcke.compile(grammar, vocabulary_of(BYTES_ONLY)).matcher()
    from_text = (
        matcher and stolcke.compile(stolcke.Grammar.from_lark(source, start="s"), vocabulary_of(BYTES_ONLY)).matcher()
    )
    for text in TEXTS:
        expected = lark_accepts(parser, text.decode())
        assert earley.is_sentence(text) == expected, f"twin: {text}\n{source}"
        if matcher is not None:
            assert we_accept(matcher, text) == expected, f"engine: {text}\n{source}"
            assert we_accept(from_text, text) == expected, f"engine, from Lark text: {text}\n{source}"


DIFFERENCES = {
    # Python's re takes the first alternative that matches; a terminal is a language here.
    "ordered alternation": ("start: A\nA: /a|ab/", "ab", False, True),
    # Text cut off for a shorter match looks like the end to a lookahead.
    "lookahead sees a false end": ("start: A B | B\nA: /a+(?!a)/\nB: /a/", "aa", True, False),
    # Lark leaves out only the longest ignored text, and so loses what could begin inside it.
    "ignored text only greedy": ('start: "a" " b"\n%ignore / +/', "a  b", False, True),
}


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_known_differences_from_lark(kind):
    source, text, lark_says, we_say = DIFFERENCES[kind]
    assert lark_accepts(lark_parser(source), text) == lark_says
    try:
        compiled = stolcke.compile(stolcke.Grammar.from_lark(source), vocabulary_of(BYTES_ONLY))
    except stolcke.RegexError:
        assert kind.startswith("lookahead"), "only lookaround may be refused"
        return
    assert we_accept(compiled.matcher(), text.encode()) == we_say


SAME = {
    "keywords that share a beginning": ('start: ("list"|"listen") "ed"', ["listed", "listened", "listen", "listenned"]),
    "two names side by side": ("start: A A\nA: /a+/", ["a", "aa", "aaaa"]),
    "a name that ends in a keyword": ('start: /a+/ "ab"', ["ab", "aab", "aaab", "abab"]),
    "nullable chains": ('start: x y z "a"\nx: y?\ny: z?\nz: "b"?', ["a", "ba", "bba", "bbba", "bbbbba", ""]),
    "ranges": ('start: "a"~2..4 "b"~2', ["aabb", "abb", "aaaabb", "aaaaabb", "aab"]),
    "case": ('start: "if"i /X/', ["ifX", "IFX", "iFX", "Ifx"]),
    "hidden left recursion": ('start: x start "b" | "a"\nx: "c"?', ["a", "ab", "cab", "ccabb", "cabbb", "ccab", "cca"]),
    "templates": ('start: list{"a", ","}\nlist{x, sep}: x (sep x)*', ["a", "a,a", "a,", ",a"]),
    "a unit cycle": ('start: x\nx: start | "a"', ["a", "aa"]),
}


@pytest.mark.parametrize("kind", SAME)
def test_lark_agrees_on_texts_chosen_by_hand(kind):
    source, chosen = SAME[kind]
    parser = lark_parser(source)
    matcher = stolcke.compile(stolcke.Grammar.from_lark(source), vocabulary_of(BYTES_ONLY)).matcher()
    answers = {text: lark_accepts(parser, text) for text in chosen}
    assert {text: we_accept(matcher, text.encode()) for text in chosen} == answers
    assert True in answers.values()
    assert False in answers.values()
