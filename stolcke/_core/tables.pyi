from typing import Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.partition import PartitionStore

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
    ) -> Self: ...
    @property
    def n_terminals(self) -> int: ...
    @property
    def n_nonterminals(self) -> int: ...
    @property
    def n_rules(self) -> int: ...
    @property
    def start(self) -> int: ...
    def suffix_symbols(self, suffix: int) -> tuple[int, ...]: ...
