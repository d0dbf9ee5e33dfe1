"""JSON Schemas as the command reads them, and why a document is not in the language of one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import stolcke
from stolcke.cli.checks import Check, Reason, check
from stolcke.cli.places import line_and_column, path_at, pointer, starts
from stolcke.errors import SchemaError
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.sources import DECODER, parse_schema
from stolcke.frontends.json_schema.violations import violations

__all__ = ["Explainer", "options_of", "read_schema"]

_MOST_REASONS = 5

_ORDER = {"property_order": "any"}
_SPELLING = {"whitespace": "flexible", "max_whitespace": None, "escapes": True, "ascii_only": False}
# What else might have been chosen, and what it means if a document is right then.
_REMEDIES = [
    (_ORDER, "its members come in another order than the schema declares them in; --property-order any allows that"),
    (_SPELLING, "it is spelled otherwise than --whitespace, --max-whitespace, --escapes or --ascii ask for"),
    (
        _ORDER | _SPELLING,
        "its members come in another order than declared, which --property-order any allows; and it is spelled "
        "otherwise than --whitespace, --max-whitespace, --escapes or --ascii ask for",
    ),
]


def read_schema(path: Path) -> dict | bool:
    """Read a file that holds a schema.

    Raises
    ------
    SchemaError
        With the file's name, where it is not JSON or no schema.
    OSError
    """
    try:
        return parse_schema(path.read_bytes())
    except SchemaError as error:
        place = {"line": error.line, "column": error.column, "text_line": error.text_line}
        if error.line is None:
            raise SchemaError(f"{path}: {error.reason}", pointer=error.pointer) from None
        raise SchemaError(error.reason, pointer=error.pointer, source=str(path), **place) from None


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make the keywords of :meth:`stolcke.Grammar.from_json_schema` that the arguments ask for."""
    return {
        "property_order": arguments.property_order,
        "whitespace": arguments.whitespace,
        "max_whitespace": arguments.max_whitespace,
        "escapes": arguments.escapes == "any",
        "ascii_only": arguments.ascii,
        "formats": not arguments.no_formats,
        "strict": not arguments.lenient,
        "checked": arguments.checked,
        "dialect": arguments.dialect,
        "resources": {uri: read_schema(path) for uri, path in arguments.resource},
    }


class Explainer:
    """Says of documents why they are not in the language of a schema."""

    def __init__(self, schema: dict | bool, options: dict[str, Any], timeout: float | None) -> None:
        self._schema = schema
        self._options = options
        self._timeout = timeout
        self._compiled: dict[int, stolcke.CompiledGrammar] = {}

    def explain(self, found: Check, data: bytes) -> Check:
        """Add where in the document a text stops, what is wrong there, and what may help."""
        assert found.expected is not None
        text = data.decode(errors="replace")
        path, may_go_on = path_at(data[: found.byte].decode(errors="replace"))
        if path and may_go_on and not any(each.startswith("more of ") for each in found.expected):
            path = path[:-1]
        found = replace(found, pointer=pointer(path))
        try:
            value = DECODER.decode(text.removeprefix("\ufeff"))
        except json.JSONDecodeError as error:
            reason = f"{error.msg[:1].lower()}{error.msg[1:]} (line {error.lineno}, column {error.colno})"
            return replace(found, hint=found.hint or f"the text is not JSON: {reason}")
        except (SchemaError, ValueError, RecursionError) as error:
            reason = error.reason if isinstance(error, SchemaError) else "it cannot be parsed"
            return replace(found, hint=f"no document may say that: {reason}")
        reasons = list(self._reasons(value, text))
        if not reasons and found.hint is None:
            found = replace(found, hint=self._remedy(data))
        return replace(found, reasons=[asdict(reason) for reason in reasons])

    def _reasons(self, value: Any, text: str) -> Iterator[Reason]:
        offsets = starts(text)
        for violation in violations(self._schema, Settings(**self._options), value)[:_MOST_REASONS]:
            line, column = line_and_column(text, offsets.get(violation.path, 0))
            yield Reason(pointer(violation.path), line, column, violation.reason, violation.keyword)

    def _remedy(self, data: bytes) -> str:
        """What helps a document whose value satisfies the schema."""
        for number, (options, remedy) in enumerate(_REMEDIES):
            if any(self._options[name] != value for name, value in options.items()) and self._takes(number, data):
                return remedy
        return "its value satisfies the schema; docs/json-schema.md says which spellings of a document are accepted"

    def _takes(self, number: int, data: bytes) -> bool:
        compiled = self._compiled.get(number)
        if compiled is None:
            grammar = stolcke.Grammar.from_json_schema(self._schema, **self._options | _REMEDIES[number][0])
            compiled = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), timeout=self._timeout)
            self._compiled[number] = compiled
        return check(compiled, "", data, {}).accepted
