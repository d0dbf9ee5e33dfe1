"""Probabilities that are known in closed form, to the digits given."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import stolcke
from stolcke.grammar.patterns import Literal, Repeat
from tests.engine.weight_laws import assert_close, check_parts
from tests.reference.token_scores import log
from tests.strategies import A, B, make_grammar, make_tally, texts
from tests.weighted_cases import CASES, Case, weighted_grammar

pytestmark = pytest.mark.filterwarnings("ignore:by the grammar's weights")
VOCABULARY = stolcke.Vocabulary([b"a", b"b", b"aa", b"(", b")", b"()", b"((", b"</s>"], eos_token_ids=[7])
END = 7


def compiled(grammar: stolcke.Grammar) -> stolcke.CompiledGrammar:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stolcke.compile(grammar, VOCABULARY)


def after(grammar: stolcke.Grammar, text: bytes) -> stolcke.Matcher | None:
    """A matcher after a text, or None where the text cannot come."""
    matcher = compiled(grammar).matcher()
    return matcher if matcher.accept_bytes(text) else None


def assert_probability(given: float, expected: float, tolerance: float, where: object) -> None:
    """A logarithm against a probability that was written with a limited number of digits."""
    if expected == 0:
        assert given == -math.inf, where
    else:
        assert math.exp(given) == pytest.approx(expected, abs=tolerance, rel=1e-12), where


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prefixes_and_sentences(case: Case):
    for text in {**case.prefixes, **case.sentences}:
        matcher = after(case.grammar, text)
        if matcher is None:
            assert case.prefixes.get(text, 0) == case.sentences.get(text, 0) == 0, text
            continue
        if text in case.prefixes:
            assert_probability(matcher.prefix_logprob, case.prefixes[text], case.tolerance, text)
        if text in case.sentences:
            assert_probability(matcher.sentence_logprob, case.sentences[text], case.tolerance, text)
        if text in case.prefixes and text in case.sentences and case.prefixes[text]:
            ending = case.sentences[text] / case.prefixes[text]
            assert_probability(matcher.eos_logprob, ending, 10 * case.tolerance, text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_follows(case: Case):
    """The next byte, the end and tokens of several bytes are quotients of the prefixes given."""
    for text, here in case.prefixes.items():
        matcher = after(case.grammar, text)
        if matcher is None:
            continue
        check_parts(matcher)
        following = matcher.next_byte_logprobs()
        row = np.empty(len(VOCABULARY), np.float32)
        matcher.fill_logprobs(row)
        exactly = matcher.logprobs(range(len(VOCABULARY)))
        for token, added in enumerate(VOCABULARY.tokens):
            if token == END or text + added not in case.prefixes:
                continue
            expected = case.prefixes[text + added] / here
            assert_probability(exactly[token], expected, 10 * case.tolerance, (text, added))
            assert_close(row[token], exactly[token], f"{text!r} {added!r}", 1e-6)
            if len(added) == 1:
                assert_probability(following[added[0]], expected, 10 * case.tolerance, (text, added))
        assert_close(exactly[END], matcher.eos_logprob, repr(text))
        assert_close(following[256], matcher.eos_logprob, repr(text))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_inconsistent_weights_are_warned_of(case: Case):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fresh = stolcke.Options(memoise_grammars=False)
        assert stolcke.compile(case.grammar, VOCABULARY, options=fresh).matcher().prefix_logprob <= 1e-12
    assert bool(caught) == case.is_inconsistent, [str(warning.message) for warning in caught]


def test_a_critical_grammar():
    """s: a | s s with one half each: its derivations are finite, but only just.

    A text has at least n letters with probability (2(n-1) over n-1) / 4**(n-1), and Newton's method finds the
    partition function, a double root, to half of the digits.
    """
    grammar = weighted_grammar({"s": [("A", 0.5), ("s s", 0.5)]}, {"A": A})
    for n in range(1, 12):
        matcher = after(grammar, b"a" * n)
        assert math.exp(matcher.prefix_logprob) == pytest.approx(math.comb(2 * n - 2, n - 1) / 4 ** (n - 1), rel=1e-5)
        catalan = math.comb(2 * n - 2, n - 1) / n
        assert math.exp(matcher.sentence_logprob) == pytest.approx(catalan * 0.5 ** (2 * n - 1), rel=1e-5)
        check_parts(matcher, tolerance=1e-5)


def test_nothing_has_a_probability():
    """What needs a rule of weight zero is in the language, and has none."""
    grammar = weighted_grammar({"s": [("A", 1.0), ("B x", 0.0)], "x": [("A", 0.5), ("B", 0.5)]}, {"A": A, "B": B})
    matcher = compiled(grammar).matcher()
    assert matcher.mask().tolist()[:2] == [True, True]
    assert matcher.next_byte_logprobs()[ord("b")] == -math.inf
    assert matcher.logprobs([0, 1]).tolist() == [0.0, -math.inf]
    assert matcher.accept_bytes(b"b")
    assert matcher.prefix_logprob == matcher.sentence_logprob == matcher.eos_logprob == -math.inf
    assert (matcher.next_byte_logprobs() == -math.inf).all()
    row = np.zeros(len(VOCABULARY), np.float32)
    for normalize in (False, True):
        matcher.fill_logprobs(row, normalize=normalize)
        assert (row == -math.inf).all()
    matcher.rollback(1)
    assert matcher.prefix_logprob == 0.0


def forward_algorithm(start: np.ndarray, moves: np.ndarray, emits: np.ndarray, text: bytes) -> float:
    """The probability that a hidden Markov model's output begins with a text of a and b."""
    forward = start
    for number, value in enumerate(text):
        forward = (forward if number == 0 else forward @ moves) * emits[:, value - ord("a")]
    return float(forward.sum())


