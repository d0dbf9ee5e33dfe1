"""What a grammar is made of, as a text: equal texts, equal grammars."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import Any

from stolcke.options import Limits, Options

__all__ = ["NotPlain", "plain", "source_key"]


class NotPlain(Exception):
    """Something has no text that says all of it."""


def source_key(make: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> str:
    """The text of a call: a function's name, and arguments that are plain data.

    Raises
    ------
    NotPlain
        If the function has no name of its own, reads files, or an argument is no plain data.
    """
    function = make.__func__ if isinstance(make, MethodType) and isinstance(make.__self__, type) else make
    if not isinstance(function, FunctionType) or "<" in function.__qualname__:
        raise NotPlain
    owner = f"{make.__self__.__module__}.{make.__self__.__qualname__}." if isinstance(make, MethodType) else ""
    if function.__name__ == "from_file" or keywords.keys() & {"import_paths", "source"}:
        raise NotPlain  # the files may change
    return f"{owner}{function.__module__}.{function.__qualname__}({plain(list(args))}, {plain(dict(keywords))})"


def plain(value: Any) -> str:
    """Write data as JSON, in the order it has: ``1``, ``1.0`` and ``true`` are three things, and lists are no tuples.

    Raises
    ------
    NotPlain
        If it is not data of that kind, or nested too deep.
    """
    try:
        return _plain(value)
    except RecursionError:
        raise NotPlain from None


def _plain(value: Any) -> str:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return json.dumps(value)
    if kind is bytes:
        return f"b{value.hex()}"
    if kind is list:
        return f"[{','.join(map(_plain, value))}]"
    if kind is tuple:
        return f"({','.join(map(_plain, value))})"
    if kind is dict and all(type(name) is str for name in value):
        return f"{{{','.join(f'{json.dumps(name)}:{_plain(inner)}' for name, inner in value.items())}}}"
    if kind in (Limits, Options):
        return repr(value)
    raise NotPlain
