"""What a caller may set: bounds on what a grammar may cost, and switches for doubt."""

from __future__ import annotations

from dataclasses import astuple, dataclass

__all__ = ["Limits", "Options"]


@dataclass(frozen=True, eq=False)
class Limits:
    """Bounds beyond which :class:`stolcke.LimitExceeded` is raised.

    The defaults let every reasonable grammar through and stop hostile ones
    before they cost much time or memory.
    """

    grammar_bytes: int = 2_000_000
    """Length of a grammar text in UTF-8, imported files included."""
    rules: int = 100_000
    """Rules after lowering EBNF, templates and imports."""
    alternatives: int = 50_000
    """Alternatives of one rule, group or regular expression."""
    tally_entries: int = 50_000
    """Entries of one tally."""
    template_instances: int = 5_000
    """Distinct instantiations of templates."""
    repeat: int = 10_000
    """Largest bound in ``~n..m`` and in ``{n,m}``."""
    nesting: int = 200
    """Depth of nested groups in grammar texts and regular expressions."""
    regex_states: int = 50_000
    """States of one terminal's automaton, before and after determinisation."""
    token_bytes: int = 1_024
    """Length of one token of a vocabulary; 4,096 is the most that can be set."""
    cache_bytes: int = 1_000_000_000
    """Memory of one compiled grammar's lazily grown caches."""
    vocabulary_cache_bytes: int = 2_000_000_000
    """Memory of a vocabulary's tables, which all its grammars share, when one of them has to add to them."""
    live_threads: int = 20_000
    """Lexical threads alive at one byte of one sequence."""
    remembered: int = 256
    """Grammars of JSON Schemas, and compiled ones of a vocabulary, that are kept for the next time."""
    remembered_bytes: int = 64_000_000
    """Memory of either, grown caches included, when one is added."""

    @property
    def _values(self) -> tuple[int, ...]:
        if "_astuple" not in self.__dict__:  # no functools.cached_property, whose lock a fork may leave locked
            self.__dict__["_astuple"] = astuple(self)
        return self.__dict__["_astuple"]

    # Part of the key of every automaton that is remembered, so looked at for each terminal of each grammar.

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, Limits) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values)


@dataclass(frozen=True, slots=True)
class Options:
    """Switches that never change a result, only its cost; for tests and for doubt."""

    memoise_goto: bool = True
    """Remember the column that a column and a terminal lead to."""
    memoise_steps: bool = True
    """Remember the live state that a live state and a byte lead to."""
    memoise_cascade: bool = True
    """Remember, from one mask to the next, what a suffix of a rule allows within a suffix trie."""
    memoise_masks: bool = True
    """Remember the mask of a live state."""
    bisimulation: bool = True
    """Recognise a cyclic continuation that equals one it contains; with weights, continuations that are equal."""
    fold_lists: bool = True
    """Rewrite ``a (b)* c`` so that first and later rounds share a column."""
    merge_terminals: bool = True
    """Let terminals of equal language share one automaton."""
    join_ignored: bool = True
    """Let terminals be one with what is ignored behind them, in grammars whose terminals ask for neighbours."""
    memoise_grammars: bool = True
    """Give out again the grammar of an equal schema, and what a grammar was compiled to before."""
