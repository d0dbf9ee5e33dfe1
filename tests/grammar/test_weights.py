"""Written weights made complete, and refused where they are no probabilities."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar, Location, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal
from stolcke.grammar.weights import ignore_weights, is_weighted, rule_weights

NAMES = "ABCDEFGH"
START, OTHER = Nonterminal("start"), Nonterminal("other")
TERMINALS = {name: TerminalDefinition(name, Literal(name.lower())) for name in NAMES}


def grammar(*weights, raw=False, ignore=(), **others) -> Grammar:
    """One nonterminal with a rule for each weight."""
    rules = [Rule(Nonterminal("start"), (Terminal(NAMES[i]),), weight=weight) for i, weight in enumerate(weights)]
    return Grammar("start", tuple(rules), TERMINALS, ignore, raw_weights=raw, **others)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((None,), [1]),
        ((None, None, None, None), [0.25] * 4),
        ((0.7, 0.3), [0.7, 0.3]),
        ((0.7, None), [0.7, 0.3]),
        ((None, 0.5, None, 0), [0.25, 0.5, 0.25, 0]),
        ((1, None), [1, 0]),
        ((0.3333333333,) * 3, [1 / 3] * 3),
        ((1 + 1e-10, None), [1, 0]),
        ((np.float32(0.25), np.float64(0.75)), [0.25, 0.75]),
    ],
)
def test_those_without_a_weight_share_the_rest(weights, expected):
    found = rule_weights(grammar(*weights))
    assert found.dtype == np.float64
    assert found == pytest.approx(expected, abs=1e-15)


def test_each_nonterminal_is_on_its_own():
    rules = [("start", 0.25), ("b", None), ("start", 0.75), ("b", 0.9), ("c", None)]
    made = [Rule(Nonterminal(name), (Terminal(NAMES[i]),), weight=weight) for i, (name, weight) in enumerate(rules)]
    assert rule_weights(Grammar("start", tuple(made), TERMINALS)) == pytest.approx([0.25, 0.1, 0.75, 0.9, 1])


def test_raw_weights_stay_as_they_are():
    assert list(rule_weights(grammar(3, None, 0.5, 0, raw=True))) == [3, 1, 0.5, 0]


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=8))
def test_a_nonterminal_s_weights_add_up_to_one_or_are_refused(weights):
    given_sum, missing = math.fsum(w for w in weights if w is not None), None in weights
    right = given_sum <= 1 + 1e-9 if missing else abs(given_sum - 1) <= 1e-9
    if not right:
        with pytest.raises(GrammarError):
            grammar(*weights)
        return
    found = rule_weights(grammar(*weights))
    assert math.fsum(found) == pytest.approx(1, abs=1e-14)
    assert (found >= 0).all()
    for one, other in zip(weights, found, strict=True):
        assert one is None or one == pytest.approx(other, abs=2e-9)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((-0.1, None), r"weight -0\.1 .* is not a number from 0 on"),
        ((math.nan, None), "weight nan .* is not a number from 0 on"),
        ((math.inf, None), "weight inf .* is not a number from 0 on"),
        (("0.5", None), "weight '0.5' .* is not a number"),
        ((True, None), "weight True .* is not a number"),
        ((0.5, 0.7), r"add up to 1\.2, more than 1; .*%weights raw"),
        ((0.5, 0.7, None), r"add up to 1\.2, more than 1"),
        ((0.5, 0.4), r"add up to 0\.9 and nothing takes the rest; leave one out"),
        ((0.0, 0.0), "all weights of 'start' are 0"),
    ],
)
def test_what_is_no_probability_is_refused(weights, message):
    with pytest.raises(GrammarError, match=message):
        grammar(*weights)


@pytest.mark.parametrize("weights", [(-1, None), (math.nan,), (math.inf, 1), (0, 0)])
def test_raw_weights_are_refused_only_where_they_are_no_weights(weights):
    assert grammar(5, 3, raw=True)
    with pytest.raises(GrammarError):
        grammar(*weights, raw=True)


def test_the_rule_with_which_it_is_too_much_is_shown():
    text = 'start: "a" [0.5] | "b" [0.6] | "c" [0.2]'
    places = [Location(1, 8, "some.lark", text), Location(1, 20, "some.lark", text), Location(1, 32, "some.lark", text)]
    made = grammar(0.5, 0.3, 0.2)
    rules = [
        replace(rule, weight=w, location=p) for rule, w, p in zip(made.rules, (0.5, 0.6, 0.2), places, strict=True)
    ]
    with pytest.raises(GrammarError, match=r"add up to 1\.3.*some\.lark, line 1, column 20"):
        replace(made, rules=tuple(rules))


@st.composite
def weighted_grammars(draw) -> Grammar:
    """Grammars of two nonterminals with any weights that they may have."""
    raw = draw(st.booleans())
    rules = []
    for name in ("start", "other"):
        size = draw(st.integers(1, 5))
        weights = draw(st.lists(st.floats(0, 1e300 if raw else 1), min_size=size, max_size=size))
        missing = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        total = 1 if raw else math.fsum(weights) or 1
        for weight, is_missing in zip(weights, missing, strict=True):
            rhs = draw(st.lists(st.sampled_from([START, OTHER, *map(Terminal, TERMINALS)]), max_size=3))
            alias = draw(st.none() | st.just("alias"))
            rules.append(Rule(Nonterminal(name), tuple(rhs), alias, None, None if is_missing else weight / total))
        # So that something takes the rest.
        rules.append(Rule(Nonterminal(name), ()))
    ignore = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    weights = {name: draw(st.floats(0, 0.24)) for name in ignore if draw(st.booleans())}
    used = {symbol.name for rule in rules for symbol in rule.rhs}.union(ignore)
    terminals = {name: definition for name, definition in TERMINALS.items() if name in used}
    return Grammar("start", tuple(rules), terminals, tuple(ignore), ignore_weights=weights, raw_weights=raw)


@settings(max_examples=300, deadline=None)
@given(weighted_grammars())
def test_printed_weights_are_read_back_to_the_last_digit(made):
    text = str(made)
    again = Grammar.from_lark(text)
    assert again == made
    assert [rule.weight for rule in again.rules] == [rule.weight for rule in made.rules]
    assert str(again) == text
    assert np.array_equal(rule_weights(again), rule_weights(made))
    assert ignore_weights(again) == ignore_weights(made)


@pytest.mark.parametrize(
    ("ignore", "weights", "expected"),
    [
        ((), {}, ((), 1)),
        (("A",), {}, ((0.5,), 0.5)),
        (("A",), {"A": 0.2}, ((0.2,), 0.8)),
        (("A", "B"), {}, ((1 / 3, 1 / 3), 1 / 3)),
        (("A", "B"), {"B": 0.5}, ((0.25, 0.5), 0.25)),
        (("A", "B"), {"A": 0, "B": 0.125}, ((0, 0.125), 0.875)),
    ],
)
@pytest.mark.parametrize("raw", [False, True])
def test_the_end_of_what_is_ignored_shares_the_rest(ignore, weights, expected, raw):
    matches, stop = ignore_weights(grammar(None, ignore=ignore, ignore_weights=weights, raw=raw))
    assert matches == pytest.approx(expected[0])
    assert stop == pytest.approx(expected[1])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"A": 1}, "from 0 to below 1"),
        ({"A": -0.1}, "from 0 to below 1"),
        ({"A": math.nan}, "from 0 to below 1"),
        ({"A": "much"}, "from 0 to below 1"),
        ({"A": 0.5, "B": 0.5}, "add up to 1, so that nothing ends them"),
        ({"C": 0.5}, "'C', which is not ignored"),
    ],
)
def test_weights_of_ignored_terminals_are_checked(weights, message):
    with pytest.raises(GrammarError, match=message):
        grammar(None, ignore=("A", "B"), ignore_weights=weights)


def test_a_grammar_is_weighted_if_it_says_so():
    assert not is_weighted(grammar(None, None, ignore=("A",)))
    assert is_weighted(grammar(None, 0.5))
    assert is_weighted(grammar(None, raw=True))
    assert is_weighted(grammar(None, ignore=("A",), ignore_weights={"A": 0.5}))
