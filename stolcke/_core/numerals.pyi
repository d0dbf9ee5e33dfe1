from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANYTHING", "NOTHING", "numerals"]

NOTHING: int
ANYTHING: int

class Divisor(Protocol):
    places: int
    modulus: int
    negated: bool
    def canonical(self, number: int) -> int: ...
    def row(self, residue: int) -> tuple[int, ...]: ...
    def least_power(self, residue: int) -> int | None: ...

Bound = tuple[bytes, int, bool]
Side = tuple[Bound | None, Bound | None, list[tuple[bytes, int]], bool, bool]

def numerals(
    sides: list[Side],
    plus: int,
    minus: int,
    divisors: list[Divisor],
    fraction: int,
    largest: int,
    integer_digits: int,
    limit: int,
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]] | None: ...
