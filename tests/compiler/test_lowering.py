"""The integer pass against the symbolic transforms of tests/reference: the same rules in the same order."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings

from stolcke.compiler import GrammarArrays, lower
from stolcke.deadline import Deadline
from stolcke.errors import GrammarError
from stolcke.grammar.analysis import nullable
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Tally, TallyEntry, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal, Pattern, Special
from stolcke.options import Limits, Options
from tests.reference.language import join, pattern_texts
from tests.reference.random_grammars import random_grammar
from tests.reference.transforms import fold_lists, remove_duplicates, trim, with_entry_rules, with_ignore
from tests.strategies import EFFORT, tally_grammars

PLAIN = Options(merge_terminals=False)
NOTHING = Choice(())


def lowered(grammar: Grammar, options: Options = PLAIN) -> GrammarArrays:
    return lower(grammar, Limits(), options, Deadline())


def rewritten(grammar: Grammar, *, fold: bool = True) -> Grammar:
    """What lowering means, step by step."""
    grammar = trim(grammar, [name for name, t in grammar.terminals.items() if t.pattern == NOTHING])
    grammar = with_entry_rules(remove_duplicates(grammar))
    if fold:
        grammar = trim(fold_lists(grammar))
    return with_ignore(grammar, [name for name in grammar.ignore if repeats(grammar.terminals[name].pattern)])


def repeats(pattern: Pattern) -> bool:
    """Whether two short matches in a row are always a match, and there is one."""
    if isinstance(pattern, Special):
        return False
    texts = pattern_texts(pattern, "ab #", 4)
    return "" not in texts and join(texts, texts, 4) <= texts != set()


def rows(offsets, symbols, names) -> list[tuple[str, ...]]:
    return [tuple(names[s] for s in symbols[begin:end].tolist()) for begin, end in pairwise(offsets.tolist())]


def spelled(arrays: GrammarArrays, grammar: Grammar) -> tuple[list, list]:
    """Rules and tallies of arrays, by names; ``grammar`` holds the terminals that are used, in order."""
    terminals = list(grammar.terminals)
    assert arrays.n_terminals == len(terminals)
    names = terminals + list(arrays.nonterminals)
    lhs = [arrays.nonterminals[a] for a in arrays.lhs.tolist()]
    rules = list(zip(lhs, rows(arrays.rhs_offsets, arrays.rhs, names), strict=True))
    entries = rows(arrays.entry_offsets, arrays.entry, names)
    flags = rows(arrays.entry_offsets, arrays.entry_flags, range(8))
    separators = rows(arrays.separator_offsets, arrays.separator, names)
    bounds = arrays.tally_bounds.reshape(-1, 4).tolist()
    called = [arrays.nonterminals[a] for a in arrays.tally.tolist()]
    return rules, list(zip(called, entries, flags, separators, bounds, strict=True))


def expected(grammar: Grammar) -> tuple[list, list]:
    def names(symbols) -> tuple[str, ...]:
        return tuple(symbol.name for symbol in symbols)

    rules = [("", (grammar.start,)), *((rule.lhs.name, names(rule.rhs)) for rule in grammar.rules)]
    tallies = []
    for name, tally in grammar.tallies.items():
        entries = tuple(entry.symbols[0].name for entry in tally.entries)
        flags = tuple(entry.once + 2 * entry.required + 4 * entry.marked for entry in tally.entries)
        bounds = [tally.least, tally.most, tally.least_marked, tally.most_marked]
        bounds = [-1 if bound is None else bound for bound in bounds]
        tallies.append((name, entries, flags, names(tally.separator), bounds))
    return rules, tallies


def check(grammar: Grammar, *, fold: bool = True) -> None:
    options = Options(merge_terminals=False, fold_lists=fold)
    try:
        twin = rewritten(grammar, fold=fold)
    except GrammarError as error:
        with pytest.raises(GrammarError, match=re.escape(str(error))):
            lowered(grammar, options)
        return
    assert spelled(lowered(grammar, options), twin) == expected(twin)


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("ignore", [True, False])
def test_random_grammars_become_what_the_transforms_make_of_them(fold, ignore):
    for seed in range(300):
        grammar = random_grammar(Random(seed), ignore=ignore)
        twice = Grammar(grammar.start, grammar.rules + grammar.rules[::-1], grammar.terminals, grammar.ignore)
        check(twice, fold=fold)


@settings(max_examples=200 * EFFORT)
@given(tally_grammars())
def test_tallies_become_what_the_transforms_make_of_them(grammar):
    try:
        arrays = lowered(grammar)
    except GrammarError as error:
        if "derives the empty text" in str(error):
            kept = trim(grammar)
            empty = {Nonterminal(name) for name in nullable(kept)}
            assert any(set(entry.symbols) <= empty for tally in kept.tallies.values() for entry in tally.entries)
            return
        with pytest.raises(GrammarError, match="derives no text"):
            trim(grammar)
        return
    twin = rewritten(grammar)
    assert spelled(arrays, twin) == expected(twin)


@pytest.mark.parametrize(
    "text",
    [
        'start: "a" ("b" "c")* "d"',
        'start: "a" "b"* "c" | "a" "b"* "d" | "e" "b"* "c"',
        'start: "x" "a"* "y" "b"* "z"',
        'start: start "a" "b"* "c" | "d"',
        'start: "x" list "y" | "z" list "y" | "x" list\nlist: ("aa" | "b" "c" "d" | "e" "f" "g" "h" | "i" "j" "k")*',
        'start: "x" list "y" | "z" "z" list\nlist: ("aa" | "b" "c")+',
        'start: "x" list "y" | "z" list\nlist: "a" | list "a" | "b" | list "b"',
        'start: "a" | start\nother: start',
        'start: x y\nx: "a" | y\ny: y "b" | x "c" | "d"\n%ignore " "\n%ignore /#+/\n%ignore " "',
        'start: x "b"\nx: "a" | x "b"\n%ignore /[ #]+/',
        'start: x "b"\nx: "a" | x "b"\n%ignore /(a|b)+/',
        'start: x "b"\nx: "a" | x "b"\n%ignore / +|#/',
        'start: x "b"\nx: "a" | x "b"\n%ignore / {1,3}/',
        'start: x "b"\nx: "a" | x "b"\n%ignore / +/\n%ignore / +/',
        'start: x "b"\nx: "a" | x "b"\n%ignore / +/\n%ignore /#+/',
        'start: x "b"\nx: "a" | x "b"\n%ignore EMPTY\n%ignore / +/\nEMPTY: /[^\\s\\S]/',
        'start: "a" EMPTY | "b" x | EMPTY\nx: EMPTY | "c"\nEMPTY: /[^\\s\\S]/\n%ignore EMPTY\n%ignore " "',
    ],
)
def test_lists_loops_and_ignored_terminals(text):
    grammar = Grammar.from_lark(text)
    nothing = {
        name: TerminalDefinition(name, NOTHING if name == "EMPTY" else t.pattern)
        for name, t in grammar.terminals.items()
    }
    check(Grammar(grammar.start, grammar.rules, nothing, grammar.ignore))


def test_long_rounds_behind_many_prefixes_are_shared():
    rounds = " | ".join(f'"r{index}"' for index in range(30))
    rules = " | ".join(f'"p{index}" list "end"' for index in range(30))
    check(Grammar.from_lark(f"start: {rules}\nlist: ({rounds})*"))


def test_names_that_are_taken_are_not_given_again():
    text = 'start: "a" "b"* "c" _start_list_0 | _ignored_0\n_start_list_0: "x"\n_ignored_0: "y"\n%ignore " "'
    grammar = Grammar.from_lark(text)
    check(grammar)
    names = lowered(grammar).nonterminals
    assert len(set(names)) == len(names)


def test_bounds_too_large_for_any_text():
    a, entry = Terminal("A"), TallyEntry((Terminal("A"),))
    rules = (Rule(Nonterminal("start"), (Nonterminal("t"), a)),)
    terminals = {"A": TerminalDefinition("A", Literal("a"))}
    for least, most, given_least, given_most in [(0, 2**70, 0, -1), (3, 2**40, 3, 2**30), (2**31, None, 2**30, -1)]:
        grammar = Grammar("start", rules, terminals, tallies={"t": Tally((entry,), least=least, most=most)})
        assert lowered(grammar).tally_bounds.tolist() == [given_least, given_most, 0, -1]
    empty = Grammar("start", rules, terminals, tallies={"t": Tally((entry,), least=2**41, most=2**40)})
    with pytest.raises(GrammarError, match="derives no text"):
        lowered(empty)


def test_a_terminal_seen_before_is_one_object_in_the_arrays():
    grammar = Grammar.from_lark('start: A B C\nA: "x"\nB: /x/\nC: "y"')
    arrays = lowered(grammar, Options())
    assert arrays.terminals == ("A or B", "C")
    assert arrays.rhs.tolist() == [3, 0, 0, 1]


def test_large_grammars_are_no_problem():
    a = Terminal("A")
    chain = [Rule(Nonterminal(f"n{i}"), (a, Nonterminal(f"n{i + 1}"))) for i in range(50_000)]
    rules = (*chain, Rule(Nonterminal("n50000"), ()))
    grammar = Grammar("n0", rules, {"A": TerminalDefinition("A", Literal("a"))}, ("A",))
    assert len(lowered(grammar).lhs) == 50_005
