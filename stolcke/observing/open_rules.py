"""Which rules are under way at a place of a text, from the outermost to the innermost.

Columns know what remains of rules and what may follow them, not which rules these are nor how deep they are nested
(docs/design.md, "Items with continuations").  What follows is a graph: from the items of the column where the innermost
terminal began, over continuations, to the end of the text.  A continuation through which every way to the end leads is
what follows a rule that is certainly open; its entries are what remains of the rule around it.  A rule of which nothing
remains is not open any more.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import numpy as np

from stolcke._core import views

__all__ = ["OpenRules"]

_MOST = 2_000
"""So many continuations are looked at; beyond, a place is as good as the end, and outer rules go unnamed."""

_HELPER = re.compile(r"_(.+?)(?:_[a-z]+(?:_\d+)+)+")
"""Names of rules that operators were lowered to: ``_owner_opt_0``."""

_Entry: TypeAlias = tuple[tuple[int, ...], int]
_END = -1


class OpenRules:
    """The open rules at places of one compiled grammar; what is found is kept.

    Parameters
    ----------
    compiled : CompiledGrammar
    """

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        arrays = compiled.arrays
        self._n_plain = len(arrays.terminals) + len(arrays.nonterminals)
        self._rules: dict[int, list[int]] = {}  # by their last symbol
        ends = arrays.rhs_offsets[1:]
        for rule in np.flatnonzero(np.diff(arrays.rhs_offsets)).tolist():
            self._rules.setdefault(int(arrays.rhs[ends[rule] - 1]), []).append(rule)
        self._known = set(arrays.nonterminals)
        self._names: dict[tuple[int, ...], tuple[str, ...]] = {}
        self._after: dict[int, tuple[list[_Entry], bool]] = {}
        self._found: dict[int, tuple[str, ...]] = {}

    def at(self, state: int) -> tuple[str, ...]:
        """The open rules at a live state, innermost last, and behind them the terminals under way.

        Where the text has several readings, or several rules end alike, these are joined by ``|``; rules that not all
        readings have are left out.
        """
        found = self._found.get(state)
        if found is None:
            found = self._found[state] = self._open(state)
        return found

    def _open(self, state: int) -> tuple[str, ...]:
        engine, terminals = self._compiled.engine, self._compiled.arrays.terminals
        columns, threads = views.state_threads(engine, state)
        begun = list(dict.fromkeys([*columns, *(column for _, _, column in threads)]))
        items = [item for column in begun for item in views.column_items(engine, column)]
        titles = [self._titles(items)]
        titles += [self._titles(self._entries(continuation)[0]) for continuation in self._unavoidable(items)]
        under_way = dict.fromkeys(terminals[terminal] for terminal, _, _ in threads)
        return (*(each for each in reversed(titles) if each), *([" | ".join(under_way)] if under_way else []))

    def _entries(self, continuation: int) -> tuple[list[_Entry], bool]:
        known = self._after.get(continuation)
        if known is None:
            known = self._after[continuation] = views.continuation_entries(self._compiled.engine, continuation)
        return known

    def _unavoidable(self, items: list[_Entry]) -> list[int]:
        """Continuations that are on every way from the items to the end of the text, in their order."""
        nexts: dict[int, list[int]] = {}
        came_from: dict[int, int | None] = dict.fromkeys(continuation for _, continuation in items)
        roots = list(came_from)
        waiting = list(roots)
        for at in waiting:  # which grows: breadth first
            if at == _END:
                continue
            entries, may_end = self._entries(at) if len(nexts) < _MOST else ([], True)
            nexts[at] = list(dict.fromkeys(continuation for _, continuation in entries)) + [_END] * may_end
            for after in nexts[at]:
                if after not in came_from:
                    came_from[after] = at
                    waiting.append(after)
        if _END not in came_from:
            return []
        way = [_END]
        while (before := came_from[way[-1]]) is not None:
            way.append(before)
        way.reverse()
        # Along one way to the end: a step of it is avoidable if some other way leads around it, further on.
        place = {at: number for number, at in enumerate(way)}
        unavoidable: list[int] = []
        seen: set[int] = set()
        furthest = max(self._reach(root, nexts, place, seen) for root in roots)
        for number, at in enumerate(way[:-1]):
            if number == furthest:
                unavoidable.append(at)
            for after in nexts[at]:
                furthest = max(furthest, self._reach(after, nexts, place, seen))
        return unavoidable

    @staticmethod
    def _reach(begin: int, nexts: dict[int, list[int]], place: dict[int, int], seen: set[int]) -> int:
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

    def _titles(self, entries: list[_Entry]) -> str:
        """The rules of which these entries are what remains."""
        names: dict[str, None] = {}
        for symbols, _ in entries:
            known = self._names.get(symbols)
            if known is None:
                known = self._names[symbols] = tuple(self._owners(symbols))
            names.update(dict.fromkeys(known))
        return " | ".join(names)

    def _owners(self, symbols: tuple[int, ...]) -> list[str]:
        if not symbols:
            return []
        arrays, last = self._compiled.arrays, symbols[-1]
        if last >= self._n_plain:  # made for a state of a tally
            tally = views.tally_place(self._compiled.engine, last)[0]
            return self._shown([arrays.nonterminals[arrays.tally[tally]]])
        proper, whole = [], []
        for rule in self._rules.get(last, ()):
            rhs = arrays.rhs[arrays.rhs_offsets[rule] : arrays.rhs_offsets[rule + 1]]
            if tuple(rhs[len(rhs) - len(symbols) :].tolist()) == symbols and len(rhs) >= len(symbols):
                name = arrays.nonterminals[arrays.lhs[rule]]
                (whole if len(rhs) == len(symbols) else proper).append(name)
        return self._shown(proper or whole)

    def _shown(self, names: list[str]) -> list[str]:
        """Names as their grammar has them; what the library put around its start has none."""
        shown = []
        for name in names:
            helper = _HELPER.fullmatch(name)
            owners = [helper[1], f"_{helper[1]}"] if helper else []
            owner = next((each for each in owners if each in self._known), name)
            if owner and not name.startswith("_start_text"):
                shown.append(owner)
        return list(dict.fromkeys(shown))
