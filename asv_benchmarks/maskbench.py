"""Every schema of a MaskBench file: compiled, its documents judged, and each disagreement with a label examined.

    python -m asv_benchmarks.maskbench schemas.jsonl.xz --jobs 2 --json disagreements.json
    python -m asv_benchmarks.maskbench schemas.jsonl.xz --names sample.txt --property-order any

A line of the file is ``{"name": ..., "schema": ..., "tests": [{"valid": bool, "data": ...}, ...]}``.
A document is right if it has its label's verdict in every spelling: compact,
as ``json.dumps(data, ensure_ascii=False)`` writes it, and in ASCII.  Where
properties come as declared, a valid document may be accepted with its keys in
another order alone, and is then counted apart.  What ``jsonschema`` says
decides whether a label is wrong or we are.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import stolcke
from asv_benchmarks import workers
from tests.json_schema.documents import COMPACT, DEFAULT, SPACED, SPELLINGS, is_unicode, read
from tests.json_schema.judging import ORDERS
from tests.json_schema.oracle import validator
from tests.vocabularies import real

VERDICTS = {True: "valid", False: "invalid"}


# One schema, in a worker.


@cache
def vocabulary(name: str | None) -> stolcke.Vocabulary:
    """A real vocabulary, or all single bytes."""
    return stolcke.Vocabulary(*real(name)) if name else stolcke.Vocabulary.from_bytes()


def refusal(error: Exception) -> dict[str, str]:
    """What is kept of an exception: its class, its message, and the message without what is particular."""
    reason = getattr(error, "reason", str(error))
    kind = re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d_,.]*|#\S*|(?<=\s)/\S+", "…", reason.splitlines()[0] if reason else "")
    return {"error": type(error).__name__, "message": str(error)[:2000], "kind": f"{type(error).__name__}: {kind}"}


def left_at(compiled: stolcke.CompiledGrammar, text: str) -> int | None:
    """The byte at which a text leaves the language; its length where it only must not end; None where it is in it."""
    matcher, data = compiled.matcher(), text.encode()
    if not matcher.accept_bytes(data):
        good, bad = 0, len(data)
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if compiled.matcher().accept_bytes(data[:middle]) else (good, middle)
        return good
    return None if matcher.is_accepting else len(data)


def in_declared_order(document: Any, schema: Any, root: Any, seen: frozenset[int] = frozenset()) -> Any:
    """A document with the keys of each object in the order in which its schema's text names them."""
    if isinstance(document, list):
        items = [places_of(schema, root, "items"), places_of(schema, root, "prefixItems")]
        rest = next((found for found in items[0] if isinstance(found, dict)), True)
        first = [item for found in (*items[1], *items[0]) if isinstance(found, list) for item in found]
        return [in_declared_order(item, first[i] if i < len(first) else rest, root) for i, item in enumerate(document)]
    if not isinstance(document, dict):
        return document
    named: dict[str, Any] = {}
    for properties in places_of(schema, root, "properties"):
        for name, subschema in properties.items():
            named.setdefault(name, subschema)
    rest = next(iter(places_of(schema, root, "additionalProperties")), True)
    keys = [name for name in named if name in document] + [name for name in document if name not in named]
    return {key: in_declared_order(document[key], named.get(key, rest), root) for key in keys}


def places_of(schema: Any, root: Any, keyword: str, depth: int = 12) -> Iterator[Any]:
    """The values of a keyword in a schema and in whatever applies to the same place, in the order of the text."""
    if not isinstance(schema, dict) or depth == 0:
        return
    for name, value in schema.items():
        if name == keyword:
            yield value
        elif name in ("allOf", "anyOf", "oneOf") and isinstance(value, list):
            for branch in value:
                yield from places_of(branch, root, keyword, depth - 1)
        elif name in ("if", "then", "else"):
            yield from places_of(value, root, keyword, depth - 1)
        elif name == "$ref" and isinstance(value, str) and value.startswith("#"):
            yield from places_of(at_pointer(root, value[1:]), root, keyword, depth - 1)


def at_pointer(root: Any, pointer: str) -> Any:
    """What a JSON pointer leads to, None where nothing."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(root, dict):
            root = root.get(part)
        elif isinstance(root, list) and part.isdigit() and int(part) < len(root):
            root = root[int(part)]
        else:
            return None
    return root


def jsonschema_says(schema: Any, text: str, *, formats: bool) -> str:
    """The outside judge's verdict, or why it has none."""
    try:
        return VERDICTS[validator(read(json.dumps(schema)), formats=formats).is_valid(read(text))]
    except Exception as error:  # of whatever kind: the judge does not know
        return f"none: {error!r:.200}"


