"""Requests as they are read: values that know where they stand, so that every error names its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stolcke.errors import GrammarError, ResponseFormatError, SchemaError
from stolcke.grammar.model import Grammar

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a request and its JSON pointer."""

    value: Any
    pointer: str = "#"

    def error(self, reason: str) -> ResponseFormatError:
        """Make an error about this place."""
        return ResponseFormatError(reason, pointer=self.pointer)

    def at(self, key: str | int) -> Place:
        """Give a member or an item."""
        token = str(key).replace("~", "~0").replace("/", "~1")
        return Place(self.value[key], f"{self.pointer}/{token}")

    def object(self) -> Mapping[str, Any]:
        """Give an object, whatever its members."""
        if not isinstance(self.value, Mapping):
            raise self.error(f"this must be an object, not {self._kind()}; of a pydantic model, give model_dump()")
        return self.value

    def fields(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Place]:
        """Give the members of an object that has no others; those that are null count as not given."""
        value = self.object()
        known = [*required, *optional]
        unknown = [name for name in value if name not in known]
        if unknown:
            raise self.error(f"the field {unknown[0]!r} is not known here; known are {', '.join(known)}")
        missing = [name for name in required if value.get(name) is None]
        if missing:
            raise self.error(f"the field {missing[0]!r} is missing")
        return {name: self.at(name) for name in value if value[name] is not None}

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.error(f"this must be a string, not {self._kind()}")
        if any("\ud800" <= char < "\ue000" for char in self.value):
            raise self.error("this holds a surrogate, which has no UTF-8 encoding")
        return self.value

    def nonempty(self) -> str:
        if not self.text():
            raise self.error("this must not be empty")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.error(f"this must be true or false, not {self._kind()}")
        return self.value

    def count(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.error(f"this must be a whole number, not {self._kind()}")
        return self.value

    def one_of(self, names: Iterable[str]) -> str:
        """Give a string that is one of several."""
        names = list(names)
        if self.text() not in names:
            raise self.error(f"{self.value!r} is not known here; known are {', '.join(names)}")
        return self.value

    def items(self) -> list[Place]:
        if not isinstance(self.value, (list, tuple)):
            raise self.error(f"this must be an array, not {self._kind()}")
        return [self.at(index) for index in range(len(self.value))]

    def texts(self) -> list[str]:
        """Give the items of an array of strings, none of them empty."""
        return [item.nonempty() for item in self.items()]

    def schema(self, *, strict: bool = True, **options: Any) -> Grammar:
        """Read a JSON Schema; its errors count from the request's root."""
        try:
            return Grammar.from_json_schema(self.value, **{**options, "strict": strict})
        except SchemaError as error:
            inside = error.pointer or "#"
            # A pointer that does not begin here speaks of another resource, by its URI.
            pointer = self.pointer + inside[1:] if inside.startswith("#") else f"{self.pointer}, {inside}"
            place = {name: getattr(error, name) for name in ("line", "column", "text_line", "source")}
            raise type(error)(error.reason, pointer=pointer, **place) from None

    def grammar(self, read: Any) -> Grammar:
        """Read a grammar from a string by a function; its errors name this place, too."""
        try:
            return read(self.text())
        except ResponseFormatError:
            raise
        except GrammarError as error:
            raise self.error(str(error)) from error

    def _kind(self) -> str:
        if self.value is None:
            return "null"
        names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
        return names.get(
            type(self.value), "an object" if isinstance(self.value, Mapping) else type(self.value).__name__
        )
