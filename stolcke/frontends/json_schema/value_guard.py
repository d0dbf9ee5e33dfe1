"""The guard of values: what no automaton knows of a value is looked at when it is complete, and a wrong one stays open.

Terminals have *roles*.  The guard's state is a stack of frames, one for each value that is open and of which something
has to be known, together with the text since the outermost of them began:

* ``open`` and ``close`` are the brackets of an array whose items must differ; its frame holds the items so far.
* ``item`` is the last terminal of such an item: refused, if an earlier item is equal.
* ``open_equal`` and ``close_equal`` are those of an array in which items must be equal: it cannot close before two are.
* ``begin`` is the quote that opens a string with tests, and ``end`` what closes it: refused, if it does not pass.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stolcke.errors import LimitExceeded
from stolcke.frontends.json_schema.string_tests import Test, passes
from stolcke.guard import Reading, TextGuard

__all__ = ["CLOSE", "CLOSE_EQUAL", "ITEM", "OPEN", "OPEN_EQUAL", "Role", "ValueGuard", "begin", "end"]


class Role(NamedTuple):
    """What a terminal does; the tests are those of a string that ends."""

    name: str
    tests: tuple[Test, ...] = ()


_OPENING = ("open", "open_equal", "begin")
_REFUSING = ("item", "close_equal", "end")
_ROLES = (*_OPENING, *_REFUSING, "close")
OPEN, CLOSE, ITEM = Role("open"), Role("close"), Role("item")
OPEN_EQUAL, CLOSE_EQUAL = Role("open_equal"), Role("close_equal")
begin = Role("begin")


def end(tests: frozenset[Test]) -> Role:
    """The end of a string that must pass some tests."""
    return Role("end", tuple(sorted(tests, key=repr)))


class Frame(NamedTuple):
    """An open value.

    ``begin`` is where in the text it, or its next item, begins; ``items`` are keys of the items so far, None in a
    string; ``equal`` says whether two of them were equal, None where that must not be.
    """

    begin: int
    items: frozenset | None
    equal: bool | None = None


class Values(NamedTuple):
    """The guard's state while something is open: the text since the outermost value began, and the frames."""

    text: bytes
    frames: tuple[Frame, ...]


_GAP = b" \t\n\r,"
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?")
_DIGITS = 4_000
"""So many at once become an ``int``; Python would refuse more than 4,300."""
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3})?\Z")
_HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9A-Fa-f]{2}(?:\\(?:u[0-9A-Fa-f]{0,3})?)?\Z")


