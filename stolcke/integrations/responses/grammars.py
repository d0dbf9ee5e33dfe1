"""Grammars in requests: texts that do not say in which language they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar
from stolcke.integrations.responses.places import Place

__all__ = ["any_grammar"]

_BNF_RULE = re.compile(r"^[ \t]*[A-Za-z_][\w.-]*\s*::=", re.MULTILINE)
_LLGUIDANCE = re.compile(r"^[ \t]*%llguidance\b", re.MULTILINE)


def any_grammar(place: Place, options: Mapping[str, Any]) -> Grammar:
    """Read a grammar in EBNF, GBNF, Lark's language or llguidance's dialect of it, whichever it is.

    Rules with ``::=`` are EBNF, or GBNF where they are no EBNF, as only few texts are both and differ.
    """
    text = place.text()
    if not _BNF_RULE.search(text):
        read = Grammar.from_llguidance if _LLGUIDANCE.search(text) else Grammar.from_lark
        return place.grammar(lambda text: read(text, json_options=options))
    try:
        return Grammar.from_ebnf(text)
    except GrammarError as error:
        try:
            return Grammar.from_gbnf(text)
        except GrammarError as other:
            raise place.error(f"this is no EBNF: {error}\nnor GBNF: {other}") from None
