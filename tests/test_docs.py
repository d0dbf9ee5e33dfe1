"""The pages of docs/ do what they say: their code runs as written, in order, and prints what stands below it.

A ``python`` block is run, a ``sh`` block of the pages named here, too, and a ``text`` block below one is what it
prints.  Code that is only to be looked at is marked ``py``.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(page for page in (ROOT / "docs").glob("*.md") if "\n```python\n" in page.read_text(encoding="utf-8"))

# Pages whose commands can be run in an empty folder.
SHELL = {"grammars.md", "howto-blocking.md"}
# What a page may ask for that the tests do without.
GUESTS = {"torch", "transformers", "tiktoken", "sentencepiece", "mistral_common", "gguf", "llama_cpp", "pydantic"}


def blocks(page: str, languages: tuple[str, ...]) -> list[tuple[str, int, str, str | None]]:
    """Language, line, code, and the output shown below it, if any."""
    found: list[tuple[str, int, str, str | None]] = []
    shows = False
    for match in BLOCK.finditer(page):
        language, content = match.groups()
        if language == "text":
            # What stands below other code is not compared.
            if shows:
                language, line, code, shown = found.pop()
                assert shown is None, f"two outputs below the code of line {line}"
                found.append((language, line, code, content))
        else:
            shows = language in languages
            if shows:
                found.append((language, page.count("\n", 0, match.start()) + 2, content, None))
    return found


def with_command(folder: Path) -> dict[str, str]:
    """The environment, with a ``stolcke-compile`` made in a folder."""
    command = folder / "bin" / "stolcke-compile"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m stolcke.cli "$@"\n')
    command.chmod(0o755)
    return os.environ | {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


# Warnings are part of what pages explain.
@pytest.mark.filterwarnings("ignore:by the grammar's weights")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_prints_what_the_page_shows(page, tmp_path, monkeypatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    environment = with_command(tmp_path)
    names: dict = {"__name__": page.stem}
    missing = False
    languages = ("python", "sh") if page.name in SHELL else ("python",)
    for language, line, code, shown in blocks(page.read_text(encoding="utf-8"), languages):
        printed = io.StringIO()
        if language == "sh":
            done = subprocess.run(["sh", "-c", code], capture_output=True, text=True, env=environment, check=False)
            printed.write(done.stdout + done.stderr)
        else:
            # Padded, so that a traceback names the line of the page.
            program = compile("\n" * (line - 1) + code, str(page), "exec")
            try:
                with contextlib.redirect_stdout(printed):
                    exec(program, names)
            except ModuleNotFoundError as error:
                if error.name is None or error.name.partition(".")[0] not in GUESTS:
                    raise
                missing = True
                continue
            except NameError:
                if not missing:  # else it goes on with what could not be made
                    raise
                continue
        if shown is not None:
            assert printed.getvalue() == shown, f"line {line} of {page.name}"


def test_all_shipped_grammars_are_listed() -> None:
    page = (ROOT / "docs/grammars.md").read_text(encoding="utf-8")
    names = [path.stem for path in (ROOT / "grammars").glob("*.lark")]
    assert len(names) > 10 and [name for name in names if f"| `{name}` |" not in page] == []


def test_what_blocks_finds() -> None:
    page = "a\n```python\nprint(1)\n```\n\n```text\n1\n```\n```py\nno\n```\n```text\nno\n```\n```python\nx\n```\n"
    assert blocks(page, ("python",)) == [("python", 3, "print(1)\n", "1\n"), ("python", 16, "x\n", None)]
