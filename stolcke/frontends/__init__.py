"""From texts in other languages to :class:`stolcke.Grammar`."""

from __future__ import annotations

from stolcke.frontends.choices import read_choices
from stolcke.frontends.lark_grammar import read_lark
from stolcke.frontends.regex import read_regex

__all__ = ["read_choices", "read_lark", "read_regex"]
