"""Grammar -> arrays: the part of compilation that no vocabulary is needed for.

:func:`lower` reads top to bottom as the pipeline it is: automata of the
terminals, what matches nothing is trimmed away, lists are folded, ``%ignore`` is
written out, and what remains is numbered.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import chain

import numpy as np

from stolcke.compiler.progress import Deadline
from stolcke.errors import FileFormatError, GrammarError, LimitExceeded, RegexError
from stolcke.grammar import transforms
from stolcke.grammar.analysis import nullable
from stolcke.grammar.model import Grammar, Nonterminal, Symbol, Tally, Terminal, TerminalDefinition, error_at
from stolcke.grammar.naming import anonymous_name
from stolcke.grammar.patterns import Literal, Machine, Regex, Special
from stolcke.grammar.printing import pattern_text
from stolcke.lexer import Automaton, CountedAutomaton, terminal_automaton
from stolcke.lexer.counted import unbounded
from stolcke.options import Limits, Options

__all__ = ["GrammarArrays", "lower"]

MOST = 2**30
"""Numbers of entries from here on are taken to be this one: no text that memory can hold reaches it."""


@dataclass(frozen=True)
class GrammarArrays:
    """One trimmed grammar as numbers, before it meets a vocabulary.

    Terminals are numbered from 0, nonterminals after them; nonterminal 0 is the
    start and occurs in no right-hand side.

    Attributes
    ----------
    terminals : tuple of str
        How each terminal is called in messages: its name, or what it matches.
    nonterminals : tuple of str
    specials : tuple of str
        Names of the declared terminals, which special tokens are bound to; they
        are the last terminals.
    unused_specials : tuple of str
        Declared terminals that no text can reach; they may be bound, to no effect.
    lhs : int32[rules]
        Nonterminal of each rule, counted from 0; tallies have no rules.
    rhs_offsets : int32[rules + 1]
    rhs : int32[total]
        Right-hand sides, one after the other, as symbol numbers.
    automaton_offsets : int32[automata + 1]
        Where the states of each automaton begin: of each terminal but the
        specials, then of the parts of counted repeats.
    edge_offsets : int32[states + 1]
    low, high : uint8[edges]
        Byte range of each edge.
    target : int32[edges]
        State within the same automaton.
    accepting : uint8[states]
    counted : int32[6 * counted terminals]
        For each terminal with a counted repeat: the terminal, whose own
        automaton is the one without bounds; the automata of what stands before
        the repeat, of its unit, and of what follows; the least number of units,
        and the most, -1 for no bound.
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
    """

    terminals: tuple[str, ...]
    nonterminals: tuple[str, ...]
    specials: tuple[str, ...]
    unused_specials: tuple[str, ...]
    lhs: np.ndarray
    rhs_offsets: np.ndarray
    rhs: np.ndarray
    automaton_offsets: np.ndarray
    edge_offsets: np.ndarray
    low: np.ndarray
    high: np.ndarray
    target: np.ndarray
    accepting: np.ndarray
    counted: np.ndarray
    tally: np.ndarray
    entry_offsets: np.ndarray
    entry: np.ndarray
    entry_flags: np.ndarray
    separator_offsets: np.ndarray
    separator: np.ndarray
    tally_bounds: np.ndarray

    def automaton(self, number: int) -> Automaton:
        """The automaton of a terminal that is not a special token, or of a part of a counted repeat."""
        states = slice(self.automaton_offsets[number], self.automaton_offsets[number + 1])
        edges = slice(self.edge_offsets[states.start], self.edge_offsets[states.stop])
        return Automaton(
            offsets=self.edge_offsets[states.start : states.stop + 1] - np.int32(edges.start),
            low=self.low[edges].view(),
            high=self.high[edges].view(),
            target=self.target[edges].view(),
            accepting=self.accepting[states].view(),
        )

    def repeats(self) -> dict[int, tuple[int, ...]]:
        """By terminal with a counted repeat: before, unit, after (automata), least, most."""
        return {row[0]: tuple(row[1:]) for row in self.counted.reshape(-1, 6).tolist()}

    def to_file(self) -> tuple[dict, dict[str, np.ndarray]]:
        """Names and arrays, as :mod:`stolcke.container` stores them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        return {name: list(value) for name, value in values.items() if name not in arrays}, arrays

    @classmethod
    def from_file(cls, meta: dict, arrays: dict[str, np.ndarray]) -> GrammarArrays:
        """The reverse of :meth:`to_file`; what the engine relies on is checked.

        Raises
        ------
        FileFormatError
            Where names or arrays are missing or contradict each other.
        """
        try:
            names = {
                name: tuple(map(str, meta[name]))
                for name in ("terminals", "nonterminals", "specials", "unused_specials")
            }
            self = cls(**names, **{f.name: arrays[f.name] for f in fields(cls) if f.name not in names})
            self._check()
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FileFormatError(f"the compiled grammar's tables are malformed: {error}") from error
        return self

    def _check(self) -> None:
        """Raise ValueError unless every index is in range and every offset array ascends."""
        kinds = dict.fromkeys(("low", "high", "accepting", "entry_flags"), np.uint8)
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray) and (value.ndim != 1 or value.dtype != kinds.get(field.name, np.int32)):
                raise ValueError(f"array {field.name} has another type or shape")
        n_text = len(self.terminals) - len(self.specials)
        n_symbols = len(self.terminals) + len(self.nonterminals)
        _check_offsets("rhs_offsets", self.rhs_offsets, self.lhs.size, self.rhs.size)
        n_automata = self.automaton_offsets.size - 1
        if n_automata < n_text or self.counted.size % 6:
            raise ValueError("automata are missing")
        _check_offsets("automaton_offsets", self.automaton_offsets, n_automata, self.accepting.size)
        _check_offsets("edge_offsets", self.edge_offsets, self.accepting.size, self.target.size)
        if self.low.size != self.target.size or self.high.size != self.target.size or (self.low > self.high).any():
            raise ValueError("edges are malformed")
        _check_range("lhs", self.lhs, 0, len(self.nonterminals))
        # Nonterminal 0 is the start, which no right-hand side mentions.
        _check_range("rhs", self.rhs, 0, n_symbols)
        if (self.rhs == len(self.terminals)).any() or (np.diff(self.automaton_offsets) == 0).any():
            raise ValueError("the start is used in a rule, or a terminal has no automaton")
        states_of_edge = np.repeat(np.diff(self.automaton_offsets), np.diff(self.automaton_offsets))
        _check_range("target", self.target, 0, np.repeat(states_of_edge, np.diff(self.edge_offsets)))
        for terminal, (*parts, least, most) in self.repeats().items():
            if not 0 <= terminal < n_text or not all(n_text <= part < n_automata for part in parts):
                raise ValueError("counted has an index out of range")
            whole = unbounded(*map(self.automaton, parts))
            if least < 0 or (most != -1 and most < max(least, 1)) or whole != self.automaton(terminal):
                raise ValueError("the parts of a counted repeat contradict each other")
        self._check_tallies(n_symbols)

    def _check_tallies(self, n_symbols: int) -> None:
        _check_offsets("entry_offsets", self.entry_offsets, self.tally.size, self.entry.size)
        _check_offsets("separator_offsets", self.separator_offsets, self.tally.size, self.separator.size)
        _check_range("tally", self.tally, 1, len(self.nonterminals))
        _check_range("entry", self.entry, len(self.terminals) + 1, n_symbols)
        _check_range("separator", self.separator, 0, n_symbols)
        _check_range("tally_bounds", self.tally_bounds, -1, MOST + 1)
        if (self.separator == len(self.terminals)).any():
            raise ValueError("the start separates the entries of a tally")
        if np.unique(self.tally).size != self.tally.size or np.isin(self.tally, self.lhs).any():
            raise ValueError("a tally occurs twice, or has rules")
        if self.entry_flags.size != self.entry.size or (self.entry_flags > 7).any():
            raise ValueError("entry_flags are malformed")
        if self.tally_bounds.size != 4 * self.tally.size or (self.tally_bounds[::2] < 0).any():
            raise ValueError("tally_bounds are malformed")


