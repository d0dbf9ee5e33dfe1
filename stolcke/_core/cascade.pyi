from typing import Self

from typing_extensions import disjoint_base

from stolcke._core.chart import Chart
from stolcke._core.partition import PartitionStore

@disjoint_base
class Cascade:
    def __new__(cls, store: PartitionStore, chart: Chart, memoise: bool) -> Self: ...
    @property
    def n_evaluated(self) -> int: ...
