"""The best parses of one text, and how probable they are."""

from __future__ import annotations

import warnings
from math import isinf
from typing import Any

from lark import Token, Tree

import stolcke

__all__ = ["parse", "print_parse"]


def parse(grammar: stolcke.Grammar, data: bytes, k: int) -> dict[str, Any]:
    """Parse a text.

    Returns
    -------
    dict
        ``accepted``, then either what a :class:`stolcke.ParseError` says, or ``logprob``, ``derivations`` (None where
        there is no end of them), ``entropy``, and of the best derivations ``logprob``, ``posterior`` and ``tree``: its
        nodes, each before its children, with their ``depth``, and either ``rule`` or ``token`` and ``text``.
    """
    try:
        text: str | bytes = data.decode()
    except UnicodeDecodeError:
        text = data
    try:
        with warnings.catch_warnings():
            # It has been warned about when the grammar was compiled, too.
            warnings.simplefilter("ignore", stolcke.InconsistentGrammarWarning)
            parser = stolcke.Parser(grammar)
        forest = parser.parse(text)
    except stolcke.ParseError as error:
        fields = ("reason", "byte", "line", "column", "text_line", "expected")
        return {"accepted": False, "message": str(error)} | {name: getattr(error, name) for name in fields}
    n = forest.n_derivations
    return {
        "accepted": True,
        "logprob": forest.logprob,
        "derivations": None if isinf(n) else n,
        "entropy": forest.entropy,
        "best": [
            {"logprob": found.logprob, "posterior": found.posterior, "tree": _nodes(found.tree)}
            for found in forest.k_best(k)
        ],
    }


def _nodes(tree: Tree | Token) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    waiting: list[tuple[int, Tree | Token]] = [(0, tree)]
    while waiting:
        depth, node = waiting.pop()
        if isinstance(node, Tree):
            nodes.append({"depth": depth, "rule": str(node.data)})
            waiting += [(depth + 1, child) for child in reversed(node.children)]
        else:
            place = {"begin": node.start_pos, "end": node.end_pos}
            nodes.append({"depth": depth, "token": node.type, "text": str(node), **place})
    return nodes


def print_parse(found: dict[str, Any]) -> None:
    """Print what :func:`parse` has found."""
    if not found["accepted"]:
        print(f"not in the language: {found['message']}")
        return
    n = found["derivations"]
    count = "endless derivations" if n is None else "1 derivation" if n == 1 else f"{n:,} derivations"
    print(f"in the language: log-probability {found['logprob']:.6f}, {count}, entropy {found['entropy']:.4f} nats")
    for number, best in enumerate(found["best"], 1):
        print(f"parse {number}: log-probability {best['logprob']:.6f}, posterior {best['posterior']:.6f}")
        for node in best["tree"]:
            shown = node["rule"] if "rule" in node else f"{node['token']} {node['text']!r}"
            print(f"    {'  ' * node['depth']}{shown}")