def _check_offsets(name: str, offsets: np.ndarray, count: int, end: int) -> None:
    if offsets.size != count + 1 or offsets[0] != 0 or offsets[-1] != end or (np.diff(offsets) < 0).any():
        raise ValueError(f"{name} are not ascending offsets")


def _check_range(name: str, values: np.ndarray, low: int, high: int | np.ndarray) -> None:
    if ((values < low) | (values >= high)).any():
        raise ValueError(f"{name} has an index out of range")


def lower(grammar: Grammar, limits: Limits, options: Options, deadline: Deadline) -> GrammarArrays:
    """Turn a symbolic grammar into arrays.

    Raises
    ------
    GrammarError
        If the start derives nothing, or a terminal or an entry of a tally matches the empty text.
    RegexError
        If a terminal's pattern is not supported.
    LimitExceeded
    Cancelled
    """
    if len(grammar.rules) > limits.rules:
        raise LimitExceeded("rules", len(grammar.rules), limits.rules, "grammar")
    for name, tally in grammar.tallies.items():
        if len(tally.entries) > limits.tally_entries:
            raise LimitExceeded("tally_entries", len(tally.entries), limits.tally_entries, f"tally {name}")
    automata = _automata(grammar, limits, deadline)
    deadline.check("rewriting the grammar")
    grammar = transforms.trim(grammar, [name for name, a in automata.items() if a is not None and a.n_states == 0])
    grammar = transforms.remove_duplicates(grammar)
    _check_entries(grammar)
    grammar = transforms.with_entry_rules(grammar)
    if options.fold_lists:
        grammar = transforms.trim(transforms.fold_lists(grammar))
    grammar = transforms.with_ignore(grammar)
    deadline.check("numbering the grammar")
    declared = [name for name, machine in automata.items() if machine is None]
    return _number(grammar, automata, declared, options)


