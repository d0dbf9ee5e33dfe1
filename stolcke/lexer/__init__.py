"""Terminals as deterministic automata over UTF-8 bytes."""

from stolcke.lexer.automaton import Automaton, automaton
from stolcke.lexer.counted import CountedAutomaton, terminal_automaton
from stolcke.lexer.edges import edge_variants

__all__ = ["Automaton", "CountedAutomaton", "automaton", "edge_variants", "terminal_automaton"]
