"""A slow obvious matcher for regular expressions: enumerate every path and apply the definition.

A path through an expression is the list of the choices it makes: which branch
of an alternation, once more or not at a repeat.  A text is accepted when some
path matches it whole, and no path that first differs from it at a lazy repeat,
by leaving where this one stays, matches a proper prefix of the text.

The expression is read by :mod:`re`'s own parser and characters are compared by
:mod:`re` itself.  As there, an optional round that reads nothing is the last.
An assertion looks at the text around a match, too, and ``$`` at the end of the
text, or before a newline of the match that ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from re import _compiler, _parser
from re import _constants as op

FREE, LAZY = "free", "lazy"
Choices = tuple[tuple[str, int], ...]
Path = tuple[int, Choices]  # where it ends, what it chose

SINGLE = (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY)


@dataclass(frozen=True)
class Subject:
    """A text, and where in it the match has to end."""

    text: str
    stop: int


@dataclass(frozen=True)
class Twin:
    """The slow matcher of one expression."""

    source: str
    flags: int = 0

    def accepts(self, text: str, before: str = "", after: str = "") -> bool:
        """Apply the definition to a text that stands between two others."""
        tree = _parser.parse(self.source, self.flags)
        subject = Subject(before + text + after, len(before + text))
        found = set(_sequence(list(tree), tree.state.flags, subject, len(before)))
        # Where some path leaves a lazy repeat, to match a proper prefix of the text.
        left = {
            chosen[:place]
            for end, chosen in found
            if end < subject.stop
            for place, choice in enumerate(chosen)
            if choice == (LAZY, 0)
        }
        return any(
            not any(choice == (LAZY, 1) and chosen[:place] in left for place, choice in enumerate(chosen))
            for end, chosen in found
            if end == subject.stop
        )

    def is_viable_prefix(self, text: str, alphabet: str, depth: int) -> bool:
        """Try every continuation over an alphabet up to a length."""
        return any(
            self.accepts(text + "".join(more))
            for length in range(depth + 1)
            for more in product(alphabet, repeat=length)
        )


def _sequence(items: list, flags: int, subject: Subject, at: int) -> Iterator[Path]:
    if not items:
        yield at, ()
        return
    for middle, chosen in _item(items[0], flags, subject, at):
        for end, more in _sequence(items[1:], flags, subject, middle):
            yield end, chosen + more


def _item(item: tuple, flags: int, subject: Subject, at: int) -> Iterator[Path]:
    operator, argument = item
    if operator in SINGLE:
        if at < len(subject.text) and _is_one(item, flags, subject.text[at]):
            yield at + 1, ()
    elif operator is op.BRANCH:
        for number, branch in enumerate(argument[1]):
            for end, chosen in _sequence(list(branch), flags, subject, at):
                yield end, ((FREE, number), *chosen)
    elif operator is op.SUBPATTERN:
        _, added, removed, body = argument
        yield from _sequence(list(body), (flags | added) & ~removed, subject, at)
    elif operator in (op.MAX_REPEAT, op.MIN_REPEAT):
        kind = LAZY if operator is op.MIN_REPEAT else FREE
        yield from _rounds(kind, *argument, 0, flags, subject, at)
    elif operator in (op.ASSERT, op.ASSERT_NOT):
        direction, body = argument
        if direction > 0:
            holds = any(True for _ in _sequence(list(body), flags, subject, at))
        else:
            ends = {end for begin in range(at + 1) for end, _ in _sequence(list(body), flags, subject, begin)}
            holds = at in ends
        if holds == (operator is op.ASSERT):
            yield at, ()
    elif operator is op.AT:
        if _is_at(argument, flags, subject, at):
            yield at, ()
    else:
        raise NotImplementedError(operator)


def _is_at(code, flags: int, subject: Subject, at: int) -> bool:
    text = subject.text
    if code is op.AT_BEGINNING_STRING:
        return at == 0
    if code is op.AT_BEGINNING:
        return at == 0 or (bool(flags & re.M) and text[at - 1] == "\n")
    if code is op.AT_END_STRING:
        return at == len(text)
    if code is op.AT_END:
        if flags & re.M:
            return text[at : at + 1] in ("", "\n")
        return at == len(text) or (text[at:] == "\n" and at < subject.stop)
    word = re.compile(r"\w", flags & re.A)
    is_boundary = bool(word.match(text[at - 1 : at])) != bool(word.match(text[at : at + 1]))
    return is_boundary == (code is op.AT_BOUNDARY)


def _rounds(kind: str, least, most, body, done: int, flags: int, subject: Subject, at: int) -> Iterator[Path]:
    if done >= least:
        # Where the bound is reached there is nothing to choose.
        yield at, (((kind, 0),) if done < most else ())
    if done < most:
        prefix = ((kind, 1),) if done >= least else ()
        for middle, chosen in _sequence(list(body), flags, subject, at):
            if middle == at and done >= least:
                yield at, prefix + chosen
                continue
            for end, more in _rounds(kind, least, most, body, done + 1, flags, subject, middle):
                yield end, prefix + chosen + more


def _is_one(item: tuple, flags: int, character: str) -> bool:
    return _matcher(repr(item), item if isinstance(item[1], int | type(None)) else _Box(item), flags)(character)


class _Box(tuple):
    """An item whose argument is a list, hashed by what it shows."""

    def __hash__(self) -> int:
        return hash(repr(tuple(self)))


@cache
def _matcher(_: str, item: tuple, flags: int):
    state = _parser.State()
    state.flags = flags
    compiled = _compiler.compile(_parser.SubPattern(state, [tuple(item)]), flags)
    return lambda character: compiled.fullmatch(character) is not None
