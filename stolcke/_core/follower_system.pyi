from typing import Self

class FollowerSystem:
    def __new__(cls, threshold: float) -> Self: ...
