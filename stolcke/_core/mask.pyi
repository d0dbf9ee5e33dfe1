import numpy as np
from numpy.typing import NDArray

from stolcke._core.partition import PartitionStore

class MaskStore:
    def __init__(self, store: PartitionStore, end_tokens: NDArray[np.uint32]) -> None: ...
