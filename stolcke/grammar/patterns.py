"""What a terminal matches, symbolically: small immutable trees of patterns.

A pattern says nothing about automata; :mod:`stolcke.lexer` turns one into a
deterministic automaton over UTF-8 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Choice",
    "Counted",
    "Literal",
    "Machine",
    "Nonempty",
    "Pattern",
    "Regex",
    "Repeat",
    "Sequence",
    "Special",
    "Whole",
]


class _Compound:
    """A pattern of patterns: asked for its hash again and again, as a key, it goes through its parts once."""

    __slots__ = ("_hash",)

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            value = hash((type(self), *[getattr(self, name) for name in self.__match_args__]))
            object.__setattr__(self, "_hash", value)
            return value


@dataclass(frozen=True, slots=True)
class Literal:
    """One fixed text (``"if"``, ``"if"i``), or fixed bytes that need not be UTF-8."""

    text: str | bytes
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression in the syntax of Python's :mod:`re`; flags out of ``imsxu``."""

    source: str
    flags: str = ""


@dataclass(frozen=True, slots=True)
class Sequence(_Compound):
    """One pattern after the other; the empty sequence matches the empty text."""

    __hash__ = _Compound.__hash__

    parts: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Choice(_Compound):
    """Any of the patterns; the empty choice matches nothing."""

    __hash__ = _Compound.__hash__

    parts: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Repeat(_Compound):
    """A pattern ``least`` to ``most`` times (``None``: without bound)."""

    __hash__ = _Compound.__hash__

    part: Pattern
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Nonempty:
    """What a pattern matches, without the empty text; only as the whole of a terminal."""

    part: Pattern


@dataclass(frozen=True, slots=True)
class Whole:
    """What a pattern matches as the whole of a text, at whose ends its assertions look; only as a whole terminal."""

    part: Pattern


@dataclass(frozen=True, slots=True)
class Machine:
    """What a ready automaton accepts; ``title`` is for messages only and does not count when patterns are compared.

    ``automaton`` is a :class:`stolcke.lexer.Automaton`, of which nothing is known here but that it is a value.
    """

    title: str = field(compare=False)
    automaton: Any


@dataclass(frozen=True, slots=True)
class Counted(_Compound):
    """``before``, then ``unit`` ``least`` to ``most`` times (``None``: without bound), then ``after``.

    It matches what the same sequence does.  As the whole of a terminal it costs no more where the bounds are large,
    provided that no text of ``unit`` is a prefix of another, nor one of ``before``, and that no byte begins both a
    unit and what follows; such as the characters between the quotes of a string.
    """

    __hash__ = _Compound.__hash__

    before: Pattern
    unit: Pattern
    least: int
    most: int | None
    after: Pattern

    def expanded(self) -> Sequence:
        """The sequence that matches the same."""
        return Sequence((self.before, Repeat(self.unit, self.least, self.most), self.after))


@dataclass(frozen=True, slots=True)
class Special:
    """A terminal declared in the grammar and bound to special tokens at compile.

    ``markers`` are their texts or ids, where the grammar says so; what compile() is told comes before.
    """

    name: str
    markers: tuple[str | int, ...] = ()


Pattern = Literal | Regex | Sequence | Choice | Repeat | Counted | Nonempty | Whole | Machine | Special
