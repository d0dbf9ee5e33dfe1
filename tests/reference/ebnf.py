"""EBNF by its meaning: random expressions, their text in Lark, and their language as sets of texts."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.reference.language import join, repeated


@dataclass(frozen=True)
class Node:
    """``kind`` is text, rule, sequence, choice or repeat; ``content`` depends on it."""

    kind: str
    content: tuple


def random_node(random: Random, rules: list[str], depth: int = 3) -> Node:
    kinds = ["text"] * 3 + (["rule"] if rules else [])
    if depth:
        kinds += ["sequence"] * 3 + ["choice"] * 2 + ["repeat"] * 3
    kind = random.choice(kinds)
    if kind == "text":
        return Node(kind, (random.choice(["a", "b", "ab"]),))
    if kind == "rule":
        return Node(kind, (random.choice(rules),))
    if kind == "repeat":
        bounds = random.choice([(0, 1), (0, None), (1, None), (0, 0), (2, 2), (0, 2), (1, 3), (1, 1), (3, 4)])
        return Node(kind, (random_node(random, rules, depth - 1), *bounds))
    least = 0 if kind == "sequence" else 2
    return Node(kind, tuple(random_node(random, rules, depth - 1) for _ in range(random.randint(least, 3))))


def lark_text(random: Random, node: Node) -> str:
    """Write a node; ``[x]`` and ``(x)?`` are chosen by chance."""
    if node.kind == "text":
        return f'"{node.content[0]}"'
    if node.kind == "rule":
        return node.content[0]
    if node.kind == "sequence":
        return f"({' '.join(lark_text(random, part) for part in node.content)})"
    if node.kind == "choice":
        return f"({' | '.join(lark_text(random, part) for part in node.content)})"
    part, least, most = node.content
    text = lark_text(random, part)
    if (least, most) == (0, 1) and random.random() < 0.5:
        return f"[{text}]"
    operator = {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((least, most))
    if operator is None:
        operator = f"~{least}" if least == most and random.random() < 0.5 else f"~{least}..{most}"
    return f"({text}){operator}"


def texts(node: Node, rules: dict[str, set[str]], length: int) -> set[str]:
    if node.kind == "text":
        return {node.content[0]}
    if node.kind == "rule":
        return rules[node.content[0]]
    if node.kind == "choice":
        return set().union(*(texts(part, rules, length) for part in node.content))
    if node.kind == "repeat":
        part, least, most = node.content
        return repeated(texts(part, rules, length), least, most, length)
    found = {""}
    for part in node.content:
        found = join(found, texts(part, rules, length), length)
    return found


def language(definitions: dict[str, Node], start: str, length: int) -> set[str]:
    """Solve the rules as equations between sets of texts, from empty sets upwards."""
    found = {name: set() for name in definitions}
    while True:
        following = {name: texts(node, found, length) for name, node in definitions.items()}
        if following == found:
            return found[start]
        found = following


def bnf_text(random: Random, node: Node) -> str:
    """Write a node as GBNF and xgrammar's EBNF both read it; strings and classes of one character by chance."""
    if node.kind == "text":
        (text,) = node.content
        return f"[{text}]" if len(text) == 1 and random.random() < 0.5 else f'"{text}"'
    if node.kind == "rule":
        return node.content[0]
    if node.kind == "sequence":
        return f"({' '.join(bnf_text(random, part) for part in node.content)})" if node.content else '("")'
    if node.kind == "choice":
        return f"({' | '.join(bnf_text(random, part) for part in node.content)})"
    part, least, most = node.content
    operator = {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((least, most))
    if operator is None or random.random() < 0.3:
        operator = f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"
    return f"({bnf_text(random, part)}){operator}"
