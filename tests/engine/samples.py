"""A few grammars of ordinary kinds with texts of them, and vocabularies of ordinary size."""

from __future__ import annotations

import random
from functools import cache

from tests.reference.masks import Tokens
from tests.vocabularies import real

JSON = r"""
start: value
value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" [pair ("," pair)*] "}"
pair: STRING ":" value
array: "[" [value ("," value)*] "]"
STRING: /"([^"\\\x00-\x1f]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
%ignore /[ \t\n\r]+/
"""

ARITHMETIC = r"""
start: sum
sum: product | sum ("+" | "-") product
product: atom | product ("*" | "/") atom
atom: NUMBER | NAME | "-" atom | "(" sum ")" | NAME "(" [sum ("," sum)*] ")"
NUMBER: /[0-9]+(\.[0-9]+)?/
NAME: /[a-z_][a-z0-9_]*/
%ignore " "
"""

MARKUP = r"""
start: element
element: "<" NAME attribute* "/>" | "<" NAME attribute* ">" (element | TEXT | "&" NAME ";")* "</" NAME ">"
attribute: " " NAME "=" /"[^"<&]*"/
NAME: /[A-Za-z][A-Za-z0-9]*/
TEXT: /[^<&]+/
"""

PROGRAM = r"""
start: statement*
statement: NAME "=" expression ";" | "if" "(" expression ")" block ["else" block] | "return" expression? ";"
block: "{" statement* "}" | statement
expression: expression OPERATOR expression | "!" expression | NAME | NUMBER | call
call: NAME "(" (expression ("," expression)*)? ")"
OPERATOR: "+" | "-" | "<" | "<=" | "==" | "&&" | "&"
NAME: /[a-z][a-z0-9]*/
NUMBER: /[0-9]+/
%ignore /[ \n]+|\/\/[^\n]*\n/
"""

SAMPLES: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "json": (JSON, (b'{"a": [1, -2.5e3, true], "caf\xc3\xa9": {"\\u00e9": null}}', b" [ ] ", '"日本語 😀"'.encode())),
    "arithmetic": (ARITHMETIC, (b"1 + x*(foo(2.50, -y) - 3) / z_1", b"--a")),
    "markup": (MARKUP, (b'<a href="x y"><b/>text &amp; more<c>\xe2\x82\xac</c></a>',)),
    "program": (PROGRAM, (b"if (a <= b1) { x = f(1, y) && !z; } else return; // why\nreturn n + 1;", b"")),
}
"""Name to Lark text and texts of the language."""


@cache
def synthetic_tokens(size: int = 3000) -> Tokens:
    """A vocabulary like those of byte-level BPE: bytes, words, runs, punctuation, parts of characters."""
    draw = random.Random(size)
    tokens: list[bytes] = [bytes([value]) for value in range(256)]
    tokens += (
        [b" " * n for n in range(2, 20)] + [b"\n" * n for n in range(2, 5)] + [b"\n" + b"  " * n for n in range(1, 5)]
    )
    tokens += [str(n).encode() for n in range(10, 500)]
    words = [b"true", b"false", b"null", b"if", b"else", b"return", b"foo", b"name", b"text", b"amp", b"href", b"u00e9"]
    tokens += [prefix + word for word in words for prefix in (b"", b" ", b'"', b' "', b"<", b"</", b"(", b".")]
    tokens += [c.encode()[:n] for c in ("é", "€", "日", "本", "😀") for n in range(2, 5)]
    marks = b'"\\/{}[]()<>=+-*,:;.&! \n_'
    while len(tokens) < size - 4:
        kind = draw.randrange(3)
        if kind == 0:
            token = bytes(draw.choice(marks) for _ in range(draw.randint(2, 5)))
        elif kind == 1:
            token = bytes(draw.choice(b"abcdefxyz0123456789") for _ in range(draw.randint(2, 7)))
            token = draw.choice([b"", b" ", b'"']) + token + draw.choice([b"", b"", b'"', b'":', b")", b">", b";\n"])
        else:
            token = draw.choice(["é", "ß", "日本", "—", "я", " 😀"]).encode() * draw.randint(1, 2)
        tokens.append(token)
    tokens += [b"", b"</s>", b"<|end|>", b"<|tool|>"]
    return Tokens(tokens, ends=(size - 3, size - 2), special_ids=(size - 1,))


def real_tokens(name: str = "llama3") -> Tokens:
    """A real vocabulary; the test is skipped where none is at hand."""
    tokens, ends, special = real(name)
    return Tokens(tokens, ends=tuple(ends), special_ids=tuple(set(special) - set(ends)))
