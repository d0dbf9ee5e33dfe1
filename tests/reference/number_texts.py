"""Which texts of numbers the JSON Schema front end promises to take, decided text by text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fractions import Fraction

TEXT = re.compile(r"(?P<whole>0|[1-9][0-9]*)(\.(?P<fraction>[0-9]+))?([eE](?P<exponent>[+-]?[0-9]+))?", re.ASCII)


def is_number(text: str) -> bool:
    try:
        return type(json.loads(text)) in (int, float) and text == text.strip()
    except ValueError:
        return False


def number_texts(alphabet: str, length: int) -> list[str]:
    """All texts of at most so many characters that ``json.loads`` takes as numbers."""
    found, prefixes = [], [""]
    for _ in range(length):
        prefixes = [prefix + char for prefix in prefixes for char in alphabet]
        prefixes = [prefix for prefix in prefixes if is_number(prefix + "0") or is_number(prefix)]
        found += filter(is_number, prefixes)
    return found


def _decimals(step: Fraction) -> int:
    return next(count for count in range(10_000) if 10**count % step.denominator == 0)


def _without_twos_and_fives(number: int) -> int:
    for prime in (2, 5):
        while number % prime == 0:
            number //= prime
    return number


def in_family(
    text: str, magnitudes: Iterable[Fraction], steps: Iterable[Fraction], not_steps: Iterable[Fraction]
) -> bool:
    """Whether a text is spelled in a way that the front end promises to understand.

    Parameters
    ----------
    text : str
        A JSON number.
    magnitudes : iterable of Fraction
        Bounds and excluded values of the text's sign, the sign taken away.
    steps, not_steps : iterable of Fraction
        What is to be a divisor of the value, and what is not.
    """
    found = TEXT.fullmatch(text.removeprefix("-"))
    whole, fraction, exponent = found["whole"], found["fraction"] or "", found["exponent"]
    if exponent is None or Fraction(f"{whole}.{fraction or 0}") == 0:
        return True
    power = int(exponent)
    longest = max((len(str(int(magnitude))) for magnitude in magnitudes), default=0)
    scientific = len(whole) == 1 and whole != "0" and -308 <= power <= 308
    scaled = (len(whole) <= 3 or len(whole) > longest) and whole != "0" and 0 <= power <= 308
    if not scientific and not scaled:
        return False
    steps, not_steps = list(steps), list(not_steps)
    if not (steps or not_steps) or set(fraction) <= {"0"}:
        return True
    factor = 1
    for step in steps + not_steps:
        factor *= _without_twos_and_fives(int(step * 10 ** _decimals(step)))
    return (
        len(whole) == 1
        and len(fraction) <= max(1, 3 // factor)
        and all(len(fraction) - power <= _decimals(step) for step in steps)
        and not (not_steps and fraction.endswith("0"))
    )
