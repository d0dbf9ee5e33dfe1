from typing import Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.storage import Arena

class TokenTrie:
    def __new__(
        cls,
        arena: Arena,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        order: NDArray[np.uint32],
        is_sorted: bool,
    ) -> Self: ...
    @property
    def n_own(self) -> int: ...
    @property
    def order(self) -> NDArray[np.uint32]: ...
