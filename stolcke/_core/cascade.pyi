from typing import Self

from stolcke._core.chart import Chart
from stolcke._core.partition import PartitionStore

class Cascade:
    def __new__(cls, store: PartitionStore, chart: Chart, memoise: bool, most_bytes: int) -> Self: ...
    @property
    def n_evaluated(self) -> int: ...