def judged(record: dict[str, Any], options: dict[str, Any], vocabulary_name: str | None, every: bool) -> dict[str, Any]:
    """All that is to be known of one schema; raises nothing."""
    schema, found = record["schema"], {"name": record["name"], "outcome": "compiled", "disagreements": []}
    tokens = vocabulary(vocabulary_name)
    try:
        begin = time.perf_counter()
        grammar = stolcke.Grammar.from_json_schema(schema, **options)
        built = time.perf_counter()
        compiled = stolcke.compile(grammar, tokens)
        found |= {"build_ms": 1e3 * (built - begin), "compile_ms": 1e3 * (time.perf_counter() - built)}
        found |= {"exact": grammar.exact, "dropped": [str(dropped) for dropped in grammar.dropped]}
    except Exception as error:  # whatever it is, it belongs into the table
        return found | {"outcome": "refused", **refusal(error)}

    any_order = {**options, "property_order": "any"}
    free = cache(partial(_compiled_or_none, schema, any_order, tokens)) if options != any_order else None
    spellings = SPELLINGS if every else (COMPACT, SPACED, DEFAULT)
    for number, test in enumerate(record["tests"]):
        document, valid = read(json.dumps(test["data"])), test["valid"]
        if not is_unicode(document):
            continue
        try:
            wrong = _disagreement(compiled, free, schema, document, valid, spellings)
        except Exception as error:
            wrong = {"verdict": "none", **refusal(error)}
        if wrong:
            found["disagreements"].append({"name": record["name"], "test": number, "label": VERDICTS[valid], **wrong})
    found["tests"] = len(record["tests"])
    return found


def _disagreement(compiled, free, schema, document, valid, spellings) -> dict[str, Any] | None:
    """The first spelling with another verdict than the label's.

    ``free`` gives the schema compiled for properties in any order, and is None
    where it was to begin with: then no order of keys excuses anything.
    """
    as_declared = in_declared_order(document, schema, schema)
    variants = [as_declared] if COMPACT.write(as_declared) == COMPACT.write(document) else [document, as_declared]
    texts = [(spelling, spelling.write(variant)) for variant in variants for spelling in spellings]
    places = [(spelling, text, left_at(compiled, text)) for spelling, text in texts]
    if valid:
        wrong = [(spelling, text, place) for spelling, text, place in places if place is not None]
    else:
        wrong = [(spelling, text, place) for spelling, text, place in places if place is None]
    if not wrong:
        return None
    spelling, text, place = wrong[0]
    if valid and free:
        accepted_as_declared = all(left is None for _, _, left in places[-len(spellings) :])
        if accepted_as_declared or ((other := free()) and left_at(other, text) is None):
            return {"verdict": "order", "as declared": accepted_as_declared, "left_at": place, "text": text}
    says = {key: jsonschema_says(schema, text, formats=formats) for key, formats in _JUDGES.items()}
    ours, theirs = VERDICTS[not valid], says["jsonschema"]
    return {
        "verdict": ours,
        "spelling": spelling.name,
        "left_at": place,
        "around": text if place is None else _around(text.encode(), place),
        **says,
        "wrong": "the label" if theirs == ours else "we" if theirs in VERDICTS.values() else "?",
        "text": text,
        "schema": schema,
    }


_JUDGES = {"jsonschema": True, "jsonschema without formats": False}


def _around(data: bytes, place: int) -> str:
    return " ⟂ ".join(part.decode(errors="replace") for part in (data[:place][-60:], data[place:][:20]))


def _compiled_or_none(schema: Any, options: dict[str, Any], tokens: stolcke.Vocabulary) -> Any:
    try:
        return stolcke.compile(stolcke.Grammar.from_json_schema(schema, **options), tokens)
    except stolcke.StolckeError:
        return None


# The whole file.


