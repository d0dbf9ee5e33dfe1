"""One terminal of Lark's scanner and those that may be reported in its place, side by side on the same texts."""

from __future__ import annotations

from collections.abc import Iterator

from stolcke.grammar.patterns import Choice, Literal, Machine, Pattern
from stolcke.lexer.leftmost import Alphabet, Leftmost, Unfollowable, text_automaton
from stolcke.options import Limits

__all__ = ["SideBySide"]

_DEAD, _MATCHED = -1, -2
_MOST_WORK = 200_000
"""Steps of single automata for one terminal in one context."""
_MOST_WORDS = 100
"""More are shown as an automaton."""


class SideBySide:
    """A terminal's texts, read by all the automata that have a say in whether Lark reports them.

    Parameters
    ----------
    terminal : Leftmost
    ways : list of (Leftmost, list of Leftmost)
        The terminals whose matches may be the terminal's, and for each those that keep it from being reported.
    words : list of Leftmost
        Terminals that take over texts that are just theirs.
    behind : frozenset of int
        Groups of characters that may come behind the terminal at all; others are not looked at.

    Attributes
    ----------
    texts : dict of frozenset of int to set of int
        States of the texts that are reported, by the groups that may not stand behind them.
    is_whole : bool
        Whether these are all the texts but those of ``words``.
    """

    def __init__(
        self,
        terminal: Leftmost,
        ways: list[tuple[Leftmost, list[Leftmost]]],
        words: list[Leftmost],
        behind: frozenset[int],
    ) -> None:
        self._machines = [terminal]
        self._ways: list[tuple[int, list[int]]] = []
        self._rivals: set[int] = set()
        self._behind = behind
        for carrier, rivals in ways:
            self._ways.append((self._add(carrier), list(map(self._add, rivals))))
            self._rivals.update(self._ways[-1][1])
        self._words = list(map(self._add, words))
        self._steps: list[dict[int, int]] = []
        self.texts: dict[frozenset[int], set[int]] = {}
        self.is_whole = not terminal.has_cut

    def _add(self, machine: Leftmost) -> int:
        self._machines.append(machine)
        return len(self._machines) - 1

    def run(self) -> None:
        """Go through all texts.

        Raises
        ------
        Unfollowable
            Where there is too much to tell apart.
        """
        start = (0,) * len(self._machines)
        number = {start: 0}
        waiting = [start]
        work = 0
        for place, states in enumerate(waiting):
            if self._machines[0].matches[states[0]]:
                self._judge(place, states)
            steps = {}
            for group in self._machines[0].steps[states[0]]:
                following = self._step(states, group)
                steps[group] = number.setdefault(following, len(waiting))
                if steps[group] == len(waiting):
                    waiting.append(following)
            self._steps.append(steps)
            work += len(steps) * len(start)
            if work > _MOST_WORK:
                raise Unfollowable

    def _step(self, states: tuple[int, ...], group: int) -> tuple[int, ...]:
        following = []
        for number, (machine, state) in enumerate(zip(self._machines, states, strict=True)):
            target = state if state < 0 else machine.steps[state].get(group, _DEAD)
            if number in self._rivals and target >= 0 and machine.matches[target]:
                target = _MATCHED
            following.append(target)
        return tuple(following)

    def _judge(self, place: int, states: tuple[int, ...]) -> None:
        """Take a text into account: whether it is reported, and which characters may not be behind it."""
        if any(states[word] >= 0 and self._machines[word].matches[states[word]] for word in self._words):
            return
        excluded: frozenset[int] | None = None
        for number, rivals in self._ways:
            state = states[number]
            if state < 0 or not self._machines[number].matches[state]:
                continue
            if any(states[rival] == _MATCHED for rival in rivals):
                continue
            found = set(self._longer(number, state))
            for rival in rivals:
                if states[rival] >= 0:
                    found.update(self._longer(rival, states[rival]))
            excluded = frozenset(found) if excluded is None else excluded & found
        if excluded is None:
            self.is_whole = False
        else:
            self.texts.setdefault(excluded & self._behind, set()).add(place)

    def _longer(self, number: int, state: int) -> Iterator[int]:
        """Go through the groups with which there is a match."""
        machine = self._machines[number]
        return (group for group, target in machine.steps[state].items() if machine.matches[target])

    def pattern(self, excluded: frozenset[int], title: str, alphabet: Alphabet, limits: Limits) -> Pattern:
        """Give the texts behind which certain groups may not stand.

        Raises
        ------
        LimitExceeded
        """
        accepting = self.texts[excluded]
        words = self._few_words(accepting, alphabet)
        if words is None:
            return Machine(title, text_automaton(self._steps, accepting, alphabet, limits))
        literals = tuple(map(Literal, sorted(words)))
        return literals[0] if len(literals) == 1 else Choice(literals)

    def _few_words(self, accepting: set[int], alphabet: Alphabet) -> list[str] | None:
        """List the texts, where they are few."""
        words = []
        waiting = [("", 0)]
        for text, state in waiting:
            if state in accepting:
                words.append(text)
            for group, target in self._steps[state].items():
                low, *others = alphabet.groups[group]
                if others != [low + 1] or len(waiting) > _MOST_WORDS:
                    return None
                waiting.append((text + chr(low), target))
        return words
