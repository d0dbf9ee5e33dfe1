"""Rules whose values a guard looks at: terminals with roles, and copies of rules that end in such."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from stolcke._core.minimize import minimize
from stolcke.errors import LimitExceeded, UnsupportedSchema
from stolcke.frontends.json_schema import making
from stolcke.frontends.json_schema.algebra import Union
from stolcke.frontends.json_schema.string_tests import has_length
from stolcke.frontends.json_schema.strings import Strings, decided
from stolcke.frontends.json_schema.value_guard import ITEM, Role, ValueGuard, begin, end
from stolcke.grammar.model import Nonterminal, Rule, Symbol, Terminal
from stolcke.grammar.patterns import Counted, Literal, Machine
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
        self._roles: dict[str, tuple[Role, ...]] = {}
        self._copies: dict[tuple[str, tuple[Role, ...]], Terminal] = {}
        self._last: dict[Symbol, Symbol] = {}
        self._pending: list[Nonterminal] = []

    @property
    def guard(self) -> ValueGuard | None:
        """The guard, once all rules are written; None where nothing is checked."""
        return ValueGuard(tuple(self._roles.items())) if self._roles else None

    def note(self, pointer: str | None, keyword: str) -> None:
        """List what is checked."""
        place = f"{pointer or '#'}: {keyword}"
        if place not in self.places:
            self.places.append(place)

    def copy(self, terminal: Terminal, *roles: Role) -> Terminal:
        """A terminal of the same texts that plays some roles after those of the terminal itself."""
        roles = self._roles.get(terminal.name, ()) + roles
        key = terminal.name, roles
        found = self._copies.get(key)
        if found is None:
            pattern = self.emitter.terminals[terminal.name].pattern
            found = self._copies[key] = self._new(terminal.name, pattern, roles)
        return found

    def _new(self, title: str, pattern, roles: tuple[Role, ...]) -> Terminal:
        emitter = self.emitter
        name = emitter.name(title)
        emitter.terminals[name] = making.definition(name, pattern)
        if roles:
            self._roles[name] = roles
        return making.terminal(name)

    # --- items ---------------------------------------------------------------------------------------------------

    def last(self, symbol: Symbol) -> Symbol:
        """A symbol of the same texts, whose last terminal is the end of an item; its rules follow in :meth:`finish`."""
        found = self._last.get(symbol)
        if found is None:
            if isinstance(symbol, Terminal):
                found = self._last_terminal(symbol)
            else:
                found = making.nonterminal(self.emitter.name(symbol.name))
                self._pending.append(symbol)
            self._last[symbol] = found
        return found

    def _last_terminal(self, terminal: Terminal) -> Symbol:
        pattern = self.emitter.terminals[terminal.name].pattern
        if not isinstance(pattern, Counted):
            return self.copy(terminal, ITEM)
        # Of a counted repeat no state is known beforehand; what is behind it is another terminal.
        head = self._new(terminal.name, replace(pattern, after=Literal("")), ())
        tail = self._new(terminal.name, pattern.after, (ITEM,))
        both = making.nonterminal(self.emitter.name(terminal.name))
        self.emitter.rule(both, head, tail)
        return both

    def finish(self) -> None:
        """Write the rules of all that :meth:`last` was asked for."""
        if not self._pending:
            return
        written: dict[str, list[Rule]] = {}
        for rule in self.emitter.rules:
            written.setdefault(rule.lhs.name, []).append(rule)
        while self._pending:
            self.emitter.evaluator.deadline.check("writing rules")
            symbol = self._pending.pop()
            lhs = self._last[symbol]
            if symbol.name in self.emitter.tallies:
                raise UnsupportedSchema("items here end in what is counted")
            for rule in written[symbol.name]:
                self.emitter.rule(lhs, *rule.rhs[:-1], self.last(rule.rhs[-1]))

    # --- strings -------------------------------------------------------------------------------------------------

    def patterns(
        self, found: dict[str, Union], make: Callable[[dict[str, Union]], list], where: Callable[[], str | None]
    ) -> tuple[list, list[tuple[Terminal, Terminal]]]:
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
    ) -> tuple[list, list[tuple[Terminal, Terminal]]]:
        left = [decided(simple) if simple.tests else simple for simple in strings]
        plain = tuple(simple for simple in left if simple is not None and not simple.tests)
        patterns = make({**found, "string": plain} if left else found)
        tested = []
        for simple in (simple for simple in left if simple is not None and simple.tests):
            language = Language.everything() if simple.language is None else simple.as_language()
            tested.append((self._quote(), self._rest(language, end(simple.tests))))
            self.note(where(), " and ".join(sorted({_KEYWORDS[test[0]] for test in simple.tests})))
        return patterns, tested

    def _quote(self) -> Terminal:
        key = ('"', (begin,))
        if key not in self._copies:
            self._copies[key] = self._new('"', Literal('"'), (begin,))
        return self._copies[key]

    def _rest(self, language: Language, role: Role) -> Terminal:
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
