from typing import Self

import numpy as np
from numpy.typing import NDArray

class TallyTable:
    def __new__(
        cls,
        nonterminals: NDArray[np.int32],
        offsets: NDArray[np.int32],
        entries: NDArray[np.int32],
        flags: NDArray[np.uint8],
        separator_offsets: NDArray[np.int32],
        separators: NDArray[np.int32],
        bounds: NDArray[np.int32],
    ) -> Self: ...
    @property
    def n_states(self) -> int: ...
    def describe(self, state: int) -> tuple[int, list[int], tuple[int, int | None, int, int | None]]: ...
