"""Regular expressions with texts that they accept and reject, and those that are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from stolcke.errors import RegexError
from stolcke.grammar.patterns import Regex, Whole
from stolcke.lexer import automaton

CASES = Path(__file__).parent.parent / "cases"


def load(name: str) -> list[dict]:
    """Read the cases of a file."""
    return tomllib.loads((CASES / name).read_text("utf-8"))["case"]


@pytest.mark.parametrize("case", load("regex.toml"), ids=lambda case: case["name"])
def test_language(case: dict) -> None:
    pattern = Regex(case["pattern"], case.get("flags", ""))
    machine = automaton(Whole(pattern) if case.get("whole") else pattern)
    for text in case["accepts"]:
        assert machine.accepts(text.encode()), text
    for text in case["rejects"]:
        assert not machine.accepts(text.encode()), text


@pytest.mark.parametrize("case", load("regex_errors.toml"), ids=lambda case: case["pattern"])
def test_refused(case: dict) -> None:
    with pytest.raises(RegexError) as caught:
        automaton(Regex(case["pattern"], case.get("flags", "")))
    assert caught.value.pattern == case["pattern"]
    assert caught.value.position == case.get("position")
    assert case["reason"] in caught.value.reason


def test_the_caret_points_into_the_line() -> None:
    with pytest.raises(RegexError) as caught:
        automaton(Regex("a\nbc\\b"))
    assert (caught.value.line, caught.value.column) == (2, 3)
    lines = str(caught.value).splitlines()
    assert lines[-2].index("\\b") == lines[-1].index("^")
