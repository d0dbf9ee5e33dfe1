"""Finding the grammars that come with the package."""

from __future__ import annotations

import pytest

import stolcke


def test_a_shipped_grammar_is_found() -> None:
    path = stolcke.grammar_path("json")
    assert path.name == "json.lark"
    assert "start" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["jsn", "", "json.lark", "../grammars/json"])
def test_another_name_is_an_error_that_lists_the_shipped_ones(name: str) -> None:
    with pytest.raises(stolcke.GrammarError, match=r"there are: .*json"):
        stolcke.grammar_path(name)
