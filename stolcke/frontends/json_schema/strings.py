"""Sets of strings: a regular language and bounds on the number of characters.

Lengths stay numbers as long as possible: ``maxLength: 65535`` costs nothing until it
has to be combined with a pattern.
"""

from __future__ import annotations

from stolcke.lexer.language import Language

__all__ = ["Strings"]


class Strings:
    """The strings of a language (None: all) that have ``least`` to ``most`` characters (None: any number)."""

    __slots__ = ("language", "least", "most")

    def __init__(self, language: Language | None = None, least: int = 0, most: int | None = None) -> None:
        self.language = language
        self.least = least
        self.most = most

    def __and__(self, other: Strings) -> Strings | None:
        if self.language is None or other.language is None:
            language = self.language or other.language
        else:
            language = self.language & other.language
            if language.is_empty:
                return None
        bounds = [most for most in (self.most, other.most) if most is not None]
        most = min(bounds) if bounds else None
        least = max(self.least, other.least)
        return None if most is not None and least > most else Strings(language, least, most)

    def complement(self) -> tuple[Strings, ...]:
        outside = []
        if self.language is not None:
            rest = ~self.language
            if not rest.is_empty:
                outside.append(Strings(rest))
        if self.least > 0:
            outside.append(Strings(None, 0, self.least - 1))
        if self.most is not None:
            outside.append(Strings(None, self.most + 1))
        return tuple(outside)

    @property
    def is_anything(self) -> bool:
        """Whether every string is in the set."""
        return self.language is None and self.least == 0 and self.most is None

    def as_language(self) -> Language:
        """The set as one language; large bounds make it large."""
        language = Language.everything() if self.language is None else self.language
        if self.least == 0 and self.most is None:
            return language
        if self.language is not None and (words := self.language.finite_words(10_000)) is not None:
            high = float("inf") if self.most is None else self.most
            return Language.words(word for word in words if self.least <= len(word) <= high)
        return language & Language.lengths(self.least, self.most)
