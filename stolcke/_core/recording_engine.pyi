import numpy as np
from numpy.typing import NDArray

from stolcke._core.guarded_engine import GuardedEngine

class RecordingEngine(GuardedEngine):
    def record_with(self, refusing: NDArray[np.uint32], shadows: NDArray[np.uint32]) -> None: ...
