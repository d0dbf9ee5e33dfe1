"""Large and hostile texts: quick success or LimitExceeded, never RecursionError or a hang."""

from __future__ import annotations

import time

import pytest

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.model import Grammar
from stolcke.options import Limits

DEEP = 100_000


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ("nesting", "start: " + "(" * DEEP + '"a"' + ")" * DEEP),
        ("nesting", "start: " + "[" * DEEP + '"a"' + "]" * DEEP),
        ("nesting", "start: " + "(" * DEEP),
        ("nesting", "start: A\nA: " + "(" * DEEP + '"a"' + ")?" * DEEP),
        ("nesting", "start: " + "t{" * DEEP + '"a"' + "}" * DEEP + "\nt{x}: x"),
        ("nesting", "start: /" + "(" * DEEP + "a" + ")" * DEEP + "/"),
        ("nesting", 'start: T0\nT1000: "a"\n' + "".join(f'T{i}: "(" T{i + 1} ")"\n' for i in range(1000))),
        ("grammar_bytes", "start: " + '"a" ' * 600_000),
        ("grammar_bytes", 'start: "a" //' + "é" * 1_000_000),
        ("alternatives", "start: " + " | ".join(['"a"'] * DEEP)),
        ("alternatives", 'start: "x" (' + " | ".join(['"a"'] * DEEP) + ")"),
        ("alternatives", "start: A\nA: " + " | ".join(['"a"'] * DEEP)),
        ("rules", "start: " + " ".join(f'"{i}"~0..9999' for i in range(30))),
        ("rules", "start: " + " ".join(f'"{i}"~10000' for i in range(5000))),
        ("repeat", 'start: "a"~1..1000000'),
        ("repeat", 'start: "a"~' + "9" * 5000),
        ("repeat", 'start: A\nA: "a"~1000000'),
        ("regex_states", "start: T0\nT40: /a/\n" + "".join(f"T{i}: T{i + 1} T{i + 1}\n" for i in range(40))),
    ],
)
def test_hostile_texts_meet_a_limit_soon(limit, text):
    begun = time.perf_counter()
    with pytest.raises(LimitExceeded) as caught:
        Grammar.from_lark(text)
    assert caught.value.limit == limit
    assert time.perf_counter() - begun < 20


def test_brackets_in_strings_comments_and_classes_do_not_nest():
    text = 'start: "' + "(" * 300 + '" // ' + "(" * 300 + "\n  | /[" + "(" * 300 + "]/ | /" + r"\(" * 300 + "/"
    assert len(Grammar.from_lark(text).rules) == 3
    flat = "start: " + '("a" | "b") ' * 1000
    assert len(Grammar.from_lark(flat).rules) == 3


def test_nesting_up_to_the_limit_is_fine():
    depth = Limits().nesting
    grammar = Grammar.from_lark("start: " + '("a" | ' * depth + '"b"' + ")" * depth)
    assert len(grammar.rules) == depth + 1


def test_nesting_is_limited_by_the_caller_s_wish_only():
    depth = 5000
    text = "start: " + '("x" ' * depth + ")?" * depth
    grammar = Grammar.from_lark(text, limits=Limits(nesting=depth))
    assert len(grammar.rules) == 2 * depth


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (Limits(rules=50), 'start: "a"\n' + "".join(f"r{i}:\n" for i in range(50))),
        (Limits(rules=50), "start: " + " ".join(f'"{i}"?' for i in range(26))),
        (Limits(rules=50), 'start: "a"~100..150'),
        (Limits(alternatives=10), 'start: A\nA: ("a"\n // comment\n | ' + " | ".join(['"b"'] * 10) + ")"),
        (Limits(alternatives=10), "start:" + "\n // comment\n | ".join('"x"' for i in range(11))),
        (Limits(alternatives=10), "start: " + " | ".join('"x"' for i in range(11))),
        (Limits(alternatives=10), 'start: "y" (' + " | ".join('"x"' for i in range(11)) + ")"),
        (Limits(repeat=10), 'start: "a"~11'),
    ],
)
def test_limits_are_the_caller_s(limits, text):
    with pytest.raises(LimitExceeded) as caught:
        Grammar.from_lark(text, limits=limits)
    assert caught.value.allowed == getattr(limits, caught.value.limit) != getattr(Limits(), caught.value.limit)


def test_alternatives_up_to_the_limit_are_fine():
    text = "start: " + "\n | ".join('"x"' for i in range(10)) + "\nother: " + " | ".join('"y"' for i in range(10))
    assert len(Grammar.from_lark(text, limits=Limits(alternatives=10)).rules) == 20


def test_many_rules_and_terminals_in_a_chain():
    size = 4_000
    rules = "".join(f'n{i}: "a" n{i + 1} | T{i}\nT{i}: "t{i}" "u"\n' for i in range(size))
    grammar = Grammar.from_lark(f"start: n0\nn{size}:\n{rules}")
    assert len(grammar.rules) == 2 * size + 2


def test_deep_terminal_definitions_need_no_recursion():
    chain = "".join(f"T{i}: T{i + 1}\n" for i in range(5000))
    grammar = Grammar.from_lark(f'start: T0\nT5000: "a"\n{chain}')
    assert len(grammar.terminals) == 1
    with pytest.raises(GrammarError, match="must not refer to themselves"):
        Grammar.from_lark(f"start: T0\nT5000: T0\n{chain}")


def test_many_undefined_names_are_one_error():
    text = "start: " + " ".join(f"name{i}" for i in range(5000)) + "\n" + "".join(f"rule{i}:\n" for i in range(5000))
    with pytest.raises(GrammarError, match=r"'name0' is used.*also not defined: name1, .*, \.\.\."):
        Grammar.from_lark(text)


def test_10000_alternatives():
    grammar = Grammar.from_lark("start: " + " | ".join(f'"word{i}"' for i in range(10_000)))
    assert len(grammar.rules) == len(grammar.terminals) == 10_000
