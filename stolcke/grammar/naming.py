"""Names that a grammar text leaves out, and names that it may not have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from stolcke.grammar.patterns import Literal, Pattern

__all__ = ["anonymous_name", "legal_names"]

_PUNCTUATION = {
    ".": "DOT",
    ",": "COMMA",
    ":": "COLON",
    ";": "SEMICOLON",
    "+": "PLUS",
    "-": "MINUS",
    "*": "STAR",
    "/": "SLASH",
    "\\": "BACKSLASH",
    "|": "VBAR",
    "?": "QMARK",
    "!": "BANG",
    "@": "AT",
    "#": "HASH",
    "$": "DOLLAR",
    "%": "PERCENT",
    "^": "CIRCUMFLEX",
    "&": "AMPERSAND",
    "_": "UNDERSCORE",
    "<": "LESSTHAN",
    ">": "MORETHAN",
    "=": "EQUAL",
    '"': "DBLQUOTE",
    "'": "QUOTE",
    "`": "BACKQUOTE",
    "~": "TILDE",
    "(": "LPAR",
    ")": "RPAR",
    "{": "LBRACE",
    "}": "RBRACE",
    "[": "LSQB",
    "]": "RSQB",
    "\n": "NEWLINE",
    "\r\n": "CRLF",
    "\t": "TAB",
    " ": "SPACE",
}


def anonymous_name(pattern: Pattern) -> str | None:
    """Return the name that Lark gives an unnamed literal where it is free, such as ``PLUS`` or ``IF``."""
    if not isinstance(pattern, Literal) or not isinstance(pattern.text, str):
        return None
    name = _PUNCTUATION.get(pattern.text)
    if name is None and pattern.text.isidentifier():
        name = pattern.text.upper()
    return name


def legal_names(names: Iterable[str], allowed: re.Pattern, prefix: str, case: Callable[[str], str]) -> dict[str, str]:
    """Map names to such as another language allows, all distinct."""
    names = list(names)
    legal = {name: name for name in names if allowed.fullmatch(name)}
    taken = set(legal)
    for name in names:
        if name in legal:
            continue
        base = prefix + case(re.sub(r"\W+", "_", name, flags=re.ASCII))
        candidate, number = base, 0
        while candidate in taken:
            candidate, number = f"{base}_{number}", number + 1
        taken.add(candidate)
        legal[name] = candidate
    return legal
