from collections.abc import Iterable, Mapping
from typing import Any, Self

__all__ = ["WrittenRules"]

PARTS: tuple[str, ...]

class WrittenRules:
    @property
    def patterns(self) -> list[Any]: ...
    @property
    def titles(self) -> list[str]: ...
    @property
    def n_rules(self) -> int: ...
    @property
    def n_parts(self) -> int: ...
    @property
    def most_entries(self) -> int: ...
    @classmethod
    def of_symbols(
        cls, rules: Iterable[Any], tallies: Mapping[str, Any], start: str, terminals: dict[str, Any], terminal: type
    ) -> Self: ...
    @property
    def start_name(self) -> str: ...
    def terminal(self, pattern: Any, title: str) -> int: ...
    def nonterminal(self, wanted: str) -> int: ...
    def part_of(self, owner: int, part: str) -> int: ...
    def rule(self, lhs: int, *rhs: int) -> None: ...
    def members_in_order(
        self,
        lhs: int,
        structure: tuple[int, int, int, int],
        members: list[tuple[int, int, bool]],
        others: list[tuple[int, int]],
        may_be_empty: bool,
    ) -> None: ...
    def tally(
        self,
        lhs: int,
        entries: Iterable[tuple[tuple[int, ...], bool, bool, bool]],
        separator: tuple[int, ...],
        least: int = 0,
        most: int | None = None,
        least_marked: int = 0,
        most_marked: int | None = None,
    ) -> None: ...
    def names(self) -> tuple[list[str], list[str]]: ...
    def symbolic_rules(self) -> list[tuple[int, tuple[int, ...]]]: ...
    def symbolic_tallies(
        self,
    ) -> list[
        tuple[
            int,
            list[tuple[tuple[int, ...], bool, bool, bool]],
            tuple[int, ...],
            int,
            int | None,
            int,
            int | None,
        ]
    ]: ...
