from typing import Self

from typing_extensions import disjoint_base

@disjoint_base
class Arena:
    @property
    def bytes(self) -> int: ...

@disjoint_base
class SequenceTable:
    def __new__(cls, arena: Arena) -> Self: ...
