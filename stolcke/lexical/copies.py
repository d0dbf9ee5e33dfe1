"""Nonterminals copied for what may stand around them: the product of a grammar with the relation at its boundaries.

A *copy* is (X, begin, end, empty): the derivations of the nonterminal X whose text begins with one of the right types
``begin`` and ends with one of the left types ``end``, and the empty text where ``empty`` is set.  The copy with all
types of X is X itself, so that only those nonterminals multiply that stand at a boundary where something is forbidden.

A rule of a copy is rewritten from left to right.  What has been passed leaves a *context*: the right types that may
come next, and whether the rule may end here.  After a symbol, the left types that it may end with leave contexts; equal
ones are put together.  Where they differ, what is common to all of them is told apart from what only some allow: before
the first, the symbol may end as it likes, as it does elsewhere.  Each derivation of the restricted grammar that keeps
the restrictions is one derivation here, and no other is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from stolcke.deadline import Deadline
from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar import analysis
from stolcke.grammar.model import Grammar, Nonterminal, Symbol, Tally, Terminal
from stolcke.lexical.ends import Ends, ones
from stolcke.options import Limits

__all__ = ["CopiedRule", "Copies", "Copy"]

_FEW = 4
"""As many alternatives that one rule becomes are written out; where there are more, their tails are shared."""


class Copy(NamedTuple):
    """A symbol, restricted; see above.  A terminal never derives the empty text."""

    symbol: Symbol
    begin: int
    end: int
    empty: bool

    @property
    def is_terminal(self) -> bool:
        """Whether the symbol is a terminal."""
        return isinstance(self.symbol, Terminal)


class Context(NamedTuple):
    """What may come next in a rule."""

    begin: int
    """Right types."""
    may_end: bool
    """Whether nothing more need come."""

    def split(self, common: Context) -> tuple[Context, ...]:
        """What it has in common with others, and what it has more; without those of them that are nothing."""
        rest = Context(self.begin & ~common.begin, self.may_end and not common.may_end)
        return tuple(part for part in (common, rest) if any(part))


_DONE = Context(0, True)
"""Nothing more comes."""


def _common(contexts: Collection[Context]) -> Context:
    """What may come next in all of some contexts, each given once; nothing, where there is but one."""
    if len(contexts) < 2:
        return Context(0, False)
    begin, may_end = -1, True
    for each in contexts:
        begin, may_end = begin & each.begin, may_end and each.may_end
    return Context(begin, may_end)


class Tail(NamedTuple):
    """What is left of a rule's right-hand side in some context: a nonterminal that nobody wrote."""

    string: int
    """Number of the right-hand side among :attr:`Copies.strings`."""
    place: int
    context: Context
    end: int
    """The left types that the copy it belongs to may end with."""


@dataclass(slots=True)
class CopiedRule:
    """A rule of a copy or tail, and the rule of the grammar it comes from; -1 for tails."""

    lhs: Copy | Tail
    rhs: tuple[Copy | Tail, ...]
    origin: int


@dataclass(slots=True)
class _String:
    """A right-hand side, and what can be said of each of its ends: of what begins at each place."""

    symbols: tuple[Symbol, ...]
    firsts: list[int]
    nullable: list[bool]
    ends: list[tuple[int, int, bool]]
    """Of each symbol, the right types that it begins with, the left types it ends with, and whether it may be empty."""


