"""JSON Schemas: from a schema to the first mask, and masks over documents that it allows.

``track_*`` in microseconds are timings, the clock's own tenth of a microsecond
included; the other ones are deterministic counts, as in ``counts.py``.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np

from stolcke import CompiledGrammar, Grammar, Options, Vocabulary, compile

from . import material
from .masks import mask_times


def _object(properties: dict[str, Any], *optional: str, **more: Any) -> dict[str, Any]:
    """An object that has these properties and no others, all but the optional ones required."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **more,
    }


_PERSON = _object(
    {
        "name": {"type": "string", "minLength": 1, "maxLength": 80},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "plan": {"enum": ["free", "basic", "premium", "enterprise"]},
        "since": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$"}, "maxItems": 8},
        "note": {"type": ["string", "null"]},
    },
    "tags",
    "note",
)
_TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": _object(
            {"value": {"type": "number"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "children"
        )
    },
}
_UNION = {
    "type": "array",
    "items": {
        "anyOf": [
            _object({"kind": {"const": f"event-{i}"}, f"field_{i}": {"type": "string"}, "id": {"type": "integer"}})
            for i in range(40)
        ]
    },
}
_OPEN = {
    "type": "object",
    "properties": {f"option{i}": {"type": "boolean"} for i in range(20)} | {"name": {"type": "string"}},
    "patternProperties": {"^x-": {"type": "integer"}},
    "additionalProperties": {"type": ["string", "number"]},
    "required": ["name"],
}

SCHEMAS: dict[str, tuple[Any, list[Any]]] = {
    "anything": (True, [{"a": [1, -2.5e3, True, None], "b": {"c": "é日"}}]),
    "person": (
        _PERSON,
        [
            {"name": "Alice", "age": 41, "plan": "premium", "since": "2024-02-29", "tags": ["a-1", "old"], "note": "é"},
            {"name": "Bob " * 12, "age": 7, "plan": "free", "since": "1999-12-31"},
        ],
    ),
    "tree": (
        _TREE,
        [{"value": 1, "children": [{"value": -2.5}, {"value": 3e2, "children": [{"value": 4, "children": []}]}]}],
    ),
    "union": (_UNION, [[{"kind": f"event-{i}", f"field_{i}": "some text", "id": 7 * i} for i in range(0, 40, 7)]]),
    "open": (_OPEN, [{"option3": True, "x-rows": 12, "option19": False, "name": "cat", "more": "text", "note": -1.5}]),
}
"""Name to schema and documents that it allows, keys as declared."""

NAMES = list(SCHEMAS)

ANEW = Options(memoise_grammars=False)


def compiled(name: str, vocabulary: Vocabulary) -> CompiledGrammar:
    """Compile a schema."""
    return compile(Grammar.from_json_schema(SCHEMAS[name][0]), vocabulary)


@cache
def documents(name: str, vocabulary_name: str = material.SYNTHETIC) -> list[list[int]]:
    """The ids of the documents of a schema."""
    return [material.tokenised(json.dumps(data, ensure_ascii=False), vocabulary_name) for data in SCHEMAS[name][1]]


def used_vocabulary(name: str, vocabulary_name: str) -> Vocabulary:
    """A vocabulary that has served all other schemas."""
    vocabulary = material.vocabulary(vocabulary_name)
    for other in NAMES:
        if other != name:
            material.run(compiled(other, vocabulary), documents(other, vocabulary_name))
    return vocabulary


class Build:
    """From a schema to its grammar, its tables and its first mask; automata that are known by content are there."""

    params = NAMES
    param_names = ("schema",)

    def setup(self, name: str) -> None:
        """Have everything but the schema ready."""
        self.schema = SCHEMAS[name][0]
        self.vocabulary = material.vocabulary(material.SYNTHETIC)
        self.grammar = Grammar.from_json_schema(self.schema)
        self.row = material.row(compile(self.grammar, self.vocabulary))

    def time_from_json_schema(self, name: str) -> None:
        Grammar.from_json_schema(self.schema, options=ANEW)

    def time_compile(self, name: str) -> None:
        compile(self.grammar, self.vocabulary, options=ANEW)

    def time_first_mask(self, name: str) -> None:
        grammar = Grammar.from_json_schema(self.schema, options=ANEW)
        compile(grammar, self.vocabulary, options=ANEW).matcher().fill_mask(self.row)

    def time_again(self, name: str) -> None:
        """All of it once more, where everything is remembered."""
        compile(Grammar.from_json_schema(self.schema), self.vocabulary).matcher().fill_mask(self.row)


class NewSchema:
    """A schema that is new to a vocabulary that has served others."""

    params = (NAMES, material.VOCABULARIES)
    param_names = ("schema", "vocabulary")
    number = 1
    warmup_time = 0.0
    rounds = 1
    repeat = (3, 10, 10.0)

    def setup(self, name: str, vocabulary: str) -> None:
        """Compile anew, which asv asks for before every sample."""
        self.documents = documents(name, vocabulary)
        self.compiled = compiled(name, used_vocabulary(name, vocabulary))

    def time_pass(self, name: str, vocabulary: str) -> None:
        material.run(self.compiled, self.documents)

    def passes(self, name: str, vocabulary: str) -> np.ndarray:
        """Microseconds of each mask, the least of three first passes."""
        runs = [mask_times(compiled(name, used_vocabulary(name, vocabulary)), self.documents) for _ in range(3)]
        return np.min(runs, axis=0) / 1000

    def track_average(self, name: str, vocabulary: str) -> float:
        return float(self.passes(name, vocabulary).mean())

    def track_p99(self, name: str, vocabulary: str) -> float:
        return float(np.percentile(self.passes(name, vocabulary), 99))

    track_average.unit = track_p99.unit = "µs"


@cache
def stats(name: str) -> dict[str, int]:
    """Counts after one pass over a schema's documents, everything computed for it alone."""
    found = compiled(name, material.vocabulary(material.SYNTHETIC))
    material.run(found, documents(name))
    return found.stats()


class Run:
    """Deterministic counts of one pass."""

    params = NAMES
    param_names = ("schema",)

    def track_rules(self, name: str) -> int:
        return stats(name)["rules"]

    def track_automaton_states(self, name: str) -> int:
        return stats(name)["automaton_states"]

    def track_columns(self, name: str) -> int:
        return stats(name)["columns"]

    def track_states(self, name: str) -> int:
        return stats(name)["states"]

    def track_masks(self, name: str) -> int:
        return stats(name)["masks"]

    def track_partitions(self, name: str) -> int:
        return stats(name)["partitions"]

    def track_suffixes_evaluated(self, name: str) -> int:
        return stats(name)["suffixes_evaluated"]

    def track_table_bytes(self, name: str) -> int:
        return stats(name)["table_bytes"]

    track_table_bytes.unit = "bytes"
