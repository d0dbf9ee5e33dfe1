"""Random schemas and random documents: the verdicts are those of ``jsonschema``."""

from __future__ import annotations

import pytest
from hypothesis import Phase, event, given, note, settings
from hypothesis import strategies as st

import stolcke
from tests.json_schema import random_schemas
from tests.json_schema.documents import COMPACT
from tests.json_schema.judging import ORDERS, judge
from tests.json_schema.oracle import validator, verdict
from tests.strategies import EFFORT

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking a stream of random choices takes minutes and gains little."""


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=400 * EFFORT, phases=PHASES)
@given(st.randoms(use_true_random=False))
def test_verdicts_are_those_of_jsonschema(order, draw):
    schema = random_schemas.schema(draw)
    note(COMPACT.write(schema))
    try:
        judged = judge(COMPACT.write(schema), property_order=order)
    except (stolcke.UnsupportedSchema, stolcke.LimitExceeded) as error:
        event(f"refused: {type(error).__name__}")
        return
    oracle = validator(schema)
    for number in range(8):
        document = random_schemas.value(draw) if number < 2 else random_schemas.near(draw, schema)
        valid = verdict(oracle, document)
        if valid is None:
            event("a loop of references")
            return
        event(f"valid: {valid}")
        assert not judged.mistakes(document, valid), f"should be {'valid' if valid else 'invalid'}"
