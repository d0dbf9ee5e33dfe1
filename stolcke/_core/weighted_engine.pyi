from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.byte_dfa import ByteDfa
from stolcke._core.engine import Engine
from stolcke._core.weighted_chart import WeightedChart
from stolcke._core.weighted_tables import WeightedTables

class WeightedEngine:
    def __new__(
        cls,
        engine: Engine,
        weights: WeightedTables,
        distributions: Iterable[tuple[ByteDfa, NDArray[np.float64]] | None],
        special_tokens: Iterable[int],
        options: Any,
        threshold: float = 0.0,
        beam: int = 0,
    ) -> Self: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def chart(self) -> WeightedChart: ...
    @property
    def n_steps(self) -> int: ...
    def stats(self) -> dict[str, int]: ...
