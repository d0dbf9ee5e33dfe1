"""JSON documents as texts: one value has many spellings, and a schema must not tell them apart."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

JSON = Any
"""None, bool, int, Decimal, str, list or dict: what :func:`read` gives."""


def read(text: str) -> JSON:
    """Parse JSON without rounding: a number with a point or an exponent becomes a Decimal."""
    return json.loads(text, parse_float=Decimal)


def raw(text: str) -> str:
    """A string with those escapes only that JSON asks for."""
    return json.dumps(text, ensure_ascii=False)


def escaped(text: str) -> str:
    r"""A string with every character as ``\uXXXX``, in lower and upper case by turns."""
    units = text.encode("utf-16-be").hex()
    groups = [units[i : i + 4] for i in range(0, len(units), 4)]
    return '"' + "".join("\\u" + (group.upper() if i % 2 else group) for i, group in enumerate(groups)) + '"'


def plain(number: int | Decimal) -> str:
    """A number as Python writes it."""
    return str(number)


def with_fraction(number: int | Decimal) -> str:
    """The same number with a zero more behind the point, or with a point and a zero."""
    text = str(number)
    if "E" in text:
        mantissa, _, exponent = text.partition("E")
        return f"{mantissa}0E{exponent}" if "." in mantissa else f"{mantissa}.0E{exponent}"
    return text + ("0" if "." in text else ".0")


def with_exponent(number: int | Decimal) -> str:
    """The same number with an exponent, one digit before the point: 1 as 1e0, 2.50 as 2.5e0, 120 as 1.2e2.

    A number of more than eight digits stays as it is: the exponents that are
    accepted are bounded where a schema speaks of values.
    """
    sign, digits, exponent = Decimal(number).normalize().as_tuple()
    if len(digits) > 8:
        return plain(number)
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{'-' * sign}{first}{'.' * bool(rest)}{rest}e{exponent + len(rest)}"


@dataclass(frozen=True)
class Spelling:
    """How a document is written; the defaults are the shortest text."""

    name: str
    comma: str = ","
    colon: str = ":"
    indent: int | None = None
    key: Callable[[str], str] = raw
    string: Callable[[str], str] = raw
    number: Callable[[int | Decimal], str] = plain

    def write(self, value: JSON, depth: int = 0) -> str:
        """The text of a value."""
        match value:
            case None:
                return "null"
            case True | False:
                return "true" if value else "false"
            case str():
                return self.string(value)
            case int() | Decimal():
                return self.number(value)
            case list():
                return self._enclosed("[", [self.write(item, depth + 1) for item in value], "]", depth)
            case dict():
                members = [f"{self.key(k)}{self.colon}{self.write(v, depth + 1)}" for k, v in value.items()]
                return self._enclosed("{", members, "}", depth)
        raise TypeError(f"no JSON: {value!r}")

    def _enclosed(self, begin: str, parts: list[str], end: str, depth: int) -> str:
        if self.indent is None or not parts:
            return begin + self.comma.join(parts) + end
        inner, outer = ("\n" + " " * (self.indent * level) for level in (depth + 1, depth))
        return begin + inner + ("," + inner).join(parts) + outer + end


COMPACT = Spelling("compact")
DEFAULT = Spelling("json.dumps", ", ", ": ", key=json.dumps, string=json.dumps)
SPACED = Spelling("json.dumps, ensure_ascii=False", ", ", ": ")
SPELLINGS = (
    COMPACT,
    DEFAULT,
    SPACED,
    Spelling("indent=2", colon=": ", indent=2),
    Spelling("white space everywhere", " ,\n", "\t: "),
    Spelling("escaped keys", key=escaped),
    Spelling("escaped strings", key=escaped, string=escaped),
    Spelling("numbers as 1.0", number=with_fraction),
    Spelling("numbers as 1e0", number=with_exponent),
)
"""All of them denote the same document."""


def orders(value: JSON) -> Iterator[JSON]:
    """A document with the keys of all its objects in every order, as it is first."""
    match value:
        case list():
            yield from map(list, itertools.product(*(list(orders(item)) for item in value)))
        case dict():
            inside = itertools.product(*(list(orders(item)) for item in value.values()))
            for items in inside:
                members = zip(value, items, strict=True)
                yield from map(dict, itertools.permutations(members))
        case _:
            yield value


def shuffles(value: JSON) -> list[JSON]:
    """A document as it is, and with the keys of all its objects reversed and sorted."""
    found = [value, _reordered(value, lambda keys: keys[::-1]), _reordered(value, sorted)]
    return list({COMPACT.write(variant): variant for variant in found}.values())


def _reordered(value: JSON, order: Callable[[list[str]], list[str]]) -> JSON:
    match value:
        case list():
            return [_reordered(item, order) for item in value]
        case dict():
            return {key: _reordered(value[key], order) for key in order(list(value))}
    return value


def is_unicode(value: JSON) -> bool:
    """Whether all strings of a document are Unicode text, which a lone surrogate is not."""
    return not any("\ud800" <= character <= "\udfff" for character in COMPACT.write(value))
