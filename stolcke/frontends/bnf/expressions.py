"""Expressions of rules, as trees; and their texts, as places.

The trees are patterns with two more leaves, :class:`Reference` and :class:`~stolcke.grammar.patterns.Special`: what
holds neither is a pattern as it stands.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.model import Location, error_at
from stolcke.grammar.patterns import Choice, Literal, Pattern, Regex, Repeat, Sequence
from stolcke.options import Limits

__all__ = ["EMPTY", "Definition", "Expression", "ExpressionBuilder", "Reference", "Source", "character_class"]

_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of a rule, where it is used."""

    name: str
    location: Location = field(compare=False)


Expression = Pattern | Reference
EMPTY = Sequence(())


@dataclass(frozen=True, slots=True)
class Definition:
    """One rule of a text."""

    name: str
    expression: Expression
    location: Location


class Source:
    """A grammar text: where its lines begin, and errors that show a place.

    Parameters
    ----------
    text : str
    name : str, optional
        Of its file.
    limits : Limits
        ``grammar_bytes`` is met here.
    """

    def __init__(self, text: str, name: str | None, limits: Limits) -> None:
        if not isinstance(text, str):
            raise GrammarError(f"a grammar text must be str, not {type(text).__name__}")
        size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if size > limits.grammar_bytes:
            raise LimitExceeded("grammar_bytes", size, limits.grammar_bytes, "grammar text")
        self.text = text
        self._name = name
        self._begins = [0, *_after_line_breaks(text)]

    def location(self, offset: int) -> Location:
        line = bisect_right(self._begins, offset)
        return Location(line, offset - self._begins[line - 1] + 1, self._name, self.text)

    def error(self, reason: str, offset: int) -> GrammarError:
        return error_at(reason, self.location(offset))


def _after_line_breaks(text: str) -> Iterator[int]:
    place = text.find("\n") + 1
    while place:
        yield place
        place = text.find("\n", place) + 1


class ExpressionBuilder:
    """Builds the expression of one rule from left to right, without recursion.

    Parameters
    ----------
    source : Source
    limits : Limits
        ``nesting``, ``alternatives`` and ``repeat`` are met here.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        # For each open group: where it was opened, alternatives that are complete, the one being read.
        self._open: list[tuple[int, list[Expression], list[Expression]]] = [(0, [], [])]
        self._depths = [0]

    @property
    def depth(self) -> int:
        """Number of open groups."""
        return len(self._open) - 1

    @property
    def current(self) -> list[Expression]:
        """What has been read of the innermost alternative."""
        return self._open[-1][2]

    def open(self, offset: int) -> None:
        if self.depth >= self._limits.nesting:
            raise LimitExceeded("nesting", self.depth + 1, self._limits.nesting, "brackets of the grammar")
        self._open.append((offset, [], []))

    def close(self, offset: int) -> None:
        if not self.depth:
            raise self._source.error("there is no '(' to this ')'", offset)
        _, alternatives, sequence = self._open.pop()
        self.push(_choice([*alternatives, _sequence(sequence)]))

    def bar(self) -> None:
        _, alternatives, sequence = self._open[-1]
        alternatives.append(_sequence(sequence))
        if len(alternatives) >= self._limits.alternatives:
            raise LimitExceeded(
                "alternatives", f"at least {len(alternatives) + 1}", self._limits.alternatives, "a rule or group"
            )
        sequence.clear()

    def push(self, expression: Expression) -> None:
        self.current.append(expression)

    def repeat(self, least: int, most: int | None, offset: int) -> None:
        """Repeat what was read last.

        Raises
        ------
        GrammarError, LimitExceeded
        """
        if not self.current:
            raise self._source.error("there is nothing before it to repeat", offset)
        for bound in (least, most or 0):
            if bound > self._limits.repeat:
                line = self._source.location(offset).line
                raise LimitExceeded("repeat", bound, self._limits.repeat, f"repetition in line {line}")
        if most is not None and most < least:
            raise self._source.error(f"the repetition {{{least},{most}}} is not a range of counts", offset)
        part = self.current.pop()
        if isinstance(part, Repeat) and {(part.least, part.most), (least, most)} <= {(0, 1), (0, None), (1, None)}:
            # An operator on another amounts to one; otherwise thousands of them would nest.
            both = (min(part.least, least), 1 if part.most == most == 1 else None)
            self.push(Repeat(part.part, *both))
            return
        depth = 0
        inner: Expression = part
        while isinstance(inner, Repeat):
            inner, depth = inner.part, depth + 1
        if depth >= self._limits.nesting:
            raise LimitExceeded("nesting", depth + 1, self._limits.nesting, "repetitions of repetitions")
        self.push(Repeat(part, least, most))

    def finish(self) -> Expression:
        """Give the whole expression.

        Raises
        ------
        GrammarError
            Where a group is still open.
        """
        if self.depth:
            raise self._source.error("this '(' is not closed", self._open[-1][0])
        _, alternatives, sequence = self._open[0]
        return _choice([*alternatives, _sequence(sequence)])


def _sequence(parts: list[Expression]) -> Expression:
    parts = [part for part in parts if part != EMPTY]
    if len(parts) == 1:
        return parts[0]
    return Sequence(tuple(parts)) if parts else EMPTY  # type: ignore[arg-type]  # references are our own leaves


def _choice(parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))  # type: ignore[arg-type]


def character_class(ranges: list[tuple[int, int]], *, negated: bool = False) -> Literal | Regex:
    """Make the pattern of one character out of some ranges of code points, both ends included, or of none of them."""
    if not negated and len(ranges) == 1 and ranges[0][0] == ranges[0][1] and not 0xD800 <= ranges[0][0] < 0xE000:
        return Literal(chr(ranges[0][0]))
    if negated and not ranges:
        return Regex(".", "s")
    parts = [_escaped(low) if low == high else f"{_escaped(low)}-{_escaped(high)}" for low, high in ranges]
    return Regex(f"[{'^' if negated else ''}{''.join(parts)}]")


def _escaped(code: int) -> str:
    """A character in a class of Python's :mod:`re`."""
    char = chr(code)
    if char.isascii() and char.isprintable():
        return char if char.isalnum() or char in " _:;,<>=!%@'" else f"\\{char}"
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
