"""Terminals as deterministic automata over UTF-8 bytes."""

from stolcke.lexer.automaton import Automaton, automaton
from stolcke.lexer.counted import CountedAutomaton, terminal_automaton
from stolcke.lexer.edges import edge_variants
from stolcke.lexer.member_name import MemberName
from stolcke.lexer.other_names import OtherNames

__all__ = [
    "Automaton",
    "CountedAutomaton",
    "MemberName",
    "OtherNames",
    "automaton",
    "edge_variants",
    "terminal_automaton",
]
