"""Whether digits make a multiple of a number, digit by digit."""

from __future__ import annotations

import math
from fractions import Fraction

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.options import Limits

__all__ = ["Divisor", "decimal_places"]

_BITS_PER_FIVE = math.log2(5)
_BITS_PER_DIGIT = math.log2(10)


def decimal_places(value: Fraction) -> int:
    """Count the digits after the point that a number needs.

    Raises
    ------
    GrammarError
        No number of them is enough.
    """
    twos = (value.denominator & -value.denominator).bit_length() - 1
    odd = value.denominator >> twos
    fives = int(odd.bit_length() / _BITS_PER_FIVE)
    if odd != 5**fives:
        raise GrammarError(f"{value} is not a decimal")
    return max(twos, fives)


class Divisor:
    """A decimal step, ``modulus / 10**places`` in lowest terms, and the residues of what is read.

    A residue is that of the digits as one integer, the point ignored.  Of the
    residues that no further digits tell apart one stands for all, so that they
    are as few as the states of a minimal automaton, or nearly.

    Parameters
    ----------
    step : Fraction
        Positive decimal.
    negated : bool
        Whether multiples are ruled out rather than asked for.
    limits : Limits
        ``regex_states`` bounds the residues.
    """

    __slots__ = ("_kept", "_powers", "_reach", "_representatives", "_rows", "modulus", "negated", "odd_part", "places")

    def __init__(self, step: Fraction, negated: bool, limits: Limits) -> None:
        self.places = decimal_places(step)
        self.modulus = int(step * 10**self.places)
        self.negated = negated
        # Digits after which every remainder can be made up for.
        reach = int(self.modulus.bit_length() / _BITS_PER_DIGIT) + 1
        if reach * reach > limits.regex_states:
            raise LimitExceeded("regex_states", f"about {reach * reach}", limits.regex_states, "multiples")
        odd = self.modulus // (self.modulus & -self.modulus)
        while odd % 5 == 0:
            odd //= 5
        if 10 * odd > limits.regex_states:
            raise LimitExceeded("regex_states", f"{10 * odd} edges", limits.regex_states, "multiples")
        self.odd_part = odd
        self._reach = 0 if odd == self.modulus else reach
        self._representatives: dict[tuple[int, ...], int] = {}
        self._kept: dict[int, int] = {}
        self._powers: dict[int, int | None] = {}
        self._rows: dict[int, tuple[int, ...]] = {}

    def canonical(self, number: int) -> int:
        """Give the residue that stands for a number's."""
        residue = number % self.modulus
        if not self._reach:
            return residue
        kept = self._kept.get(residue)
        if kept is None:
            # After `more` digits, they must make up for what is missing to a multiple: possible or not.
            key, power = [], 1
            for _ in range(self._reach + 1):
                missing = -power * residue % self.modulus
                key.append(missing if missing < power else -1)
                power *= 10
            kept = self._kept[residue] = self._representatives.setdefault(tuple(key), residue)
        return kept

    def row(self, residue: int) -> tuple[int, ...]:
        """Give the residues after each further digit, 0 to 9."""
        row = self._rows.get(residue)
        if row is None:
            row = self._rows[residue] = tuple(self.canonical(10 * residue + digit) for digit in range(10))
        return row

    def least_power(self, residue: int) -> int | None:
        """Give the number of zeros that, appended, make a multiple of ``modulus``; None where none do."""
        if residue in self._powers:
            return self._powers[residue]
        power: int | None = None
        if residue % self.odd_part == 0:
            power, rest = 0, residue
            while rest % self.modulus:
                rest = rest * 10 % self.modulus
                power += 1
        self._powers[residue] = power
        return power
