"""What stands in quotes and in character classes: escapes to code points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stolcke.frontends.bnf.expressions import EMPTY, Expression, Source, character_class
from stolcke.grammar.patterns import Literal

__all__ = ["Escapes", "read_class", "read_string"]

_LAST = 0x10FFFF


class Escapes(NamedTuple):
    """Which escapes a notation has."""

    characters: dict[str, str]
    """What stands for a character after a backslash."""
    in_classes: str
    """Further characters that a backslash may precede in a class, to stand for themselves."""
    coded: re.Pattern
    r"""An escape by number, after the backslash; its first group that is not None is the number."""
    shown: str
    """The escapes in words, for messages."""


def _characters(
    source: Source, begin: int, end: int, escapes: Escapes, *, quoted: bool
) -> Iterator[tuple[int, int, bool]]:
    """Go through the characters of a string or class: code point, offset, and whether it was escaped."""
    text, place = source.text, begin
    while place < end:
        char, at = text[place], place
        place += 1
        if char != "\\":
            if char == "\0":
                raise source.error("a NUL ends the text for other readers; write it as \\x00", at)
            yield ord(char), at, False
            continue
        coded = escapes.coded.match(text, place, end)
        if coded is not None:
            code = int(next(digits for digits in coded.groups() if digits is not None), 16)
            if code > _LAST:
                raise source.error(f"{text[at : coded.end()][:24]!r} is beyond the last code point, U+10FFFF", at)
            place = coded.end()
            yield code, at, True
            continue
        name = text[place : place + 1]
        place += 1
        if name in escapes.characters:
            yield ord(escapes.characters[name]), at, True
        elif not quoted and name and name in escapes.in_classes:
            yield ord(name), at, True
        else:
            remedy = "write the ranges, as in [0-9]" if name in "dDsSwW" else f"the escapes are {escapes.shown}"
            raise source.error(f"unknown escape '\\{name}'; {remedy}", at)


def read_string(source: Source, begin: int, end: int, escapes: Escapes) -> Expression:
    """Read what stands between two quotes, from ``begin`` to before ``end``.

    Raises
    ------
    GrammarError
    """
    codes = []
    for code, offset, _ in _characters(source, begin, end, escapes, quoted=True):
        if 0xD800 <= code < 0xE000:
            reason = f"the surrogate U+{code:04X} has no UTF-8 encoding"
            raise source.error(f"{reason}; write the character beyond U+FFFF itself, or \\U and eight digits", offset)
        codes.append(chr(code))
    return Literal("".join(codes)) if codes else EMPTY


def read_class(source: Source, begin: int, end: int, escapes: Escapes, *, any_by_none: bool) -> Expression:
    """Read what stands between two square brackets, from ``begin`` to before ``end``.

    Parameters
    ----------
    any_by_none : bool
        Whether ``[^]`` is any character.

    Raises
    ------
    GrammarError
    """
    negated = source.text.startswith("^", begin, end)
    found = list(_characters(source, begin + negated, end, escapes, quoted=False))
    if not found:
        if negated and any_by_none:
            return character_class([], negated=True)
        remedy = 'write "" for no text, or [^\\x00] for any character'
        raise source.error(f"the character class is empty; {remedy}", begin - 1)
    ranges = []
    place = 0
    while place < len(found):
        code, offset, _ = found[place]
        place += 1
        if place + 1 < len(found) and found[place][0] == 0x2D and not found[place][2]:
            last = found[place + 1][0]
            if last < code:
                raise source.error("the range is empty; exchange its ends, or escape '-' as '\\-'", offset)
            ranges.append((code, last))
            place += 2
        else:
            ranges.append((code, code))
    return character_class(ranges, negated=negated)
