from stolcke._core.chart import Chart
from stolcke._core.partition import PartitionStore

class Cascade:
    def __init__(self, store: PartitionStore, chart: Chart, memoise: bool) -> None: ...
    @property
    def n_evaluated(self) -> int: ...
