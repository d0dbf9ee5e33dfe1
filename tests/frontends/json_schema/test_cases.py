"""Schemas written by hand, each with documents that satisfy it and documents that do not, in all spellings."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from tests.json_schema.documents import read
from tests.json_schema.judging import ORDERS, judge
from tests.json_schema.oracle import validator

CASES = tomllib.loads((Path(__file__).parents[2] / "cases" / "json_schema.toml").read_text("utf-8"))["case"]
DRAFTS = {"4": jsonschema.Draft4Validator, "7": jsonschema.Draft7Validator}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_documents_have_the_verdict_they_should_in_every_spelling(case, order):
    schema = json.loads(case["schema"])
    judged = judge(schema, property_order=order, dialect=case.get("dialect", "2020-12"))
    for text in case["valid"]:
        assert not judged.mistakes(read(text), True), text
    for text in case["invalid"]:
        assert not judged.accepts(text), text
        assert not judged.mistakes(read(text), False), text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_cases_are_right(case):
    schema = json.loads(case["schema"])
    check = DRAFTS[case["dialect"]](schema) if "dialect" in case else validator(schema)
    for text in case["valid"]:
        assert check.is_valid(json.loads(text)), text
    for text in case["invalid"]:
        assert not check.is_valid(json.loads(text)), text
