"""Matches of a given length on average, and otherwise as even as can be.

Of all distributions over a terminal's matches with the mean asked for, the one that departs least from a base (in
relative entropy) is the base tilted: the probability of a match of length n is multiplied by x**n, and by a constant.
It is a byte automaton again.  With U the base's weights, let h(q) be the sum of the tilted weights of all that may
follow in state q,

    h(q) = U(q, stop) + sum over bytes b of  U(q, b) * x**cost(q) * h(q')

then the weight of a byte is U(q, b) * x**cost(q) * h(q') / h(q), that of stopping U(q, stop) / h(q).  The mean grows
with x, from the length of the shortest match to that of the longest: without bound towards the x at which h is
infinite, where there is a cycle.

Both h and the mean are solved component by component, from the end to the start; h by its logarithm between them,
since over a long chain of states it leaves the range of floating-point numbers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import exp, inf, isfinite, log, log1p

import numpy as np

from stolcke.errors import CompileError
from stolcke.grammar.analysis import components
from stolcke.lexer import Automaton
from stolcke.weights.distributions import STOP, CodePoints, Distribution, Uniform, remaining_bytes

__all__ = ["MeanLength"]

_LARGEST = 2_000
"""States of a component up to which it is solved as a dense matrix."""
_TOLERANCE = 1e-13
_FURTHEST = 1e6
"""Logarithm of x up to which it is searched."""
_MOST = 700.0
"""Of the logarithm of a weight: its exponential is a number, and larger than any that a component bears."""


@dataclass(frozen=True)
class MeanLength(Distribution):
    """Matches whose length is a given number on average.

    Of all such distributions it is the one closest to :class:`Uniform`, or to :class:`CodePoints` for a length in
    characters: where stopping, or the byte that leads to the end, is less probable, all other choices gain alike.
    For ``/[a-z]+/`` the letters stay equally probable and the number of letters is geometric.

    Parameters
    ----------
    mean : float
        Between the lengths of the shortest and of the longest match.
    unit : {"bytes", "characters"}
    """

    mean: float
    unit: str = "bytes"

    def __post_init__(self) -> None:
        if not 0 < self.mean < inf:
            raise CompileError(f"a mean length must be a positive number, not {self.mean!r}")
        if self.unit not in ("bytes", "characters"):
            raise CompileError(f"the unit of a mean length is 'bytes' or 'characters', not {self.unit!r}")

    def _rows(self, automaton: Automaton, possible: np.ndarray) -> np.ndarray:
        if self.unit == "bytes":
            base, cost = Uniform().weights(automaton), np.ones(automaton.n_states)
        else:
            # A character counts where it begins.
            base, cost = CodePoints().weights(automaton), (remaining_bytes(automaton) == 0).astype(np.float64)
        steps = automaton.steps()
        chain = _Chain(base, steps, cost)
        shortest, longest = chain.range()
        if shortest == longest == self.mean:
            return base
        if not shortest < self.mean < longest:
            most = f"to {longest}" if isfinite(longest) else "or more"
            raise CompileError(
                f"its matches have {shortest} {most} {self.unit}, so their mean length cannot be {self.mean}: "
                "it must lie between the two" + ("" if shortest < longest else ", which are equal")
            )
        tilt, after = chain.solve(self.mean)
        with np.errstate(divide="ignore"):
            logs = np.log(base)
        logs[:, :STOP] += after[steps] + (cost * tilt)[:, None]
        return np.exp(logs - after[:, None])


@dataclass(frozen=True, slots=True)
class _Cycle:
    """A component of several states: where they lead to, within it and outside.

    ``row`` is the place of a state in ``states``; ``column`` is that of a target within, and ``target`` a state
    outside; the weights are logarithms.
    """

    states: np.ndarray
    row: np.ndarray
    column: np.ndarray
    weight: np.ndarray
    row_out: np.ndarray
    target: np.ndarray
    weight_out: np.ndarray

    def solved(self, loops: np.ndarray, known: np.ndarray) -> np.ndarray | None:
        """The solution of y = known + loops y, given the weights within; None where there is none or not only one."""
        matrix = np.eye(len(known))
        matrix[self.row, self.column] -= loops
        try:
            return np.linalg.solve(matrix, known)
        except np.linalg.LinAlgError:
            return None


class _Chain:
    """A base distribution as a chain of states, its components ordered from the end to the start.

    Attributes
    ----------
    ways : list of list of (state, log weight)
        Where each state leads to, each other state once.
    stop : list of float
        Logarithm of the weight of stopping in each state.
    cost : list of float
        What a step from each state adds to the length.
    parts : list of int or _Cycle
        The components, those of a single state as this state.
    """

    def __init__(self, base: np.ndarray, steps: np.ndarray, cost: np.ndarray) -> None:
        n = len(base)
        source, byte = np.nonzero(base[:, :STOP])
        pairs, index = np.unique(source * n + steps[source, byte], return_inverse=True)
        weight = np.log(np.bincount(index, base[source, byte]))
        self.ways: list[list[tuple[int, float]]] = [[] for _ in range(n)]
        for pair, log_weight in zip(pairs.tolist(), weight.tolist(), strict=True):
            self.ways[pair // n].append((pair % n, log_weight))
        self.stop = [log(p) if p else -inf for p in base[:, STOP].tolist()]
        self.cost = cost.tolist()
        graph = {state: [target for target, _ in ways] for state, ways in enumerate(self.ways)}
        self.parts = [part[0] if len(part) == 1 else self._cycle(part) for part in components(graph)]

    def _cycle(self, part: list[int]) -> _Cycle:
        if len(part) > _LARGEST:
            raise CompileError(
                f"its automaton has a cycle through {len(part)} states; a mean length is found for up to {_LARGEST}"
            )
        place = {state: number for number, state in enumerate(part)}
        ways = [(place[state], target, weight) for state in part for target, weight in self.ways[state]]
        inside = [(row, place[target], weight) for row, target, weight in ways if target in place]
        outside = [way for way in ways if way[1] not in place]
        columns = [
            np.array([way[i] for way in some], kind)
            for some in (inside, outside)
            for i, kind in enumerate((int, int, float))
        ]
        return _Cycle(np.array(part), *columns)

    def range(self) -> tuple[int, float]:
        """The lengths of the shortest and of the longest match."""
        least = {0: 0}
        pending = deque([0])  # nearest first, as steps cost 0 or 1
        while self.stop[state := pending.popleft()] == -inf:
            for target, _ in self.ways[state]:
                length = least[state] + int(self.cost[state])
                if length < least.get(target, inf):
                    least[target] = length
                    (pending.append if self.cost[state] else pending.appendleft)(target)
        shortest = least[state]
        most = [0.0] * len(self.ways)
        for part in self.parts:
            if isinstance(part, _Cycle):
                for state in part.states.tolist():
                    most[state] = inf
            else:
                lengths = (inf if target == part else self.cost[part] + most[target] for target, _ in self.ways[part])
                most[part] = max(lengths, default=0.0)
        return shortest, most[0] if most[0] == inf else int(most[0])

    def solve(self, wanted: float) -> tuple[float, np.ndarray]:
        """Find log x that gives a mean; and the logarithm of h for it."""
        tilt, step, attempt = 0.0, 1.0, 0
        bounds: dict[bool, tuple[float, float]] = {}  # log x where the mean is too large, and where it is not
        while True:
            after = self.sums(tilt)
            # The inverse of the mean is nearly straight where the mean grows without bound, and 0 from there on.
            excess = 1 / wanted - (0.0 if after is None else 1 / self.mean(tilt, after))
            if after is not None and abs(excess) * wanted <= _TOLERANCE:
                return tilt, after
            bounds[excess > 0] = tilt, excess
            if len(bounds) == 1:
                step *= 2
                if step > _FURTHEST:
                    raise CompileError(f"a mean length of {wanted} is so far from what is even that it was not found")
                tilt += -step if excess > 0 else step
                continue
            (low, below), (high, above) = bounds[False], bounds[True]
            attempt += 1
            tilt = low + (high - low) * below / (below - above)
            if attempt % 3 == 0 or not low < tilt < high:
                tilt = (low + high) / 2
            if not low < tilt < high:  # neighbouring numbers
                found = self.sums(low)
                assert found is not None  # below the mean wanted, which is finite
                return low, found

    def sums(self, tilt: float) -> np.ndarray | None:
        """The logarithm of h in each state, where x = exp(tilt); None where it is infinite."""
        stop, ways, cost = self.stop, self.ways, self.cost
        after = [0.0] * len(ways)
        for part in self.parts:
            if isinstance(part, _Cycle):
                found = self._sums_of(part, tilt, after)
                if found is None:
                    return None
                for state, value in zip(part.states.tolist(), found, strict=True):
                    after[state] = value
                continue
            bonus, loop = cost[part] * tilt, 0.0
            terms = [stop[part]]
            for target, weight in ways[part]:
                if target != part:
                    terms.append(weight + bonus + after[target])
                elif weight + bonus < 0:
                    loop = exp(weight + bonus)
                else:
                    return None
            most = max(terms)
            after[part] = most + log(sum([exp(term - most) for term in terms])) - log1p(-loop)
        return np.array(after)

    def _sums_of(self, part: _Cycle, tilt: float, after: list[float]) -> list[float] | None:
        bonus = np.array(self.cost)[part.states] * tilt
        inside = part.weight + bonus[part.row]
        outside = part.weight_out + bonus[part.row_out] + np.array(after)[part.target]
        stop = np.array(self.stop)[part.states]
        scale = max(stop.max(), outside.max(initial=-inf))
        known = np.exp(stop - scale) + np.bincount(part.row_out, np.exp(outside - scale), len(stop))
        found = part.solved(np.exp(np.minimum(inside, _MOST)), known)
        # A component with x beyond what it bears has no positive solution.
        return None if found is None or not (found > 0).all() else (scale + np.log(found)).tolist()

    def mean(self, tilt: float, after: np.ndarray) -> float:
        """The mean length of the tilted distribution."""
        length = [0.0] * len(self.ways)
        follow = after.tolist()
        for part in self.parts:
            if isinstance(part, _Cycle):
                found = self._means_of(part, tilt, after, length)
                if found is None:
                    return inf
                for state, value in zip(part.states.tolist(), found, strict=True):
                    length[state] = value
                continue
            bonus, known, loop = self.cost[part] * tilt - follow[part], 0.0, 0.0
            for target, weight in self.ways[part]:
                share = exp(weight + bonus + follow[target])
                known += share * (self.cost[part] + length[target])
                loop += share if target == part else 0.0
            length[part] = known / (1 - loop)
        return length[0]

    def _means_of(self, part: _Cycle, tilt: float, after: np.ndarray, length: list[float]) -> list[float] | None:
        cost = np.array(self.cost)[part.states]
        bonus = cost * tilt - after[part.states]
        loops = np.exp(part.weight + bonus[part.row] + after[part.states][part.column])
        shares = np.exp(part.weight_out + bonus[part.row_out] + after[part.target])
        known = np.bincount(part.row, loops, len(cost)) * cost
        known += np.bincount(part.row_out, shares * (cost[part.row_out] + np.array(length)[part.target]), len(cost))
        found = part.solved(loops, known)
        return None if found is None else found.tolist()
