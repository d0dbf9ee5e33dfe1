from typing import Self

from stolcke._core.split import Splitter

class Differences:
    def __new__(cls, splitter: Splitter) -> Self: ...
