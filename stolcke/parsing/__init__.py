"""Parsing a text by position: its derivations, how probable each is, and their trees."""

from stolcke.parsing.forest import Derivation, Forest, Span
from stolcke.parsing.parser import Parser

__all__ = ["Derivation", "Forest", "Parser", "Span"]
