"""Guards that read what is written between terminals: masks against a definition of the language, text by text."""

from __future__ import annotations

import re

import numpy as np
import pytest

import stolcke
from stolcke import CompileError
from stolcke.guard import TextGuard

LISTS = stolcke.Grammar.from_lark(r"""
    start: OPEN (ITEM ("," ITEM)*)? CLOSE | "[" OTHER "]"
    OPEN: "["
    CLOSE: "]"
    ITEM: /"[ab]*"/
    OTHER: /"[abc]*"/
""")
TOKENS = [b"[", b"]", b",", b'"', b"a", b"b", b"c", b'a"', b'","', b'"a"', b'"a","', b"ab", b'","a', b'"]', b'a"]']
TOKENS += [b'"a","a"', b'["a","b"]', b'["a","a"]', b'"",""', b'","","', b"\xff", b"<eos>"]
VOCABULARY = stolcke.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1])


class Different(TextGuard):
    """Items differ; of the other reading of a list of one item, nothing is asked."""

    watches = ("OPEN", "ITEM", "CLOSE")
    refuses = ("ITEM",)

    def __init__(self, *, knows_when_safe: bool = False) -> None:
        self.knows_when_safe = knows_when_safe

    def read(self, state, terminal, kind):
        if terminal == "OPEN":
            return stolcke.Reading((frozenset(), b""))
        if terminal == "CLOSE":
            return stolcke.Reading(None)
        items, text = state
        return None if (item := text.lstrip(b",")) in items else stolcke.Reading((items | {item}, b""))

    def records(self, state):
        return state is not None

    def extended(self, state, text):
        return state[0], state[1] + text

    def is_safe(self, state):
        begun = state[1].lstrip(b",")
        return self.knows_when_safe and not (any(item.startswith(begun) for item in state[0]) and state[0])


def may_begin(text: str) -> bool:
    """Whether some list begins with a text, by regular expressions."""
    if re.fullmatch(r'(\[("[abc]*("\]?)?)?)?', text):
        return True
    if not re.fullmatch(r'\[("[ab]*",)*("[ab]*("\]?)?)?|\[\]', text):
        return False
    items = re.findall(r'"[ab]*"', text)
    return len(items) == len(set(items))


@pytest.mark.parametrize("knows_when_safe", [False, True])
def test_every_text_of_five_tokens(knows_when_safe) -> None:
    compiled = stolcke.compile(LISTS, VOCABULARY, guard=Different(knows_when_safe=knows_when_safe))
    met = set()

    def look(matcher: stolcke.Matcher, text: str, depth: int) -> None:
        met.add(text)
        is_whole = text.endswith("]")
        expected = [not is_whole and may_begin(text + token.decode("latin1")) for token in TOKENS[:-1]]
        assert (matcher.mask() == np.array([*expected, is_whole])).all(), text
        for token in np.flatnonzero(expected) if depth else ():
            longer = text + TOKENS[token].decode()
            if longer not in met:
                following = matcher.fork()
                assert following.accept(int(token))
                look(following, longer, depth - 1)

    look(compiled.matcher(), "", 5)
    assert len(met) > 150
    stats = compiled.stats()
    assert stats["tokens_walked"] > 0


def test_rollback_leaves_the_text_behind() -> None:
    matcher = stolcke.compile(LISTS, VOCABULARY, guard=Different()).matcher()
    assert matcher.accept_bytes(b'["a","b"')
    assert not matcher.fork().accept_bytes(b',"b"')
    matcher.rollback(1)
    assert matcher.accept_bytes(b'["b"') and matcher.fork().accept_bytes(b',"a"]')


def test_tokens_are_read_one_by_one_only_where_that_is_needed() -> None:
    walked = {}
    for knows_when_safe in (False, True):
        compiled = stolcke.compile(LISTS, VOCABULARY, guard=Different(knows_when_safe=knows_when_safe))
        matcher = compiled.matcher()
        assert matcher.accept_bytes(b'["a","b')
        matcher.mask()
        walked[knows_when_safe] = compiled.stats()["tokens_walked"]
    assert walked[True] < walked[False]


class Wrong(Different):
    """One with an attribute of another kind."""

    def __init__(self, **attributes) -> None:
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)

    def __hash__(self) -> int:
        return id(self)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"inserts": ("INDENT",)}, "inserts of a TextGuard must be empty"),
        ({"longest": ("ITEM",)}, "longest of a TextGuard must be empty"),
        ({"refuses": ("OTHER",)}, "which is not among what it watches"),
        ({"start": (frozenset(), b"")}, "records from the start"),
    ],
)
def test_what_cannot_be(attributes, reason) -> None:
    grammar = LISTS
    if "inserts" in attributes:
        grammar = stolcke.Grammar.from_lark(
            'start: OPEN ITEM CLOSE INDENT?\nOPEN: "["\nCLOSE: "]"\nITEM: "a"\n%declare INDENT'
        )
    with pytest.raises(CompileError, match=reason):
        stolcke.compile(grammar, VOCABULARY, guard=Wrong(**attributes))


def test_a_refusal_that_was_not_announced_is_an_error() -> None:
    with pytest.raises(CompileError, match="refuses 'ITEM', which its `refuses` does not name"):
        stolcke.compile(LISTS, VOCABULARY, guard=Wrong(refuses=())).matcher().accept_bytes(b'["a","a"')


def test_a_counted_repeat_cannot_be_refused() -> None:
    grammar = stolcke.Grammar.from_json_schema({"type": "string", "maxLength": 1000})
    (name,) = (name for name in grammar.terminals if name.startswith("string"))
    with pytest.raises(CompileError, match="counted repeat"):
        stolcke.compile(grammar, VOCABULARY, guard=Wrong(watches=(name,), refuses=(name,)))
