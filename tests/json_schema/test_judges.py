"""What the other tests here rely on: the spellings denote one document, and the outside judge is exact."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.json_schema import random_schemas
from tests.json_schema.documents import SPELLINGS, orders, read, shuffles
from tests.json_schema.oracle import identity, validator


@given(st.randoms(use_true_random=False))
def test_every_spelling_denotes_the_same_document(draw):
    document = random_schemas.value(draw)
    for spelling in SPELLINGS:
        assert identity(read(spelling.write(document))) == identity(document), spelling.name


def test_orders_are_all_orders():
    assert [list(variant["b"]) + list(variant) for variant in orders({"b": {"x": 1, "y": [2]}, "a": 3})] == [
        ["x", "y", "b", "a"],
        ["x", "y", "a", "b"],
        ["y", "x", "b", "a"],
        ["y", "x", "a", "b"],
    ]
    assert [list(variant) for variant in shuffles({"b": 1, "c": 2, "a": 3})] == [list("bca"), list("acb"), list("abc")]


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ({"multipleOf": Decimal("0.1")}, Decimal("0.3"), Decimal("0.35")),
        ({"type": "integer"}, Decimal("1.0"), Decimal("1.5")),
        ({"pattern": "^a$"}, "a", "a\n"),
        ({"pattern": r"^\d$"}, "1", "\N{ARABIC-INDIC DIGIT ONE}"),
        ({"uniqueItems": True}, [[1], [True]], [{"a": 1}, 2, {"a": Decimal("1.0")}]),
        ({"format": "date"}, "2024-02-29", "2023-02-29"),
    ],
)
def test_the_outside_judge_is_exact(schema, valid, invalid):
    assert validator(schema).is_valid(valid)
    assert not validator(schema).is_valid(invalid)
