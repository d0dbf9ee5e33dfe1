"""``stolcke-compile``: reports, checks, files written, exit statuses."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import stolcke
from stolcke.cli import main

ROOT = Path(__file__).parents[2]
JSON = str(ROOT / "grammars/json.lark")


@pytest.fixture
def grammar(tmp_path):
    """Write a grammar text to a file; return its path as text."""

    def write(text: str, name: str = "g.lark") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def text_file(tmp_path):
    """Write a text to a file; return its path as text."""

    def write(data: bytes, name: str = "text") -> str:
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write


@pytest.fixture
def vocabulary(tmp_path):
    path = tmp_path / "bytes.vocab"
    stolcke.Vocabulary.from_bytes().save(path)
    return str(path)


def report_of(capsys, *argv: str) -> tuple[int, dict]:
    """Run with ``--json``; return the exit status and what was printed."""
    status = main([*argv, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_report_in_words(capsys) -> None:
    assert main([JSON]) == 0
    out = capsys.readouterr().out
    assert "json.lark, from start" in out
    for words in ("rules", "terminals", "automaton states", "tables"):
        assert words in out
    assert "warning" not in out


def test_counts(capsys, grammar) -> None:
    status, report = report_of(capsys, grammar('start: "a" x? B\nx: "c"\nB: /b+/\n%ignore " "'))
    assert status == 0
    assert report["counts"]["nonterminals"] == 3
    assert report["counts"]["of_which_helpers"] == 1
    assert report["counts"]["terminals"] == 4
    assert report["counts"]["of_which_ignored"] == 1


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('start: "a"\nlost: "b"', "unreachable", ["lost"]),
        ('start: "a" | "a" x\nx: "b" x', "unproductive", ["x"]),
        ('start: "a"\nB: "b"', "unused_terminals", ["B"]),
        ('start: "a" | x\nx: start | "b"', "cyclic", ["start", "x"]),
        ('start: x "a"\nx: "b"*', "empty", ["x"]),
        ('start: "a" start | "b"', "right_recursion", ["start"]),
        ('start: "a" [0.5] | "b" x\nx: "c"? "d"~2..5', "weighted", ["start"]),
        ('start: "a" [5] | "b"\n%weights raw', "weighted", ["%weights raw", "start"]),
        ('start: "a" [1] | "b" x\nx: "c" [0.5] | "d"', "impossible", ["start"]),
        ('start: KEY | NAME\nKEY: "if"\nNAME: /[a-z]+/', "overlaps", ["KEY and NAME ('if')"]),
        ("start: A | B\nA: /[a-z]+[0-9]/\nB: /[x-z]+5?/", "overlaps", ["A and B ('x5')"]),
    ],
)
def test_findings(capsys, grammar, text: str, key: str, expected: list[str]) -> None:
    status, report = report_of(capsys, grammar(text))
    assert status == 0
    assert report["findings"][key] == expected


def test_clean_grammar_has_no_findings(capsys, grammar) -> None:
    _, report = report_of(capsys, grammar('start: start "a" | "b"'))
    assert not any(report["findings"].values())


def test_accepted_and_rejected_texts(capsys, text_file) -> None:
    good, bad = text_file(b'{"a": [1, 2]}', "good"), text_file(b'{"a":\n  [1, ]}', "bad")
    status, report = report_of(capsys, JSON, "--check", good, bad)
    assert status == 1
    first, second = report["checks"]
    assert first["accepted"]
    assert first["bytes"] == 13
    assert (second["accepted"], second["byte"], second["line"], second["column"]) == (False, 12, 2, 7)
    assert second["found"] == "']'"
    assert second["expected"]
    assert "the end of the text" not in second["expected"]


def test_words_and_caret(capsys, text_file) -> None:
    assert main([JSON, "-q", "--check", text_file(b"[1,\n\t2;]")]) == 1
    place, line, caret, reason = capsys.readouterr().out.splitlines()
    assert place.endswith("stops at line 2, column 3 (byte 6)")
    assert line[caret.index("^")] == ";"
    assert "found ';'" in reason


def test_the_end_is_expected_once(capsys, text_file) -> None:
    _, report = report_of(capsys, JSON, "--check", text_file(b"[1];"))
    assert report["checks"][0]["expected"].count("the end of the text") == 1


def test_text_that_ends_too_early(capsys, text_file) -> None:
    _, report = report_of(capsys, JSON, "--check", text_file(b"[1"))
    (check,) = report["checks"]
    assert (check["byte"], check["line"], check["column"], check["found"]) == (2, 1, 3, "the end of the text")


def test_columns_count_characters_and_bad_bytes_are_named(capsys, grammar, text_file) -> None:
    path = grammar('start: "äö" "€"')
    _, report = report_of(
        capsys, path, "--check", text_file("äö§".encode(), "a"), text_file("äö".encode() + b"\xff", "b")
    )
    places = [(c["byte"], c["column"], c["found"]) for c in report["checks"]]
    # The first byte of § is also that of nothing expected; its second byte is never blamed.
    assert places == [(4, 3, "'§'"), (4, 3, "byte 0xff, which is not UTF-8")]


def test_half_a_character_is_refused_as_a_whole(capsys, grammar, text_file) -> None:
    # Both characters begin with the byte c3: the parser stops in the middle of one.
    _, report = report_of(capsys, grammar('start: "ä"'), "--check", text_file("ö".encode()))
    (check,) = report["checks"]
    assert (check["byte"], check["column"], check["found"]) == (0, 1, "'ö'")


def test_long_text_stops_at_the_right_byte(capsys, text_file) -> None:
    data = b"[" + b"1, " * 20_001
    _, report = report_of(capsys, JSON, "--check", text_file(data + b"x]"))
    assert report["checks"][0]["byte"] == len(data)


def test_standard_input_and_chomp(capsys, monkeypatch, grammar) -> None:
    path = grammar('start: "a"')

    def run(*options: str) -> tuple[int, dict]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n")))
        return report_of(capsys, path, "--check", "-", *options)

    status, report = run()
    assert status == 1
    assert "--chomp" in report["checks"][0]["hint"]
    assert run("--chomp")[0] == 0


def test_compiled_file_is_read_back(capsys, tmp_path, vocabulary) -> None:
    output = tmp_path / "json.stolcke"
    status, report = report_of(capsys, JSON, "--vocab", vocabulary, "-o", str(output))
    assert status == 0
    assert report["output"] == {"file": str(output), "bytes": output.stat().st_size}
    matcher = stolcke.CompiledGrammar.load(output, stolcke.Vocabulary.from_bytes()).matcher()
    assert matcher.accept_bytes(b"[1, 2]")
    assert matcher.is_accepting


def test_special_tokens(capsys, grammar, text_file) -> None:
    path = grammar('%declare _CALL\nstart: "a" _CALL "b"')
    special = ["--special", "_CALL=<|call|>"]
    status, report = report_of(capsys, path, *special, "--check", text_file(b"a<|call|>b"))
    assert (status, report["counts"]["of_which_special"]) == (0, 1)
    status, report = report_of(capsys, path, *special, "--check", text_file(b"a<|call|>b<|call|>"))
    assert status == 1
    assert (report["checks"][0]["byte"], report["checks"][0]["found"]) == (10, "the special token <|call|>")
    assert main([path, "--check", text_file(b"a<|call|>b")]) == 2
    assert "_CALL" in capsys.readouterr().err


def test_terminals_that_look_beside_their_matches(capsys, grammar, text_file) -> None:
    path = grammar("start: (A | B)+\nA: /a\\b/\nB: /[ab]/\nC: /a\\bb/")
    status, report = report_of(capsys, path, "--check", text_file(b"ba"))
    assert status == 0
    assert report["findings"]["empty_terminals"] == ["C"]
    assert any("A" in found and "B" in found for found in report["findings"]["overlaps"])


def test_dump(capsys) -> None:
    assert main([JSON, "-q", "--dump"]) == 0
    assert "STRING" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start: x", "x"),
        ('start: "a', ""),
        ('begin: "a"', "start"),
        ('start: "a" start', "derives no text"),
        ("start: /a(?=bc)/", "the one character behind the match"),
    ],
)
def test_bad_grammars(capsys, grammar, text: str, message: str) -> None:
    path = grammar(text)
    assert main([path]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("stolcke-compile: ")
    assert message in captured.err
    status, report = report_of(capsys, path)
    assert status == 2
    assert message in report["error"]["message"]


def test_error_says_where(capsys, grammar) -> None:
    status, report = report_of(capsys, grammar('start: "a"\n  | missing "b"'))
    assert status == 2
    error = report["error"]
    assert (error["kind"], error["line"], error["column"]) == ("GrammarError", 2, 5)
    assert "missing" in error["reason"]


def test_limits_and_timeouts_have_their_own_status(capsys, grammar) -> None:
    status, report = report_of(capsys, grammar("start: /a{1,1000000}/"))
    assert (status, report["error"]["kind"], report["error"]["limit"]) == (3, "LimitExceeded", "repeat")


def test_other_lexer(capsys, grammar, text_file) -> None:
    path = grammar('start: NAME | "if" NAME\nNAME: /[a-z]+/\n%ignore " "')
    for lexer, status in (("dynamic_complete", 0), ("contextual", 1)):
        assert main([path, "--lexer", lexer, "--check", text_file(b"if")]) == status
    capsys.readouterr()


def test_other_start_and_imports(capsys, grammar, tmp_path, text_file) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "words.lark").write_text('WORD: "x"+\n')
    path = grammar('start: "a"\nother: WORD\n%import words.WORD')
    check = ["--start", "other", "--check", text_file(b"xx")]
    assert main([path, *check]) == 2
    assert main([path, *check, "-I", str(tmp_path / "parts")]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [JSON, "-o", "x.stolcke"],
        [JSON, "--special", "novalue"],
        [JSON, "--timeout", "-1"],
        [JSON, "--timeout", "soon"],
        [JSON, "--no-such-option"],
        [JSON, "--json-schema", JSON],
        ["--json-schema", JSON, "--start", "x"],
        [JSON, "--whitespace", "17"],
        [JSON, "--max-whitespace", "few"],
        [JSON, "--resource", "urn:x"],
        [JSON, "--property-order", "sorted"],
    ],
)
def test_wrong_usage(capsys, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: stolcke-compile" in capsys.readouterr().err


def test_missing_and_foreign_files(capsys, tmp_path, text_file) -> None:
    assert main([str(tmp_path / "none.lark")]) == 2
    assert main([JSON, "--check", str(tmp_path / "none")]) == 2
    assert main([JSON, "--vocab", text_file(b"not a vocabulary")]) == 2
    assert main([JSON, "--vocab", text_file(b'{"model": 3}', "tokenizer.json")]) == 2
    for line in capsys.readouterr().err.splitlines():
        assert "Traceback" not in line


def test_help_is_complete(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    for word in (
        "examples:",
        "exit status:",
        "--vocab",
        "--special",
        "--start",
        "--dump",
        "--check",
        "--json",
        "-o",
        "--json-schema",
    ):
        assert word in out


def test_as_a_command(tmp_path) -> None:
    """In a process of its own: output, status, and no progress where there is no terminal."""
    # What is there already comes first: it may be the package built otherwise.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(ROOT)])}
    command = [sys.executable, "-m", "stolcke.cli", JSON, "-q", "--check", "-"]

    def run(text: bytes) -> subprocess.CompletedProcess:
        return subprocess.run(
            command, check=False, input=text, capture_output=True, cwd=tmp_path, env=environment, timeout=60
        )

    good, bad = run(b" [true] "), run(b"[True]")
    assert (good.returncode, good.stdout, good.stderr) == (0, b"", b"")
    assert bad.returncode == 1
    assert b"line 1, column 2" in bad.stdout
    assert bad.stderr == b""
