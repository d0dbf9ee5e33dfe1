from collections.abc import Iterable
from typing import Any, Self

from stolcke._core.places import Place
from stolcke._core.written import WrittenRules

__all__ = ["SchemaWalk", "scalar_content"]

def scalar_content(schema: Any, dialect: Any) -> tuple[Any, ...] | None: ...

class SchemaWalk:
    def __new__(
        cls, written: WrittenRules, others: Any, of_objects: Iterable[str], of_arrays: Iterable[str], order: bool
    ) -> Self: ...
    def anything(self) -> int: ...
    def value(self, place: Place) -> int: ...
    def write(self) -> bool: ...
