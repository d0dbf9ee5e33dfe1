import numpy as np
from numpy.typing import NDArray

__all__ = ["concatenate"]

def concatenate(
    offsets: NDArray[np.int32],
    low: NDArray[np.uint8],
    high: NDArray[np.uint8],
    target: NDArray[np.int32],
    accepting: NDArray[np.uint8],
    offsets_after: NDArray[np.int32],
    low_after: NDArray[np.uint8],
    high_after: NDArray[np.uint8],
    target_after: NDArray[np.int32],
    accepting_after: NDArray[np.uint8],
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]] | None: ...
