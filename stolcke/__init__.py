"""Exact token masks for constrained generation, from Lark grammars and real vocabularies."""

from __future__ import annotations

from stolcke.compiled_grammar import CompiledGrammar, compile
from stolcke.errors import (
    Cancelled,
    CompileError,
    FileFormatError,
    GrammarError,
    InconsistentGrammarWarning,
    LimitExceeded,
    ParseError,
    RegexError,
    SampleTooLong,
    SchemaError,
    StolckeError,
    UnsupportedSchema,
    VocabularyError,
    VocabularyMismatch,
    WeightsError,
)
from stolcke.grammar.model import Grammar
from stolcke.matcher import Matcher, fill_masks
from stolcke.memo import clear_cache
from stolcke.options import Limits, Options
from stolcke.parsing import Parser
from stolcke.prewarming import prewarm
from stolcke.scoring import Pruning, fill_logprobs_batch
from stolcke.shipped import grammar_path
from stolcke.vocabulary import Vocabulary

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "CompileError",
    "CompiledGrammar",
    "FileFormatError",
    "Grammar",
    "GrammarError",
    "InconsistentGrammarWarning",
    "LimitExceeded",
    "Limits",
    "Matcher",
    "Options",
    "ParseError",
    "Parser",
    "Pruning",
    "RegexError",
    "SampleTooLong",
    "SchemaError",
    "StolckeError",
    "UnsupportedSchema",
    "Vocabulary",
    "VocabularyError",
    "VocabularyMismatch",
    "WeightsError",
    "clear_cache",
    "compile",
    "fill_logprobs_batch",
    "fill_masks",
    "grammar_path",
    "prewarm",
]
