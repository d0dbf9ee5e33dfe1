"""Texts generated under random schemas end, are JSON, and are valid; masks are what bytes one by one allow."""

from __future__ import annotations

import json

import pytest
from hypothesis import Phase, event, given, note, settings
from hypothesis import strategies as st

import stolcke
from tests.engine.laws import filled
from tests.json_schema import random_schemas
from tests.json_schema.documents import COMPACT, read
from tests.json_schema.judging import ORDERS, judge
from tests.json_schema.oracle import validator, verdict
from tests.json_schema.walking import DeadEnd, Undecided, fused_vocabulary, walk
from tests.strategies import EFFORT

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking a stream of random choices takes minutes and gains little."""

VOCABULARIES = {"bytes": stolcke.Vocabulary.from_bytes, "fused tokens": fused_vocabulary}


def judged_or_none(schema, **options):
    """The judge of a schema, None where it is refused or allows nothing."""
    try:
        judged = judge(COMPACT.write(schema), **options)
    except (stolcke.UnsupportedSchema, stolcke.LimitExceeded):
        event("refused")
        return None
    return judged if judged.compiled else None


def names_a_member_twice(text: str) -> bool:
    """Whether some object of a document has two members of one name."""
    found = []
    json.loads(text, object_pairs_hook=lambda pairs: found.append(len(dict(pairs)) < len(pairs)))
    return any(found)


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=150 * EFFORT, phases=PHASES)
@given(st.randoms(use_true_random=False))
def test_walks_end_and_validate(order, vocabulary, draw):
    schema = random_schemas.schema(draw)
    note(COMPACT.write(schema))
    judged = judged_or_none(schema, property_order=order, vocabulary=VOCABULARIES[vocabulary]())
    if judged is None:
        return
    oracle = validator(schema)
    for _ in range(5):
        try:
            text = walk(judged.compiled.matcher(), draw)
        except DeadEnd:
            assert not judged.exact
            event("a dead end of an inexact schema")
            continue
        except Undecided:
            event("the end is too far away")
            continue
        event("exact" if judged.exact else "not exact")
        if not judged.exact and names_a_member_twice(text.decode()):
            continue  # what makes a schema inexact is that such members are counted twice
        assert verdict(oracle, read(text.decode())) is not False, text.decode()


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=60 * EFFORT, phases=PHASES)
@given(st.randoms(use_true_random=False))
def test_masks_are_what_bytes_allow(order, draw):
    schema = random_schemas.schema(draw, depth=2)
    note(COMPACT.write(schema))
    vocabulary = fused_vocabulary()
    judged = judged_or_none(schema, property_order=order, vocabulary=vocabulary)
    if judged is None:
        return
    matcher = judged.compiled.matcher()
    text = b""
    for _ in range(30):
        expected = [
            number
            for number, token in enumerate(vocabulary.tokens)
            if (matcher.is_accepting if number in vocabulary.eos_token_ids else matcher.fork().accept_bytes(token))
        ]
        assert filled(matcher, len(vocabulary)) == expected, text
        inside = [number for number in expected if number not in vocabulary.eos_token_ids]
        if not inside:
            break
        # Tokens of several bytes are few, and what they cross is what may go wrong.
        token = draw.choice([n for n in inside if len(vocabulary.tokens[n]) > 1] or inside)
        assert matcher.accept(token)
        text += vocabulary.tokens[token]
