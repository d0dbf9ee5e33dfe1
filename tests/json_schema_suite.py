"""The official test suite of JSON Schema, where a copy of it is at hand."""

from __future__ import annotations

import functools
import json
import os
import tarfile
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[1].parent / "shared"
ARCHIVE = Path(os.environ.get("STOLCKE_SHARED", _DEFAULT)) / "data" / "json-schema-test-suite.tar.xz"

# Where the suite expects its folder "remotes" to be served.
SERVER = "http://localhost:1234/"


@functools.cache
def files() -> dict[str, object]:
    """Parsed files by their paths in the suite; skips the test where the suite is absent."""
    if not ARCHIVE.exists():
        pytest.skip(f"{ARCHIVE} is not here; STOLCKE_SHARED names the folder that has data/{ARCHIVE.name}")
    found = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".json"):
                found[member.name.removeprefix("./")] = json.load(archive.extractfile(member))
    return found


def groups(draft: str, name: str) -> list[dict]:
    """The groups of one file: each has a description, a schema, and tests with data and verdict.

    ``draft`` is ``"draft7"``, ``"draft2019-09"`` or ``"draft2020-12"``; ``name``
    has no suffix and may begin with ``"optional/"``.
    """
    return files()[f"tests/{draft}/{name}.json"]


def remotes() -> dict[str, object]:
    """The schemas that the suite's references may lead to, by URI."""
    return {
        SERVER + path.removeprefix("remotes/"): content
        for path, content in files().items()
        if path.startswith("remotes/")
    }
