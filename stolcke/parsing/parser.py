"""The parser: a grammar made ready, and texts given to it."""

from __future__ import annotations

from stolcke.errors import GrammarError, ParseError
from stolcke.grammar.model import Grammar, error_at
from stolcke.grammar.patterns import Special
from stolcke.grammar.printing import pattern_text
from stolcke.grammar.weights import ignore_weights, rule_weights
from stolcke.lexer import Automaton, CountedAutomaton, terminal_automaton
from stolcke.options import Limits
from stolcke.parsing.chart import Chart, Predictor
from stolcke.parsing.forest import Forest
from stolcke.parsing.machines import CountedMachine, Machine, PlainMachine
from stolcke.parsing.places import Places
from stolcke.parsing.tables import Tables
from stolcke.parsing.trees import Shapes, is_in_place

__all__ = ["Parser"]


class Parser:
    """A grammar ready to find the derivations of whole texts, with their probabilities.

    Masks and token probabilities come from :class:`stolcke.CompiledGrammar`, which keeps no derivations; a parser keeps
    them all.  It costs more for each byte, in time and in memory: a few kilobytes of a programming language take about
    a second.  Time grows linearly with texts of unambiguous grammars (of those called LR-regular), at most with the
    cube of the length.

    Parameters
    ----------
    grammar : Grammar
    limits : Limits
        ``regex_states``, ``repeat``, ``nesting`` and ``alternatives`` are met here.

    Raises
    ------
    GrammarError
        Where a terminal matches the empty text or weights are wrong.
    RegexError, LimitExceeded
    """

    def __init__(self, grammar: Grammar, limits: Limits = Limits()) -> None:
        self.grammar = grammar
        automata = _automata(grammar, limits)
        machines: dict[str, Machine] = {}
        for name, automaton in automata.items():
            counted = isinstance(automaton, CountedAutomaton)
            machines[name] = CountedMachine(automaton) if counted else PlainMachine(automaton)
        ignored = [automata[name] for name in grammar.ignore if name in automata]
        # As the compiler has it: matches in a row of the only ignored terminal may be one match anyway.
        once = len(ignored) == 1 and isinstance(ignored[0], Automaton) and ignored[0].repeats
        self._tables = Tables(grammar, rule_weights(grammar).tolist(), ignore_weights(grammar), machines, once)
        self._predictor = Predictor(self._tables)
        self._shapes = Shapes(grammar, self._tables)

    def parse(self, text: str | bytes) -> Forest:
        """Find all derivations of a text.

        Parameters
        ----------
        text : str or bytes
            Positions are counted in characters in the one, in bytes in the other.

        Raises
        ------
        ParseError
            Where the text is not in the language: with the place, and what was expected there.
        """
        places = Places(text)
        chart = Chart(self._predictor, places.data)
        if not chart.is_accepted(len(places.data)):
            raise self._error(places)
        return Forest(chart, places, self._shapes, len(self.grammar.rules), 0.0)

    def _error(self, places: Places) -> ParseError:
        """Say where a text leaves the language, and what was expected there."""
        chart = Chart(self._predictor, places.data, lookahead=False)
        byte, data = chart.reached, places.data
        if byte == len(data):
            reason = "the text ends too early"
        else:
            # A character is refused as a whole.
            while byte and data[byte] & 0xC0 == 0x80:
                byte -= 1
            reason = f"{_first_character(data[byte:])} cannot come here"
        going_on, beginning = chart.expected()
        expected = [f"more of {self._title(name)}" for name in going_on] + [self._title(name) for name in beginning]
        if chart.is_accepted(byte):
            expected.append("the end of the text")
        listed = ", ".join(expected) or "nothing"
        line, column = places.line_and_column(byte)
        return ParseError(
            f"{reason}; expected {listed}",
            byte=byte,
            line=line,
            column=column,
            text_line=places.line_of(byte),
            expected=expected,
        )

    def _title(self, name: str) -> str:
        """What a terminal is called in messages."""
        terminal = self.grammar.terminals[name]
        try:
            return pattern_text(terminal.pattern) if is_in_place(terminal) else name
        except GrammarError:  # not every pattern has a text
            return name


def _first_character(data: bytes) -> str:
    for length in range(1, 5):
        try:
            return repr(data[:length].decode())
        except UnicodeDecodeError:
            continue
    return f"byte 0x{data[0]:02x}, which is not UTF-8,"


def _automata(grammar: Grammar, limits: Limits) -> dict[str, Automaton | CountedAutomaton]:
    """The automata of the terminals that match some text; a declared one matches none."""
    found = {}
    for name, definition in grammar.terminals.items():
        if isinstance(definition.pattern, Special):
            continue
        automaton = terminal_automaton(definition.pattern, limits)
        if automaton.matches_empty:
            reason = f"terminal {name} matches the empty text; make it match at least one character"
            raise error_at(reason, definition.location)
        if automaton.n_states:
            found[name] = automaton
    return found
