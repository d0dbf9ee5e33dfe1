from typing import Any

import numpy as np
from numpy.typing import NDArray

def apply(
    logits: NDArray[Any],
    masks: NDArray[np.int32] | NDArray[np.uint32],
    tokens: int,
    indices: NDArray[np.int64] | None = None,
    logprobs: NDArray[np.float32] | None = None,
    beta: float = 0.0,
    threads: int = 1,
) -> None: ...
