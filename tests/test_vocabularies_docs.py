"""docs/vocabularies.md does what it says: its code runs as written and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from tests.test_weights_docs import BLOCK

PAGE = Path(__file__).parents[1] / "docs/vocabularies.md"


def test_the_code_prints_what_the_page_shows() -> None:
    pytest.importorskip("tiktoken")
    names: dict = {}
    printed = ""
    compared = 0
    for kind, content in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(content, str(PAGE), "exec"), names)
            printed = out.getvalue()
        else:
            assert printed == content
            compared += 1
    assert compared == 3
