from typing import Self

from stolcke._core.weighted_tables import WeightedTables

class WeightedChart:
    def __new__(cls, weights: WeightedTables, memoise: bool, merge: bool, threshold: float) -> Self: ...
    @property
    def weights(self) -> WeightedTables: ...
