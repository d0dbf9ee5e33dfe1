"""A trace as one HTML file, which needs nothing else: no network, no other files."""

from __future__ import annotations

import html
import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

from stolcke.errors import FileFormatError
from stolcke.observing.recording import Recording, read_trace

__all__ = ["page", "write_page"]

_SLOT = re.compile(r"\{\{(\w+)\}\}")
# What could end the element that holds the data, as escapes of JSON; all beyond ASCII is escaped anyway.
_UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def page(recording: Recording, title: str) -> str:
    """The page of a trace as text.

    Parameters
    ----------
    recording : Recording
    title : str
        The heading.
    """
    kept = {id(line) for steps in recording.steps().values() for line in steps}
    data: dict[str, Any] = {
        "about": recording.about,
        "isWhole": recording.is_whole,
        "error": recording.error,
        "steps": [line | {"kept": id(line) in kept} for line in recording.lines],
    }
    try:
        text = json.dumps(data, separators=(",", ":"))
    except RecursionError:
        raise FileFormatError("what the trace holds is nested too deeply for a page") from None
    slots = {
        # A file's name may be no UTF-8.
        "title": html.escape(title.encode(errors="replace").decode()),
        "style": _part("page.css"),
        "script": _part("page.js"),
        "data": text.translate(_UNSAFE),
    }
    # One pass: what is filled in is not looked at again.
    return _SLOT.sub(lambda slot: slots[slot[1]], _part("page.html"))


def write_page(trace: str | os.PathLike, target: str | os.PathLike, title: str | None = None) -> Recording:
    """Read a trace and write its page; the title is the file's name unless given.

    Raises
    ------
    FileFormatError
        If the trace is wrong somewhere.
    OSError
    """
    recording = read_trace(trace)
    Path(target).write_text(page(recording, Path(trace).stem if title is None else title), encoding="utf-8")
    return recording


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
