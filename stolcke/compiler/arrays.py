"""Grammar -> arrays: the part of compilation that no vocabulary is needed for.

:func:`lower` reads top to bottom as the pipeline it is: automata of the
terminals, rules as integers, what matches nothing is trimmed away, lists are
folded, ``%ignore`` is written out, and what remains is numbered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType

import numpy as np

from stolcke._core.ignored import write_ignore
from stolcke._core.lists import fold_lists
from stolcke._core.rules import Rules, mention_weights
from stolcke._core.written import WrittenRules
from stolcke.compiler import distributed
from stolcke.deadline import Deadline
from stolcke.errors import FileFormatError, GrammarError, LimitExceeded, RegexError
from stolcke.grammar.model import Grammar, Terminal, TerminalDefinition, error_at
from stolcke.grammar.patterns import Counted, Machine, Special
from stolcke.grammar.printing import terminal_title
from stolcke.grammar.terminals import regex_error_in
from stolcke.grammar.weights import ignore_weights, rule_weights
from stolcke.lexer import Automaton, CountedAutomaton, automaton, terminal_automaton
from stolcke.lexer.counted import unbounded
from stolcke.lexical import joined_with_ignored, without_restrictions
from stolcke.options import Limits, Options
from stolcke.weights import Distribution
from stolcke.weights.proper import ProperWeights, proper_weights

__all__ = ["GrammarArrays", "TerminalMachine", "lower"]

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


def lower(
    grammar: Grammar,
    limits: Limits,
    options: Options,
    deadline: Deadline,
    distributions: Mapping[str, Distribution] = MappingProxyType({}),
    default_distribution: Distribution | None = None,
    apart: Collection[str] = (),
    inserted: Collection[str] = (),
    joining: bool = False,
) -> GrammarArrays:
    """Turn a symbolic grammar into arrays.

    Parameters
    ----------
    grammar : Grammar
    limits : Limits
    options : Options
    deadline : Deadline
    distributions : mapping of str to Distribution, optional
        How the texts of terminals are distributed, where that is not the default. Terminals that match the same
        texts are one, unless these differ.
    default_distribution : Distribution, optional
        That of the others with more than one text; uniform without it.
    apart : collection of str
        Terminals that are kept apart from others that match the same, and called by their names.
    inserted : collection of str
        Declared terminals that stand for no text, so that nothing beside them sees them.
    joining : bool
        Whether terminals may be made one with what is ignored behind them, where what terminals ask of their neighbours
        has multiplied rules; those with weights are then in ``weighted``.

    Raises
    ------
    GrammarError
        If the start derives nothing, a terminal or an entry of a tally matches the empty text, or weights are wrong.
    RegexError
        If a terminal's pattern is not supported.
    CompileError
        If a distribution does not suit its terminal, or names none of the grammar's.
    LimitExceeded
    Cancelled
    """
    chosen = distributed.choose(grammar, distributions, default_distribution, terminal_title)
    numbers = None if chosen or apart or inserted else grammar.written
    if numbers is not None:
        _check_size(numbers.n_rules, {numbers.start_name: numbers.most_entries}, limits)
        machines = [
            each.automaton if type(each) is Machine else terminal_automaton(each, limits) for each in numbers.patterns
        ]
        return _rewritten(grammar, grammar, numbers, None, machines, options, deadline)
    _check_size(len(grammar.rules), {name: len(tally.entries) for name, tally in grammar.tallies.items()}, limits)
    plain = without_restrictions(grammar, limits, deadline, unseen=inserted)
    chosen |= {name: chosen[original] for name, original in plain.original.items() if original in chosen}
    arrays = _of_symbols(grammar, plain.grammar, limits, options, deadline, chosen, apart)
    if grammar.raw_weights or mention_weights(grammar.rules):
        deadline.check("making probabilities of the weights")
        _ = arrays.proper  # what is wrong with weights that were written is told now, not in the midst of a generation
    joined = joined_with_ignored(plain, limits, deadline) if joining else None
    if joined is not None:
        arrays = replace(_of_symbols(grammar, joined, limits, options, deadline, {}, apart), weighted=arrays)
    return arrays


def _check_size(n_rules: int, entries: Mapping[str, int], limits: Limits) -> None:
    if n_rules > limits.rules:
        raise LimitExceeded("rules", n_rules, limits.rules, "grammar")
    for name, n_entries in entries.items():
        if n_entries > limits.tally_entries:
            raise LimitExceeded("tally_entries", n_entries, limits.tally_entries, f"tally {name}")


def _of_symbols(
    given: Grammar,
    grammar: Grammar,
    limits: Limits,
    options: Options,
    deadline: Deadline,
    chosen: Mapping[str, distributed.Chosen],
    apart: Collection[str],
) -> GrammarArrays:
    """The arrays of a grammar without restrictions, made from the one that was given."""
    machines = _automata(grammar, limits, deadline, chosen)
    patterns = {name: each.pattern for name, each in grammar.terminals.items()}
    numbers = WrittenRules.of_symbols(grammar.rules, grammar.tallies, grammar.start, patterns, Terminal)
    weights = rule_weights(grammar) if grammar.raw_weights or mention_weights(grammar.rules) else None
    return _rewritten(given, grammar, numbers, weights, machines, options, deadline, chosen, apart)


def _rewritten(
    given: Grammar,
    grammar: Grammar,
    numbers: WrittenRules,
    weights: np.ndarray | None,
    machines: Sequence[TerminalMachine | None],
    options: Options,
    deadline: Deadline,
    chosen: Mapping[str, distributed.Chosen] = MappingProxyType({}),
    apart: Collection[str] = (),
) -> GrammarArrays:
    """The arrays of rules that are numbers already, and of the automata of their terminals."""
    deadline.check("rewriting the grammar")
    rules = Rules(numbers, weights)
    nothing = {number for number, machine in enumerate(machines) if machine is not None and machine.is_empty}
    if not rules.trim(nothing):
        raise _derives_nothing(given)
    rules.remove_duplicates()
    empty = rules.empty_entry()
    if empty is not None:
        # Where one ends and another begins could not be counted.
        raise GrammarError(
            f"entry {empty[1]} of tally {empty[0]!r} derives the empty text; make it derive at least one character"
        )
    rules.write_entries()
    if options.fold_lists:
        fold_lists(rules)
    if grammar.ignore:
        _write_ignore(grammar, dict(zip(grammar.terminals, machines, strict=True)), rules, nothing)
    deadline.check("numbering the grammar")
    return _number(grammar, numbers, machines, rules, options, chosen, apart)


def _write_ignore(
    grammar: Grammar, machines: dict[str, TerminalMachine | None], rules: Rules, nothing: set[int]
) -> None:
    """Write out what ignoring means; terminals named twice or that match nothing have no share of the weight."""
    number = {name: index for index, name in enumerate(machines)}
    ignored = {name: number[name] for name in grammar.ignore if number[name] not in nothing}
    if not ignored:
        return
    once = len(ignored) == 1 and all(isinstance(m, Automaton) and m.repeats for m in map(machines.get, ignored))
    if len(ignored) < len(grammar.ignore):
        given = {name: weight for name, weight in grammar.ignore_weights.items() if name in ignored}
        grammar = replace(grammar, ignore=tuple(ignored), ignore_weights=given)
    matches, stop = ignore_weights(grammar)
    write_ignore(rules, dict(zip(ignored.values(), matches, strict=True)), stop, once)


def _derives_nothing(grammar: Grammar) -> GrammarError:
    reason = (
        f"the start rule {grammar.start!r} derives no text: each of its alternatives needs itself again, "
        "or something that matches nothing"
    )
    written = grammar.alternatives.get(grammar.start)
    return error_at(reason, written[0].location if written else None)


def _automata(
    grammar: Grammar, limits: Limits, deadline: Deadline, written_out: Collection[str]
) -> list[TerminalMachine | None]:
    """The automaton of each terminal; None for a declared one.

    Those named in ``written_out`` are not left in parts, as the states of a counted repeat have no number.
    """
    made: list[TerminalMachine | None] = []
    for name, definition in grammar.terminals.items():
        pattern = definition.pattern
        if type(pattern) is Machine and not pattern.automaton.matches_empty:
            made.append(pattern.automaton)
            continue
        deadline.check(f"building the automaton of terminal {name}")
        if isinstance(pattern, Special):
            made.append(None)
            continue
        place = definition.location
        try:
            build = automaton if name in written_out else terminal_automaton
            machine = build(pattern, limits)
        except LimitExceeded as error:
            if name not in written_out or not isinstance(definition.pattern, Counted):
                raise
            what = f"terminal {name}, written out for a distribution that is not uniform"
            raise LimitExceeded(error.limit, error.given, error.allowed, what) from error
        except RegexError as error:
            raise regex_error_in(error, definition) from error
        if machine.matches_empty:
            raise error_at(
                f"terminal {name} matches the empty text; make it match at least one character, "
                f"and where it is used write {name}? instead",
                place,
            )
        made.append(machine)
    return made


def _number(
    grammar: Grammar,
    written: WrittenRules,
    machines: Sequence[TerminalMachine | None],
    rules: Rules,
    options: Options,
    chosen: Mapping[str, distributed.Chosen],
    apart: Collection[str],
) -> GrammarArrays:
    """Number the terminals that are used, those of equal language and distribution alike; let the rules follow."""
    used = rules.used().tolist()
    numbers = np.zeros(len(used), np.int32)
    distinct: list[TerminalMachine] = []
    called: list[list[int]] = []
    tables: list[np.ndarray | None] = []
    number_of: dict[TerminalMachine | tuple, int] = {}
    declared: list[tuple[int, str]] = []
    unused = []
    for index, machine in enumerate(machines):
        if not used[index]:
            unused += [written.titles[index]] if machine is None else []
            continue
        if machine is None:
            declared.append((index, written.titles[index]))
            continue
        key: TerminalMachine | tuple = machine
        name = written.titles[index]
        if chosen or apart:
            is_apart = apart and _written_name(grammar.terminals[name]) in apart
            key = machine, chosen.get(name), name if is_apart else None
        number = number_of.setdefault(key, len(distinct)) if options.merge_terminals else len(distinct)
        if number == len(distinct):
            distinct.append(machine)
            tables.append(
                chosen[name].table(terminal_title(grammar.terminals[name]), machine) if name in chosen else None
            )
            called.append([])
        called[number].append(index)
        numbers[index] = number
    for number, (index, _) in enumerate(declared, len(distinct)):
        numbers[index] = number
    specials = tuple(name for _, name in declared)
    arrays, order = rules.numbered(numbers, len(distinct) + len(specials))
    made = rules.made

    def naming() -> Names:
        definitions = tuple(grammar.terminals.values())
        names = [name if (name := _written_name(each)) in apart else terminal_title(each) for each in definitions]
        titles = (" or ".join(dict.fromkeys(names[index] for index in indices)) for indices in called)
        return (*titles, *specials), _nonterminals(written.names()[1], made, order.tolist())

    return GrammarArrays(
        machines=tuple(distinct),
        specials=specials,
        unused_specials=tuple(unused),
        n_nonterminals=len(order) + 1,
        distributions=tuple(tables),
        naming=naming,
        raw_weights=grammar.raw_weights,
        **arrays,
    )


def _written_name(terminal: TerminalDefinition) -> str:
    return terminal.variant_of or terminal.name


def _nonterminals(written: list[str], made: list[tuple[str, int, int]], order: list[int]) -> tuple[str, ...]:
    """The names of nonterminals; those that were made are called by what they were made for."""
    names = list(written)
    taken = set(names)
    least: dict[str, int] = {}
    for kind, owner, number in made:
        base = "_ignored" if kind == "ignored" else f"_{names[owner].strip('_')}_{kind}"
        number = max(number, least.get(base, 0))
        while f"{base}_{number}" in taken:
            number += 1
        least[base] = number + 1
        names.append(f"{base}_{number}")
        taken.add(names[-1])
    return ("", *(names[index] for index in order))


def _offsets(sizes: list[int]) -> np.ndarray:
    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def _joined(arrays: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)
