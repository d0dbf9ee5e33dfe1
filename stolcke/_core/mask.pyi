from typing import Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from stolcke._core.partition import PartitionStore

@disjoint_base
class MaskStore:
    def __new__(cls, store: PartitionStore, end_tokens: NDArray[np.uint32]) -> Self: ...
