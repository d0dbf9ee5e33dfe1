"""EBNF is lowered to rules of the same language, and to few of them."""

from __future__ import annotations

from random import Random

import lark
import pytest

from stolcke.grammar.model import Grammar, Nonterminal, RuleOptions, Terminal
from tests.reference import ebnf
from tests.reference.language import all_texts, language


def random_text(seed: int) -> tuple[str, dict[str, ebnf.Node]]:
    random = Random(seed)
    names = ["start", "x", "y"][: random.randint(1, 3)]
    definitions = {name: ebnf.random_node(random, names) for name in names}
    return "\n".join(f"{name}: {ebnf.lark_text(random, node)}" for name, node in definitions.items()), definitions


def test_lowering_means_what_ebnf_means():
    for seed in range(400):
        text, definitions = random_text(seed)
        expected = ebnf.language(definitions, "start", 4)
        assert language(Grammar.from_lark(text), "ab", 4) == expected, text


def test_lowering_agrees_with_lark_itself():
    """Lark's own parser, wherever it takes the grammar and its answer does not depend on ambiguity."""
    compared = 0
    for seed in range(1000, 1100):
        text, _ = random_text(seed)
        try:
            parser = lark.Lark(text, parser="earley", lexer="dynamic_complete")
        except lark.exceptions.LarkError:
            # It refuses rules that become equal once their options are multiplied out.
            continue
        found = language(Grammar.from_lark(text), "ab", 4)
        for candidate in all_texts("ab", 4):
            try:
                parser.parse(candidate)
                accepted = True
            except lark.exceptions.UnexpectedInput:
                accepted = False
            assert accepted == (candidate in found), (text, candidate)
        compared += 1
    assert compared > 30


def rules_of(text: str) -> list[str]:
    """Show rules as ``name: symbols``."""
    return [f"{r.lhs.name}: {' '.join(s.name for s in r.rhs)}".rstrip() for r in Grammar.from_lark(text).rules]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('start: "a" "b"?', ["start: A _start_opt_0", "_start_opt_0: B", "_start_opt_0:"]),
        ('start: "a" ["b"]', ["start: A _start_opt_0", "_start_opt_0: B", "_start_opt_0:"]),
        ('start: "a"?', ["start: A", "start:"]),
        ('start: "a"*', ["start: _start_star_0", "_start_star_0:", "_start_star_0: _start_star_0 A"]),
        ('start: "a"+', ["start: _start_plus_0", "_start_plus_0: A", "_start_plus_0: _start_plus_0 A"]),
        ('start: ("a" | "b") "c"', ["start: _start_group_0 C", "_start_group_0: A", "_start_group_0: B"]),
        ('start: ("a" "b") "c"', ["start: A B C"]),
        ('start: ("a" | "b")', ["start: A", "start: B"]),
        ('start: "a"~2', ["start: _start_repeat_0", "_start_repeat_0: A A"]),
        (
            'start: "a"~1..3',
            [
                "start: _start_repeat_0",
                "_start_upto_0:",
                "_start_upto_0: A",
                "_start_upto_1:",
                "_start_upto_1: A _start_upto_0",
                "_start_repeat_0: A _start_upto_1",
            ],
        ),
        ('start: ("a"?)*', ["start: _start_star_0", "_start_star_0:", "_start_star_0: _start_star_0 A"]),
        ('start: (("a"*)+)?', ["start: _start_star_0", "_start_star_0:", "_start_star_0: _start_star_0 A"]),
        ('start: "b" ("a"+)*', ["start: B _start_star_0", "_start_star_0:", "_start_star_0: _start_star_0 A"]),
        ("start: ()*", ["start:"]),
        ('start: ("a" -> x | "b")', ["start: A", "start: B"]),
    ],
)
def test_each_operator_becomes_one_helper(text, expected):
    assert rules_of(text) == expected


def test_fourteen_optionals_stay_fourteen():
    grammar = Grammar.from_lark("start: " + " ".join(f'"{letter}"?' for letter in "abcdefghijklmn"))
    assert len(grammar.rules) == 29
    grammar = Grammar.from_lark("start: " + " ".join(['"a"?'] * 14))
    assert len(grammar.rules) == 3


