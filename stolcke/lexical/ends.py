"""How the terminals of a grammar begin and end, as far as restrictions tell it apart.

A text is cut into matches of terminals.  Between two of them stands a *boundary*, and there is one at each end of the
text.  What stands before a boundary is of some *left type*: the character that a match ends with, and what its terminal
asks of the next one.  What stands behind it is of some *right type*, likewise.  A grammar's restrictions come to one
relation: which left types may meet which right types.  Types that may meet the same are one, so that most grammars have
two or three; sets of them are held as the bits of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from stolcke.deadline import Deadline
from stolcke.errors import RegexError
from stolcke.grammar.patterns import Choice, Counted, Literal, Machine, Pattern, Repeat, Sequence, Special
from stolcke.grammar.printing import terminal_title
from stolcke.grammar.terminals import Neighbour, TerminalDefinition, error_at, regex_error_in
from stolcke.lexer import Automaton, CountedAutomaton, automaton, edge_variants
from stolcke.lexer.boolean import difference, intersection, unreserved
from stolcke.lexer.charsets import ANY, Bounds, complement, intersect, union
from stolcke.lexer.outer_characters import outer_characters
from stolcke.lexer.regex_syntax import Characters
from stolcke.options import Limits

__all__ = ["Ends", "Variant", "ones"]

EDGE = -1
"""Stands for a set of characters where the text ends or begins, or a special token stands."""

_Type = tuple[int, Neighbour | None]
"""A set of characters, by its number, and what the terminal asks of its neighbour."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the alternatives that make up a terminal; each may ask for other neighbours."""

    pattern: Pattern
    precede: Neighbour | None
    follow: Neighbour | None
    reserved: tuple[Pattern, ...]


def variants(definition: TerminalDefinition, limits: Limits) -> tuple[Variant, ...]:
    """What a terminal is a choice of: assertions of its expressions ask for neighbours, too."""
    if isinstance(definition.pattern, Special):
        return (Variant(definition.pattern, None, None, ()),)
    try:
        split = edge_variants(definition.pattern, limits)
    except RegexError as error:
        raise regex_error_in(error, definition) from error
    return tuple(
        Variant(pattern, _both(definition.precede, precede), _both(definition.follow, follow), definition.reserved)
        for pattern, precede, follow in split
    )


def _both(one: Neighbour | None, other: Neighbour | None) -> Neighbour | None:
    if one is None or other is None:
        return one or other
    return Neighbour(intersect(one.characters, other.characters), one.edge and other.edge)


