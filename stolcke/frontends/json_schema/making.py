"""The parts of a grammar, made in a third of the time that their constructors take.

Nearly all that is made for a schema is these; elsewhere the constructors do.
"""

from __future__ import annotations

from collections.abc import Callable

from stolcke._core.records import Maker
from stolcke.grammar.model import Nonterminal, Rule, Symbol, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Pattern

__all__ = ["NONTERMINALS", "RULES", "definition", "nonterminal", "rule", "terminal"]

NONTERMINALS = Maker(Nonterminal, acyclic=True)
RULES = Maker(Rule, acyclic=True)

definition: Callable[[str, Pattern], TerminalDefinition] = Maker(TerminalDefinition, acyclic=True).of_two
nonterminal: Callable[[str], Nonterminal] = NONTERMINALS.of_one
rule: Callable[[Nonterminal, tuple[Symbol, ...]], Rule] = RULES.of_two
terminal: Callable[[str], Terminal] = Maker(Terminal, acyclic=True).of_one
