"""Single derivations of a forest: the best ones, in order, and such as chance brings."""

from __future__ import annotations

from bisect import bisect
from heapq import heapify, heappop, heappush
from itertools import accumulate
from math import inf

import numpy as np

from stolcke.errors import ParseError
from stolcke.parsing.graph import Alternative, Graph

__all__ = ["BestFirst", "Sampler"]

Choice = tuple[Alternative, int, int]
"""An alternative, and which of their derivations its two parts take."""

_Candidate = tuple[float, int, int, int]
"""Negative score, number of the alternative, ranks of the two parts."""


class BestFirst:
    """The derivations of every node of a graph from the best on, found as far as they are asked for.

    The next derivation of a node is the best of its candidates: those that differ from one already found by the next
    derivation of one part (Huang and Chiang 2005, their third algorithm).  It ends in spite of cycles: a derivation is
    a candidate of its node only after all those of the same node that it contains have been found.

    Parameters
    ----------
    graph : Graph

    Raises
    ------
    ParseError
        Where no derivation is the best: a cycle has a weight above one.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._best = [-inf] * len(graph.keys)
        self._first = [0] * len(graph.keys)
        for component in graph.components:
            self._settle(component)
        # Of each node: what was found, in order; what may come next; which candidates there have been.
        self._found: list[list[_Candidate]] = [
            [(-self._best[node], self._first[node], 0, 0)] for node in range(len(graph.keys))
        ]
        self._next: list[list[_Candidate] | None] = [None] * len(graph.keys)
        self._seen: list[set[tuple[int, int, int]]] = [set() for _ in graph.keys]
        self._spread = [0] * len(graph.keys)

    def _settle(self, component: list[int]) -> None:
        """Find the best derivation of each node of a component; it contains no node twice."""
        best, alternatives = self._best, self._graph.alternatives
        rounds = len(component) + 1 if self._graph.is_cyclic(component) else 1
        for _ in range(rounds):
            changed = False
            for node in component:
                for i, (weight, left, right, _) in enumerate(alternatives[node]):
                    score = weight + (best[left] if left >= 0 else 0.0) + (best[right] if right >= 0 else 0.0)
                    if score > best[node] and not (rounds > 1 and score - best[node] < 1e-12):
                        best[node], self._first[node], changed = score, i, True
            if not changed:
                return
        if rounds > 1:
            raise ParseError("no derivation of this text is the best: going in circles makes it ever more probable")

    def choice(self, node: int, rank: int) -> Choice:
        """How a node's derivation of a rank, counted from 0 and already found, begins."""
        _, number, left, right = self._found[node][rank]
        return self._graph.alternatives[node][number], left, right

    def score(self, rank: int) -> float:
        """Logarithm of the weight of the root's derivation of a rank that has been found."""
        return -self._found[0][rank][0]

    def find(self, rank: int) -> bool:
        """Find the root's derivations up to a rank; whether there are as many."""
        return all(self._has(0, earlier) for earlier in range(len(self._found[0]), rank + 1))

    def _has(self, node: int, rank: int) -> bool:
        """Find the derivation of a rank, one more than those that are known; with a stack of our own."""
        stack = [(node, rank)]
        while stack:
            node, rank = stack[-1]
            wanted = self._advance(node) if len(self._found[node]) <= rank else None
            if wanted is None:
                stack.pop()
            else:
                stack.append(wanted)
        return len(self._found[node]) > rank

    def _advance(self, node: int) -> tuple[int, int] | None:
        """Find one more derivation of a node, if there is one; or name a part's derivation that is needed first."""
        found = self._found[node]
        heap = self._next[node]
        if heap is None:
            heap = self._next[node] = [
                self._candidate(node, i, 0, 0)
                for i in range(len(self._graph.alternatives[node]))
                if i != self._first[node]
            ]
            heapify(heap)
        if self._spread[node] < len(found):
            _, i, left_rank, right_rank = found[-1]
            _, left, right, _ = self._graph.alternatives[node][i]
            for part, rank in ((left, left_rank + 1), (right, right_rank + 1)):
                if part >= 0 and len(self._found[part]) <= rank and not self._is_exhausted(part):
                    return part, rank
            if left >= 0 and len(self._found[left]) > left_rank + 1:
                self._push(node, heap, i, left_rank + 1, right_rank)
            if right >= 0 and len(self._found[right]) > right_rank + 1:
                self._push(node, heap, i, left_rank, right_rank + 1)
            self._spread[node] = len(found)
        if heap:
            found.append(heappop(heap))
        return None

    def _is_exhausted(self, node: int) -> bool:
        """Whether nothing can follow what has been found of a node."""
        heap = self._next[node]
        if heap is None:
            return len(self._graph.alternatives[node]) == 1 and max(self._graph.alternatives[node][0][1:3]) < 0
        return not heap and self._spread[node] == len(self._found[node])

    def _push(self, node: int, heap: list[_Candidate], number: int, left: int, right: int) -> None:
        if (number, left, right) not in self._seen[node]:
            self._seen[node].add((number, left, right))
            heappush(heap, self._candidate(node, number, left, right))

    def _candidate(self, node: int, number: int, left_rank: int, right_rank: int) -> _Candidate:
        weight, left, right, _ = self._graph.alternatives[node][number]
        score = -weight
        if left >= 0:
            score += self._found[left][left_rank][0]
        if right >= 0:
            score += self._found[right][right_rank][0]
        return score, number, left_rank, right_rank


class Sampler:
    """Derivations of the root, each as often as its share of the whole.

    Parameters
    ----------
    graph : Graph
    rng : numpy.random.Generator
    """

    def __init__(self, graph: Graph, rng: np.random.Generator) -> None:
        self._graph = graph
        self._rng = rng
        self._steps: dict[int, list[float]] = {}
        self.score = 0.0
        """Logarithm of the weight of what was chosen since this was last set to 0."""

    def choice(self, node: int, rank: int) -> Choice:
        """Choose an alternative of a node; ranks mean nothing here."""
        alternatives = self._graph.alternatives[node]
        chosen = alternatives[0]
        if len(alternatives) > 1:
            steps = self._steps.get(node)
            if steps is None:
                steps = self._steps[node] = list(accumulate(self._graph.shares(node)))
            chosen = alternatives[min(bisect(steps, self._rng.random() * steps[-1]), len(alternatives) - 1)]
        self.score += chosen.log_weight
        return chosen, 0, 0
