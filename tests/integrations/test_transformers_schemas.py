"""Documents that a random model writes under random schemas, judged by ``jsonschema``.

``python -m asv_benchmarks.generate schemas`` does this with a real model and more schemas.
"""

from __future__ import annotations

import re
from random import Random

import pytest

import stolcke
from stolcke.integrations.transformers import FastForward, GrammarLogitsProcessor
from tests.integrations.tiny import END, PROMPTS, generated, padded
from tests.json_schema import random_schemas
from tests.json_schema.documents import COMPACT, read
from tests.json_schema.oracle import validator, verdict

torch = pytest.importorskip("torch")

BUDGET = 40
HUGE = re.compile(r"[eE][+-]?\d{4}")
"""An exponent that Python's decimals may not hold; jsonschema has no say on it."""


def some_schemas(draw, vocabulary, count):
    """Random schemas that some document satisfies, compiled."""
    found = []
    while len(found) < count:
        schema = random_schemas.schema(draw)
        try:
            grammar = stolcke.Grammar.from_json_schema(COMPACT.write(schema), whitespace="compact", escapes=False)
            found.append((schema, stolcke.compile(grammar, vocabulary)))
        except stolcke.GrammarError:  # it cannot be kept, or no document satisfies it
            continue
    return found


@pytest.mark.parametrize("spell", [None, lambda text: list(text.encode())], ids=["single tokens", "bytes"])
def test_documents_that_came_to_their_end_are_valid(model, vocabulary, spell) -> None:
    torch.manual_seed(1)
    schemas = some_schemas(Random(1), vocabulary, 12)
    finished = []
    for at in range(0, len(schemas), 4):
        batch = schemas[at : at + 4]
        processor = GrammarLogitsProcessor([compiled for _, compiled in batch])
        options = {"max_new_tokens": BUDGET, "do_sample": True, "num_return_sequences": 2}
        rows = generated(model, padded(PROMPTS), processor, **options, custom_generate=FastForward(spell))
        rows += generated(model, padded(PROMPTS), processor, **options)
        for i, row in enumerate(rows):
            schema, compiled = batch[i % 8 // 2]
            assert compiled.matcher().accept_tokens(row) == len(row)
            if row[-1] == END:
                document = b"".join(vocabulary.tokens[token] for token in row[:-1]).decode()
                finished.append((schema, document))
        judged = [(schema, text) for schema, text in finished if not HUGE.search(text)]
    assert len(judged) > 30
    assert [(schema, text) for schema, text in judged if verdict(validator(schema), read(text)) is False] == []
