"""Directives about restrictions, taken out of a Lark text before Lark's parser reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lark import Token, Tree

from stolcke.errors import GrammarError
from stolcke.grammar.model import Location, error_at

__all__ = ["Directive", "Place", "mark_directives", "take_directives"]

_NAMES = ("%follow", "%precede", "%reserve")
_TARGET = r'(?:_?[A-Z][_A-Z0-9]*\b|"(?:\\.|[^"\\\n])*"i?)'
_RULE = r"(?:[!?]*_?[a-z][_a-z0-9]*\b)"
_PARTS = re.compile(
    r'"(?:\\.|[^"\\\n])*"|/(?!/)(?:\\.|[^/\\])*/|//[^\n]*|\#[^\n]*'
    r"|(?P<directive>%(?:follow|precede|reserve)\b)|(?P<except>->[ \t]*except\b)|(?P<end>\n(?!\s*\|))",
    re.DOTALL,
)
_HEAD = re.compile(rf"[ \t]*(?P<targets>{_TARGET}(?:[ \t]*,[ \t]*{_TARGET})*)[ \t]*:")
_EXCEPTED = re.compile(rf"[ \t]*(?P<rules>{_RULE}(?:[ \t]*,[ \t]*{_RULE})*)[ \t]*(?=\n|//|#|\Z)")
# A terminal that Lark can read; the shortest head is longer.
_PLACEHOLDER = "_D"

Place = tuple[int, int]
"""Line and column, from 1."""


@dataclass(slots=True)
class Directive:
    """One directive: its kind, the terminals that it is about, and the rules that it leaves out."""

    kind: str
    token: Token
    targets: list[Token]
    excepted: list[Token]


class _Reader:
    """Reads the directives of one text."""

    def __init__(self, readable: str, text: str, source: str | None) -> None:
        self._readable = readable
        self._text = text
        self._source = source
        self.found: dict[Place, Directive] = {}

    def token(self, kind: str, value: str, place: int) -> Token:
        text = self._readable
        return Token(
            kind, value, line=text.count("\n", 0, place) + 1, column=place - (text.rfind("\n", 0, place) + 1) + 1
        )

    def error(self, reason: str, token: Token) -> GrammarError:
        return error_at(reason, Location(token.line or 1, token.column or 1, self._source, self._text))

    def listed(self, kind: str, text: str, pattern: str, begin: int) -> list[Token]:
        return [self.token(kind, each.group(), begin + each.start()) for each in re.finditer(pattern, text)]

    def head(self, found: re.Match) -> tuple[Directive, int]:
        """Read the terminals that a directive is about; where its colon stands."""
        name, place = found["directive"], found.start()
        token = self.token("DIRECTIVE", name, place)
        if self._readable[self._readable.rfind("\n", 0, place) + 1 : place].strip():
            raise self.error(f"{name} has a line of its own", token)
        head = _HEAD.match(self._readable, found.end())
        if head is None:
            example = f"{name} NAME: {'KEYWORDS' if name == '%reserve' else '/[a-z]/'}"
            reason = f"after {name} come terminals or strings, separated by commas, and a colon, as in {example}"
            raise self.error(reason, token)
        targets = self.listed("TARGET", head["targets"], _TARGET, head.start("targets"))
        for target in targets:
            target.type = "STRING" if target.startswith('"') else "TERMINAL"
        directive = Directive(name[1:], token, targets, [])
        self.found[token.line or 1, token.column or 1] = directive
        return directive, head.end() - 1

    def exceptions(self, found: re.Match, directive: Directive) -> int:
        """Read the rules that a reservation leaves out; where they end."""
        rules = _EXCEPTED.match(self._readable, found.end())
        place = self.token("EXCEPT", found["except"], found.start())
        if directive.kind != "reserve":
            raise self.error(f"%{directive.kind} has no exceptions; only %reserve has", place)
        if rules is None:
            raise self.error("after '-> except' come names of rules, separated by commas, and nothing else", place)
        directive.excepted = self.listed("RULE", rules["rules"], _RULE, rules.start("rules"))
        return rules.end()


def take_directives(readable: str, text: str, source: str | None) -> tuple[str, dict[Place, Directive]]:
    """Replace the head of each directive by that of a terminal's definition.

    Parameters
    ----------
    readable : str
        What Lark is to read.
    text : str
        The same as it was written, line by line and column by column.
    source : str or None

    Returns
    -------
    readable : str
        In it, everything else has the line and column that it had.
    directives : dict of (line, column) to Directive

    Raises
    ------
    GrammarError
        Where a head, or what follows ``-> except``, is not what it must be.
    """
    if not any(name in readable for name in _NAMES):
        return readable, {}
    reader = _Reader(readable, text, source)
    pieces: list[str] = []
    copied = place = 0
    open_one: Directive | None = None
    while (found := _PARTS.search(readable, place)) is not None:
        begin, place = found.span()
        if found["end"] is not None:
            open_one = None
        elif found["directive"] is not None:
            open_one, place = reader.head(found)
            pieces += [readable[copied:begin], _PLACEHOLDER.ljust(place - begin)]
            copied = place
        elif found["except"] is not None and open_one is not None:
            place = reader.exceptions(found, open_one)
            pieces += [readable[copied:begin], " " * (place - begin)]
            copied = place
    return "".join(pieces) + readable[copied:], reader.found


def mark_directives(tree: Tree, directives: dict[Place, Directive]) -> None:
    """Make the definitions that directives were read as statements of a kind of their own, ``restrict``."""
    for statement in tree.children if directives else ():
        token: Any = statement.children[0]
        if statement.data == "term" and (token.line, token.column) in directives:
            statement.data = "restrict"
