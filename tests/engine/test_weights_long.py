"""Long texts: no probability runs under or over, and what repeats structurally repeats with its own weights."""

from __future__ import annotations

import math

import numpy as np
import pytest

import stolcke
from stolcke.grammar.patterns import Literal, Repeat
from tests.engine.weight_laws import assert_close, check_parts
from tests.strategies import A, B
from tests.weighted_cases import weighted_grammar

LONG = 100_000
VOCABULARY = stolcke.Vocabulary([b"a", b"b", b"aa", b"abab", b"x", b"y", b"</s>"], eos_token_ids=[6])
END = 6


def matcher_of(rules, terminals=None, **keywords) -> stolcke.Matcher:
    return stolcke.compile(weighted_grammar(rules, terminals or {"A": A, "B": B}, **keywords), VOCABULARY).matcher()


def accept_all(matcher: stolcke.Matcher, text: bytes, step: int = 9973) -> None:
    """In pieces, so that there are calls in between to roll back to."""
    for begin in range(0, len(text), step):
        assert matcher.accept_bytes(text[begin : begin + step])


LINEAR = {
    "left": {"s": [("s A", 0.4), ("A", 0.6)]},
    "right": {"s": [("A s", 0.4), ("A", 0.6)]},
    "list": {"s": [("A x", 1.0)], "x": [("x A", 0.4), ("", 0.6)]},
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_long_run(name):
    """The logarithm is n - 1 times that of going on, and what follows is as at the beginning."""
    matcher = matcher_of(LINEAR[name])
    accept_all(matcher, b"a" * LONG)
    assert matcher.prefix_logprob == pytest.approx((LONG - 1) * math.log(0.4), rel=1e-11)
    assert matcher.sentence_logprob == pytest.approx((LONG - 1) * math.log(0.4) + math.log(0.6), rel=1e-11)
    check_parts(matcher)
    assert_close(matcher.eos_logprob, math.log(0.6), "end")
    assert_close(matcher.next_byte_logprobs()[ord("a")], math.log(0.4), "a")
    expected = [math.log(0.4), -math.inf, 2 * math.log(0.4), -math.inf, -math.inf, -math.inf, math.log(0.6)]
    assert_close(matcher.logprobs(range(7)), expected, "tokens")
    matcher.rollback(5)
    assert matcher.prefix_logprob == pytest.approx((matcher_length(LONG, 5) - 1) * math.log(0.4), rel=1e-11)


def matcher_length(length: int, calls: int, step: int = 9973) -> int:
    """How many bytes are left of :func:`accept_all` after rolling back."""
    pieces = [min(step, length - begin) for begin in range(0, length, step)]
    return sum(pieces[:-calls])


def test_one_long_match():
    """Within one terminal, each byte is followed by another or by the end with one half each."""
    matcher = matcher_of({"s": [("A", 1.0)]}, {"A": Repeat(A, 1, None)})
    accept_all(matcher, b"a" * LONG)
    assert matcher.prefix_logprob == pytest.approx((LONG - 1) * math.log(0.5), rel=1e-11)
    assert_close(matcher.eos_logprob, math.log(0.5), "end")


def test_deep_nesting_and_back():
    """n brackets open with .4 each; closing them, each level ends with .6."""
    matcher = matcher_of({"s": [("A s B s", 0.4), ("", 0.6)]})
    depth = LONG // 10
    accept_all(matcher, b"a" * depth)
    assert matcher.prefix_logprob == pytest.approx(depth * math.log(0.4), rel=1e-11)
    assert_close(matcher.next_byte_logprobs()[[97, 98, 256]], [math.log(0.4), math.log(0.6), -math.inf], "deep")
    accept_all(matcher, b"b" * depth)
    assert matcher.sentence_logprob == pytest.approx(depth * math.log(0.4) + (depth + 1) * math.log(0.6), rel=1e-11)


def test_a_hidden_markov_model_at_every_position():
    """The columns' structure is the same at every position, their weights are not.

    Against the forward algorithm, scaled at each step.
    """
    start, stop, length = np.array([0.5, 0.5]), 1 / 1024, 20_000
    moves = np.array([[0.875, 0.125], [0.25, 0.75]])
    emits = np.array([[0.875, 0.125], [0.25, 0.75]])
    rules: dict[str, list] = {"s": [(f"x{k}", float(start[k])) for k in range(2)]}
    for k in range(2):
        rules[f"x{k}"] = [(f"{letter} y{k}", float(emits[k, n])) for n, letter in enumerate("AB")]
        rules[f"y{k}"] = [("", stop), *((f"x{j}", (1 - stop) * float(moves[k, j])) for j in range(2))]
    matcher = matcher_of(rules)
    text = np.random.default_rng(5).integers(0, 2, length)
    forward, total = start, 0.0
    for position, letter in enumerate(text.tolist()):
        if position % 97 == 0:
            following = np.array([float(forward @ emits[:, n]) for n in range(2)])
            scale = 1.0 if position == 0 else 1 - stop
            assert_close(matcher.next_byte_logprobs()[97:99], np.log(following * scale), f"position {position}")
            assert matcher.prefix_logprob == pytest.approx(total, rel=1e-11, abs=1e-11)
        assert matcher.accept(letter)
        forward = forward * emits[:, letter]
        total += math.log(forward.sum()) + (math.log(1 - stop) if position else 0.0)
        forward = forward / forward.sum() @ moves
    assert matcher.prefix_logprob == pytest.approx(total, rel=1e-11)


@pytest.mark.parametrize("depth", [1, 7, 400])
def test_merged_columns_keep_what_each_way_has(depth):
    """A and B match the same letter, so that the ways through it are 2 ** depth; only the way back tells them apart."""
    rules = {"s": [("A s X", 0.5), ("B s Y", 0.3), ("Z", 0.2)]}
    terminals = {"A": A, "B": A, "X": Literal("x"), "Y": Literal("y"), "Z": B}
    matcher = matcher_of(rules, terminals)
    assert matcher.accept_bytes(b"a" * depth)
    assert matcher.prefix_logprob == pytest.approx(depth * math.log(0.8), rel=1e-12)
    assert matcher.accept_bytes(b"b")
    expected = depth * math.log(0.8) + math.log(0.2)
    for position, letter in enumerate(("x", "y", "y") * (depth // 3) + ("x",) * (depth % 3)):
        assert matcher.prefix_logprob == pytest.approx(expected, rel=1e-11), position
        assert_close(np.exp(matcher.next_byte_logprobs()[[ord("x"), ord("y")]]), [5 / 8, 3 / 8], str(position))
        assert matcher.accept_bytes(letter.encode())
        expected += math.log(5 / 8 if letter == "x" else 3 / 8)
    assert matcher.sentence_logprob == pytest.approx(expected, rel=1e-11)
    assert_close(matcher.eos_logprob, 0.0, "end")


def test_every_segmentation_of_a_long_run():
    """Each byte of a run of a+ a+ ... goes on within its match or begins another: .5 + .5 * .4."""
    matcher = matcher_of({"s": [("A s", 0.4), ("A", 0.6)]}, {"A": Repeat(A, 1, None)})
    for n in range(1, 501):
        assert matcher.accept_bytes(b"a")
        assert matcher.prefix_logprob == pytest.approx((n - 1) * math.log(0.7), rel=1e-12, abs=1e-12)
        assert_close(matcher.eos_logprob, math.log(0.3), f"end after {n}")


def test_ambiguous_terms_of_a_long_sum():
    """The Catalan grammar: what follows n letters, from the closed form of its sentences."""
    matcher = matcher_of({"s": [("A", 0.75), ("s s", 0.25)]})
    # Texts of n letters: Catalan(n - 1) * .75**n * .25**(n - 1); prefixes are what longer ones leave.
    log_sentence = [
        math.lgamma(2 * n - 1) - 2 * math.lgamma(n) - math.log(n) + n * math.log(0.75) + (n - 1) * math.log(0.25)
        for n in range(1, 400)
    ]
    for n in range(1, 61):
        assert matcher.accept_bytes(b"a")
        assert matcher.sentence_logprob == pytest.approx(log_sentence[n - 1], rel=1e-11)
        longer = math.fsum(math.exp(value) for value in log_sentence[n - 1 :])
        assert math.exp(matcher.prefix_logprob) == pytest.approx(longer, rel=1e-9)