_Machine = Automaton | CountedAutomaton | None


def _check_entries(grammar: Grammar) -> None:
    """Refuse entries that derive the empty text: where one ends and another begins could not be counted."""
    if not grammar.tallies:
        return
    empty = nullable(grammar)
    for name, tally in grammar.tallies.items():
        for number, entry in enumerate(tally.entries):
            if all(isinstance(symbol, Nonterminal) and symbol.name in empty for symbol in entry.symbols):
                raise GrammarError(
                    f"entry {number} of tally {name!r} derives the empty text; make it derive at least one character"
                )


def _automata(grammar: Grammar, limits: Limits, deadline: Deadline) -> dict[str, _Machine]:
    """The automaton of each terminal; None for a declared one."""
    made: dict[str, _Machine] = {}
    for name, definition in grammar.terminals.items():
        deadline.check(f"building the automaton of terminal {name}")
        if isinstance(definition.pattern, Special):
            made[name] = None
            continue
        place = definition.location
        try:
            machine = made[name] = terminal_automaton(definition.pattern, limits)
        except RegexError as error:
            if place is None:
                raise
            # An expression written where it is used begins at its location; a named one somewhere behind its name.
            inline = name.startswith("__") and isinstance(definition.pattern, Regex) and error.position is not None
            shift = 1 + error.position if inline else 0
            raise RegexError(
                f"terminal {name}: {error.reason}, at offset {error.position} of /{error.pattern}/",
                pattern=error.pattern,
                position=error.position,
                **replace(place, column=place.column + shift).place(),
            ) from error
        if machine.matches_empty:
            raise error_at(
                f"terminal {name} matches the empty text; make it match at least one character, "
                f"and where it is used write {name}? instead",
                place,
            )
    return made


def _title(definition: TerminalDefinition) -> str:
    """A terminal's name in messages: anonymous ones are shown as what they match."""
    anonymous = definition.name.startswith("__") or definition.name == anonymous_name(definition.pattern)
    if anonymous and isinstance(definition.pattern, Literal) and isinstance(definition.pattern.text, bytes):
        return repr(definition.pattern.text)
    try:
        return pattern_text(definition.pattern) if anonymous else definition.name
    except GrammarError:  # not every pattern has a text
        return definition.pattern.title if isinstance(definition.pattern, Machine) else definition.name


