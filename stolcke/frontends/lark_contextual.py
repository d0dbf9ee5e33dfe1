"""``lexer="contextual"``: what Lark's LALR parser with its contextual lexer accepts, from above.

Lark's lexer decides alone which terminal comes next: it knows the state of the parser, and the text ahead.  Each use of
a terminal is told here, by reserved words and by what may not follow, what such a lexer would rule out, as far as the
terminals that are sure to be possible there and one character ahead say.  Nothing that Lark accepts is ruled out.
"""

from __future__ import annotations

from dataclasses import replace

from stolcke.frontends.lark_scanner import Restriction, Scanner
from stolcke.grammar.context_copies import split_by_context
from stolcke.grammar.contexts import following_terminals
from stolcke.grammar.model import Grammar, Neighbour, Terminal, TerminalDefinition
from stolcke.grammar.weights import is_weighted
from stolcke.lexer.charsets import intersect
from stolcke.options import Limits

__all__ = ["as_contextual"]


def as_contextual(grammar: Grammar, limits: Limits) -> Grammar:
    """Restrict the terminals of a grammar as Lark's contextual lexer does.

    Parameters
    ----------
    grammar : Grammar
        Read from Lark text.
    limits : Limits

    Returns
    -------
    Grammar
        With copies of rules and terminals, where contexts differ.
    """
    used = {symbol.name for rule in grammar.rules for symbol in rule.rhs if isinstance(symbol, Terminal)}
    definitions = [definition for name, definition in grammar.terminals.items() if name in used.union(grammar.ignore)]
    # Where there are weights, the parts of a terminal would have to share out what it weighs.
    may_part = not is_weighted(grammar)
    scanner = Scanner(definitions, grammar.ignore, following_terminals(grammar), may_part, limits)

    def parts(name: str, live: frozenset[str]) -> tuple[TerminalDefinition, ...]:
        found = scanner.restrictions(name, live)
        return tuple(_restricted(grammar.terminals[name], restriction) for restriction in found)

    return split_by_context(grammar, scanner.relevant, parts)


def _restricted(definition: TerminalDefinition, restriction: Restriction) -> TerminalDefinition:
    """Add a restriction to those that the grammar's text asks for."""
    return replace(
        definition,
        pattern=restriction.pattern or definition.pattern,
        reserved=tuple(dict.fromkeys(definition.reserved + restriction.reserved)),
        follow=_both(definition.follow, restriction.follow),
    )


def _both(a: Neighbour | None, b: Neighbour | None) -> Neighbour | None:
    if a is None or b is None:
        return a or b
    return Neighbour(intersect(a.characters, b.characters), a.edge and b.edge)
