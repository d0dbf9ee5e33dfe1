import numpy as np
from numpy.typing import NDArray

__all__ = ["TooManyStates", "determinize", "literal_trie"]

_Arrays = tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]]

class TooManyStates(Exception): ...

def determinize(
    edge_offsets: NDArray[np.int32],
    edge_low: NDArray[np.uint8],
    edge_high: NDArray[np.uint8],
    edge_target: NDArray[np.int32],
    final: NDArray[np.uint8],
    kind: NDArray[np.uint8],
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    branches: NDArray[np.int32],
    start: int,
    limit: int,
    work: int,
) -> _Arrays: ...
def literal_trie(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> _Arrays: ...
