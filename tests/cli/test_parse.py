"""``stolcke-compile --parse``."""

from __future__ import annotations

import io
import json
import sys

import pytest

from stolcke.cli import main

SUMS = 'start: sum\n?sum: sum "+" sum -> add | N\nN: /[0-9]/\n'


@pytest.fixture
def sums(tmp_path):
    path = tmp_path / "sums.lark"
    path.write_text(SUMS)
    return str(path)


def test_the_best_parses(sums, capsys) -> None:
    assert main([sums, "-q", "--parse", "1+2+3", "--k", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("in the language: log-probability ")
    assert lines[0].endswith("2 derivations, entropy 0.6931 nats")
    assert sum(line.startswith("parse ") for line in lines) == 2
    assert lines[1].endswith("posterior 0.500000")
    assert lines[2:8] == ["    start", "      add", *lines[4:8]]
    assert "N '1'" in lines[4] + lines[5]


def test_one_parse_is_the_default_and_the_report_comes_first(sums, capsys) -> None:
    assert main([sums, "--parse", "1+2+3"]) == 0
    out = capsys.readouterr().out
    assert out.count("parse 1:") == 1 and "parse 2:" not in out
    assert out.index("tables") < out.index("in the language")


def test_a_text_that_is_not_in_the_language(sums, capsys) -> None:
    assert main([sums, "-q", "--parse", "1+"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("not in the language: the text ends too early; expected N (line 1, column 3)")


def test_files_and_standard_input(sums, capsys, tmp_path, monkeypatch) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"4+5\n")
    assert main([sums, "-q", "--parse", f"@{path}"]) == 1
    assert main([sums, "-q", "--parse", f"@{path}", "--chomp"]) == 0
    assert "N '5'" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"7")))
    assert main([sums, "-q", "--parse", "@-"]) == 0
    assert "N '7'" in capsys.readouterr().out
    assert main([sums, "-q", "--parse", f"@{path}.missing"]) == 2


def test_json(sums, capsys) -> None:
    assert main([sums, "--json", "--parse", "1+2+3"]) == 0
    report = json.loads(capsys.readouterr().out)
    found = report["parse"]
    assert (found["accepted"], found["derivations"], len(found["best"])) == (True, 2, 1)
    assert found["best"][0]["posterior"] == pytest.approx(0.5)
    assert found["best"][0]["tree"][:2] == [{"depth": 0, "rule": "start"}, {"depth": 1, "rule": "add"}]
    assert {"depth": 2, "token": "N", "text": "3", "begin": 4, "end": 5} in found["best"][0]["tree"] + [
        {**node, "depth": 2} for node in found["best"][0]["tree"] if "token" in node
    ]
    assert main([sums, "--json", "--parse", "1+x"]) == 1
    refused = json.loads(capsys.readouterr().out)["parse"]
    assert (refused["accepted"], refused["byte"], refused["expected"]) == (False, 2, ["N"])


def test_wrong_numbers_of_parses(sums, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main([sums, "--parse", "1", "--k", "0"])
    assert caught.value.code == 2
    assert "not a number from 1 on" in capsys.readouterr().err
