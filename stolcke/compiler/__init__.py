"""Symbolic grammars to integer tables, and those tables to the run-time engine."""

from stolcke.compiler.arrays import GrammarArrays
from stolcke.compiler.binding import bind, build_engine, build_scores
from stolcke.compiler.guarding import guarded, kept_apart
from stolcke.compiler.lowering import lower

__all__ = ["GrammarArrays", "bind", "build_engine", "build_scores", "guarded", "kept_apart", "lower"]
