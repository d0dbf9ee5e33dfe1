from stolcke._core.rules import Rules

__all__ = ["fold_lists"]

def fold_lists(rules: Rules) -> None: ...
