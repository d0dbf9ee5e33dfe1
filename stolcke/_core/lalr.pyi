import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Parser"]

class Parser:
    def __init__(
        self,
        pattern: re.Pattern[str],
        terminals: NDArray[np.int32],
        names: list[str],
        kept: NDArray[np.uint8],
        actions: NDArray[np.int32],
        gotos: NDArray[np.int32],
        start: int,
        end: int,
        rules: list[tuple[int, str, int, bytes]],
        node: type,
        token: type[str],
    ) -> None: ...
    def parse(self, text: str) -> Any | None: ...
