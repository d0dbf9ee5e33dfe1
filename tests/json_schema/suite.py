"""The official test suite of JSON Schema, where an archive of it is at hand."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.json_schema.documents import COMPACT, JSON, is_unicode, read
from tests.vocabularies import SHARED

ARCHIVE = SHARED.parent / "json-schema-test-suite.tar.xz"
DRAFTS = {"draft7": "7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}
"""Folder of each draft to the name of its dialect."""
SERVER = "http://localhost:1234/"
"""Where the suite expects its folder ``remotes`` to be served."""


@dataclass(frozen=True)
class Case:
    """One document of a group, and whether the group's schema allows it."""

    description: str
    document: JSON
    valid: bool


@dataclass(frozen=True)
class Group:
    """A schema as JSON text, and documents."""

    description: str
    schema: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class File:
    """The groups of one file; ``formats`` says whether they take ``format`` as an assertion."""

    name: str
    dialect: str
    formats: bool
    groups: tuple[Group, ...]


@cache
def contents() -> dict[str, str]:
    """Path in the archive to text, for all its JSON files; skips the test where the archive is absent."""
    if not ARCHIVE.exists():
        pytest.skip(f"{ARCHIVE} is not here; STOLCKE_SHARED names the folder that has data/{ARCHIVE.name}")
    with tarfile.open(ARCHIVE) as archive:
        return {
            member.name.removeprefix("./"): archive.extractfile(member).read().decode()
            for member in archive
            if member.isfile() and member.name.endswith(".json")
        }


@cache
def remotes() -> dict[str, Any]:
    """The schemas that others refer to, by URI."""
    return {
        SERVER + name.removeprefix("remotes/"): json.loads(text)
        for name, text in contents().items()
        if name.startswith("remotes/")
    }


def groups(draft: str, name: str) -> list[dict[str, Any]]:
    """The groups of one file as they are: each has a description, a schema, and tests with data and verdict."""
    return json.loads(contents()[f"tests/{draft}/{name}.json"])


def files() -> Iterator[str]:
    """Names of the suite's files that are tried, such as ``draft7/optional/format/date``."""
    for name in sorted(contents()):
        folder, _, rest = name.partition("/")
        draft, _, place = rest.partition("/")
        if folder == "tests" and draft in DRAFTS:
            yield f"{draft}/{place.removesuffix('.json')}"


@cache
def file(name: str) -> File:
    """One file of the suite, without the cases whose documents are no Unicode text."""
    draft, _, place = name.partition("/")
    groups = tuple(
        Group(group["description"], group["schema"], tuple(_cases(group["tests"])))
        for group in _with_schemas_as_text(contents()[f"tests/{name}.json"])
    )
    # Elsewhere the suite takes `format` for an annotation, as the drafts do by default.
    formats = place.startswith(("optional/format/", "optional/format-assertion"))
    return File(name, DRAFTS[draft], formats, groups)


def _with_schemas_as_text(text: str) -> list[dict[str, Any]]:
    """A file's groups, where each schema is text in which no number was rounded."""
    return [{**group, "schema": COMPACT.write(group["schema"])} for group in read(text)]


def _cases(tests: list[dict[str, Any]]) -> Iterator[Case]:
    for test in tests:
        if is_unicode(test["data"]):
            yield Case(test["description"], test["data"], test["valid"])
