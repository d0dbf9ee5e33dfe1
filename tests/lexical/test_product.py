"""Restrictions compiled away, against the reference that checks them on each text."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from random import Random

import pytest

import stolcke
from stolcke.errors import GrammarError
from stolcke.grammar.model import (
    Grammar,
    Neighbour,
    Nonterminal,
    Rule,
    Terminal,
    TerminalDefinition,
)
from stolcke.grammar.patterns import Choice, Literal, Regex
from stolcke.lexer.charsets import complement
from tests.reference.language import all_texts
from tests.reference.random_grammars import random_grammar
from tests.reference.restricted import Restricted

BYTES = stolcke.Vocabulary.from_bytes()


def one_of(characters: str, edge: bool = True) -> Neighbour:
    """Only these characters may stand there."""
    bounds: list[int] = []
    for code in sorted(map(ord, characters)):
        if bounds and bounds[-1] == code:
            bounds[-1] += 1
        else:
            bounds += [code, code + 1]
    return Neighbour(tuple(bounds), edge)


def none_of(characters: str, edge: bool = True) -> Neighbour:
    return Neighbour(complement(one_of(characters).characters), edge)


def restricted(grammar: Grammar, **changes: dict) -> Grammar:
    terminals = dict(grammar.terminals)
    for name, change in changes.items():
        terminals[name] = replace(terminals[name], **change)
    return replace(grammar, terminals=terminals)


def viable(compiled: stolcke.CompiledGrammar, text: str) -> stolcke.Matcher | None:
    """A matcher behind a text, or None where the text cannot be continued; each byte is asked for in the mask, too."""
    matcher = compiled.matcher()
    for byte in text.encode():
        if byte not in matcher.allowed_token_ids():
            assert not matcher.accept(byte)
            return None
        assert matcher.accept(byte)
    return matcher


def can_end(compiled, reference: Restricted, text: str, alphabet: str, most: int) -> bool:
    """Whether some text begins with this one: the shortest that the masks lead to, and the reference accepts it."""
    waiting = [text]
    for known in waiting:
        matcher = viable(compiled, known)
        if matcher is None:
            continue
        if matcher.is_accepting:
            return reference.accepts(known)
        if len(known) == most:
            return True  # too long to be followed any further
        waiting += [known + letter for letter in alphabet]
    return False


def check(grammar: Grammar, alphabet: str, length: int, further: int = 4) -> int:
    """Compare language and masks with the reference; the number of texts in the language."""
    reference = Restricted(grammar, alphabet, length + further)
    texts = {text for text in all_texts(alphabet, length) if reference.accepts(text)}
    try:
        compiled = stolcke.compile(grammar, BYTES)
    except GrammarError:
        assert not texts, f"{grammar}\nderives {sorted(texts)[:5]}"
        return 0
    for text in all_texts(alphabet, length):
        matcher = viable(compiled, text)
        assert (matcher is not None and matcher.is_accepting) == (text in texts), f"{grammar}\n{text!r}"
        if matcher is not None and len(text) < length:
            assert can_end(compiled, reference, text, alphabet, length + further), f"{grammar}\ndead end {text!r}"
    return len(texts)


NEIGHBOURS = [None, none_of("a"), none_of("b"), none_of("a", edge=False), one_of("a"), one_of("", edge=True)]


def test_all_small_grammars():
    """Two terminals, every way to restrict them, and each of some shapes of rules."""
    a, b = Terminal("A"), Terminal("B")
    n = Nonterminal("n")
    shapes = [
        [((a, b),), ()],
        [((n, a), (b,)), ((a,), ())],
        [((n, n),), ((a,), (b,), ())],
        [((n, b, n),), ((a, n), ())],
    ]
    total = 0
    for shape, follow, precede in product(shapes, NEIGHBOURS[:4], NEIGHBOURS[:5]):
        rules = [Rule(Nonterminal("start"), rhs) for rhs in shape[0]] + [Rule(n, rhs) for rhs in shape[1]]
        terminals = {
            "A": TerminalDefinition("A", Regex("a+"), follow=follow),
            "B": TerminalDefinition("B", Regex("[ab]"), precede=precede),
        }
        used = [rule for rule in rules if rule.lhs != n or shape[1]]
        total += check(Grammar("start", tuple(used), terminals), "ab", 4, 3)
    assert total > 400


@pytest.mark.parametrize("seed", range(60))
def test_random_grammars(seed):
    random = Random(seed)
    grammar = random_grammar(random, nonterminals=3, ignore=seed % 2 == 0)
    changes = {}
    for name in grammar.terminals:
        if random.random() < 0.6:
            changes[name] = {"follow": random.choice(NEIGHBOURS), "precede": random.choice(NEIGHBOURS)}
    terminals = grammar.terminals | {"L": TerminalDefinition("L", Regex("[ab]+"), reserved=(Literal("ab"),))}
    rules = (*grammar.rules, Rule(Nonterminal("n0"), (Terminal("L"), Nonterminal("n0"))))
    check(restricted(replace(grammar, rules=rules, terminals=terminals), **changes), "ab ", 4, 2)


@pytest.mark.parametrize("seed", range(20))
def test_random_restrictions_on_characters_of_several_bytes(seed):
    random = Random(seed)
    alphabet = "aé€"
    sets = [None, none_of("é"), one_of("a€"), none_of("€", edge=False), one_of("é", edge=False)]
    terminals = {
        "A": TerminalDefinition("A", Regex("a|é+"), follow=random.choice(sets), precede=random.choice(sets)),
        "B": TerminalDefinition("B", Regex("[é€]a?"), follow=random.choice(sets), precede=random.choice(sets)),
        "C": TerminalDefinition("C", Choice((Literal("€"), Literal("aé"))), follow=random.choice(sets)),
    }
    symbols = [Terminal("A"), Terminal("B"), Terminal("C"), Nonterminal("n"), Nonterminal("start")]
    rules = [Rule(Nonterminal(lhs), tuple(random.choices(symbols, k=k))) for lhs in ("start", "n") for k in (1, 2, 3)]
    rules += [Rule(Nonterminal("n"), ()), Rule(Nonterminal("start"), (Terminal("A"), Nonterminal("n")))]
    check(Grammar("start", tuple(rules), terminals), alphabet, 4, 2)
