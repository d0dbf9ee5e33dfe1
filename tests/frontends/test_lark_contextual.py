"""``lexer="contextual"``: whatever Lark's LALR parser with its contextual lexer accepts is accepted.

Lark itself is the oracle.  Where it refuses more, that is counted: nothing on grammars whose contexts agree, and little
on others, for reasons that are listed in ``docs/grammar.md``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import product
from random import Random

import lark
import pytest

import stolcke
from stolcke.frontends.lark_scanner import expression_of
from stolcke.grammar.model import Terminal
from stolcke.grammar.patterns import Literal
from tests.engine.laws import derives_nothing, vocabulary_of
from tests.frontends.contextual_grammars import GRAMMARS, IGNORED, LITERALS, TERMINALS, WORDS
from tests.reference.masks import Tokens
from tests.strategies import EFFORT

BYTES = Tokens([bytes([byte]) for byte in range(128)] + [b"<eos>"], {128})


class Conflicts(logging.Handler):
    """Counts the conflicts that Lark decides by shifting."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += "Shift/Reduce" in record.getMessage()


@pytest.fixture
def conflicts():
    handler, level = Conflicts(), lark.logger.level
    others = list(lark.logger.handlers)
    lark.logger.handlers[:] = [handler]
    lark.logger.setLevel(logging.DEBUG)
    yield handler
    lark.logger.handlers[:] = others
    lark.logger.setLevel(level)


class Both:
    """A grammar in Lark and here."""

    def __init__(self, text: str, start: str = "start") -> None:
        self.text = text
        self.lark = lark.Lark(text, start=start, parser="lalr", lexer="contextual")
        self.grammar = stolcke.Grammar.from_lark(text, start, lexer="contextual")
        try:
            self.matcher = stolcke.compile(self.grammar, vocabulary_of(BYTES)).matcher()
        except stolcke.GrammarError as error:
            if not derives_nothing(error):
                raise
            self.matcher = None

    def lark_accepts(self, text: str) -> bool:
        try:
            self.lark.parse(text)
        except lark.UnexpectedInput:
            return False
        return True

    def accepts(self, text: str) -> bool:
        if self.matcher is None:
            return False
        self.matcher.reset()
        return self.matcher.accept_bytes(text.encode()) and self.matcher.is_accepting

    def compare(self, texts: Iterable[str]) -> tuple[int, list[str]]:
        """Check that nothing is lost: how many texts both accept, and which only we do."""
        common, more = 0, []
        for text in dict.fromkeys(texts):
            if self.lark_accepts(text):
                assert self.accepts(text), (text, self.text)
                common += 1
            elif self.accepts(text):
                more.append(text)
        return common, more


def strings(pieces: Iterable[str], length: int) -> Iterable[str]:
    pieces = list(pieces)
    for count in range(length + 1):
        for parts in product(pieces, repeat=count):
            yield "".join(parts)


@pytest.mark.parametrize("name", list(GRAMMARS))
def test_all_short_texts(name):
    text, pieces, length, least = GRAMMARS[name]
    common, more = Both(text).compare(strings(pieces, length))
    assert common >= least
    assert not more


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        (
            'start: NAME "=" e\ne: NAME | "if" e\nNAME: /[a-z]+/\n%ignore " "',
            ["x = ifx", "x = if y", "if = y"],
            ["x = if"],
        ),
        ('start: NAME (">>" NAME)* | NAME "<" start ">"\nNAME: /[a-z]+/', ["a>>b", "a<a>", "a<a<a>>"], ["a>b"]),
        ('start: NAME (OP NAME)*\nOP: ">" | ">>"\nNAME: /[a-z>]+/', ["a", "a>>b"], []),
    ],
)
def test_examples(text, accepted, refused):
    both = Both(text)
    assert [both.accepts(each) for each in accepted] == [True] * len(accepted)
    assert [both.accepts(each) for each in refused] == [False] * len(refused)
    assert not any(map(both.lark_accepts, refused))
