"""Schemas compiled over single bytes, and the verdicts on documents that follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import stolcke
from tests.json_schema import documents
from tests.json_schema.documents import COMPACT, JSON, SPELLINGS, Spelling

ORDERS = ("any", "declared")
"""The values of ``property_order``."""
CHOICES: dict[str, dict] = {order: {"property_order": order} for order in ORDERS}
CHOICES["checked"] = {"property_order": "any", "checked": True}
"""Keywords of ``from_json_schema`` under which the suite is judged, by name."""
MOST_ORDERS = 2_000
"""Orders of one document's keys that are tried."""


@cache
def bytes_vocabulary() -> stolcke.Vocabulary:
    """One token for each byte."""
    return stolcke.Vocabulary.from_bytes()


@dataclass(frozen=True)
class Judge:
    """Says of texts whether a schema allows them; ``compiled`` is None where it allows nothing at all."""

    compiled: stolcke.CompiledGrammar | None
    property_order: str
    exact: bool

    def accepts(self, text: str) -> bool:
        """Whether a text is allowed from its first byte to its end."""
        if self.compiled is None:
            return False
        matcher = self.compiled.matcher()
        return matcher.accept_bytes(text.encode()) and matcher.is_accepting

    def mistakes(
        self, document: JSON, valid: bool, spellings: tuple[Spelling, ...] = SPELLINGS
    ) -> list[tuple[str, str]]:
        """The texts of a document with a wrong verdict, each with its spelling's name.

        A valid document must be accepted in every spelling, an invalid one in
        none.  Where properties come in any order, that is so for every order
        of its keys; where they come as declared, some order of a valid
        document's keys must be accepted, and no order of an invalid one's.
        """
        if self.property_order == "any":
            variants = documents.shuffles(document)
        elif valid:
            variants = list(islice(filter(self._accepts_compact, _some_orders(document)), 1))
            if not variants:
                return [("in every order of keys", COMPACT.write(document))]
        else:
            found = [("compact", COMPACT.write(v)) for v in _some_orders(document) if self._accepts_compact(v)]
            if found:
                return found[:1]
            variants = [document]
        return [
            (spelling.name, text)
            for variant in variants
            for spelling in spellings
            for text in [spelling.write(variant)]
            if self.accepts(text) is not valid
        ]

    def _accepts_compact(self, document: JSON) -> bool:
        return self.accepts(COMPACT.write(document))


def _some_orders(document: JSON) -> Iterator[JSON]:
    return islice(documents.orders(document), MOST_ORDERS)


def judge(
    schema: Any, *, property_order: str = "any", vocabulary: stolcke.Vocabulary | None = None, **options
) -> Judge:
    """Compile a schema, given as JSON text or as its value.

    Raises
    ------
    stolcke.UnsupportedSchema, stolcke.LimitExceeded
        The schema is refused.
    """
    grammar = stolcke.Grammar.from_json_schema(schema, property_order=property_order, **options)
    try:
        return Judge(stolcke.compile(grammar, vocabulary or bytes_vocabulary()), property_order, grammar.exact)
    except stolcke.GrammarError as error:
        if "derives no text" not in str(error):
            raise
        return Judge(None, property_order, grammar.exact)
