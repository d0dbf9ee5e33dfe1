"""What a grammar says of a terminal: its pattern, where it was written, and what may stand beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from stolcke.errors import GrammarError
from stolcke.grammar.patterns import Pattern, Special

__all__ = ["Location", "Neighbour", "TerminalDefinition", "check_restrictions", "error_at"]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a grammar text, counted from 1."""

    line: int
    column: int
    source: str | None = None
    text: str | None = field(default=None, repr=False, compare=False)
    """The whole text, so that errors can show the line."""

    def place(self) -> dict[str, Any]:
        """Make the arguments that tell a :class:`GrammarError` where it is."""
        lines = [] if self.text is None else self.text.split("\n", self.line)
        text_line = lines[self.line - 1] if self.line <= len(lines) else None
        return {"line": self.line, "column": self.column, "text_line": text_line, "source": self.source}


def error_at(reason: str, location: Location | None) -> GrammarError:
    """Make an error about a place, where one is known."""
    return GrammarError(reason, **(location.place() if location else {}))


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What may stand directly beside a match of a terminal: a character of a set, or nothing at all."""

    characters: tuple[int, ...]
    """Code points as bounds ``(low, end, low, end, ...)``, sorted, half open, no two adjoining."""
    edge: bool = True
    """Whether it may be the end of the text, or its beginning."""


@dataclass(frozen=True, slots=True)
class TerminalDefinition:
    """A terminal's pattern, how it was written, and what a match asks of the text around it.

    The text around a match is all of it: what is ignored, too.
    """

    name: str
    pattern: Pattern
    priority: int = 0
    location: Location | None = field(default=None, compare=False)
    follow: Neighbour | None = None
    """What may stand directly behind a match; anything, where there is none."""
    precede: Neighbour | None = None
    """What may stand directly before a match; anything, where there is none."""
    reserved: tuple[Pattern, ...] = ()
    """Patterns whose texts the terminal does not match, whatever its own pattern says."""
    variant_of: str | None = None
    """Its name in trees and messages, where that is another terminal's: one that differs in what it asks for."""

    @property
    def is_restricted(self) -> bool:
        """Whether the pattern is not all that there is to say."""
        return self.follow is not None or self.precede is not None or bool(self.reserved)


def check_restrictions(definition: TerminalDefinition) -> None:
    """Refuse neighbours and reserved texts of the wrong kind.

    Raises
    ------
    GrammarError
    """
    name = definition.name
    if isinstance(definition.pattern, Special):
        reason = f"the declared terminal {name!r} is a special token, which has no characters"
        raise error_at(
            f"{reason}; it takes no reserved words, and nothing can be asked of its neighbours", definition.location
        )
    for side, neighbour in (("follow", definition.follow), ("precede", definition.precede)):
        if neighbour is None:
            continue
        if not isinstance(neighbour, Neighbour) or not isinstance(neighbour.characters, tuple):
            raise GrammarError(f"{side} of terminal {name!r} must be Neighbour(bounds, edge), not {neighbour!r}")
        bounds = (-1, *neighbour.characters, 0x110001)
        ascending = all(isinstance(each, int) and before < each for before, each in pairwise(bounds))
        if len(bounds) % 2 or not ascending:
            raise GrammarError(
                f"{side} of terminal {name!r} must have ascending bounds (low, end, low, end, ...) from 0 to "
                f"{0x110000}, not {neighbour.characters!r}"
            )
    if not isinstance(definition.reserved, tuple) or not all(isinstance(p, Pattern) for p in definition.reserved):
        raise GrammarError(f"reserved of terminal {name!r} must be a tuple of patterns, not {definition.reserved!r}")
    if any(isinstance(pattern, Special) for pattern in definition.reserved):
        raise error_at(
            f"a special token is no text that terminal {name!r} could match; reserve texts", definition.location
        )
