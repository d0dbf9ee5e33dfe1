"""Which terminal Lark's scanner reports, as far as the grammar and one more character tell.

Lark tries the terminals that a state of its parser accepts, and the ignored ones, in an order of its own: priority,
greatest width, length of the expression, name.  The first that matches has the match that :mod:`re` prefers.  A literal
that an expression of equal priority matches as a whole is not tried; the expression's match becomes the literal's where
it is that text.

All that is known here of a state is that it accepts certain terminals; it may accept others.  What is ruled out is
ruled out whatever those are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lark.utils import get_regexp_width

from stolcke.errors import LimitExceeded, RegexError
from stolcke.frontends.lark_rivals import SideBySide
from stolcke.grammar.model import Neighbour, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal, Pattern, Regex, Repeat, Sequence
from stolcke.lexer import automaton
from stolcke.lexer.leftmost import Alphabet, Leftmost, Unfollowable, character_sets
from stolcke.lexer.regex_syntax import Node, parse_regex
from stolcke.options import Limits

__all__ = ["Expression", "Restriction", "Scanner", "expression_of"]


@dataclass(frozen=True)
class Expression:
    """A terminal's pattern as Lark writes it for :mod:`re`."""

    value: str
    flags: frozenset[str] = frozenset()
    is_string: bool = False
    has_sure_length: bool = True
    """Whether Lark spells it in as many characters: repeats and ranges have two spellings for one meaning."""

    @cached_property
    def regexp(self) -> str:
        text = re.escape(self.value) if self.is_string else self.value
        for flag in sorted(self.flags):
            text = f"(?{flag}:{text})"
        return text

    @cached_property
    def widths(self) -> tuple[int, int]:
        """Least and greatest number of characters of a match."""
        least, most = (len(self.value),) * 2 if self.is_string else get_regexp_width(self.regexp)
        return least, most


