"""What masks and log-probabilities make of logits, one logit at a time, by the definition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

DTYPES = {"float64": np.float64, "float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}


def value_of(bits: np.uint16) -> float:
    """What a bfloat16 stands for: sign, 8 bits of exponent, 7 of fraction."""
    bits = int(bits)
    sign = -1 if bits >> 15 else 1
    exponent, fraction = bits >> 7 & 255, bits & 127
    if exponent == 255:
        return sign * (math.nan if fraction else math.inf)
    if exponent == 0:
        return sign * math.ldexp(fraction, -133)
    return sign * math.ldexp(128 + fraction, exponent - 134)


def nearest_bfloat16(value: float) -> int:
    """The bits of the bfloat16 nearest to a number; of two, the even one."""
    if math.isnan(value):
        return 0x7FC0
    sign = 0x8000 if math.copysign(1, value) < 0 else 0
    size = abs(value)
    low, high = 0, 0x7F80
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if value_of(middle) <= size else (low, middle)
    # Beyond the largest number, infinity stands where the next one would be.
    above = 2.0**128 if high == 0x7F80 else value_of(high)
    if math.isinf(size) or Fraction(size) - Fraction(value_of(low)) > Fraction(above) - Fraction(size):
        return sign | high
    if Fraction(size) - Fraction(value_of(low)) == Fraction(above) - Fraction(size):
        return sign | (low if low % 2 == 0 else high)
    return sign | low


def _is_allowed(mask: np.ndarray, token: int) -> bool:
    return bool(int(np.uint32(mask.view(np.uint32)[token // 32])) >> token % 32 & 1)


def _sums(logit: float, logprob: float, beta: float, format: str) -> set[float]:
    """The sum as processors compute it: some round the product before it is added, others do not."""
    with np.errstate(all="ignore"):
        if format == "float64":
            once = np.float64(np.float32(beta)) * np.float64(logprob)
            return {float(np.float64(logit) + once)}  # that product of two float32 is exact
        wide = np.float32(logit)
        twice = wide + np.float32(np.float32(beta) * np.float32(logprob))
        exact = np.float32(np.float64(wide) + np.float64(np.float32(beta)) * np.float64(np.float32(logprob)))
        return {float(twice), float(exact)}


def applied(
    logits: np.ndarray,
    masks: np.ndarray,
    tokens: int,
    *,
    format: str,
    indices: Sequence[int] | None = None,
    logprobs: np.ndarray | None = None,
    beta: float = 0.0,
) -> list[list[set[bytes]]]:
    """For each logit the bits that it may have afterwards."""
    dtype = DTYPES[format]
    lowest = dtype(0xFF80) if format == "bfloat16" else dtype(-np.inf)
    after = [[{value.tobytes()} for value in row] for row in logits]
    for row in range(len(logits)) if indices is None else indices:
        for token in range(tokens):
            biased = beta > 0 and logprobs is not None and token < logprobs.shape[1]
            if not _is_allowed(masks[row], token) or (biased and logprobs[row, token] == -np.inf):
                after[row][token] = {lowest.tobytes()}
            elif biased:
                old = logits[row, token]
                value = value_of(old) if format == "bfloat16" else float(old)
                sums = _sums(value, float(logprobs[row, token]), beta, format)
                with np.errstate(over="ignore"):
                    after[row][token] = {
                        dtype(nearest_bfloat16(each) if format == "bfloat16" else each).tobytes() for each in sums
                    }
    return after


def differences(after: np.ndarray, expected: list[list[set[bytes]]]) -> list[tuple[int, int]]:
    """Where logits are none of those expected."""
    return [
        (row, token)
        for row, values in enumerate(expected)
        for token, allowed in enumerate(values)
        if after[row, token].tobytes() not in allowed
    ]
