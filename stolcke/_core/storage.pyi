from typing import Self

class Arena:
    @property
    def bytes(self) -> int: ...

class SequenceTable:
    def __new__(cls, arena: Arena) -> Self: ...
