"""Pages of documentation whose code is run as written."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, int, str, str | None]]:
    """Language, line, code, and the output shown below it, if any, of Python and the shell."""
    text = page.read_text(encoding="utf-8")
    found: list[tuple[str, int, str, str | None]] = []
    for match in BLOCK.finditer(text):
        kind, content = match.groups()
        if kind in ("python", "sh"):
            found.append((kind, text.count("\n", 0, match.start()) + 2, content, None))
        elif kind == "text":
            kind, line, code, shown = found.pop()
            assert shown is None, f"two outputs below the code of line {line}"
            found.append((kind, line, code, content))
    return found


def run(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a page in an empty folder, and return how many outputs were as shown."""
    monkeypatch.chdir(folder)
    command = folder / "bin" / "stolcke-compile"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m stolcke.cli "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    names: dict = {}
    compared = 0
    for kind, line, code, shown in blocks(page):
        if "import torch" in code and importlib.util.find_spec("torch") is None:
            continue
        if kind == "sh":
            done = subprocess.run(["sh", "-c", code], capture_output=True, text=True, check=False)
            printed = done.stdout + done.stderr
        else:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                # Padded, so that a traceback names the line of the page.
                exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
            printed = output.getvalue()
        if shown is not None:
            assert printed == shown, f"line {line} of {page.name}"
            compared += 1
    return compared
