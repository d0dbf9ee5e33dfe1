"""Matchers of every kind over one small vocabulary, each beside what it takes to make another one."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import numpy as np

import stolcke
from stolcke.domains import Layout

WORDS = [
    b"ab",
    b"abc",
    b'":',
    b'{"',
    b'"a',
    b'", "',
    b"12",
    b" a",
    b" {",
    b"\n  ",
    b"\n    ",
    b"true",
    b"a\n",
    b"))",
    b"a+",
]
TOKENS = [bytes([b]) for b in range(128)] + WORDS + [b"<end>"]
END = len(TOKENS) - 1

NESTED = 'start: "(" start ")" | "a"+ | start "+" start'
WEIGHTED = 'start: "a" "b" [0.5] | "a" "c" [0.125] | "a" start [0.375]'
BLOCKS = """
start: line+
line: NAME _NL | NAME ":" _NL _INDENT line+ _DEDENT
NAME: /[a-z]+/
_NL: /(\\n *)+/
%declare _INDENT _DEDENT
"""
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string", "maxLength": 5}, "ab": {"type": "integer", "multipleOf": 3}},
    "required": ["a"],
}

# Nothing is remembered, so that there is always something to compute.
FORGETFUL = stolcke.Options(memoise_steps=False, memoise_masks=False, memoise_cascade=False)
OPTIONS = {"remembering": stolcke.Options(memoise_grammars=False), "forgetful": FORGETFUL}

Make = Callable[[], stolcke.Matcher]


@cache
def vocabulary() -> stolcke.Vocabulary:
    return stolcke.Vocabulary(TOKENS, END, strips_first_space=True)


def compiled(options: str = "remembering", **limits: int) -> dict[str, stolcke.CompiledGrammar]:
    """Compiled anew, with empty caches."""
    more = {"options": OPTIONS[options], "limits": stolcke.Limits(**limits), "prewarm": 0}
    blocks = stolcke.Grammar.from_lark(BLOCKS)
    return {
        "nested": stolcke.compile(stolcke.Grammar.from_lark(NESTED), vocabulary(), **more),
        "schema": stolcke.compile(stolcke.Grammar.from_json_schema(SCHEMA), vocabulary(), **more),
        "weighted": stolcke.compile(stolcke.Grammar.from_lark(WEIGHTED), vocabulary(), **more),
        "guarded": stolcke.compile(blocks, vocabulary(), guard=Layout(newline="_NL"), **more),
    }


def kinds(found: dict[str, stolcke.CompiledGrammar]) -> dict[str, Make]:
    """From kind to what makes a matcher."""
    pruning = stolcke.Pruning(threshold=0.3, prune_mask=True)
    return {name: one.matcher for name, one in found.items()} | {
        "prefix": lambda: found["schema"].matcher(prefix=b" {"),
        "opening": lambda: found["nested"].matcher(strip_first_space=True),
        "pruned": lambda: found["weighted"].matcher(pruning=pruning),
    }


def walked(make: Make, seed: int, steps: int) -> stolcke.Matcher:
    """A matcher after some random tokens that its masks allow."""
    draw, matcher = random.Random(seed), make()
    for _ in range(steps):
        allowed = matcher.allowed_token_ids()
        if not allowed.size:
            break
        assert matcher.accept(int(allowed[draw.randrange(allowed.size)]))
    return matcher


def words() -> int:
    """How many words a row has, and one too many."""
    return (len(TOKENS) + 31) // 32 + 1


def dirty(n: int) -> np.ndarray:
    """Rows that hold something else."""
    return np.full((n, words()), 0x5AA55AA5, np.int32)


def one_by_one(matchers: list[stolcke.Matcher]) -> np.ndarray:
    """The slow twin of a batch."""
    rows = dirty(len(matchers))
    for matcher, row in zip(matchers, rows, strict=True):
        matcher.fork().fill_mask(row)
    return rows
