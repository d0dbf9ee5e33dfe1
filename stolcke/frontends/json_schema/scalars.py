"""The terminals of strings, numbers, true, false and null."""

from __future__ import annotations

import re
from functools import lru_cache
from json import JSONEncoder

import numpy as np

from stolcke._core.minimize import minimize
from stolcke.frontends.json_schema.algebra import Union
from stolcke.frontends.json_schema.evaluate import Evaluator
from stolcke.frontends.json_schema.keywords import EVERYTHING
from stolcke.frontends.json_schema.layout import layout
from stolcke.frontends.json_schema.numbers import NumberSet
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.strings import Counted
from stolcke.grammar.patterns import Choice, Literal, Machine, Pattern, Sequence
from stolcke.grammar.patterns import Counted as Repeated
from stolcke.lexer import Automaton, MemberName, OtherNames, automaton
from stolcke.lexer.language import Language
from stolcke.lexer.other_names import all_but

__all__ = ["Scalars"]

_STRUCTURED = frozenset(["array", "object"])
_SURROGATE = re.compile("[\ud800-\udfff]")
_quoted = JSONEncoder(ensure_ascii=False).encode


class Scalars:
    """Makes the patterns of simple sets."""

    def __init__(self, evaluator: Evaluator, settings: Settings) -> None:
        self.evaluator = evaluator
        self.settings = settings

    def patterns(self, found: dict[str, Union]) -> list[tuple[Pattern, str]]:
        """The terminals that derive the scalars among some values, each with a title."""
        patterns: list[tuple[Pattern, str]] = []
        if found.keys() <= _STRUCTURED:
            return patterns
        booleans = frozenset().union(*(few.values for few in found.get("boolean", ())))
        words = ("null",) if found.get("null") else ()
        words += tuple(text for value, text in ((True, "true"), (False, "false")) if value in booleans)
        if words:
            patterns.append(_words(words))
        choices = self.settings
        for kind, some in (("number", self._numbers), ("string", self._strings)):
            values = found.get(kind)
            if values is EVERYTHING[kind]:
                patterns.append(_all_of_type(kind, choices.escapes, choices.ascii_only))
            elif values:
                patterns += some(values)
        return patterns

    def key(self, keys: Language, title: str, colon: Pattern) -> tuple[Pattern, str]:
        """The terminal of a member's name and the colon after it."""
        return Sequence((self._machine(keys, title), colon)), title

    def other_names(self, names: tuple[str, ...], title: str) -> tuple[Pattern, str]:
        """The terminal of all names but some, and the colon after it."""
        choices = self.settings
        colon = _colon(choices.whitespace, choices.max_whitespace)
        if choices.escapes:
            return Machine(title, OtherNames(names, choices.ascii_only, colon)), title
        return self.key(all_but(names), title, Machine(":", colon))

    def named_key(self, name: str) -> tuple[Pattern, str]:
        """The terminal of a member that has a name of its own, and the colon after it."""
        choices = self.settings
        return _named_key(name, choices.whitespace, choices.max_whitespace, choices.escapes, choices.ascii_only)

    def _numbers(self, found: Union) -> list[tuple[Pattern, str]]:
        patterns = [Machine("integer" if each.integer else "number", each.automaton()) for each in found]
        return [(_choice(patterns), patterns[0].title)]

    def _strings(self, found: Union) -> list[tuple[Pattern, str]]:
        """One terminal for the strings of all languages, and one each where only lengths are bounded."""
        patterns: list[tuple[Pattern, str]] = []
        total = Language.nothing()
        for simple in found:
            counted, language = simple.counted()
            patterns += [(self._counted(part), "string") for part in counted]
            total = language if total.is_empty else total | language
        if not total.is_empty:
            patterns.append((self._machine(total, "string"), "string"))
        return patterns

    def _counted(self, part: Counted) -> Pattern:
        """A text before and any number of characters of a set, as a repeat."""
        choices = self.settings.escapes, self.settings.ascii_only
        unit = Machine("character", _without_quotes(Language.characters(part.unit), True, *choices))
        before: Pattern = Literal('"')
        if part.before != _EMPTY:
            before = Machine("string", _without_quotes(part.before, False, *choices))
        return Repeated(before, unit, part.least, part.most, Literal('"'))

    def _machine(self, language: Language, title: str) -> Machine:
        text = language.json_string(escapes=self.settings.escapes, ascii_only=self.settings.ascii_only)
        return Machine(title, text)


@lru_cache(maxsize=2048)
def _named_key(
    name: str, whitespace: str | int, max_whitespace: int | None, escapes: bool, ascii_only: bool
) -> tuple[Pattern, str]:
    """Remembered, as schemas have many names in common."""
    title = f"{_quoted(name)}:"
    if escapes and (name.isascii() or not _SURROGATE.search(name)):
        return Machine(title, MemberName(name, ascii_only, _colon(whitespace, max_whitespace))), title
    literal = Language.words([name]).json_string(escapes=escapes, ascii_only=ascii_only)
    return Sequence((Machine(title, literal), layout(whitespace, max_whitespace, 0).colon)), title


@lru_cache(maxsize=64)
def _colon(whitespace: str | int, max_whitespace: int | None) -> Automaton:
    """What stands between a name and its value."""
    return automaton(layout(whitespace, max_whitespace, 0).colon)


@lru_cache(maxsize=16)
def _words(texts: tuple[str, ...]) -> tuple[Pattern, str]:
    """The terminal of ``null``, ``true`` or ``false``, or of several of them."""
    return _choice([Literal(text) for text in texts]), " or ".join(texts)


@lru_cache(maxsize=16)
def _all_of_type(kind: str, escapes: bool, ascii_only: bool) -> tuple[Pattern, str]:
    """The terminal of all numbers, or of all strings."""
    if kind == "number":
        return Machine(kind, NumberSet().automaton()), kind
    return Machine(kind, Language.everything().json_string(escapes=escapes, ascii_only=ascii_only)), kind


@lru_cache(maxsize=256)
def _without_quotes(language: Language, without_first: bool, escapes: bool, ascii_only: bool) -> Automaton:
    """The literals of texts of one length, without the closing quote, and perhaps without the opening one."""
    literal = language.json_string(escapes=escapes, ascii_only=ascii_only)
    # State 0 reads the opening quote, and state 1 begins the text; closing quotes lead to the last state.
    states = np.repeat(np.arange(literal.n_states), np.diff(literal.offsets))
    closing = literal.accepting[literal.target] == 1
    first = 1 if without_first else 0
    kept = ~closing & (states >= first)
    accepting = np.zeros(literal.n_states, np.uint8)
    accepting[states[closing]] = 1
    offsets = np.zeros(literal.n_states - first + 1, np.int32)
    np.cumsum(np.bincount(states[kept] - first, minlength=literal.n_states - first), out=offsets[1:])
    arrays = literal.low[kept], literal.high[kept], literal.target[kept] - np.int32(first)
    return Automaton(*minimize(offsets, *arrays, accepting[first:].copy()))


_EMPTY = Language.words([""])


def _choice(patterns: list[Pattern]) -> Pattern:
    return patterns[0] if len(patterns) == 1 else Choice(tuple(patterns))
