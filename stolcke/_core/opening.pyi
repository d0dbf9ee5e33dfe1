from collections.abc import Mapping
from typing import Self

from stolcke._core.partition import PartitionStore

class Opening:
    def __new__(cls, store: PartitionStore, exceptions: Mapping[int, bytes]) -> Self: ...
