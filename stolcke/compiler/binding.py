"""Arrays + vocabulary -> engine: automata become canonical, declared terminals become special tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial

import numpy as np

from stolcke import errors
from stolcke._core.engine import Engine
from stolcke._core.guarded_engine import GuardedEngine
from stolcke._core.partition import PartitionStore
from stolcke._core.tables import GrammarTables
from stolcke._core.tally import TallyTable
from stolcke._core.token_scores import TokenScores
from stolcke._core.weighted_engine import WeightedEngine
from stolcke._core.weighted_tables import WeightedTables
from stolcke.compiler.arrays import GrammarArrays, TerminalMachine
from stolcke.compiler.guarding import GuardTables
from stolcke.compiler.recording import recording_engine
from stolcke.guard import Guard, TextGuard
from stolcke.lexer import Automaton
from stolcke.options import Limits, Options
from stolcke.vocabulary import Vocabulary
from stolcke.weights.proper import ProperWeights

__all__ = ["Marker", "bind", "build_engine", "build_scores"]

NONE = np.uint32(0xFFFFFFFF)

_CHECKED = 64
"""Terminals after which the vocabulary's memory is looked at again."""

Marker = str | bytes | int
"""A special token: its text, or its id."""


def bind(
    arrays: GrammarArrays,
    special: Mapping[str, Marker | Iterable[Marker]] | None,
    vocabulary: Vocabulary,
    inserted: Collection[str] = (),
) -> dict[str, tuple[int, ...]]:
    """Token ids of each declared terminal; those that a guard inserts have none.

    Raises
    ------
    CompileError
        Where a declared terminal is left unbound, or a binding names none.
    VocabularyError
        Where a marker is no special token of the vocabulary.
    """
    special = dict(special or {})
    names = [name for name in arrays.specials if name not in inserted]
    declared = [name for name in arrays.specials + arrays.unused_specials if name not in inserted]
    unbound = [name for name in names if name not in special]
    if unbound:
        raise errors.CompileError(
            f"the grammar declares {', '.join(unbound)}; bind each to a special token with "
            f"special={{{unbound[0]!r}: '<|name of the token|>'}}"
        )
    unknown = [name for name in special if name not in declared]
    if unknown:
        raise errors.CompileError(
            f"special= binds {', '.join(map(repr, unknown))}, which the grammar does not %declare "
            f"(declared: {', '.join(declared) or 'none'})"
        )
    bound: dict[str, tuple[int, ...]] = {name: () for name in arrays.specials if name in inserted}
    for name, markers in special.items():
        several = [markers] if isinstance(markers, (str, bytes, int)) else list(markers)
        if not several:
            raise errors.CompileError(f"special= binds {name!r} to no token at all")
        ids = tuple(sorted({vocabulary.special_id(marker) for marker in several}))
        if name in names:
            bound[name] = ids
    return bound


def build_engine(
    arrays: GrammarArrays,
    bound: Mapping[str, tuple[int, ...]],
    vocabulary: Vocabulary,
    limits: Limits,
    options: Options,
    guard: Guard | None = None,
) -> Engine:
    """The run-time engine of a grammar over a vocabulary, under a guard where one is given."""
    core = vocabulary.core
    n, n_text = arrays.n_terminals, len(arrays.machines)
    states = np.full(n, NONE, np.uint32)
    symbols = np.full(n, NONE, np.uint32)
    partitions = np.full(n, NONE, np.uint32)
    for terminal, machine in enumerate(arrays.machines):
        if terminal % _CHECKED == 0:
            _check_memory(core, limits)
        states[terminal] = _start_state(vocabulary, machine)
    _check_memory(core, limits)
    token_symbols: dict[int, int] = {}
    groups = _token_groups(arrays, bound)
    for terminal, name in enumerate(arrays.specials, n_text):
        if not bound[name]:
            continue  # what a guard inserts is in no text
        partitions[terminal] = core.add_token_set(bound[name])
        symbols[terminal] = 256 + groups.index(bound[name])
        for token in bound[name]:
            if token_symbols.setdefault(token, symbols[terminal]) != symbols[terminal]:
                raise errors.CompileError(
                    f"special token {token} is bound to several declared terminals whose sets of tokens differ"
                )
    tables = GrammarTables(
        core,
        n,
        arrays.n_nonterminals,
        arrays.lhs,
        arrays.rhs_offsets,
        arrays.rhs,
        0,
        states,
        symbols,
        partitions,
        TallyTable(
            arrays.tally,
            arrays.entry_offsets,
            arrays.entry,
            arrays.entry_flags,
            arrays.separator_offsets,
            arrays.separator,
            arrays.tally_bounds,
        ),
    )
    ends = np.array(vocabulary.eos_token_ids, np.uint32)
    special = {token: int(symbol) for token, symbol in token_symbols.items()}
    given = core, tables, ends, special, vocabulary.first_texts, errors, limits, options
    if guard is None:
        return Engine(*given)
    if isinstance(guard, TextGuard):
        return recording_engine(guard, arrays, given, partial(_start_state, vocabulary), limits)
    engine = GuardedEngine(*given)
    made = GuardTables(guard, arrays, partial(_start_state, vocabulary), limits)
    engine.guard_with(made.clerk, made.terminals, made.bars, made.starts, made.watched, made.inserting)
    return engine


def build_scores(
    engine: Engine,
    arrays: GrammarArrays,
    weights: ProperWeights,
    bound: Mapping[str, tuple[int, ...]],
    vocabulary: Vocabulary,
    end_tokens: frozenset[int],
    options: Options,
    threshold: float,
    beam: int,
) -> TokenScores:
    """The weighted side of an engine."""
    tables = [
        None if table is None else (machine.machine, table)
        for machine, table in zip(arrays.machines, arrays.distributions, strict=True)
    ]
    live = WeightedEngine(
        engine,
        WeightedTables(engine.tables, arrays.lhs, weights.rule_probabilities, weights.empty),
        tables + [None] * len(arrays.specials),
        [len(group) for group in _token_groups(arrays, bound)],
        options,
        threshold,
        beam,
    )
    return TokenScores(live, vocabulary.flat_trie, end_tokens, options.memoise_masks)


def _token_groups(arrays: GrammarArrays, bound: Mapping[str, tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The sets of special tokens that declared terminals are bound to, each once."""
    return list(dict.fromkeys(bound[name] for name in arrays.specials))


def _start_state(vocabulary: Vocabulary, machine: TerminalMachine) -> int:
    """The canonical state that a terminal begins with."""
    if isinstance(machine, Automaton):
        return vocabulary.start_state(machine)
    parts = (machine.before, machine.unit, machine.after, machine.unbounded)
    return vocabulary.core.add_counted(*map(vocabulary.start_state, parts), machine.least, machine.most)


def _check_memory(core: PartitionStore, limits: Limits) -> None:
    used = core.n_bytes
    if used > limits.vocabulary_cache_bytes:
        raise errors.LimitExceeded(
            "vocabulary_cache_bytes", used, limits.vocabulary_cache_bytes, "automata of the terminals"
        )
