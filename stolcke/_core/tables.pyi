from typing import Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.partition import PartitionStore
from stolcke._core.tally import TallyTable

class GrammarTables:
    def __new__(
        cls,
        store: PartitionStore,
        n_terminals: int,
        n_nonterminals: int,
        lhs: NDArray[np.int32],
        offsets: NDArray[np.int32],
        symbols: NDArray[np.int32],
        start: int,
        terminal_states: NDArray[np.uint32],
        terminal_symbols: NDArray[np.uint32],
        terminal_partitions: NDArray[np.uint32],
        tallies: TallyTable,
    ) -> Self: ...
    @property
    def n_terminals(self) -> int: ...
    @property
    def n_nonterminals(self) -> int: ...
    @property
    def n_rules(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def tallies(self) -> TallyTable: ...
