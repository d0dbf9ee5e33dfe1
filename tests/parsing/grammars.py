"""Grammars with weights, for the tests of parsing."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import stolcke
from tests.reference.enumeration import sentences
from tests.reference.random_grammars import random_grammar


def weighted(text: str, *weights: float | None, start: str = "start", **fields) -> stolcke.Grammar:
    """A grammar from Lark text with a weight for each of its rules, in order."""
    grammar = stolcke.Grammar.from_lark(text, start)
    rules = tuple(replace(rule, weight=weight) for rule, weight in zip(grammar.rules, weights, strict=True))
    return replace(grammar, rules=rules, **fields)


def random_weights(grammar: stolcke.Grammar, random: Random) -> stolcke.Grammar:
    """Draw weights for all rules; those of a nonterminal add up to less than one, so that all sums are finite."""
    rules = []
    for rule in grammar.rules:
        n = len(grammar.alternatives[rule.lhs.name])
        rules.append(replace(rule, weight=random.uniform(0.2, 0.95) / n))
    return replace(grammar, rules=tuple(rules), raw_weights=True)


def random_cases(n: int, *, ignore: bool = False) -> list[tuple[stolcke.Grammar, bytes]]:
    """Draw grammars, each with a short text; most of these are in the language."""
    random = Random(5)
    cases: list[tuple[stolcke.Grammar, bytes]] = []
    while len(cases) < n:
        grammar = random_grammar(random, ignore=ignore)
        texts = sorted(sentences(grammar, 4))
        if not texts:
            continue
        if random.random() < 0.8:
            text = bytes(random.choice(texts))
        else:
            text = bytes(random.choice(b"ab ") for _ in range(random.randint(0, 5)))
        cases.append((random_weights(grammar, random), text))
    return cases
