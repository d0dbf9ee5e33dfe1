"""``stolcke-compile`` with grammars in other languages than Lark's, read and written."""

from __future__ import annotations

from pathlib import Path

import pytest

from stolcke.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str) -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ('root ::= "a" [b-d]+', "g.gbnf", []),
        ('root ::= "a" [b-d]+', "g.ebnf", []),
        ('start: "a" B{1,}\nB: /[b-d]/', "g.llguidance", []),
        ('root ::= "a" [b-d]+', "g.txt", ["--format", "gbnf"]),
        ('start: "a" B{1,}\nB: /[b-d]/', "g.lark", ["--format", "llguidance"]),
        ('x ::= "a" root\nroot ::= [b-d]+', "g.EBNF", ["--start", "x"]),
    ],
)
def test_the_language_is_told_by_suffix_or_option(capsys, file, text, name, options) -> None:
    inside, outside = file("abd", "inside"), file("a", "outside")
    assert main([file(text, name), *options, "--check", inside]) == 0
    assert main([file(text, name), *options, "--check", outside]) == 1
    assert "not in the language: stops at line 1, column 2" in capsys.readouterr().out


def test_special_tokens_that_the_grammar_names(capsys, file) -> None:
    grammar = file("root ::= <think> [a-z]* </think>", "g.gbnf")
    assert main([grammar, "--check", file("<think>abc</think>", "inside")]) == 0
    assert main([grammar, "--check", file("<think>abc", "outside")]) == 1
    assert "expected" in capsys.readouterr().out


def test_an_error_names_the_file(capsys, file) -> None:
    path = file('root ::= "a"\n | "b"', "g.gbnf")
    assert main([path]) == 2
    assert f"{path}, line 2, column 2" in capsys.readouterr().err


def test_a_grammar_is_written_in_another_language(capsys, file) -> None:
    assert main([str(ROOT / "grammars/json.lark"), "--to", "gbnf"]) == 0
    written = capsys.readouterr().out
    assert written.startswith("root ::= ")
    assert main([file(written, "json.gbnf"), "--check", file('{"a": [1, null]}', "inside")]) == 0
    assert main([file(written, "json.gbnf"), "--to", "ebnf"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json-schema", "x.json", "--format", "gbnf"],
        ["x.gbnf", "--import-path", "."],
        ["x.gbnf", "--format", "bnf"],
    ],
)
def test_wrong_usage(capsys, arguments) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