def _number(grammar: Grammar, automata: dict[str, _Machine], declared: list[str], options: Options) -> GrammarArrays:
    strings = chain((r.rhs for r in grammar.rules), (t.separator for t in grammar.tallies.values()))
    used = {symbol.name for symbols in strings for symbol in symbols if isinstance(symbol, Terminal)}
    number: dict[str, int] = {}
    titles: list[list[str]] = []
    distinct: list[Automaton | CountedAutomaton] = []
    by_language: dict[tuple, int] = {}
    for name, definition in grammar.terminals.items():
        machine = automata[name]
        if name not in used or machine is None:
            continue
        key = machine.key()
        if options.merge_terminals and key in by_language:
            number[name] = by_language[key]
            titles[number[name]].append(_title(definition))
            continue
        number[name] = by_language[key] = len(distinct)
        distinct.append(machine)
        titles.append([_title(definition)])
    written, counted = _written_down(distinct)
    specials = tuple(name for name in declared if name in used)
    for name in specials:
        number[name] = len(titles)
        titles.append([name])
    n_terminals = len(titles)
    # The engine wants a start that no rule mentions; nonterminal 0 is made to be one.
    nonterminals = ["", *grammar.nonterminals]
    symbol_of = {name: n_terminals + i for i, name in enumerate(nonterminals)}

    def numbers(symbols: tuple[Symbol, ...]) -> list[int]:
        return [number[s.name] if isinstance(s, Terminal) else symbol_of[s.name] for s in symbols]

    lhs = [0]
    rhs = [symbol_of[grammar.start]]
    rhs_offsets = [0, 1]
    for rule in grammar.rules:
        lhs.append(symbol_of[rule.lhs.name] - n_terminals)
        rhs += numbers(rule.rhs)
        rhs_offsets.append(len(rhs))
    tallies = list(grammar.tallies.values())
    return GrammarArrays(
        terminals=tuple(" or ".join(dict.fromkeys(title)) for title in titles),
        nonterminals=tuple(nonterminals),
        specials=specials,
        unused_specials=tuple(name for name in declared if name not in used),
        lhs=np.array(lhs, np.int32),
        rhs_offsets=np.array(rhs_offsets, np.int32),
        rhs=np.array(rhs, np.int32),
        automaton_offsets=_offsets([a.n_states for a in written]),
        edge_offsets=_offsets([n for a in written for n in np.diff(a.offsets).tolist()]),
        low=_joined([a.low for a in written], np.uint8),
        high=_joined([a.high for a in written], np.uint8),
        target=_joined([a.target for a in written], np.int32),
        accepting=_joined([a.accepting for a in written], np.uint8),
        counted=np.array(counted, np.int32),
        tally=np.array([symbol_of[name] - n_terminals for name in grammar.tallies], np.int32),
        entry_offsets=_offsets([len(tally.entries) for tally in tallies]),
        entry=np.array([n for tally in tallies for entry in tally.entries for n in numbers(entry.symbols)], np.int32),
        entry_flags=np.array(
            [e.once | e.required << 1 | e.marked << 2 for tally in tallies for e in tally.entries], np.uint8
        ),
        separator_offsets=_offsets([len(tally.separator) for tally in tallies]),
        separator=np.array([n for tally in tallies for n in numbers(tally.separator)], np.int32),
        tally_bounds=np.array([bound for tally in tallies for bound in _bounds(tally)], np.int32),
    )


def _written_down(machines: list[Automaton | CountedAutomaton]) -> tuple[list[Automaton], list[int]]:
    """The automata of terminals and of the parts of counted repeats, and how these are put together."""
    written = [machine.unbounded if isinstance(machine, CountedAutomaton) else machine for machine in machines]
    counted: list[int] = []
    number: dict[tuple, int] = {}
    for terminal, machine in enumerate(machines):
        if not isinstance(machine, CountedAutomaton):
            continue
        parts = []
        for part in (machine.before, machine.unit, machine.after):
            parts.append(number.setdefault(part.key(), len(written)))
            if parts[-1] == len(written):
                written.append(part)
        counted += [terminal, *parts, machine.least, -1 if machine.most is None else machine.most]
    return written, counted


def _bounds(tally: Tally) -> list[int]:
    bounds = (tally.least, tally.most, tally.least_marked, tally.most_marked)
    return [-1 if bound is None else min(bound, MOST) for bound in bounds]


def _offsets(sizes: list[int]) -> np.ndarray:
    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def _joined(arrays: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)
