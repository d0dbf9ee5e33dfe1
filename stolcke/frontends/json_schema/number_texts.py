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

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from stolcke._core.numerals import ANYTHING, NOTHING, numerals
from stolcke.errors import LimitExceeded
from stolcke.frontends.json_schema.divisibility import Divisor, decimal_places
from stolcke.lexer.automaton import Automaton
from stolcke.options import Limits

__all__ = ["EXPONENT", "INTEGER_DIGITS", "Magnitudes", "fraction_digits", "texts"]

# Largest exponent, in either direction, and digits before the point of a number that is not zero and has one.
EXPONENT = 308
INTEGER_DIGITS = 3

# Digits after the point, before an exponent, where multiples are asked for.
_FRACTION_DIGITS = 3


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


_ANYTHING = Magnitudes(None, False, None, False, frozenset(), True)


def _digits(value: Fraction) -> tuple[bytes, int]:
    """Give the significant digits of a positive decimal, the last not 0, and the exponent of the first."""
    places = decimal_places(value)
    digits = bytes(Decimal(int(value * 10**places)).as_tuple().digits)
    return digits.rstrip(b"\0"), len(digits) - places - 1


def _side(allowed: Magnitudes) -> tuple:
    """Give the texts of one sign as :func:`stolcke._core.numerals.numerals` takes them."""
    return (
        None if allowed.least is None else (*_digits(allowed.least), allowed.least_open),
        (*_digits(allowed.most), allowed.most_open) if allowed.most else None,
        [_digits(value) for value in allowed.excluded],
        allowed.zero,
        allowed.most == 0,
    )


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
    sides: dict[Magnitudes, int] = {}

    def side(allowed: Magnitudes | None) -> int:
        if allowed is None:
            return NOTHING
        return ANYTHING if not divisors and allowed == _ANYTHING else sides.setdefault(allowed, len(sides))

    plus, minus = side(positive), side(negative)
    fraction = fraction_digits(divisors) if divisors else 0
    given = [_side(allowed) for allowed in sides]
    arrays = numerals(given, plus, minus, list(divisors), fraction, EXPONENT, INTEGER_DIGITS, limits.regex_states)
    if arrays is None:
        # Edges are counted rather than states, since each costs a step.
        found = f"more than {limits.regex_states} edges"
        raise LimitExceeded("regex_states", found, limits.regex_states, "number")
    return Automaton(*arrays)
