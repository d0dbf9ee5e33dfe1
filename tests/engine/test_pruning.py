"""Pruning: what is left out is never more than what is said to be, and masks stay exact unless asked otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke import Pruning
from tests.engine.test_weights_random import COUNT, LETTERS, calls
from tests.engine.weight_laws import Scored, all_scores, twin
from tests.reference.earley import Earley
from tests.strategies import EFFORT, weighted_grammars

pytestmark = pytest.mark.filterwarnings("ignore:by the grammar's weights")

ROUNDING = 1e-9
"""Relative; masses are rounded, and sums taken in another order."""

PRUNINGS = st.builds(
    Pruning, threshold=st.sampled_from([0.0, 1e-4, 0.01, 0.05, 0.2, 0.5]), beam=st.sampled_from([0, 0, 1, 2, 5])
)
NOTHING_LEFT_OUT = Pruning(threshold=1e-300, beam=10**6)

AMBIGUOUS = {
    "catalan": ('start: start start [0.4] | "a" [0.6]', b"aaaaaaa"),
    "sums": ('start: e\ne: e "+" e [0.3] | e "*" e [0.2] | NUMBER\nNUMBER: /[0-9]+/', b"12+3*4+56*7+8"),
    "nothing": ('start: start start [0.3] | "a" [0.5] | [0.2]', b"aaaaa"),
    "segments": ('start: (A | B | C)+\nA: "a"\nB: /a+/\nC: /[ab]+/', b"aabaaab"),
    "cycle": ('start: x "." \nx: y [0.5] | "a" x [0.25] | "a" [0.25]\ny: x [0.3] | x x [0.2] | "b" [0.5]', b"abaab."),
}
"""Grammars of many derivations, and a text of each."""

STRENGTHS = [{"threshold": 1e-3}, {"threshold": 0.03}, {"threshold": 0.3}, {"beam": 1}, {"beam": 2}]


def probability(logarithm: float) -> float:
    return math.exp(logarithm)


def check_bounds(pruned: stolcke.Matcher, exact: stolcke.Matcher, where: str = "") -> None:
    """What the exact matcher says is between the pruned one's bounds."""
    low, high = map(probability, pruned.prefix_logprob_bounds)
    prefix, sentence = probability(exact.prefix_logprob), probability(exact.sentence_logprob)
    below, above = 1 - ROUNDING, 1 + ROUNDING
    assert low == probability(pruned.prefix_logprob)
    assert low * below <= prefix <= high * above, where
    kept = probability(pruned.sentence_logprob)
    assert kept * below <= sentence <= (kept + high - low) * above + ROUNDING * high, where


def accept(matcher: stolcke.Matcher, call: int | bytes) -> bool:
    return (matcher.accept_bytes if isinstance(call, bytes) else matcher.accept)(call)


def small(text: str, tokens: list[bytes] | None = None) -> stolcke.CompiledGrammar:
    vocabulary = stolcke.Vocabulary(tokens) if tokens else stolcke.Vocabulary.from_bytes()
    return stolcke.compile(stolcke.Grammar.from_lark(text), vocabulary)


def bounds(compiled: stolcke.CompiledGrammar, text: bytes, **pruning) -> tuple[float, float]:
    """The bounds of a text's probability, not as logarithms."""
    matcher = compiled.matcher(pruning=Pruning(**pruning))
    assert matcher.accept_bytes(text)
    low, high = matcher.prefix_logprob_bounds
    return probability(low), probability(high)


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_readings_beyond_the_beam():
    compiled = small('start: "ab" [0.75] | "ac" [0.25]')
    assert bounds(compiled, b"a", beam=1) == pytest.approx((0.75, 1.0))
    assert bounds(compiled, b"ab", beam=1) == pytest.approx((0.75, 1.0))
    assert bounds(compiled, b"ac", beam=1) == pytest.approx((0.0, 0.25))
    assert bounds(compiled, b"a", beam=2) == pytest.approx((1.0, 1.0))


def test_the_beam_keeps_the_best_wherever_they_are():
    """Two of equal mass at the limit stand before the best one."""
    compiled = small('start: "ab" [0.2] | "ac" [0.2] | "ad" [0.6]')
    assert bounds(compiled, b"ad", beam=2) == pytest.approx((0.6, 0.8))


def test_rules_below_the_threshold():
    compiled = small('start: "a" "b" [0.75] | "a" "c" [0.25]')
    assert bounds(compiled, b"a", threshold=0.3) == pytest.approx((1.0, 1.25))
    assert bounds(compiled, b"ab", threshold=0.3) == pytest.approx((0.75, 1.0))
    assert bounds(compiled, b"ac", threshold=0.3) == pytest.approx((0.0, 0.25))
    assert bounds(compiled, b"ac", threshold=0.2) == pytest.approx((0.25, 0.25))


def test_what_is_left_out_of_what_may_follow():
    compiled = small('start: "<" y ">"\ny: x "b" [0.75] | x "c" [0.25]\nx: "a" x [0.5] | "a" [0.5]')
    low, high = bounds(compiled, b"<aac", threshold=0.3)
    assert low == 0 and high * (1 + ROUNDING) >= 0.0625
    assert bounds(compiled, b"<aac", threshold=0.01) == pytest.approx((0.0625, 0.0625))