def records(path: Path, names: set[str] | None, limit: int | None) -> list[dict[str, Any]]:
    """The lines of a file, compressed or not, that are asked for."""
    opened = lzma.open if path.suffix == ".xz" else open
    found = []
    with opened(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if limit is not None and len(found) == limit:
                break
            record = json.loads(line)
            if names is None or record["name"] in names:
                found.append(record)
    return found


def bar(done: int, total: int, begin: float, counts: Counter) -> None:
    """A line on standard error that is written over."""
    width = 30
    filled = width * done // max(1, total)
    left = (time.monotonic() - begin) / max(1, done) * (total - done)
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    line = f"[{'#' * filled}{'.' * (width - filled)}] {done}/{total}, {left:.0f} s left: {said}"
    print("\r" + line[:150].ljust(150), end="", file=sys.stderr, flush=True)


def outcome(result: dict[str, Any]) -> str:
    """The one word for a schema; what is worst about it."""
    if result["outcome"] != "compiled":
        return result["outcome"]
    verdicts = {wrong["verdict"] for wrong in result["disagreements"] if wrong.get("wrong") != "the label"}
    for verdict, name in _OUTCOMES.items():
        if verdict in verdicts:
            return name
    return "label wrong" if any(wrong["verdict"] != "order" for wrong in result["disagreements"]) else "right"


_OUTCOMES = {"valid": "invalid accepted", "invalid": "valid rejected", "none": "failed", "order": "order only"}


def summary(found: Iterable[dict[str, Any]]) -> str:
    """The counts, as text."""
    found = list(found)
    lines = [f"{len(found)} schemas"]
    for name, count in Counter(map(outcome, found)).most_common():
        lines.append(f"  {count:6d}  {count / len(found):6.2%}  {name}")
    documents = Counter(
        f"{wrong['label']} documents: {_OUTCOMES[wrong['verdict']]}"
        + (f", wrong is {wrong['wrong']}" if "wrong" in wrong else "")
        for result in found
        for wrong in result["disagreements"]
    )
    lines.append(f"{sum(result.get('tests', 0) for result in found)} documents of compiled schemas, of which")
    lines += [f"  {count:6d}  {name}" for name, count in sorted(documents.items())]
    reasons = Counter(result["kind"] for result in found if result["outcome"] != "compiled")
    if reasons:
        lines.append("refused because of")
        lines += [f"  {count:6d}  {reason}" for reason, count in reasons.most_common(60)]
    compiled = [result for result in found if result["outcome"] == "compiled"]
    lines.append(f"{sum(not result['exact'] for result in compiled)} of {len(compiled)} compiled schemas are not exact")
    for key, name in (("build_ms", "from_json_schema"), ("compile_ms", "compile")):
        times = [result[key] for result in compiled]
        if times:
            shares = ", ".join(f"p{share} {np.percentile(times, share):.2f}" for share in (50, 90, 99, 99.9, 100))
            lines.append(f"{name}, ms: average {np.mean(times):.2f}, {shares}")
    slowest = sorted(compiled, key=lambda result: -result["build_ms"] - result["compile_ms"])[:8]
    lines += [f"  {r['build_ms'] + r['compile_ms']:9.1f} ms  {r['name']}" for r in slowest]
    return "\n".join(lines)


def main() -> int:
    """Run; the exit status says whether all is right or refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a MaskBench file, .jsonl or .jsonl.xz")
    parser.add_argument("--names", type=Path, help="a file with the names of the schemas to run, one a line")
    parser.add_argument("--limit", type=int, help="only so many schemas")
    parser.add_argument("--property-order", choices=ORDERS, default="declared", help="default: as declared")
    parser.add_argument("--options", type=json.loads, default={}, help="more of from_json_schema, as a JSON object")
    parser.add_argument("--vocabulary", help="the name of a real one (default: all single bytes)")
    parser.add_argument("--every-spelling", action="store_true", help="escaped keys, respelled numbers, indents too")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one schema (default: 60)")
    parser.add_argument("--memory", type=float, default=4, help="GB of address space of a process (default: 4)")
    parser.add_argument("--json", type=Path, help="where to write every disagreement and refusal")
    arguments = parser.parse_args()

    names = set(arguments.names.read_text(encoding="utf-8").split()) if arguments.names else None
    pieces = records(arguments.file, names, arguments.limit)
    options = {**arguments.options, "property_order": arguments.property_order}
    work = partial(judged, options=options, vocabulary_name=arguments.vocabulary, every=arguments.every_spelling)
    found, counts, begin, shown = [], Counter(), time.monotonic(), 0.0
    for record, result, trouble in workers.results(
        work, pieces, jobs=arguments.jobs, timeout=arguments.timeout, memory_bytes=int(arguments.memory * 1e9)
    ):
        if result is None:
            result = {"name": record["name"], "outcome": "died", "kind": trouble, "disagreements": []}
        found.append(result)
        counts[outcome(result)] += 1
        if time.monotonic() > shown + 0.5 or len(found) == len(pieces):
            bar(len(found), len(pieces), begin, counts)
            shown = time.monotonic()
    print(file=sys.stderr)
    print(summary(found))
    if arguments.json:
        kept = [result for result in sorted(found, key=lambda r: r["name"]) if outcome(result) != "right"]
        arguments.json.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
    return int(any(outcome(result) not in ("right", "label wrong", "order only", "refused") for result in found))


if __name__ == "__main__":
    raise SystemExit(main())
