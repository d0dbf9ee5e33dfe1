"""What is done while allocations fail: each scenario is a list of steps on fresh objects.

A step gets what the steps before it have left in a dict, and returns what must be the same however often it had to be
asked.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import stolcke
from stolcke._core import bitmask
from stolcke.kernels import apply_token_bitmask_inplace
from tests.batches import kinds
from tests.batches.kinds import TOKENS as FEW

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

# Competing terminals, restrictions and reserved words, and an automaton of the parser for what may follow.
CONTEXTUAL = r"""
start: stmt+
?stmt: NAME "=" expr ";" | "if" expr "then" stmt
?expr: NAME | NUMBER | "not" expr | expr OP NAME
OP: ">" | ">>" | "="
NAME: /[a-z]+/
NUMBER: /[0-9]+/
%reserve NAME: "if" | "then" | "not"
%follow NUMBER: /[a-z]/
%ignore " "
"""

# An intersection, a complement and an embedded schema.
DIALECT = r"""
%llguidance {}
start: "<" WORD ">" | data
WORD: /[a-z]{1,6}/ & ~STOP
STOP: "stop" | /x+y/
data: %json {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
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


def sampled(state: dict) -> list[bytes]:
    return state["compiled"].sample(7, 5)


def budget(most: int) -> Step:
    def step(state: dict) -> int:
        state["matcher"] = state["compiled"].matcher(max_tokens=most)
        return state["matcher"].max_tokens

    return step


def completion(state: dict) -> tuple:
    return state["matcher"].completion_bounds(), state["matcher"].shortest_completion()


def healed(state: dict) -> tuple:
    prompt = [TOKENS.index(each) for each in (b"x", b'"', b":")]
    found = stolcke.heal(state["compiled"], prompt)
    state["matcher"] = state["compiled"].matcher(prefix=b'{"')
    return found.token_ids, found.prefix


def applied(state: dict) -> bytes:
    """The mask put on logits, and counted."""
    row = np.empty(bitmask.words(len(TOKENS)), np.int32)
    state["matcher"].fill_mask(row)
    logits = np.zeros((1, len(TOKENS)), np.float32)
    apply_token_bitmask_inplace(logits, row[None])
    return logits.tobytes()


def of_all_kinds(state: dict) -> list[str]:
    """Compile anew what batches are tried with; also under a guard."""
    stolcke.clear_cache()
    state["kinds"] = kinds.compiled()
    return sorted(state["kinds"])


def begun(state: dict) -> list[int]:
    """A matcher of each kind, one with a budget, and one that is further along."""
    state["matchers"] = [make() for _, make in sorted(kinds.kinds(state["kinds"]).items())]
    state["matchers"].append(state["kinds"]["schema"].matcher(max_tokens=14))
    ahead = state["kinds"]["nested"].matcher()
    assert ahead.accept_bytes(b"(a+")
    return [matcher.state for matcher in [*state["matchers"], ahead]]


def failed_rows(error: stolcke.BatchError) -> None:
    """Rows fail by themselves; a step fails if any of them did."""
    assert all(isinstance(each, MemoryError | stolcke.LimitExceeded) for each in error.errors.values()), error.errors
    raise MemoryError from error


DRAFTS = [*(b'({" ', b"a\n  a", b"a+abc", b' {"a"', b" {x", b"ab", b'{"a":"')]


def along_drafts(state: dict) -> tuple:
    """Chains, and a tree for the last."""
    drafts = [[FEW.index(bytes([byte])) for byte in text] for text in DRAFTS]
    drafts.append([FEW.index(each) for each in (b'{"', b"a", b"ab", b'":')])
    parents = [None] * len(DRAFTS) + [[-1, 0, 0, 1]]
    rows = np.zeros((sum(map(len, drafts)) + len(drafts), bitmask.words(len(FEW))), np.int32)
    try:
        with stolcke.MaskFiller(1) as filler:
            accepted = filler.fill_drafts(state["matchers"], drafts, rows, parents)
    except stolcke.BatchError as error:
        failed_rows(error)
    return [one.tolist() for one in accepted], rows.tobytes(), [matcher.n_accepted for matcher in state["matchers"]]


def one_draft(state: dict) -> tuple:
    """Of each matcher by itself."""
    rows = np.zeros((4, bitmask.words(len(FEW))), np.int32)
    return [m.fill_draft_masks(list(b"(a+"), rows).tolist() for m in state["matchers"]], rows.tobytes()


def in_one_call(state: dict) -> bytes:
    rows = np.zeros((len(state["matchers"]) + 1, bitmask.words(len(FEW))), np.int32)
    try:
        with stolcke.MaskFiller(1) as filler:
            filler.fill(state["matchers"], rows, [*range(len(state["matchers"]), 0, -1)])
    except stolcke.BatchError as error:
        failed_rows(error)
    return rows.tobytes()


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


def from_lark(text: str, lexer: str = "dynamic_complete") -> Step:
    def step(state: dict) -> str:
        fresh(state, stolcke.Grammar.from_lark(text, lexer=lexer))
        return str(state["grammar"])

    return step


def from_llguidance(state: dict) -> None:
    fresh(state, stolcke.Grammar.from_llguidance(DIALECT))


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

BUDGETS: list[Step] = [
    *(budget(9), mask, token(b'{"'), mask, completion, token(b"x"), mask, token(b'":'), mask, token(b"[["), mask),
    *(completion, token(b"99"), mask, fork, rollback(2), mask, token(b'"'), mask, token(b'x"}'), mask, completion),
    *(budget(60), accept(b'{"a": [1.'), mask, completion, budget(4), mask, token(b"x"), mask, token(b"<end>"), mask),
]
OBJECT_BUDGETS: list[Step] = [
    *(budget(40), mask, token(b'{"'), token(b"name"), token(b'":'), mask, completion, token(b'"a'), mask),
    *(accept(b'b-c", "other": "abcde'), mask, completion, accept(b'", "tags": ['), mask, completion),
]

LONG = {"budget", "schema-budget", "healing", "kinds", "drafts"}
"""Scenarios that take several times as long as the others."""

# name -> steps done without failures, steps with
SCENARIOS: dict[str, Callable[[], tuple[list[Step], list[Step]]]] = {
    "lark": lambda: ([], [from_lark(LARK), compiled, started, mask]),
    "compile": lambda: (lark(LARK), [compiled, started, mask, accept(b'{"a": 1'), mask]),
    "walk": lambda: ([*lark(LARK), compiled], WALK),
    "schema": lambda: ([], [from_schema, compiled, started, mask]),
    "schema-walk": lambda: ([*schema(), compiled], OBJECT),
    "weights": lambda: ([*lark(WEIGHTED), compiled], WEIGHS),
    "proper": lambda: ([], [from_lark(WEIGHTED), compiled, started, logprobs, sampled]),
    "contextual": lambda: (
        [],
        [from_lark(CONTEXTUAL, "contextual"), compiled, started, mask, accept(b"if a>"), mask, accept(b"> b "), mask],
    ),
    "dialect": lambda: ([], [from_llguidance, compiled, started, mask, accept(b"<sto"), mask, applied]),
    "budget": lambda: ([*lark(LARK), compiled], BUDGETS),
    "schema-budget": lambda: ([*schema(), compiled], OBJECT_BUDGETS),
    "healing": lambda: ([*lark(LARK), compiled], [healed, mask, token(b'{"'), mask, looks, rollback(1), completion]),
    "kinds": lambda: ([], [of_all_kinds, begun, in_one_call]),
    "drafts": lambda: ([of_all_kinds], [begun, along_drafts, in_one_call, one_draft]),
    "files": lambda: (
        [*lark(LARK), compiled, *WALK],
        [saved, saved_vocabulary, loaded_vocabulary, loaded, started, mask, accept(b'{"a": 1'), mask],
    ),
}
