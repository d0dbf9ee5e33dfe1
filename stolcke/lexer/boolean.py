"""What two automata have in common, what one has more than the other, and terminals without reserved texts."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from stolcke._core.minimize import minimize
from stolcke.errors import LimitExceeded
from stolcke.grammar.patterns import Choice, Pattern
from stolcke.lexer.automaton import Automaton, automaton
from stolcke.lexer.counted import CountedAutomaton, terminal_automaton
from stolcke.options import Limits

__all__ = ["difference", "intersection", "unreserved"]

_Edges = list[tuple[int, int, int]]
"""First byte, last byte and target, ascending."""


def intersection(a: Automaton, b: Automaton, limits: Limits = Limits()) -> Automaton:
    """Give the texts of both automata.

    Raises
    ------
    LimitExceeded
        ``regex_states``.
    """
    return _paired(a, b, True, limits.regex_states)


def difference(a: Automaton, b: Automaton, limits: Limits = Limits()) -> Automaton:
    """Give the texts of the one automaton that are not the other's.

    Raises
    ------
    LimitExceeded
        ``regex_states``.
    """
    return _paired(a, b, False, limits.regex_states)


def unreserved(
    pattern: Pattern, reserved: tuple[Pattern, ...], limits: Limits = Limits()
) -> Automaton | CountedAutomaton:
    """Give the automaton of a terminal without the texts that it leaves to others.

    Raises
    ------
    RegexError, GrammarError, LimitExceeded
    """
    if not reserved:
        return terminal_automaton(pattern, limits)
    return difference(automaton(pattern, limits), automaton(Choice(reserved), limits), limits)


@lru_cache(maxsize=1024)
def _paired(a: Automaton, b: Automaton, wanted: bool, allowed: int) -> Automaton:
    """Run both side by side: what ``a`` accepts, and ``b`` does or does not, as is wanted."""
    if not a.n_states or not b.n_states:
        return a if not wanted or not a.n_states else b
    ways_a, ways_b = _edges(a), [*_edges(b), []]
    lost = b.n_states  # the state of b where it has left its language
    number = {(0, 0): 0}
    pairs = [(0, 0)]
    offsets, low, high, target, accepting = [0], [], [], [], []
    for p, q in pairs:
        for first, last, to in _common(ways_a[p], ways_b[q], lost):
            if wanted and to[1] == lost:
                continue
            state = number.setdefault(to, len(pairs))
            if state == len(pairs):
                pairs.append(to)
                if state >= allowed:
                    raise LimitExceeded("regex_states", f"more than {allowed}", allowed, "product of two terminals")
            low.append(first)
            high.append(last)
            target.append(state)
        offsets.append(len(target))
        accepting.append(bool(a.accepting[p]) and (q != lost and bool(b.accepting[q])) == wanted)
    return Automaton(
        *minimize(
            np.array(offsets, np.int32),
            np.array(low, np.uint8),
            np.array(high, np.uint8),
            np.array(target, np.int32),
            np.array(accepting, np.uint8),
        )
    )


def _edges(machine: Automaton) -> list[_Edges]:
    edges = list(zip(machine.low.tolist(), machine.high.tolist(), machine.target.tolist(), strict=True))
    offsets = machine.offsets.tolist()
    return [edges[begin:end] for begin, end in pairwise(offsets)]


def _common(ours: _Edges, theirs: _Edges, lost: int) -> list[tuple[int, int, tuple[int, int]]]:
    """Our edges, cut where theirs begin and end."""
    found = []
    place = 0
    for low, high, target in ours:
        while place < len(theirs) and theirs[place][1] < low:
            place += 1
        here = place
        while low <= high:
            if here == len(theirs) or theirs[here][0] > high:
                found.append((low, high, (target, lost)))
                break
            first, last, to = theirs[here]
            if low < first:
                found.append((low, first - 1, (target, lost)))
                low = first
            end = min(high, last)
            found.append((low, end, (target, to)))
            low = end + 1
            here += 1
    return found
