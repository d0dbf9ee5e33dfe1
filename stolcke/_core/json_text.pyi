import numpy as np
from numpy.typing import NDArray

from stolcke._core.languages import CharacterDfa

__all__ = ["json_string"]

def json_string(
    language: CharacterDfa, all_escapes: bool, ascii_only: bool, limit: int
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]]: ...
