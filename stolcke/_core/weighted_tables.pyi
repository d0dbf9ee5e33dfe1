from typing import Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.tables import GrammarTables

class WeightedTables:
    def __new__(
        cls,
        tables: GrammarTables,
        lhs: NDArray[np.int32],
        probabilities: NDArray[np.float64],
        empty: NDArray[np.float64],
    ) -> Self: ...
    @property
    def tables(self) -> GrammarTables: ...
