"""What a caller may choose about documents, apart from the schema."""

from __future__ import annotations

import marshal
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stolcke._core.schema_walk import n_values
from stolcke.errors import GrammarError
from stolcke.options import Limits

__all__ = ["Settings"]

_ORDERS = ("declared", "any")
_MOST_VALUES = 200_000
"""In a schema that is remembered."""
_WHITESPACE = ("flexible", "compact", "spaced")


@dataclass(frozen=True)
class Settings:
    """The keywords of :meth:`stolcke.Grammar.from_json_schema`, checked."""

    property_order: str = "declared"
    whitespace: str | int = "flexible"
    max_whitespace: int | None = None
    escapes: bool = True
    ascii_only: bool = False
    formats: bool = True
    strict: bool = True
    checked: bool = False
    dialect: str = "2020-12"
    resources: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.property_order not in _ORDERS:
            raise GrammarError(f"property_order must be one of {_ORDERS}, not {self.property_order!r}")
        is_indent = isinstance(self.whitespace, int) and not isinstance(self.whitespace, bool)
        if self.whitespace not in _WHITESPACE and not (is_indent and 0 <= int(self.whitespace) <= 16):
            raise GrammarError(
                f"whitespace must be one of {_WHITESPACE} or an indent of 0 to 16 columns, not {self.whitespace!r}"
            )
        most = self.max_whitespace
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 0):
            raise GrammarError(f"max_whitespace must be a number of characters or None, not {most!r}")

    def key(self) -> Hashable:
        """What settings have in common where all grammars are the same.

        Raises
        ------
        ValueError
            Where there is none, since a resource is not made of JSON's types.
        """
        resources = exact_key(dict(self.resources)) if self.resources else b""
        switches = (
            bool(self.escapes),
            bool(self.ascii_only),
            bool(self.formats),
            bool(self.strict),
            bool(self.checked),
        )
        choices = (self.property_order, self.whitespace, self.max_whitespace, self.dialect)
        return choices, switches, resources, self.limits


def exact_key(value: Any) -> bytes:
    """Bytes that two values of JSON's own types share only if they are the same, in types and in order.

    ``1``, ``1.0`` and ``True`` differ, and so do objects of which one names a member earlier.

    Raises
    ------
    ValueError
        For values of other types, and for very large ones.
    """
    # One list may stand at many places, and so on inside: what counts is how much there is once it is written out.
    if n_values(value, _MOST_VALUES) > _MOST_VALUES:
        raise ValueError("too large to be remembered")
    # Of the second version, whose bytes depend on the value alone; later ones abbreviate objects that occur twice.
    return marshal.dumps(value, 2)