def expression_of(pattern: Pattern) -> Expression | None:
    """Write a pattern as Lark does; None where Lark has nothing like it."""
    if isinstance(pattern, Literal) and isinstance(pattern.text, str):
        return Expression(pattern.text, frozenset("i" if pattern.ignore_case else ""), True)
    if isinstance(pattern, Regex):
        is_range = re.fullmatch(r"\[(\\.|.)-(\\.|.)\]", pattern.source, re.DOTALL)
        return Expression(pattern.source, frozenset(pattern.flags), False, not (is_range and "\\" in pattern.source))
    if isinstance(pattern, Repeat):
        inner = expression_of(pattern.part)
        if inner is None:
            return None
        least, most = pattern.least, pattern.most
        operator = {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((least, most))
        is_sure = inner.has_sure_length and operator is not None
        if operator is None:
            operator = f"{{{least},{'' if most is None else most}}}"
        return Expression(f"(?:{inner.regexp}){operator}", inner.flags, False, is_sure)
    if isinstance(pattern, Sequence | Choice):
        parts = [expression_of(part) for part in pattern.parts]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        is_sure = all(part.has_sure_length for part in known)
        if isinstance(pattern, Sequence):
            return Expression("".join(part.regexp for part in known), frozenset(), False, is_sure)
        known.sort(key=lambda part: (-part.widths[1], -part.widths[0], -len(part.value)))
        return Expression(f"(?:{'|'.join(part.regexp for part in known)})", frozenset(), False, is_sure)
    return None


@dataclass(frozen=True)
class Restriction:
    """What a terminal does not match, and what does not stand behind it, in some contexts."""

    reserved: tuple[Pattern, ...] = ()
    follow: Neighbour | None = None
    pattern: Pattern | None = None
    """What it matches, where that is not its own pattern, with nothing reserved."""


_NONE = (Restriction(),)


class _Entry:
    """A terminal in Lark's eyes."""

    def __init__(self, definition: TerminalDefinition, expression: Expression, is_ignored: bool) -> None:
        self.name = definition.name
        self.origin = definition.variant_of or definition.name
        self.pattern = definition.pattern
        self.priority = definition.priority
        self.expression = expression
        self.is_string = expression.is_string
        self.is_ignored = is_ignored
        self.width = expression.widths[1]
        self.words: set[str] = set()
        """Names of the literals that its matches turn into, where it is an expression."""
        self.carriers: set[str] = set()
        """Names of the expressions whose matches turn into it, where it is a literal."""
        self.machine: Leftmost | None = None
        """How it matches; None where that is not known."""

    def is_before(self, other: _Entry) -> bool:
        """Whether Lark is sure to try it first."""
        mine, others = (-self.priority, -self.width), (-other.priority, -other.width)
        if mine != others:
            return mine < others
        if not (self.expression.has_sure_length and other.expression.has_sure_length):
            return False
        length, other_length = len(self.expression.value), len(other.expression.value)
        # Names with two underscores are given by Lark, in an order that may not be ours.
        has_sure_names = "__" not in self.name and "__" not in other.name
        return length > other_length or (length == other_length and has_sure_names and self.name < other.name)


class Scanner:
    """What is known of Lark's scanner for a grammar.

    Parameters
    ----------
    definitions : collection of TerminalDefinition
        All that the rules use, or that is ignored.
    ignored : collection of str
    following : mapping of str to collection of str
        Terminals that may come directly behind each, what is ignored left aside.
    may_part : bool
        Whether a terminal may become a choice.
    limits : Limits
    """

    def __init__(
        self,
        definitions: Collection[TerminalDefinition],
        ignored: Collection[str],
        following: Mapping[str, Collection[str]],
        may_part: bool = True,
        limits: Limits = Limits(),
    ) -> None:
        self._ignored = frozenset(ignored)
        self._all = frozenset(definition.name for definition in definitions)
        self._following = following
        self._may_part = may_part
        self._limits = limits
        self._entries: dict[str, _Entry] = {}
        for definition in definitions:
            expression = expression_of(definition.pattern)
            if expression is not None and expression.value:
                self._entries[definition.name] = _Entry(definition, expression, definition.name in self._ignored)
        self._find_words()
        self._follow_all()
        unknown = [entry for entry in self._entries.values() if entry.machine is None]
        # A literal that an expression takes the place of is sure to be met only if the expression matches there.
        # One that is restricted by the grammar's text, which Lark cannot do, may not be met at all.
        restricted = {definition.name for definition in definitions if definition.is_restricted}
        self._usable = {
            name
            for name, entry in self._entries.items()
            if entry.machine and name not in restricted and not any(name in u.words for u in unknown)
        }
        self._relevant = {name: self._find_relevant(entry) for name, entry in self._entries.items()}
        self._known: dict[tuple[str, frozenset[str]], tuple[Restriction, ...]] = {}

    def relevant(self, name: str) -> frozenset[str]:
        """Name the terminals whose being possible, too, restricts a terminal; beside those that are ignored."""
        return self._relevant.get(name, frozenset()) - self._ignored

    def restrictions(self, name: str, live: Iterable[str]) -> tuple[Restriction, ...]:
        """Say what is ruled out for a terminal wherever the terminals in ``live`` are possible, too.

        Returns
        -------
        tuple of Restriction
            The terminal is a choice of these: what may stand behind a text can depend on the text.
        """
        entry = self._entries.get(name)
        if entry is None:
            return _NONE
        key = name, self._relevant[name] & (self._ignored.union(live))
        if key not in self._known:
            self._known[key] = self._restrictions(entry, key[1])
        return self._known[key]

    # -- what is there

    def _find_words(self) -> None:
        strings = [entry for entry in self._entries.values() if entry.is_string]
        for entry in self._entries.values():
            if entry.is_string:
                continue
            expression = re.compile(entry.expression.regexp)
            for string in strings:
                if string.priority != entry.priority:
                    continue
                found = expression.match(string.expression.value)
                if found and found.group() == string.expression.value:
                    entry.words.add(string.name)
                    string.carriers.add(entry.name)

    def _follow_all(self) -> None:
        nodes: dict[str, Node] = {}
        sets: set = set()
        for name, entry in self._entries.items():
            try:
                nodes[name] = parse_regex(Regex(entry.expression.regexp), self._limits)
                sets.update(character_sets(nodes[name]))
            except (RegexError, LimitExceeded, Unfollowable):
                nodes.pop(name, None)
        self._alphabet = Alphabet(sets)
        for name, node in nodes.items():
            try:
                machine = Leftmost(node, self._alphabet)
            except Unfollowable:
                continue
            # Lark refuses a terminal that matches the empty text.
            if not machine.matches[0]:
                self._entries[name].machine = machine

    def _carriers(self, entry: _Entry) -> list[_Entry]:
        """Give the terminals whose matches may be the entry's: itself, and expressions that turn into it."""
        return [entry] + [self._entries[name] for name in sorted(entry.carriers) if name not in self._ignored]

    def _beats(self, entry: _Entry, other: _Entry) -> bool:
        """Whether an entry, where it matches and is possible, keeps Lark from reporting the other one's own match."""
        if entry.name not in self._usable or entry.origin == other.origin:
            return False
        if not entry.is_string:
            return entry.is_before(other)
        # An expression that takes its place is before the other, too: it has its priority, and is as wide.
        return (-entry.priority, -entry.width) < (-other.priority, -other.width)

    def _find_relevant(self, entry: _Entry) -> frozenset[str]:
        found = set(entry.words) | entry.carriers
        if entry.machine is None:
            return frozenset(found)
        for carrier in self._carriers(entry):
            for other in self._entries.values():
                if other.name not in found and self._beats(other, carrier) and self._meets(entry, other):
                    found.add(other.name)
        return frozenset(found)

    def _meets(self, entry: _Entry, other: _Entry) -> bool:
        """Whether the other terminal matches where the entry does, with one more character at most."""
        mine, others = entry.machine, other.machine
        assert mine is not None
        assert others is not None
        seen = {(0, 0)}
        waiting = [(0, 0)]
        for state, against in waiting:
            if mine.matches[state] and any(others.matches[target] for target in others.steps[against].values()):
                return True
            for group, target in mine.steps[state].items():
                following = others.steps[against].get(group)
                if following is None:
                    continue
                if others.matches[following]:
                    return True
                if (target, following) not in seen:
                    seen.add((target, following))
                    waiting.append((target, following))
        return False

    # -- what is ruled out

    def _restrictions(self, entry: _Entry, live: frozenset[str]) -> tuple[Restriction, ...]:
        # What is ignored stays so, whatever literal it looks like.
        words = [] if entry.is_ignored else [self._entries[name] for name in sorted(entry.words & live)]
        without_words = (Restriction(tuple(word.pattern for word in words)),)
        if entry.machine is None:
            return without_words
        ways = []
        for carrier in self._carriers(entry):
            is_replaced = carrier is entry and any(
                entry.expression.flags <= self._entries[name].expression.flags for name in entry.carriers & live
            )
            if not is_replaced:
                rivals = [
                    other for other in map(self._entries.get, sorted(live)) if other and self._beats(other, carrier)
                ]
                ways.append((carrier, [rival for rival in rivals if self._meets(entry, rival)]))
        if any(machine.machine is None for carrier, _ in ways for machine in (carrier, *words)):
            return without_words
        outcome = SideBySide(
            _machine(entry),
            [(_machine(carrier), list(map(_machine, rivals))) for carrier, rivals in ways],
            list(map(_machine, words)),
            self._next_characters(entry),
        )
        try:
            outcome.run()
            return self._outcome(entry, outcome, without_words[0])
        except (Unfollowable, LimitExceeded):
            return without_words

    def _outcome(self, entry: _Entry, outcome: SideBySide, without_words: Restriction) -> tuple[Restriction, ...]:
        if not outcome.texts:
            return (Restriction((entry.pattern,)),)
        if len(outcome.texts) == 1:
            (excluded,) = outcome.texts
            if not outcome.is_whole:
                pattern = outcome.pattern(excluded, entry.name, self._alphabet, self._limits)
                if without_words.reserved or automaton(pattern) != automaton(entry.pattern, self._limits):
                    return (Restriction((), self._neighbour(excluded), pattern),)
            return (replace(without_words, follow=self._neighbour(excluded)),)
        if not self._may_part:
            return (replace(without_words, follow=self._neighbour(frozenset.intersection(*outcome.texts))),)
        return tuple(
            Restriction(
                (), self._neighbour(excluded), outcome.pattern(excluded, entry.name, self._alphabet, self._limits)
            )
            for excluded in sorted(outcome.texts, key=sorted)
        )

    def _neighbour(self, excluded: Collection[int]) -> Neighbour | None:
        return Neighbour(self._alphabet.outside(excluded)) if excluded else None

    def _next_characters(self, entry: _Entry) -> frozenset[int]:
        """Collect the groups of characters with which something may begin that comes directly behind a terminal."""
        names = self._all if entry.is_ignored else self._ignored.union(self._following.get(entry.name, ()))
        found: set[int] = set()
        for name in names:
            other = self._entries.get(name)
            if other is None or other.machine is None:
                return frozenset(range(len(self._alphabet.groups)))
            found.update(other.machine.steps[0])
        return frozenset(found)


def _machine(entry: _Entry) -> Leftmost:
    assert entry.machine is not None
    return entry.machine
