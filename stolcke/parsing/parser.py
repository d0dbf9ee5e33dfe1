"""The parser: a grammar made ready, and texts given to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stolcke.compiler.distributed import Chosen, choose
from stolcke.deadline import Deadline
from stolcke.errors import GrammarError, ParseError
from stolcke.grammar.model import Grammar, TerminalDefinition, error_at
from stolcke.grammar.patterns import Special
from stolcke.grammar.printing import pattern_text, terminal_title
from stolcke.grammar.weights import ignore_weights, rule_weights
from stolcke.lexer import Automaton, CountedAutomaton, terminal_automaton
from stolcke.lexer import automaton as plain_automaton
from stolcke.lexical import without_restrictions
from stolcke.options import Limits
from stolcke.parsing.chart import Chart, Predictor
from stolcke.parsing.forest import Forest
from stolcke.parsing.machines import CountedMachine, Machine, NoMachine, PlainMachine
from stolcke.parsing.places import Places
from stolcke.parsing.probabilities import make_proper
from stolcke.parsing.tables import Tables
from stolcke.parsing.trees import Shapes, is_in_place
from stolcke.weights import Distribution

__all__ = ["Parser"]


class Parser:
    """A grammar ready to find the derivations of whole texts, with their probabilities.

    Masks and token probabilities come from :class:`stolcke.CompiledGrammar`, which keeps no derivations; a parser keeps
    them all.  It costs more for each byte, in time and in memory: a few kilobytes of a programming language take about
    a second.  Time grows linearly with texts of unambiguous grammars (of those called LR-regular), at most with the
    cube of the length.  One thread at a time may use a parser.

    Parameters
    ----------
    grammar : Grammar
    distributions : mapping of str to Distribution, optional
        How probable each match of a terminal is, as for :func:`stolcke.compile`.
    default_distribution : Distribution, optional
        That of the terminals that ``distributions`` does not name.
    limits : Limits
        ``regex_states``, ``repeat``, ``nesting`` and ``alternatives`` are met here.

    Raises
    ------
    GrammarError
        Where a terminal matches the empty text or weights are wrong.
    CompileError
        Where a distribution and its terminal do not fit each other.
    RegexError, LimitExceeded

    Warns
    -----
    InconsistentGrammarWarning
        Where some derivations never end by the weights of the grammar; probabilities are those of the others.
    """

    def __init__(
        self,
        grammar: Grammar,
        *,
        distributions: Mapping[str, Distribution] | None = None,
        default_distribution: Distribution | None = None,
        limits: Limits = Limits(),
    ) -> None:
        if grammar.guard is not None:
            raise GrammarError("a grammar with a guard cannot be parsed with: derivations do not know what it refuses")
        self.grammar = grammar
        chosen = choose(grammar, distributions or {}, default_distribution, _title)
        plain = without_restrictions(grammar, limits, Deadline(), ignored_behind=False)
        chosen |= {name: chosen[original] for name, original in plain.original.items() if original in chosen}
        grammar = plain.grammar
        automata = _automata(grammar, limits, chosen)
        machines = {name: _machine(grammar.terminals[name], each, chosen.get(name)) for name, each in automata.items()}
        ignored = [automata[name] for name in grammar.ignore if name in automata]
        # As the compiler has it: matches in a row of the only ignored terminal may be one match anyway.
        once = len(ignored) == 1 and isinstance(ignored[0], Automaton) and ignored[0].repeats
        weights = rule_weights(grammar)
        self._tables = Tables(grammar, weights.tolist(), ignore_weights(grammar), machines, once)
        self._tables.call(plain)
        if not grammar.raw_weights and not self._tables.is_empty:
            make_proper(self._tables)
        self._predictor = Predictor(self._tables)
        self._shapes = Shapes(grammar, self._tables, plain.original)
        self._plain = plain
        # With probabilities of 0 some texts of the language have no derivation here.
        self._may_lack_texts = bool(chosen) or 0 in weights or 0 in grammar.ignore_weights.values()

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
        return Forest(chart, places, self._shapes, len(self.grammar.rules), self._plain.rule_of)

    def _error(self, places: Places) -> ParseError:
        """Say where a text leaves the language, and what was expected there."""
        data = places.data
        if self._may_lack_texts and self._without_weights()._accepts(data):
            return ParseError("the text is in the language, but all its derivations have the probability 0")
        chart = Chart(self._predictor, data, lookahead=False)
        byte = chart.reached
        if byte == len(data):
            reason = "the text ends too early"
        else:
            # A character is refused as a whole.
            while byte and data[byte] & 0xC0 == 0x80:
                byte -= 1
            reason = f"{_first_character(data[byte:])} cannot come here"
        if byte < chart.reached:
            chart = Chart(self._predictor, data[:byte], lookahead=False)
        terminals = [_title(definition) for definition in self._plain.grammar.terminals.values()]
        going_on, beginning = chart.expected()
        expected = list(dict.fromkeys(f"more of {terminals[number]}" for number in going_on))
        expected += dict.fromkeys(terminals[number] for number in beginning)
        if chart.is_accepted(byte):
            expected.append("the end of the text")
        line, column = places.line_and_column(byte)
        return ParseError(
            f"{reason}; expected {', '.join(expected) or 'nothing'}",
            byte=byte,
            line=line,
            column=column,
            text_line=places.line_of(byte),
            expected=expected,
        )

    def _accepts(self, data: bytes) -> bool:
        return Chart(self._predictor, data).is_accepted(len(data))

    def _without_weights(self) -> Parser:
        """A parser for the same texts, of which none has the probability 0."""
        rules = tuple(replace(rule, weight=None) for rule in self.grammar.rules)
        return Parser(replace(self.grammar, rules=rules, ignore_weights={}, raw_weights=True))


def _title(terminal: TerminalDefinition) -> str:
    """What a terminal is called in messages."""
    if terminal.variant_of is not None:
        return terminal_title(terminal)
    try:
        return pattern_text(terminal.pattern) if is_in_place(terminal) else terminal.name
    except GrammarError:  # not every pattern has a text
        return terminal.name


def _machine(
    terminal: TerminalDefinition, automaton: Automaton | CountedAutomaton | None, chosen: Chosen | None
) -> Machine:
    if automaton is None:
        return NoMachine()
    if isinstance(automaton, CountedAutomaton):
        return CountedMachine(automaton)
    return PlainMachine(automaton, None if chosen is None else chosen.table(_title(terminal), automaton))


def _first_character(data: bytes) -> str:
    for length in range(1, 5):
        try:
            return repr(data[:length].decode())
        except UnicodeDecodeError:
            continue
    return f"byte 0x{data[0]:02x}, which is not UTF-8,"


def _automata(
    grammar: Grammar, limits: Limits, chosen: Mapping[str, Chosen]
) -> dict[str, Automaton | CountedAutomaton | None]:
    """The automata of the terminals that match something; None for what special tokens stand for."""
    found: dict[str, Automaton | CountedAutomaton | None] = {}
    for name, definition in grammar.terminals.items():
        if isinstance(definition.pattern, Special):
            found[name] = None
            continue
        # A distribution other than the uniform one is about states that are written down.
        make = plain_automaton if name in chosen else terminal_automaton
        automaton = make(definition.pattern, limits)
        if automaton.matches_empty:
            reason = f"terminal {name} matches the empty text; make it match at least one character"
            raise error_at(reason, definition.location)
        if automaton.n_states:
            found[name] = automaton
    return found
