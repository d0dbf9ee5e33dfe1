import numpy as np
from numpy.typing import NDArray

def log_partition(
    lhs: NDArray[np.int32],
    offsets: NDArray[np.int32],
    symbols: NDArray[np.int32],
    weights: NDArray[np.float64],
    n_terminals: int,
    given: NDArray[np.float64],
) -> NDArray[np.float64]: ...
