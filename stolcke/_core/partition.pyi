from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.start_states import StartStates

class PartitionStore(StartStates):
    def __new__(
        cls,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        skip: NDArray[np.uint8],
        shape: Mapping[str, NDArray[Any]] | None = None,
    ) -> Self: ...
    by_difference: bool
    @property
    def n_bytes(self) -> int: ...
    @property
    def longest_token(self) -> int: ...
    def add_token_set(self, ids: Iterable[int]) -> int: ...
    def stats(self) -> dict[str, int]: ...
    def has_longer(self, text: bytes) -> bool: ...