class Copies:
    """The copies that are needed to derive texts from the start.

    Parameters
    ----------
    grammar : Grammar
        In which nothing is ignored: that is written out.
    ends : Ends
        Of its terminals.
    unseen : collection of str
        Declared terminals that no text stands for: what is before and behind them meets.
    limits : Limits
        ``rules`` is met here.
    deadline : Deadline

    Attributes
    ----------
    start : Copy
    rules : list of CopiedRule
    tallies : dict of Copy to list of tuple
        The strings of each tally that is needed: its entries and its separator.
    refused : dict of Copy to GrammarError
        Copies that cannot be made, of tallies; an error if one is part of any text.
    """

    def __init__(
        self, grammar: Grammar, ends: Ends, unseen: Collection[str], limits: Limits, deadline: Deadline
    ) -> None:
        self._grammar = grammar
        self._ends = ends
        self._limits = limits
        self._nullable = _nullable(grammar, unseen)
        self._firsts = {Terminal(name): types for name, types in ends.firsts.items()}
        self._lasts = {Terminal(name): types for name, types in ends.lasts.items()}
        strings = [(rule.lhs, rule.rhs) for rule in grammar.rules]
        for name, tally in grammar.tallies.items():
            strings += [(Nonterminal(name), symbols) for symbols in tally.strings() if symbols]
        self._close(strings, self._firsts, False)
        self._close(strings, self._lasts, True)
        self.strings = [self._string(rule.rhs) for rule in grammar.rules]
        self._rules_of: dict[str, list[int]] = {}
        for number, rule in enumerate(grammar.rules):
            self._rules_of.setdefault(rule.lhs.name, []).append(number)
        self._by_end: dict[str, dict[int, list[int]]] = {}  # rules of a nonterminal, by the left types they end with
        self.rules: list[CopiedRule] = []
        self.tallies: dict[Copy, list[tuple[Copy | Tail, ...]]] = {}
        self.refused: dict[Copy, GrammarError] = {}
        self._waiting: list[Copy | Tail] = []
        self._met: set[Copy | Tail] = set()
        start = Nonterminal(grammar.start)
        accepting = sum(1 << m for m, behind in enumerate(ends.meets) if behind & ends.end)
        begin = ends.meets[ends.start]
        self.start = _copy(start, self._ends_of(start), begin, accepting, bool(begin & ends.end))
        self._need(self.start)
        while self._waiting:
            deadline.check("applying what terminals ask of their neighbours")
            if len(self.rules) > limits.rules:
                given = f"more than {limits.rules}"
                raise LimitExceeded("rules", given, limits.rules, "a grammar whose terminals ask for neighbours")
            self._write(self._waiting.pop())

    # --- what begins and ends with what --------------------------------------------------------------------------

    def _close(self, strings: list[tuple[Nonterminal, tuple[Symbol, ...]]], types: dict, backwards: bool) -> None:
        """Find the types that nonterminals begin with, or end with: a least fixed point."""
        users: dict[Symbol, set[Nonterminal]] = {}
        corners: dict[Nonterminal, set[Symbol]] = {}
        for lhs, rhs in strings:
            corners.setdefault(lhs, set())
            for symbol in reversed(rhs) if backwards else rhs:
                corners[lhs].add(symbol)
                users.setdefault(symbol, set()).add(lhs)
                if not self._is_nullable(symbol):
                    break
        for lhs in corners:
            types.setdefault(lhs, 0)
        waiting = list(corners)
        while waiting:
            lhs = waiting.pop()
            found = types[lhs]
            for symbol in corners[lhs]:
                found |= types.get(symbol, 0)
            if found != types[lhs]:
                types[lhs] = found
                waiting += users.get(lhs, ())

    def _is_nullable(self, symbol: Symbol) -> bool:
        return symbol in self._nullable

    def _string(self, symbols: tuple[Symbol, ...]) -> _String:
        firsts, nullable = [0], [True]
        ends = [self._ends_of(symbol) for symbol in symbols]
        for first, _, empty in reversed(ends):
            firsts.append(first | (firsts[-1] if empty else 0))
            nullable.append(empty and nullable[-1])
        return _String(symbols, firsts[::-1], nullable[::-1], ends)

    def _ends_of(self, symbol: Symbol) -> tuple[int, int, bool]:
        return self._firsts.get(symbol, 0), self._lasts.get(symbol, 0), self._is_nullable(symbol)

    def is_whole(self, copy: Copy) -> bool:
        """Whether nothing is taken away."""
        return copy == _copy(copy.symbol, self._ends_of(copy.symbol), -1, -1, True)

    @property
    def forbid_nothing(self) -> bool:
        """Whether no derivation of a text is lost."""
        written: dict[Copy | Tail, list[int]] = {}
        for rule in self.rules:
            if not all(isinstance(symbol, Copy) and self.is_whole(symbol) for symbol in (rule.lhs, *rule.rhs)):
                return False
            written.setdefault(rule.lhs, []).append(rule.origin)
        met = [copy for copy in self._met if isinstance(copy, Copy) and copy not in self.tallies]
        return not self.refused and all(
            self.is_whole(copy) and written.get(copy, []) == self._rules_of.get(copy.symbol.name, []) for copy in met
        )

    # --- rules ---------------------------------------------------------------------------------------------------

    def _need(self, copy: Copy | Tail) -> None:
        if copy not in self._met and not (isinstance(copy, Copy) and copy.is_terminal):
            self._met.add(copy)
            self._waiting.append(copy)

    def _add(self, lhs: Copy | Tail, rhs: tuple[Copy | Tail, ...], origin: int) -> None:
        self.rules.append(CopiedRule(lhs, rhs, origin))
        for symbol in rhs:
            self._need(symbol)

    def _write(self, copy: Copy | Tail) -> None:
        if isinstance(copy, Tail):
            string = self.strings[copy.string]
            for rhs in self._alternatives(copy.string, string, copy.place, copy.context, copy.end):
                self._add(copy, rhs, -1)
            return
        name = copy.symbol.name
        if name in self._grammar.tallies:
            self._write_tally(copy)
            return
        for number in self._candidates(copy):
            string = self.strings[number]
            context = self._context(string, 0, copy.begin, copy.empty)
            for rhs in self._alternatives(number, string, 0, context, copy.end):
                self._add(copy, rhs, number)

    def _candidates(self, copy: Copy) -> list[int]:
        """Numbers of the rules that a copy may have; where it ends with few types, others are not looked at."""
        rules = self._rules_of.get(copy.symbol.name, [])
        if len(rules) <= _FEW or copy.empty or 2 * copy.end.bit_count() > self._lasts[copy.symbol].bit_count():
            return rules
        by_type = self._by_end.get(copy.symbol.name)
        if by_type is None:
            by_type = self._by_end[copy.symbol.name] = {}
            for number in rules:
                for m in ones(self._types_at_end(self.strings[number].symbols)):
                    by_type.setdefault(m, []).append(number)
        return sorted({number for m in ones(copy.end) for number in by_type.get(m, ())})

    def _context(self, string: _String, place: int, begin: int, may_end: bool) -> Context | None:
        begin, may_end = begin & string.firsts[place], may_end and string.nullable[place]
        return Context(begin, may_end) if begin or may_end else None

    def _alternatives(
        self, number: int, string: _String, place: int, context: Context | None, end: int
    ) -> list[tuple[Copy | Tail, ...]]:
        """The ways to write what a right-hand side has from some place on."""
        if context is None:
            return []
        # Mostly there is one way.
        straight: list[Copy | Tail] = []
        one = context
        n = len(string.symbols)
        for k in range(place, n):
            steps = self._steps(string, k, one, end)
            if len(steps) > 1:
                break
            if not steps:
                return []
            symbol, one = steps[0]
            straight.append(symbol)
        else:
            return [tuple(straight)] if one.may_end else []
        layers: list[dict[Context, list[tuple[Copy, Context]]]] = []
        here = {context: None}
        for k in range(place, n):
            layers.append({one: self._steps(string, k, one, end) for one in here})
            here = dict.fromkeys(to for steps in layers[-1].values() for _, to in steps)
        # How many ways lead from each context to the end: few are written out.
        ways = {one: 1 for one in here if one.may_end}
        counts = [ways]
        for layer in reversed(layers):
            ways = {one: sum(ways.get(to, 0) for _, to in steps) for one, steps in layer.items()}
            counts.append(ways)
        counts.reverse()
        if not counts[0].get(context, 0):
            return []
        written = counts[0][context] <= _FEW
        found: list[tuple[Copy | Tail, ...]] = []
        waiting: list[tuple[tuple[Copy | Tail, ...], int, Context]] = [((), place, context)]
        while waiting:
            done, k, one = waiting.pop()
            # A single way on is followed; before the next fork, the rest is a nonterminal of its own.
            while k < n:
                steps = [step for step in layers[k - place][one] if counts[k - place + 1].get(step[1], 0)]
                if len(steps) > 1:
                    break
                (symbol, one), k = steps[0], k + 1
                done = (*done, symbol)
            if k == n:
                found.append(done)
            elif written or k == place:
                waiting += [((*done, symbol), k + 1, to) for symbol, to in reversed(steps)]
            elif done:
                found.append((*done, Tail(number, k, one, end)))
        return found

    def _steps(self, string: _String, place: int, context: Context, end: int) -> list[tuple[Copy, Context]]:
        """The restricted symbols that may stand at a place, and the context behind each."""
        symbol, own = string.symbols[place], string.ends[place]
        first, is_last = string.firsts[place + 1], string.nullable[place + 1]
        types = own[1] if context.begin & own[0] else 0
        # The left types that the symbol may end with, by the context behind them.
        behind: dict[Context, int] = {}
        if not first:
            types &= end if is_last else 0
            if types:
                behind[_DONE] = types
            types = 0
        for m in ones(types):
            begin, may_end = self._ends.meets[m] & first, is_last and bool(end >> m & 1)
            if begin or may_end:
                to = Context(begin, may_end)
                behind[to] = behind.get(to, 0) | 1 << m
        common = _common(behind)
        groups: dict[Context, tuple[int, bool]] = {}
        for to, found in behind.items():
            for part in to.split(common) if any(common) else (to,):
                groups[part] = groups.get(part, (0,))[0] | found, False
        if own[2]:
            to = self._context(string, place + 1, context.begin, context.may_end)
            if to is not None:
                groups[to] = groups.get(to, (0,))[0], True
        return [
            (_copy(symbol, own, context.begin if types else 0, types, empty), to)
            for to, (types, empty) in groups.items()
        ]

    # --- tallies -------------------------------------------------------------------------------------------------

    def _write_tally(self, copy: Copy) -> None:
        tally = self._grammar.tallies[copy.symbol.name]
        if not copy.begin:
            if copy.empty:
                self._add(copy, (), -1)
            return
        if not self.is_whole(copy._replace(empty=self._is_nullable(copy.symbol))):
            self._refuse(copy, "restricts what begins or ends it")
            return
        every = sum(1 << m for m in range(len(self._ends.meets)))
        entries = [entry.symbols for entry in tally.entries]
        if not all(self._may_meet(before, behind) for before, behind in _neighbours(tally)):
            self._refuse(copy, "comes between its entries")
            return
        written = []
        for symbols in (*entries, tally.separator):
            if not symbols:
                written.append(())
                continue
            self.strings.append(self._string(symbols))
            tail = Tail(len(self.strings) - 1, 0, Context(self.strings[-1].firsts[0], False), every)
            ways = self._alternatives(tail.string, self.strings[-1], 0, tail.context, every)
            written.append(ways[0] if len(ways) == 1 else (tail,))
        self.tallies[copy] = written
        for symbols in written:
            for symbol in symbols:
                self._need(symbol)

    def _may_meet(self, before: tuple[Symbol, ...], behind: tuple[Symbol, ...]) -> bool:
        """Whether all that some symbols end with may meet all that others begin with."""
        first, last = self._string(behind).firsts[0], self._types_at_end(before)
        return not any(last >> m & 1 and first & ~meets for m, meets in enumerate(self._ends.meets))

    def _types_at_end(self, symbols: tuple[Symbol, ...]) -> int:
        found = 0
        for symbol in reversed(symbols):
            found |= self._lasts.get(symbol, 0)
            if not self._is_nullable(symbol):
                break
        return found

    def _refuse(self, copy: Copy, how: str) -> None:
        self.tallies[copy] = []
        self.refused[copy] = GrammarError(
            f"what a terminal asks of its neighbours (%follow, %precede) {how}: the tally {copy.symbol.name!r}, whose "
            "entries come in any order; put a terminal that asks for nothing between them"
        )


