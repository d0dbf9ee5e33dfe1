r"""Terminals whose assertions look at what stands beside a match: a choice of ones without."""

from __future__ import annotations

from functools import lru_cache

from stolcke.errors import LimitExceeded
from stolcke.grammar.model import Neighbour
from stolcke.grammar.patterns import Machine, Nonempty, Pattern, Regex
from stolcke.lexer.automaton import determinized
from stolcke.lexer.context import in_context, may_assert
from stolcke.options import Limits

__all__ = ["Variant", "edge_variants"]

# A pattern without assertions, and what may stand before and behind its matches; None for anything.
Variant = tuple[Pattern, Neighbour | None, Neighbour | None]


def edge_variants(pattern: Pattern, limits: Limits = Limits()) -> tuple[Variant, ...]:
    r"""Split a pattern into alternatives without assertions that look beyond a match.

    ``\bif\b`` is ``if`` between what is no part of a word; ``.\b`` is a word
    character before one that is none, or one that is none before one that is.

    Parameters
    ----------
    pattern : Pattern
        Of a terminal.
    limits : Limits

    Returns
    -------
    tuple of (pattern, precede, follow)
        A text matches, where it stands, iff it is one of a pattern's and its
        neighbours are what is asked for beside it; ``None`` asks for nothing.
        At most one alternative fits a text and its neighbours.  A pattern
        that does not look beyond its match is the only one, as it is.

    Raises
    ------
    RegexError
        Where an expression is malformed, or looks further than at the one
        character before or behind the match, with the place.
    LimitExceeded
    """
    if not may_assert(pattern):
        return ((pattern, None, None),)
    try:
        return _edge_variants(pattern, limits)
    except RecursionError:
        raise LimitExceeded("nesting", "more than the interpreter's stack holds", limits.nesting, "terminal") from None


@lru_cache(maxsize=1024)
def _edge_variants(pattern: Pattern, limits: Limits) -> tuple[Variant, ...]:
    part = pattern.part if isinstance(pattern, Nonempty) else pattern
    context = in_context(part, limits)
    variants = [] if context is None else context.variants()
    if all(precede is None and follow is None for _, precede, follow in variants):
        return ((pattern, None, None),)
    title = f"/{pattern.source}/" if isinstance(pattern, Regex) else "a terminal with assertions"
    made = []
    for nodes, precede, follow in variants:
        machine = determinized(nodes, limits)
        if part is not pattern:
            machine = machine.without_empty()
        if machine.n_states:
            made.append((Machine(title, machine), precede, follow))
    return tuple(made)
