from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANYTHING", "NOTHING", "numerals"]

NOTHING: int
ANYTHING: int

class _Divisor(Protocol):
    places: int
    modulus: int
    negated: bool
    def canonical(self, number: int) -> int: ...
    def row(self, residue: int) -> tuple[int, ...]: ...
    def least_power(self, residue: int) -> int | None: ...

_Bound = tuple[bytes, int, bool]
_Side = tuple[_Bound | None, _Bound | None, list[tuple[bytes, int]], bool, bool]

def numerals(
    sides: list[_Side],
    plus: int,
    minus: int,
    divisors: list[_Divisor],
    fraction: int,
    largest: int,
    integer_digits: int,
    limit: int,
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]] | None: ...
