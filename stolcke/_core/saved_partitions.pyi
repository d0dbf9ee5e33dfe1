from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stolcke._core.partition import PartitionStore

def to_arrays(store: PartitionStore) -> dict[str, NDArray[Any]]: ...
def from_arrays(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    skip: NDArray[np.uint8],
    arrays: Mapping[str, NDArray[Any]],
) -> PartitionStore: ...
