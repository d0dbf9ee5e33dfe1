"""The way in: a schema and choices about documents, to a Grammar."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from stolcke import collector
from stolcke._core.written import WrittenRules
from stolcke.deadline import Deadline
from stolcke.errors import LimitExceeded, UnsupportedSchema
from stolcke.frontends.json_schema.emit import Emitter
from stolcke.frontends.json_schema.evaluate import Evaluator, Loop
from stolcke.frontends.json_schema.references import Document
from stolcke.frontends.json_schema.settings import Settings, exact_key
from stolcke.frontends.json_schema.sources import parse_schema
from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Machine
from stolcke.memo import Memo

__all__ = ["read_json_schema"]

_PART_BYTES = 400
"""Of the objects that a rule or a terminal is, roughly."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A grammar that was read before."""

    grammar: Grammar
    n_bytes: int


_remembered: Memo[_Read] = Memo()


def read_json_schema(schema: Any, settings: Settings, deadline: Deadline, memoise: bool) -> Grammar:
    """Make the grammar of the documents that a schema allows; see :meth:`stolcke.Grammar.from_json_schema`."""
    deadline.check("beginning")
    if not isinstance(schema, (dict, bool, str, bytes)):
        schema = parse_schema(schema)
    key = _key(schema, settings) if memoise else None
    known = _remembered.get(key)
    if known is not None:
        return known.grammar
    with collector.paused():
        grammar = _read(parse_schema(schema), settings, deadline)
    if key is None:
        return grammar
    return _remembered.add(key, _Read(grammar, len(key[1]) + _n_bytes(grammar.written)), settings.limits).grammar


def _key(schema: dict | bool | str | bytes, settings: Settings) -> tuple[type, str | bytes, Hashable] | None:
    """All that the grammar of a schema depends on; None where a schema holds something else than JSON."""
    try:
        return type(schema), schema if type(schema) in (str, bytes) else exact_key(schema), settings.key()
    except ValueError:
        return None


def _n_bytes(written: WrittenRules) -> int:
    """About the memory of a grammar, with the symbolic rules that may be made of it."""
    machines = sum([each.automaton.n_bytes for each in written.patterns if type(each) is Machine])
    return _PART_BYTES * written.n_parts + machines


def _read(schema: dict | bool, settings: Settings, deadline: Deadline) -> Grammar:
    document = Document(schema, default_dialect=settings.dialect, resources=settings.resources)
    evaluator = Evaluator(document, settings, deadline)
    emitter = Emitter(evaluator, settings)
    try:
        emitter.run(evaluator.goal(document.root, ()))
    except RecursionError:
        limit = settings.limits.nesting
        raise LimitExceeded("nesting", "more than the interpreter's stack holds", limit, "JSON Schema") from None
    except Loop as error:
        raise UnsupportedSchema(error.reason, pointer=error.pointer) from None
    checks = emitter.checks
    guard = None if checks is None else checks.guard
    return Grammar.of_numbers(
        emitter.written,
        exact=emitter.exact and not evaluator.dropped and guard is None,
        dropped=tuple(evaluator.dropped),
        checked=() if checks is None or guard is None else tuple(checks.places),
        guard=guard,
    )
