"""What the command does: read, compile, describe, check, report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import stolcke
from stolcke.cli.arguments import parse_arguments
from stolcke.cli.checks import Check, check
from stolcke.cli.findings import FINDINGS, MOST_NAMED, describe
from stolcke.cli.inputs import progress, read_text, read_vocabulary
from stolcke.cli.parses import parse, print_parse
from stolcke.cli.schemas import Explainer, options_of, read_schema
from stolcke.errors import Cancelled, GrammarError, LimitExceeded, SchemaError, StolckeError

__all__ = ["main"]

OK, NOT_IN_LANGUAGE, BAD_INPUT, OUT_OF_BOUNDS, INTERRUPTED = 0, 1, 2, 3, 130


def _print_grammar(report: dict[str, Any]) -> None:
    print(
        f"{report['grammar']}, from {report['start']}" if "start" in report else f"{report['grammar']}, a JSON Schema"
    )
    for dropped in report["dropped"]:
        print(f"warning: left out: {dropped}")
    for checked in report["checked"]:
        print(f"note: looked at when complete: {checked}")
    if not report["exact"]:
        what = "its rules alone accept" if report["checked"] else "the grammar accepts"
        print(f"note: not exact: {what} more than was asked for")
    for name, value in report["counts"].items():
        print(f"  {name.replace('_', ' '):<24}{value:>10,}")
    print("tables")
    for name, value in report["tables"].items():
        shown = f"{value:>10,}" if isinstance(value, int) else f"{value:>10.3f}" if isinstance(value, float) else value
        print(f"  {name.replace('_', ' '):<24}{shown}")
    for key, gravity, meaning in FINDINGS:
        if found := report["findings"].get(key):
            print(f"{gravity}: {key.replace('_', ' ')} ({meaning})")
            more = [f"and {len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
            for line in _wrapped([*found[:MOST_NAMED], *more]):
                print(f"    {line}")


def _wrapped(names: Sequence[str], width: int = 100) -> Iterator[str]:
    """Names in lines of about the given width."""
    line = ""
    for i, name in enumerate(names):
        piece = name + ("," if i + 1 < len(names) else "")
        if line and len(line) + 1 + len(piece) > width:
            yield line
            line = ""
        line = f"{line} {piece}".lstrip()
    yield line


def _print_check(check: Check) -> None:
    if check.accepted:
        print(f"{check.file}: in the language")
        return
    print(
        f"{check.file}: not in the language: stops at line {check.line}, column {check.column} (byte {check.byte})"
        + (f", in {check.pointer}" if check.pointer is not None else "")
    )
    assert check.text_line is not None and check.column is not None and check.expected is not None
    start = max(0, check.column - 41)
    print("    " + check.text_line[start : start + 80].replace("\t", " "))
    print("    " + " " * (check.column - 1 - start) + "^")
    print(f"    found {check.found}; expected {', '.join(check.expected) or 'nothing'}")
    for reason in check.reasons or ():
        place = f"line {reason['line']}, column {reason['column']}"
        print(f"    {reason['pointer']} ({place}): {reason['reason']} (schema: {reason['keyword']})")
    if check.hint:
        print(f"    hint: {check.hint}")


def _read_grammar(arguments: argparse.Namespace) -> tuple[stolcke.Grammar, Explainer | None]:
    options = options_of(arguments)
    if arguments.json_schema is None:
        keywords = {
            "lark": {
                "lexer": arguments.lexer or "dynamic_complete",
                "import_paths": tuple(arguments.import_path),
                "json_options": options,
            },
            "llguidance": {"json_options": options},
        }.get(arguments.format, {})
        path, start = arguments.grammar, arguments.start
        return stolcke.Grammar.from_file(path, start, format=arguments.format, **keywords), None
    schema = read_schema(arguments.json_schema)
    return stolcke.Grammar.from_json_schema(schema, **options), Explainer(schema, options, arguments.timeout)


def _run(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Do what the arguments say; return the exit status and everything found."""
    specials = dict(arguments.special)
    with progress("reading the grammar"):
        grammar, explainer = _read_grammar(arguments)
    if arguments.to is not None:
        return OK, {"text": grammar.to_gbnf() if arguments.to == "gbnf" else grammar.to_ebnf()}
    tokens = (marker for markers in grammar.named_tokens.values() for marker in markers if isinstance(marker, str))
    markers = list(dict.fromkeys([*specials.values(), *tokens]))
    with progress("reading the vocabulary"):
        vocabulary = read_vocabulary(arguments.vocab, markers)
    with progress("compiling"):
        compiled = stolcke.compile(grammar, vocabulary, special=specials or None, timeout=arguments.timeout)
    with progress("analysing"):
        report: dict[str, Any] = {"grammar": str(arguments.grammar or arguments.json_schema), **describe(grammar)}
    if explainer is None:
        report["start"] = arguments.start
    else:
        report["findings"] = {}  # they speak of rules that no one wrote
    report |= {"exact": grammar.exact, "dropped": list(grammar.dropped), "checked": list(grammar.checked)}
    report["tables"] = compiled.stats()
    if arguments.output is not None:
        compiled.save(arguments.output)
        report["output"] = {"file": str(arguments.output), "bytes": arguments.output.stat().st_size}
    if arguments.dump:
        report["dump"] = compiled.dump()
    ids = {marker.encode(): vocabulary.special_id(marker) for marker in markers}
    report["checks"] = []
    for name in arguments.check:
        data = read_text(name, arguments.chomp)
        with progress(f"checking {name}"):
            found = check(compiled, name, data, ids)
            if explainer is not None and not found.accepted:
                found = explainer.explain(found, data)
            report["checks"].append(asdict(found))
    tried = list(report["checks"])
    if arguments.parse is not None:
        named = arguments.parse.startswith("@")
        data = read_text(arguments.parse[1:], arguments.chomp) if named else os.fsencode(arguments.parse)
        with progress("parsing"):
            report["parse"] = parse(grammar, data, arguments.k)
        tried.append(report["parse"])
    failed = not all(found["accepted"] for found in tried)
    return (NOT_IN_LANGUAGE if failed else OK), report


def _print_report(arguments: argparse.Namespace, report: dict[str, Any]) -> None:
    if "text" in report:
        print(report["text"], end="")
        return
    if not arguments.quiet:
        _print_grammar(report)
        if "output" in report:
            print(f"written: {report['output']['file']}, {report['output']['bytes']:,} bytes")
    if "dump" in report:
        print(report["dump"])
    for found in report["checks"]:
        if not (arguments.quiet and found["accepted"]):
            _print_check(Check(**found))
    if "parse" in report:
        print_parse(report["parse"])


def _error_fields(error: Exception) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, GrammarError):
        fields |= {"reason": error.reason, "line": error.line, "column": error.column, "source": error.source}
        if isinstance(error, SchemaError):
            fields["pointer"] = error.pointer
    elif isinstance(error, LimitExceeded):
        fields |= {"limit": error.limit, "given": error.given, "allowed": error.allowed}
    return fields


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the name of the command; ``sys.argv[1:]`` if not given.
    """
    arguments = parse_arguments(argv)
    try:
        status, report = _run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except (StolckeError, OSError) as error:
        if arguments.json:
            print(json.dumps({"error": _error_fields(error)}, default=str))
        else:
            print(f"stolcke-compile: {error}", file=sys.stderr)
        return OUT_OF_BOUNDS if isinstance(error, (LimitExceeded, Cancelled)) else BAD_INPUT
    if arguments.json:
        print(json.dumps(report | {"status": status}, default=str))
    else:
        _print_report(arguments, report)
    return status
