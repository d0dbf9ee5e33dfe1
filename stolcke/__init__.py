"""Exact token masks for constrained generation, from Lark grammars and real vocabularies."""

from __future__ import annotations

from stolcke.errors import (
    Cancelled,
    CompileError,
    FileFormatError,
    GrammarError,
    LimitExceeded,
    RegexError,
    StolckeError,
    VocabularyError,
    VocabularyMismatch,
)
from stolcke.options import Limits, Options
from stolcke.shipped import grammar_path

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "CompileError",
    "FileFormatError",
    "GrammarError",
    "LimitExceeded",
    "Limits",
    "Options",
    "RegexError",
    "StolckeError",
    "VocabularyError",
    "VocabularyMismatch",
    "grammar_path",
]
