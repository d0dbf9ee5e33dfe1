from typing import Self

class TokenBits:
    def __new__(cls, n_tokens: int) -> Self: ...
