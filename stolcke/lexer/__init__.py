"""Terminals as deterministic automata over UTF-8 bytes."""

from stolcke.lexer.automaton import Automaton, automaton
from stolcke.lexer.counted import CountedAutomaton, terminal_automaton
from stolcke.lexer.edges import edge_variants
from stolcke.lexer.member_name import MemberName

__all__ = ["Automaton", "CountedAutomaton", "MemberName", "automaton", "edge_variants", "terminal_automaton"]
