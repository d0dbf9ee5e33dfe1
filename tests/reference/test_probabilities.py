"""The weighted twins are checked against closed forms and against each other."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings

from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Repeat, Special
from tests.reference.intersections import Intersections
from tests.reference.partition import NoPartition, mean_length, spectral_radius
from tests.reference.probabilities import Probabilities
from tests.reference.probability_bounds import Bounds
from tests.strategies import EFFORT, A, B, lark_text, make_grammar, make_tally, texts, weighted_grammars
from tests.weighted_cases import CASES, Case, weighted_grammar


@pytest.mark.parametrize("twin", [Probabilities, Intersections])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_closed_forms(case: Case, twin):
    found = twin(case.grammar)
    for text, expected in case.prefixes.items():
        assert found.prefix(text) == pytest.approx(expected, abs=case.tolerance, rel=1e-12), text
    for text, expected in case.sentences.items():
        assert found.sentence(text) == pytest.approx(expected, abs=case.tolerance, rel=1e-12), text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_closed_forms_lie_within_narrow_bounds(case: Case):
    bounds = Bounds(case.grammar, longest=max(map(len, {**case.prefixes, **case.sentences})), gap=1e-7)
    assert bounds.gap < 1e-7
    for asked, given_values in ((bounds.prefix, case.prefixes), (bounds.sentence, case.sentences)):
        for text, expected in given_values.items():
            low, high = asked(text)
            assert low - case.tolerance - 1e-15 <= expected <= high + case.tolerance + 1e-15, text


def test_mean_length_of_nested_brackets():
    """Each s writes two brackets with .4 and makes two more of its kind: length = .4 (2 + 2 length)."""
    case = next(case for case in CASES if case.name == "brackets")
    assert mean_length(Probabilities(case.grammar).proper.rules) == pytest.approx(4, rel=1e-12)


def test_mean_length_of_a_terminal():
    """a+ stops after each a with one half: 2 bytes in the mean."""
    grammar = weighted_grammar({"s": [("A", 1.0)]}, {"A": Repeat(A, 1, None)})
    assert mean_length(Probabilities(grammar).proper.rules) == pytest.approx(2, rel=1e-12)


def forward_algorithm(start: np.ndarray, moves: np.ndarray, emits: np.ndarray, text: list[int]) -> float:
    """The probability that a hidden Markov model's output begins with a text."""
    forward = start
    for number, letter in enumerate(text):
        forward = (forward if number == 0 else forward @ moves) * emits[:, letter]
    return float(forward.sum())


def test_a_right_linear_grammar_is_a_hidden_markov_model():
    """Each state of the model emits a letter and goes on; from each it stops with the same probability."""
    start, stop = np.array([0.5, 0.25, 0.25]), 0.125
    moves = np.array([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [0.75, 0.25, 0.0]])
    emits = np.array([[0.75, 0.25], [0.5, 0.5], [0.125, 0.875]])
    rules: dict[str, list] = {"s": [(f"x{k}", float(start[k])) for k in range(3)]}
    for k in range(3):
        rules[f"x{k}"] = [(f"{letter} y{k}", float(emits[k, n])) for n, letter in enumerate("AB")]
        rules[f"y{k}"] = [("", stop), *((f"x{j}", (1 - stop) * float(moves[k, j])) for j in range(3))]
    found = Probabilities(weighted_grammar(rules, {"A": A, "B": B}))
    for text in texts(b"ab", 7)[1:]:
        letters = [value - ord("a") for value in text]
        expected = forward_algorithm(start, moves, emits, letters) * (1 - stop) ** (len(text) - 1)
        assert found.prefix(text) == pytest.approx(expected, rel=1e-12)
        assert found.sentence(text) == pytest.approx(expected * stop, rel=1e-12)


def twin(grammar: Grammar) -> Probabilities:
    """The chart of a grammar that has probabilities, and whose derivations are not endless."""
    try:
        found = Probabilities(grammar)
    except ValueError:
        assume(False)
    assume(spectral_radius(found.proper.rules) <= 0.99)
    return found


def likely_texts(found: Probabilities, longest: int) -> list[tuple]:
    """All texts of positive prefix probability up to a length."""
    level, kept = [()], []
    for _ in range(longest + 1):
        kept += level
        level = [(*text, b) for text in level for b in np.flatnonzero(found.next_bytes(text)[:256]).tolist()][:40]
    return kept


