"""Pages of docs/ as programs: their code runs as written, in order, and prints what stands below it."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[int, str, str | None]]:
    """Line, code, and the output shown below it, if any."""
    text = page.read_text(encoding="utf-8")
    found: list[tuple[int, str, str | None]] = []
    for match in BLOCK.finditer(text):
        kind, content = match.groups()
        if kind == "python":
            found.append((text.count("\n", 0, match.start()) + 2, content, None))
        elif kind == "text":
            line, code, shown = found.pop()
            assert shown is None, f"two outputs below the code of line {line}"
            found.append((line, code, content))
    return found


def run(page: Path) -> int:
    """Run the code of a page; returns how many outputs were compared."""
    names: dict = {}
    compared = 0
    for line, code, shown in blocks(page):
        if "import torch" in code and importlib.util.find_spec("torch") is None:
            continue
        # Padded, so that a traceback names the line of the page.
        program = compile("\n" * (line - 1) + code, str(page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(program, names)
        if shown is not None:
            assert printed.getvalue() == shown, f"line {line} of {page.name}"
            compared += 1
    return compared