def test_a_token_that_leaves_its_readings_behind_on_the_way():
    """All that a token is worth may be lost within it; the bound is the same as byte by byte."""
    compiled = small('start: "ab" [0.75] | "ac" [0.25]', [b"a", b"b", b"c", b"ab", b"ac"])
    matcher = compiled.matcher(pruning=Pruning(beam=1))
    assert matcher.accept(4)
    assert [probability(each) for each in matcher.prefix_logprob_bounds] == pytest.approx([0.0, 0.25])


def test_the_best_one_stays_where_all_are_small():
    letters = "abcdefghij"
    compiled = small("start: " + " | ".join(f'"{letter}" "!"' for letter in letters))
    for letter in letters:
        low, high = bounds(compiled, letter.encode() + b"!", threshold=0.5)
        assert low * (1 - ROUNDING) <= 0.1 <= high * (1 + ROUNDING)
    assert any(bounds(compiled, letter.encode(), threshold=0.5)[0] > 0 for letter in letters)


def test_long_tokens_without_underflow():
    """A token whose probability no float can hold, with and without pruning."""
    text = b"a" * 400
    compiled = small("start: WORD\nWORD: /[ -~]+/", [text, b"a"])
    exact = 400 * -math.log(96) + math.log(96 / 95)  # the first byte has no alternative of stopping
    for pruning in (Pruning(), Pruning(threshold=0.01, beam=2)):
        matcher = compiled.matcher(pruning=pruning)
        assert matcher.logprobs([0])[0] == pytest.approx(exact)
        assert matcher.accept(0)
        assert matcher.prefix_logprob_bounds == pytest.approx((exact, exact))


# --- random grammars -------------------------------------------------------------------------------------------------


@settings(max_examples=80 * EFFORT)
@given(weighted_grammars(), PRUNINGS, st.data())
def test_the_exact_probability_is_between_the_bounds(grammar, pruning, data):
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    exact, pruned = engine.compiled.matcher(), engine.compiled.matcher(pruning=pruning)
    check_bounds(pruned, exact)
    for call in data.draw(calls(Earley(grammar))):
        assert accept(exact, call) and accept(pruned, call)
        check_bounds(pruned, exact, f"{pruning} {call!r}")
        assert np.array_equal(pruned.mask(), exact.mask())


@settings(max_examples=60 * EFFORT)
@given(weighted_grammars(), PRUNINGS, st.data())
def test_scores_are_lower_bounds(grammar, pruning, data):
    """A token's pruned score on top of the pruned prefix is no more than the exact probability of both."""
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    exact, pruned = engine.compiled.matcher(), engine.compiled.matcher(pruning=pruning)
    for call in data.draw(calls(Earley(grammar), longest=4)):
        assert accept(exact, call) and accept(pruned, call)
    row = np.empty(COUNT, np.float32)
    pruned.fill_logprobs(row)
    for scores, slack in ((pruned.logprobs(range(COUNT)), ROUNDING), (row.astype(np.float64), 1e-5)):
        given_scores = np.exp(pruned.prefix_logprob + scores)
        whole = np.exp(exact.prefix_logprob + exact.logprobs(range(COUNT)))
        assert (given_scores <= whole * (1 + slack)).all()


@settings(max_examples=40 * EFFORT)
@given(weighted_grammars(), st.data())
def test_leaving_nothing_out_is_exact_to_the_bit(grammar, data):
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    exact, pruned = engine.compiled.matcher(), engine.compiled.matcher(pruning=NOTHING_LEFT_OUT)
    for call in [b"", *data.draw(calls(Earley(grammar)))]:
        assert accept(exact, call) and accept(pruned, call)
        for left, right in zip(all_scores(pruned, COUNT), all_scores(exact, COUNT), strict=True):
            assert np.array_equal(left, right)
        assert pruned.prefix_logprob_bounds == exact.prefix_logprob_bounds
        assert len(set(exact.prefix_logprob_bounds)) == 1


@settings(max_examples=40 * EFFORT)
@given(weighted_grammars(), PRUNINGS, st.data())
def test_rolling_back_and_forking(grammar, pruning, data):
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    made = data.draw(calls(Earley(grammar)))
    matcher = engine.compiled.matcher(pruning=pruning)
    seen = [(matcher.prefix_logprob_bounds, all_scores(matcher, COUNT))]
    forks = [matcher.fork()]
    for call in made:
        assert accept(matcher, call)
        seen.append((matcher.prefix_logprob_bounds, all_scores(matcher, COUNT)))
        forks.append(matcher.fork())
    kept = data.draw(st.integers(0, len(made)))
    matcher.rollback(len(made) - kept)
    for other in (matcher, forks[kept]):
        assert other.prefix_logprob_bounds == seen[kept][0]
        assert all(map(np.array_equal, all_scores(other, COUNT), seen[kept][1]))
        for call in made[kept:]:
            assert accept(other, call)
        assert other.prefix_logprob_bounds == seen[-1][0]


