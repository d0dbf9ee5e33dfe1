"""Templates are instantiated once for each list of arguments, and never without end."""

from __future__ import annotations

import pytest

from stolcke.errors import LimitExceeded
from stolcke.grammar.model import Grammar, RuleOptions
from stolcke.options import Limits
from tests.reference.language import language


def test_instances_are_shared():
    grammar = Grammar.from_lark('start: _sep{"a", "b"} "c" _sep{"a", "b"} _sep{"b", "a"}\n_sep{x, y}: x (y x)*')
    assert [name for name in grammar.alternatives if not name.endswith("star_0")] == ["start", "_sep_0", "_sep_1"]
    # a(ba)* c a(ba)* b(ab)*, where two of the lists may take the second round
    assert language(grammar, "abc", 6) == {"acab", "abacab", "acabab"}


def test_arguments_of_every_kind():
    grammar = Grammar.from_lark('start: t{"a"} t{A} t{a} t{/b/} t{"c".."c"} t{t{"d"}}\nt{x}: x\nA: "a"\na: "b"')
    assert language(grammar, "abcd", 6) == {"aabbcd"}


def test_templates_as_arguments():
    grammar = Grammar.from_lark('start: twice{one}\ntwice{t}: t{"a"} t{"b"}\none{x}: "(" x ")"')
    assert language(grammar, "ab()", 6) == {"(a)(b)"}


def test_recursion_with_equal_arguments_ends():
    grammar = Grammar.from_lark('start: list{"a"}\nlist{x}: x | list{x} "," x')
    assert language(grammar, "a,", 5) == {"a", "a,a", "a,a,a"}


def test_parameters_hide_nothing_outside():
    grammar = Grammar.from_lark('start: t{"a"} u{"b"}\nt{x}: x u{x}\nu{y}: y "c"')
    assert language(grammar, "abc", 5) == {"aacbc"}


def test_marks_and_priority_of_a_template_are_those_of_its_instances():
    grammar = Grammar.from_lark('start: t{"a"}\n?t{x}.2: x | "b" -> c')
    assert grammar.options == {"t_0": RuleOptions(inline_single_child=True, priority=2)}
    assert [rule.alias for rule in grammar.alternatives["t_0"]] == [None, "c"]


def test_templates_that_are_never_used_make_no_rules():
    assert len(Grammar.from_lark('start: "a"\nt{x}: x').rules) == 1


@pytest.mark.parametrize(
    "text",
    [
        'start: t{"a"}\nt{x}: x t{u{x}}\nu{x}: x',
        'start: t{"a", "b"}\nt{x, y}: t{y, u{x, y}}\nu{x, y}: x y',
        'start: t{t, "a"}\nt{f, x}: f{f, u{x}}\nu{x}: x',
    ],
)
def test_endless_expansion_meets_the_limit(text):
    with pytest.raises(LimitExceeded) as caught:
        Grammar.from_lark(text)
    assert caught.value.limit == "template_instances"
    with pytest.raises(LimitExceeded, match="template_instances=10 "):
        Grammar.from_lark(text, limits=Limits(template_instances=10))
