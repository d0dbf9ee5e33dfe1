from typing import Self

from stolcke._core.partition import PartitionStore

class FlatTrie:
    def __new__(cls, store: PartitionStore) -> Self: ...
