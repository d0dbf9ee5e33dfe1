"""Batches beside what else a matcher may have: an observer, a budget, a guard with errors of its own."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke
from stolcke._core import bitmask
from stolcke.observing import Metrics

VOCABULARY = stolcke.Vocabulary.from_bytes()
WORDS = bitmask.words(len(VOCABULARY))
LETTERS = stolcke.compile(stolcke.Grammar.from_gbnf('root ::= "a"+ "b"'), VOCABULARY)


class OddLimit(stolcke.LimitExceeded):
    """One of a guard's own, which does not say what its limit is called."""

    def __init__(self) -> None:
        Exception.__init__(self, "odd")


class Refusing(stolcke.Guard):
    watches = ("A",)
    start = 0
    armed = False

    def read(self, state, terminal, kind):
        if self.armed:
            raise OddLimit
        return stolcke.Reading(state + 1)


@pytest.mark.parametrize("observer", [None, Metrics()])
def test_errors_of_a_guard_are_the_rows_own_whoever_counts(observer) -> None:
    # Tokens of several terminals: their masks ask the guard.
    tokens = [*VOCABULARY.tokens[:256], b"ab", b"aaa", b"</s>"]
    vocabulary = stolcke.Vocabulary(tokens, eos_token_ids=[258])
    guards = [Refusing() for _ in range(4)]
    grammar = stolcke.Grammar.from_lark('start: (A | B)+\nA: "a"\nB: "b"')
    compiled = [stolcke.compile(grammar, vocabulary, guard=each, prewarm=0) for each in guards]
    matchers = [each.matcher(observer=observer) for each in compiled]
    for guard in guards:
        guard.armed = True
    with stolcke.MaskFiller(3) as filler:
        pending = filler.start(matchers, np.empty((4, WORDS), np.int32))
        with pytest.raises(stolcke.BatchError) as caught:
            pending.wait()
        assert {type(error) for error in caught.value.errors.values()} == {OddLimit}
        filler.fill([LETTERS.matcher()], rows := np.empty((1, WORDS), np.int32))  # its threads live on
    assert bitmask.popcount(rows[0]) == 1


def test_a_limit_without_a_name_is_raised_and_not_counted() -> None:
    guard, metrics = Refusing(), Metrics()
    grammar = stolcke.Grammar.from_lark('start: (A | B)+\nA: "a"\nB: "b"')
    tokens = [*VOCABULARY.tokens[:256], b"ab", b"aaa", b"</s>"]
    vocabulary = stolcke.Vocabulary(tokens, eos_token_ids=[258])
    matcher = stolcke.compile(grammar, vocabulary, guard=guard, prewarm=0).matcher(observer=metrics)
    guard.armed = True
    for call in (matcher.mask, lambda: matcher.accept(256), lambda: matcher.accept_bytes(b"ab")):
        with pytest.raises(OddLimit):
            call()
    assert metrics.stats()["limits_met"] == {}
    guard.armed = False
    assert matcher.accept(256)


def test_a_limit_met_along_a_draft_is_counted() -> None:
    grammar = stolcke.Grammar.from_gbnf('root ::= ("a"? "b"? "c"?){1,400} [0-9]+')
    compiled = stolcke.compile(grammar, VOCABULARY, limits=stolcke.Limits(cache_bytes=1), prewarm=0)
    draft, metrics = list(b"abc" * 40), Metrics()
    rows = np.empty((len(draft) + 1, WORDS), np.int32)
    with pytest.raises(stolcke.LimitExceeded):
        compiled.matcher(observer=metrics).fill_draft_masks(draft, rows)
    assert metrics.stats()["limits_met"] == {"cache_bytes": 1}


def test_a_budget_that_was_spent_otherwise_is_a_matcher_that_was_moved() -> None:
    matcher = LETTERS.matcher(max_tokens=3)
    matcher.accept(ord("a"))
    with stolcke.MaskFiller(1) as filler:
        pending = filler.start([matcher], np.empty((1, WORDS), np.int32))
        matcher.rollback()
        matcher.accept_bytes(b"a")  # the same state after as many calls, and one token less spent
        with pytest.raises(stolcke.BatchError, match="was moved before wait"):
            pending.wait()


def test_forced_tokens_within_a_budget_are_only_tried() -> None:
    compiled = stolcke.compile(stolcke.Grammar.from_gbnf('root ::= "name: " [a-z]'), VOCABULARY)
    metrics = Metrics()
    matcher = compiled.matcher(observer=metrics, max_tokens=20)
    assert matcher.forced_tokens(lambda text: list(text.encode())) == list(b"name: ")
    assert not any(metrics.stats()["counters"].values())


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_a_budget_behind_a_prefix_says_what_would_do(budget) -> None:
    compiled = stolcke.compile(stolcke.Grammar.from_gbnf('root ::= "a" "b"?'), stolcke.Vocabulary.from_bytes())
    with pytest.raises(stolcke.BudgetError) as caught:
        compiled.matcher(max_tokens=budget, prefix=b"xy")
    assert caught.value.shortest == 4
    compiled.matcher(max_tokens=4, prefix=b"xy")
