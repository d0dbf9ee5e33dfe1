"""The front end for llguidance's dialect: translated, read as Lark, and then what Lark lacks is put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stolcke.errors import GrammarError
from stolcke.frontends.bnf.expressions import Source
from stolcke.frontends.lark_grammar import read_lark
from stolcke.frontends.llguidance.patterns import evaluated, shortest
from stolcke.frontends.llguidance.translation import Translation, translate
from stolcke.grammar.model import Grammar, Location, Nonterminal, Rule, Symbol, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Machine, Nonempty, Pattern, Special
from stolcke.lexer import Automaton, automaton
from stolcke.options import Limits

__all__ = ["read_llguidance"]


def read_llguidance(
    text: str,
    start: str = "start",
    *,
    source: str | None = None,
    json_options: Mapping[str, Any] | None = None,
    limits: Limits = Limits(),
) -> Grammar:
    """Read a grammar of llguidance; see :meth:`stolcke.Grammar.from_llguidance`."""
    original = Source(text, source, limits)
    translation = translate(original)
    places = _Places(original, translation, limits)
    # Three times: bounds that are written twice make a text longer.
    longer = replace(limits, grammar_bytes=3 * limits.grammar_bytes)
    try:
        grammar = read_lark(translation.text, start.replace("-", "_"), json_options=json_options, limits=longer)
        return _Filled(grammar, translation, places, limits).grammar()
    except GrammarError as error:
        raise places.corrected(error) from None


class _Places:
    """Places of the translated text in the one that was given."""

    def __init__(self, original: Source, translation: Translation, limits: Limits) -> None:
        self._original = original
        self._translation = translation
        self._begins = [0]
        for line in translation.text.split("\n"):
            self._begins.append(self._begins[-1] + len(line) + 1)

    def location(self, line: int, column: int) -> Location:
        return self._original.location(self._translation.original(self._begins[line - 1] + column - 1))

    def corrected(self, error: GrammarError) -> GrammarError:
        """Let an error speak of the text that was given."""
        reason = error.reason
        for terminal, lazy in self._translation.lazy.items():
            reason = reason.replace(f"terminal {terminal!r}", f"rule {lazy.rule!r}, which matches as little as it can,")
        for terminal, (written, _) in self._translation.tokens.items():
            reason = reason.replace(terminal, written)
        if error.line is not None and error.source is None:
            place = self.location(error.line, error.column or 1).place()
            for name, value in place.items():
                setattr(error, name, value)
        elif reason == error.reason:
            return error
        place = {"line": error.line, "column": error.column, "text_line": error.text_line, "source": error.source}
        return GrammarError(reason, **place) if type(error) is GrammarError else _restated(error, place)


def _restated(error: GrammarError, place: dict[str, Any]) -> GrammarError:
    """Make an error of the same kind, whose message shows another place."""
    plain = GrammarError(error.reason, **place)
    error.args = plain.args
    return error


class _Filled:
    """A grammar read as Lark, in the making of what it stands for."""

    def __init__(self, grammar: Grammar, translation: Translation, places: _Places, limits: Limits) -> None:
        self._grammar = grammar
        self._translation = translation
        self._places = places
        self._limits = limits
        self._rules: list[Rule] = []

    def grammar(self) -> Grammar:
        grammar = self._grammar
        symbols: dict[Symbol, tuple[Symbol, ...]] = {}
        terminals: dict[str, TerminalDefinition] = {}
        for name, definition in grammar.terminals.items():
            pattern = self._pattern(name, definition)
            name = pattern.name if isinstance(pattern, Special) and pattern.markers else name
            symbols[Terminal(definition.name)] = (Terminal(name),)
            machine = None if isinstance(pattern, Special) else self._automaton(pattern, definition)
            if machine is not None and machine.matches_empty:
                pattern = Nonempty(pattern)
                if definition.name not in grammar.ignore:
                    symbols[Terminal(definition.name)] = self._optional(name, machine)
            location = self._location(definition.location)
            terminals[name] = replace(definition, name=name, pattern=pattern, location=location)
        rules = [
            replace(rule, rhs=self._mapped(rule.rhs, symbols), location=self._location(rule.location))
            for rule in grammar.rules
        ]
        tallies = {
            name: replace(
                tally,
                entries=tuple(replace(each, symbols=self._mapped(each.symbols, symbols)) for each in tally.entries),
                separator=self._mapped(tally.separator, symbols),
            )
            for name, tally in grammar.tallies.items()
        }
        return replace(grammar, rules=(*rules, *self._rules), terminals=terminals, tallies=tallies)

    def _pattern(self, name: str, definition: TerminalDefinition) -> Pattern:
        translation = self._translation
        if name in translation.tokens:
            return Special(*translation.tokens[name])
        if isinstance(definition.pattern, Special):
            return definition.pattern
        try:
            pattern = evaluated(definition.pattern, translation.structured, self._limits)
        except GrammarError as error:
            raise GrammarError(error.reason, **definition.location.place() if definition.location else {}) from None
        if name in translation.lazy:
            return Machine(translation.lazy[name].rule, shortest(automaton(pattern, self._limits)))
        return pattern

    def _automaton(self, pattern: Pattern, definition: TerminalDefinition) -> Automaton | None:
        """The automaton of a pattern; None where it is wrong, which compiling says with its place."""
        try:
            return automaton(pattern, self._limits)
        except GrammarError:
            return None

    def _optional(self, name: str, machine: Automaton) -> tuple[Symbol, ...]:
        """What stands for a terminal that may match the empty text."""
        if machine.n_states == 1 and not machine.low.size:
            return ()
        base = f"_{name.strip('_').lower()}_opt"
        while base in self._grammar.nonterminals:
            base += "_"
        helper = Nonterminal(base)
        self._rules += [Rule(helper, (Terminal(name),)), Rule(helper, ())]
        return (helper,)

    def _mapped(self, rhs: tuple[Symbol, ...], symbols: dict[Symbol, tuple[Symbol, ...]]) -> tuple[Symbol, ...]:
        return tuple(each for symbol in rhs for each in symbols.get(symbol, (symbol,)))

    def _location(self, location: Location | None) -> Location | None:
        if location is None or location.source is not None:
            return location  # of an imported file
        return self._places.location(location.line, location.column)
