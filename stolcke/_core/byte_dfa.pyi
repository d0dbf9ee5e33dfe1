from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["ByteDfa"]

class ByteDfa:
    @staticmethod
    def from_arrays(
        offsets: NDArray[np.int32],
        low: NDArray[np.uint8],
        high: NDArray[np.uint8],
        target: NDArray[np.int32],
        accepting: NDArray[np.uint8],
    ) -> ByteDfa: ...
    def arrays(
        self,
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]]: ...
    @property
    def n_states(self) -> int: ...
    @property
    def matches_empty(self) -> bool: ...
    def then(self, after: Self) -> Self | None: ...
    def __hash__(self) -> int: ...
