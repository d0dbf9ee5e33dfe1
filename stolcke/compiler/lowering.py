"""Grammar -> arrays: the part of compilation that no vocabulary is needed for.

:func:`lower` reads top to bottom as the pipeline it is: automata of the
terminals, rules as integers, what matches nothing is trimmed away, lists are
folded, ``%ignore`` is written out, and what remains is numbered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from stolcke._core.ignored import write_ignore
from stolcke._core.lists import fold_lists
from stolcke._core.rules import Rules, mention_weights
from stolcke._core.written import WrittenRules
from stolcke.compiler import distributed
from stolcke.compiler.arrays import GrammarArrays, Names, TerminalMachine
from stolcke.deadline import Deadline
from stolcke.errors import GrammarError, LimitExceeded, RegexError
from stolcke.grammar.model import Grammar, Terminal, TerminalDefinition, error_at
from stolcke.grammar.patterns import Counted, Machine, Special
from stolcke.grammar.printing import terminal_title
from stolcke.grammar.terminals import regex_error_in
from stolcke.grammar.weights import ignore_weights, rule_weights
from stolcke.lexer import Automaton, automaton, terminal_automaton
from stolcke.lexical import joined_with_ignored, without_restrictions
from stolcke.options import Limits, Options
from stolcke.weights import Distribution

__all__ = ["lower"]


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
