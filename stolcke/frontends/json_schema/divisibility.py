"""Whether digits make a multiple of a number, digit by digit."""

from __future__ import annotations

import math
from fractions import Fraction

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.options import Limits

__all__ = ["Divisor"]


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

    __slots__ = ("_kept", "_next", "_powers", "_reach", "_representatives", "modulus", "negated", "odd_part", "places")

    def __init__(self, step: Fraction, negated: bool, limits: Limits) -> None:
        places, unit = 0, step.denominator
        while unit % 10 == 0:
            unit //= 10
            places += 1
        twos = (unit & -unit).bit_length() - 1
        fives = 0
        while unit % 5 == 0:
            unit //= 5
            fives += 1
        if unit >> twos != 1:
            raise GrammarError(f"{step} is not a decimal")
        self.places = places + max(twos, fives)
        self.modulus = int(step * 10**self.places)
        self.negated = negated
        odd = self.modulus
        for prime in (2, 5):
            while odd % prime == 0:
                odd //= prime
        self.odd_part = odd
        if max(odd, self.places) > limits.regex_states:
            raise LimitExceeded(
                "regex_states", f"at least {max(odd, self.places)}", limits.regex_states, f"step {step}"
            )
        # Digits after which every remainder can be made up for.
        self._reach = 0 if math.gcd(self.modulus, 10) == 1 else len(str(self.modulus))
        self._representatives: dict[tuple[int, ...], int] = {}
        self._kept: dict[int, int] = {}
        self._powers: dict[int, int | None] = {}
        self._next: dict[tuple[int, int], int] = {}

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

    def advance(self, residue: int, digit: int) -> int:
        """Read one more digit."""
        following = self._next.get((residue, digit))
        if following is None:
            following = self._next[residue, digit] = self.canonical(10 * residue + digit)
        return following

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
