from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stolcke._core.partition import PartitionStore
from stolcke._core.tables import GrammarTables

class Engine:
    def __new__(
        cls,
        store: PartitionStore,
        tables: GrammarTables,
        end_tokens: NDArray[np.uint32],
        special_tokens: dict[int, int],
        errors: ModuleType,
        limits: Any,
        options: Any,
    ) -> Self: ...
    @property
    def store(self) -> PartitionStore: ...
    @property
    def tables(self) -> GrammarTables: ...
    @property
    def chart(self) -> Any: ...
    @property
    def errors(self) -> ModuleType: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def n_masks(self) -> int: ...
    def prewarm_column(self, column: int) -> list[int]: ...
    def state_threads(self, state: int) -> tuple[int | None, list[tuple[int, int, int]]]: ...
    def stats(self) -> dict[str, int]: ...
