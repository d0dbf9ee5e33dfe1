from types import ModuleType
from typing import Self

from stolcke._core.tables import GrammarTables

class Chart:
    def __new__(
        cls, tables: GrammarTables, memoise: bool, bisimulation: bool, errors: ModuleType, cache_bytes: int
    ) -> Self: ...
    @property
    def n_gotos(self) -> int: ...
