"""Which rules are under way at a place of a text, from the outermost to the innermost.

Columns know what remains of rules and what may follow them, not which rules these are nor how deep they are nested
(docs/design.md, "Items with continuations").  But what may follow is a graph: from the terminal under way to the rules
that it can begin, from these to the items of the column, and on over continuations to the end of the text.  A node
through which every way to the end leads is what follows something that is certainly open; what it leads on with is what
remains of the rule around that.  A rule of which nothing remains behind what is under way is not open any more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from stolcke._core import views

__all__ = ["OpenRules"]

_MOST = 2_000
"""So many nodes are looked at; beyond, a place is as good as the end, and outer rules go unnamed."""

_HELPER = re.compile(r"_(.+?)(?:_[a-z]+(?:_\d+)+)+")
"""Names of rules that operators were lowered to: ``_owner_opt_0``."""

_Symbols: TypeAlias = tuple[int, ...]
_Item: TypeAlias = tuple[_Symbols, int]
_Name: TypeAlias = tuple[str, bool]  # of a rule, and whether that was a helper of it

_Node: TypeAlias = int | tuple
"""A continuation; or ``(column, nonterminal)``, what may follow that where it began in the column."""

_END, _ROOT = -1, -2


class _Ways(NamedTuple):
    """Where a node leads: the rules of which something remains on each way, and the node behind that."""

    ways: list[tuple[tuple[_Name, ...], _Node]]
    may_end: bool = False


class OpenRules:
    """The open rules at places of one compiled grammar; what is found is kept.

    Parameters
    ----------
    compiled : CompiledGrammar
    """

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._rules = _Rules(compiled)
        self._columns: dict[int, dict[int, list[tuple[tuple[_Name, ...], bool, _Node]]]] = {}
        self._continuations: dict[int, _Ways] = {}
        self._found: dict[int, tuple[str, ...]] = {}

    def at(self, state: int) -> tuple[str, ...]:
        """The open rules at a live state, innermost last, and behind them the terminal under way.

        Where a terminal is under way, they are those of the place where it began.  Where the text has several readings,
        or several rules end alike, these are joined by ``|``; rules that not all readings have are left out.
        """
        found = self._found.get(state)
        if found is None:
            found = self._found[state] = self._open(state)
        return found

    def _open(self, state: int) -> tuple[str, ...]:
        columns, threads = views.state_threads(self._compiled.engine, state)
        root = [
            (names, node) for terminal, _, column in threads for names, _, node in self._begun(column).get(terminal, ())
        ]
        if not root:
            root = [self._item_way(item) for column in columns for item in self._items(column)]
        levels = [self._names(ways) for ways in self._unavoidable(_Ways(root))]
        terminals = self._compiled.arrays.terminals
        under_way = dict.fromkeys(terminals[terminal] for terminal, _, _ in threads)
        return (*reversed(list(_folded(levels))), *([" | ".join(under_way)] if under_way else []))

    # --- the graph -----------------------------------------------------------------------------------------------

    def _items(self, column: int) -> list[_Item]:
        return views.column_items(self._compiled.engine, column)

    def _item_way(self, item: _Item) -> tuple[tuple[_Name, ...], _Node]:
        symbols, continuation = item
        return self._rules.of(symbols), continuation

    def _begun(self, column: int) -> dict[int, list[tuple[tuple[_Name, ...], bool, _Node]]]:
        """For each symbol that may begin in a column its ways: (rules that go on with it, whether anything remains of
        these behind it, node behind them).
        """
        known = self._columns.get(column)
        if known is not None:
            return known
        edges: dict[int, list[tuple[tuple[_Name, ...], bool, _Node]]] = defaultdict(list)
        predicted: dict[int, None] = {}
        for symbols, continuation in self._items(column):
            for number, first in self._rules.firsts(symbols):
                edges[first].append((self._rules.of(symbols), number + 1 < len(symbols), continuation))
                predicted[first] = None
        waiting = list(predicted)
        for nonterminal in waiting:  # which grows
            for names, symbols in self._rules.alternatives(nonterminal):
                for number, first in self._rules.firsts(symbols):
                    edges[first].append((names, number + 1 < len(symbols), (column, nonterminal)))
                    if first not in predicted:
                        predicted[first] = None
                        waiting.append(first)
        self._columns[column] = dict(edges)
        return self._columns[column]

    def _ways(self, node: _Node) -> _Ways:
        if isinstance(node, tuple):
            column, nonterminal = node
            edges = self._begun(column).get(nonterminal, [])
            return _Ways([(names if remains else (), behind) for names, remains, behind in edges])
        known = self._continuations.get(node)
        if known is None:
            entries, may_end = views.continuation_entries(self._compiled.engine, node)
            known = self._continuations[node] = _Ways([self._item_way(entry) for entry in entries], may_end)
        return known

    def _unavoidable(self, root: _Ways) -> list[_Ways]:
        """The nodes that are on every way from a root to the end of the text, in their order, each by its ways."""
        ways: dict[_Node, _Ways] = {}
        nexts: dict[_Node, list[_Node]] = {_END: []}
        came_from: dict[_Node, _Node | None] = {_ROOT: None}
        waiting: list[_Node] = [_ROOT]
        for at in waiting:  # which grows: breadth first
            if at == _END:
                continue
            known = root if at == _ROOT else self._ways(at) if len(ways) < _MOST else _Ways([], True)
            # A way that leads back at once, as that of a left-recursive rule, adds nothing to where it is.
            ways[at] = _Ways([way for way in known.ways if way[1] != at], known.may_end)
            nexts[at] = list(dict.fromkeys(node for _, node in ways[at].ways)) + [_END] * known.may_end
            for after in nexts[at]:
                if after not in came_from:
                    came_from[after] = at
                    waiting.append(after)
        if _END not in came_from:
            return [ways[_ROOT]]
        way: list[_Node] = [_END]
        while (before := came_from[way[-1]]) is not None:
            way.append(before)
        way.reverse()
        # Along one way to the end: a step of it is avoidable if some other way leads around it, further on.
        place = {at: number for number, at in enumerate(way)}
        found, furthest = [], 0
        seen: set[_Node] = set()
        for number, at in enumerate(way[:-1]):
            if number == furthest:
                found.append(ways[at])
            furthest = max(furthest, *(_reach(after, nexts, place, seen) for after in nexts[at]))
        return found

    def _names(self, ways: _Ways) -> tuple[_Name, ...]:
        return tuple(dict.fromkeys(name for names, _ in ways.ways for name in names))


def _reach(begin: _Node, nexts: dict[_Node, list[_Node]], place: dict[_Node, int], seen: set[_Node]) -> int:
    """The furthest step of the way that can be reached without another step of it, among what was not seen."""
    furthest, waiting = 0, [begin]
    while waiting:
        at = waiting.pop()
        if at in place:
            furthest = max(furthest, place[at])
        elif at not in seen:
            seen.add(at)
            waiting += nexts[at]
    return furthest


def _folded(levels: list[tuple[_Name, ...]]) -> Iterator[str]:
    """Levels in words, from the innermost; a rule's helper, and then the rule around it, are one level."""
    for number, names in enumerate(levels):
        owners = dict.fromkeys(owner for owner, _ in names)
        around = {owner for owner, _ in levels[number + 1]} if number + 1 < len(levels) else set()
        if owners and not (all(is_helper for _, is_helper in names) and owners.keys() <= around):
            yield " | ".join(owners)


