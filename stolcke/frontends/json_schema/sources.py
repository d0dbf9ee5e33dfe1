"""What a caller may give as a JSON Schema: parsed, as text, or as a type that pydantic describes."""

from __future__ import annotations

import json
import sys
import types
import typing
from decimal import Decimal

from stolcke.errors import SchemaError

__all__ = ["parse_schema"]


def parse_schema(source: object) -> dict | bool:
    """A schema from whatever a caller has.

    Parameters
    ----------
    source : dict, bool, str, bytes, or a type
        A parsed schema is returned as it is.  ``str`` and ``bytes`` (UTF-8) are
        JSON text.  A pydantic model class, a ``TypeAdapter``, and any type that
        pydantic can describe (a dataclass, ``list[int]``, a ``TypedDict``)
        become the schema of what pydantic accepts for them.

    Returns
    -------
    dict or bool
        Numbers in a text that no float is equal to in decimal are ``decimal.Decimal``.

    Raises
    ------
    SchemaError
        The text is not JSON (with line and column), names a key twice in one
        object, has an integer of thousands of digits, or is nested too deep to
        be parsed; the schema is neither an object nor a boolean; pydantic is
        missing, or cannot describe the type.
    """
    if isinstance(source, (dict, bool)):
        return source
    if isinstance(source, (str, bytes, bytearray)):
        source = _from_text(source)
    elif callable(getattr(source, "model_json_schema", None)) or callable(getattr(source, "json_schema", None)):
        source = _described(source)
    elif isinstance(source, (type, types.GenericAlias, types.UnionType)) or typing.get_origin(source) is not None:
        source = _described(_adapter(source))
    if not isinstance(source, (dict, bool)):
        raise SchemaError(f"a schema is an object or a boolean, not {_kind(source)}", pointer="#")
    return source


def _kind(value: object) -> str:
    """A value's type in the words of JSON, where it has one."""
    if value is None:
        return "null"
    names = {list: "an array", str: "a string", int: "a number", float: "a number", Decimal: "a number"}
    return names.get(type(value), f"{type(value).__name__} (pass a dict, a bool, JSON text, or a type)")


def _from_text(text: str | bytes | bytearray) -> object:
    """Parse JSON text."""
    if not isinstance(text, str):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SchemaError(f"the text is not UTF-8: byte {error.start} is wrong") from None
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        raise SchemaError(
            f"the text is not JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            line=error.lineno,
            column=error.colno,
            text_line=line,
        ) from None
    except SchemaError:
        raise
    except ValueError:
        # Python's own bound, for it takes time quadratic in the digits.
        raise SchemaError(f"an integer has more than {sys.get_int_max_str_digits()} digits") from None
    except RecursionError:
        raise SchemaError("the text is nested too deep to be parsed") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise SchemaError(f"the key {json.dumps(key)} occurs twice in one object")
            seen.add(key)
    return found


def _fraction(text: str) -> float | Decimal:
    """A float where its shortest decimal is the number that was written."""
    number, exact = float(text), Decimal(text)
    return number if Decimal(repr(number)) == exact else exact


def _constant(text: str) -> typing.NoReturn:
    raise SchemaError(f"the text is not JSON: {text} is no number")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_fraction, parse_constant=_constant)


def _adapter(source: object) -> object:
    """What pydantic knows of a type that is no model."""
    try:
        from pydantic import TypeAdapter
    except ImportError:
        raise SchemaError(
            f"a schema from the type {source!r} needs pydantic, which is not installed; pass the schema as a dict"
        ) from None
    try:
        return TypeAdapter(source)
    except Exception as error:
        raise SchemaError(f"pydantic does not know the type {source!r}: {error}") from error


def _described(source: typing.Any) -> object:
    """The schema of a pydantic model or adapter."""
    describe = getattr(source, "model_json_schema", None) or source.json_schema
    try:
        return describe()
    except Exception as error:
        raise SchemaError(f"pydantic has no JSON Schema for {source!r}: {error}") from error
