"""A grammar as arrays, and these in files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np

from stolcke.compiler import distributed
from stolcke.errors import FileFormatError
from stolcke.lexer import Automaton, CountedAutomaton
from stolcke.lexer.counted import unbounded
from stolcke.weights.proper import ProperWeights, proper_weights

__all__ = ["GrammarArrays", "Names", "TerminalMachine"]

MOST = 2**30
"""Numbers of entries from here on are taken to be this one: no text that memory can hold reaches it."""

_RULE_BYTES = 400
"""Of the objects that a symbolic rule and its names are, roughly."""

_DTYPES = {"weights": np.float64, "entry_flags": np.uint8}
"""Of the arrays that are not int32."""

TerminalMachine = Automaton | CountedAutomaton

Names = tuple[tuple[str, ...], tuple[str, ...]]
"""Of the terminals, and of the nonterminals."""


@dataclass(frozen=True)
class GrammarArrays:
    """One trimmed grammar as numbers, before it meets a vocabulary.

    Terminals are numbered from 0, nonterminals after them; nonterminal 0 is the
    start and occurs in no right-hand side.

    Attributes
    ----------
    machines : tuple of Automaton or CountedAutomaton
        Of each terminal but the specials, which come after these.
    specials : tuple of str
        Names of the declared terminals, which special tokens are bound to; they
        are the last terminals.
    unused_specials : tuple of str
        Declared terminals that no text can reach; they may be bound, to no effect.
    n_nonterminals : int
    lhs : int32[rules]
        Nonterminal of each rule, counted from 0; tallies have no rules.
    rhs_offsets : int32[rules + 1]
    rhs : int32[total]
        Right-hand sides, one after the other, as symbol numbers.
    weights : float64[rules]
        As they were written, with the shares of those that were not, and kept right by each rewriting step; what
        was dropped took its share with it. :func:`stolcke.weights.proper_weights` makes probabilities of them.
    tally : int32[tallies]
        Nonterminal of each tally, counted from 0.
    entry_offsets : int32[tallies + 1]
        Where the entries of each tally begin.
    entry : int32[entries]
        Symbol number of each entry, a nonterminal.
    entry_flags : uint8[entries]
        1 for an entry that occurs at most once, 2 for a required one, 4 for a marked one; added up.
    separator_offsets : int32[tallies + 1]
    separator : int32[total]
        Separators, one after the other, as symbol numbers.
    tally_bounds : int32[4 * tallies]
        For each tally the least and greatest number of entries, and of marked ones; -1 for no greatest.
    distributions : tuple of float64[n_states, 257] or None
        Of each machine, the probability of each byte and of stopping in each state (:mod:`stolcke.weights`); None
        where all that is possible in a state is equally probable.  Those of counted machines are None.
    naming : callable
        Makes the names of terminals and nonterminals, which only messages and files need.
    raw_weights : bool
        Whether weights are meant as they stand, so that not all texts together need weigh one.
    weighted : GrammarArrays or None
        Of the same texts, with weights; None where these arrays have the grammar's own.  Those with weights are larger.
    """

    machines: tuple[TerminalMachine, ...]
    specials: tuple[str, ...]
    unused_specials: tuple[str, ...]
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
    distributions: tuple[np.ndarray | None, ...]
    naming: Callable[[], Names] = field(repr=False)
    raw_weights: bool = False
    weighted: GrammarArrays | None = None

    @property
    def n_terminals(self) -> int:
        """Number of terminals, the specials included."""
        return len(self.machines) + len(self.specials)

    @property
    def _names(self) -> Names:
        if "_made_names" not in self.__dict__:  # no functools.cached_property, whose lock a fork may leave locked
            self.__dict__["_made_names"] = self.naming()
        return self.__dict__["_made_names"]

    @property
    def proper(self) -> ProperWeights:
        """The weights as probabilities; found when first asked for."""
        if self.weighted is not None:
            return self.weighted.proper
        if "_made_proper" not in self.__dict__:
            self.__dict__["_made_proper"] = proper_weights(self)
        return self.__dict__["_made_proper"]

    @property
    def terminals(self) -> tuple[str, ...]:
        """How each terminal is called in messages: its name, or what it matches."""
        return self._names[0]

    @property
    def nonterminals(self) -> tuple[str, ...]:
        """The name of each nonterminal."""
        return self._names[1]

    @property
    def n_bytes(self) -> int:
        """About the memory that this takes, with the symbolic grammar that names are made from."""
        machines = sum([machine.n_bytes for machine in self.machines])
        tables = sum(table.nbytes for table in self.distributions if table is not None)
        others = 0 if self.weighted is None else self.weighted.n_bytes
        return _RULE_BYTES * (len(self.lhs) + len(self.entry)) + machines + tables + others

    # --- files ---------------------------------------------------------------------------------------------------

    def to_file(self) -> tuple[dict, dict[str, np.ndarray]]:
        """Names and arrays, as :mod:`stolcke.container` stores them.

        Beside the arrays above these are:

        * automaton_offsets, int32[automata + 1]: where the states of each automaton begin: of each machine, that
          without bounds for a counted one, and then of the parts of counted ones;
        * edge_offsets, int32[states + 1]: where the edges of each state begin;
        * low, high, uint8[edges]: byte range of each edge;
        * target, int32[edges]: state within the same automaton;
        * accepting, uint8[states];
        * counted, int32[6 * counted machines]: the machine; the automata of what stands before the repeat, of its
          unit, and of what follows; the least number of units, and the most, -1 for no bound;
        * those of :func:`stolcke.compiler.distributed.to_arrays`;
        * all of these once more for the arrays with weights, where there are such, their names behind ``weighted_``.
        """
        names = ("terminals", "nonterminals", "specials", "unused_specials")
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.type == "np.ndarray"}
        machines, counted = _written_down(self.machines)
        arrays |= {
            "automaton_offsets": _offsets([machine.n_states for machine in machines]),
            "edge_offsets": _offsets([n for machine in machines for n in np.diff(machine.offsets).tolist()]),
            "low": _joined([machine.low for machine in machines], np.uint8),
            "high": _joined([machine.high for machine in machines], np.uint8),
            "target": _joined([machine.target for machine in machines], np.int32),
            "accepting": _joined([machine.accepting for machine in machines], np.uint8),
            "counted": np.array(counted, np.int32),
        }
        arrays |= distributed.to_arrays(self.distributions, self.machines)
        meta = {name: list(getattr(self, name)) for name in names} | {"raw_weights": self.raw_weights}
        if self.weighted is not None:
            meta["weighted"], others = self.weighted.to_file()
            arrays |= {f"weighted_{name}": array for name, array in others.items()}
        return meta, arrays

    @classmethod
    def from_file(cls, meta: dict, arrays: dict[str, np.ndarray]) -> GrammarArrays:
        """The reverse of :meth:`to_file`; what the engine relies on is checked.

        Raises
        ------
        FileFormatError
            Where names or arrays are missing or contradict each other.
        """
        behind = {
            name.removeprefix("weighted_"): array for name, array in arrays.items() if name.startswith("weighted_")
        }
        try:
            others = None
            if "weighted" in meta:
                if "weighted" in meta["weighted"]:
                    raise ValueError("arrays with weights have no others")
                others = cls.from_file(meta["weighted"], behind)
            terminals, nonterminals, specials, unused = (
                tuple(map(str, meta[name])) for name in ("terminals", "nonterminals", "specials", "unused_specials")
            )
            machines = _machines_from(arrays, len(terminals) - len(specials))
            self = cls(
                machines=machines,
                specials=specials,
                unused_specials=unused,
                n_nonterminals=len(nonterminals),
                distributions=distributed.from_arrays(arrays, machines),
                naming=lambda: (terminals, nonterminals),
                raw_weights=bool(meta["raw_weights"]),
                weighted=others,
                **{f.name: arrays[f.name] for f in fields(cls) if f.type == "np.ndarray"},
            )
            self._check()
            if others is not None and others.specials != specials:
                raise ValueError("the arrays with weights declare other terminals")
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FileFormatError(f"the compiled grammar's tables are malformed: {error}") from error
        return self

    def _check(self) -> None:
        """Raise ValueError unless every index is in range and every offset array ascends."""
        for f in fields(self):
            if f.type == "np.ndarray":
                _check_type(f.name, getattr(self, f.name), _DTYPES.get(f.name, np.int32))
        n_symbols = self.n_terminals + self.n_nonterminals
        _check_offsets("rhs_offsets", self.rhs_offsets, self.lhs.size, self.rhs.size)
        _check_range("lhs", self.lhs, 0, self.n_nonterminals)
        # Nonterminal 0 is the start, which no right-hand side mentions.
        _check_range("rhs", self.rhs, 0, n_symbols)
        if (self.rhs == self.n_terminals).any():
            raise ValueError("the start is used in a rule")
        if self.weights.size != self.lhs.size or not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            raise ValueError("a rule has no weight")
        self._check_tallies(n_symbols)

    def _check_tallies(self, n_symbols: int) -> None:
        _check_offsets("entry_offsets", self.entry_offsets, self.tally.size, self.entry.size)
        _check_offsets("separator_offsets", self.separator_offsets, self.tally.size, self.separator.size)
        _check_range("tally", self.tally, 1, self.n_nonterminals)
        _check_range("entry", self.entry, self.n_terminals + 1, n_symbols)
        _check_range("separator", self.separator, 0, n_symbols)
        _check_range("tally_bounds", self.tally_bounds, -1, MOST + 1)
        if (self.separator == self.n_terminals).any():
            raise ValueError("the start separates the entries of a tally")
        if np.unique(self.tally).size != self.tally.size or np.isin(self.tally, self.lhs).any():
            raise ValueError("a tally occurs twice, or has rules")
        if self.entry_flags.size != self.entry.size or (self.entry_flags > 7).any():
            raise ValueError("entry_flags are malformed")
        if self.tally_bounds.size != 4 * self.tally.size or (self.tally_bounds[::2] < 0).any():
            raise ValueError("tally_bounds are malformed")


def _written_down(machines: tuple[TerminalMachine, ...]) -> tuple[list[Automaton], list[int]]:
    """The automata of terminals and of the parts of counted repeats, and how these are put together."""
    written = [machine.unbounded if isinstance(machine, CountedAutomaton) else machine for machine in machines]
    counted: list[int] = []
    number: dict[Automaton, int] = {}
    for terminal, machine in enumerate(machines):
        if not isinstance(machine, CountedAutomaton):
            continue
        parts = []
        for part in (machine.before, machine.unit, machine.after):
            parts.append(number.setdefault(part, len(written)))
            if parts[-1] == len(written):
                written.append(part)
        counted += [terminal, *parts, machine.least, -1 if machine.most is None else machine.most]
    return written, counted


def _machines_from(arrays: dict[str, np.ndarray], n: int) -> tuple[TerminalMachine, ...]:
    """The machines that :meth:`GrammarArrays.to_file` wrote down; ValueError where something is wrong."""
    automata = _automata_from(arrays)
    counted = arrays["counted"]
    _check_type("counted", counted, np.int32)
    if len(automata) < n or counted.size % 6:
        raise ValueError("automata are missing")
    machines: list[TerminalMachine] = automata[:n]
    for terminal, *numbers, least, most in counted.reshape(-1, 6).tolist():
        if not 0 <= terminal < n or not all(n <= number < len(automata) for number in numbers):
            raise ValueError("counted has an index out of range")
        parts = [automata[number] for number in numbers]
        whole = unbounded(*parts)
        if least < 0 or (most != -1 and most < max(least, 1)) or whole != automata[terminal]:
            raise ValueError("the parts of a counted repeat contradict each other")
        machines[terminal] = CountedAutomaton(*parts, least, None if most < 0 else most, whole)
    return tuple(machines)


def _automata_from(arrays: dict[str, np.ndarray]) -> list[Automaton]:
    """The automata that :meth:`GrammarArrays.to_file` put one after the other; ValueError where that is wrong."""
    begins, edges = arrays["automaton_offsets"], arrays["edge_offsets"]
    low, high, target, accepting = (arrays[name] for name in ("low", "high", "target", "accepting"))
    for name, dtype in dict.fromkeys(("low", "high", "accepting"), np.uint8).items():
        _check_type(name, arrays[name], dtype)
    for name in ("automaton_offsets", "edge_offsets", "target"):
        _check_type(name, arrays[name], np.int32)
    _check_offsets("automaton_offsets", begins, begins.size - 1, accepting.size)
    _check_offsets("edge_offsets", edges, accepting.size, target.size)
    if low.size != target.size or high.size != target.size or (low > high).any():
        raise ValueError("edges are malformed")
    sizes = np.diff(begins)
    if (sizes == 0).any():
        raise ValueError("a terminal has no automaton")
    _check_range("target", target, 0, np.repeat(np.repeat(sizes, sizes), np.diff(edges)))
    found = []
    for begin, end in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True):
        first, last = edges[begin], edges[end]
        ways = (array[first:last].view() for array in (low, high, target))
        found.append(Automaton(edges[begin : end + 1] - np.int32(first), *ways, accepting[begin:end].view()))
    return found


def _check_type(name: str, array: np.ndarray, dtype: type) -> None:
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype != dtype:
        raise ValueError(f"array {name} has another type or shape")


def _check_offsets(name: str, offsets: np.ndarray, count: int, end: int) -> None:
    if offsets.size != count + 1 or offsets[0] != 0 or offsets[-1] != end or (np.diff(offsets) < 0).any():
        raise ValueError(f"{name} are not ascending offsets")


def _check_range(name: str, values: np.ndarray, low: int, high: int | np.ndarray) -> None:
    if ((values < low) | (values >= high)).any():
        raise ValueError(f"{name} has an index out of range")


def _offsets(sizes: list[int]) -> np.ndarray:
    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def _joined(arrays: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)
