"""Which guard a grammar is compiled with: the caller's, the grammar's own, or that of a file."""

from __future__ import annotations

from typing import Any

from stolcke.errors import CompileError, FileFormatError
from stolcke.frontends.json_schema.value_guard import ValueGuard
from stolcke.grammar.model import Grammar
from stolcke.guard import Guard

__all__ = ["chosen_guard", "guard_of_file", "guard_to_file"]


def chosen_guard(grammar: Grammar, guard: Guard | None) -> Guard | None:
    """Give the one guard that there may be.

    Raises
    ------
    CompileError
    """
    if guard is not None and grammar.guard is not None:
        raise CompileError("the grammar has a guard of its own (grammar.guard), and there can be only one")
    return grammar.guard if guard is None else guard


def guard_to_file(guard: Guard | None) -> Any:
    """Give what a file keeps of a guard: all of one that a grammar has of its own, of others what they look like."""
    if isinstance(guard, ValueGuard):
        return guard.to_file()
    return None if guard is None else repr(guard)


def guard_of_file(kept: Any, guard: Guard | None, path: str) -> Guard | None:
    """Give the guard that a file was compiled with.

    Raises
    ------
    CompileError
        Where the caller gave another, or none and the file does not hold it.
    FileFormatError
    """
    if kept == (None if guard is None else repr(guard)):
        return guard
    if not isinstance(kept, list):
        raise CompileError(f"{path} was compiled with guard={kept}; give the same one")
    try:
        made = ValueGuard.from_file(kept)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FileFormatError(f"{path}: the guard of the compiled grammar is malformed: {error}") from error
    if guard not in (None, made):
        raise CompileError(f"{path} was compiled with the guard of a JSON Schema, and not with {guard!r:.200}")
    return made
