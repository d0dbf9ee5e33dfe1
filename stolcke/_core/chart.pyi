from typing import Self

from stolcke._core.tables import GrammarTables

class Chart:
    def __new__(cls, tables: GrammarTables, memoise: bool, bisimulation: bool) -> Self: ...
    @property
    def n_gotos(self) -> int: ...
