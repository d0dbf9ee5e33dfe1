"""docs/formats.md does what it says."""

from __future__ import annotations

from pathlib import Path

from tests.docs_pages import DOCS, run


def test_the_code_prints_what_the_page_shows(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(DOCS / "formats.md") >= 6
