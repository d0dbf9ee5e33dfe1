"""Where references lead: the official suite's files about them, an external resolver, and cases by hand."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke.errors import SchemaError, UnsupportedSchema
from stolcke.frontends.json_schema.dialects import DIALECTS
from stolcke.frontends.json_schema.references import Document
from tests.json_schema.suite import groups, remotes
from tests.reference.json_schema import is_valid

DRAFTS = {"draft7": "7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}
COMMON = [
    *("ref", "refRemote", "infinite-loop-detection"),
    *("optional/id", "optional/unknownKeyword", "optional/cross-draft"),
]
NEWER = ["anchor", "defs", "vocabulary", "optional/anchor", "optional/refOfUnknownKeyword"]
FILES = [
    *(("draft7", name) for name in [*COMMON, "definitions"]),
    *(("draft2019-09", name) for name in [*COMMON, *NEWER, "recursiveRef"]),
    *(("draft2020-12", name) for name in [*COMMON, *NEWER, "dynamicRef", "optional/dynamicRef"]),
]


@pytest.mark.parametrize(("draft", "name"), FILES)
def test_official_suite(draft, name):
    wrong = []
    for group in groups(draft, name):
        for test in group["tests"]:
            document = Document(group["schema"], default_dialect=DRAFTS[draft], resources=remotes())
            if is_valid(document.root, test["data"]) != test["valid"]:
                wrong.append(f"{group['description']}: {test['description']}")
    assert wrong == []
