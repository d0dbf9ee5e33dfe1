"""What tallies do on average, against their rules written out."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings

import stolcke
from stolcke.compiler import lower
from stolcke.deadline import Deadline
from stolcke.errors import GrammarError, InconsistentGrammarWarning, WeightsError
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Tally, TallyEntry, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal
from stolcke.options import Limits, Options
from stolcke.weights import proper_weights
from stolcke.weights.tallies import mean_uses, probability_of_none
from tests.reference.weighted_rules import weighted_rules
from tests.strategies import EFFORT, tallies

TERMINALS = ("A", "B", "C")


def grammar_of(tally: Tally, rules: list[Rule] | None = None, *, raw_weights: bool = False) -> Grammar:
    terminals = {name: TerminalDefinition(name, Literal(name.lower())) for name in (*TERMINALS, "SEPARATOR")}
    first = Rule(Nonterminal("s"), (Nonterminal("t"),))
    return Grammar("s", (first, *(rules or [])), terminals, tallies={"t": tally}, raw_weights=raw_weights)


def expected_uses(grammar: Grammar) -> dict[Terminal, float]:
    """How often each terminal occurs in the mean."""
    rules = weighted_rules(grammar)
    number = {symbol: n for n, symbol in enumerate(rules.nonterminals)}
    mean, own = np.zeros((len(number), len(number))), {t: np.zeros(len(number)) for t in rules.terminals}
    for lhs, rhs, weight in rules.rules:
        for symbol in rhs:
            if symbol in number:
                mean[number[lhs], number[symbol]] += weight
            else:
                own[symbol][number[lhs]] += weight
    inverse = np.linalg.inv(np.eye(len(number)) - mean)
    return {t: float((inverse @ values)[number[rules.start]]) for t, values in own.items()}


@settings(max_examples=150 * EFFORT)
@given(tallies(TERMINALS, TERMINALS))
def test_mean_numbers_of_entries(tally):
    # Each entry a terminal of its own, so that they can be told apart.
    names = TERMINALS + tuple("DEFG")
    entries = tuple(
        TallyEntry((Terminal(names[i]),), e.once, e.required, e.marked) for i, e in enumerate(tally.entries)
    )
    separator = (Terminal("SEPARATOR"),)
    tally = Tally(entries, separator, tally.least, tally.most, tally.least_marked, tally.most_marked)
    terminals = {name: TerminalDefinition(name, Literal(name)) for name in (*names, "SEPARATOR")}
    grammar = Grammar("s", (Rule(Nonterminal("s"), (Nonterminal("t"),)),), terminals, tallies={"t": tally})
    try:
        arrays = lower(grammar, Limits(), Options(), Deadline())
    except GrammarError:
        assume(False)
    expected = expected_uses(grammar)
    bounds = arrays.tally_bounds.tolist()
    uses, separators = mean_uses(arrays.entry_flags, bounds)
    first = {
        lhs: arrays.terminals[arrays.rhs[arrays.rhs_offsets[r]]] for r, lhs in enumerate(arrays.lhs.tolist()) if r > 1
    }
    kept = [first[symbol - arrays.n_terminals].strip('"') for symbol in arrays.entry.tolist()]
    found = {Terminal(name): use for name, use in zip(kept, uses.tolist(), strict=True)}
    assert found == pytest.approx({t: expected[t] for t in found}, rel=1e-12)
    assert separators == pytest.approx(expected[Terminal("SEPARATOR")], rel=1e-12)
    none = proper_weights(arrays).empty[0]
    assert none == probability_of_none(arrays.entry_flags, bounds)


def tree(once: bool) -> Grammar:
    """Objects whose members are objects."""
    entries = tuple(TallyEntry((Terminal(name), Nonterminal("t"), Terminal("C")), once=once) for name in "AB")
    return grammar_of(Tally(entries))


def test_recursive_tallies_that_end():
    # From t to t, by way of the entry: one half to have a member, and one quarter to have both.
    made = proper_weights(lower(tree(True), Limits(), Options(), Deadline()))
    assert made.spectral_radius == pytest.approx(math.sqrt(0.75), rel=1e-14)
    assert made.consistent


def test_recursive_tallies_that_are_critical_end_as_well():
    made = proper_weights(lower(tree(False), Limits(), Options(), Deadline()))
    assert made.spectral_radius == pytest.approx(1, rel=1e-14)
    assert made.consistent


def endless() -> Grammar:
    entries = tuple(TallyEntry((Terminal(name), Nonterminal("v")), once=True, required=True) for name in "AB")
    values = [(("t",), 0.75), ((), 0.25)]
    rules = [Rule(Nonterminal("v"), (*map(Nonterminal, rhs), Terminal("C")), weight=w) for rhs, w in values]
    return grammar_of(Tally(entries), rules)


def test_recursive_tallies_that_do_not_end_are_told():
    arrays = lower(endless(), Limits(), Options(), Deadline())
    with pytest.warns(InconsistentGrammarWarning, match="tallies are not reweighted"):
        made = proper_weights(arrays)
    assert not made.consistent
    # From t to t in three steps, two entries of three quarters each.
    assert made.spectral_radius**3 == pytest.approx(1.5, rel=1e-13)


def test_raw_weights_that_tallies_cannot_take_are_an_error():
    rules = [Rule(Nonterminal("v"), (Terminal("C"),), weight=2.0)]
    grammar = grammar_of(Tally((TallyEntry((Nonterminal("v"),)),)), rules=rules, raw_weights=True)
    with pytest.raises(WeightsError, match="entries of tally 't' have raw weights") as caught:
        proper_weights(lower(grammar, Limits(), Options(), Deadline()))
    assert caught.value.nonterminals == ("t",)


def test_the_members_of_objects():
    schema = {"type": "object", "properties": {name: {"$ref": "#"} for name in "abc"}, "additionalProperties": False}
    grammar = stolcke.Grammar.from_json_schema(schema, property_order="any", whitespace="compact")
    arrays = lower(grammar, Limits(), Options(), Deadline())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = proper_weights(arrays)
    # One half to stop each time: 1/2 + 1/4 + 1/8 members, each an object again by way of its entry and the start.
    assert made.spectral_radius**3 == pytest.approx(0.875, rel=1e-13)
