"""Regular languages over characters, with an algebra: what a JSON string may denote.

A text is a sequence of Unicode scalar values: code points without surrogates.
A language is held as its minimal automaton, so that equal languages are equal
objects, however they were made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

from stolcke._core.dfa import TooManyStates
from stolcke._core.json_text import json_string
from stolcke._core.languages import CharacterDfa
from stolcke.errors import LimitExceeded
from stolcke.lexer.automaton import Automaton
from stolcke.lexer.charsets import ANY, Bounds
from stolcke.options import Limits

__all__ = ["Language"]

# Up to here the automata of literals are remembered from one language to an equal one.
_SMALL = 64
# And up to here, both together, what two languages have in common and the like.
_SMALL_PAIR = 256
# A literal's automaton may have this many states for each of the language's, whatever the limit:
# a dictionary needs six or seven, one that reads wide sets of characters more.
_LITERAL_GROWTH = 10
# What an operator may make of small languages.
_STATES = Limits().regex_states


class Language:
    """A regular language over characters; immutable, hashable, equal where the texts are the same.

    Every operation that can grow beyond its operands' size is bounded by
    ``Limits.regex_states`` and raises :class:`stolcke.LimitExceeded`;
    operators use the defaults.
    """

    __slots__ = ("_automaton", "_literals")

    _automaton: Final[CharacterDfa]
    _literals: dict[tuple[bool, bool], Automaton]

    def __init__(self, automaton: CharacterDfa) -> None:
        self._automaton = automaton
        self._literals = {}

    # ------------------------------------------------------------ constructors

    @staticmethod
    def everything() -> Language:
        """Give the language of all texts."""
        return _EVERYTHING

    @staticmethod
    def nothing() -> Language:
        """Give the language without a text."""
        return _NOTHING

    @staticmethod
    def words(words: Iterable[str]) -> Language:
        """Give the language of some texts; a string with a surrogate in it is no text."""
        return Language(CharacterDfa.words(sorted(set(words))))

    @staticmethod
    def characters(bounds: Bounds) -> Language:
        """Give the language of the texts that are one character of a set."""
        return Language(CharacterDfa.counted(bounds, 1, 1))

    @staticmethod
    def lengths(least: int, most: int | None, bounds: Bounds = ANY, limits: Limits = Limits()) -> Language:
        """Give the language of the texts of ``least`` to ``most`` characters, all of one set."""
        longest = least if most is None else most
        if least <= longest >= limits.regex_states:
            raise LimitExceeded("regex_states", longest + 1, limits.regex_states, "length of a text")
        return Language(CharacterDfa.counted(bounds, max(least, 0), -1 if most is None else most))

    # ------------------------------------------------------------ algebra

    def __and__(self, other: Language) -> Language:
        """Give the texts of both languages."""
        if self is other or other is _EVERYTHING:
            return self
        if self is _EVERYTHING:
            return other
        return self._joined(CharacterDfa.intersection, other)

    def __or__(self, other: Language) -> Language:
        """Give the texts of either language."""
        return self._joined(CharacterDfa.union, other)

    def __sub__(self, other: Language) -> Language:
        """Give the texts of this language that are not in the other."""
        return self._joined(CharacterDfa.difference, other)

    def __invert__(self) -> Language:
        """Give all other texts."""
        return Language(self._automaton.complement())

    def __add__(self, other: Language) -> Language:
        """Give a text of this language and then one of the other."""
        return self._joined(CharacterDfa.concatenation, other)

    def repeat(self, least: int, most: int | None, limits: Limits = Limits()) -> Language:
        """Give ``least`` to ``most`` texts of this language one after the other; ``None`` is no bound."""
        allowed = limits.regex_states
        bound = -1 if most is None else most
        return Language(_bounded(lambda: self._automaton.repeat(max(least, 0), bound, allowed), allowed))

    def replace(self, parts: Mapping[str, Language], limits: Limits = Limits()) -> Language:
        """Give the texts with any text of ``parts[character]``, none of them empty, in place of each such character."""
        letters = sorted(parts)
        automata = [parts[letter]._automaton for letter in letters]
        allowed = limits.regex_states
        return Language(_bounded(lambda: self._automaton.replace(letters, automata, allowed), allowed))

    def _joined(
        self, operation: Callable[[CharacterDfa, CharacterDfa, int], CharacterDfa], other: Language
    ) -> Language:
        if not isinstance(other, Language):
            return NotImplemented
        is_small = self.n_states + other.n_states <= _SMALL_PAIR
        return (_small_join if is_small else _join)(operation, self._automaton, other._automaton)

    # ------------------------------------------------------------ questions

    @property
    def n_states(self) -> int:
        """Number of states of the minimal automaton; none where there is no text."""
        return self._automaton.n_states

    @property
    def is_empty(self) -> bool:
        """Whether there is no text."""
        return self._automaton.n_states == 0

    def __contains__(self, text: str) -> bool:
        """Whether a text is in the language."""
        return text in self._automaton

    def edges(self, state: int) -> list[tuple[int, int, int]]:
        """List the edges of a state of the minimal automaton: first code point, last one, target.

        An edge may pass over the surrogates.
        """
        return self._automaton.edges(state)

    def is_accepting(self, state: int) -> bool:
        """Whether a state of the minimal automaton accepts."""
        return self._automaton.is_accepting(state)

    def ends_in_repeat(self, count: int, loops: bool) -> bool:
        """Say whether at some state more than ``count`` characters of one set, and nothing else, are still to come.

        A loop counts as more, if ``loops``; only repeats whose states have growing numbers are found.
        """
        return self._automaton.ends_in_repeat(count, loops)

    def finite_words(self, limit: int) -> tuple[str, ...] | None:
        """List all texts in the order of their code points; ``None`` where they are more than ``limit``."""
        return self._automaton.finite_words(limit)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Language):
            return NotImplemented
        return self is other or self._automaton == other._automaton

    def __hash__(self) -> int:
        return hash(self._automaton)

    def __str__(self) -> str:
        """Show one state a line, ``*`` where it accepts: ``0* a-z 1, U+e000-U+10ffff 2``."""
        if self.is_empty:
            return "(matches nothing)"
        lines = []
        for state in range(self.n_states):
            edges = [f"{_range(low, high)} {target}" for low, high, target in self.edges(state)]
            lines.append(f"{state}{'*' if self.is_accepting(state) else ''} {', '.join(edges)}".rstrip())
        return "\n".join(lines)

    # ------------------------------------------------------------ JSON

    def json_string(self, ascii_only: bool = False, *, escapes: bool = True, limits: Limits = Limits()) -> Automaton:
        r"""Give the JSON string literals, quotes included, that denote a text of the language.

        Parameters
        ----------
        ascii_only : bool
            Characters beyond ASCII only as ``\u`` escapes.
        escapes : bool
            Whether any character may be escaped: by ``\u`` and its four
            hexadecimal digits in either case, one beyond U+FFFF as a pair of
            surrogates, and eight characters by their letter, ``\/`` among
            them.  Otherwise only what must be escaped is, and in one way: by
            its letter, or else by ``\u``.
        limits : Limits
            ``regex_states`` is met here; a larger automaton is allowed where
            it is in proportion to the language's.

        Raises
        ------
        LimitExceeded
        """
        key = (ascii_only, escapes)
        literals = self._literals.get(key)
        if literals is None:
            make = _small_literals if self.n_states <= _SMALL else _literals
            literals = self._literals[key] = make(self._automaton, ascii_only, escapes, limits.regex_states)
        return literals


def _character(code: int) -> str:
    return chr(code) if 0x20 < code < 0x7F and chr(code) not in "-," else f"U+{code:04x}"


def _range(low: int, high: int) -> str:
    return _character(low) if low == high else f"{_character(low)}-{_character(high)}"


def _literals(language: CharacterDfa, ascii_only: bool, escapes: bool, states: int) -> Automaton:
    allowed = max(states, _LITERAL_GROWTH * language.n_states)
    return Automaton.of(_bounded(lambda: json_string(language, escapes, ascii_only, allowed), allowed))


def _join(
    operation: Callable[[CharacterDfa, CharacterDfa, int], CharacterDfa], a: CharacterDfa, b: CharacterDfa
) -> Language:
    allowed = max(_STATES, 2 * (a.n_states + b.n_states))
    return Language(_bounded(lambda: operation(a, b, allowed), allowed))


# The alternatives of one schema meet in the same few languages thousands of times.
_small_join = lru_cache(maxsize=1024)(_join)
_small_literals = lru_cache(maxsize=1024)(_literals)


def _bounded(make: Callable, allowed: int):
    """Call a function of the core and name the limit that it met."""
    try:
        return make()
    except TooManyStates:
        raise LimitExceeded("regex_states", f"more than {allowed}", allowed, "language of texts") from None


_NOTHING = Language(CharacterDfa.words([]))
_EVERYTHING = ~_NOTHING