@settings(max_examples=60 * EFFORT)
@given(weighted_grammars())
def test_the_chart_equals_intersections_on_random_grammars(grammar):
    found, other = twin(grammar), Intersections(grammar)
    for text in [*likely_texts(found, 2), b"aba"]:
        assert found.prefix(text) == pytest.approx(other.prefix(text), rel=1e-10, abs=1e-300), lark_text(grammar)
        assert found.sentence(text) == pytest.approx(other.sentence(text), rel=1e-10, abs=1e-300), lark_text(grammar)


@settings(max_examples=60 * EFFORT)
@given(weighted_grammars())
def test_the_chart_lies_within_bounds_on_random_grammars(grammar):
    found = twin(grammar)
    bounds = Bounds(grammar, longest=3, gap=1e-6, steps=3_000)
    for text in likely_texts(found, 3):
        for value, (low, high) in (
            (found.prefix(text), bounds.prefix(text)),
            (found.sentence(text), bounds.sentence(text)),
        ):
            assert low - 1e-12 <= value <= high + 1e-12, (text, lark_text(grammar))


@settings(max_examples=120 * EFFORT)
@given(weighted_grammars(specials=True))
def test_what_follows_adds_up(grammar):
    """All bytes, special tokens and the end have, together, the probability of the text they follow."""
    found = twin(grammar)
    # All that the terminals of these strategies are made of.
    alphabet = (*b"abc\xc3\xa8\xa9\xff", Special("SPECIAL"))
    for text in itertools.islice(likely_texts(found, 4), 40):
        parts = [found.prefix((*text, symbol)) for symbol in alphabet]
        here = found.prefix(text)
        assert math.fsum(parts) + found.sentence(text) == pytest.approx(here, rel=1e-12, abs=1e-300)
        assert [found.next_bytes(text)[b] * here for b in alphabet[:-1]] == pytest.approx(parts[:-1], rel=1e-12)


def test_endless_weights_have_no_partition():
    with pytest.raises(NoPartition):
        Probabilities(weighted_grammar({"s": [("A", 1.0), ("s s", 1.0)]}, {"A": A}, raw=True))
    with pytest.raises(ValueError, match="positive probability"):
        Probabilities(weighted_grammar({"s": [("A", 0.0), ("s A", 1.0)]}, {"A": A}))


def test_defaults_by_hand():
    """Shares of what is left, ignored text, a tally, and a state's live bytes and stop."""
    ab = {"A": A, "B": B}
    shared = Probabilities(weighted_grammar({"s": [("A", 0.5), ("B", None), ("", None)]}, ab))
    assert [shared.sentence(t) for t in (b"a", b"b", b"")] == [0.5, 0.25, 0.25]
    ignoring = Probabilities(weighted_grammar({"s": [("A", None)]}, ab, ignore=("B",)))
    assert [ignoring.sentence(t) for t in (b"a", b"ba", b"bab", b"bba")] == [0.25, 0.125, 0.0625, 0.0625]
    weighted = Probabilities(weighted_grammar({"s": [("A", None)]}, ab, ignore=("B",), ignore_weights={"B": 0.25}))
    assert weighted.sentence(b"bab") == pytest.approx(0.75 * 0.25 * 0.75 * 0.25)
    # Many matches of b+ are one: it comes once or not at all.
    once = Probabilities(weighted_grammar({"s": [("A", None)]}, {"A": A, "B": Repeat(B, 1, None)}, ignore=("B",)))
    assert [once.sentence(t) for t in (b"a", b"ba", b"bba")] == [0.25, 0.125, 0.0625]
    run = Probabilities(weighted_grammar({"s": [("A", None)]}, {"A": Repeat(A, 1, None)}))
    assert [run.sentence(b"a" * n) for n in (1, 2, 3)] == [0.5, 0.25, 0.125]


def test_a_tally_by_hand():
    """a and b, each once, in any order: stop or go on, and where both may come either."""
    tally = make_tally([("once", "A"), ("once", "B")])
    found = Probabilities(make_grammar({}, {"A": A, "B": B}, tallies={"s": tally}, start="s"))
    expected = {b"": 0.5, b"a": 0.125, b"b": 0.125, b"ab": 0.125, b"ba": 0.125, b"aa": 0}
    assert {text: found.sentence(text) for text in expected} == expected
    required = make_tally([("once", "required", "A"), ("once", "B")], most=2)
    found = Probabilities(make_grammar({}, {"A": A, "B": B}, tallies={"s": required}, start="s"))
    expected = {b"": 0, b"a": 0.25, b"b": 0, b"ab": 0.25, b"ba": 0.5}
    assert {text: found.sentence(text) for text in expected} == expected
