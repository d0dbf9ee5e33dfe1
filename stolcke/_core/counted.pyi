from typing import Self

from stolcke._core.automata import AutomatonStore
from stolcke._core.storage import Arena

class CountedStore:
    def __new__(cls, arena: Arena, automata: AutomatonStore) -> Self: ...