def test_equal_expressions_share_a_helper_across_rules():
    grammar = Grammar.from_lark('start: ("a" | "b")* x ("a" | "b")*\nx: "c" ("a" | "b")* "d"~2..9 "d"~3..10')
    stars = [name for name in grammar.alternatives if "_star_" in name]
    assert stars == ["_start_star_0"]
    assert len([name for name in grammar.alternatives if "upto" in name]) == 7


def test_helpers_of_rules_that_keep_tokens_are_apart():
    grammar = Grammar.from_lark('start: "a"* x\n!x: "a"* "b"')
    stars = [name for name in grammar.alternatives if "_star_" in name]
    assert stars == ["_start_star_0", "_x_star_0"]
    assert grammar.options == {
        "x": RuleOptions(keep_all_tokens=True),
        "_x_star_0": RuleOptions(keep_all_tokens=True),
    }


@pytest.mark.parametrize(("least", "most"), [(0, 50), (50, 50), (7, 61), (200, 1000)])
def test_repeats_are_linear(least, most):
    grammar = Grammar.from_lark(f'start: ("a" "b")~{least}..{most}')
    assert len(grammar.rules) <= 2 * (most - least) + 3
    assert sum(len(rule.rhs) for rule in grammar.rules) <= 2 * most + 4


def test_a_text_of_a_range_has_one_derivation():
    """Counted by enumeration of leftmost derivations, which left-over ambiguity would multiply."""
    grammar = Grammar.from_lark('start: "a"~2..4 "b"~0..2')

    def derivations(form: tuple) -> int:
        for position, symbol in enumerate(form):
            if isinstance(symbol, Nonterminal):
                rules = grammar.alternatives[symbol.name]
                return sum(derivations(form[:position] + rule.rhs + form[position + 1 :]) for rule in rules)
        return 1

    assert derivations((Nonterminal("start"),)) == 9


def test_duplicate_alternatives_and_unreachable_rules_are_kept():
    assert rules_of('start: "a" | "b" | "a"\nlost: "c"') == ["start: A", "start: B", "start: A", "lost: C"]


def test_aliases_marks_and_priorities_are_kept():
    grammar = Grammar.from_lark(
        """
        start: x | y -> why | "z" (x | y) -> zed
        ?x.3: "x"
        !y.-1: Y
        Y.7: "y"
        Z: "z"
        """
    )
    assert [rule.alias for rule in grammar.alternatives["start"]] == [None, "why", "zed"]
    assert grammar.options == {
        "x": RuleOptions(inline_single_child=True, priority=3),
        "y": RuleOptions(keep_all_tokens=True, priority=-1),
    }
    assert {name: t.priority for name, t in grammar.terminals.items()} == {"Y": 7, "Z": 0, "X": 0}
    assert type(grammar.rules[1].alias) is str


def test_an_alias_of_a_group_belongs_to_each_of_its_alternatives():
    grammar = Grammar.from_lark('start: ("a" | "b") -> x | ("c" -> y | "d")')
    assert [rule.alias for rule in grammar.rules] == ["x", "x", "y", None]


def test_rules_know_their_place():
    grammar = Grammar.from_lark('start: "a"\n  | b "c"\nb:\n', source="some.lark")
    places = [(rule.location.line, rule.location.column, rule.location.source) for rule in grammar.rules]
    assert places == [(1, 8, "some.lark"), (2, 5, "some.lark"), (3, 1, "some.lark")]


def test_helper_names_avoid_those_taken():
    grammar = Grammar.from_lark('start: "a"* _start_star_0\n_start_star_0: "b"')
    assert set(grammar.alternatives) == {"start", "_start_star_0", "_start_star_1"}


def test_terminals_and_rules_are_told_apart():
    grammar = Grammar.from_lark('start: a A\na: "x"\nA: "y"')
    assert grammar.rules[0].rhs == (Nonterminal("a"), Terminal("A"))
