"""From a regular expression of ECMA-262 to the language of the texts that contain a match of it.

Assertions are a matter of :mod:`stolcke.lexer.lookaround`.  Automata here read
*classes* of characters, which no set of the expression tells apart, so that a
``\\p{L}`` costs no more than a ``\\d``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from stolcke._core.languages import CharacterDfa
from stolcke.errors import LimitExceeded
from stolcke.frontends.json_schema.ecma_syntax import Tree, parse_ecma
from stolcke.grammar.patterns import Choice, Sequence
from stolcke.lexer.classes import Alphabet, Arrays
from stolcke.lexer.language import Language
from stolcke.lexer.lookaround import EVERYTHING, REST, Assertions, Product, n_outputs
from stolcke.lexer.regex_syntax import END, START
from stolcke.options import Limits

__all__ = ["pattern_language"]


@lru_cache(maxsize=4096)
def pattern_language(source: str, limits: Limits = Limits()) -> Language:
    r"""Give the language of the texts in which an expression matches somewhere.

    Parameters
    ----------
    source : str
        An expression of ECMA-262, read as :mod:`.ecma_syntax` says.
    limits : Limits
        ``regex_states``, ``repeat``, ``nesting`` and ``alternatives`` are met
        here.

    Returns
    -------
    Language

    Raises
    ------
    RegexError
        With the position of what is malformed, or of a backreference.
    LimitExceeded
    """
    try:
        tree = _anywhere(parse_ecma(source, limits))
        alphabet = Alphabet(tree, n_outputs(tree))
        assertions = Assertions(tree, alphabet, limits)
        arrays = assertions.determinize(Product(assertions, tree), assertions.beginning(tree))
        return _language(alphabet, arrays)
    except RecursionError:
        raise LimitExceeded("nesting", "more than the stack holds", limits.nesting, "regular expression") from None


def _anywhere(tree: Tree) -> Tree:
    """Let anything stand before and behind, but where a branch begins with ``^`` or ends with ``$``."""
    branches: dict[tuple[bool, bool], list[Tree]] = {}
    for parts in _branches(tree):
        begins, ends = parts[:1] == (START,), parts[-1:] == (END,)
        branches.setdefault((begins, ends), []).append(Sequence(parts[begins : len(parts) - ends]))
    return Choice(
        tuple(
            Sequence((*(() if begins else (EVERYTHING,)), Choice(tuple(group)), *(() if ends else (REST,))))
            for (begins, ends), group in branches.items()
        )
    )


def _branches(tree: Tree) -> Iterator[tuple[Tree, ...]]:
    """The parts of each branch."""
    if isinstance(tree, Choice):
        for part in tree.parts:
            yield from _branches(part)
    else:
        yield tree.parts if isinstance(tree, Sequence) else (tree,)


def _language(alphabet: Alphabet, arrays: Arrays) -> Language:
    """Put the characters back in place of their classes."""
    offsets, low, high, target, accepting = arrays
    if alphabet.width == 2:
        rows = alphabet.rows(arrays)
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        low = high = np.array([member for row in rows for member in row], np.int32)
        target = np.array([state for row in rows for state in row.values()], np.int32)
    ranges = low.astype(np.int32), high.astype(np.int32)
    return Language(CharacterDfa.of_classes(alphabet.classes, offsets, *ranges, target, accepting))
