"""The interface of guards, with guards of a few lines."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

import stolcke
from stolcke.guard import Kinds

NESTED = stolcke.Grammar.from_lark('start: group*\ngroup: "(" (group | "a")* ")"')
TOKENS = [b"(", b")", b"a", b"((", b"))", b"()", b")(", b"(a", b"a)))", b"<eos>"]
VOCABULARY = stolcke.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1])


class Depth(stolcke.Guard):
    """Parentheses at most ``most`` deep."""

    watches = ("LPAR", "RPAR")
    start = 0

    def __init__(self, most: int) -> None:
        self.most = most

    def read(self, state, terminal, kind):
        depth = state + (1 if terminal == "LPAR" else -1)
        return stolcke.Reading(depth) if depth <= self.most else None


def depth_of(text: str) -> int:
    depths = [text[:i].count("(") - text[:i].count(")") for i in range(len(text) + 1)]
    return max(depths)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_every_short_text(most) -> None:
    guarded = stolcke.compile(NESTED, VOCABULARY, guard=Depth(most))
    free = stolcke.compile(NESTED, VOCABULARY)
    n = 0
    for length in range(8):
        for letters in product("()a", repeat=length):
            text = "".join(letters)
            plain, matcher = free.matcher(), guarded.matcher()
            expected = plain.accept_bytes(text.encode()) and depth_of(text) <= most
            assert matcher.accept_bytes(text.encode()) == expected, text
            if expected:
                n += 1
                assert matcher.is_accepting == plain.is_accepting
                allowed = [
                    plain.fork().accept_bytes(token) and depth_of(text + token.decode()) <= most
                    for token in TOKENS[:-1]
                ]
                assert (matcher.mask() == np.array([*allowed, plain.is_accepting])).all(), text
    assert n > 50


class Even(Kinds):
    """Numbers that end in an even digit, and the others."""

    start = True

    def __hash__(self):
        return hash(Even)

    def __eq__(self, other):
        return isinstance(other, Even)

    def step(self, state, byte):
        return byte % 2 == 0

    def kind(self, state):
        return "even" if state else "odd"


class Alternating(stolcke.Guard):
    """Even and odd numbers take turns, and the text does not end after an odd one."""

    watches = longest = ("NUMBER",)
    start = "odd"

    def kinds(self, terminal):
        return Even()

    def read(self, state, terminal, kind):
        return None if kind in (None, state) else stolcke.Reading(kind)

    def end(self, state):
        return () if state == "even" else None


def test_kinds_the_longest_and_the_end() -> None:
    grammar = stolcke.Grammar.from_lark('start: (NUMBER " "?)+\nNUMBER: /[0-9]+/')
    compiled = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), guard=Alternating())

    def right(text: str) -> bool:
        parity = [int(number) % 2 for number in text.split(" ") if number]
        return parity[0] == 0 and all(a != b for a, b in pairwise(parity)) and parity[-1] == 0

    n = 0
    for length in range(1, 6):
        for letters in product("12 ", repeat=length):
            text = "".join(letters)
            if text[0] == " " or "  " in text:
                continue
            matcher = compiled.matcher()
            n += right(text)
            assert (matcher.accept_bytes(text.encode()) and matcher.is_accepting) == right(text), text
    assert n > 20


class Failing(Depth):
    """Fails when it is asked about the third level."""

    def read(self, state, terminal, kind):
        if state == 2:
            raise ZeroDivisionError("a defect of the guard")
        return super().read(state, terminal, kind)


def test_what_a_guard_raises_reaches_the_caller() -> None:
    compiled = stolcke.compile(NESTED, VOCABULARY, guard=Failing(9))
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"(")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            matcher.accept_bytes(b"(")
        assert matcher.n_accepted == 1
    with pytest.raises(ZeroDivisionError):
        matcher.mask()
    assert matcher.accept_bytes(b"a)") and matcher.is_accepting


class Careless(Depth):
    answer: object = 1

    def read(self, state, terminal, kind):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (1, "must give a Reading or None, not 1"),
        (stolcke.Reading([]), "must be hashable"),
        (stolcke.Reading(0, ("NO",)), "inserts 'NO'"),
    ],
)
def test_answers_that_are_none(answer, message) -> None:
    guard = Careless(1)
    guard.answer = answer
    with pytest.raises(stolcke.CompileError, match=message):
        stolcke.compile(NESTED, VOCABULARY, guard=guard)


def test_grammars_are_remembered_with_their_guard() -> None:
    guard = Depth(1)
    shallow, free = (stolcke.compile(NESTED, VOCABULARY, guard=each) for each in (guard, None))
    assert not shallow.matcher().accept_bytes(b"((") and free.matcher().accept_bytes(b"((")
    assert stolcke.compile(NESTED, VOCABULARY, guard=guard).engine is shallow.engine


class Once(stolcke.Guard):
    """One ``A`` and no more: a guard that leaves dead ends."""

    watches = ("A",)
    start = 0

    def read(self, state, terminal, kind):
        return stolcke.Reading(1) if state == 0 else None


def test_a_dead_end_is_an_empty_mask() -> None:
    grammar = stolcke.Grammar.from_lark('start: A A\nA: "x"')
    matcher = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), guard=Once()).matcher()
    assert matcher.forced_bytes() == b"x"
    assert matcher.allowed_token_ids().tolist() == [ord("x")]
    assert matcher.accept_bytes(b"x") and not matcher.mask().any()
    assert matcher.forced_bytes() == b"" and not matcher.accept_bytes(b"x")


class Endless(Kinds):
    """Counts, and never comes to an end."""

    start = 0

    def __hash__(self):
        return hash(Endless)

    def __eq__(self, other):
        return isinstance(other, Endless)

    def step(self, state, byte):
        return state + 1

    def kind(self, state):
        return state % 2


class Counting(Alternating):
    def kinds(self, terminal):
        return Endless()


def test_kinds_without_end_meet_a_limit() -> None:
    grammar = stolcke.Grammar.from_lark('start: (NUMBER " "?)+\nNUMBER: /[0-9]+/')
    with pytest.raises(stolcke.LimitExceeded, match="kinds of terminal NUMBER"):
        stolcke.compile(
            grammar, stolcke.Vocabulary.from_bytes(), guard=Counting(), limits=stolcke.Limits(regex_states=2000)
        )


class Pairs(stolcke.Guard):
    """Inserts a ``DD`` after each ``A``."""

    watches = ("A",)
    inserts = ("DD",)

    def read(self, state, terminal, kind):
        return stolcke.Reading(state, ("DD",))


def test_what_is_inserted_need_not_be_followed() -> None:
    grammar = stolcke.Grammar.from_lark('start: A DD "b" A DD\nA: "x"\n%declare DD')
    matcher = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), guard=Pairs()).matcher()
    assert matcher.forced_bytes() == b"xbx"
    assert matcher.accept_bytes(b"xbx") and matcher.is_accepting


class Wrong(Depth):
    def __init__(self, **fields: object) -> None:
        super().__init__(1)
        self.__dict__.update(fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"watches": "A"}, "watches of a guard must be a tuple"),
        ({"end": lambda state: 5}, r"end\(\) of .* must give a tuple"),
        ({"kinds": lambda terminal: "kinds"}, r"kinds\('LPAR'\)"),
        ({"kinds": lambda terminal: []}, r"kinds\('LPAR'\)"),
    ],
)
def test_fields_that_are_none(fields, message) -> None:
    with pytest.raises(stolcke.CompileError, match=message):
        stolcke.compile(NESTED, VOCABULARY, guard=Wrong(**fields))
