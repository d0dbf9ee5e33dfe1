"""Terminals as deterministic automata over UTF-8 bytes."""

from stolcke.lexer.automaton import Automaton, automaton

__all__ = ["Automaton", "automaton"]
