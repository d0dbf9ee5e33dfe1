"""The texts of the exponents in a set of integers, after ``e`` or ``E``, state by state."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["Exponents", "moves", "takes"]

# Sorted, disjoint ranges of integers, both ends included, none of more than three digits.
Exponents = tuple[tuple[int, int], ...]

_DIGITS = 3

# States: ("sign", exponents), where a sign or a digit follows; ("digits", exponents, ended), where digits of a
# number among them follow, after zeros if `ended`; and ("rest", endings), where the digits that make the number are
# among endings[n] if n more follow.
State = tuple
Moves = list[tuple[int, int, State]]


def _clipped(ranges: Exponents, low: int, high: int, offset: int = 0) -> Exponents:
    """Give what lies from low to high, less an offset."""
    return tuple((max(a, low) - offset, min(b, high) - offset) for a, b in ranges if a <= high and b >= low)


@lru_cache(maxsize=4096)
def moves(state: State) -> Moves:
    """Give the ways on from a state: first byte, last byte, target."""
    kind, ranges = state[:2]
    if kind == "sign":
        return _signed(ranges)
    found: Moves = []
    if kind == "digits":
        found.append((ord("0"), ord("0"), ("digits", ranges, True)))
        steps = [
            (d, tuple(_clipped(ranges, d * 10**n, (d + 1) * 10**n - 1, d * 10**n) for n in range(_DIGITS)))
            for d in range(1, 10)
        ]
    else:
        steps = [
            (
                d,
                tuple(
                    _clipped(ranges[n + 1], d * 10**n, (d + 1) * 10**n - 1, d * 10**n) for n in range(len(ranges) - 1)
                ),
            )
            for d in range(10)
        ]
    for digit, endings in steps:
        while endings and not endings[-1]:
            endings = endings[:-1]
        if not endings:
            continue
        target = ("rest", endings)
        byte = ord("0") + digit
        if found and found[-1][2] == target and found[-1][1] == byte - 1:
            found[-1] = (found[-1][0], byte, target)
        else:
            found.append((byte, byte, target))
    return found


def _signed(ranges: Exponents) -> Moves:
    plus = _clipped(ranges, 0, 10**_DIGITS)
    minus = tuple((-b, -a) for a, b in reversed(_clipped(ranges, -(10**_DIGITS), 0)))
    found: Moves = []
    if plus:
        found.append((ord("+"), ord("+"), ("digits", plus, False)))
    if minus:
        found.append((ord("-"), ord("-"), ("digits", minus, False)))
    return found + (moves(("digits", plus, False)) if plus else [])


def takes(state: State) -> bool:
    """Whether the text may end."""
    kind, ranges = state[:2]
    if kind == "sign":
        return False
    if kind == "rest":
        return bool(ranges[0])
    return state[2] and any(low <= 0 <= high for low, high in ranges)