def test_a_right_linear_grammar_is_a_hidden_markov_model():
    start, stop = np.array([0.5, 0.25, 0.25]), 0.125
    moves = np.array([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [0.75, 0.25, 0.0]])
    emits = np.array([[0.75, 0.25], [0.5, 0.5], [0.125, 0.875]])
    rules: dict[str, list] = {"s": [(f"x{k}", float(start[k])) for k in range(3)]}
    for k in range(3):
        rules[f"x{k}"] = [(f"{letter} y{k}", float(emits[k, n])) for n, letter in enumerate("AB")]
        rules[f"y{k}"] = [("", stop), *((f"x{j}", (1 - stop) * float(moves[k, j])) for j in range(3))]
    matcher = compiled(weighted_grammar(rules, {"A": A, "B": B})).matcher()
    for text in texts(b"ab", 8)[1:]:
        assert matcher.accept_bytes(text)
        expected = math.log(forward_algorithm(start, moves, emits, text)) + (len(text) - 1) * math.log(1 - stop)
        assert_close(matcher.prefix_logprob, expected, repr(text))
        assert_close(matcher.eos_logprob, math.log(stop), repr(text))
        matcher.reset()


AB = {"A": A, "B": B}
DEFAULTS = {
    "shares of what is left": (
        weighted_grammar({"s": [("A", 0.5), ("B", None), ("", None)]}, AB),
        {b"": 0.25, b"a": 0.5, b"b": 0.25, b"ab": 0},
    ),
    "equal shares": (
        weighted_grammar({"s": [("A", None), ("B", None), ("A B", None), ("B A", None)]}, AB),
        {b"a": 0.25, b"b": 0.25, b"ab": 0.25, b"ba": 0.25},
    ),
    "rules that occur twice": (
        weighted_grammar({"s": [("A", 0.25), ("B", 0.25), ("A", 0.5)]}, AB),
        {b"a": 0.75, b"b": 0.25},
    ),
    "equal terminals": (
        weighted_grammar({"s": [("A", 0.25), ("B", 0.75)]}, {"A": A, "B": A}),
        {b"a": 1.0},
    ),
    "a unit cycle of one": (
        weighted_grammar({"s": [("A", 0.25), ("s", 0.5), ("B", 0.25)]}, AB),
        {b"a": 0.5, b"b": 0.5},
    ),
    "ignored text": (
        weighted_grammar({"s": [("A", None)]}, AB, ignore=("B",)),
        {b"a": 0.25, b"ba": 0.125, b"bab": 0.0625, b"bba": 0.0625},
    ),
    "weighted ignored text": (
        weighted_grammar({"s": [("A", None)]}, AB, ignore=("B",), ignore_weights={"B": 0.25}),
        {b"a": 0.75**2, b"ba": 0.25 * 0.75**2, b"bab": 0.25**2 * 0.75**2, b"bba": 0.25**2 * 0.75**2},
    ),
    "ignored text whose matches are one": (
        weighted_grammar({"s": [("A", None)]}, {"A": A, "B": Repeat(B, 1, None)}, ignore=("B",)),
        {b"a": 0.25, b"ba": 0.125, b"bba": 0.0625, b"bbab": 0.03125},
    ),
    "two ignored terminals": (
        weighted_grammar({"s": [("A", None)]}, {"A": A, "B": B, "C": Literal("c")}, ignore=("B", "C")),
        {b"a": 1 / 9, b"ba": 1 / 27, b"bca": 1 / 81, b"acb": 1 / 81},
    ),
    "uniform terminals": (
        weighted_grammar({"s": [("A", None)]}, {"A": Repeat(A, 1, None)}),
        {b"a": 0.5, b"aa": 0.25, b"aaa": 0.125},
    ),
    "several segmentations": (
        weighted_grammar({"s": [("A", 0.5), ("B", 0.25), ("A A", 0.25)]}, {"A": A, "B": Literal("aa")}),
        {b"a": 0.5, b"aa": 0.5},
    ),
    "a tally": (
        make_grammar({}, AB, tallies={"s": make_tally([("once", "A"), ("once", "B")])}, start="s"),
        {b"": 0.5, b"a": 0.125, b"b": 0.125, b"ab": 0.125, b"ba": 0.125, b"aa": 0},
    ),
    "a tally with a required entry": (
        make_grammar({}, AB, tallies={"s": make_tally([("once", "required", "A"), ("once", "B")], most=2)}, start="s"),
        {b"": 0, b"a": 0.25, b"b": 0, b"ab": 0.25, b"ba": 0.5},
    ),
}
"""What weights are where they are not given, each computed by hand."""


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(name):
    grammar, sentences = DEFAULTS[name]
    for text, expected in sentences.items():
        matcher = after(grammar, text)
        if matcher is None:
            assert expected == 0, text
            continue
        assert matcher.sentence_logprob == pytest.approx(log(expected), abs=1e-12), text
        check_parts(matcher)


def test_the_sum_and_the_growth_of_derivations_are_told():
    catalan, raw, _, left, *_ = CASES
    assert compiled(catalan.grammar).weights.spectral_radius == pytest.approx(0.5, rel=1e-9)
    assert compiled(left.grammar).weights.spectral_radius == pytest.approx(0.4, rel=1e-9)
    assert compiled(catalan.grammar).weights.log_partition == pytest.approx(0, abs=1e-12)
    assert compiled(raw.grammar).weights.log_partition == pytest.approx(math.log(1 / 3), rel=1e-12)
