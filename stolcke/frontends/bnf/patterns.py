"""Patterns of terminals as expressions of literals and character classes."""

from __future__ import annotations

from stolcke.frontends.bnf.expressions import EMPTY
from stolcke.grammar.patterns import (
    Choice,
    Counted,
    Literal,
    Machine,
    Nonempty,
    Pattern,
    Regex,
    Repeat,
    Sequence,
    Whole,
)
from stolcke.lexer.regex_syntax import Characters, LazyRepeat, Look, Node, parse_regex
from stolcke.options import Limits

__all__ = ["pattern_expression"]


def pattern_expression(pattern: Pattern, limits: Limits) -> Node | None:
    """Write a pattern without regular expressions and letters of any case: of characters, sequences, and so on.

    Returns
    -------
    Node or None
        None where only the automaton says what it matches: lazy repeats, assertions, ready automata, bytes.
    """
    if isinstance(pattern, Literal):
        return _literal(pattern, limits)
    if isinstance(pattern, Regex):
        return pattern_expression(parse_regex(pattern, limits), limits)  # type: ignore[arg-type]  # its leaves are below
    if isinstance(pattern, Characters):
        return pattern
    if isinstance(pattern, Counted):
        return pattern_expression(pattern.expanded(), limits)
    if isinstance(pattern, Repeat):
        part = pattern_expression(pattern.part, limits)
        # A repeat of what may be empty is refused by some readers; its automaton has none.
        return None if part is None or _is_empty(part) else Repeat(part, pattern.least, pattern.most)  # type: ignore[arg-type]
    if isinstance(pattern, Sequence | Choice):
        parts = [pattern_expression(part, limits) for part in pattern.parts]
        if None in parts or (isinstance(pattern, Choice) and not parts):
            return None
        return parts[0] if len(parts) == 1 else type(pattern)(tuple(parts))  # type: ignore[arg-type]
    assert isinstance(pattern, LazyRepeat | Look | Nonempty | Whole | Machine)
    return None


def _literal(literal: Literal, limits: Limits) -> Node | None:
    text = literal.text
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            return None
    if not text:
        return EMPTY
    if not literal.ignore_case:
        return Literal(text)
    parts = []
    for char in text:
        single = parse_regex(Regex(f"[\\U{ord(char):08x}]", "i"), limits)
        parts.append(single)
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))


def _is_empty(node: Node) -> bool:
    """Whether an expression may match the empty text."""
    if isinstance(node, Repeat):
        return node.least == 0
    if isinstance(node, Sequence):
        return all(map(_is_empty, node.parts))
    return isinstance(node, Choice) and any(map(_is_empty, node.parts))