class Ends:
    """The types of all terminals.

    Parameters
    ----------
    terminals : mapping of str to TerminalDefinition
    unseen : collection of str
        Declared terminals that no text stands for.
    limits : Limits
    deadline : Deadline

    Attributes
    ----------
    firsts, lasts : dict of str to int
        Of each terminal, the right types that it begins with, and the left types that it ends with.  None for one that
        matches nothing.
    meets : list of int
        Of each left type, the right types that may meet it.
    start : int
        The left type of the text's beginning.
    end : int
        The right type of its end, as a set.

    Raises
    ------
    GrammarError
        Where a terminal has bytes that are no characters, which restrictions are about.
    """

    def __init__(
        self,
        terminals: Mapping[str, TerminalDefinition],
        unseen: Collection[str],
        limits: Limits,
        deadline: Deadline,
    ) -> None:
        self._terminals = terminals
        self._limits = limits
        self._variants = {name: variants(definition, limits) for name, definition in terminals.items()}
        every = [each for several in self._variants.values() for each in several]
        # Which characters the restrictions tell apart: those behind a boundary, and those before it.
        self._behind = _classes(each.follow for each in every)
        self._before = _classes(each.precede for each in every)
        begins: dict[str, set[_Type]] = {}
        ends: dict[str, set[_Type]] = {}
        for name, several in self._variants.items():
            deadline.check(f"looking at the ends of terminal {name}")
            begins[name], ends[name] = set(), set()
            for each in several if name not in unseen else ():
                first, last = self._classes_of(name, each)
                begins[name] |= {(number, each.precede) for number in first}
                ends[name] |= {(number, each.follow) for number in last}
        left = dict.fromkeys([(EDGE, None), *(one for ones in ends.values() for one in sorted(ones, key=_by_class))])
        right = dict.fromkeys([(EDGE, None), *(one for ones in begins.values() for one in sorted(ones, key=_by_class))])
        self._left = _merged(left, lambda one: tuple(self._may_meet(one, other) for other in right))
        self._right = _merged(right, lambda one: tuple(self._may_meet(other, one) for other in left))
        self.meets = [0] * (1 + max(self._left.values()))
        for before, i in self._left.items():
            for behind, k in self._right.items():
                self.meets[i] |= self._may_meet(before, behind) << k
        self.start, self.end = self._left[EDGE, None], 1 << self._right[EDGE, None]
        self.firsts = {name: _bits(self._right[one] for one in ones) for name, ones in begins.items()}
        self.lasts = {name: _bits(self._left[one] for one in ones) for name, ones in ends.items()}

    @property
    def matter(self) -> bool:
        """Whether there are types that may not meet."""
        return len(self.meets) > 1 or len(set(self._right.values())) > 1

    def _may_meet(self, before: _Type, behind: _Type) -> bool:
        return _allows(before[1], self._behind, behind[0]) and _allows(behind[1], self._before, before[0])

    def _classes_of(self, name: str, variant: Variant) -> tuple[list[int], list[int]]:
        """Numbers of the sets that hold the first characters of a variant's texts, and the last ones."""
        pattern = variant.pattern
        if isinstance(pattern, Special):
            return [EDGE], [EDGE]
        is_plain = isinstance(pattern, Literal) and isinstance(pattern.text, str) and not pattern.ignore_case
        if is_plain and pattern.text and not variant.reserved:
            return [_number(self._behind, ord(pattern.text[0]))], [_number(self._before, ord(pattern.text[-1]))]
        machine = unreserved(variant.pattern, variant.reserved, self._limits)
        whole = machine.unbounded if isinstance(machine, CountedAutomaton) else machine
        if len(self._behind) + len(self._before) > 2 and not _is_text(whole):
            definition = self._terminals[name]
            raise error_at(
                f"terminal {definition.variant_of or name} matches bytes that are not UTF-8; %follow and %precede, are "
                "about characters",
                definition.location,
            )
        if not whole.n_states:
            return [], []
        if len(self._behind) + len(self._before) == 2:
            return [0], [0]
        first, last = outer_characters(whole)
        return (
            [i for i, bounds in enumerate(self._behind) if intersect(bounds, first)],
            [i for i, bounds in enumerate(self._before) if intersect(bounds, last)],
        )

    # --- automata ------------------------------------------------------------------------------------------------

    def pattern(self, name: str, first: int, last: int) -> Pattern:
        """What a terminal matches that begins and ends with some of the types given."""
        definition = self._terminals[name]
        several = self._variants[name]
        first &= self.firsts[name]
        last &= self.lasts[name]
        is_whole = first == self.firsts[name] and last == self.lasts[name]
        if is_whole and len(several) == 1 and not several[0].reserved:
            return several[0].pattern
        title = terminal_title(definition)
        parts = []
        for each in several:
            pattern = each.pattern.expanded() if isinstance(each.pattern, Counted) else each.pattern
            machine = unreserved(pattern, each.reserved, self._limits)
            if not is_whole:
                machine = self._part(machine, each, first, last)
            if machine.n_states:
                parts.append(Machine(title, machine))
        return parts[0] if len(parts) == 1 else Machine(title, automaton(Choice(tuple(parts)), self._limits))

    def _part(self, machine: Automaton, variant: Variant, first: int, last: int) -> Automaton:
        """The texts of a variant that begin and end with some of the types given."""
        begins = [self._right.get((i, variant.precede), -1) for i in range(len(self._behind))]
        ends = [self._left.get((i, variant.follow), -1) for i in range(len(self._before))]
        if not all(k < 0 or first >> k & 1 for k in begins):
            chosen = union(self._behind[i] for i, k in enumerate(begins) if k >= 0 and first >> k & 1)
            machine = _beginning(machine, chosen, self._limits)
        if not all(k < 0 or last >> k & 1 for k in ends):
            chosen = union(self._before[i] for i, k in enumerate(ends) if k >= 0 and last >> k & 1)
            machine = _ending(machine, chosen, self._limits)
        return machine


def _by_class(one: _Type) -> tuple[int, tuple]:
    return one[0], () if one[1] is None else (one[1].characters, one[1].edge)


def _bits(numbers: Iterable[int]) -> int:
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def ones(bits: int) -> Iterator[int]:
    """The numbers in a set that is held as bits, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _merged(types: Iterable[_Type], signature: Callable[[_Type], tuple[bool, ...]]) -> dict[_Type, int]:
    """Number types, those of equal signature alike."""
    numbers: dict[tuple[bool, ...], int] = {}
    return {one: numbers.setdefault(signature(one), len(numbers)) for one in types}


def _classes(neighbours: Iterable[Neighbour | None]) -> list[Bounds]:
    """The sets of characters that some neighbours tell apart; together all characters, none of them empty."""
    classes = [ANY]
    for characters in dict.fromkeys(each.characters for each in neighbours if each is not None):
        parts = [intersect(one, side) for one in classes for side in (characters, complement(characters))]
        classes = [part for part in parts if part]
    return classes


def _number(classes: list[Bounds], character: int) -> int:
    return next(i for i, bounds in enumerate(classes) if intersect(bounds, (character, character + 1)))


def _allows(neighbour: Neighbour | None, classes: list[Bounds], number: int) -> bool:
    if neighbour is None:
        return True
    if number == EDGE:
        return neighbour.edge
    # A class is within the set or outside of it.
    return bool(intersect(classes[number], neighbour.characters))


def _set(bounds: Bounds) -> Pattern:
    return Characters(bounds)  # type: ignore[return-value]  # a leaf that patterns have while they become automata


_ANYTHING = Repeat(_set(ANY), 0, None)


@lru_cache(maxsize=256)
def _is_text(machine: Automaton) -> bool:
    return not difference(machine, automaton(_ANYTHING)).n_states


@lru_cache(maxsize=4096)
def _beginning(machine: Automaton, bounds: Bounds, limits: Limits) -> Automaton:
    """The texts that begin with a character of a set."""
    if bounds == ANY:
        return machine
    return intersection(machine, automaton(Sequence((_set(bounds), _ANYTHING)), limits), limits)


@lru_cache(maxsize=4096)
def _ending(machine: Automaton, bounds: Bounds, limits: Limits) -> Automaton:
    """The texts that end with a character of a set."""
    if bounds == ANY:
        return machine
    return intersection(machine, automaton(Sequence((_ANYTHING, _set(bounds))), limits), limits)
