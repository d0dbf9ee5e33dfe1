r"""The JSON texts of the numbers of a set, as an automaton.

Which texts have a value in a set is not a regular question: ``1000e-3`` needs
digits to be counted against an exponent.  Hence the automaton takes exactly
the texts of a regular *family* whose value, read without rounding, is in the
set.  The family holds

- every text without an exponent, of any length: ``5``, ``5.0``, ``-0``, ``0.050``;
- zero with any exponent: ``0e5``, ``-0.00E-7``;
- one digit 1-9 before the point, any fraction, and an exponent from -308 to
  308, leading zeros and ``+`` allowed: ``1e5``, ``1.25E-03``, ``9.0e+00``;
- up to three digits before the point, the first not 0, any fraction, and an
  exponent from 0 to 308: ``12e3``, ``150.5e1``.  More than three too where
  that is more than every bound and excluded value has before its point.

Where multiples are asked for or ruled out, integers included, a fraction before
an exponent is all zeros (``10.00e2``) or follows a single digit, has at most
three digits (fewer for steps with large factors other than 2 and 5:
:func:`fraction_digits`) and as many decimals as the step at most, once the
exponent has moved its point: ``1.50e2`` denotes an integer, and so does
``1.5e1``, while ``1.50e1`` is left out, being written with a decimal.  Where
they are ruled out, such a fraction does not end in 0.

Of a sign without any condition, zero included, every text is in the family.

Exponents stop at 308 since readers with binary floats make infinity or zero of
larger ones, which then violates bounds that the number as written meets.  For
the same reason such a reader may still see 5 in ``4.99999999999999999999``,
which is less than 5 and so is taken where 5 is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from stolcke._core.minimize import minimize
from stolcke.errors import LimitExceeded
from stolcke.frontends.json_schema import exponents
from stolcke.frontends.json_schema.divisibility import Divisor, decimal_places
from stolcke.frontends.json_schema.exponents import Exponents
from stolcke.lexer.automaton import Automaton
from stolcke.options import Limits

__all__ = ["EXPONENT", "INTEGER_DIGITS", "Magnitudes", "fraction_digits", "texts"]

# Largest exponent, in either direction, and digits before the point of a number that is not zero and has one.
EXPONENT = 308
INTEGER_DIGITS = 3

# Digits after the point, before an exponent, where multiples are asked for.
_FRACTION_DIGITS = 3

# How the digits read compare with those of a bound, once they differ; else how many are the same.
_LESS, _GREATER = -1, -2

# What is known of a fraction that an exponent may still follow.
_NO_EXPONENT, _ANY, _ALL_ZEROS, _ENDS_NONZERO, _ENDS_ZERO = range(5)

State = tuple
Moves = list[tuple[int, int, State]]

# Where no digit has been compared with any bound or excluded value.
_START: State = ("start", 0, 0, 0, 0)

_DOT, _MINUS, _ZERO = b".-0"


@dataclass(frozen=True, slots=True)
class Magnitudes:
    """What the digits of one sign may denote.

    Attributes
    ----------
    least, most : Fraction or None
        Bounds, positive; ``most`` may be zero.
    least_open, most_open : bool
    excluded : frozenset of Fraction
        Positive values left out.
    zero : bool
        Whether zero is allowed; ``least`` says nothing of it.
    """

    least: Fraction | None
    least_open: bool
    most: Fraction | None
    most_open: bool
    excluded: frozenset[Fraction]
    zero: bool


def fraction_digits(divisors: tuple[Divisor, ...]) -> int:
    """Digits of a fraction that is not all zeros and that an exponent follows, at most."""
    factor = 1
    for divisor in divisors:
        factor *= divisor.odd_part
    return max(1, _FRACTION_DIGITS // factor)


class _Bound:
    """A positive decimal: significant digits, the last not 0, and the exponent of the first."""

    __slots__ = ("digits", "exponent")

    def __init__(self, value: Fraction) -> None:
        places = decimal_places(value)
        digits = list(Decimal(int(value * 10**places)).as_tuple().digits)
        self.exponent = len(digits) - places - 1
        while digits[-1] == 0:
            digits.pop()
        self.digits = digits

    def advance(self, known: int, digit: int) -> int:
        """Compare one more digit, when the first ``known`` are the same."""
        if known < 0:
            return known
        expected = self.digits[known] if known < len(self.digits) else 0
        if digit == expected:
            return min(known + 1, len(self.digits))
        return _LESS if digit < expected else _GREATER

    def cut(self, known: int) -> int:
        """Give the digit at which the next comparison turns."""
        return self.digits[known] if 0 <= known < len(self.digits) else 0

    def order(self, known: int) -> int:
        """-1, 0 or 1 as the digits read, followed by zeros, are less, the same or more."""
        if known == _GREATER:
            return 1
        return 0 if known == len(self.digits) else -1


class _Excluded:
    """Excluded values: a trie of their significant digits, with the exponents of those that end at a node."""

    __slots__ = ("all_exponents", "children", "exponents")

    def __init__(self, values: frozenset[Fraction]) -> None:
        self.children: list[dict[int, int]] = [{}]
        self.exponents: list[set[int]] = [set()]
        for bound in map(_Bound, values):
            node = 0
            for digit in bound.digits:
                node = self.children[node].setdefault(digit, len(self.children))
                if node == len(self.children):
                    self.children.append({})
                    self.exponents.append(set())
            self.exponents[node].add(bound.exponent)
        self.all_exponents = set().union(*self.exponents)
        # Zeros that follow change nothing; children have larger numbers, so that sets are whole when passed on.
        node = 0
        while node < len(self.children):
            if self.exponents[node]:
                children = self.children[node]
                if 0 not in children and children:
                    children[0] = len(self.children)
                    self.children.append({})
                    self.exponents.append(set())
                self.exponents[children.setdefault(0, node)] |= self.exponents[node]
            node += 1

    def advance(self, node: int, digit: int) -> int:
        """Give the node that a digit leads to, -1 where no excluded value begins so."""
        return self.children[node].get(digit, -1) if node >= 0 else -1


class _Side:
    """The texts of one sign, state by state, for a set that is not all of them."""

    __slots__ = (
        "_tells_digits",
        "allowed",
        "divisors",
        "excluded",
        "fraction",
        "free_from",
        "lower",
        "most_places",
        "most_zeros",
        "places",
        "upper",
    )

    def __init__(self, allowed: Magnitudes, divisors: tuple[Divisor, ...]) -> None:
        self.allowed = allowed
        self.lower = None if allowed.least is None else _Bound(allowed.least)
        self.upper = _Bound(allowed.most) if allowed.most else None
        self.excluded = _Excluded(allowed.excluded)
        self.divisors = divisors
        self.most_places = max([0, *(divisor.places for divisor in divisors)])
        self._tells_digits = any(divisor.modulus > 1 for divisor in divisors)
        self.fraction = fraction_digits(divisors) if divisors else 0
        magnitudes = [bound.exponent for bound in (self.lower, self.upper) if bound] + sorted(
            self.excluded.all_exponents
        )
        # From this many digits before the point on, none of the values that matter has as many.
        self.free_from = max([0, *magnitudes]) + 2
        self.most_zeros = max([0, *(-exponent for exponent in magnitudes), self.most_places])
        # From this many digits after the point on, none more is counted.
        self.places = max(self.fraction, self.most_places) + 1 if divisors else 0

    # A state is ("integer", digits, lower, upper, node, marks) or
    # ("fraction" or "point", digits, lower, upper, node, places, mode, marks): digits before the point, up to
    # `free_from` (the exponent of the first digit is one less), or None where they no longer matter; how the digits
    # compare with the bounds; the node of excluded values; digits after the point, up to `places`; and of each divisor
    # whether the text so far is a multiple, or None while its residue says so, and that residue.

    def _advance(self, state: State, digit: int) -> tuple[int, int, int]:
        _, _, lower, upper, node = state[:5]
        return (
            self.lower.advance(lower, digit) if self.lower else 0,
            self.upper.advance(upper, digit) if self.upper else 0,
            self.excluded.advance(node, digit),
        )

    def _first(self, start: State, digit: int) -> State:
        """Read the first digit of all, not 0."""
        return ("integer", 1, *self._advance(start, digit), tuple((None, d.canonical(digit)) for d in self.divisors))

    def _more(self, state: State) -> Moves:
        """Give the moves by one more digit before the point."""
        _, digits, lower, upper, node, marks = state
        digits = min(digits + 1, self.free_from)
        if self.upper and digits - 1 > self.upper.exponent:
            return []
        beyond = self.lower is not None and digits - 1 > self.lower.exponent
        found: Moves = []
        rows = [divisor.row(residue) for divisor, (_, residue) in zip(self.divisors, marks, strict=True)]
        for first, last in self._ranges(lower, upper, node, self._tells_digits):
            less, more, word = self._advance(state, first)
            marks = tuple((None, row[first]) for row in rows)
            target = (
                "integer",
                digits,
                _GREATER if beyond else less,
                more,
                word if digits < self.free_from else -1,
                marks,
            )
            found.append((_ZERO + first, _ZERO + last, target))
        return found

    def _point(self, state: State) -> State | None:
        """Read the point after digits that do not begin with 0."""
        _, digits, lower, upper, node, marks = state
        mode = _NO_EXPONENT
        if digits <= INTEGER_DIGITS or digits >= self.free_from:
            mode = _ALL_ZEROS if self.divisors else _ANY
        else:
            # Not even zeros are counted any more, so a divisor without decimals has its answer.
            marks = tuple(
                (None if divisor.places else divisor.least_power(residue) == 0, residue)
                for divisor, (_, residue) in zip(self.divisors, marks, strict=True)
            )
        return self._settled("point", digits, lower, upper, node, 0, mode, marks)

    def _settled(
        self, kind: str, digits: int, lower: int, upper: int, node: int, places: int, mode: int, marks: tuple
    ) -> State | None:
        """Forget what no longer matters; None where nothing can follow."""
        if mode == _NO_EXPONENT:
            if digits is not None:
                exponent = digits - 1
                if self.lower and exponent != self.lower.exponent:
                    lower = _LESS if exponent < self.lower.exponent else _GREATER
                if self.upper and exponent != self.upper.exponent:
                    upper = _LESS if exponent < self.upper.exponent else _GREATER
                if exponent not in self.excluded.all_exponents:
                    node = -1
            if (self.lower and lower == _LESS) or (self.upper and upper == _GREATER):
                return None
            if node < 0:
                # How many digits are before the point is told by the comparisons.
                digits = None
            for divisor, (multiple, _) in zip(self.divisors, marks, strict=True):
                if multiple is False and not divisor.negated:
                    return None
            marks = tuple((m, r if m is None else 0) for m, r in marks)
            if any(multiple and not d.negated for d, (multiple, _) in zip(self.divisors, marks, strict=True)):
                # Only zeros may follow.
                if not self.takes(("fraction", digits, lower, upper, node, places, mode, marks)):
                    return None
                answers = tuple((not divisor.negated, 0) for divisor in self.divisors)
                return (kind, None, _GREATER, _LESS, -1, 0, mode, answers)
            if all(multiple is not None for multiple, _ in marks):
                places = 0
        return (kind, digits, lower, upper, node, places, mode, marks)

    def _decimal(self, state: State, digit: int) -> State | None:
        """Read one digit after the point."""
        _, digits, _, _, _, places, mode, marks = state
        lower, upper, node = self._advance(state, digit)
        if mode == _ALL_ZEROS and digit == 0:
            # Zeros are counted only as far as a digit that is none, after them, may still belong to a multiple.
            places = min(places + 1, max(self.most_places, self.fraction if digits == 1 else 0))
            return self._settled("fraction", digits, lower, upper, node, places, mode, marks)
        places = min(places + 1, self.places)
        if mode == _ALL_ZEROS:
            shifted = []
            for divisor, (_, residue) in zip(self.divisors, marks, strict=True):
                for _ in range(places - 1):
                    residue = divisor.row(residue)[0]
                shifted.append((None if places <= divisor.places else False, residue))
            marks = tuple(shifted)
            mode = _ENDS_NONZERO if digits == 1 else _NO_EXPONENT
        elif mode >= _ENDS_NONZERO:
            mode = _ENDS_NONZERO if digit or not any(d.negated for d in self.divisors) else _ENDS_ZERO
        if mode >= _ENDS_NONZERO and places > self.fraction:
            mode = _NO_EXPONENT
        marks = tuple(
            self._mark(divisor, multiple, residue, digit, places)
            for divisor, (multiple, residue) in zip(self.divisors, marks, strict=True)
        )
        return self._settled("fraction", digits, lower, upper, node, places, mode, marks)

    @staticmethod
    def _mark(divisor: Divisor, multiple: bool | None, residue: int, digit: int, places: int) -> tuple:
        residue = divisor.row(residue)[digit]
        if multiple is None:
            return (divisor.least_power(residue) == 0 if places == divisor.places else None, residue)
        return (multiple and digit == 0, residue)

    def _zeros(self, state: State, digit: int) -> State | None:
        """Read a digit after ``0.`` and zeros."""
        zeros = state[1]
        if digit == 0:
            return ("zeros", min(zeros + 1, self.most_zeros), True)
        lower, upper, node = self._advance(_START, digit)
        places = zeros + 1
        marks = tuple(
            (
                (d.least_power(d.canonical(digit)) == 0 if places == d.places else None)
                if places <= d.places
                else False,
                d.canonical(digit),
            )
            for d in self.divisors
        )
        return self._settled("fraction", 1 - places, lower, upper, node, places, _NO_EXPONENT, marks)

    def takes(self, state: State) -> bool:
        """Whether the text may end."""
        kind = state[0]
        if kind in ("zero", "zeros"):
            return self.allowed.zero and state[-1]
        if kind == "point":
            return False
        _, digits, lower, upper, node, *rest = state
        marks = rest[-1]
        places, mode = (0, _ANY) if kind == "integer" else rest[:2]
        exponent = None if digits is None else digits - 1
        if self.lower:
            order = self.lower.order(lower)
            if mode != _NO_EXPONENT and exponent != self.lower.exponent:
                order = exponent - self.lower.exponent
            if order < 0 or (order == 0 and self.allowed.least_open):
                return False
        if self.upper:
            order = self.upper.order(upper)
            if mode != _NO_EXPONENT and exponent != self.upper.exponent:
                order = exponent - self.upper.exponent
            if order > 0 or (order == 0 and self.allowed.most_open):
                return False
        if node >= 0 and exponent in self.excluded.exponents[node]:
            return False
        for divisor, (multiple, residue) in zip(self.divisors, marks, strict=True):
            if multiple is None:
                power = divisor.least_power(residue)
                room = divisor.places - (0 if mode == _ALL_ZEROS else places)
                multiple = power is not None and power <= room
            if multiple is divisor.negated:
                return False
        return True

    def exponents(self, state: State) -> Exponents:
        """Find the exponents that may follow digits."""
        kind, digits, lower, upper, node, *rest = state
        marks = rest[-1]
        places, mode = (0, _ALL_ZEROS) if kind == "integer" else rest[:2]
        if kind == "integer" and not (digits <= INTEGER_DIGITS or digits >= self.free_from):
            return ()
        if kind == "point" or mode in (_NO_EXPONENT, _ENDS_ZERO):
            return ()
        least, most = (-EXPONENT if digits == 1 else 0), EXPONENT
        if self.lower:
            order = self.lower.order(lower)
            same = order > 0 or (order == 0 and not self.allowed.least_open)
            least = max(least, self.lower.exponent - digits + (1 if same else 2))
        if self.upper:
            order = self.upper.order(upper)
            same = order < 0 or (order == 0 and not self.allowed.most_open)
            most = min(most, self.upper.exponent - digits + (1 if same else 0))
        for divisor, (_, residue) in zip(self.divisors, marks, strict=True):
            power = divisor.least_power(residue)
            begin = EXPONENT + 1
            if power is not None:
                begin = (0 if mode == _ALL_ZEROS else places) - divisor.places + power
            if divisor.negated:
                most = min(most, begin - 1)
            else:
                least = max(least, begin)
        found = []
        barred = sorted(e - digits + 1 for e in self.excluded.exponents[node]) if node >= 0 else []
        for exponent in barred:
            if least <= exponent <= most:
                if least < exponent:
                    found.append((least, exponent - 1))
                least = exponent + 1
        if least <= most:
            found.append((least, most))
        return tuple(found)

    def start(self) -> Moves:
        """Give the ways on from where the digits begin."""
        found: Moves = [(_ZERO, _ZERO, ("zero", True))]
        if self.allowed.most != 0:
            found += _moves_by(self._first, _START, self._ranges(0, 0, 0, self._tells_digits, 1))
        return found

    def moves(self, state: State) -> Moves:
        """Give the ways on from a state, in the order of their bytes: first byte, last byte, target."""
        kind = state[0]
        if kind in ("zero", "zeros"):
            if kind == "zero":
                found = [(_DOT, _DOT, ("zeros", 0, False))]
            elif self.allowed.most == 0:
                found = [(_ZERO, _ZERO, ("zeros", 0, True))]
            else:
                found = _moves_by(self._zeros, state, self._ranges(0, 0, 0, self._tells_digits))
            if self.takes(state):
                found += [(byte, byte, _ZERO_EXPONENT) for byte in b"Ee"]
            return found
        if kind == "integer":
            point = self._point(state)
            found = [(_DOT, _DOT, point)] if point else []
            found += self._more(state)
        else:
            found = _moves_by(self._decimal, state, self._ranges(*state[2:5], self._residues_matter(state)))
        following = self.exponents(state)
        if following:
            found += [(byte, byte, ("sign", following)) for byte in b"Ee"]
        return found

    def _residues_matter(self, state: State) -> bool:
        """Whether divisors tell digits after the point apart by more than zero or not."""
        _, digits, _, _, _, places, mode, marks = state
        if mode == _NO_EXPONENT:
            return self._tells_digits and any(multiple is None for multiple, _ in marks)
        if mode == _ALL_ZEROS:
            return self._tells_digits and (places < self.most_places or (digits == 1 and places < self.fraction))
        return self._tells_digits

    def _ranges(self, lower: int, upper: int, node: int, all_apart: bool, first: int = 0) -> list[tuple[int, int]]:
        """Give the digits from ``first`` on in ranges that lead to one state each."""
        if all_apart:
            return [(digit, digit) for digit in range(first, 10)]
        # Zeros alone leave a number what it is.
        cuts = {1}
        if self.lower and lower >= 0:
            cuts |= {self.lower.cut(lower), self.lower.cut(lower) + 1}
        if self.upper and upper >= 0:
            cuts |= {self.upper.cut(upper), self.upper.cut(upper) + 1}
        if node >= 0:
            for digit in self.excluded.children[node]:
                cuts |= {digit, digit + 1}
        begins = [first, *sorted(cut for cut in cuts if first < cut < 10)]
        return list(zip(begins, [*(cut - 1 for cut in begins[1:]), 9], strict=True))


def _moves_by(step: Callable[[State, int], State | None], state: State, ranges: list[tuple[int, int]]) -> Moves:
    """Give the moves by digits, where any of a range shows where all of it leads."""
    found: Moves = []
    for first, last in ranges:
        target = step(state, first)
        if target is not None:
            found.append((_ZERO + first, _ZERO + last, target))
    return found


# States that are the same for every set: what follows zero's ``e``, and the texts without any condition.
_E, _NINE = b"Ee", ord("9")
_ZERO_EXPONENT = ("exponent",)
_SHARED: dict[State, tuple[bool, Moves]] = {
    _ZERO_EXPONENT: (
        False,
        [(byte, byte, ("exponent sign",)) for byte in b"+-"] + [(_ZERO, _NINE, ("exponent digits",))],
    ),
    ("exponent sign",): (False, [(_ZERO, _NINE, ("exponent digits",))]),
    ("exponent digits",): (True, [(_ZERO, _NINE, ("exponent digits",))]),
    ("any zero",): (True, [(_DOT, _DOT, ("any point",))] + [(byte, byte, _ZERO_EXPONENT) for byte in _E]),
    ("any integer",): (
        True,
        [(_DOT, _DOT, ("any point",)), (_ZERO, _NINE, ("any integer",))]
        + [(byte, byte, _ZERO_EXPONENT) for byte in _E],
    ),
    ("any point",): (False, [(_ZERO, _NINE, ("any fraction",))]),
    ("any fraction",): (True, [(_ZERO, _NINE, ("any fraction",))] + [(byte, byte, _ZERO_EXPONENT) for byte in _E]),
}
_ANY_START: Moves = [(_ZERO, _ZERO, ("any zero",)), (_ZERO + 1, _NINE, ("any integer",))]
_ANYTHING = Magnitudes(None, False, None, False, frozenset(), True)

# Kinds of states that belong to one sign's digits.
_SIDED = {"zero", "zeros", "integer", "point", "fraction"}


def texts(
    positive: Magnitudes | None,
    negative: Magnitudes | None,
    step: Fraction | None,
    not_steps: frozenset[Fraction],
    limits: Limits = Limits(),
) -> Automaton:
    """Give the automaton of the texts in the family whose value is in a set.

    Parameters
    ----------
    positive, negative : Magnitudes or None
        What may follow no sign, and a minus; None where nothing may.
    step : Fraction or None
        What every value is a multiple of.
    not_steps : frozenset of Fraction
        What no value is a multiple of.
    limits : Limits
        ``regex_states`` bounds the edges of the automaton before it is minimised.

    Raises
    ------
    LimitExceeded
    """
    divisors = tuple([Divisor(step, False, limits)] if step is not None else []) + tuple(
        Divisor(other, True, limits) for other in sorted(not_steps)
    )
    starts: dict[State, tuple[_Side | None, Moves]] = {}
    sides: dict[Magnitudes, _Side] = {}
    for state, allowed in ((("plus",), positive), (("minus",), negative)):
        if allowed is None:
            starts[state] = (None, [])
        elif not divisors and allowed == _ANYTHING:
            starts[state] = (None, _ANY_START)
        else:
            side = sides.setdefault(allowed, _Side(allowed, divisors))
            starts[state] = (side, side.start())
    owner, moves = starts["plus",]
    starts["plus",] = (owner, [(_MINUS, _MINUS, ("minus",)), *moves])

    numbers: dict[tuple[_Side | None, State], int] = {(None, ("plus",)): 0}
    waiting = list(numbers)
    offsets, low, high, target, accepting = [0], [], [], [], []
    while len(accepting) < len(waiting):
        owner, state = waiting[len(accepting)]
        if state in starts:
            takes = False
            owner, moves = starts[state]
        elif state in _SHARED:
            takes, moves = _SHARED[state]
        elif owner is None:
            takes, moves = exponents.takes(state), exponents.moves(state)
        else:
            takes, moves = owner.takes(state), owner.moves(state)
        for first, last, following in moves:
            key = (owner if following[0] in _SIDED else None, following)
            number = numbers.setdefault(key, len(waiting))
            if number == len(waiting):
                waiting.append(key)
            low.append(first)
            high.append(last)
            target.append(number)
        offsets.append(len(target))
        accepting.append(takes)
        if len(target) > limits.regex_states:
            # Edges are counted rather than states, since each costs a step here.
            given = f"more than {limits.regex_states} edges"
            raise LimitExceeded("regex_states", given, limits.regex_states, "number")
    return Automaton(
        *minimize(
            np.array(offsets, np.int32),
            np.array(low, np.uint8),
            np.array(high, np.uint8),
            np.array(target, np.int32),
            np.array(accepting, np.uint8),
        )
    )
