import numpy as np
from numpy.typing import NDArray

class Matrix: ...

def spectral_radii(
    rows: NDArray[np.int32], columns: NDArray[np.int32], values: NDArray[np.float64], n: int
) -> NDArray[np.float64]: ...
