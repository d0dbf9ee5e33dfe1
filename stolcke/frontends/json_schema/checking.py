"""Rules whose values a guard looks at: terminals with roles, and copies of rules that end in such."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from stolcke._core.minimize import minimize
from stolcke.errors import LimitExceeded, UnsupportedSchema
from stolcke.frontends.json_schema.algebra import Union
from stolcke.frontends.json_schema.string_tests import has_length
from stolcke.frontends.json_schema.strings import Strings, decided
from stolcke.frontends.json_schema.value_guard import ITEM, Role, ValueGuard, begin, end
from stolcke.grammar.patterns import Counted, Literal, Machine, Pattern
from stolcke.lexer import Automaton
from stolcke.lexer.language import Language

if TYPE_CHECKING:
    from stolcke.frontends.json_schema.emit import Emitter

__all__ = ["Checks"]


class Checks:
    """What the guard of a grammar has to know, and the rules that are written for it.

    Attributes
    ----------
    places : list of str
        JSON pointers of what is checked, with the keywords.
    """

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter
        self.places: list[str] = []
        self._roles: dict[int, tuple[Role, ...]] = {}
        self._copies: dict[tuple[int, tuple[Role, ...]], int] = {}
        self._quote: int | None = None
        self._last: dict[int, int] = {}
        self._pending: list[int] = []

    @property
    def guard(self) -> ValueGuard | None:
        """The guard, once all rules are written; None where nothing is checked."""
        names, _ = self.emitter.written.names()
        return ValueGuard(tuple((names[each], roles) for each, roles in self._roles.items())) if self._roles else None

    def note(self, pointer: str | None, keyword: str) -> None:
        """List what is checked."""
        place = f"{pointer or '#'}: {keyword}"
        if place not in self.places:
            self.places.append(place)

    def copy(self, terminal: int, *roles: Role) -> int:
        """A terminal of the same texts that plays some roles after those of the terminal itself."""
        roles = self._roles.get(terminal, ()) + roles
        found = self._copies.get((terminal, roles))
        if found is None:
            written = self.emitter.written
            found = self._new(written.titles[terminal], written.patterns[terminal], roles)
            self._copies[terminal, roles] = found
        return found

    def _new(self, title: str, pattern: Pattern, roles: tuple[Role, ...]) -> int:
        terminal = self.emitter.written.terminal(pattern, title)
        if roles:
            self._roles[terminal] = roles
        return terminal

    # --- items ---------------------------------------------------------------------------------------------------

    def last(self, symbol: int) -> int:
        """A symbol of the same texts, whose last terminal is the end of an item; its rules follow in :meth:`finish`."""
        found = self._last.get(symbol)
        if found is None:
            if symbol >= 0:
                found = self._last_terminal(symbol)
            else:
                found = self.emitter.written.part_of(symbol, "item")
                self._pending.append(symbol)
            self._last[symbol] = found
        return found

    def _last_terminal(self, terminal: int) -> int:
        written = self.emitter.written
        title, pattern = written.titles[terminal], written.patterns[terminal]
        if not isinstance(pattern, Counted):
            return self.copy(terminal, ITEM)
        # Of a counted repeat no state is known beforehand; what is behind it is another terminal.
        head = self._new(title, replace(pattern, after=Literal("")), ())
        tail = self._new(title, pattern.after, (ITEM,))
        both = written.nonterminal(title)
        written.rule(both, head, tail)
        return both

    def finish(self) -> None:
        """Write the rules of all that :meth:`last` was asked for."""
        if not self._pending:
            return
        written = self.emitter.written
        tallies = {tally[0] for tally in written.symbolic_tallies()}
        rules: dict[int, list[tuple[int, ...]]] = {}
        for lhs, rhs in written.symbolic_rules():
            rules.setdefault(lhs, []).append(rhs)
        while self._pending:
            self.emitter.evaluator.deadline.check("writing rules")
            symbol = self._pending.pop()
            if symbol in tallies:
                raise UnsupportedSchema("items here end in what is counted")
            for rhs in rules[symbol]:
                written.rule(self._last[symbol], *rhs[:-1], self.last(rhs[-1]))

    # --- strings -------------------------------------------------------------------------------------------------

    def patterns(
        self, found: dict[str, Union], make: Callable[[dict[str, Union]], list], where: Callable[[], str | None]
    ) -> tuple[list, list[tuple[int, int]]]:
        """The patterns of scalars that no test is needed for, and, of other strings, opening quote and rest.

        Where a language and a bound for its lengths are too large together, the length is tested.
        """
        strings = found.get("string", ())
        try:
            return self._patterns(found, strings, make, where)
        except LimitExceeded:
            lengths = [_with_length_tested(simple) for simple in strings]
            if all(a is b for a, b in zip(lengths, strings, strict=True)):
                raise
            return self._patterns(found, lengths, make, where)

    def _patterns(
        self, found: dict[str, Union], strings: Iterable[Strings], make: Callable, where: Callable
    ) -> tuple[list, list[tuple[int, int]]]:
        left = [decided(simple) if simple.tests else simple for simple in strings]
        plain = tuple(simple for simple in left if simple is not None and not simple.tests)
        patterns = make({**found, "string": plain} if left else found)
        tested = []
        for simple in (simple for simple in left if simple is not None and simple.tests):
            language = Language.everything() if simple.language is None else simple.as_language()
            tested.append((self._opening(), self._rest(language, end(simple.tests))))
            self.note(where(), " and ".join(sorted({_KEYWORDS[test[0]] for test in simple.tests})))
        return patterns, tested

    def _opening(self) -> int:
        """The quote that opens a string of which the rest is tested."""
        if self._quote is None:
            self._quote = self._new('"', Literal('"'), (begin,))
        return self._quote

    def _rest(self, language: Language, role: Role) -> int:
        settings = self.emitter.settings
        literal = language.json_string(escapes=settings.escapes, ascii_only=settings.ascii_only)
        return self._new("string", Machine("string", _without_first(literal)), (role,))


_KEYWORDS = {"format": "format", "length": "minLength and maxLength beside pattern or format"}


def _with_length_tested(simple: Strings) -> Strings:
    """The same set, with a test for its length if there are bounds and a language."""
    if simple.language is None or (simple.least == 0 and simple.most is None):
        return simple
    return Strings(simple.language, tests=simple.tests | {has_length(simple.least, simple.most)})


def _without_first(literal: Automaton) -> Automaton:
    """The texts of JSON strings without the opening quote."""
    first = int(literal.offsets[1])
    # State 0 reads the quote and nothing leads back to it.
    return Automaton(
        *minimize(
            literal.offsets[1:] - literal.offsets[1],
            literal.low[first:],
            literal.high[first:],
            literal.target[first:] - literal.target.dtype.type(1),
            literal.accepting[1:].copy(),
        )
    )