def _copy(symbol: Symbol, ends: tuple[int, int, bool], begin: int, end: int, empty: bool) -> Copy:
    """A symbol, of which the first types, the last types and whether it may be empty are given, restricted."""
    begin &= ends[0]
    end &= ends[1]
    if not (begin and end):
        begin = end = 0
    return Copy(symbol, begin, end, empty and ends[2])


def _nullable(grammar: Grammar, unseen: Collection[str]) -> set[Symbol]:
    """Nonterminals that derive the empty text, and terminals that no text stands for."""
    silent = {Terminal(name) for name in unseen}
    seen = grammar
    if silent:
        rules = [replace(rule, rhs=tuple(s for s in rule.rhs if s not in silent)) for rule in grammar.rules]
        seen = Grammar.made(grammar.start, tuple(rules), {}, tallies=grammar.tallies)
    return silent | {Nonterminal(name) for name in analysis.nullable(seen)}


def _neighbours(tally: Tally) -> Iterator[tuple[tuple[Symbol, ...], tuple[Symbol, ...]]]:
    """Which strings of a tally may stand beside each other."""
    if tally.most == 1:
        return
    for i, one in enumerate(tally.entries):
        if tally.separator:
            yield tally.separator, one.symbols
        for k, other in enumerate(tally.entries):
            if i != k or not one.once:
                yield one.symbols, (*tally.separator, *other.symbols)
