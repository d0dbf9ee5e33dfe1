"""Sets of characters: Python's character classes and case folding, and their UTF-8 encodings.

A set of code points is a tuple of bounds ``(low, end, low, end, ...)``, sorted,
each pair half open, no two adjoining.  Its UTF-8 encodings are a small
deterministic byte automaton, a *fragment*, with equal tails shared: arrays
``(offsets, low, high, target, final)`` as :func:`stolcke._core.dfa.determinize`
takes them, state 0 the start.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from re import _casefix, _compiler, _parser  # type: ignore[attr-defined]

import numpy as np

__all__ = ["ANY", "NOTHING", "Bounds", "Fragment", "category", "complement", "fold", "intersect", "union", "utf8"]

Bounds = tuple[int, ...]
Fragment = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]

NOTHING: Bounds = ()
ANY: Bounds = (0, 0x110000)
_ENCODABLE: Bounds = (0, 0xD800, 0xE000, 0x110000)
_SURROGATES_AS_TEXT = "surrogatepass"

# Unicode has no letters, digits or spaces from here on: the planes beyond hold
# tags, variation selectors and private use.  Scanning them would take most of
# the time; a test does.
_CLASSES_END = 0x40000


def union(sets: Iterable[Bounds]) -> Bounds:
    """Collect the code points that are in any of the sets."""
    pairs = sorted((bounds[i], bounds[i + 1]) for bounds in sets for i in range(0, len(bounds), 2))
    merged: list[int] = []
    for low, end in pairs:
        if merged and low <= merged[-1]:
            merged[-1] = max(merged[-1], end)
        else:
            merged += (low, end)
    return tuple(merged)


def complement(bounds: Bounds) -> Bounds:
    """Collect the code points that are not in the set."""
    inside = (0, *bounds, 0x110000)
    if len(inside) > 2 and inside[0] == inside[1]:
        inside = inside[2:]
    if inside and inside[-2] == inside[-1]:
        inside = inside[:-2]
    return inside


def intersect(a: Bounds, b: Bounds) -> Bounds:
    """Collect the code points that are in both sets."""
    common: list[int] = []
    if len(a) > len(b):
        a, b = b, a
    i = 0
    j = max(0, bisect_right(b, a[0]) // 2 * 2 - 2) if a else 0
    while i < len(a) and j < len(b):
        low, end = max(a[i], b[j]), min(a[i + 1], b[j + 1])
        if low < end:
            common += (low, end)
        if a[i + 1] <= b[j + 1]:
            i += 2
        else:
            j += 2
    return tuple(common)


def _characters(low: int, end: int) -> str:
    """List every character from ``low`` to below ``end``, in order."""
    return np.arange(low, end, dtype="<u4").tobytes().decode("utf-32-le", _SURROGATES_AS_TEXT)


@lru_cache(maxsize=8)
def category(letter: str, ascii_only: bool) -> Bounds:
    r"""Find the set that ``\d``, ``\w`` or ``\s`` stands for by asking :mod:`re`."""
    runs = re.compile(rf"\{letter}+", re.ASCII if ascii_only else 0)
    text = _characters(0, 0x80 if ascii_only else _CLASSES_END)
    return tuple(bound for match in runs.finditer(text) for bound in match.span())


@lru_cache(maxsize=1)
def _cased() -> tuple[str, Bounds]:
    """List every character that has another case, or that Python's folding names; and the set of all others."""
    found = {code for item in _casefix._EXTRA_CASES.items() for code in (item[0], *item[1])}
    for low in range(0, _CLASSES_END, 256):
        block = _characters(low, low + 256)
        if block.lower() != block or block.upper() != block:
            found.update(ord(c) for c in block if c.lower() != c or c.upper() != c)
    cased = "".join(map(chr, sorted(found)))
    return cased, complement(_of_text(cased))


def _of_text(text: str) -> Bounds:
    return union((ord(c), ord(c) + 1) for c in text)


