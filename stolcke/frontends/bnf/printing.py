"""Expressions as text, in GBNF or EBNF."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stolcke.errors import GrammarError
from stolcke.frontends.bnf.expressions import Expression, Reference
from stolcke.grammar.patterns import Choice, Literal, Repeat, Sequence, Special
from stolcke.lexer.charsets import Bounds, complement, union
from stolcke.lexer.regex_syntax import Characters

__all__ = ["EBNF", "GBNF", "Notation", "expression_text"]

_SURROGATES: Bounds = (0xD800, 0xE000)


@dataclass(frozen=True)
class Notation:
    """How the two notations differ."""

    title: str
    name: re.Pattern
    """Names of rules that every version of its readers takes."""
    any_character: str
    left_recursion: bool
    """Whether a rule may begin with itself."""


GBNF = Notation("GBNF", re.compile(r"[A-Za-z][A-Za-z0-9-]*"), ".", False)
EBNF = Notation("EBNF", re.compile(r"[A-Za-z][A-Za-z0-9-]*"), "[\\u0000-\\U0010ffff]", True)


def expression_text(node: Expression, notation: Notation, *, inside: bool = False) -> str:
    """Print an expression, in brackets where it is ``inside`` of another one and needs them.

    Raises
    ------
    GrammarError
        Where the notation has no way to write a special token.
    """
    if isinstance(node, Reference):
        return node.name
    if isinstance(node, Literal):
        assert isinstance(node.text, str)
        return '"' + "".join(_escaped(char, '"\\') for char in node.text) + '"'
    if isinstance(node, Characters):
        return _class_text(node.bounds, notation)
    if isinstance(node, Special):
        return _special_text(node, notation)
    if isinstance(node, Repeat):
        text = expression_text(node.part, notation, inside=True)
        return (f"({text})" if isinstance(node.part, Repeat) else text) + _operator(node.least, node.most)
    assert isinstance(node, Sequence | Choice)
    if not node.parts:
        return '""'
    if isinstance(node, Choice):
        return f"({' | '.join(expression_text(part, notation) for part in node.parts)})"
    text = " ".join(expression_text(part, notation, inside=isinstance(part, Sequence)) for part in node.parts)
    return f"({text})" if inside else text


def _operator(least: int, most: int | None) -> str:
    operator = {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((least, most))
    if operator is None:
        operator = f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"
    return operator


def _class_text(bounds: Bounds, notation: Notation) -> str:
    # No text has surrogates: whether a set does makes no difference.
    if any(bound in bounds for bound in _SURROGATES):
        bounds = union([bounds, _SURROGATES])
    others = complement(bounds)
    if not others:
        return notation.any_character
    negated = len(others) < len(bounds) and bounds[-1] == 0x110000
    shown = others if negated else bounds
    return f"[{'^' if negated else ''}{''.join(_range(shown[i], shown[i + 1] - 1) for i in range(0, len(shown), 2))}]"


def _range(low: int, high: int) -> str:
    first, last = _escaped(chr(low), "[]\\-"), _escaped(chr(high), "[]\\-")
    return first if low == high else f"{first}{last}" if low + 1 == high else f"{first}-{last}"


def _escaped(char: str, special: str) -> str:
    if char in special:
        return "\\" + char
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if short is not None or (char.isprintable() and char != "^"):
        return short or char
    # By so many digits that none after them is taken for another one: some readers take any number after \x.
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _special_text(special: Special, notation: Notation) -> str:
    if notation is EBNF:
        ids = [marker for marker in special.markers if isinstance(marker, int)]
        if len(ids) < len(special.markers):
            raise GrammarError(f"EBNF cannot express the special token {special.name}, as it takes only ids of tokens")
        return f"Token({', '.join(map(str, ids))})"
    texts = []
    for marker in special.markers:
        if isinstance(marker, str) and not re.fullmatch(r"<(?!\[)[^<>\r\n]+>", marker):
            raise GrammarError(f"GBNF cannot express the special token {marker!r}, which is not written <...>")
        texts.append(marker if isinstance(marker, str) else f"<[{marker}]>")
    return texts[0] if len(texts) == 1 else f"({' | '.join(texts)})"
