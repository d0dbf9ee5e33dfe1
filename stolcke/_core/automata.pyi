from typing import Self

from stolcke._core.storage import Arena

class AutomatonStore:
    def __new__(cls, arena: Arena) -> Self: ...
