"""Which texts of numbers the JSON Schema front end promises to take, decided text by text."""

from __future__ import annotations

import json
import re
from fractions import Fraction

TEXT = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)


def texts(alphabet: str, length: int) -> list[str]:
    """All texts of at most so many characters that ``json.loads`` takes as numbers."""
    found, prefixes = [], [""]
    for _ in range(length):
        prefixes = [prefix + char for prefix in prefixes for char in alphabet]
        # A prefix of a number becomes one with a 0 after it, or with 0 after a sign and after a point or an e.
        prefixes = [prefix for prefix in prefixes if is_number(prefix) or is_number(prefix + "0")]
        found += [prefix for prefix in prefixes if is_number(prefix)]
    return found


def is_number(text: str) -> bool:
    try:
        return type(json.loads(text)) in (int, float) and text == text.strip()
    except ValueError:
        return False


def odd_part(number: int) -> int:
    for prime in (2, 5):
        while number % prime == 0:
            number //= prime
    return number


def places(step: Fraction) -> int:
    """Decimals of a number."""
    return next(count for count in range(10_000) if 10**count % step.denominator == 0)


def in_family(text: str, *, steps: list[Fraction], not_steps: list[Fraction], magnitudes: list[Fraction]) -> bool:
    """Whether a text is spelled as the front end promises to understand.

    ``steps`` and ``not_steps`` are the multiples asked for (as one) and ruled
    out, ``magnitudes`` the bounds and excluded values of the text's sign.
    """
    _, whole, fraction, exponent = TEXT.fullmatch(text).groups()
    fraction = fraction or ""
    if exponent is None or not (whole + fraction).strip("0"):
        return True
    exponent = int(exponent)
    if whole == "0" or abs(exponent) > 300 or (len(whole) > 1 and exponent < 0):
        return False
    if len(whole) > max([3, *(len(str(int(value))) for value in magnitudes)]) and magnitudes:
        return len(whole) > 3
    if len(whole) > 3 and magnitudes:
        return False
    if not (steps or not_steps) or not fraction.strip("0"):
        return True
    if len(whole) > 1 or (not_steps and fraction.endswith("0")):
        return False
    factor = 1
    for step in [*steps, *not_steps]:
        factor *= odd_part(int(step * 10 ** places(step)))
    if len(fraction) > max(1, 8 // factor):
        return False
    return all(len(fraction) - exponent <= places(step) for step in steps)
