"""What log-probabilities of all next tokens cost: by position in a document, and beside genlm-grammar, in one run.

::

    pip install ".[oracles]"
    STOLCKE_SHARED=... python asv_benchmarks/peers_weights.py --seconds 20

The first table is this package's alone: a vector before each token of a JSON document, inside its strings and
elsewhere.  ``first`` is the first question of all, by a grammar that has just been compiled, so that the text before is
read with weights, too; ``first pass`` is what a generation meets as it goes on; ``again`` is a state that has been met.
Each is the least of some runs by position, of which the table has the median and the 99th percentile.

In the second table genlm-grammar is given the same weighted rules over bytes.  It gives the distribution of the next
byte; a vector over tokens is one such distribution for each inner node of the vocabulary's trie that can be reached.
They are visited breadth first for so many seconds and position, and where that does not suffice, the rest is taken to
cost as much as those visited, and the figure is marked with ``~``.  Its charts are kept between nodes, as it does by
itself.  The scores of all tokens visited are compared.

Process time throughout.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from benchmarks.material import VOCABULARIES, tokenised, vocabulary  # noqa: E402

import stolcke  # noqa: E402
from tests.reference.genlm_model import genlm_model  # noqa: E402

JSON = r"""
start: value
value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" [pair ("," pair)*] "}"
pair: STRING ":" value
array: "[" [value ("," value)*] "]"
STRING: /"[ !#-\[\]-~]*"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?/
%ignore /[ \n]+/
"""
"""Strings without escapes and characters beyond ASCII, which would only make the peer slower."""

POSITIONS = {"a value's beginning": b'{"a": ', "within a string": b'{"a": [1, "te', "within a number": b'{"a": [12'}
DOCUMENT = json.dumps(
    {"people": [{"name": f"Person {i}", "age": 20 + 7 * i % 50, "tags": ["first of some", "x" * i]} for i in range(6)]}
    | {"ratio": -3.14159, "nested": [[[[1, 2], [3]], {}], []], "said": "The cat that the dogs that an owl sees chase."}
)
ROUNDS = 300
COLD_ROUNDS = 3


@dataclass
class Node:
    """A node of the trie of all tokens."""

    children: dict[int, Node]
    tokens: list[int]


def trie(tokens: list[bytes]) -> Node:
    """The tokens as a trie, those without bytes left out."""
    root = Node({}, [])
    for number, text in enumerate(tokens):
        node = root
        for value in text:
            node = node.children.setdefault(value, Node({}, []))
        if text:
            node.tokens.append(number)
    return root


def reachable(node: Node, matcher: stolcke.Matcher) -> int:
    """How many inner nodes the grammar allows to reach: as many distributions make a vector."""
    count = 0
    pending = [(node, matcher)]
    while pending:
        node, here = pending.pop()
        count += bool(node.children)
        for value, child in node.children.items():
            ahead = here.fork()
            if ahead.accept_bytes(bytes([value])):
                pending.append((child, ahead))
    return count


def visit(model, root: Node, text: bytes, seconds: float) -> tuple[float, int, dict[int, float]]:
    """Seconds spent, nodes visited, and the log-probabilities of the tokens met, by the peer."""
    prefix = tuple(bytes([value]) for value in text)
    found: dict[int, float] = {}
    pending = deque([(root, prefix, 0.0)])
    visited, begin = 0, time.process_time()
    while pending and time.process_time() - begin < seconds:
        node, context, here = pending.popleft()
        following = model.p_next(context)
        visited += 1
        for value, child in node.children.items():
            probability = following[bytes([value])]
            if probability > 0:
                there = here + math.log(probability)
                found.update(dict.fromkeys(child.tokens, there))
                if child.children:
                    pending.append((child, (*context, bytes([value])), there))
    return time.process_time() - begin, visited, found


class Ours:
    """Questions to this package; grammars are compiled anew for one vocabulary, which is ready."""

    def __init__(self, grammar: stolcke.Grammar, tokens: stolcke.Vocabulary) -> None:
        self.grammar, self.tokens = grammar, tokens
        self.row = np.empty(len(tokens), np.float32)

    def compiled(self) -> stolcke.CompiledGrammar:
        """One that nothing has been asked."""
        return stolcke.compile(self.grammar, self.tokens, options=stolcke.Options(memoise_grammars=False))

    def fill(self, matcher: stolcke.Matcher) -> float:
        """Seconds of one vector."""
        return spent(lambda: matcher.fill_logprobs(self.row))

    def at(self, text: bytes) -> tuple[float, float, np.ndarray]:
        """Seconds of a first and of the fastest later vector after a text, and the vector."""
        first = []
        for _ in range(COLD_ROUNDS):
            matcher = self.compiled().matcher()
            matcher.accept_bytes(text)
            first.append(self.fill(matcher))
        return min(first), min(self.fill(matcher) for _ in range(ROUNDS)), self.row

    def walk(self, compiled: stolcke.CompiledGrammar, ids: list[int]) -> Iterator[stolcke.Matcher]:
        """A matcher before each token of a text."""
        matcher = compiled.matcher()
        for token in ids:
            yield matcher
            if not matcher.accept(token):
                raise AssertionError("the document is none of the grammar")

    def first(self, ids: list[int]) -> list[float]:
        """Seconds of a vector before each token, where it is the first question of all."""
        times = []
        for place in range(len(ids)):
            matcher = self.compiled().matcher()
            matcher.accept_tokens(ids[:place])
            times.append(self.fill(matcher))
        return times

    def passes(self, ids: list[int], ask: Callable, rounds: int, cold: bool) -> np.ndarray:
        """Seconds of a question before each token, the least of some passes."""
        compiled, runs = self.compiled(), []
        for _ in range(rounds):
            compiled = self.compiled() if cold else compiled
            runs.append([spent(lambda m=matcher: ask(m)) for matcher in self.walk(compiled, ids)])
        return np.min(runs[0 if cold else 1 :], axis=0)

    def commit(self, ids: list[int]) -> dict[str, float]:
        """Seconds of accepting a token, on the average."""
        compiled = self.compiled()
        plain, weighted = compiled.matcher(), compiled.matcher()

        def accept(matcher: stolcke.Matcher, ask: Callable[[], object] | None, at_end: bool) -> None:
            matcher.reset()
            for token in ids:
                matcher.accept(token)
                if ask and not at_end:
                    ask()
            if ask and at_end:
                ask()

        def following() -> object:
            return weighted.prefix_logprob

        def least(*arguments: object) -> float:
            return min(spent(lambda: accept(*arguments)) for _ in range(30)) / len(ids)

        return {
            "without weights": least(plain, None, False),
            "with weights, asked for at the end": least(weighted, following, True),
            "with weights, `prefix_logprob` asked for after each token": least(weighted, following, False),
        }


def spent(function: Callable[[], object]) -> float:
    """Seconds of process time."""
    begin = time.process_time_ns()
    function()
    return (time.process_time_ns() - begin) / 1e9


def print_document(ours: Ours, name: str) -> None:
    """The first table."""
    ids = tokenised(DOCUMENT, name)
    starts = np.cumsum([0, *(len(ours.tokens.tokens[token]) for token in ids[:-1])])
    within = np.array([DOCUMENT[:start].count('"') % 2 == 1 for start in starts])
    print(f"\n{len(ids)} positions of a document, {within.sum()} of them inside a string; in microseconds")
    print("| | inside a string: median | p99 | elsewhere: median | p99 |")
    print("|---|--:|--:|--:|--:|")
    fill = ours.passes(ids, lambda matcher: matcher.fill_logprobs(ours.row), 20, False)
    rows = {
        "fill_logprobs, first": np.min([ours.first(ids) for _ in range(COLD_ROUNDS)], axis=0),
        "fill_logprobs, first pass": ours.passes(ids, lambda matcher: matcher.fill_logprobs(ours.row), 5, True),
        "fill_logprobs, again": fill,
        "fill_logprobs, again, normalized": ours.passes(
            ids, lambda matcher: matcher.fill_logprobs(ours.row, normalize=True), 20, False
        ),
        "compact_logprobs, first pass": ours.passes(ids, lambda matcher: matcher.compact_logprobs(), 5, True),
        "compact_logprobs, again": ours.passes(ids, lambda matcher: matcher.compact_logprobs(), 20, False),
        "next_byte_logprobs, again": ours.passes(ids, lambda matcher: matcher.next_byte_logprobs(), 20, False),
    }
    for title, found in rows.items():
        cells = [f(found[at]) * 1e6 for at in (within, ~within) for f in (np.median, lambda t: np.percentile(t, 99))]
        print(f"| {title} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")
    other = ours.row.copy()
    references = {
        f"copying {other.nbytes} bytes": min(spent(lambda: np.copyto(other, ours.row)) for _ in range(ROUNDS)),
        "filling as many": min(spent(lambda: other.fill(-np.inf)) for _ in range(ROUNDS)),
        "the clock itself": min(spent(lambda: None) for _ in range(ROUNDS)),
    }
    commits = {f"accept, a token, {title}": found for title, found in ours.commit(ids).items()}
    for title, found in (references | commits).items():
        print(f"| {title} | {found * 1e6:.3g} | | | |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vocabulary", choices=VOCABULARIES, default=VOCABULARIES[-1])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each position, by the peer")
    arguments = parser.parse_args()
    grammar = stolcke.Grammar.from_lark(JSON)
    tokens = vocabulary(arguments.vocabulary)
    ours = Ours(grammar, tokens)
    print(f"{arguments.vocabulary}, {len(tokens)} tokens")
    print_document(ours, arguments.vocabulary)
    try:
        begin = time.process_time()
        model = genlm_model(grammar)
    except ImportError:
        print("\ngenlm-grammar is not installed")
        return
    print(f"\ngenlm-grammar's model took {time.process_time() - begin:.2f} s")
    print("| position | nodes | genlm-grammar, a byte | genlm-grammar, a vector | first | again | difference |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    ordinary = [b"" if i in set(tokens.eos_token_ids) else text for i, text in enumerate(tokens.tokens)]
    for special in tokens.special_token_ids:
        ordinary[special] = b""
    root = trie(ordinary)
    for title, text in POSITIONS.items():
        start = ours.compiled().matcher()
        start.accept_bytes(text)
        nodes = reachable(root, start)
        seconds, visited, found = visit(model, root, text, arguments.seconds)
        model.clear_cache()
        first, again, row = ours.at(text)
        difference = max(abs(float(row[token]) - score) for token, score in found.items())
        per_byte, mark = seconds / visited, "" if visited >= nodes else "~"
        print(
            f"| {title} | {nodes} | {per_byte * 1e3:.2f} ms | {mark}{per_byte * nodes:.3g} s "
            f"| {first * 1e6:.0f} µs | {again * 1e6:.1f} µs | {difference:.1e} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
