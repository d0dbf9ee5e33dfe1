"""Exact token masks and log-probabilities for constrained generation, from grammars and real vocabularies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stolcke.batches import CompileExecutor, MaskFiller, fill_masks
from stolcke.canonical import Canonical
from stolcke.compiled_grammar import CompiledGrammar, compile
from stolcke.errors import (
    BatchError,
    BudgetError,
    Cancelled,
    CompileError,
    FileFormatError,
    GrammarError,
    InconsistentGrammarWarning,
    LimitExceeded,
    MaskError,
    ParseError,
    RegexError,
    ResponseFormatError,
    SampleTooLong,
    SchemaError,
    StolckeError,
    UnsupportedSchema,
    VocabularyError,
    VocabularyMismatch,
    WeightsError,
)
from stolcke.grammar.model import Grammar
from stolcke.guard import Guard, Reading, TextGuard
from stolcke.healing import Healed, heal
from stolcke.matcher import Matcher
from stolcke.memo import clear_cache
from stolcke.options import Limits, Options
from stolcke.prewarming import prewarm
from stolcke.scoring import Pruning, fill_logprobs_batch
from stolcke.shipped import grammar_path
from stolcke.version import __version__ as __version__
from stolcke.vocabulary import Vocabulary

if TYPE_CHECKING:
    from stolcke.parsing import Parser

__all__ = [
    "BatchError",
    "BudgetError",
    "Cancelled",
    "Canonical",
    "CompileError",
    "CompileExecutor",
    "CompiledGrammar",
    "FileFormatError",
    "Grammar",
    "GrammarError",
    "Guard",
    "Healed",
    "InconsistentGrammarWarning",
    "LimitExceeded",
    "Limits",
    "MaskError",
    "MaskFiller",
    "Matcher",
    "Options",
    "ParseError",
    "Parser",
    "Pruning",
    "Reading",
    "RegexError",
    "ResponseFormatError",
    "SampleTooLong",
    "SchemaError",
    "StolckeError",
    "TextGuard",
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
    "heal",
    "prewarm",
]


def __getattr__(name: str) -> Any:
    # Trees are lark's, whose import takes a third as long as numpy's; masks need none.
    if name == "Parser":
        from stolcke.parsing import Parser

        globals()[name] = Parser
        return Parser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
