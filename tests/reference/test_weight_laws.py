"""The laws that the engine is held to hold of the twin, and each deliberate mistake in it breaks one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stolcke.grammar.patterns import Literal, Repeat
from tests.engine.weight_laws import check_parts, check_text, check_tokens
from tests.reference import token_scores
from tests.reference.earley import Earley
from tests.reference.masks import Tokens
from tests.reference.probabilities import Probabilities
from tests.reference.scored_matcher import ScoredMatcher
from tests.strategies import A, B
from tests.weighted_cases import weighted_grammar

TOKENS = Tokens([b"a", b"b", b"ab", b"aa", b"", b"ba", b"</s>", b"a"], ends=(6,))
# Left and unit cycles, empty rules, an ignored terminal, and a terminal of more than one state.
GRAMMAR = weighted_grammar(
    {
        "s": [("x s", 0.25), ("s B", 0.125), ("A", None)],
        "x": [("y", 0.5), ("", 0.25), ("R", None)],
        "y": [("x", 0.25), ("B", None)],
    },
    {"A": A, "B": B, "R": Repeat(A, 1, None), "W": Literal("c")},
    ignore=("W",),
)


class WithoutUnitClosure(Probabilities):
    """Forgets the chains of rules that complete with one symbol."""

    def _unit_closure(self) -> np.ndarray:
        return np.eye(len(self.symbols))


class WithoutLeftClosure(Probabilities):
    """Predicts one level of left corners instead of all."""

    def _left_closure(self) -> np.ndarray:
        closure = super()._left_closure()
        return 2 * np.eye(len(closure)) - np.linalg.inv(closure)


class WithoutEmpty(Probabilities):
    """Takes no symbol for empty."""

    def _empty(self) -> np.ndarray:
        return np.zeros(len(self.symbols))


class WithFirstThreadOnly(Probabilities):
    """Loses all but one of the terminals under way."""

    def _scanned(self, chart, symbol):
        return super()._scanned(chart, symbol)[:1]


class WithSentenceForPrefix(Probabilities):
    """Takes what a text is for what it may become."""

    def prefix(self, text):
        return self.sentence(text) if len(text) > 2 else super().prefix(text)


MISTAKES = [WithoutUnitClosure, WithoutLeftClosure, WithoutEmpty, WithFirstThreadOnly, WithSentenceForPrefix]


def judge(given: Probabilities, found: Probabilities) -> None:
    """Hold a matcher that is based on one twin to the laws as another twin knows them."""
    earley = Earley(GRAMMAR)
    for text in (b"", b"a", b"b", b"ab", b"aa", b"ba", b"aab", b"bba", b"cac"):
        matcher = ScoredMatcher(earley, given, TOKENS)
        assert matcher.accept_bytes(text)
        check_text(matcher, found, text)
        check_tokens(matcher, token_scores.token_logprobs(found, TOKENS, text))


def test_the_twin_keeps_the_laws():
    judge(Probabilities(GRAMMAR), Probabilities(GRAMMAR))


@pytest.mark.parametrize("mistaken", MISTAKES)
def test_mistakes_break_the_laws(mistaken):
    with pytest.raises(AssertionError):
        judge(mistaken(GRAMMAR), Probabilities(GRAMMAR))


@pytest.mark.parametrize("mistaken", [WithoutUnitClosure, WithoutLeftClosure, WithoutEmpty, WithSentenceForPrefix])
def test_mistakes_do_not_add_up(mistaken):
    """They show without a twin, too, but for lost threads: what is left of them is still a distribution."""

    def parts(found: Probabilities) -> None:
        for text in (b"", b"a", b"b", b"ab", b"aa", b"ba", b"aab", b"bba"):
            matcher = ScoredMatcher(Earley(GRAMMAR), found, TOKENS)
            assert matcher.accept_bytes(text)
            check_parts(matcher)

    parts(Probabilities(GRAMMAR))
    with pytest.raises(AssertionError):
        parts(mistaken(GRAMMAR))


class ScoredWrongly(ScoredMatcher):
    """Right about texts, wrong about tokens in one way."""

    mistake = ""

    def _scores(self, normalize: bool) -> np.ndarray:
        scores = super()._scores(normalize)
        if self.mistake == "byte by byte sums" and normalize:
            scores = super()._scores(False) - math.log(2)
        if self.mistake == "duplicates":
            scores[7] = -math.inf
        if self.mistake == "single precision":
            scores = scores.astype(np.float32).astype(np.float64)
        if self.mistake == "end":
            scores[6] = -math.inf
        return scores


@pytest.mark.parametrize("mistake", ["byte by byte sums", "duplicates", "single precision", "end"])
def test_mistakes_with_tokens_break_the_laws(mistake):
    found = Probabilities(GRAMMAR)
    matcher = ScoredWrongly(Earley(GRAMMAR), found, TOKENS)
    expected = token_scores.token_logprobs(found, TOKENS, b"a")
    assert matcher.accept_bytes(b"a")
    check_tokens(matcher, expected)
    matcher.mistake = mistake
    with pytest.raises(AssertionError):
        check_tokens(matcher, expected)
