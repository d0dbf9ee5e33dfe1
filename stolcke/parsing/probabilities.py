"""Weights of a parser's rules made probabilities, as those of compiled grammars are."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log

import numpy as np

from stolcke.parsing.tables import Tables
from stolcke.weights import proper_weights

__all__ = ["make_proper"]


@dataclass(frozen=True)
class _Arrays:
    """The rules of a parser as :func:`stolcke.weights.proper_weights` reads them; the start is nonterminal 0."""

    n_terminals: int
    nonterminals: tuple[str, ...]
    n_nonterminals: int
    lhs: np.ndarray
    rhs_offsets: np.ndarray
    rhs: np.ndarray
    weights: np.ndarray
    tally: np.ndarray
    entry_offsets: np.ndarray
    entry: np.ndarray
    entry_flags: np.ndarray
    separator_offsets: np.ndarray
    separator: np.ndarray
    tally_bounds: np.ndarray
    raw_weights: bool = False


def make_proper(tables: Tables) -> None:
    """Reweight the rules of the tables, so that all finite derivations of each nonterminal add up to one.

    Raises
    ------
    WeightsError
        Where all texts together weigh nothing.

    Warns
    -----
    InconsistentGrammarWarning
        Where they did not add up before.
    """
    found = proper_weights(_arrays(tables)).rule_probabilities[: len(tables.log_weight)].tolist()
    # No rule of probability 0 is here: what derives no text has been left out.
    tables.log_weight[:] = [log(p) for p in found]


def _arrays(tables: Tables) -> _Arrays:
    tallies = tables.tallies()
    strings = [(tables.lhs[rule], tables.right_hand_side(rule)) for rule in range(len(tables.lhs))]
    weights = [exp(weight) for weight in tables.log_weight]
    names = list(tables.names)
    entries: list[list[int]] = []
    separators: list[tuple[int, ...]] = []
    flags: list[int] = []
    bounds: list[int] = []
    for nonterminal, states, separator in tallies:
        entries.append([])
        separators.append(separator)
        for i in states.usable:
            one = states.entries[i]
            entries[-1].append(len(names))
            strings.append((len(names), tables.numbers(one.symbols)))
            weights.append(1.0)
            names.append(f"an entry of {names[nonterminal]}")
            flags.append(one.once | one.required << 1 | one.marked << 2)
        first = states.initial
        for least, most in ((first.need, first.room), (first.need_marked, first.room_marked)):
            bounds += [least, -1 if most == inf else int(most)]
    # The start comes first.
    n, shift = tables.n_terminals, np.arange(len(names))
    shift[n : tables.start] += 1
    shift[tables.start] = n
    shown = [names[tables.start], *names[n : tables.start], *names[tables.start + 1 :]]

    def numbered(parts: list) -> tuple[np.ndarray, np.ndarray]:
        offsets = np.cumsum([0, *map(len, parts)]).astype(np.int32)
        return offsets, shift[np.array([x for part in parts for x in part], np.intp)].astype(np.int32)

    rhs_offsets, rhs = numbered([symbols for _, symbols in strings])
    entry_offsets, entry = numbered(entries)
    separator_offsets, separator = numbered(separators)
    return _Arrays(
        n_terminals=n,
        nonterminals=tuple(shown),
        n_nonterminals=len(shown),
        lhs=shift[np.array([lhs for lhs, _ in strings], np.intp)].astype(np.int32) - np.int32(n),
        rhs_offsets=rhs_offsets,
        rhs=rhs,
        weights=np.array(weights),
        tally=np.array([shift[nonterminal] - n for nonterminal, _, _ in tallies], np.int32),
        entry_offsets=entry_offsets,
        entry=entry,
        entry_flags=np.array(flags, np.uint8),
        separator_offsets=separator_offsets,
        separator=separator,
        tally_bounds=np.array(bounds, np.int32),
    )
