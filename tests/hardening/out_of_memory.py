"""Every allocation of the core fails once, and nothing breaks: run with failing_allocator.cc preloaded.

A scenario is a list of steps on fresh objects.  For each n, the n-th allocation of the core fails (and with
``onwards`` all after it, until the error has reached Python).  The step that meets it must raise MemoryError or
LimitExceeded; asked again it must succeed, and what it and all later steps return must be what an untouched run
returns.  ``python -m tests.hardening.out_of_memory [scenario...]`` prints what was done; a crash ends the process.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import stolcke

LARK = r"""
start: value
value: object | "[" [value ("," value)*] "]" | STRING | NUMBER | "x" | "<é>"
object: "{" [pair ("," pair)*] "}"
pair: STRING ":" value
STRING: /"([^"\\\x00-\x1f]|\\["\\nu]){0,20}"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]{1,40})?/
%ignore " "
"""

WEIGHTED = r"""
start: sum
sum: product [0.75] | sum "+" product [0.25]
product: NUMBER | "(" sum ")" | NAME
NUMBER: /[0-9]{1,3}/
NAME: /[a-z]+/
"""

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12, "pattern": "^[a-z]+(-[a-z]+)*$"},
        "size": {"type": "integer", "multipleOf": 3, "minimum": -40, "maximum": 1000},
        "share": {"type": "number", "exclusiveMinimum": 0.25, "maximum": 7.5},
        "tags": {"type": "array", "items": {"enum": ["a", "b", {"c": 1}]}, "minItems": 1, "maxItems": 3},
        "when": {"type": "string", "format": "date"},
        "other": {"oneOf": [{"type": "string", "minLength": 2}, {"type": "string", "maxLength": 4}]},
    },
    "required": ["name"],
    "minProperties": 2,
    "additionalProperties": {"type": "boolean"},
}

TOKENS = [bytes([byte]) for byte in range(256)] + [
    *(
        b'{"',
        b'":',
        b'": ',
        b'","',
        b"[[",
        b"]]",
        b"}}",
        b'"a',
        b'a"',
        b"name",
        b'"name"',
        b"size",
        b"12",
        b"+1",
        b"(1",
    ),
    *(b"  ", b" x", b"xx", b'x"}', b"\xc3\xa9", b"<\xc3", b"99", b"0.", b".5", b"true", b"false", b" [", b"), ", b"ab"),
    b"<end>",
]
END = len(TOKENS) - 1

Step = Callable[[dict], object]


def vocabulary() -> stolcke.Vocabulary:
    return stolcke.Vocabulary(TOKENS, eos_token_ids=[END])


def fresh(state: dict, grammar: stolcke.Grammar) -> None:
    stolcke.clear_cache()
    state["vocabulary"] = vocabulary()
    state["grammar"] = grammar


def compiled(state: dict) -> str:
    state["compiled"] = stolcke.compile(state["grammar"], state["vocabulary"], prewarm=0)
    return repr(state["compiled"])


def started(state: dict) -> bool:
    state["matcher"] = state["compiled"].matcher()
    return state["matcher"].is_accepting


def mask(state: dict) -> bytes:
    return state["matcher"].mask().tobytes()


def accept(text: bytes) -> Step:
    def step(state: dict) -> tuple:
        before = state["matcher"].n_accepted
        try:
            return state["matcher"].accept_bytes(text), state["matcher"].n_accepted
        except (MemoryError, stolcke.LimitExceeded):
            assert state["matcher"].n_accepted == before, "a failed call was counted"
            raise

    return step


def token(text: bytes) -> Step:
    def step(state: dict) -> tuple:
        before = state["matcher"].n_accepted
        try:
            return state["matcher"].accept(TOKENS.index(text)), state["matcher"].n_accepted
        except (MemoryError, stolcke.LimitExceeded):
            assert state["matcher"].n_accepted == before, "a failed call was counted"
            raise

    return step


def fork(state: dict) -> tuple:
    other = state["matcher"].fork()
    return other.n_accepted, other.mask().tobytes()


def rollback(n: int) -> Step:
    def step(state: dict) -> int:
        state["matcher"].rollback(n)  # allocates nothing, so is never repeated
        return state["matcher"].n_accepted

    return step


def rows(state: dict) -> bytes:
    matchers = [state["compiled"].matcher(), state["matcher"], state["matcher"].fork()]
    filled = np.zeros((3, len(TOKENS) // 32 + 1), np.int32)
    stolcke.fill_masks(matchers, filled)
    return filled.tobytes()


def looks(state: dict) -> tuple:
    matcher = state["matcher"]
    return matcher.expected(), matcher.forced_bytes(), matcher.forced_tokens(), len(matcher.dump()) > 0


def logprobs(state: dict) -> bytes:
    row = np.empty(len(TOKENS), np.float32)
    state["matcher"].fill_logprobs(row)
    return row.tobytes()


def next_bytes(state: dict) -> bytes:
    return np.asarray(state["matcher"].next_byte_logprobs()).tobytes()


def totals(state: dict) -> tuple:
    matcher = state["matcher"]
    return matcher.prefix_logprob, matcher.eos_logprob, matcher.token_logprob(TOKENS.index(b"+")), fork(state)


def saved(state: dict) -> int:
    path = state["folder"] / "compiled.stolcke"
    state["compiled"].save(path)
    return path.stat().st_size


def loaded(state: dict) -> None:
    stolcke.clear_cache()
    state["compiled"] = stolcke.CompiledGrammar.load(state["folder"] / "compiled.stolcke", state["vocabulary"])


def saved_vocabulary(state: dict) -> None:
    state["vocabulary"].save(state["folder"] / "vocabulary.stolcke")


def loaded_vocabulary(state: dict) -> int:
    state["vocabulary"] = stolcke.Vocabulary.load(state["folder"] / "vocabulary.stolcke")
    return len(state["vocabulary"])


def from_lark(text: str) -> Step:
    def step(state: dict) -> str:
        fresh(state, stolcke.Grammar.from_lark(text))
        return str(state["grammar"])

    return step


def from_schema(state: dict) -> None:
    fresh(state, stolcke.Grammar.from_json_schema(SCHEMA))


def lark(text: str) -> list[Step]:
    """Steps that are not injected into: the grammar is there already."""
    grammar = stolcke.Grammar.from_lark(text)
    return [lambda state: fresh(state, grammar)]


def schema() -> list[Step]:
    grammar = stolcke.Grammar.from_json_schema(SCHEMA)
    return [lambda state: fresh(state, grammar)]


WALK: list[Step] = [
    *(started, mask, token(b'{"'), mask, accept(b'a": [1.'), mask, fork, token(b"99"), mask, looks, token(b"x")),
    *(accept(b"5, "), mask, rollback(2), mask, rows, accept(b'7, "\\n\xc3\xa9'), mask, accept(b'"]}'), mask),
    *(token(b"<end>"), mask),
]
OBJECT: list[Step] = [
    *(started, mask, accept(b'{"name": "ab-c", "'), mask, looks, accept(b'size": 99'), mask, accept(b'9, "sha'), mask),
    *(rollback(1), accept(b'9, "tags": [{"c": 1}, '), mask, accept(b'"a"], "when": "2024-02-2'), mask, rows),
    *(accept(b'9", "other": "abcde", "z": true'), mask, accept(b"}"), mask),
]
WEIGHS: list[Step] = [
    *(started, logprobs, token(b"(1"), logprobs, next_bytes, totals, accept(b"2+ab"), totals, logprobs, rollback(1)),
    *(logprobs, accept(b"3)"), next_bytes, logprobs, totals, token(b"<end>"), logprobs),
]

# name -> steps done without failures, steps with
SCENARIOS: dict[str, Callable[[], tuple[list[Step], list[Step]]]] = {
    "lark": lambda: ([], [from_lark(LARK), compiled, started, mask]),
    "compile": lambda: (lark(LARK), [compiled, started, mask, accept(b'{"a": 1'), mask]),
    "walk": lambda: ([*lark(LARK), compiled], WALK),
    "schema": lambda: ([], [from_schema, compiled, started, mask]),
    "schema-walk": lambda: ([*schema(), compiled], OBJECT),
    "weights": lambda: ([*lark(WEIGHTED), compiled], WEIGHS),
    "files": lambda: (
        [*lark(LARK), compiled, *WALK],
        [saved, saved_vocabulary, loaded_vocabulary, loaded, started, mask, accept(b'{"a": 1'), mask],
    ),
}


def run(before: list[Step], steps: list[Step], first: int, last: int, folder: Path, hook) -> tuple[list, int, int]:
    """Results of the steps, how many had to be repeated, and how many allocations were counted."""
    state: dict = {"folder": folder}
    for step in before:
        step(state)
    results: list = []
    repeated = counted = 0
    hook.stolcke_fail(first, last)
    for step in steps:
        try:
            results.append(step(state))
        except (MemoryError, stolcke.LimitExceeded):
            counted = hook.stolcke_counted()
            hook.stolcke_fail(0, 0)
            repeated += 1
            results.append(step(state))
    counted = counted or hook.stolcke_counted()
    hook.stolcke_fail(0, 0)
    return results, repeated, counted


def examine(name: str, folder: Path, hook, most: int) -> str:
    """Inject at every allocation of a scenario, at most ``most`` of them, evenly spread."""
    before, steps = SCENARIOS[name]()
    never = 1 << 60
    expected, _, _ = run(before, steps, never, never, folder, hook)
    expected, _, total = run(before, steps, never, never, folder, hook)
    stride = max(1, -(-total // most))
    raised = silent = 0
    for n in range(1, total + 1, stride):
        for last in (n, never):
            if last == never and (n // stride) % 5:
                continue
            results, repeated, _ = run(before, steps, n, last, folder, hook)
            raised += repeated
            silent += not repeated
            for k, (got, wanted) in enumerate(zip(results, expected, strict=True)):
                if got != wanted:
                    raise AssertionError(f"{name}: allocation {n} failed, and step {k} differs: {got!r} {wanted!r}")
    return f"{name}: {total} allocations, every {stride}th failed, {raised} errors, {silent} done without"


def main(names: list[str], most: int = 1000) -> None:
    hook = ctypes.CDLL(None)
    hook.stolcke_fail.argtypes = [ctypes.c_long, ctypes.c_long]
    hook.stolcke_counted.restype = ctypes.c_long
    warnings.simplefilter("ignore", stolcke.InconsistentGrammarWarning)
    with tempfile.TemporaryDirectory() as folder:
        for name in names or SCENARIOS:
            print(examine(name, Path(folder), hook, most), flush=True)


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if not name.isdigit()], *[int(name) for name in sys.argv[1:] if name.isdigit()])
