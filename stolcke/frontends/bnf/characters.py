"""Automata over bytes as rules over characters: one rule for each state."""

from __future__ import annotations

from collections.abc import Callable

from stolcke.errors import GrammarError
from stolcke.frontends.bnf.expressions import EMPTY, Expression, Location, Reference
from stolcke.grammar.patterns import Choice, Sequence
from stolcke.lexer import Automaton
from stolcke.lexer.regex_syntax import Characters

__all__ = ["character_rules"]

_MOST_STATES = 2_000
_NOWHERE = Location(1, 1)
# First and last leading byte, bytes that follow, first code point of so many bytes.
_LEADS = ((0x00, 0x7F, 0, 0x0), (0xC2, 0xDF, 1, 0x80), (0xE0, 0xEF, 2, 0x800), (0xF0, 0xF4, 3, 0x10000))
_CONTINUED = 0x80

Ranges = list[tuple[int, int, int]]
"""First code point, last one, state."""


def character_rules(machine: Automaton, name: str, free: Callable[[str], str]) -> dict[str, Expression]:
    """Write an automaton as rules, of which the first has the given name.

    Parameters
    ----------
    machine : Automaton
    name : str
    free : callable
        Makes a name that is not taken, like the one given to it.

    Raises
    ------
    GrammarError
        Where it matches bytes that are no characters, or is large.
    """
    if machine.n_states > _MOST_STATES:
        raise GrammarError(f"its automaton has {machine.n_states:,} states, each of which would be a rule")
    reader = _Reader(machine)
    ways = {0: reader.ways(0)}
    order = [0]
    for state in order:
        for _, _, target in ways[state]:
            if target not in ways:
                ways[target] = reader.ways(target)
                order.append(target)
    names = {state: name if state == 0 else "" for state in order}
    rules: dict[str, Expression] = {}
    for state in order[1:]:
        names[state] = free(f"{name}-{state}") if ways[state] else ""
    for state in order:
        if state and not ways[state]:
            continue  # the end, which is left out where it is reached
        targets: dict[int, list[int]] = {}
        for low, high, target in ways[state]:
            targets.setdefault(target, []).extend((low, high + 1))
        parts: list[Expression] = []
        for target, bounds in targets.items():
            read: Expression = Characters(tuple(bounds))  # type: ignore[assignment]  # our own leaf
            follow = Reference(names[target], _NOWHERE)
            parts.append(Sequence((read, follow)) if names[target] else read)  # type: ignore[arg-type]
        if machine.accepting[state]:
            parts.append(EMPTY)
        rules[names[state]] = parts[0] if len(parts) == 1 else Choice(tuple(parts))  # type: ignore[arg-type]
    return rules


class _Reader:
    """Reads the bytes of one character at a time."""

    def __init__(self, machine: Automaton) -> None:
        self._machine = machine
        self._edges = list(zip(machine.low.tolist(), machine.high.tolist(), machine.target.tolist(), strict=True))
        self._offsets = machine.offsets.tolist()
        self._known: dict[tuple[int, int], Ranges] = {}

    def _edges_of(self, state: int) -> Ranges:
        return self._edges[self._offsets[state] : self._offsets[state + 1]]

    def ways(self, state: int) -> Ranges:
        """List where the characters lead from a state, ascending and as long as they can be."""
        found: Ranges = []
        for low, high, target in self._edges_of(state):
            covered = 0
            for first, last, count, least in _LEADS:
                begin, end = max(low, first), min(high, last)
                if begin > end:
                    continue
                covered += end - begin + 1
                base = first & ~(0x7F >> (count + 1)) if count else 0
                if not count:
                    _extend(found, begin, end, target)
                    continue
                for lead in range(begin, end + 1):
                    shift = (lead - base) << (6 * count)
                    for a, b, to in self._tails(target, count):
                        if shift + a < least or (shift + a < 0xE000 and shift + b >= 0xD800) or shift + b > 0x10FFFF:
                            raise GrammarError("it matches bytes that are not UTF-8")
                        _extend(found, shift + a, shift + b, to)
            if covered != high - low + 1:
                raise GrammarError("it matches bytes that are not UTF-8")
        return found

    def _tails(self, state: int, count: int) -> Ranges:
        """List where ``count`` more bytes of a character lead, by the number that they make."""
        if (state, count) in self._known:
            return self._known[state, count]
        if self._machine.accepting[state]:
            raise GrammarError("it matches bytes that are not UTF-8")
        found: Ranges = []
        for low, high, target in self._edges_of(state):
            if low < _CONTINUED or high > 0xBF:
                raise GrammarError("it matches bytes that are not UTF-8")
            for byte in range(low, high + 1):
                shift = (byte - _CONTINUED) << (6 * (count - 1))
                for a, b, to in [(0, 0, target)] if count == 1 else self._tails(target, count - 1):
                    _extend(found, shift + a, shift + b, to)
        self._known[state, count] = found
        return found


def _extend(ranges: Ranges, low: int, high: int, target: int) -> None:
    """Add a range at the end, joined with the last where they adjoin, but for surrogates between them."""
    if ranges and ranges[-1][2] == target and (ranges[-1][1] + 1 == low or (ranges[-1][1], low) == (0xD7FF, 0xE000)):
        ranges[-1] = ranges[-1][0], high, target
    else:
        ranges.append((low, high, target))
