"""What log-probabilities of all next tokens cost, beside genlm-grammar: one table, one run, one grammar.

::

    pip install ".[oracles]"
    STOLCKE_SHARED=... python asv_benchmarks/peers_weights.py --seconds 20

Both are given the same weighted rules over bytes.  genlm-grammar gives the distribution of the next byte; a vector
over tokens is one such distribution for each inner node of the vocabulary's trie that can be reached.  They are
visited breadth first for so many seconds and position, and where that does not suffice, the rest is taken to cost as
much as those visited, and the figure is marked with ``~``.  Its charts are kept between nodes, as it does by itself.
The scores of all tokens visited are compared.

``cold`` is the first vector after a text, by a grammar that has just been compiled; ``warm`` the least of many.
Process time throughout.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from benchmarks.material import VOCABULARIES, vocabulary  # noqa: E402

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
ROUNDS = 300


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


def filled(grammar: stolcke.Grammar, name: str, text: bytes) -> tuple[float, float, np.ndarray]:
    """Seconds of a first and of the fastest later vector, and the vector, by this package."""
    compiled = stolcke.compile(grammar, vocabulary(name))
    matcher = compiled.matcher()
    matcher.accept_bytes(text)
    row = np.empty(len(compiled.vocabulary), np.float32)
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time_ns()
        matcher.fill_logprobs(row)
        times.append((time.process_time_ns() - begin) / 1e9)
    return times[0], min(times[1:]), row


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vocabulary", choices=VOCABULARIES, default=VOCABULARIES[-1])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each position, by the peer")
    arguments = parser.parse_args()
    grammar = stolcke.Grammar.from_lark(JSON)
    tokens = vocabulary(arguments.vocabulary)
    ordinary = [b"" if i in set(tokens.eos_token_ids) else text for i, text in enumerate(tokens.tokens)]
    for special in tokens.special_token_ids:
        ordinary[special] = b""
    root = trie(ordinary)
    begin = time.process_time()
    model = genlm_model(grammar)
    print(f"{arguments.vocabulary}, {len(tokens)} tokens; the peer's model took {time.process_time() - begin:.2f} s")
    print("| position | nodes | genlm-grammar, a byte | genlm-grammar, a vector | cold | warm | difference |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for title, text in POSITIONS.items():
        start = stolcke.compile(grammar, tokens).matcher()
        start.accept_bytes(text)
        nodes = reachable(root, start)
        seconds, visited, found = visit(model, root, text, arguments.seconds)
        model.clear_cache()
        cold, warm, row = filled(grammar, arguments.vocabulary, text)
        difference = max(abs(float(row[token]) - score) for token, score in found.items())
        per_byte, mark = seconds / visited, "" if visited >= nodes else "~"
        print(
            f"| {title} | {nodes} | {per_byte * 1e3:.2f} ms | {mark}{per_byte * nodes:.3g} s "
            f"| {cold * 1e6:.0f} µs | {warm * 1e6:.1f} µs | {difference:.1e} |"
        )


if __name__ == "__main__":
    main()
