from collections.abc import Mapping
from types import ModuleType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.chart import Chart
from stolcke._core.partition import PartitionStore
from stolcke._core.tables import GrammarTables

class Engine:
    # `limits` and `options` are those of stolcke.options, which the core does not import.
    def __new__(
        cls,
        store: PartitionStore,
        tables: GrammarTables,
        end_tokens: NDArray[np.uint32],
        special_tokens: Mapping[int, int],
        first_texts: Mapping[int, bytes],
        errors: ModuleType,
        limits: object,
        options: object,
    ) -> Self: ...
    @property
    def store(self) -> PartitionStore: ...
    @property
    def tables(self) -> GrammarTables: ...
    @property
    def chart(self) -> Chart: ...
    @property
    def errors(self) -> ModuleType: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def n_masks(self) -> int: ...
    def prewarm_column(self, column: int, begin: int) -> tuple[list[int], int | None]: ...
    @property
    def n_bytes(self) -> int: ...
    def stats(self) -> dict[str, int]: ...
