from collections.abc import Iterable, Sequence
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stolcke._core.crew import Crew, Work
from stolcke._core.matcher import CoreMatcher

class Batch(Work):
    def __init__(self, rows: NDArray[np.int32] | NDArray[np.uint32], errors: ModuleType) -> None: ...
    @property
    def errors(self) -> ModuleType: ...
    @property
    def found(self) -> dict[int, Exception]: ...
    def add_matchers(
        self, matchers: Iterable[CoreMatcher], indices: ArrayLike | None = None
    ) -> list[tuple[int, CoreMatcher]]: ...
    def add_drafts(
        self,
        matchers: Iterable[CoreMatcher],
        drafts: Iterable[Iterable[int]],
        parents: Sequence[ArrayLike | None] | None,
        collects: bool,
    ) -> tuple[list[NDArray[np.bool_]], list[tuple[int, CoreMatcher, list[int]]]]: ...
    def offer_to(self, crew: Crew, most: int, waits: bool) -> None: ...
    @property
    def is_complete(self) -> bool: ...
    def complete(self) -> None: ...
    def refuse(self, number: int, error: Exception) -> None: ...
