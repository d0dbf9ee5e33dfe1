from typing import Self

from stolcke._core.automata import AutomatonStore

class FreeBytes:
    def __new__(cls, automata: AutomatonStore) -> Self: ...
