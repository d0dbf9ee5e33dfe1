"""docs/grammars.md and docs/howto-blocking.md do what they say."""

from __future__ import annotations

import pytest

import stolcke
from tests.docs_pages import DOCS, run
from tests.shipped_grammars import NAMES


@pytest.mark.parametrize(("page", "outputs"), [("grammars", 4), ("howto-blocking", 7)])
def test_a_page_prints_what_it_shows(page: str, outputs: int, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(DOCS / f"{page}.md", shell=tmp_path) == outputs


def test_all_grammars_are_listed() -> None:
    page = (DOCS / "grammars.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| `{name}` |" not in page] == []
    assert {path.stem for path in map(stolcke.grammar_path, NAMES)} == set(NAMES)
