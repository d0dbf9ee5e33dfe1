"""The way in: a schema and choices about documents, to a Grammar."""

from __future__ import annotations

from typing import Any

from stolcke.errors import LimitExceeded, SchemaError
from stolcke.frontends.json_schema.emit import Emitter
from stolcke.frontends.json_schema.evaluate import Evaluator, Loop
from stolcke.frontends.json_schema.references import Document
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.sources import parse_schema
from stolcke.grammar.model import Grammar

__all__ = ["read_json_schema"]


def read_json_schema(schema: Any, settings: Settings) -> Grammar:
    """Make the grammar of the documents that a schema allows; see :meth:`stolcke.Grammar.from_json_schema`."""
    parsed = parse_schema(schema)
    document = Document(parsed, default_dialect=settings.dialect, resources=settings.resources)
    evaluator = Evaluator(document, settings)
    emitter = Emitter(evaluator, settings)
    try:
        start = emitter.run(evaluator.goal(document.root, ()))
    except RecursionError:
        limit = settings.limits.nesting
        raise LimitExceeded("nesting", "more than the interpreter's stack holds", limit, "JSON Schema") from None
    except Loop as error:
        raise SchemaError(error.reason, pointer=error.pointer) from None
    return Grammar(
        start,
        tuple(emitter.rules),
        emitter.terminals,
        tallies=emitter.tallies,
        exact=emitter.exact and not evaluator.dropped,
        dropped=tuple(evaluator.dropped),
    )
