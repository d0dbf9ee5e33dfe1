"""The terminals of strings, numbers, true, false and null."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from stolcke._core.minimize import minimize
from stolcke.frontends.json_schema.algebra import Union
from stolcke.frontends.json_schema.evaluate import Evaluator
from stolcke.frontends.json_schema.numbers import NumberSet
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.strings import Strings
from stolcke.grammar.patterns import Choice, Counted, Literal, Machine, Pattern, Sequence
from stolcke.lexer.automaton import Automaton
from stolcke.lexer.charsets import ANY
from stolcke.lexer.language import Language

__all__ = ["Scalars"]


class Scalars:
    """Makes the patterns of simple sets."""

    def __init__(self, evaluator: Evaluator, settings: Settings) -> None:
        self.evaluator = evaluator
        self.settings = settings

    def patterns(self, found: dict[str, Union]) -> list[tuple[Pattern, str]]:
        """The terminals that derive the scalars among some values, each with a title."""
        patterns: list[tuple[Pattern, str]] = []
        words = [Literal("null")] if found.get("null") else []
        if found.get("boolean"):
            booleans = frozenset().union(*(few.values for few in found["boolean"]))
            words += [Literal(text) for value, text in ((True, "true"), (False, "false")) if value in booleans]
        if words:
            titles = " or ".join(str(word.text) for word in words)
            patterns.append((words[0] if len(words) == 1 else Choice(tuple(words)), titles))
        numbers = [self._number(simple) for simple in found.get("number", ())]
        if numbers:
            patterns.append((_choice([pattern for pattern, _ in numbers]), numbers[0][1]))
        strings = found.get("string")
        return patterns + self._strings(strings) if strings else patterns

    def key(self, keys: Language, title: str, colon: Pattern) -> tuple[Pattern, str]:
        """The terminal of a member's name and the colon after it."""
        return Sequence((self._machine(keys, title), colon)), title

    def _number(self, simple: NumberSet) -> tuple[Pattern, str]:
        title = "integer" if simple.integer else "number"
        return Machine(title, simple.automaton()), title

    def _strings(self, found: Union) -> list[tuple[Pattern, str]]:
        """One terminal for the strings of all languages, and one each where only lengths are bounded."""
        languages, patterns = [], []
        for simple in found:
            counted = self._counted(simple)
            if counted is not None:
                patterns.append((counted, "string"))
            else:
                languages.append(simple.as_language())
        if languages:
            total = languages[0]
            for language in languages[1:]:
                total = total | language
            if not total.is_empty:
                patterns.append((self._machine(total, "string"), "string"))
        return patterns

    def _counted(self, simple: Strings) -> Pattern | None:
        """A string of any characters whose number has bounds, as a repeat."""
        if simple.language is not None or simple.is_anything:
            return None
        unit = Machine("character", _character(self.settings.escapes, self.settings.ascii_only))
        return Counted(Literal('"'), unit, simple.least, simple.most, Literal('"'))

    def _machine(self, language: Language, title: str) -> Machine:
        text = language.json_string(escapes=self.settings.escapes, ascii_only=self.settings.ascii_only)
        return Machine(title, text)


@lru_cache(maxsize=4)
def _character(escapes: bool, ascii_only: bool) -> Automaton:
    """Any one character as it may stand in a string: the literals of one character, without their quotes."""
    literal = Language.characters(ANY).json_string(escapes=escapes, ascii_only=ascii_only)
    # State 0 reads the opening quote, and state 1 begins the character; closing quotes lead to the last state.
    states = np.repeat(np.arange(literal.n_states), np.diff(literal.offsets))
    closing = literal.accepting[literal.target] == 1
    kept = ~closing & (states > 0)
    accepting = np.zeros(literal.n_states, np.uint8)
    accepting[states[closing]] = 1
    offsets = np.zeros(literal.n_states, np.int32)
    np.cumsum(np.bincount(states[kept] - 1, minlength=literal.n_states - 1), out=offsets[1:])
    arrays = literal.low[kept], literal.high[kept], literal.target[kept] - np.int32(1)
    return Automaton(*minimize(offsets, *arrays, accepting[1:].copy()))


def _choice(patterns: list[Pattern]) -> Pattern:
    return patterns[0] if len(patterns) == 1 else Choice(tuple(patterns))
