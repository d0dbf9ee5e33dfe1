"""``stolcke-trace``: what it says of a trace, the page it writes, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stolcke
from stolcke.cli.trace import main
from stolcke.observing import Trace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path):
    """The path of a trace of two sequences."""
    path = tmp_path / "run.jsonl"
    tokens = [b"a", b"\xc3", b"\xa9", b"<end>"]
    grammar = stolcke.Grammar.from_lark('start: "a" "é"')
    compiled = stolcke.compile(grammar, stolcke.Vocabulary(tokens, eos_token_ids=[3]))
    with Trace(path, grammar_logprobs=True, about={"prompt": "?"}) as trace:
        whole, part = compiled.matcher(), compiled.matcher()
        for token in (0, 0, 1, 2, 3):
            trace.step(whole, token, logits=np.zeros(4, np.float32))
        trace.step(part, 0, row=2)
        part.rollback(1)
        trace.step(part, 0, row=2)
    return path


def test_a_summary_in_words(run, capsys) -> None:
    assert main([str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{run}: 2 sequences, 7 steps"
    assert lines[1] == "sequence 0: 4 tokens, ended, 4 forced, 1 refused, 0 taken back"
    assert lines[2] == f"  log-probability   model {-4 * np.log(4):.3f}, masked 0.000, grammar 0.000"
    assert lines[5] == "  'a\\xe9'"
    assert lines[6] == "sequence 2: 1 tokens, not ended, 1 forced, 0 refused, 1 taken back"
    assert lines[7] == "  log-probability   grammar 0.000"


def test_a_summary_as_json_with_a_page(run, tmp_path, capsys) -> None:
    target = tmp_path / "out.html"
    assert main([str(run), "--json", "-o", str(target), "--title", "My <run>"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["whole"], found["error"], found["steps"], found["about"]) == (True, "", 7, {"prompt": "?"})
    first, second = found["sequences"]
    assert (first["text"], first["model_logprob"]) == ("aé", pytest.approx(-4 * np.log(4)))
    assert (second["sequence"], second["taken_back"], second["text"]) == (2, 1, "a")
    assert found["page"] == str(target) and "<h1>My &lt;run&gt;</h1>" in target.read_text(encoding="utf-8")
    assert main([str(run), "-q", "-o", str(target)]) == 0
    assert capsys.readouterr().out == "" and "<h1>run</h1>" in target.read_text(encoding="utf-8")


def test_a_run_broken_off_is_said(run, capsys) -> None:
    data = run.read_bytes()
    run.write_bytes(data[: data.rindex(b"\n", 0, -1) - 5])
    assert main([str(run)]) == 0
    out = capsys.readouterr().out
    assert "6 steps" in out and "the trace just stops" in out
    run.write_bytes(data.replace(b'"steps":7', b'"steps":7,"error":"OSError: full"'))
    assert main([str(run)]) == 0
    assert "the run was broken off: OSError: full" in capsys.readouterr().out


def test_errors_name_file_and_line(run, tmp_path, capsys) -> None:
    target = tmp_path / "page.html"
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err
    run.write_bytes(run.read_bytes().replace(b'"allowed":1', b'"allowed":-1', 1))
    assert main([str(run), "-o", str(target)]) == 2
    assert (
        capsys.readouterr().err
        == f'stolcke-trace: {run}: line 2: "allowed" must be a whole number, 0 or more, not -1\n'
    )
    assert not target.exists()
    assert main([str(run), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "FileFormatError"
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2


def test_an_empty_trace_and_a_page_that_cannot_be_written(tmp_path, capsys) -> None:
    path = tmp_path / "empty.jsonl"
    Trace(path).close()
    assert main([str(path)]) == 0 and "0 sequences, 0 steps" in capsys.readouterr().out
    assert main([str(path), "-o", str(tmp_path / "no" / "folder.html")]) == 2
    assert "folder.html" in capsys.readouterr().err


def test_as_a_module(run) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stolcke.cli.trace", str(run), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["steps"] == 7