class _Rules:
    """The rules of a compiled grammar by what they end with, and by what they begin with."""

    def __init__(self, compiled: Any) -> None:
        self._engine, self._arrays = compiled.engine, compiled.arrays
        arrays = compiled.arrays
        self._n_terminals = len(arrays.terminals)
        self._n_plain = self._n_terminals + len(arrays.nonterminals)
        self._known = set(arrays.nonterminals)
        self._by_last: dict[int, list[tuple[int, _Symbols]]] = defaultdict(list)
        self._by_lhs: dict[int, list[tuple[int, _Symbols]]] = defaultdict(list)
        self._of: dict[_Symbols, tuple[_Name, ...]] = {}
        for lhs, begin, end in zip(
            arrays.lhs.tolist(), arrays.rhs_offsets[:-1].tolist(), arrays.rhs_offsets[1:].tolist(), strict=True
        ):
            symbols = tuple(arrays.rhs[begin:end].tolist())
            self._by_lhs[self._n_terminals + lhs].append((lhs, symbols))
            if symbols:
                self._by_last[symbols[-1]].append((lhs, symbols))
        self._tally_of = {self._n_terminals + int(each): number for number, each in enumerate(arrays.tally)}
        self._nullable = self._find_nullable()

    def _find_nullable(self) -> set[int]:
        """Nonterminals, written ones, that derive the empty text."""
        bounds = self._arrays.tally_bounds
        nullable = {symbol for symbol, tally in self._tally_of.items() if bounds[4 * tally] == 0}
        grows = True
        while grows:
            more = {
                lhs
                for lhs, rules in self._by_lhs.items()
                if lhs not in nullable and any(nullable.issuperset(symbols) for _, symbols in rules)
            }
            nullable |= more
            grows = bool(more)
        return nullable

    def of(self, symbols: _Symbols) -> tuple[_Name, ...]:
        """The rules of which these symbols are what remains."""
        known = self._of.get(symbols)
        if known is None:
            known = self._of[symbols] = self._owners(symbols)
        return known

    def _owners(self, symbols: _Symbols) -> tuple[_Name, ...]:
        if not symbols:
            return ()
        if symbols[-1] >= self._n_plain:  # made for a state of a tally
            return self._shown([self._arrays.tally[self._tally(symbols[-1])]])
        proper, whole = [], []
        for lhs, rhs in self._by_last.get(symbols[-1], ()):
            if rhs[-len(symbols) :] == symbols:
                (whole if len(rhs) == len(symbols) else proper).append(lhs)
        return self._shown(proper or whole)

    def firsts(self, symbols: _Symbols) -> Iterator[tuple[int, int]]:
        """Symbols that a text of these may begin with, by their places."""
        for number, symbol in enumerate(symbols):
            yield number, symbol
            if symbol not in self._nullable:
                return

    def alternatives(self, symbol: int) -> Iterator[tuple[tuple[_Name, ...], _Symbols]]:
        """The rules of a nonterminal; of a tally, in any state, one for each entry, and one for what is between."""
        if symbol < self._n_terminals:
            return
        tally = self._tally(symbol) if symbol >= self._n_plain else self._tally_of.get(symbol)
        if tally is None:
            for lhs, symbols in self._by_lhs.get(symbol, ()):
                yield self._shown([lhs]), symbols
            return
        arrays = self._arrays
        names = self._shown([arrays.tally[tally]])
        for entry in arrays.entry[arrays.entry_offsets[tally] : arrays.entry_offsets[tally + 1]].tolist():
            yield names, (entry, symbol)
        between = arrays.separator[arrays.separator_offsets[tally] : arrays.separator_offsets[tally + 1]].tolist()
        if between:
            yield names, (*between, symbol)

    def _tally(self, symbol: int) -> int:
        return views.tally_place(self._engine, symbol)[0]

    def _shown(self, nonterminals: Iterable[int]) -> tuple[_Name, ...]:
        """Names as their grammar has them; what the library put around its start has none."""
        shown: list[_Name] = []
        for nonterminal in nonterminals:
            name = self._arrays.nonterminals[nonterminal]
            helper = _HELPER.fullmatch(name)
            owners = [helper[1], f"_{helper[1]}"] if helper else []
            owner = next((each for each in owners if each in self._known), name)
            if owner and not name.startswith("_start_text"):
                shown.append((owner, owner != name))
        return tuple(dict.fromkeys(shown))
