"""Names of terminals that a grammar text leaves unnamed."""

from __future__ import annotations

from stolcke.grammar.patterns import Literal, Pattern

__all__ = ["anonymous_name"]

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
