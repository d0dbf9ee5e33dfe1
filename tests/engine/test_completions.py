"""The shortest completions in tokens, and masks under a budget, beside trying everything."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.completion import NEVER
from stolcke.grammar.patterns import Choice, Counted, Literal, Regex
from tests.engine.laws import derives_nothing, stripping_vocabulary_of, vocabulary_of
from tests.engine.test_counted import KINDS, grammar_of
from tests.reference.masks import Tokens
from tests.strategies import EFFORT, grammars, make_grammar, make_tally, tally_grammars, vocabularies

MOST = 6
"""Tokens that the twin looks ahead."""


class Everything:
    """The fewest tokens to the end of a text, by trying all tokens that the exact masks allow."""

    def __init__(self, ends: bool) -> None:
        self.ends = ends
        self.following: dict[int, dict[int, stolcke.Matcher]] = {}

    def after(self, matcher: stolcke.Matcher) -> dict[int, stolcke.Matcher]:
        """The matchers behind each token; ``matcher`` has no budget."""
        if matcher.state not in self.following:
            found = {}
            for token in matcher.allowed_token_ids().tolist():
                found[token] = matcher.fork()
                assert found[token].accept(token)
            self.following[matcher.state] = found
        return self.following[matcher.state]

    def fewest(self, matcher: stolcke.Matcher, most: int) -> int:
        """Tokens to the end, or more than ``most``."""
        states = {matcher.state: matcher}
        for n in range(most + 1):
            if any(each.is_finished or (each.is_accepting and not self.ends) for each in states.values()):
                return n
            states = {after.state: after for each in states.values() for after in self.after(each).values()}
        return most + 1

    def allowed(self, matcher: stolcke.Matcher, left: int) -> list[int]:
        return [token for token, after in self.after(matcher).items() if self.fewest(after, left - 1) < left]


def generous(compiled: stolcke.CompiledGrammar) -> stolcke.CompiledGrammar:
    compiled.completion.effort = 20_000
    return compiled


def check_walk(compiled, vocabulary, chance: random.Random, **options) -> int:
    """Walk at random under the tightest budget and some larger ones; how many masks were less than the exact ones."""
    everything = Everything(bool(vocabulary.eos_token_ids))
    start = compiled.matcher(**options)
    fewest = everything.fewest(start, MOST)
    least, found = start.completion_bounds()
    if fewest > MOST:
        assert found > MOST
        return 0
    assert least == found == fewest
    completion = start.shortest_completion()
    assert len(completion) == fewest
    assert start.fork().accept_tokens(completion) == fewest
    if fewest:
        with pytest.raises(stolcke.BudgetError, match=f"completion has {fewest} tokens"):
            compiled.matcher(max_tokens=fewest - 1, **options)
    restricted = 0
    for budget in range(fewest, MOST + 1):
        matcher, free = compiled.matcher(max_tokens=budget, **options), compiled.matcher(**options)
        for left in range(budget, -1, -1):
            allowed = matcher.allowed_token_ids().tolist()
            if matcher.is_finished or (matcher.is_accepting and not everything.ends and not left):
                break
            assert allowed == everything.allowed(free, left), (budget, left)
            restricted += len(allowed) < len(everything.after(free))
            if not allowed:
                assert matcher.is_accepting and not everything.ends
                break
            token = chance.choice(allowed)
            assert matcher.accept(token) and free.accept(token)
        else:
            raise AssertionError("the budget was not kept")
    assert compiled.completion.undecided == 0
    return restricted


@settings(max_examples=250 * EFFORT)
@given(st.one_of(grammars(), tally_grammars()), vocabularies(), st.integers(0, 2**32))
def test_bounds_and_masks_are_those_of_trying_everything(grammar, tokens, seed):
    if derives_nothing(grammar):
        return
    vocabulary = vocabulary_of(tokens)
    special = {name: tokens.tokens[token].decode() for name, token in tokens.special.items()}
    declared = [name for name, found in grammar.terminals.items() if type(found.pattern).__name__ == "Special"]
    try:
        compiled = stolcke.compile(grammar, vocabulary, special={name: special[name] for name in declared})
    except stolcke.GrammarError as error:
        assume("derives the empty text" not in str(error))  # an entry of a tally
        raise
    check_walk(generous(compiled), vocabulary, random.Random(seed))
