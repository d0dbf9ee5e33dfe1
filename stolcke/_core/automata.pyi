from typing import Self

from typing_extensions import disjoint_base

from stolcke._core.storage import Arena

@disjoint_base
class AutomatonStore:
    def __new__(cls, arena: Arena) -> Self: ...
