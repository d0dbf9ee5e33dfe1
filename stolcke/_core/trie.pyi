from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.storage import Arena

def outline(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], order: NDArray[np.integer]
) -> dict[str, NDArray[Any]]: ...

class TokenTrie:
    def __new__(cls, arena: Arena, shape: Mapping[str, NDArray[Any]]) -> Self: ...
    @property
    def n_own(self) -> int: ...
    @property
    def shape(self) -> Mapping[str, NDArray[Any]]: ...
    @property
    def order(self) -> NDArray[np.uint32]: ...
