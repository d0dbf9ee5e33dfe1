"""Going back and branching off, by how much text has been accepted."""

from __future__ import annotations

from . import material


class Histories:
    """A matcher far into a text."""

    params = (100, 10_000)
    param_names = ("accepted",)

    def setup(self, accepted: int) -> None:
        """Accept so many tokens."""
        compiled = material.compiled("json")
        (self.space,) = material.tokenised(" ")
        self.matcher = compiled.matcher()
        for _ in range(accepted):
            self.matcher.accept(self.space)

    def time_accept_and_rollback(self, accepted: int) -> None:
        self.matcher.accept(self.space)
        self.matcher.rollback()

    def time_fork(self, accepted: int) -> None:
        self.matcher.fork()

    def time_speculation(self, accepted: int) -> None:
        """Eight tokens drafted, all of them refused by the model."""
        for _ in range(8):
            self.matcher.accept(self.space)
        self.matcher.rollback(8)
