"""Which match an engine that backtracks prefers, told character by character.

The other automata of this package know what a terminal can match.  :mod:`re` reports one match only: the first that it
comes to as it tries alternatives from the left, and repeats greedily or lazily.  Followed in parallel, its ways are a
list of places in the expression in order of preference, cut off behind the first that is at the end; the lists are the
states of an automaton over groups of characters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise

from stolcke.grammar.patterns import Choice, Literal, Repeat
from stolcke.grammar.patterns import Sequence as Joined
from stolcke.lexer.automaton import Automaton, determinized
from stolcke.lexer.charsets import Bounds, complement, union
from stolcke.lexer.nfa import BRANCH, Builder
from stolcke.lexer.regex_syntax import Characters, LazyRepeat, Node
from stolcke.options import Limits

__all__ = ["Alphabet", "Leftmost", "Unfollowable", "character_sets", "text_automaton"]

_MOST_PLACES = 4_000
_MOST_STATES = 2_000


class Unfollowable(Exception):
    """The preferences of an expression are not known here: it looks around itself, or is too large."""


def character_sets(node: Node) -> Iterable[Bounds]:
    """Go through the sets of characters of a parsed expression.

    Raises
    ------
    Unfollowable
    """
    if isinstance(node, Characters):
        yield node.bounds
    elif isinstance(node, Literal) and isinstance(node.text, str):
        yield from ((ord(character), ord(character) + 1) for character in node.text)
    elif isinstance(node, Joined | Choice):
        for part in node.parts:
            yield from character_sets(part)
    elif isinstance(node, Repeat | LazyRepeat):
        yield from character_sets(node.part)
    else:
        raise Unfollowable


class Alphabet:
    """Groups of characters that some sets do not tell apart.

    Attributes
    ----------
    groups : list of Bounds
        They share no character; those of no set are in none.
    members : dict of Bounds to tuple of int
        Groups of each set.
    """

    def __init__(self, sets: Iterable[Bounds]) -> None:
        found = sorted(set(sets))
        cuts: dict[int, list[int]] = {}
        for number, bounds in enumerate(found):
            for cut in bounds:
                cuts.setdefault(cut, []).append(number)
        inside: set[int] = set()
        spans: dict[frozenset[int], list[int]] = {}
        places = sorted(cuts)
        for low, end in pairwise(places):
            inside.symmetric_difference_update(cuts[low])
            if inside:
                spans.setdefault(frozenset(inside), []).extend((low, end))
        self.groups = [union([tuple(span[i : i + 2]) for i in range(0, len(span), 2)]) for span in spans.values()]
        self.members: dict[Bounds, tuple[int, ...]] = {
            bounds: tuple(group for group, numbers in enumerate(spans) if number in numbers)
            for number, bounds in enumerate(found)
        }

    def outside(self, groups: Iterable[int]) -> Bounds:
        """Give all characters that are in none of the groups."""
        return complement(union(self.groups[group] for group in groups))


class Leftmost:
    """The automaton of one expression.

    Parameters
    ----------
    node : Node
        The parsed expression.
    alphabet : Alphabet
        Made of its sets, and perhaps others'.

    Attributes
    ----------
    steps : list of dict of int to int
        Of each state, the state that each group leads to.  State 0 is the first one.
    matches : list of bool
        Whether the text that led to a state is a match, and is preferred to all shorter ones.  It is the one that
        :mod:`re` finds, unless a longer one turns out to be.
    has_cut : bool
        Whether texts of the expression are never found, since a shorter one is preferred.

    Raises
    ------
    Unfollowable
    """

    def __init__(self, node: Node, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        # Of each place: the groups that it reads and the one place behind, or no groups and the places it leads to.
        self._reads: list[tuple[int, ...] | None] = [None]
        self._ways: list[tuple[int, ...]] = [()]
        start = self._add(node, 0)
        self.steps: list[dict[int, int]] = []
        self.matches: list[bool] = []
        self.has_cut = False
        self._make_states(start)

    def _place(self, reads: tuple[int, ...] | None, *ways: int) -> int:
        self._reads.append(reads)
        self._ways.append(ways)
        if len(self._reads) > _MOST_PLACES:
            raise Unfollowable
        return len(self._reads) - 1

    def _add(self, node: Node, after: int) -> int:
        """Add an expression before a place, and give the place that it begins with."""
        if isinstance(node, Characters):
            return self._place(self._alphabet.members[node.bounds], after)
        if isinstance(node, Literal) and isinstance(node.text, str):
            for character in reversed(node.text):
                after = self._place(self._alphabet.members[ord(character), ord(character) + 1], after)
            return after
        if isinstance(node, Joined):
            for part in reversed(node.parts):
                after = self._add(part, after)
            return after
        if isinstance(node, Choice):
            return self._place(None, *[self._add(part, after) for part in node.parts])
        if isinstance(node, Repeat | LazyRepeat):
            return self._repeat(node, after)
        raise Unfollowable

    def _repeat(self, node: Repeat | LazyRepeat, after: int) -> int:
        is_lazy = isinstance(node, LazyRepeat)
        if (node.most is None or node.most > 1) and _may_be_empty(node.part):
            # Engines differ in when they leave a loop whose round reads nothing.
            raise Unfollowable

        def option(body: int, end: int) -> tuple[int, int]:
            return (end, body) if is_lazy else (body, end)

        if node.most is None:
            loop = self._place(None)
            self._ways[loop] = option(self._add(node.part, loop), after)
            after = loop
        else:
            end = after
            for _ in range(node.most - node.least):
                after = self._place(None, *option(self._add(node.part, after), end))
        for _ in range(node.least):
            after = self._add(node.part, after)
        return after

    def _make_states(self, start: int) -> None:
        number: dict[tuple[tuple[int, ...], bool], int] = {}
        waiting: list[tuple[int, ...]] = []

        def state_of(places: Iterable[int]) -> int:
            key = self._preferred(places)
            if key not in number:
                number[key] = len(number)
                waiting.append(key[0])
                self.matches.append(key[1])
                if len(number) > _MOST_STATES:
                    raise Unfollowable
            return number[key]

        state_of((start,))
        for places in waiting:
            targets: dict[int, list[int]] = {}
            for place in places:
                for group in self._reads[place] or ():
                    targets.setdefault(group, []).append(self._ways[place][0])
            self.steps.append({group: state_of(following) for group, following in targets.items()})

    def _preferred(self, places: Iterable[int]) -> tuple[tuple[int, ...], bool]:
        """Follow the ways that read nothing: the reading places in order up to the end, and whether that is met."""
        seen: set[int] = set()
        reading = []
        waiting = list(reversed(list(places)))
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            if place == 0:
                self.has_cut = self.has_cut or bool(waiting)
                return tuple(reading), True
            if self._reads[place] is None:
                waiting += reversed(self._ways[place])
            else:
                reading.append(place)
        return tuple(reading), False


def text_automaton(
    steps: list[dict[int, int]], accepting: Collection[int], alphabet: Alphabet, limits: Limits
) -> Automaton:
    """Make the byte automaton of an automaton over groups of characters, whose state 0 is the first one.

    Raises
    ------
    LimitExceeded
        ``regex_states``
    """
    builder = Builder(limits)
    nodes = [builder.node(BRANCH, 0, 0) for _ in steps]
    for state, ways in enumerate(steps):
        groups: dict[int, list[int]] = {}
        for group, target in ways.items():
            groups.setdefault(target, []).append(group)
        targets = [
            builder.read_characters(union(alphabet.groups[group] for group in members), nodes[target])
            for target, members in groups.items()
        ]
        if state in accepting:
            targets.append(builder.accept)
        builder.first[nodes[state]] = len(builder.branches)
        builder.branches += targets
        builder.second[nodes[state]] = len(builder.branches)
    return determinized(builder.finish(nodes[0]), limits)


def _may_be_empty(node: Node) -> bool:
    if isinstance(node, Literal):
        return not node.text
    if isinstance(node, Joined):
        return all(map(_may_be_empty, node.parts))
    if isinstance(node, Choice):
        return any(map(_may_be_empty, node.parts))
    if isinstance(node, Repeat | LazyRepeat):
        return node.least == 0 or _may_be_empty(node.part)
    return False
