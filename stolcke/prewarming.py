"""What most grammars ask of a vocabulary, asked ahead of time."""

from __future__ import annotations

import json

import numpy as np

from stolcke.compiled_grammar import compile
from stolcke.grammar.model import Grammar
from stolcke.shipped import grammar_path
from stolcke.vocabulary import Vocabulary

__all__ = ["prewarm"]

# Not all that are shipped: a programming language has much that other grammars have not.
_GRAMMARS = ("arithmetic", "csv", "english", "iso8601", "json", "markup", "weighted_english")
_DOCUMENT = {
    "id": "123e4567-e89b-12d3-a456-426614174000",
    "name": 'A "name" \\ é \u00ad\n',
    "count": 12,
    "ratio": -1.5e-3,
    "created": "2020-01-02T03:04:05.678Z",
    "day": "2020-01-02",
    "link": "https://example.org/a?b=c#d",
    "mail": "someone@example.org",
    "tags": ["one", "two"],
    "code": "a" * 200,
    "done": True,
    "other": {"a": [1, 2.5, None, "b", {}]},
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string", "minLength": 1},
        "count": {"type": "integer", "minimum": 0},
        "ratio": {"type": "number"},
        "created": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "link": {"type": "string", "format": "uri"},
        "mail": {"type": "string", "format": "email"},
        "tags": {"type": "array", "items": {"type": "string"}},
        # Near its end, every number of characters left is a state of its own.
        "code": {"type": "string", "maxLength": 200},
        "done": {"type": "boolean"},
    },
}


def prewarm(vocabulary: Vocabulary) -> None:
    """Split a vocabulary by what most grammars are made of: strings, numbers, names, white space, free text.

    It takes some tenths of a second.  Save the vocabulary afterwards, and the
    grammars of every process that loads it find this work done.

    Parameters
    ----------
    vocabulary : Vocabulary
    """
    for name in _GRAMMARS:
        compile(Grammar.from_file(grammar_path(name)), vocabulary, prewarm=64)
    row = np.zeros((len(vocabulary) + 31) // 32, np.int32)
    for schema in (_SCHEMA, {**_SCHEMA, "additionalProperties": False}, {}):
        matcher = compile(Grammar.from_json_schema(schema), vocabulary).matcher()
        for byte in json.dumps(_DOCUMENT, ensure_ascii=False).encode():
            matcher.fill_mask(row)
            if not matcher.accept_bytes(bytes([byte])):
                break