@lru_cache(maxsize=4096)
def fold(bounds: Bounds, item: tuple, flags: int) -> Bounds:
    """Widen a set to what :mod:`re` matches when it ignores case.

    :mod:`re` itself is asked about each cased character, since its folding is
    not a closure that could be stated in a line: ``k`` takes U+212A, ``[k]``
    too, and some characters outside the basic plane only as themselves.

    Parameters
    ----------
    bounds : Bounds
        What the item matches with regard to case.
    item : tuple
        The item, (operator, argument) as of ``re._parser``, lists as tuples.
    flags : int
        Flags in force, IGNORECASE among them.
    """
    operator, argument = item
    state = _parser.State()
    state.flags = flags
    parsed = _parser.SubPattern(state, [(operator, list(argument) if isinstance(argument, tuple) else argument)])
    cased, uncased = _cased()
    taken = "".join(_compiler.compile(parsed, flags).findall(cased))
    return union((intersect(bounds, uncased), _of_text(taken)))


class _Encoder:
    """Builds the fragment of one set; blocks of equal content become one state."""

    def __init__(self) -> None:
        self.states: dict[tuple, int] = {}
        self.done = 1
        self.full = [1]  # by depth: the state before any `depth` continuation bytes
        self.edges: list[tuple] = [(), ()]
        for depth in range(1, 4):
            self.full.append(self.state(((0x80, 0xBF, self.full[depth - 1]),)))

    def state(self, edges: tuple) -> int:
        number = self.states.get(edges)
        if number is None:
            number = self.states[edges] = len(self.edges)
            self.edges.append(edges)
        return number

    def block(self, ranges: list[tuple[int, int]], depth: int) -> int:
        """Give the state before the ``depth`` continuation bytes that encode ``ranges``, offsets into the block."""
        if depth == 1:
            return self.state(tuple((0x80 + low, 0x7F + end, 1) for low, end in ranges))
        return self.state(tuple(self.children(ranges, depth, 0x80)))

    def children(self, ranges: list[tuple[int, int]], depth: int, first: int) -> list[tuple[int, int, int]]:
        """Edges by the leading digit to the base 64; ``first`` is the byte of digit 0."""
        shift = 6 * (depth - 1)
        size = 1 << shift
        edges: list[tuple[int, int, int]] = []
        digit = -1
        partial: list[tuple[int, int]] = []

        def add(low: int, high: int, state: int) -> None:
            if edges and edges[-1][2] == state and edges[-1][1] == first + low - 1:
                edges[-1] = (edges[-1][0], first + high, state)
            else:
                edges.append((first + low, first + high, state))

        for low, end in ranges:
            while low < end:
                here = low >> shift
                base = here << shift
                if here != digit:
                    if partial:
                        add(digit, digit, self.block(partial, depth - 1))
                        partial = []
                    digit = here
                if low == base and end - base >= size:
                    whole = (end - base) >> shift
                    add(here, here + whole - 1, self.full[depth - 1])
                    low = base + (whole << shift)
                else:
                    stop = min(end, base + size)
                    partial.append((low - base, stop - base))
                    low = stop
        if partial:
            add(digit, digit, self.block(partial, depth - 1))
        return edges


# (first code point, end, continuation bytes, lead byte of digit 0)
_LENGTHS = ((0x80, 0x800, 1, 0xC0), (0x800, 0x10000, 2, 0xE0), (0x10000, 0x110000, 3, 0xF0))


@lru_cache(maxsize=2048)
def utf8(bounds: Bounds) -> Fragment:
    """Encode a set of code points in UTF-8; surrogates have no encoding."""
    encoder = _Encoder()
    bounds = intersect(bounds, _ENCODABLE)
    short = intersect(bounds, (0, 0x80))
    start = [(short[i], short[i + 1] - 1, encoder.done) for i in range(0, len(short), 2)]
    for low, end, depth, lead in _LENGTHS:
        part = intersect(bounds, (low, end))
        ranges = [(part[i], part[i + 1]) for i in range(0, len(part), 2)]
        start += encoder.children(ranges, depth + 1, lead)
    edges = [tuple(start), *encoder.edges[1:]]
    # Only what the start reaches: full blocks are made in advance.
    order, number = [0], {0: 0}
    for state in order:
        for _, _, target in edges[state]:
            if target not in number:
                number[target] = len(order)
                order.append(target)
    offsets = [0]
    for state in order:
        offsets.append(offsets[-1] + len(edges[state]))
    kept = [edge for state in order for edge in edges[state]]
    return (
        np.array(offsets, np.int32),
        np.array([low for low, _, _ in kept], np.uint8),
        np.array([high for _, high, _ in kept], np.uint8),
        np.array([number[target] for _, _, target in kept], np.int32),
        np.array([state == encoder.done for state in order], np.uint8),
    )
