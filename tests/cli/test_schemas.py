"""``stolcke-compile --json-schema``: reports, why a document is not allowed, what may help."""

from __future__ import annotations

import json

import pytest

import stolcke
from stolcke.cli import main

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 18},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture
def file(tmp_path):
    """Write a text, or a value as JSON, to a file; return its path as text."""

    def write(content, name: str) -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def person(file) -> str:
    return file(PERSON, "person.json")


def report_of(capsys, *argv: str) -> tuple[int, dict]:
    """Run with ``--json``; return the exit status and what was printed."""
    status = main([*argv, "--json"])
    return status, json.loads(capsys.readouterr().out)


def check_of(capsys, file, schema: str, document: str, *options: str) -> dict:
    status, report = report_of(capsys, "--json-schema", schema, "--check", file(document, "document"), *options)
    (check,) = report["checks"]
    assert status == (0 if check["accepted"] else 1)
    return check


def test_report(capsys, person) -> None:
    assert main(["--json-schema", person]) == 0
    out = capsys.readouterr().out
    assert "person.json, a JSON Schema" in out
    assert "warning" not in out
    assert "not exact" not in out
    assert report_of(capsys, "--json-schema", person)[1]["exact"] is True


def test_documents_that_are_right(capsys, file, person) -> None:
    for document in ('{"name": "Ada"}', ' {"name":"x","age":18.0} \n', '{"\\u006eame": "x", "tags": ["a"]}'):
        assert check_of(capsys, file, person, document)["accepted"], document


@pytest.mark.parametrize(
    ("document", "byte", "pointer", "reasons"),
    [
        ('{"name": "Ada", "age": 17}', 25, "#/age", [("#/age", 1, 24, "#/properties/age/minimum", "at least 18")]),
        ('{"name": ""}', 10, "#/name", [("#/name", 1, 10, "#/properties/name/minLength", "at least 1")]),
        ('{"name": 5}', 9, "#/name", [("#/name", 1, 10, "#/properties/name/type", "must be a string")]),
        ('{"name": "x",\n "tags": ["c"]}', 25, "#/tags/0", [("#/tags/0", 2, 11, "#/properties/tags/items/enum", "")]),
        ('{"name": "x", "z": 1}', 15, "#", [("#/z", 1, 20, "#/additionalProperties", '"z"')]),
        ("{}", 1, "#", [("#", 1, 1, "#/required", '"name"')]),
        ("[]", 0, "#", [("#", 1, 1, "#/type", "is an array")]),
    ],
)
def test_where_and_why(capsys, file, person, document, byte, pointer, reasons) -> None:
    check = check_of(capsys, file, person, document)
    assert (check["byte"], check["pointer"]) == (byte, pointer)
    found = [(r["pointer"], r["line"], r["column"], r["keyword"]) for r in check["reasons"]]
    assert found == [reason[:4] for reason in reasons]
    for each, reason in zip(check["reasons"], reasons, strict=True):
        assert reason[4] in each["reason"]


def test_in_words(capsys, file, person) -> None:
    document = file('{"name": "Ada", "age": 17}', "document.json")
    assert main(["--json-schema", person, "-q", "--check", document]) == 1
    place, line, caret, expected, reason = capsys.readouterr().out.splitlines()
    assert place.endswith("stops at line 1, column 26 (byte 25), in #/age")
    assert line[caret.index("^")] == "}"
    assert "more of integer" in expected
    assert reason.strip() == "#/age (line 1, column 24): must be at least 18 (schema: #/properties/age/minimum)"


def test_remedies(capsys, file, person) -> None:
    def hint(document: str, *options: str) -> str | None:
        check = check_of(capsys, file, person, document, *options)
        assert check["accepted"] or not check["reasons"]
        return check["hint"]

    in_other_order = '{"age": 20, "name": "Ada"}'
    assert "--property-order any" in hint(in_other_order)
    assert hint(in_other_order, "--property-order", "any") is None
    order, _, spelling = hint(in_other_order, "--whitespace", "compact").partition("; and")
    assert "--property-order" in order
    assert "--whitespace" in spelling
    assert "--whitespace" in hint('{"name": "x"}', "--whitespace", "compact")
    assert "--chomp" in hint('{"name":"x"}\n', "--whitespace", "compact")
    assert "spelled otherwise" in hint('{"name": "\\u0041"}', "--escapes", "needed")
    assert "spelled otherwise" in hint('{"name": "ä"}', "--ascii")
    assert "spelled otherwise" in hint('{"name":   "x"}', "--max-whitespace", "1")
    assert "satisfies the schema" in hint('{"name": "\\ud800"}')
    assert "not JSON: " in hint('{"name": "x",}')
    assert "line 2, column 2" in hint('{"name":\n }')
    assert '"name" occurs twice' in hint('{"name": "x", "name": "x"}')