# --- ambiguous grammars ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", AMBIGUOUS)
@pytest.mark.parametrize("pruning", STRENGTHS, ids=str)
def test_ambiguous_grammars(name, pruning):
    text, sentence = AMBIGUOUS[name]
    compiled = small(text)
    exact, pruned = compiled.matcher(), compiled.matcher(pruning=Pruning(**pruning))
    for value in sentence:
        assert exact.accept_bytes(bytes([value])) and pruned.accept_bytes(bytes([value]))
        check_bounds(pruned, exact, f"{pruning} {value}")
    assert exact.is_accepting


@pytest.mark.parametrize("name", ["catalan", "sums", "segments"])
def test_less_left_out_is_closer(name):
    """The bounds close in on the exact probability, from which something was really left out."""
    text, sentence = AMBIGUOUS[name]
    compiled = small(text)
    gaps = []
    for threshold in (0.3, 0.03, 1e-3, 1e-12):
        low, high = bounds(compiled, sentence, threshold=threshold)
        gaps.append(high - low)
    exact, _ = bounds(compiled, sentence)
    assert gaps[0] > 0.1 * exact
    assert gaps[-1] < 1e-6 * exact


# --- masks -----------------------------------------------------------------------------------------------------------

CHOICES = 'start: "a" "b" [0.75] | "a" "c" [0.25] | "a" "d" [0]'
TOKENS = [b"a", b"b", b"c", b"d", b"ab", b"ac", b"ad", b"x"]


def test_pruned_masks():
    compiled = small(CHOICES, TOKENS)
    exact = compiled.matcher()
    plain = compiled.matcher(pruning=Pruning(prune_mask=True))
    pruned = compiled.matcher(pruning=Pruning(threshold=0.3, prune_mask=True))
    assert exact.allowed_token_ids().tolist() == [0, 4, 5, 6]
    assert plain.allowed_token_ids().tolist() == [0, 4, 5]
    assert pruned.allowed_token_ids().tolist() == [0, 4]
    assert np.flatnonzero(pruned.mask()).tolist() == [0, 4]
    rows = np.full((3, 2), -1, np.int32)
    stolcke.fill_masks([exact, plain, pruned], rows, threads=2)
    assert rows.tolist() == [[0b1110001, 0], [0b110001, 0], [0b10001, 0]]
    for matcher in (exact, plain, pruned, pruned.fork()):
        assert matcher.allows(5) and not matcher.allows(7)
        assert matcher.accept(0)
        assert matcher.allows(3)
    assert [m.allowed_token_ids().tolist() for m in (exact, plain, pruned)] == [[1, 2, 3], [1, 2], [1]]


def test_an_exact_mask_where_nothing_would_remain():
    compiled = small(CHOICES, TOKENS)
    matcher = compiled.matcher(pruning=Pruning(threshold=0.3, prune_mask=True))
    assert matcher.accept_bytes(b"a")
    assert matcher.fork().accept(3)
    compiled = small('start: "abx" [0.75] | "acx" [0.25]', [b"a", b"b", b"c", b"x"])
    matcher = compiled.matcher(pruning=Pruning(beam=1, prune_mask=True))
    assert matcher.accept(0) and matcher.allowed_token_ids().tolist() == [1]
    assert matcher.accept(2) and matcher.prefix_logprob == -math.inf
    assert matcher.allowed_token_ids().tolist() == [3]


def test_a_pruned_mask_at_the_beginning_of_a_text():
    """Where tokens lose their leading space."""
    vocabulary = stolcke.Vocabulary([b" a", b"a", b" ", b" b"], strips_first_space=True)
    grammar = stolcke.Grammar.from_lark('start: "a" [1] | "b" [0]')
    compiled = stolcke.compile(grammar, vocabulary)
    matcher = compiled.matcher(strip_first_space=True, pruning=Pruning(prune_mask=True))
    assert matcher.is_opening and matcher.allows(3)
    assert matcher.allowed_token_ids().tolist() == [0, 1, 2]


@settings(max_examples=40 * EFFORT)
@given(weighted_grammars(), PRUNINGS, st.data())
def test_pruned_masks_of_random_grammars(grammar, pruning, data):
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    exact = engine.compiled.matcher()
    pruned = engine.compiled.matcher(pruning=Pruning(pruning.threshold, pruning.beam, prune_mask=True))
    for call in [b"", *data.draw(calls(Earley(grammar)))]:
        assert accept(exact, call) and accept(pruned, call)
        allowed, left = exact.mask(), pruned.mask()
        assert not (left & ~allowed).any()
        assert left.any() == allowed.any()
        if (left != allowed).any():  # else it may be the exact mask, for want of another
            positive = exact.logprobs(range(COUNT)) > -math.inf
            assert positive[left].all()
            assert (pruned.logprobs(np.flatnonzero(allowed & ~left).tolist()) == -math.inf).all()


def test_what_is_no_pruning_is_refused():
    for wrong in ({"threshold": -0.1}, {"threshold": 1.0}, {"threshold": math.nan}, {"beam": -1}, {"beam": 1.5}):
        with pytest.raises(stolcke.WeightsError, match=next(iter(wrong))):
            Pruning(**wrong)
