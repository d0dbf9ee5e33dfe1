"""The pages of docs/ do what they say: their code runs as written, in order, and prints what stands below it.

A ``python`` block is run, and a ``text`` block below one is what it prints.  Code that is only to be looked at
is marked ``py``.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(page for page in (ROOT / "docs").glob("*.md") if "\n```python\n" in page.read_text(encoding="utf-8"))

# What a page may ask for that the tests do without.
GUESTS = {"torch", "transformers", "tiktoken", "sentencepiece", "mistral_common", "gguf", "llama_cpp", "pydantic"}


def blocks(page: str) -> list[tuple[int, str, str | None]]:
    """Line, code, and the output shown below it, if any."""
    found: list[tuple[int, str, str | None]] = []
    for match in BLOCK.finditer(page):
        kind, content = match.groups()
        if kind == "python":
            found.append((page.count("\n", 0, match.start()) + 2, content, None))
        elif kind == "text" and found:
            line, code, shown = found.pop()
            assert shown is None, f"two outputs below the code of line {line}"
            found.append((line, code, content))
    return found


# Warnings are part of what pages explain.
@pytest.mark.filterwarnings("ignore:by the grammar's weights")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_prints_what_the_page_shows(page, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": page.stem}
    missing = set()
    for line, code, shown in blocks(page.read_text(encoding="utf-8")):
        # Padded, so that a traceback names the line of the page.
        program = compile("\n" * (line - 1) + code, str(page), "exec")
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(program, names)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] not in GUESTS:
                raise
            missing.add(error.name)
            continue
        except NameError:
            if not missing:  # else it goes on with what could not be made
                raise
            continue
        if shown is not None:
            assert printed.getvalue() == shown, f"line {line} of {page.name}"


def test_what_blocks_finds() -> None:
    page = "a\n```python\nprint(1)\n```\n\n```text\n1\n```\n```py\nno\n```\n```python\nx\n```\n"
    assert blocks(page) == [(3, "print(1)\n", "1\n"), (13, "x\n", None)]
