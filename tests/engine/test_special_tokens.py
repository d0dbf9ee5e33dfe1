"""Special tokens are symbols of their own: where the grammar names them, and by their id alone."""

from __future__ import annotations

import pytest

import stolcke
from tests.engine.laws import Engine, filled
from tests.reference.masks import Tokens

CALL = "<|call|>"
TOKENS = [b"a", b"b", b"<", b"|call|>", b"<|call|>", b"a<|", b"<|call|>", b"<|stop|>", b"</s>", b" ", b"(", b")"]
FAKE, REAL, STOP, END = 4, 6, 7, 8
"""Id 4 is an ordinary token with the text of the special token 6."""


@pytest.fixture(scope="module")
def vocabulary():
    return stolcke.Vocabulary(TOKENS, eos_token_ids=[END], special_token_ids=[REAL, STOP])


def matcher(source: str, vocabulary, **special) -> stolcke.Matcher:
    return stolcke.compile(stolcke.Grammar.from_lark(source), vocabulary, special=special).matcher()


def test_only_where_the_grammar_names_it(vocabulary):
    found = matcher('start: "a" CALL "b"\n%declare CALL', vocabulary, CALL=CALL)
    assert filled(found, len(TOKENS)) == [0]
    assert not found.accept(REAL)
    assert found.accept(0)
    assert filled(found, len(TOKENS)) == [REAL]
    assert found.forced_bytes() == b""
    assert found.accept(REAL)
    assert filled(found, len(TOKENS)) == [1]
    assert found.accept(1)
    assert filled(found, len(TOKENS)) == [END]


def test_its_text_is_not_the_token(vocabulary):
    found = matcher('start: "a" CALL "b"\n%declare CALL', vocabulary, CALL=CALL)
    assert found.accept(0)
    assert not found.accept_bytes(CALL.encode())
    assert not found.accept_bytes(b"<")
    assert not found.accept(FAKE)


def test_the_token_is_not_its_text(vocabulary):
    found = matcher('start: "<|call|>" | "<|stop|>"', vocabulary)
    assert filled(found, len(TOKENS)) == [2, FAKE], "special ids must not spell their markers"
    assert found.accept(FAKE)
    assert found.is_accepting


def test_free_text_does_not_take_it(vocabulary):
    found = matcher("start: /(?s:.)+/", vocabulary)
    assert filled(found, len(TOKENS)) == [0, 1, 2, 3, FAKE, 5, 9, 10, 11]


def test_two_of_them_and_repeats(vocabulary):
    found = matcher("start: (CALL | STOP)+\n%declare CALL STOP", vocabulary, CALL=CALL, STOP="<|stop|>")
    assert filled(found, len(TOKENS)) == [REAL, STOP]
    for token in (REAL, STOP, STOP, REAL):
        assert found.accept(token)
        assert filled(found, len(TOKENS)) == [REAL, STOP, END]
    found.rollback(4)
    assert not found.is_accepting


def test_an_alternative_of_text(vocabulary):
    found = matcher('start: CALL "a" | "<|call|>" "b"\n%declare CALL', vocabulary, CALL=CALL)
    assert filled(found, len(TOKENS)) == [2, FAKE, REAL]
    assert found.accept_bytes(b"<|c")
    assert found.forced_bytes() == b"all|>b"
    found.reset()
    assert found.accept(REAL)
    assert found.forced_bytes() == b"a"


def test_ignored_text_may_come_before_it(vocabulary):
    found = matcher('start: "a" CALL "b"\n%declare CALL\n%ignore " "', vocabulary, CALL=CALL)
    assert found.accept_bytes(b" a  ")
    assert filled(found, len(TOKENS)) == [REAL, 9]
    assert found.accept(REAL)
    assert filled(found, len(TOKENS)) == [1, 9]


def test_nothing_forced_where_one_may_come(vocabulary):
    found = matcher('start: "a" (CALL | "b") "b"\n%declare CALL', vocabulary, CALL=CALL)
    assert found.forced_bytes() == b"a"
    assert found.accept(0)
    assert found.forced_bytes() == b""


def test_recursion_through_it(vocabulary):
    tokens = Tokens(TOKENS, ends=(END,), special_ids=(REAL, STOP), special={"CALL": REAL})
    grammar = stolcke.Grammar.from_lark('start: A | CALL "(" start ")"\nA: "a"\n%declare CALL')
    engine = Engine(grammar, tokens)
    found = engine.compiled.matcher()
    text: tuple = ()
    for token in (REAL, 10, REAL, 10, 0, 11, 11):
        engine.check_all(found, text)
        assert found.accept(token)
        text += tokens.symbols(token)
    engine.check(found, text)


def test_one_name_for_several_tokens(vocabulary):
    found = matcher('start: "a" CALL "b"\n%declare CALL', vocabulary, CALL=[CALL, STOP])
    assert found.accept(0)
    assert filled(found, len(TOKENS)) == [REAL, STOP]
    for token in (REAL, STOP):
        assert found.accept(token)
        assert filled(found, len(TOKENS)) == [1]
        found.rollback()


def test_an_end_token_that_the_grammar_names(vocabulary):
    """It ends the text where the text may end; elsewhere it is a symbol like others."""
    found = matcher('start: "a" (EOS "b")?\n%declare EOS', vocabulary, EOS="</s>")
    assert found.accept(0)
    assert filled(found, len(TOKENS)) == [END]
    assert found.accept(END)
    assert found.is_finished
    found = matcher('start: "a" EOS "b"\n%declare EOS', vocabulary, EOS="</s>")
    assert found.accept(0)
    assert filled(found, len(TOKENS)) == [END]
    assert found.accept(END)
    assert not found.is_finished
    assert filled(found, len(TOKENS)) == [1]


BAD = {
    "no token at all": ({"CALL": []}, "CALL"),
    "not bound": ({}, "CALL"),
    "no such token": ({"CALL": "<|nothing|>"}, "nothing"),
    "not a special token": ({"CALL": "a"}, "special"),
    "not declared": ({"CALL": CALL, "OTHER": "<|stop|>"}, "OTHER"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_bindings_are_refused(kind, vocabulary):
    special, named = BAD[kind]
    grammar = stolcke.Grammar.from_lark('start: "a" CALL\n%declare CALL')
    with pytest.raises((stolcke.CompileError, stolcke.VocabularyError), match=named):
        stolcke.compile(grammar, vocabulary, special=special)
