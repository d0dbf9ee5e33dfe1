"""Lexical rules, compiled away: a grammar with restrictions becomes one without, of the same language."""

from stolcke.lexical.joining import joined_with_ignored
from stolcke.lexical.plain import Plain, without_restrictions

__all__ = ["Plain", "joined_with_ignored", "without_restrictions"]
