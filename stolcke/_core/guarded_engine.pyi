from typing import Any

import numpy as np
from numpy.typing import NDArray

from stolcke._core.engine import Engine

class GuardedEngine(Engine):
    @property
    def clerk(self) -> Any: ...
    def guard_with(
        self,
        clerk: object,
        terminals: NDArray[np.uint32],
        bars: NDArray[np.uint32],
        starts: NDArray[np.uint32],
        watched: NDArray[np.uint32],
        inserting: NDArray[np.uint32],
    ) -> None: ...
