"""Formats that no automaton knows in full: a language that holds them, and a judge of texts that are complete."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from stolcke.errors import LimitExceeded, RegexError
from stolcke.frontends.json_schema.ecma import pattern_language
from stolcke.frontends.json_schema.host_names import is_host_name, is_international_host_name
from stolcke.frontends.json_schema.strict_ecma import is_expression
from stolcke.lexer.language import Language

__all__ = ["CheckedFormat", "checked_format"]


class CheckedFormat(NamedTuple):
    """A format in full."""

    around: Language
    """Texts among which are all that have the format."""
    contains: Callable[[str], bool]
    """Whether a text has the format."""


_HOST = "^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?([.][0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)*$"
_LEAP = r"\d\d:\d\d:60(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)"
_TIME = re.compile(r"(\d\d):(\d\d):60(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
_ENDS = frozenset(["06-30", "12-31"])
"""Days at whose end, in UTC, leap seconds are."""


def _leap_second(text: str) -> tuple[int, int] | None:
    """Minutes into the day, as written, and the offset in minutes; None where there is no such time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    offset_hour, offset_minute = (int(found[4]), int(found[5])) if found[3] else (0, 0)
    if hour > 23 or minute > 59 or offset_hour > 23 or offset_minute > 59:
        return None
    return 60 * hour + minute, (60 * offset_hour + offset_minute) * (-1 if found[3] == "-" else 1)


def _is_time(text: str) -> bool:
    """Whether a text is a time with a leap second."""
    found = _leap_second(text)
    return found is not None and (found[0] - found[1]) % (24 * 60) == 24 * 60 - 1


def _is_date_time(text: str) -> bool:
    """Whether a text is a time and date with a leap second."""
    found = _leap_second(text[11:])
    if found is None:
        return False
    day, minute = divmod(found[0] - found[1], 24 * 60)
    try:
        in_utc = date(int(text[:4]) or 4, int(text[5:7]), int(text[8:10])) + timedelta(days=day)
    except (ValueError, OverflowError):
        return False
    return minute == 24 * 60 - 1 and f"{in_utc:%m-%d}" in _ENDS


# By name: an expression of texts beyond the regular part of a format, and which of these have it.
_FORMATS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "date-time": (rf"^\d{{4}}-\d\d-\d\d[Tt]{_LEAP}$", _is_date_time),
    "time": (f"^{_LEAP}$", _is_time),
    "hostname": (_HOST, is_host_name),
    "idn-hostname": (r"^[^\u0000-,/:-`{-\u007F]+$", is_international_host_name),
    "regex": ("", is_expression),
}


@cache
def checked_format(name: str) -> CheckedFormat | None:
    """What the regular part of a format leaves out, or None where that is nothing, or is not known."""
    found = _FORMATS.get(name)
    return None if found is None else CheckedFormat(pattern_language(found[0]), found[1])


def has_format(name: str, text: str) -> bool:
    """Whether a text is among those that :func:`checked_format` speaks of."""
    found = checked_format(name)
    try:
        return found is not None and found.contains(text)
    except (RegexError, LimitExceeded, RecursionError):
        return False
