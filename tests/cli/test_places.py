"""Places in JSON texts, against ``json.loads``."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke.cli.places import line_and_column, path_at, pointer, starts

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def parts(value: Any, path: tuple = ()) -> dict[tuple, Any]:
    """Every value within a value, by its path."""
    found = {path: value}
    if isinstance(value, (dict, list)):
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            found |= parts(part, (*path, step))
    return found


@given(VALUES, st.sampled_from([None, 0, 3]), st.booleans())
def test_each_value_is_parsed_where_it_starts(value, indent, ascii_only) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    expected = parts(value)
    offsets = starts(text)
    assert offsets.keys() == expected.keys()
    for path, offset in offsets.items():
        assert json.JSONDecoder().raw_decode(text, offset)[0] == expected[path]
        assert path_at(text[: offset + 1])[0][: len(path)] == path


@pytest.mark.parametrize(
    ("text", "path", "may_go_on"),
    [
        ("", (), False),
        ('{"a', (), False),
        ('{"a"', ("a",), False),
        ('{"a": {"b": [1, 2', ("a", "b", 1), True),
        ('{"a": {"b": [1, 2]', ("a", "b"), False),
        ('{"a": {"b": [1, 2]}', ("a",), False),
        ('{"a": 1,', (), False),
        ("[tru", (0,), True),
        ('["x, {', (0,), False),
        ('{"\\u0061/~": "', ("a/~",), False),
    ],
)
def test_beginnings(text: str, path: tuple, may_go_on: bool) -> None:
    assert path_at(text) == (path, may_go_on)


@given(st.text(']}[{,:"\\1a '))
def test_any_text_has_places(text: str) -> None:
    assert isinstance(path_at(text)[0], tuple)
    assert all(0 <= offset < len(text) for offset in starts(text).values())


def test_pointers_and_lines() -> None:
    assert pointer(()) == "#"
    assert pointer(("a/b", 0, "~")) == "#/a~1b/0/~0"
    assert [line_and_column("a\nbc", offset) for offset in (0, 2, 3)] == [(1, 1), (2, 1), (2, 2)]
