from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.byte_dfa import ByteDfa
from stolcke._core.split import Splitter

class PartitionStore(Splitter):
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
    def add_automaton(self, machine: ByteDfa) -> int: ...
    def add_counted(self, before: int, unit: int, after: int, unbounded: int, least: int, most: int | None) -> int: ...
    def add_token_set(self, ids: Iterable[int]) -> int: ...
    def stats(self) -> dict[str, int]: ...
    def has_longer(self, text: bytes) -> bool: ...
