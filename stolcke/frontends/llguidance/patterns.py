"""What marks in terminals stand for: automata of what ``&``, ``~``, ``%regex`` and ``lazy`` say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from stolcke._core.minimize import minimize
from stolcke.errors import GrammarError, LimitExceeded
from stolcke.frontends.llguidance.translation import AND, MARK, NOT
from stolcke.grammar.patterns import Choice, Literal, Machine, Pattern, Regex, Repeat
from stolcke.grammar.patterns import Sequence as Joined
from stolcke.lexer import Automaton, automaton
from stolcke.lexer.boolean import difference, intersection
from stolcke.options import Limits

__all__ = ["evaluated", "shortest"]

_ANYTHING = Regex("(?s:.*)")
_WORK_PER_STATE = 100
"""Places that a text may have come to, per state that is allowed."""


def evaluated(pattern: Pattern, structured: Mapping[str, Sequence[str]], limits: Limits) -> Pattern:
    """Replace the marks in a pattern by what they stand for.

    Parameters
    ----------
    pattern : Pattern
    structured : mapping of str to sequence of str
        By mark: chunks, any run of which is a match.
    limits : Limits
        ``regex_states`` is met here.

    Raises
    ------
    GrammarError, LimitExceeded
    """
    if isinstance(pattern, Literal):
        if not isinstance(pattern.text, str) or not pattern.text.startswith(MARK):
            return pattern
        if pattern.text not in structured:
            raise GrammarError("'&' has no terminal at one of its sides")
        return Machine("%regex {...}", _substrings(structured[pattern.text], limits))
    if isinstance(pattern, Choice):
        return Choice(tuple(evaluated(part, structured, limits) for part in pattern.parts))
    if isinstance(pattern, Repeat):
        return Repeat(evaluated(pattern.part, structured, limits), pattern.least, pattern.most)
    if not isinstance(pattern, Joined):
        return pattern
    if pattern.parts[:1] == (Literal(NOT),):
        inner = evaluated(Joined(pattern.parts[1:]), structured, limits)
        return Machine("~...", difference(automaton(_ANYTHING, limits), automaton(inner, limits), limits))
    sides: list[list[Pattern]] = [[]]
    for part in pattern.parts:
        if part == Literal(AND):
            sides.append([])
        else:
            sides[-1].append(evaluated(part, structured, limits))
    if not all(sides):
        raise GrammarError("'&' has no terminal at one of its sides")
    if len(sides) == 1:
        return Joined(tuple(sides[0]))
    common = automaton(Joined(tuple(sides[0])), limits)
    for side in sides[1:]:
        common = intersection(common, automaton(Joined(tuple(side)), limits), limits)
    return Machine("... & ...", common)


def shortest(machine: Automaton) -> Automaton:
    """Keep the texts of which no beginning is a text, too."""
    sizes = np.diff(machine.offsets)
    kept = np.repeat(machine.accepting == 0, sizes)
    offsets = np.concatenate([[0], np.cumsum(np.where(machine.accepting, 0, sizes))]).astype(np.int32)
    return Automaton(*minimize(offsets, machine.low[kept], machine.high[kept], machine.target[kept], machine.accepting))


def _substrings(chunks: Sequence[str], limits: Limits) -> Automaton:
    """Make the automaton of all runs of chunks: its states are the sets of places where a text may have come to."""
    data = b"".join(chunk.encode() for chunk in chunks)
    borders = frozenset(accumulate((len(chunk.encode()) for chunk in chunks), initial=0))
    start, work = borders, 0
    number = {start: 0}
    offsets, low, target, accepting = [0], [], [], []
    for places in (order := [start]):
        work += len(places)
        if len(order) > limits.regex_states or work > limits.regex_states * _WORK_PER_STATE:
            raise LimitExceeded("regex_states", f"more than {len(order)}", limits.regex_states, "%regex {...}")
        ways: dict[int, list[int]] = {}
        for place in places:
            if place < len(data):
                ways.setdefault(data[place], []).append(place + 1)
        for byte in sorted(ways):
            reached = frozenset(ways[byte])
            if reached not in number:
                number[reached] = len(order)
                order.append(reached)
            low.append(byte)
            target.append(number[reached])
        offsets.append(len(target))
        accepting.append(not borders.isdisjoint(places))
    bytes_read = np.array(low, np.uint8)
    return Automaton(
        *minimize(
            np.array(offsets, np.int32),
            bytes_read,
            bytes_read,
            np.array(target, np.int32),
            np.array(accepting, np.uint8),
        )
    )
