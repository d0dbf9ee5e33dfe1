"""Sets of strings: a regular language and bounds on the number of characters.

Lengths stay numbers as long as possible: ``maxLength: 65535`` costs nothing until it
has to be combined with a pattern, and even then where the pattern ends in a repeat of
one set of characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from stolcke.frontends.json_schema.string_tests import Test, opposite, passes
from stolcke.lexer.charsets import ANY, Bounds, union
from stolcke.lexer.language import Language

__all__ = ["Counted", "Strings", "decided"]

# So many texts are tested when the grammar is made.
_TRIED = 10_000
# Repeats up to here are written out: a few states more in one automaton are better than another terminal.
_WRITTEN_OUT = 16
# Languages are not searched for a repeat at their ends that have more states, or more before the repeats; and more
# repeats, or lengths of what is before them, are not told apart.
_STATES, _STATES_BEFORE, _PARTS = 1000, 100, 8


@dataclass(frozen=True, slots=True)
class Counted:
    """A text of a language, all of one length, and then ``least`` to ``most`` characters of a set."""

    before: Language
    unit: Bounds
    least: int
    most: int | None


class Strings:
    """The strings of a language (None: all) that have ``least`` to ``most`` characters (None: any number).

    ``tests`` says what else a text has to satisfy, once it is complete; see :mod:`.string_tests`.
    """

    __slots__ = ("language", "least", "most", "tests")

    def __init__(
        self,
        language: Language | None = None,
        least: int = 0,
        most: int | None = None,
        tests: frozenset[Test] = frozenset(),
    ) -> None:
        self.language = language
        self.least = least
        self.most = most
        self.tests = tests

    def __and__(self, other: Strings) -> Strings | None:
        if self.language is None or other.language is None:
            language = self.language or other.language
        else:
            language = self.language & other.language
            if language.is_empty:
                return None
        bounds = [most for most in (self.most, other.most) if most is not None]
        most = min(bounds) if bounds else None
        least = max(self.least, other.least)
        tests = self.tests | other.tests
        if (most is not None and least > most) or any(opposite(test) in tests for test in tests):
            return None
        return decided(Strings(language, least, most, tests)) if tests else Strings(language, least, most)

    def complement(self) -> tuple[Strings, ...]:
        outside = [Strings(self.language, tests=frozenset([opposite(test)])) for test in self.tests]
        if self.language is not None:
            rest = ~self.language
            if not rest.is_empty:
                outside.append(Strings(rest))
        if self.least > 0:
            outside.append(Strings(None, 0, self.least - 1))
        if self.most is not None:
            outside.append(Strings(None, self.most + 1))
        return tuple(outside)

    @property
    def is_anything(self) -> bool:
        """Whether every string is in the set."""
        return self.language is None and self.least == 0 and self.most is None and not self.tests

    def counted(self) -> tuple[list[Counted], Language]:
        """The set in parts whose number of characters need not be written out, and the language of the rest."""
        if self.is_anything:
            return [], self.as_language()
        if self.language is None:
            return [Counted(_EMPTY, ANY, self.least, self.most)], _NOTHING
        found = _repeats_at_the_end(self.language, max(self.least, self.most or 0))
        if found is None:
            return [], self.as_language()
        before, rest = found
        parts = []
        for (length, repeat), language in before.items():
            least = max(repeat.least, self.least - length)
            bounds = [repeat.most, None if self.most is None else self.most - length]
            most = min((bound for bound in bounds if bound is not None), default=None)
            if most is None or least <= most:
                parts.append(Counted(language, repeat.unit, least, most))
        return parts, Strings(rest, self.least, self.most).as_language()

    def as_language(self) -> Language:
        """The set, without its tests, as one language; large bounds make it large."""
        language = Language.everything() if self.language is None else self.language
        if self.least == 0 and self.most is None:
            return language
        if self.language is not None and (words := self.language.finite_words(10_000)) is not None:
            high = float("inf") if self.most is None else self.most
            return Language.words(word for word in words if self.least <= len(word) <= high)
        return language & Language.lengths(self.least, self.most)


def decided(strings: Strings) -> Strings | None:
    """The same set without tests, where so few texts could pass them that all are tried; None where none does."""
    if strings.language is None or (words := strings.as_language().finite_words(_TRIED)) is None:
        return strings
    passed = [word for word in words if all(passes(test, word) for test in strings.tests)]
    return Strings(Language.words(passed)) if passed else None


class _Repeat(NamedTuple):
    """What may follow at a state: ``least`` to ``most`` characters of a set."""

    unit: Bounds
    least: int
    most: int | None


# Texts before a repeat, by their length and the repeat.
_Before = dict[tuple[int, _Repeat], Language]


def _repeats_at_the_end(language: Language, longest: int) -> tuple[_Before, Language] | None:
    """Take the language apart whose texts end in repeats: what is before these, and the texts without.

    None where no repeat is worth it; ``longest`` is what bounds one that has no bound itself.
    """
    if language.n_states > _STATES or not language.ends_in_repeat(_WRITTEN_OUT, longest > _WRITTEN_OUT):
        return None
    rows = [language.edges(state) for state in range(language.n_states)]
    repeats = _repeats(language, rows)
    found: dict[int, tuple[_Before, Language] | None] = {}
    for state, repeat in repeats.items():
        if (longest if repeat.most is None else repeat.most) > _WRITTEN_OUT:
            found[state] = {(0, repeat): _EMPTY}, _NOTHING
    if not found or language.n_states - len(found) > _STATES_BEFORE:
        return None

    def take_apart(state: int) -> tuple[_Before, Language] | None:
        """The texts from a state on; None where they come round to it."""
        if state not in found:
            found[state] = None
            before: _Before = {}
            rest = _EMPTY if language.is_accepting(state) else _NOTHING
            for target, unit in _sets(rows[state]).items():
                following = take_apart(target)
                if following is None:
                    return None
                character = Language.characters(unit)
                rest |= character + following[1]
                for (length, repeat), tail in following[0].items():
                    key = length + 1, repeat
                    before[key] = before.get(key, _NOTHING) | character + tail
            found[state] = before, rest
        return found[state]

    whole = take_apart(0)
    return None if whole is None or len(whole[0]) > _PARTS else whole


def _repeats(language: Language, rows: list[list[tuple[int, int, int]]]) -> dict[int, _Repeat]:
    """Find the states from which only characters of one set are read, as often as counts allow."""
    found: dict[int, _Repeat] = {}
    for state in reversed(range(len(rows))):
        accepting = language.is_accepting(state)
        sets = _sets(rows[state])
        if not sets:
            found[state] = _Repeat((), 0, 0)
        if len(sets) != 1:
            continue
        ((target, unit),) = sets.items()
        following = found.get(target)
        if target == state and accepting:
            found[state] = _Repeat(unit, 0, None)
        elif following and following.unit in ((), unit) and not (accepting and following.least):
            most = None if following.most is None else following.most + 1
            found[state] = _Repeat(unit, 0 if accepting else following.least + 1, most)
    return found


def _sets(row: list[tuple[int, int, int]]) -> dict[int, Bounds]:
    """By the states that a row leads to: the characters that lead there."""
    pairs: dict[int, list[Bounds]] = {}
    for low, high, target in row:
        pairs.setdefault(target, []).append((low, high + 1))
    return {target: union(some) for target, some in pairs.items()}


_NOTHING = Language.nothing()
_EMPTY = Language.words([""])
