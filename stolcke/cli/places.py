"""Places in JSON texts: what a byte belongs to, and where values begin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["Path", "line_and_column", "path_at", "pointer", "starts"]

Path = tuple[str | int, ...]
"""Names and indexes from the root of a document to a value."""

_TOKEN = re.compile(r'(?P<string>"(?:\\.|[^"\\])*(?P<closed>")?)|(?P<mark>[\[\]{},:])|[^\s\[\]{},:"]+', re.DOTALL)


def pointer(path: Path) -> str:
    """A path as a JSON pointer in its fragment form; ``#`` for the whole document."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join(f"/{step}" for step in steps)


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a character, from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _walk(text: str) -> Iterator[tuple[int, int, Path, bool]]:
    """Go through the tokens of a text, which may end anywhere: (begin, end, path, whether a value begins)."""
    steps: list[str | int | None] = []
    is_name = False
    for token in _TOKEN.finditer(text):
        mark = token["mark"]
        path = tuple(step for step in steps if step is not None)
        begins = mark in ("{", "[") or (mark is None and not is_name)
        if mark in ("}", "]"):
            if steps:
                steps.pop()
            path, is_name = tuple(step for step in steps if step is not None), False
        elif mark == ",":
            if steps and isinstance(steps[-1], int):
                steps[-1] += 1
            elif steps:
                steps[-1], is_name = None, True
            path = tuple(step for step in steps if step is not None)
        elif mark in ("{", "["):
            steps.append(0 if mark == "[" else None)
            is_name = mark == "{"
        elif is_name and token["closed"] and steps:
            steps[-1], is_name = _unquoted(token[0]), False
            path = tuple(step for step in steps if step is not None)
        yield token.start(), token.end(), path, begins


def _unquoted(literal: str) -> str:
    try:
        return json.loads(literal)
    except ValueError:
        return literal[1:-1]


def path_at(text: str) -> tuple[Path, bool]:
    """What the end of the beginning of a text belongs to.

    Returns
    -------
    path : tuple of str or int
    is_scalar : bool
        Whether the text ends in a number or a word, which might go on.
    """
    path: Path = ()
    is_scalar = False
    for begin, end, now, begins in _walk(text):
        path = now
        if text[begin] == "[" and begins:
            path = (*now, 0)
        is_scalar = begins and end == len(text) and text[begin] not in '[{"'
    return path, is_scalar


def starts(text: str) -> dict[Path, int]:
    """Where each value of a document begins, in characters."""
    return {path: begin for begin, _, path, begins in _walk(text) if begins}
