"""Classes of characters that an expression does not tell apart, and automata that read them.

They make an automaton over characters small, whatever its sets: a ``\\w`` costs
no more than a ``[0-9]``.  Such an automaton reads a class as a *letter*, one
byte or two.  Beside the classes there are letters for what is no character.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from stolcke.grammar.patterns import Choice, Repeat, Sequence
from stolcke.lexer import charsets, nfa
from stolcke.lexer.charsets import Bounds, Fragment
from stolcke.lexer.regex_syntax import NEWLINE, Characters, FinalEnd, LazyRepeat, Look, Node

__all__ = ["FINAL", "Alphabet", "Arrays", "Table", "leaves"]

Arrays = tuple[np.ndarray, ...]  # of an automaton over bytes, as of stolcke.lexer.Automaton

_SCALARS: Bounds = (0, 0xD800, 0xE000, 0x110000)
# A letter that comes last, and its byte, which no other letter has.
FINAL = -1
_FINAL_BYTE = 255


def leaves(tree: Node | FinalEnd) -> Iterator[Characters | Look | FinalEnd]:
    """Each Characters, Look and FinalEnd of a tree; what is inside of a Look comes behind it."""
    waiting = [tree]
    for part in waiting:
        if isinstance(part, Sequence | Choice):
            waiting += part.parts
        elif isinstance(part, Repeat | LazyRepeat | Look):
            waiting.append(part.part)
        if isinstance(part, Characters | Look | FinalEnd):
            yield part


class Alphabet:
    """The letters of a tree: its classes of characters, numbered by their first characters, and then others.

    Parameters
    ----------
    tree : Node
        Of Characters, Sequence, Choice, Repeat, LazyRepeat and Look.
    outputs : int
        How many letters there are to be beside the named ones.

    Attributes
    ----------
    classes : list of Bounds
    members : dict
        By set of the tree: the classes that make it up.
    close, open, end : int
        Letters that stand where a match ends, where it begins, and where the text ends.
    first_output : int
    """

    def __init__(self, tree: Node, outputs: int = 0) -> None:
        read = [leaf for leaf in leaves(tree) if not isinstance(leaf, Look)]
        sets = list({charsets.ANY: 0} | {leaf.bounds if isinstance(leaf, Characters) else NEWLINE: 0 for leaf in read})
        flips = dict.fromkeys(_SCALARS, 0)  # by code point: the sets that begin or end there, as bits
        for number, bounds in enumerate(sets):
            for bound in charsets.intersect(bounds, _SCALARS):
                flips[bound] = flips.get(bound, 0) ^ 1 << number
        ranges: dict[int, list[int]] = {}  # by the sets that hold them, as bits
        inside = 0
        for low, end in pairwise(sorted(flips)):
            inside ^= flips[low]
            if low != _SCALARS[1]:
                ranges.setdefault(inside, []).extend((low, end))
        self.classes = [charsets.union([tuple(pairs)]) for pairs in ranges.values()]
        self.members = {
            bounds: tuple(member for member, held in enumerate(ranges) if held >> number & 1)
            for number, bounds in enumerate(sets)
        }
        n = len(self.classes)
        self.close, self.open, self.end, self.first_output = n, n + 1, n + 2, n + 3
        self.outputs = outputs
        self.width = 1 if self.first_output + outputs <= _FINAL_BYTE else 2

    def fragment(self, letters: tuple[int, ...]) -> Fragment:
        """Make the automaton that reads any one of some letters."""
        return nfa.words([self._bytes(letter) for letter in letters])

    def _bytes(self, letter: int) -> bytes:
        if letter == FINAL:
            return bytes([_FINAL_BYTE])
        return bytes([letter] if self.width == 1 else divmod(letter, _FINAL_BYTE))

    def ends(self, arrays: Arrays) -> Arrays:
        """Accept nothing but what the letter FINAL leads to."""
        offsets, low, high, target, accepting = arrays
        is_last = np.zeros(len(accepting), np.uint8)
        is_last[target[high == _FINAL_BYTE]] = 1
        return offsets, low, high, target, accepting & is_last

    def rows(self, arrays: Arrays) -> list[dict[int, int]]:
        """By state of an automaton over these bytes: the target of each letter but FINAL that leads anywhere.

        States between the two bytes of a letter have nothing, and nothing leads to them.
        """
        offsets, low, high, target, _ = (array.tolist() for array in arrays)
        rows: list[dict[int, int]] = []
        for begin, end in pairwise(offsets):
            rows.append({byte: target[e] for e in range(begin, end) for byte in range(low[e], high[e] + 1)})
            rows[-1].pop(_FINAL_BYTE, None)
        if self.width == 1:
            return rows
        pairs: list[dict[int, int]] = [{} for _ in rows]
        reached = dict.fromkeys([0] if rows else [])
        waiting = list(reached)
        for state in waiting:
            for first, middle in rows[state].items():
                pairs[state] |= {first * _FINAL_BYTE + second: end for second, end in rows[middle].items()}
            new = dict.fromkeys(end for end in pairs[state].values() if end not in reached)
            reached |= new
            waiting += new
        return pairs


class Table:
    """A deterministic automaton over letters, to be followed state by state; -1 is the state without a way.

    Parameters
    ----------
    rows : list of dict
        By state, the target of each letter.
    accepting : sequence of int
    alphabet : Alphabet
    reads_close : bool
        Whether CLOSE is a letter like others; else it is passed over.
    """

    def __init__(self, rows: list[dict[int, int]], accepting, alphabet: Alphabet, reads_close: bool) -> None:
        self.rows = rows
        self.accepting = [*accepting, 0]
        self.start = 0 if rows else -1
        self.passed_over = -1 if reads_close else alphabet.close
        n_letters = len(alphabet.classes) + reads_close
        # Accepts all that may come; the automaton is minimal, hence there is at most one.
        self.certain = next(
            (
                state
                for state, row in enumerate(rows)
                if self.accepting[state] and len(row) == n_letters and set(row.values()) == {state}
            ),
            None,
        )

    def step(self, state: int, letter: int) -> int:
        """Find the state that a letter leads to."""
        if letter == self.passed_over or state < 0:
            return state
        return self.rows[state].get(letter, -1)

    def certainty(self, state: int) -> bool | None:
        """Whether the automaton will accept, where that does not depend on what follows."""
        return False if state < 0 else True if state == self.certain else None
