"""What a drawing of a forest shows."""

from __future__ import annotations

from stolcke.parsing.drawing import Mark, Picture, shown
from stolcke.parsing.graph import Alternative, Graph
from stolcke.parsing.places import Places
from stolcke.parsing.tables import Tables

__all__ = ["forest_picture"]


def forest_picture(
    graph: Graph, uses: list[float], tables: Tables, places: Places, least: float, title: str
) -> Picture:
    """The picture of a forest: each symbol once for each part of the text, and a point for each of several ways.

    Parameters
    ----------
    graph : Graph
    uses : list of float
        How often each node occurs in a derivation; what does less often than ``least`` is left out, as are texts that
        are ignored.
    """
    return Picture(title, _Drawer(graph, uses, tables, places, least).marks())


class _Drawer:
    def __init__(self, graph: Graph, uses: list[float], tables: Tables, places: Places, least: float) -> None:
        self._graph = graph
        self._uses = uses
        self._tables = tables
        self._places = places
        self._least = least

    def marks(self) -> list[Mark]:
        """All marks, the root first and the others from left to right."""
        root = self._root()
        found = {root: self._mark(root)}
        links: list[tuple[Mark, Mark]] = []
        order: list[tuple[int, int, Mark]] = []
        waiting = [root]
        while waiting:
            node = waiting.pop()
            mark = found[node]
            _, begin, end = self._graph.keys[node]
            order.append((begin, -end, mark))
            ways = self._ways(node)
            for share, alternative in ways:
                above = mark
                if len(ways) > 1:
                    above = Mark("", f"{share:.3g}", "way")
                    order.append((begin, -end, above))
                    links.append((mark, above))
                for part in self._parts(alternative):
                    if part not in found:
                        found[part] = self._mark(part)
                        waiting.append(part)
                    links.append((above, found[part]))
        order.sort(key=lambda place: place[:2])
        marks = [mark for _, _, mark in order]
        number = {id(mark): i for i, mark in enumerate(marks)}
        for above, below in links:
            above.parts.append(number[id(below)])
        return marks

    def _root(self) -> int:
        """The node of the grammar's start, unless ignored text may end in several places."""
        tables = self._tables
        ways = self._ways(0)
        parts = self._parts(ways[0][1])
        return parts[0] if tables.start != tables.root and len(ways) == len(parts) == 1 else 0

    def _mark(self, node: int) -> Mark:
        symbol, begin, end = self._graph.keys[node]
        if symbol < 0:
            return Mark("", kind="way")
        name, text = self._tables.names[symbol], shown(self._places.text(begin, end))
        used = self._uses[node]
        share = "" if abs(used - 1) < 1e-12 else f"{used:.3g}"
        if symbol < self._tables.n_terminals:
            return Mark(text, f"{name} {share}".rstrip(), "token")
        return Mark(name, " ".join(filter(None, [text, share])))

    def _ways(self, node: int) -> list[tuple[float, Alternative]]:
        """The alternatives that are drawn, with their shares."""
        used = self._uses[node]
        pairs = list(zip(self._graph.shares(node), self._graph.alternatives[node], strict=True))
        return [pair for pair in pairs if pair[0] * used >= self._least] or [max(pairs)]

    def _parts(self, alternative: Alternative) -> list[int]:
        """The nodes below a way, from left to right; beginnings of rules with a single way are passed through."""
        keys, found = self._graph.keys, []
        _, left, right, _ = alternative
        while True:
            if right >= 0 and keys[right][0] not in self._tables.silent:
                found.append(right)
            if left < 0:
                break
            if keys[left][0] >= 0:
                if keys[left][0] not in self._tables.silent:
                    found.append(left)
                break
            ways = self._ways(left)
            if len(ways) > 1:
                found.append(left)
                break
            _, left, right, _ = ways[0][1]
        return found[::-1]
