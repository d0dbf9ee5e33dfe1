"""Pages of docs/ as programs: their code runs as written, in order, and prints what stands below it."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, languages: tuple[str, ...]) -> list[tuple[str, int, str, str | None]]:
    """Language, line, code, and the output shown below it, if any."""
    text = page.read_text(encoding="utf-8")
    found: list[tuple[str, int, str, str | None]] = []
    shows = False
    for match in BLOCK.finditer(text):
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
                found.append((language, text.count("\n", 0, match.start()) + 2, content, None))
    return found


def run(page: Path, shell: Path | None = None) -> int:
    """Run the code of a page; returns how many outputs were compared.

    Commands of the shell are run, too, where there is an empty folder for
    them, in which ``stolcke-compile`` is made.
    """
    names: dict = {}
    compared = 0
    environment = dict(os.environ)
    if shell is not None:
        command = shell / "bin" / "stolcke-compile"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m stolcke.cli "$@"\n')
        command.chmod(0o755)
        environment["PATH"] = f"{command.parent}{os.pathsep}{environment['PATH']}"
    for language, line, code, shown in blocks(page, ("python",) if shell is None else ("python", "sh")):
        if "import torch" in code and importlib.util.find_spec("torch") is None:
            continue
        printed = io.StringIO()
        if language == "sh":
            done = subprocess.run(["sh", "-c", code], capture_output=True, text=True, env=environment, check=False)
            printed.write(done.stdout + done.stderr)
        else:
            # Padded, so that a traceback names the line of the page.
            program = compile("\n" * (line - 1) + code, str(page), "exec")
            with contextlib.redirect_stdout(printed):
                exec(program, names)
        if shown is not None:
            assert printed.getvalue() == shown, f"line {line} of {page.name}"
            compared += 1
    return compared
