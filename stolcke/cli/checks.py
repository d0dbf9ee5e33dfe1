"""Whether a text is in the language of a compiled grammar; if not, where it leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import stolcke

__all__ = ["Check", "Reason", "check"]


@dataclass(frozen=True)
class Reason:
    """Why a document does not satisfy a schema: a value in it, and the keyword that it fails; both as JSON pointers."""

    pointer: str
    line: int
    column: int
    reason: str
    keyword: str


@dataclass(frozen=True)
class Check:
    """Whether one text is in the language; if not, where it leaves it.

    ``byte`` counts from 0, ``line`` and ``column`` (in characters) from 1.  Under a
    JSON Schema, ``pointer`` is what the byte belongs to in the document, and
    ``reasons`` are the fields of a :class:`Reason` each.
    """

    file: str
    accepted: bool
    bytes: int
    byte: int | None = None
    line: int | None = None
    column: int | None = None
    found: str | None = None
    expected: list[str] | None = None
    text_line: str | None = None
    hint: str | None = None
    pointer: str | None = None
    reasons: list[dict[str, Any]] | None = None


def _accept(matcher: stolcke.Matcher, data: bytes) -> int:
    """Let the matcher take as much of the data as it can; return how many bytes that is."""
    taken, step = 0, 4096
    while taken < len(data) and step:
        if matcher.accept_bytes(data[taken : taken + step]):
            taken += min(step, len(data) - taken)
        else:
            step //= 2
    return taken


def _pieces(data: bytes, specials: dict[bytes, int]) -> Iterator[tuple[bytes, int | None]]:
    """Cut a text at the markers of special tokens: (bytes before, id of the marker or None)."""
    while specials:
        found = [(place, -len(marker), marker) for marker in specials if (place := data.find(marker)) >= 0]
        if not found:
            break
        place, _, marker = min(found)
        yield data[:place], specials[marker]
        data = data[place + len(marker) :]
    yield data, None


def check(compiled: stolcke.CompiledGrammar, name: str, data: bytes, specials: dict[bytes, int]) -> Check:
    """Whether a text is in the language; if not, where it stops."""
    markers = {token: marker for marker, token in specials.items()}
    matcher = compiled.matcher()
    stop = 0
    for piece, token in _pieces(data, specials):
        taken = _accept(matcher, piece)
        stop += taken
        if taken < len(piece):
            # A character is refused as a whole: go back to its first byte.
            back = 0
            while back < min(taken, 3) and piece[taken - back] & 0xC0 == 0x80:
                back += 1
            if back:
                stop -= back
                matcher = _matcher_after(compiled, data[:stop], specials)
            return _stopped(name, data, stop, matcher, _first_character(data[stop:]))
        if token is not None:
            if not matcher.accept(token):
                return _stopped(name, data, stop, matcher, f"the special token {markers[token].decode()}")
            stop += len(markers[token])
    if matcher.is_accepting:
        return Check(name, True, len(data))
    return _stopped(name, data, stop, matcher, "the end of the text")


def _matcher_after(compiled: stolcke.CompiledGrammar, data: bytes, specials: dict[bytes, int]) -> stolcke.Matcher:
    matcher = compiled.matcher()
    for piece, token in _pieces(data, specials):
        matcher.accept_bytes(piece)
        if token is not None:
            matcher.accept(token)
    return matcher


def _first_character(data: bytes) -> str:
    for length in range(1, 5):
        try:
            return repr(data[:length].decode())
        except UnicodeDecodeError:
            continue
    return f"byte 0x{data[0]:02x}, which is not UTF-8"


def _stopped(name: str, data: bytes, stop: int, matcher: stolcke.Matcher, found: str) -> Check:
    begin = data.rfind(b"\n", 0, stop) + 1
    end = data.find(b"\n", stop)
    line = data[begin : end if end >= 0 else len(data)].decode(errors="replace")
    hint = None
    if matcher.is_accepting and data[stop:] in (b"\n", b"\r\n"):
        hint = "without its last line break the text is in the language; see --chomp"
    return Check(
        file=name,
        accepted=False,
        bytes=len(data),
        byte=stop,
        line=data.count(b"\n", 0, stop) + 1,
        column=len(data[begin:stop].decode(errors="replace")) + 1,
        found=found,
        expected=matcher.expected(),
        text_line=line.rstrip("\r"),
        hint=hint,
    )
