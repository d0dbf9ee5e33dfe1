from typing import Any

from stolcke._core.records import Maker

__all__ = ["fresh", "members_in_order"]

def fresh(names: dict[str, int], wanted: str) -> str: ...
def members_in_order(
    rules: list[Any],
    names: dict[str, int],
    rule: Maker,
    nonterminal: Maker,
    lhs: Any,
    structure: tuple[Any, Any, Any, Any],
    members: list[tuple[Any, Any, bool]],
    others: list[tuple[Any, Any]],
    may_be_empty: bool,
) -> None: ...
