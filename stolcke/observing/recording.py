"""Traces read back, and checked."""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from stolcke.errors import FileFormatError
from stolcke.observing.trace import SCHEMA

__all__ = ["Recording", "read_trace"]


@dataclass(frozen=True)
class Recording:
    """A trace that has been read.

    Attributes
    ----------
    about : dict
        What the one who wrote it had to say.
    lines : list of dict
        All steps in the order in which they were made.
    is_whole : bool
        Whether the run came to its end, of itself or by the ``error``; False where the file just stops.
    error : str
        What broke the run; empty where nothing did.
    """

    about: dict[str, Any]
    lines: list[dict[str, Any]]
    is_whole: bool
    error: str

    def steps(self) -> dict[int, list[dict[str, Any]]]:
        """For each row the steps of its text: those that were accepted and not taken back.

        A step with the number of an earlier one of its row takes the place of that and of all behind it.
        """
        rows: dict[int, list[dict[str, Any]]] = {}
        for line in self.lines:
            kept = rows.setdefault(line["row"], [])
            while kept and kept[-1]["step"] >= line["step"]:
                kept.pop()
            if line["accepted"]:
                kept.append(line)
        return rows


def read_trace(path: str | os.PathLike) -> Recording:
    """Read what a :class:`stolcke.observing.Trace` has written.

    A last line that was cut off while it was written is left out, and fields that are not known are kept as they are.

    Raises
    ------
    FileFormatError
        With the number of the line that is wrong, and what is wrong there.
    OSError
    """
    *whole, rest = Path(path).read_bytes().split(b"\n")
    if not whole:
        raise FileFormatError(f"{path}: the file has no whole line, so it is no trace")
    lines = [_parsed(data, f"{path}: line {number}") for number, data in enumerate(whole, 1)]
    _check(lines[0], {"type": _is_text, "schema": _is_count, "about": _is_mapping}, f"{path}: line 1", "trace")
    if lines[0]["schema"] != SCHEMA:
        raise FileFormatError(
            f"{path}: line 1: the trace has schema {lines[0]['schema']}, this version of stolcke reads {SCHEMA}"
        )
    end: dict[str, Any] | None = None
    steps = []
    for number, line in enumerate(lines[1:], 2):
        place = f"{path}: line {number}"
        if end is not None:
            raise FileFormatError(f"{place}: there is a line behind the one that ends the trace")
        if line.get("type") == "end":
            _check(line, {"steps": _is_count}, place, "end")
            if line["steps"] != len(steps):
                raise FileFormatError(f"{place}: the trace should have {line['steps']} steps, and has {len(steps)}")
            end = line
        else:
            _check_step(line, place)
            steps.append(line)
    if end is not None and rest:
        raise FileFormatError(f"{path}: line {len(lines) + 1}: there is a line behind the one that ends the trace")
    error = "" if end is None else str(end.get("error", ""))
    return Recording(lines[0]["about"], steps, end is not None, error)


def _parsed(data: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(data.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{place}: this is no line of JSON: {error}") from None
    if not isinstance(found, dict):
        raise FileFormatError(f"{place}: a line must be an object, not {json.dumps(found)[:40]}")
    return found


def _finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_logprob(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_base64(value: Any) -> bool:
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except binascii.Error:
        return False


_TOKEN = {"token": _is_count, "text": _is_text}
_STEP = {
    "row": _is_count,
    "step": _is_count,
    **_TOKEN,
    "accepted": _is_flag,
    "allowed": _is_count,
    "vocabulary": _is_count,
    "mask_us": _is_time,
    "commit_us": _is_time,
    "seconds": _is_time,
}
_TOKEN_OPTIONAL = {
    "bytes": _is_base64,
    "kind": _is_text,
    "model_logprob": _is_logprob,
    "masked_logprob": _is_logprob,
}
_STEP_OPTIONAL = {
    **_TOKEN_OPTIONAL,
    "allowed_logprob": _is_logprob,
    "grammar_logprob": _is_logprob,
    "open": _is_texts,
    "open_depth": _is_count,
    "expected": _is_texts,
    "top": lambda value: isinstance(value, list) and all(isinstance(each, dict) for each in value),
}
_MEANINGS = {
    _is_text: "a text",
    _is_count: "a whole number, 0 or more",
    _is_flag: "true or false",
    _is_mapping: "an object",
    _is_time: "a number, 0 or more",
    _is_logprob: "a number or null",
    _is_texts: "a list of texts",
    _is_base64: "bytes in base64",
}


def _check_step(line: dict[str, Any], place: str) -> None:
    _check(line, _STEP, place, "step")
    _check_optional(line, _STEP_OPTIONAL, place)
    for each in line.get("top", ()):
        _check(each, _TOKEN, f"{place}, top", None)
        _check_optional(each, _TOKEN_OPTIONAL, f"{place}, top")


def _check(line: Mapping[str, Any], needed: Mapping[str, Callable], place: str, kind: str | None) -> None:
    if kind is not None and line.get("type") != kind:
        raise FileFormatError(f'{place}: "type" must be "{kind}", not {json.dumps(line.get("type"))[:40]}')
    for name, is_right in needed.items():
        if name not in line:
            raise FileFormatError(f'{place}: "{name}" is missing')
        _check_field(line, name, is_right, place)


def _check_optional(line: Mapping[str, Any], allowed: Mapping[str, Callable], place: str) -> None:
    for name, is_right in allowed.items():
        if name in line:
            _check_field(line, name, is_right, place)


def _check_field(line: Mapping[str, Any], name: str, is_right: Callable, place: str) -> None:
    if not is_right(line[name]):
        meaning = _MEANINGS.get(is_right, "a list of objects")
        raise FileFormatError(f'{place}: "{name}" must be {meaning}, not {json.dumps(line[name])[:40]}')