@dataclass(frozen=True)
class ValueGuard(TextGuard):
    """Judges values as they close.

    Attributes
    ----------
    roles : tuple of (str, tuple of Role)
        Of each terminal that has any, in the order in which they are played.
    """

    roles: tuple[tuple[str, tuple[Role, ...]], ...]
    _roles: dict[str, tuple[Role, ...]] = field(init=False, repr=False, compare=False)

    start = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_roles", dict(self.roles))

    @property
    def watches(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(self._roles)

    @property
    def refuses(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(name for name, roles in self.roles if any(role.name in _REFUSING for role in roles))

    def to_file(self) -> list:
        """Give what :meth:`from_file` reads, in JSON's types."""
        return [[name, [[role.name, *map(list, role.tests)] for role in roles]] for name, roles in self.roles]

    @classmethod
    def from_file(cls, kept: list) -> ValueGuard:
        """Make it again; ValueError or TypeError where what is given is no guard."""
        roles = []
        for name, several in kept:
            made = tuple(Role(role, tuple(map(tuple, tests))) for role, *tests in several)
            for role in made:
                if role.name not in _ROLES:
                    raise ValueError(f"a terminal cannot be {role.name!r}")
                for test in role.tests:
                    passes(test, "")
            roles.append((str(name), made))
        return cls(tuple(roles))

    def records(self, state: Hashable) -> bool:
        return state is not None

    def extended(self, state: Any, text: bytes) -> Values:
        return Values(state.text + text, state.frames)

    def read(self, state: Any, terminal: str, kind: Hashable | None) -> Reading | None:
        for role in self._roles[terminal]:
            if state is None and role.name not in _OPENING:
                return None
            state = getattr(self, "_" + role.name)(state, role)
            if state is False:
                return None
        return Reading(state)

    def _open(self, state: Values | None, role: Role) -> Values:
        text, frames = state or (b"", ())
        return Values(text, (*frames, Frame(len(text), frozenset())))

    def _open_equal(self, state: Values | None, role: Role) -> Values:
        text, frames = state or (b"", ())
        return Values(text, (*frames, Frame(len(text), frozenset(), False)))

    def _close_equal(self, state: Values, role: Role) -> Values | bool | None:
        return self._close(state, role) if state.frames[-1].equal else False

    def _begin(self, state: Values | None, role: Role) -> Values:
        text, frames = state or (b"", ())
        return Values(text, (*frames, Frame(len(text), None)))

    def _close(self, state: Values, role: Role) -> Values | None:
        frames = state.frames[:-1]
        return Values(state.text, frames) if frames else None

    def _end(self, state: Values, role: Role) -> Values | bool | None:
        value = _read(b'"' + state.text[state.frames[-1].begin :])
        if not all(passes(test, value) for test in role.tests):
            return False
        return self._close(state, role)

    def _item(self, state: Values, role: Role) -> Values | bool:
        text, frames = state
        first, items, equal = frames[-1]
        key = _key_of_text(text[first:].lstrip(_GAP))
        if items is None or (equal is None and key in items):
            return False
        # What is before the outermost open item is not needed any more.
        text = text if len(frames) > 1 else b""
        equal = None if equal is None else equal or key in items
        return Values(text, (*frames[:-1], Frame(len(text), items | {key}, equal)))

    def is_safe(self, state: Any) -> bool:
        first, items, equal = state.frames[-1]
        if items is None:
            return False
        begun = state.text[first:].lstrip(_GAP)
        if equal is not None:
            return equal or bool(begun) or not items
        return not items or (bool(begun) and not any(_may_become(begun, item) for item in items))


class _Number(str):
    """A number of a document, as it is written."""


def _read(text: bytes) -> Any:
    """A JSON value, whose numbers are left as they are."""
    return json.loads(text.decode("utf-8"), parse_int=_Number, parse_float=_Number)


def _key_of_text(text: bytes) -> Hashable:
    """The key of a JSON value."""
    try:
        return _key(_read(text))
    except RecursionError:
        most = sys.getrecursionlimit()
        raise LimitExceeded(
            "nesting", "more than the interpreter's stack holds", most, "a value that differs"
        ) from None


def _key(value: Any) -> Hashable:
    """What two values have in common exactly where JSON Schema calls them equal."""
    if isinstance(value, _Number):
        return ("number", *_numeral(value))
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ("array", tuple(map(_key, value)))
    if isinstance(value, dict):
        return ("object", frozenset((name, _key(member)) for name, member in value.items()))
    return ("literal", json.dumps(value))


def _numeral(text: str) -> tuple[str, str, int]:
    """Sign, digits without zeros at either end, and the exponent behind them."""
    sign, whole, fraction, exponent = _NUMBER.fullmatch(text).groups("")  # type: ignore[union-attr]
    digits = (whole + fraction).lstrip("0")
    kept = digits.rstrip("0")
    if not kept:
        return "", "", 0
    return sign, kept, _integer(exponent) - len(fraction) + len(digits) - len(kept)


def _integer(text: str) -> int:
    """An exponent, of however many digits."""
    sign, digits = (-1 if text.startswith("-") else 1), text.lstrip("+-")
    found = 0
    for at in range(0, len(digits), _DIGITS):
        part = digits[at : at + _DIGITS]
        found = found * 10 ** len(part) + int(part)
    return sign * found


def _may_become(begun: bytes, item: Hashable) -> bool:
    """Whether a text could go on to be a value with a key."""
    first = begun[:1]
    if isinstance(item, str):
        return first == b'"' and item.startswith(_string_so_far(begun))
    kind = item[0]  # type: ignore[index]
    if kind == "literal":
        return item[1].encode().startswith(begun)  # type: ignore[index]
    return first in {"number": b"-0123456789", "array": b"[", "object": b"{"}[kind]


def _string_so_far(begun: bytes) -> str:
    """What the complete characters of a string that is not complete denote."""
    text = begun.decode("utf-8", "ignore")
    if len(begun) > 1 and begun.endswith(b'"') and _is_closed(text):
        return json.loads(text)
    text = _HALF_PAIR.sub("", text) if _is_escape_at_end(text) else text
    text = _HALF_ESCAPE.sub("", text) if _is_escape_at_end(text) else text
    return json.loads(text + '"')


def _is_escape_at_end(text: str) -> bool:
    """Whether the last backslash begins an escape; else it is one that is escaped."""
    at = text.rfind("\\")
    backslashes = len(text[: at + 1]) - len(text[: at + 1].rstrip("\\"))
    return at >= 0 and backslashes % 2 == 1


def _is_closed(text: str) -> bool:
    body = text[1:-1]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 0
