"""Schemas made to hurt: compiled or refused by an error of ours, in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import stolcke
from tests.json_schema.hostile import SCHEMAS, every_name

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20
"""Far above what any of them takes, far below what an exponential one would."""
PEAK_BYTES = 1_500_000_000


CASES = [(name, "declared") for name in SCHEMAS] + [
    (name, "any") for name in SCHEMAS if any(word in name.lower() for word in ("propert", "required", "object"))
]


@pytest.mark.parametrize(("name", "order"), CASES)
def test_bounded_and_answered(name, order):
    run = subprocess.run(
        [sys.executable, "-m", "tests.json_schema.hostile", name, order],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3 * SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout)
    assert found["outcome"] in ("compiled", "nothing", "LimitExceeded", "UnsupportedSchema", "SchemaError"), found
    assert found["seconds"] < SECONDS and found["peak_bytes"] < PEAK_BYTES, found


@pytest.mark.parametrize("name", ["a ring of references", "a schema that is itself", "a broken text"])
def test_nonsense_is_named(name):
    with pytest.raises(stolcke.GrammarError):
        stolcke.Grammar.from_json_schema(SCHEMAS[name]())


def test_compiling_can_be_cancelled():
    grammar = stolcke.Grammar.from_json_schema({"properties": every_name({"type": "string"}, 2000)})
    with pytest.raises(stolcke.Cancelled):
        stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), cancel=lambda: True)
