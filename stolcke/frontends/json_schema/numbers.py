"""Sets of numbers as JSON Schema describes them: bounds, multiples, integers, exceptions.

A :class:`NumberSet` is a conjunction of conditions on one exact rational
value.  It knows its intersections, its complement and its members;
:mod:`stolcke.frontends.json_schema.number_texts` gives the texts that denote them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.frontends.json_schema.number_texts import Magnitudes, texts
from stolcke.lexer.automaton import Automaton
from stolcke.options import Limits

__all__ = ["NumberSet", "number"]

_ONE = Fraction(1)
_NONE: frozenset[Fraction] = frozenset()


def number(value: int | float | Decimal | str, limits: Limits = Limits()) -> Fraction:
    """Give the exact value of a number of a schema.

    Parameters
    ----------
    value : int, float, Decimal or str
        A float stands for its shortest decimal: 0.1 is one tenth.  A string is
        a JSON number's text.
    limits : Limits
        ``regex_states`` bounds the decimal places before and after the point,
        since each is a state of an automaton.

    Raises
    ------
    GrammarError
        Not a finite number.
    LimitExceeded
    """
    if isinstance(value, int):
        return Fraction(value)
    try:
        decimal = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise GrammarError(f"{value!r} is not a number") from None
    if not decimal.is_finite():
        raise GrammarError(f"{value!r} is not a finite number")
    places = max(abs(decimal.adjusted()), abs(int(decimal.as_tuple().exponent)))
    if decimal and places > limits.regex_states:
        raise LimitExceeded("regex_states", f"{places} decimal places", limits.regex_states, "number")
    return Fraction(decimal) if decimal else Fraction(0)


def _common_multiple(a: Fraction, b: Fraction) -> Fraction:
    """Least positive number that is an integer times each of two positive numbers."""
    return Fraction(math.lcm(a.numerator, b.numerator), math.gcd(a.denominator, b.denominator))


@dataclass(frozen=True, slots=True)
class NumberSet:
    """The numbers that meet every one of some conditions; immutable.

    Fields are normalised: several steps become their least common multiple, an
    integer set has closed bounds that are members of its lattice, conditions
    that say nothing are dropped, and every set found empty is the same one.

    Attributes
    ----------
    least, most : Fraction or None
        Bounds; None where there is none.  All numbers here are decimals:
        denominators divide a power of ten, as in every JSON text.
    least_open, most_open : bool
        Whether the bound itself is left out.
    integer : bool or None
        True: integers only; False: none but the others; None: both.
    steps : frozenset of Fraction
        ``multipleOf``: positive numbers that a member is an integer multiple of.
    not_steps : frozenset of Fraction
        Positive numbers that no member is an integer multiple of.
    excluded : frozenset of Fraction
        Values that are left out.
    """

    least: Fraction | None = None
    least_open: bool = False
    most: Fraction | None = None
    most_open: bool = False
    integer: bool | None = None
    steps: frozenset[Fraction] = _NONE
    not_steps: frozenset[Fraction] = _NONE
    excluded: frozenset[Fraction] = _NONE

    def __post_init__(self) -> None:
        if self.integer is not None or self.steps or self.not_steps:
            self._merge_steps()
        if self._lattice is not None:
            self._draw_in()
        if self.excluded or self.not_steps:
            self._drop_exceptions()
        if self.least is None:
            self._set("least_open", False)
        if self.most is None:
            self._set("most_open", False)
        if self.least is not None and self.most is not None and self.least >= self.most:
            self._settle_point()

    def _set(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)

    def _set_empty(self) -> None:
        for field, value in zip(
            self.__slots__, (_ONE, False, Fraction(0), False, None, _NONE, _NONE, _NONE), strict=True
        ):
            self._set(field, value)

    def _merge_steps(self) -> None:
        """Make one step of all, and leave out exceptions that others imply."""
        steps = {*self.steps, *([_ONE] if self.integer else [])}
        exceptions = {*self.not_steps, *([_ONE] if self.integer is False else [])}
        lattice = None
        for step in steps:
            lattice = step if lattice is None else _common_multiple(lattice, step)
        if lattice is not None and any(lattice / step % 1 == 0 for step in exceptions):
            self._set_empty()
            return
        exceptions = {a for a in exceptions if not any(a != b and a / b % 1 == 0 for b in exceptions)}
        if lattice is not None and lattice.denominator == 1:
            self._set("integer", True)
        else:
            self._set("integer", False if _ONE in exceptions else None)
        self._set("steps", _NONE if lattice in (None, _ONE) else frozenset([lattice]))
        self._set("not_steps", frozenset(exceptions - {_ONE}) if self.integer is False else frozenset(exceptions))

    @property
    def _lattice(self) -> Fraction | None:
        """Step between the multiples that members are among, if any."""
        return next(iter(self.steps)) if self.steps else _ONE if self.integer else None

    def _draw_in(self) -> None:
        """Move the bounds of a set of multiples to the first and last of them that is not left out."""
        step = self._lattice
        if self.least is not None:
            least = math.ceil(self.least / step) * step
            if self.least_open and least == self.least:
                least += step
            while least in self.excluded:
                least += step
            self._set("least", least)
            self._set("least_open", False)
        if self.most is not None:
            most = math.floor(self.most / step) * step
            if self.most_open and most == self.most:
                most -= step
            while most in self.excluded:
                most -= step
            self._set("most", most)
            self._set("most_open", False)

    def _drop_exceptions(self) -> None:
        """Leave out exceptions that are no members anyway; a bound that is one becomes open."""
        if self._lattice is None:
            if self.least is not None and not self._meets(self.least):
                self._set("least_open", True)
            if self.most is not None and not self._meets(self.most):
                self._set("most_open", True)
        kept = [value for value in self.excluded if self._within(value) and self._divides(value)]
        self._set("excluded", frozenset(kept))

    def _settle_point(self) -> None:
        """Tell an empty interval from a single number."""
        value = self.least
        if value > self.most or self.least_open or self.most_open or not self._meets(value):
            self._set_empty()
            return
        for field, content in (("integer", None), ("steps", _NONE), ("not_steps", _NONE), ("excluded", _NONE)):
            self._set(field, content)

    @classmethod
    def point(cls, value: Fraction) -> NumberSet:
        """Give the set of one number."""
        return cls(least=value, most=value)

    def __and__(self, other: NumberSet) -> NumberSet:
        """Give the numbers in both sets."""
        least, least_open = self.least, self.least_open
        if other.least is not None:
            if least is None or other.least > least:
                least, least_open = other.least, other.least_open
            elif other.least == least:
                least_open |= other.least_open
        most, most_open = self.most, self.most_open
        if other.most is not None:
            if most is None or other.most < most:
                most, most_open = other.most, other.most_open
            elif other.most == most:
                most_open |= other.most_open
        integer = other.integer if self.integer is None else self.integer
        not_steps = self.not_steps | other.not_steps
        if other.integer is False:
            not_steps |= {_ONE}
        return NumberSet(
            least,
            least_open,
            most,
            most_open,
            integer,
            self.steps | other.steps | ({_ONE} if other.integer else _NONE),
            not_steps,
            self.excluded | other.excluded,
        )

    def complement(self) -> tuple[NumberSet, ...]:
        """Give all other numbers, as sets whose union they are; the sets may overlap."""
        if self.is_empty:
            return (NumberSet(),)
        parts = []
        if self.least is not None:
            parts.append(NumberSet(most=self.least, most_open=not self.least_open))
        if self.most is not None:
            parts.append(NumberSet(least=self.most, least_open=not self.most_open))
        if self._lattice is not None:
            parts.append(NumberSet(not_steps=frozenset([self._lattice])))
        if self.integer is False:
            parts.append(NumberSet(integer=True))
        parts += [NumberSet(steps=frozenset([step])) for step in sorted(self.not_steps)]
        parts += [NumberSet.point(value) for value in sorted(self.excluded)]
        return tuple(parts)

    def _within(self, value: Fraction) -> bool:
        if self.least is not None and (value <= self.least if self.least_open else value < self.least):
            return False
        return self.most is None or (value < self.most if self.most_open else value <= self.most)

    def _divides(self, value: Fraction) -> bool:
        if self.integer is not None and (value.denominator == 1) is not self.integer:
            return False
        if any(value / step % 1 for step in self.steps):
            return False
        return all(value / step % 1 for step in self.not_steps)

    def _meets(self, value: Fraction) -> bool:
        return self._divides(value) and value not in self.excluded

    def contains(self, value: Fraction) -> bool:
        """Whether a number is in the set."""
        return self._within(value) and self._meets(value)

    def _members(self) -> Iterator[Fraction]:
        """Go through a set that is bounded on both sides and has a lattice, or is one point or none."""
        if self.least == self.most:
            yield self.least
            return
        value, step = self.least, self._lattice
        while value <= self.most:
            if self._meets(value):
                yield value
            value += step

    @property
    def _is_bounded(self) -> bool:
        """Whether there are finitely many members."""
        if self.least is None or self.most is None:
            return False
        return self._lattice is not None or self.least >= self.most

    @property
    def is_empty(self) -> bool:
        """Whether no number is in the set."""
        if not self._is_bounded:
            # An unbounded lattice has, for any steps that it does not consist of, members between their multiples.
            return False
        return self.least > self.most or next(self._members(), None) is None

    def finite(self, limit: int) -> tuple[Fraction, ...] | None:
        """Give all members in order; None where there are more than ``limit``."""
        if not self._is_bounded:
            return None
        found: list[Fraction] = []
        if self.least > self.most:
            return ()
        for value in self._members():
            if len(found) == limit:
                return None
            found.append(value)
        return tuple(found)

    def automaton(self, limits: Limits = Limits()) -> Automaton:
        """Give the automaton of the JSON number texts that denote members, remembered by set.

        Which texts these are is said in :mod:`~stolcke.frontends.json_schema.number_texts`.

        Raises
        ------
        LimitExceeded
            More states than ``regex_states`` allows, from large steps or long bounds.
        """
        return _automaton(self, limits)


def _magnitudes(
    least: Fraction | None,
    least_open: bool,
    most: Fraction | None,
    most_open: bool,
    excluded: frozenset[Fraction],
    zero: bool,
) -> Magnitudes | None:
    """Give what the texts without a sign may denote."""
    if most is not None and (most < 0 or (most == 0 and not zero)):
        return None
    if least is not None and least <= 0:
        least, least_open = None, False
    return Magnitudes(least, least_open, most, most_open, frozenset(v for v in excluded if v > 0), zero)


@lru_cache(maxsize=1024)
def _automaton(numbers: NumberSet, limits: Limits) -> Automaton:
    least, most, zero = numbers.least, numbers.most, numbers.contains(Fraction(0))
    positive = _magnitudes(least, numbers.least_open, most, numbers.most_open, numbers.excluded, zero)
    negative = _magnitudes(
        None if most is None else -most,
        numbers.most_open,
        None if least is None else -least,
        numbers.least_open,
        frozenset(-value for value in numbers.excluded),
        zero,
    )
    not_steps = numbers.not_steps | ({_ONE} if numbers.integer is False else _NONE)
    return texts(positive, negative, numbers._lattice, not_steps, limits)
