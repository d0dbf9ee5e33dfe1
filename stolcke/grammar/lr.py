"""The LR(0) automaton of a grammar, and which terminals are sure to be possible in each of its states.

An LR parser keeps a stack of states; which terminals may come next depends on all of it.  Here the question is what
every stack with a given state on top has in common: the terminals that some sentence goes on with, whatever stands
below.  Conflicts do not matter, as nothing is decided.
"""

from __future__ import annotations

from collections.abc import Sequence

from stolcke.errors import LimitExceeded

__all__ = ["LrAutomaton"]

_TRANSITIONS = 200_000
"""More than programming languages have; beyond, the automaton takes too long to be worth its while."""


class LrAutomaton:
    """LR(0) states of a grammar whose nonterminals all derive some text.

    Parameters
    ----------
    rules : sequence of (int, tuple of int)
        Left and right sides; symbols below ``n_terminals`` are terminals.
    n_terminals : int
    start : int

    Attributes
    ----------
    n_terminals, start : int
    steps : list of dict of int to int
        Of each state, the state that each symbol leads to; state 0 is the first one.
    predicted : list of tuple of int
        Nonterminals that may begin in each state.
    rules_of : dict of int to list of int
        Rules of each nonterminal.
    live : list of int
        Of each state, bits of the terminals that may come next, whatever stack is below.

    Raises
    ------
    LimitExceeded
        Where there are too many transitions.
    """

    def __init__(self, rules: Sequence[tuple[int, tuple[int, ...]]], n_terminals: int, start: int) -> None:
        # One more rule, whose left side is no symbol of the grammar, begins with all of a text.
        self._rules = [*rules, (-1, (start,))]
        self.n_terminals = n_terminals
        self.start = start
        self.rules_of: dict[int, list[int]] = {}
        for number, (lhs, _) in enumerate(self._rules):
            self.rules_of.setdefault(lhs, []).append(number)
        # An item is a rule and a place in it, as one number.
        self._first_item: list[int] = []
        self._next: list[int] = []
        self._lhs: list[int] = []
        for lhs, rhs in self._rules:
            self._first_item.append(len(self._next))
            self._next += (*rhs, -1)
            self._lhs += [lhs] * (len(rhs) + 1)
        self._first, self._is_empty = self._beginnings()
        self._corners = self._left_corners()
        self.steps: list[dict[int, int]] = []
        self.predicted: list[tuple[int, ...]] = []
        self._kernels: list[tuple[int, ...]] = []
        self._paths: dict[tuple[int, int], list[int]] = {}
        self._make_states()
        self._origins = self._find_origins()
        self._after = self._find_followers()
        self.live = [self._possible(state) for state in range(len(self.steps))]

    def walk(self, state: int, rule: int) -> list[int]:
        """Give the states that a rule goes through, the one that it begins in included."""
        path = self._paths.get((state, rule))
        if path is None:
            path = self._paths[state, rule] = [state]
            for symbol in self._rules[rule][1]:
                path.append(self.steps[path[-1]][symbol])
        return path

    # -- beginnings

    def _beginnings(self) -> tuple[list[int], list[bool]]:
        """Find, of what is right of each item, the terminals it may begin with, and whether it may be empty."""
        first_of: dict[int, int] = dict.fromkeys(self.rules_of, 0)
        empty: set[int] = set()
        changed = True
        while changed:
            changed = False
            for lhs, rhs in self._rules:
                first, is_empty = 0, True
                for symbol in rhs:
                    first |= 1 << symbol if symbol < self.n_terminals else first_of[symbol]
                    if symbol not in empty:
                        is_empty = False
                        break
                if first | first_of[lhs] != first_of[lhs]:
                    first_of[lhs] |= first
                    changed = True
                if is_empty and lhs not in empty:
                    empty.add(lhs)
                    changed = True
        first_right = [0] * len(self._next)
        empty_right = [True] * len(self._next)
        for item in reversed(range(len(self._next))):
            symbol = self._next[item]
            if symbol < 0:
                continue
            is_empty = symbol in empty
            first = 1 << symbol if symbol < self.n_terminals else first_of[symbol]
            first_right[item] = first | (first_right[item + 1] if is_empty else 0)
            empty_right[item] = is_empty and empty_right[item + 1]
        return first_right, empty_right

    def _left_corners(self) -> dict[int, frozenset[int]]:
        """Find the nonterminals that begin where a nonterminal does, itself included."""
        corners = {}
        for name in self.rules_of:
            found, waiting = {name}, [name]
            while waiting:
                for rule in self.rules_of[waiting.pop()]:
                    symbol = self._next[self._first_item[rule]]
                    if symbol >= self.n_terminals and symbol not in found:
                        found.add(symbol)
                        waiting.append(symbol)
            corners[name] = frozenset(found)
        return corners

    # -- states

    def _make_states(self) -> None:
        number_of = {(self._first_item[-1],): 0}
        self._kernels.append((self._first_item[-1],))
        begun: dict[frozenset[int], dict[int, list[int]]] = {}
        n_transitions = 0
        for kernel in self._kernels:
            predicted: set[int] = set()
            ways: dict[int, list[int]] = {}
            for item in kernel:
                symbol = self._next[item]
                if symbol >= self.n_terminals:
                    predicted |= self._corners[symbol]
                if symbol >= 0:
                    ways.setdefault(symbol, []).append(item + 1)
            key = frozenset(predicted)
            if key not in begun:
                begun[key] = self._first_steps(key)
            for symbol, items in begun[key].items():
                ways[symbol] = ways[symbol] + items if symbol in ways else items
            steps = {}
            for symbol, items in ways.items():
                target = tuple(sorted(items))
                state = number_of.get(target)
                if state is None:
                    state = number_of[target] = len(self._kernels)
                    self._kernels.append(target)
                steps[symbol] = state
            n_transitions += len(steps)
            if n_transitions > _TRANSITIONS:
                raise LimitExceeded("transitions", f"more than {_TRANSITIONS}", _TRANSITIONS, "LR automaton")
            self.steps.append(steps)
            self.predicted.append(tuple(sorted(predicted)))

    def _first_steps(self, predicted: frozenset[int]) -> dict[int, list[int]]:
        """Find the items behind the first symbols of the rules of some nonterminals, by symbol."""
        ways: dict[int, list[int]] = {}
        for name in predicted:
            for rule in self.rules_of[name]:
                item = self._first_item[rule]
                if self._next[item] >= 0:
                    ways.setdefault(self._next[item], []).append(item + 1)
        return ways

    def _find_origins(self) -> dict[tuple[int, int], list[int]]:
        """Find the states in which the rule of an item, seen in a state, may have begun."""
        origins: dict[tuple[int, int], list[int]] = {(0, self._first_item[-1]): [0]}
        for state, names in enumerate(self.predicted):
            for name in names:
                for rule in self.rules_of[name]:
                    for item, here in enumerate(self.walk(state, rule)[1:], self._first_item[rule] + 1):
                        origins.setdefault((here, item), []).append(state)
        origins[self.steps[0][self._rules[-1][1][0]], self._first_item[-1] + 1] = [0]
        return origins

    # -- what may follow

    def _find_followers(self) -> list[dict[int, int]]:
        """Find the terminals that are sure to be possible behind a nonterminal that begins in a state.

        They come from the rules that hold the nonterminal, and where it may be the last of one, from what is
        possible behind that.  A rule that began in this state gives the least solution, since a derivation is
        finite; one that began in an earlier state, of which only the stack knows which, gives what all have in
        common, from all terminals downward: the stack is finite, too.
        """
        everything = (1 << self.n_terminals) - 1
        after = [dict.fromkeys(names, everything) for names in self.predicted]
        after[0][-1] = 0
        grounds = [self._grounds(state) for state in range(len(self.steps))]
        users: dict[int, set[int]] = {}
        for state, (_, _, outer) in enumerate(grounds):
            for _, _, origins in outer:
                for origin in origins:
                    users.setdefault(origin, set()).add(state)
        waiting = set(range(len(self.steps)))
        while waiting:
            changed = set()
            for state in sorted(waiting):
                new = self._solve(state, grounds[state], after)
                if new != after[state]:
                    after[state] = new
                    changed |= users.get(state, set())
            waiting = changed
        return after

    def _grounds(self, state: int) -> tuple[dict[int, int], dict[int, list[int]], list[tuple[int, int, list[int]]]]:
        """Collect what the followers in a state depend on.

        Returns
        -------
        direct : dict of int to int
            Terminals that come next in a rule.
        inner : dict of int to list of int
            For a left side that begins here, the nonterminals that may be all of it.
        outer : list of (int, int, list of int)
            A nonterminal that may be the last of a rule; the left side of that; the states it may have begun in.
        """
        direct: dict[int, int] = dict.fromkeys(self.predicted[state], 0)
        inner: dict[int, list[int]] = {}
        outer = []
        for name in self.predicted[state]:
            for rule in self.rules_of[name]:
                item = self._first_item[rule]
                symbol = self._next[item]
                if symbol >= self.n_terminals:
                    direct[symbol] |= self._first[item + 1]
                    if self._is_empty[item + 1]:
                        inner.setdefault(name, []).append(symbol)
        for item in self._kernels[state]:
            symbol = self._next[item]
            if symbol >= self.n_terminals:
                direct[symbol] |= self._first[item + 1]
                if self._is_empty[item + 1]:
                    outer.append((symbol, self._lhs[item], self._origins[state, item]))
        return direct, inner, outer

    def _solve(self, state: int, grounds, after: list[dict[int, int]]) -> dict[int, int]:
        direct, inner, outer = grounds
        found = dict(direct)
        for symbol, lhs, origins in outer:
            found[symbol] |= self._common(lhs, origins, after)
        waiting = list(inner)
        while waiting:
            name = waiting.pop()
            for symbol in inner.get(name, ()):
                if found[name] | found[symbol] != found[symbol]:
                    found[symbol] |= found[name]
                    waiting.append(symbol)
        if state == 0:
            found[-1] = 0
        return found

    def _common(self, lhs: int, origins: list[int], after: list[dict[int, int]]) -> int:
        common = -1
        for origin in origins:
            common &= after[origin][lhs]
            if not common:
                break
        return common

    def _possible(self, state: int) -> int:
        bits = 0
        for item in self._kernels[state]:
            bits |= self._first[item]
            if self._is_empty[item]:
                bits |= self._common(self._lhs[item], self._origins[state, item], self._after)
        return bits
