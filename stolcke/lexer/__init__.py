"""Terminals as deterministic automata over UTF-8 bytes."""

from stolcke.lexer.automaton import Automaton, automaton
from stolcke.lexer.counted import CountedAutomaton, terminal_automaton

__all__ = ["Automaton", "CountedAutomaton", "automaton", "terminal_automaton"]
