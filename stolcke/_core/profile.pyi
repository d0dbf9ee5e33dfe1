from typing import Self

class ProfileStore:
    def __new__(cls) -> Self: ...