@pytest.mark.parametrize(
    ("options", "inside", "outside"),
    [
        (["--whitespace", "spaced"], '{"name": "x", "age": 20}', '{"name":"x"}'),
        (["--whitespace", "2"], '{\n  "name": "x",\n  "age": 20\n}', '{"name": "x"}'),
        (["--max-whitespace", "1"], '{ "name": "x" }', '{  "name": "x"}'),
        (["--escapes", "needed"], '{"name": "\\n"}', '{"name": "\\u000A\\u0061"}'),
        (["--ascii"], '{"name": "\\u00e4"}', '{"name": "ä"}'),
        (["--property-order", "any"], '{"age": 20, "name": "x"}', '{"age": 20}'),
    ],
)
def test_options(capsys, file, person, options, inside, outside) -> None:
    assert check_of(capsys, file, person, inside, *options)["accepted"]
    assert not check_of(capsys, file, person, outside, *options)["accepted"]


def test_formats_dialects_and_resources(capsys, file) -> None:
    date = file({"format": "date"}, "date.json")
    assert not check_of(capsys, file, date, '"today"')["accepted"]
    assert check_of(capsys, file, date, '"today"', "--no-formats")["accepted"]
    pair = file({"type": "array", "items": [{"const": 1}, {"const": 2}]}, "pair.json")
    assert not check_of(capsys, file, pair, "[2, 1]", "--dialect", "7")["accepted"]
    outer = file({"$ref": "urn:example:a=b"}, "outer.json")
    assert main(["--json-schema", outer]) == 2
    assert "urn:example:a=b" in capsys.readouterr().err
    check = check_of(capsys, file, outer, '"x"', "--resource", f"urn:example:a=b={date}")
    assert check["reasons"][0]["keyword"] == "urn:example:a=b#/format"


def test_options_also_serve_schemas_in_grammars(capsys, file) -> None:
    schema = json.dumps({"properties": {"a": True, "b": True}})
    grammar = file(f'start: "call " %json {schema}\n', "g.lark")
    text = file('call {"b": 1, "a": 2}', "text")
    assert main([grammar, "-q", "--check", text]) == 1
    assert "in #" not in capsys.readouterr().out
    assert main([grammar, "-q", "--property-order", "any", "--check", text]) == 0


def test_compiled_schema_is_read_back(person, tmp_path) -> None:
    vocabulary, output = tmp_path / "bytes.vocab", tmp_path / "person.stolcke"
    stolcke.Vocabulary.from_bytes().save(vocabulary)
    assert main(["--json-schema", person, "-q", "--vocab", str(vocabulary), "-o", str(output)]) == 0
    matcher = stolcke.CompiledGrammar.load(output, stolcke.Vocabulary.from_bytes()).matcher()
    assert matcher.accept_bytes(b'{"name":"x"}')
    assert matcher.is_accepting


@pytest.mark.parametrize(
    ("text", "line", "pointer", "reason"),
    [
        ('{"type":\n "strin"}', None, "#/type", "type"),
        ('{"type": \n}', 2, None, "not JSON"),
        ('{"properties": {"a": {"minimum": "1"}}}', None, "#/properties/a/minimum", "a number"),
        ('{"pattern": "(a)\\\\1"}', None, "#/pattern", "backreference"),
        ("[]", None, "#", "an array"),
        ('{"$ref": "#/nowhere"}', None, None, "nowhere"),
    ],
)
def test_schemas_that_are_wrong(capsys, file, text, line, pointer, reason) -> None:
    path = file(text, "schema.json")
    assert main(["--json-schema", path]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("stolcke-compile: ")
    status, report = report_of(capsys, "--json-schema", path)
    assert status == 2
    assert reason in report["error"]["reason"]
    assert report["error"]["line"] == line
    if pointer is not None:
        assert report["error"]["pointer"] == pointer
    if line is not None:
        assert "schema.json" in captured.err


def test_lenient_names_what_it_leaves_out(capsys, file) -> None:
    path = file({"type": "string", "pattern": "(a)\\1"}, "schema.json")
    status, report = report_of(capsys, "--json-schema", path, "--lenient")
    assert (status, report["exact"], len(report["dropped"])) == (0, False, 1)
    assert main(["--json-schema", path, "--lenient"]) == 0
    assert "left out: the pattern" in capsys.readouterr().out


def test_missing_files(capsys, person, tmp_path) -> None:
    missing = str(tmp_path / "missing")
    for argv in (["--json-schema", missing], ["--json-schema", person, "--check", missing]):
        assert main(argv) == 2
        assert "missing" in capsys.readouterr().err
    assert main(["--json-schema", person, "--resource", f"urn:x={missing}"]) == 2


def test_checked_names_what_is_looked_at(capsys, file) -> None:
    path = file('{"type": "array", "items": {"type": "string"}, "uniqueItems": true}', "unique")
    documents = [file('["a", "b"]', "right"), file('["a", "b", "a"]', "wrong")]
    status, report = report_of(capsys, "--json-schema", path, "--checked", "--check", *documents)
    assert (status, report["exact"], report["checked"]) == (1, False, ["#: uniqueItems"])
    right, wrong = report["checks"]
    assert right["accepted"] and not wrong["accepted"] and wrong["byte"] == 13
    assert [reason["keyword"] for reason in wrong["reasons"]] == ["#/uniqueItems"]
