r"""Whether a text is a regular expression of ECMA-262 with the flag ``u``, references to groups included.

:mod:`.ecma_syntax` reads what is regular, and lets through what only the flag forbids.  Here it is the other way about.
"""

from __future__ import annotations

from stolcke.errors import RegexError
from stolcke.frontends.json_schema.ecma_syntax import Parser, Tree
from stolcke.lexer import charsets
from stolcke.lexer.charsets import Bounds
from stolcke.options import Limits

__all__ = ["is_expression"]

_ENDLESS = Limits(repeat=10**101, nesting=200, alternatives=10**9)
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_NOTHING: Bounds = ()


def is_expression(text: str) -> bool:
    """Whether a text is one; of properties, those that stolcke knows.  False where groups nest too deep."""
    try:
        _Strict(text, _ENDLESS).parse()
    except RegexError:
        return False
    return True


class _Strict(Parser):
    """Reads one expression, and forgets what it means."""

    def __init__(self, source: str, limits: Limits) -> None:
        super().__init__(source, limits)
        self.groups = 0
        self.numbers: list[int] = []
        self.named: list[str] = []
        self.in_set = False

    def parse(self) -> Tree:
        tree = super().parse()
        if any(number > self.groups for number in self.numbers) or not self.names.issuperset(self.named):
            raise self.error("there is no such group", 0)
        return tree

    def repeat(self, begin: int) -> Tree:
        tree = super().repeat(begin)
        if self.source.startswith(("(?=", "(?!"), begin) and self.source[self.at - 1] != ")":
            raise self.error("there is nothing to repeat", begin)
        return tree

    def item(self) -> Tree:
        if self.peek() in ("]", "{", "}"):
            raise self.error("this has to be escaped", self.at)
        return super().item()

    def group(self, begin: int) -> Tree:
        captures = self.peek() != "?" or (self.peek(1) == "<" and self.peek(2) not in ("=", "!"))
        self.groups += captures
        return super().group(begin)

    def escape(self, begin: int) -> Tree:
        letter = self.peek()
        if letter == "k":
            end = self.source.find(">", self.at)
            if self.peek(1) != "<" or end < 0:
                raise self.error("the name of a group stands in angle brackets", begin)
            self.named.append(self.source[self.at + 2 : end])
            self.at = end + 1
        elif letter and letter in "123456789":
            self.numbers.append(self.number() or 0)
        else:
            return super().escape(begin)
        return Parser("", self.limits).parse()

    def character_escape(self, begin: int) -> Bounds:
        letter = self.peek()
        is_named = not letter or (letter.isascii() and letter.isalnum())
        if not is_named and letter not in _SYNTAX and not (letter == "-" and self.in_set):
            raise self.error("this needs no escape", begin)
        return super().character_escape(begin)

    def set(self, begin: int) -> Bounds:
        self.in_set = True
        self.skip("^")
        while not self.skip("]"):
            where = self.at
            low = self.member(begin)
            if self.peek() == "-" and self.peek(1) not in ("]", ""):
                self.at += 1
                high = self.member(begin)
                if not (_is_one(low) and _is_one(high)) or low[0] > high[0]:
                    raise self.error("this range is out of order, or has no bounds", where)
        self.in_set = False
        return charsets.complement(_NOTHING)


def _is_one(bounds: Bounds) -> bool:
    return len(bounds) == 2 and bounds[1] == bounds[0] + 1
