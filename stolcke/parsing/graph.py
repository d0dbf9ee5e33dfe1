"""A shared forest as a graph of sums of products, and what can be computed on any such graph.

A node stands for all derivations of one thing, such as a symbol with its place in the text, and has alternatives: a
weight times the derivations of at most two other nodes.  Where derivations are endless the graph has cycles; the
equations of a strongly connected component are then solved together, by Newton's method from 0, which comes to the
least solution and is done after one step where they are linear.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from math import exp, inf, log
from typing import NamedTuple

import numpy as np

from stolcke.errors import ParseError

__all__ = ["NO_NODE", "Alternative", "Graph"]

NO_NODE = -1

_STEPS = 200
"""Of Newton's method; each doubles the digits or, where the derivative vanishes at the solution, adds one in base 2."""


class Alternative(NamedTuple):
    """One way to derive a node: up to two nodes, from left to right, and a rule, or NO_NODE within one."""

    log_weight: float
    left: int
    right: int
    rule: int


RawAlternative = tuple[float, Hashable, Hashable, int]
"""The same with keys of nodes; None for no node."""


class Graph:
    """All that can be reached from one node.

    Parameters
    ----------
    root : hashable
        Its key.
    expand : callable
        Gives the alternatives of a node by its key; none where it has no derivation.

    Attributes
    ----------
    keys : list
        Of the nodes; the root is node 0.
    number : dict
        The node of each key.
    alternatives : list of list of Alternative
    components : list of list of int
        Nodes that lead to each other, each component after those it leads to.
    inside : list of float
        Logarithm of the sum of the weights of all derivations of each node.
    """

    def __init__(self, root: Hashable, expand: Callable[[Hashable], list[RawAlternative]]) -> None:
        self.keys: list[Hashable] = []
        self.number: dict[Hashable, int] = {}
        self.alternatives: list[list[Alternative]] = []
        self.components: list[list[int]] = []
        self._explore(root, expand)
        self.inside: list[float] = [0.0] * len(self.keys)
        for component in self.components:
            self._sum(component)

    def _explore(self, root: Hashable, expand: Callable[[Hashable], list[RawAlternative]]) -> None:
        """Number the nodes and find the components, with a stack of our own (Tarjan)."""
        number, keys = self.number, self.keys
        raw: list[list[RawAlternative]] = []
        lowest: list[int] = []
        open_nodes: list[int] = []
        is_open: list[bool] = []
        path: list[tuple[int, Iterator[Hashable]]] = []

        def enter(key: Hashable) -> None:
            node = number[key] = len(keys)
            keys.append(key)
            alternatives = expand(key)
            raw.append(alternatives)
            lowest.append(node)
            open_nodes.append(node)
            is_open.append(True)
            path.append((node, iter([part for a in alternatives for part in a[1:3] if part is not None])))

        enter(root)
        while path:
            node, parts = path[-1]
            for part in parts:
                other = number.get(part)
                if other is None:
                    enter(part)
                    break
                if is_open[other] and other < lowest[node]:
                    lowest[node] = other
            else:
                path.pop()
                if path and lowest[node] < lowest[path[-1][0]]:
                    lowest[path[-1][0]] = lowest[node]
                if lowest[node] == node:
                    members: list[int] = []
                    while not members or members[-1] != node:
                        members.append(open_nodes.pop())
                        is_open[members[-1]] = False
                    self.components.append(members)
        number[None] = NO_NODE
        self.alternatives = [[Alternative(w, number[x], number[y], rule) for w, x, y, rule in part] for part in raw]
        del number[None]

    def is_cyclic(self, component: list[int]) -> bool:
        """Whether a node of a component is a part of itself."""
        node = component[0]
        return len(component) > 1 or any(node in alternative[1:3] for alternative in self.alternatives[node])

    # --- sums ----------------------------------------------------------------------------------------------------

    def log_weight(self, alternative: Alternative) -> float:
        """Logarithm of the sum of the weights of all derivations by an alternative."""
        weight, left, right, _ = alternative
        if left >= 0:
            weight += self.inside[left]
        if right >= 0:
            weight += self.inside[right]
        return weight

    def _sum(self, component: list[int]) -> None:
        if self.is_cyclic(component):
            for node, value in zip(component, self._solve(component), strict=True):
                self.inside[node] = value
            return
        node = component[0]
        alternatives = self.alternatives[node]
        if len(alternatives) == 1:
            self.inside[node] = self.log_weight(alternatives[0])
            return
        terms = [self.log_weight(alternative) for alternative in alternatives]
        most = max(terms, default=-inf)
        self.inside[node] = most if most == -inf else most + log(sum([exp(term - most) for term in terms]))

    def _solve(self, component: list[int]) -> list[float]:
        """The least solution of the equations of a component, as logarithms.

        Raises
        ------
        ParseError
            Where there is none: the weights of longer and longer derivations add up to no number.
        """
        place = {node: i for i, node in enumerate(component)}
        constant: list[tuple[int, float]] = []
        linear: list[tuple[int, int, float]] = []
        square: list[tuple[int, int, int, float]] = []
        for node, i in place.items():
            for weight, left, right, _ in self.alternatives[node]:
                inner = []
                for part in (left, right):
                    if part in place:
                        inner.append(place[part])
                    elif part >= 0:
                        weight += self.inside[part]
                if not inner:
                    constant.append((i, weight))
                elif len(inner) == 1:
                    linear.append((i, inner[0], exp(weight)))
                else:
                    square.append((i, inner[0], inner[1], exp(weight)))
        # Linear equations may be about very small numbers, and any multiple of the constants will do.
        scale = max((weight for _, weight in constant), default=-inf)
        n = len(component)
        if scale == -inf:
            return [-inf] * n
        scale = 0.0 if square else scale
        known, matrix = np.zeros(n), np.zeros((n, n))
        for i, weight in constant:
            known[i] += exp(weight - scale)
        for i, j, weight in linear:
            matrix[i, j] += weight
        x = np.zeros(n)
        for _ in range(_STEPS):
            value, derivative = known + matrix @ x, matrix.copy()
            for i, j, k, weight in square:
                value[i] += weight * x[j] * x[k]
                derivative[i, j] += weight * x[k]
                derivative[i, k] += weight * x[j]
            if x.any() and (np.abs(value - x) <= 1e-15 * x).all():
                return [scale + log(v) if v else -inf for v in x.tolist()]
            try:
                x = x + np.linalg.solve(np.eye(n) - derivative, value - x)
            except np.linalg.LinAlgError:
                break
            if not np.isfinite(x).all() or (x < 0).any():
                break
        else:
            return [scale + log(v) if v else -inf for v in x.tolist()]
        raise ParseError(
            "the weights of the endless derivations of this text do not add up to a number; "
            "make those of rules that derive a nonterminal from itself less"
        )

    # --- shares --------------------------------------------------------------------------------------------------

    def shares(self, node: int) -> list[float]:
        """The probability of each alternative among all derivations of a node; float[alternatives]."""
        alternatives = self.alternatives[node]
        if len(alternatives) == 1:
            return [1.0]
        whole = self.inside[node]
        return [exp(self.log_weight(alternative) - whole) for alternative in alternatives]

    def uses(self) -> list[float]:
        """How often each node occurs in a derivation of the root, on average; float[nodes]."""
        found = [0.0] * len(self.keys)
        found[0] = 1.0
        for component in reversed(self.components):
            if self.is_cyclic(component):
                matrix = self._transitions(component)
                values = np.linalg.solve(np.eye(len(component)) - matrix.T, [found[node] for node in component])
                for node, value in zip(component, values.tolist(), strict=True):
                    found[node] = value
            inner = set(component)
            for node in component:
                for share, alternative in zip(self.shares(node), self.alternatives[node], strict=True):
                    for part in alternative[1:3]:
                        if part >= 0 and part not in inner:
                            found[part] += found[node] * share
        return found

    def entropy(self) -> float:
        """Entropy of a derivation of the root, in nats."""
        found = [0.0] * len(self.keys)
        for component in self.components:
            inner = set(component)
            own = []
            for node in component:
                total = 0.0
                if len(self.alternatives[node]) > 1 or len(component) > 1:
                    for share, alternative in zip(self.shares(node), self.alternatives[node], strict=True):
                        rest = sum(found[part] for part in alternative[1:3] if part >= 0 and part not in inner)
                        total += share * (rest - log(share)) if share > 0 else 0.0
                else:
                    total = sum(found[part] for part in self.alternatives[node][0][1:3] if part >= 0)
                own.append(total)
            if self.is_cyclic(component):
                own = np.linalg.solve(np.eye(len(component)) - self._transitions(component), own).tolist()
            for node, value in zip(component, own, strict=True):
                found[node] = value
        return float(found[0])

    def _transitions(self, component: list[int]) -> np.ndarray:
        """How often each node of a component is a part of each, on average."""
        place = {node: i for i, node in enumerate(component)}
        matrix = np.zeros((len(component), len(component)))
        for node, i in place.items():
            for share, alternative in zip(self.shares(node), self.alternatives[node], strict=True):
                for part in alternative[1:3]:
                    if part in place:
                        matrix[i, place[part]] += share
        return matrix

    def count(self) -> int | float:
        """Number of derivations of the root; infinite where there is a cycle."""
        found: list[int | float] = [0] * len(self.keys)
        for component in self.components:
            if self.is_cyclic(component):
                for node in component:
                    found[node] = inf
                continue
            total: int | float = 0
            for _, left, right, _ in self.alternatives[component[0]]:
                total += (found[left] if left >= 0 else 1) * (found[right] if right >= 0 else 1)
            found[component[0]] = total
        return found[0]
