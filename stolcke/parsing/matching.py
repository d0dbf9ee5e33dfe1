"""How probable a tree is: the sum over all derivations that it stands for.

Trees say less than derivations: nothing of what is ignored, left out or inlined.  Those derivations of a forest that
make a tree are a forest again, whose nodes are pairs: a node, and the children of a tree that come from it.
"""

from __future__ import annotations

from bisect import bisect_left

from lark import Token, Tree

from stolcke.parsing.graph import NO_NODE, Alternative, Graph, RawAlternative
from stolcke.parsing.places import Places
from stolcke.parsing.tables import Tables
from stolcke.parsing.trees import Shapes

__all__ = ["log_weight_of"]

Key = tuple[int, int, int, int, bool]
"""A node; a tree, the range of its children that come from the node, and whether tokens are kept there."""

_TOP = 0


def log_weight_of(tree: Tree | Token, graph: Graph, tables: Tables, shapes: Shapes, places: Places) -> float:
    """Logarithm of the sum of the weights of all derivations that a tree stands for; -inf where there is none."""
    matching = _Matching(tree, graph, tables, shapes, places)
    return Graph((0, _TOP, 0, 1, False), matching.expand).inside[0]


class _Matching:
    def __init__(self, tree: Tree | Token, graph: Graph, tables: Tables, shapes: Shapes, places: Places) -> None:
        self._graph = graph
        self._tables = tables
        self._shapes = shapes
        self._places = places
        self._children: list[list] = [[tree]]
        self._number: dict[int, int] = {}
        waiting = [tree]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Tree) and id(one) not in self._number:
                self._number[id(one)] = len(self._children)
                self._children.append(one.children)
                waiting += one.children
        self._starts = self._find_starts()

    def _find_starts(self) -> list[list[tuple[int, int]]]:
        """For each tree, where its children begin, as (position, number of the child), as far as tokens say it."""
        first: list[int | None] = [None] * len(self._children)
        found: list[list[tuple[int, int]]] = [[] for _ in self._children]
        for number in reversed(range(len(self._children))):  # those within a tree have greater numbers
            for i, child in enumerate(self._children[number]):
                start = first[self._number[id(child)]] if isinstance(child, Tree) else getattr(child, "start_pos", None)
                if start is not None:
                    found[number].append((start, i))
            first[number] = found[number][0][0] if found[number] else None
        return found

    def expand(self, key: Key) -> list[RawAlternative]:
        """The ways in which a node makes some children of a tree."""
        node, tree, begin, end, keeps = key
        graph, tables = self._graph, self._tables
        symbol = graph.keys[node][0]
        if symbol < 0:
            return [part for one in graph.alternatives[node] for part in self._parts(one, tree, begin, end, keeps)]
        if symbol in tables.silent:
            return [(graph.inside[node], None, None, NO_NODE)] if begin == end else []
        if symbol < tables.n_terminals:
            made = self._makes_token(node, keeps, self._children[tree][begin:end])
            return [(graph.inside[node], None, None, NO_NODE)] if made else []
        found: list[RawAlternative] = []
        for alternative in graph.alternatives[node]:
            shape = self._shapes.of(tables, symbol, alternative.rule)
            if shape.is_inlined and not (tree == _TOP and symbol == tables.root):
                found += self._parts(alternative, tree, begin, end, shape.keeps_tokens)
                continue
            if end - begin != 1:
                continue
            if shape.expands_single_child:
                found += self._parts(alternative, tree, begin, end, shape.keeps_tokens)
            child = self._children[tree][begin]
            if isinstance(child, Tree) and child.data == shape.name:
                n = len(child.children)
                if not (shape.expands_single_child and n == 1):
                    found += self._parts(alternative, self._number[id(child)], 0, n, shape.keeps_tokens)
        return found

    def _makes_token(self, node: int, keeps: bool, children: list) -> bool:
        symbol, begin, end = self._graph.keys[node]
        if self._shapes.left_out[symbol] and not keeps:
            return not children
        if len(children) != 1 or not isinstance(children[0], Token):
            return False
        token = children[0]
        same = token.type == self._tables.names[symbol] and token == self._places.text(begin, end)
        return same and token.start_pos in (None, self._places.position(begin))

    def _parts(self, alternative: Alternative, tree: int, begin: int, end: int, keeps: bool) -> list[RawAlternative]:
        """The ways to give some children of a tree to the parts of an alternative."""
        weight, left, right, _ = alternative
        if right < 0:
            return [(weight, None, None, NO_NODE)] if begin == end else []
        if left < 0:
            return [(weight, None, (right, tree, begin, end, keeps), NO_NODE)]
        # Children that begin before the right part belong to the left one.
        starts = self._starts[tree]
        at = bisect_left(starts, (self._places.position(self._graph.keys[right][1]), -1))
        least = max(begin, starts[at - 1][1] + 1 if at else 0)
        most = min(end, starts[at][1] if at < len(starts) else end)
        return [
            (weight, (left, tree, begin, i, keeps), (right, tree, i, end, keeps), NO_NODE)
            for i in range(least, most + 1)
        ]
