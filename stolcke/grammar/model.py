"""The symbolic grammar: rules over terminals and nonterminals, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stolcke.grammar.patterns import Pattern

__all__ = ["Grammar", "Location", "Nonterminal", "Rule", "RuleOptions", "Symbol", "Terminal", "TerminalDefinition"]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a grammar text, counted from 1."""

    line: int
    column: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Terminal:
    """A reference to a terminal by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Nonterminal:
    """A reference to a nonterminal by name."""

    name: str


Symbol = Terminal | Nonterminal


@dataclass(frozen=True, slots=True)
class TerminalDefinition:
    """A terminal's pattern and how it was written."""

    name: str
    pattern: Pattern
    priority: int = 0
    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """``lhs -> rhs``; an empty right-hand side derives the empty text."""

    lhs: Nonterminal
    rhs: tuple[Symbol, ...]
    alias: str | None = None
    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """How Lark shapes the trees of one nonterminal (``?rule``, ``!rule``, priority)."""

    inline_single_child: bool = False
    keep_all_tokens: bool = False
    priority: int = 0


@dataclass(frozen=True)
class Grammar:
    """A context-free grammar whose terminals are regular languages.

    Parameters
    ----------
    start : str
        Name of the start nonterminal.
    rules : tuple of Rule
        In the order written; EBNF operators already lowered to helper rules.
    terminals : mapping of str to TerminalDefinition
    ignore : tuple of str
        Terminals that may stand, repeated, before every terminal and at the end.
    options : mapping of str to RuleOptions
        For the nonterminals that have any.
    """

    start: str
    rules: tuple[Rule, ...]
    terminals: Mapping[str, TerminalDefinition]
    ignore: tuple[str, ...] = ()
    options: Mapping[str, RuleOptions] = field(default_factory=dict)
