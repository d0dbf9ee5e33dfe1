"""Analyses against their definitions, by enumeration on random grammars, and on chosen ones."""

from __future__ import annotations

import time
from random import Random

from stolcke.grammar import analysis
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal
from tests.reference.language import languages
from tests.reference.random_grammars import random_grammar


def random_grammars():
    return [random_grammar(Random(seed)) for seed in range(300)]


def forms(grammar: Grammar, name: str, steps: int = 5, width: int = 5) -> set[tuple]:
    """All sentential forms that a nonterminal derives in one to ``steps`` steps, up to a width."""
    found: set[tuple] = set()
    fresh = {rule.rhs for rule in grammar.alternatives[name]}
    for _ in range(steps):
        found |= fresh
        following = set()
        for form in fresh:
            for position, symbol in enumerate(form):
                if isinstance(symbol, Nonterminal):
                    for rule in grammar.alternatives[symbol.name]:
                        made = form[:position] + rule.rhs + form[position + 1 :]
                        if len(made) <= width and made not in found:
                            following.add(made)
        if len(found) + len(following) > 3000:
            break
        fresh = following
    return found


def test_nullable_and_productive_by_enumeration():
    for grammar in random_grammars():
        # A derivation without repetition along a path yields a short text of these terminals.
        texts = languages(grammar, "ab", 6)
        assert analysis.nullable(grammar) == {name for name, found in texts.items() if "" in found}
        assert {name for name, found in texts.items() if found} <= analysis.productive(grammar)
    assert analysis.productive(Grammar.from_lark('start: "a" b | "c"\nb: "x" b\nd: b | start')) == {"start", "d"}


def test_recursion_by_sentential_forms():
    """Whatever a derivation shows must be reported; small grammars show nearly all there is."""
    shown = reported = 0
    for grammar in random_grammars():
        empty = analysis.nullable(grammar)
        cyclic, left = analysis.cyclic(grammar), analysis.left_recursive(grammar)
        right, hidden = analysis.right_recursive(grammar), analysis.hidden_left_recursive(grammar)
        reported += len(cyclic) + len(left) + len(right) + len(hidden)
        assert cyclic <= left & right
        assert hidden <= left
        for name in grammar.alternatives:
            itself = Nonterminal(name)
            made = forms(grammar, name)
            is_left = any(form[:1] == (itself,) for form in made)
            is_right = any(form[-1:] == (itself,) for form in made)
            is_cyclic = (itself,) in made
            is_hidden = any(
                itself in form[1:] and all(s in map(Nonterminal, empty) for s in form[: form.index(itself, 1)])
                for form in made
            )
            shown += is_left + is_right + is_cyclic + is_hidden
            assert not is_left or name in left, grammar
            assert not is_right or name in right, grammar
            assert not is_cyclic or name in cyclic, grammar
            assert not is_hidden or name in hidden, grammar
    assert shown > 0.9 * reported


def test_left_corners_skip_what_can_be_empty():
    grammar = Grammar.from_lark('start: ws "a" | "b" start\nws: " " |')
    assert analysis.left_corners(grammar) == {
        "start": {Nonterminal("ws"), Terminal("A"), Terminal("B")},
        "ws": {Terminal("SPACE")},
    }


def test_kinds_of_recursion_on_small_examples():
    grammar = Grammar.from_lark(
        """
        start: left | right | hidden | unit | middle
        left: left "a" | "a"
        right: "a" right | "a"
        hidden: none hidden "a" | "a"
        none: | "b"
        unit: other
        other: none unit none | "a"
        middle: "(" middle ")" | "a"
        """
    )
    assert analysis.left_recursive(grammar) == {"left", "hidden", "unit", "other"}
    assert analysis.right_recursive(grammar) == {"right", "unit", "other"}
    assert analysis.hidden_left_recursive(grammar) == {"hidden", "unit", "other"}
    assert analysis.cyclic(grammar) == {"unit", "other"}


def test_unreachable_and_duplicates_are_kept_for_the_report():
    grammar = Grammar.from_lark('start: "a" | "b" | "a"\nlost: "c"')
    assert analysis.reachable(grammar) == {"start"}
    (repeated,) = analysis.duplicates(grammar)
    assert (repeated.rhs, repeated.location.line, repeated.location.column) == ((Terminal("A"),), 1, 20)


def test_components_come_after_those_they_lead_to():
    graph = {"a": "b", "b": "ca", "c": "d", "d": "ce", "e": ""}
    assert [set(names) for names in analysis.components(graph)] == [{"e"}, {"c", "d"}, {"a", "b"}]


def test_large_and_deep_grammars_take_well_under_a_second_each():
    """One ring through 20,000 nonterminals, each nullable."""
    size = 20_000
    rules = []
    for index in range(size):
        lhs, following = Nonterminal(f"n{index}"), Nonterminal(f"n{(index + 1) % size}")
        rules += [Rule(lhs, (following, Terminal("A"))), Rule(lhs, (following,)), Rule(lhs, ())]
    grammar = Grammar("n0", tuple(rules), {"A": TerminalDefinition("A", Literal("a"))})
    everything = set(grammar.alternatives)
    for analyse in (analysis.cyclic, analysis.left_recursive, analysis.nullable, analysis.reachable):
        begun = time.process_time()
        assert analyse(grammar) == everything
        assert time.process_time() - begun < 2
    assert analysis.right_recursive(grammar) == everything
    assert analysis.hidden_left_recursive(grammar) == set()
