"""Transforms keep the language, shown by enumeration on random grammars, and do what they are for."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from stolcke.errors import GrammarError
from stolcke.grammar.analysis import duplicates, productive, reachable
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal, Regex
from tests.reference.language import language
from tests.reference.random_grammars import random_grammar
from tests.reference.transforms import fold_lists, remove_duplicates, trim, with_ignore

SEEDS = range(400)


def texts_of(grammar: Grammar, alphabet: str = "ab") -> set[str]:
    return language(grammar, alphabet, 4)


def test_fold_lists_keeps_the_language():
    folded = 0
    for seed in SEEDS:
        grammar = random_grammar(Random(seed))
        result = fold_lists(grammar)
        folded += result != grammar
        assert texts_of(result) == texts_of(grammar), f"seed {seed}"
    assert folded > len(SEEDS) // 8


def test_trim_keeps_the_language_and_only_useful_symbols():
    for seed in SEEDS:
        grammar = random_grammar(Random(seed))
        if grammar.start not in productive(grammar):
            with pytest.raises(GrammarError, match="derives no text"):
                trim(grammar)
            assert language(grammar) == set()
            continue
        result = trim(grammar)
        assert texts_of(result) == texts_of(grammar), f"seed {seed}"
        assert set(result.alternatives) == productive(result) == reachable(result)
        used = {symbol.name for rule in result.rules for symbol in rule.rhs if isinstance(symbol, Terminal)}
        assert set(result.terminals) == used


def test_with_ignore_writes_out_what_ignoring_means():
    for seed in SEEDS:
        grammar = random_grammar(Random(seed), nonterminals=3, ignore=True)
        result = with_ignore(grammar)
        assert result.ignore == ()
        assert texts_of(result, "ab ") == texts_of(grammar, "ab "), f"seed {seed}"


def test_what_repeats_is_written_once_and_means_the_same():
    for seed in SEEDS:
        grammar = random_grammar(Random(seed), nonterminals=3, ignore=True)
        spaces = replace(grammar, terminals=grammar.terminals | {"SPACE": TerminalDefinition("SPACE", Regex(" +"))})
        result = with_ignore(spaces, {"SPACE"})
        assert (result != with_ignore(spaces)) == (grammar.ignore == ("SPACE",))
        assert texts_of(result, "ab ") == texts_of(grammar, "ab "), f"seed {seed}"


def test_with_ignore_grows_by_one_symbol_for_each_terminal():
    grammar = Grammar.from_lark('start: "a" b "c"\nb: "x" | "y" "z"\n%ignore " "\n%ignore /#+/')
    result = with_ignore(grammar)
    assert len(result.rules) == len(grammar.rules) + 4
    assert sum(len(r.rhs) for r in result.rules) == sum(len(r.rhs) for r in grammar.rules) + 5 + 2 + 4


def test_without_ignore_nothing_changes():
    grammar = Grammar.from_lark('start: "a"')
    assert with_ignore(grammar) is grammar


def test_remove_duplicates_keeps_the_language():
    for seed in SEEDS:
        grammar = random_grammar(Random(seed))
        twice = Grammar(grammar.start, grammar.rules + grammar.rules[::-1], grammar.terminals)
        result = remove_duplicates(twice)
        assert texts_of(result) == texts_of(grammar), f"seed {seed}"
        assert duplicates(result) == ()


def test_all_transforms_after_each_other_keep_the_language():
    for seed in SEEDS:
        grammar = random_grammar(Random(seed), ignore=True)
        if grammar.start in productive(grammar):
            result = trim(with_ignore(fold_lists(remove_duplicates(trim(grammar)))))
            assert texts_of(result, "ab ") == texts_of(grammar, "ab "), f"seed {seed}"


def test_a_folded_list_begins_with_its_prefix():
    grammar = trim(fold_lists(Grammar.from_lark('start: "a" ("b" "c")* "d"')))
    assert str(grammar) == 'start: _start_list_0 "d"\n_start_list_0: "a" | _start_list_0 "b" "c"\n'


def test_equal_prefixes_share_a_list():
    grammar = trim(fold_lists(Grammar.from_lark('start: "a" "b"* "c" | "a" "b"* "d" | "e" "b"* "c"')))
    assert len(grammar.alternatives) == 3


def test_two_lists_in_one_rule_are_both_folded():
    grammar = trim(fold_lists(Grammar.from_lark('start: "x" "a"* "y" "b"* "z"')))
    assert "_star_" not in str(grammar)


def test_a_prefix_that_begins_with_the_rule_itself_is_left_alone():
    grammar = Grammar.from_lark('start: start "a" "b"* "c" | "d"')
    assert fold_lists(grammar) == grammar


def test_a_list_at_the_beginning_is_left_alone():
    grammar = Grammar.from_lark('start: "b"* "c"')
    assert fold_lists(grammar) == grammar


def test_folding_stays_linear_when_a_long_list_has_many_prefixes():
    rounds = " | ".join(f'"r{index}"' for index in range(300))
    rules = " | ".join(f'"p{index}" list "end"' for index in range(300))
    grammar = Grammar.from_lark(f"start: {rules}\nlist: ({rounds})*")
    assert len(fold_lists(grammar).rules) < 2000


def test_terminals_that_match_nothing_make_rules_unproductive():
    grammar = Grammar.from_lark('start: "a" | EMPTY "b" | other\nother: EMPTY\nEMPTY: /[^\\s\\S]/')
    result = trim(grammar, empty_terminals=["EMPTY"])
    assert str(result) == 'start: "a"\n'
    with pytest.raises(GrammarError, match="derives no text"):
        trim(Grammar.from_lark("start: EMPTY\nEMPTY: /[^\\s\\S]/"), empty_terminals=["EMPTY"])


def test_a_start_that_derives_nothing_is_an_error_with_its_place():
    with pytest.raises(GrammarError, match="derives no text") as caught:
        trim(Grammar.from_lark('other: "a"\n\nstart: "x" start'))
    assert (caught.value.line, caught.value.column) == (3, 8)


def test_large_grammars_are_no_problem():
    a = Terminal("A")
    chain = [Rule(Nonterminal(f"n{i}"), (a, Nonterminal(f"n{i + 1}"))) for i in range(20_000)]
    rules = (*chain, Rule(Nonterminal("n20000"), ()))
    grammar = Grammar("n0", rules, {"A": TerminalDefinition("A", Literal("a"))}, ("A",))
    assert len(trim(with_ignore(fold_lists(remove_duplicates(trim(grammar))))).rules) == 20_004
