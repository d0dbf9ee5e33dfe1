"""A grammar that a front end has written as numbers, and its symbols."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Protocol

from stolcke.grammar.model import Nonterminal, Rule, Symbol, Tally, TallyEntry, Terminal
from stolcke.grammar.patterns import Pattern
from stolcke.grammar.terminals import TerminalDefinition

__all__ = ["Written", "in_symbols"]


class Written(Protocol):
    """What :class:`stolcke._core.written.WrittenRules` tells; a symbol is a terminal from 0 on, or ``~n``."""

    @property
    def start_name(self) -> str:
        """Name of the start."""

    @property
    def patterns(self) -> list[Pattern]:
        """What each terminal matches."""

    def names(self) -> tuple[list[str], list[str]]:
        """Names of the terminals and of the nonterminals."""

    def symbolic_rules(self) -> list[tuple[int, tuple[int, ...]]]:
        """Left and right sides."""

    def symbolic_tallies(self) -> list[tuple]:
        """Left side, entries, separator and bounds of each tally."""


def in_symbols(written: Written) -> dict[str, Any]:
    """The fields of a grammar that are made of numbers: rules, terminals and tallies."""
    terminal_names, nonterminal_names = written.names()
    terminals = [Terminal(name) for name in terminal_names]
    nonterminals = [Nonterminal(name) for name in nonterminal_names]

    def symbols(numbers: tuple[int, ...]) -> tuple[Symbol, ...]:
        return tuple(terminals[each] if each >= 0 else nonterminals[~each] for each in numbers)

    definitions = zip(terminal_names, written.patterns, strict=True)
    tallies = {
        nonterminal_names[~lhs]: Tally(
            tuple(TallyEntry(symbols(numbers), *flags) for numbers, *flags in entries), symbols(separator), *bounds
        )
        for lhs, entries, separator, *bounds in written.symbolic_tallies()
    }
    return {
        "rules": tuple(Rule(nonterminals[~lhs], symbols(rhs)) for lhs, rhs in written.symbolic_rules()),
        "terminals": MappingProxyType({name: TerminalDefinition(name, pattern) for name, pattern in definitions}),
        "tallies": MappingProxyType(tallies),
    }
