from typing import Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.partition import PartitionStore

class MaskStore:
    def __new__(cls, store: PartitionStore, end_tokens: NDArray[np.uint32]) -> Self: ...
