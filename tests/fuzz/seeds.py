"""Where the fuzzers begin, and words that they may put in."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.targets import GRAMMARS

LARK = [path.read_bytes()[:400] for path in sorted((Path(__file__).parents[2] / "grammars").glob("*.lark"))]
LARK += [text.encode() for text in GRAMMARS]
LARK += [
    b'start: list{"a"}\nlist{x}: x ("," x)~1..3\n',
    b"start: X\n%declare X\n%import common.INT\n",
    b'start: %json {"type": "integer"}\n',
    b'start.2: A -> b | "a"i ["b"] | /a+?b/s\nA: "a".."z"\n%ignore /\\s+/\n',
]
REGEX = [b"[a-c]+x?", b"(?:ab|a){2,5}b*?", rb'"([^"\\\x00-\x1f]|\\["nu])*"', b"(?i:ab)|[^b]\\d", rb"\w{3}.\u00e9"]
SEEDS: dict[str, list[bytes]] = {
    "lark": LARK,
    "regex": REGEX,
    "file": [bytes([kind, 40, 0, 1, 200, 1, 255]) for kind in (0, 1, 2)] + [b"\xf0\x89STOLCKE\x01\0\0\0"],
    "calls": [
        bytes([grammar, *range(8), 0, 8, 16, 24, 4, 3, 11, 6, 2]) for grammar in (0, 1, 2, 3, 128, 129, 130, 131)
    ],
}
WORDS: dict[str, list[bytes]] = {
    "lark": [
        *(b"start:", b"%import", b"%ignore", b"%declare", b"%extend", b"%override", b"%json", b"common.", b"..", b"~"),
        *(b"->", b"(?:", b"{", b"}", b'"', b"/", b"|", b"\n", b"_", b"!", b"?", b'"i', b"[1.0]"),
    ],
    "regex": [
        *(b"(?:", b"(?i:", b"(?=", b"(?!", b"(?P<a>", b"[^", b"\\d", b"\\w", b"\\b", b"{2,}", b"*?", b"++", b"|"),
    ],
    "file": [b"\0\0\0\0", b"\xff\xff\xff\xff", b"[]", b"{}", b"1e9", b"null", b'"'],
    "calls": [],
}
