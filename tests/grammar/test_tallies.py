"""Tallies in grammars: what is refused, what analysis and transforms make of them, how they are printed."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings

from stolcke.errors import GrammarError
from stolcke.grammar import analysis
from stolcke.grammar.model import Grammar, Nonterminal, Rule, RuleOptions, Tally, TallyEntry, Terminal
from stolcke.grammar.patterns import Literal
from tests.reference.language import language, languages
from tests.reference.tallies import written_out
from tests.reference.transforms import fold_lists, remove_duplicates, trim, with_entry_rules, with_ignore
from tests.strategies import EFFORT, A, B, make_grammar, make_tally, tally_grammars

TERMINALS = {"A": A, "B": B, "C": Literal("c"), "S": Literal(" ")}


def only(tally: Tally, **more) -> Grammar:
    """A grammar whose start is a tally."""
    return make_grammar(more, TERMINALS, (), {"x": tally}, "x")


def texts_by_definition(tally: Tally, texts: list[str], separator: str, longest: int) -> set[str]:
    """Every sequence of entries is tried, entry k being ``texts[k]``."""
    found = set()
    for n in range(longest + 1):
        for chosen in itertools.product(range(len(texts)), repeat=n):
            marked = sum(tally.entries[k].marked for k in chosen)
            good = tally.least <= n and (tally.most is None or n <= tally.most)
            good = good and tally.least_marked <= marked
            good = good and (tally.most_marked is None or marked <= tally.most_marked)
            for k, entry in enumerate(tally.entries):
                good = good and not (entry.once and chosen.count(k) > 1) and not (entry.required and k not in chosen)
            if good:
                found.add(separator.join(texts[k] for k in chosen))
    return {text for text in found if len(text) <= longest}


@pytest.mark.parametrize("separator", ["", " "])
def test_the_twin_writes_out_what_a_tally_means(separator):
    flags = [(), ("once",), ("required",), ("once", "required", "marked"), ("marked",)]
    for one, other in itertools.product(flags, flags):
        for least, most, least_marked, most_marked in [(0, None, 0, None), (1, 3, 0, 1), (2, 2, 1, None)]:
            tally = make_tally(
                [(*one, "A"), (*other, "B"), ("once", "C")],
                ("S",) if separator else (),
                least=least,
                most=most,
                least_marked=least_marked,
                most_marked=most_marked,
            )
            expected = texts_by_definition(tally, ["a", "b", "c"], separator, 4)
            assert language(only(tally), "abc ", 4) == expected, tally


MALFORMED = {
    "no tally": ({"tallies": {"x": 7}}, r"tallies\['x'\] must be Tally"),
    "entries as a list": ({"tallies": {"x": Tally([])}}, "must be Tally"),
    "a separator that is no tuple": ({"tallies": {"x": Tally((), Terminal("A"))}}, "must be Tally"),
    "an entry that is none": ({"tallies": {"x": Tally((Terminal("A"),))}}, "must be TallyEntry"),
    "an entry without symbols": ({"tallies": {"x": Tally((TallyEntry(()),))}}, "at least one symbol"),
    "an unknown terminal": ({"tallies": {"x": make_tally([("D",)])}}, "'D'.* used in tally 'x', is not defined"),
    "an unknown separator": ({"tallies": {"x": make_tally([("A",)], ("y",))}}, "'y'.* is not defined"),
    "a name": ({"tallies": {"x": Tally((TallyEntry(("A",)),))}}, "is not defined"),
    "rules, too": ({"tallies": {"s": make_tally([("A",)])}}, "'s' is a tally and has rules, too"),
    "a negative number": ({"tallies": {"x": make_tally([("A",)], least=-1)}}, "least of tally 'x'"),
    "no number": ({"tallies": {"x": make_tally([("A",)], least=None)}}, "least of tally 'x'"),
    "half a number": ({"tallies": {"x": make_tally([("A",)], most_marked=1.5)}}, "most_marked of tally 'x'"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_tallies(kind):
    changes, message = MALFORMED[kind]
    grammar = make_grammar({"s": [("x",)]}, TERMINALS, (), {"x": make_tally([("A",)])})
    with pytest.raises(GrammarError, match=message):
        replace(grammar, **changes)


def test_grammars_with_tallies_compare_by_content():
    one, other = only(make_tally([("once", "A")])), only(make_tally([("once", "A")]))
    assert one == other
    assert len({one, other}) == 1
    assert one != only(make_tally([("A",)]))
    assert "1 tallies" in repr(one)
    assert one.nonterminals == ("x",)
    with pytest.raises(TypeError):
        one.tallies["y"] = make_tally([("A",)])


def test_a_tally_may_have_options():
    grammar = replace(only(make_tally([("A",)])), options={"x": RuleOptions(inline_single_child=True)})
    assert trim(grammar).options == grammar.options


# Analysis: what it says of a tally is what it says of the rules that it stands for.


@settings(max_examples=150 * EFFORT)
@given(tally_grammars())
def test_analysis_agrees_with_the_rules_written_out(grammar):
    plain, names = written_out(grammar), set(grammar.nonterminals)
    for empty_terminals in ((), ("A",)):
        assert analysis.productive(grammar, empty_terminals) == analysis.productive(plain, empty_terminals) & names
    assert analysis.nullable(grammar) == analysis.nullable(plain) & names
    if grammar.start not in analysis.productive(grammar):
        return
    trimmed = trim(grammar)
    assert set(trimmed.nonterminals) == set(trim(plain).nonterminals) & names
    assert set(trimmed.terminals) == set(trim(plain).terminals)
    assert analysis.reachable(trimmed) == set(trimmed.nonterminals)
    empty = analysis.nullable(trimmed)
    if any(empty.issuperset(s.name for s in e.symbols) for t in trimmed.tallies.values() for e in t.entries):
        return  # refused by compile, and analysis does not say what follows such entries
    plain = trim(written_out(trimmed))
    for find in (analysis.left_recursive, analysis.right_recursive, analysis.cyclic):
        # Trimmed twins lose the states that nothing needs, so right recursion through one entry alone is the same.
        assert find(trimmed) == find(plain) & names, find.__name__


def test_left_corners_of_a_tally_are_those_of_its_entries():
    grammar = only(make_tally([("A",), ("e", "B"), ("y",)], ("S",)), e=[()], y=[("C",)])
    assert analysis.left_corners(grammar)["x"] == {Terminal("A"), Terminal("B"), Nonterminal("e"), Nonterminal("y")}


def test_trim_drops_entries_that_cannot_occur():
    rules = {"s": [("x",)], "never": [("never", "A")]}
    tally = make_tally([("required", "A"), ("never",), ("once", "B"), ("marked", "C")], ("S",), most=2, most_marked=0)
    trimmed = trim(make_grammar(rules, TERMINALS, (), {"x": tally}))
    assert trimmed.tallies["x"].entries == make_tally([("required", "A"), ("once", "B")]).entries
    assert set(trimmed.terminals) == {"A", "B", "S"}


def test_trim_drops_a_separator_that_nothing_needs():
    for tally in (make_tally([("once", "A")], ("S",)), make_tally([("A",)], ("S",), most=1)):
        trimmed = trim(only(tally))
        assert trimmed.tallies["x"].separator == ()
        assert set(trimmed.terminals) == {"A"}


def test_a_separator_that_derives_nothing_leaves_one_entry():
    tally = make_tally([("A",), ("B",)], ("never",), most=3)
    grammar = only(tally, never=[("never", "A")])
    assert language(grammar, "ab", 3) == language(trim(grammar), "ab", 3) == {"", "a", "b"}


IMPOSSIBLE = {
    "a required entry derives nothing": make_tally([("required", "never"), ("A",)]),
    "too few entries": make_tally([("once", "A"), ("once", "B")], least=3),
    "too many required": make_tally([("required", "A"), ("required", "B")], most=1),
    "too few marked": make_tally([("once", "marked", "A"), ("B",)], least_marked=2),
    "too many required marked": make_tally([("required", "marked", "A"), ("B",)], most_marked=0),
    "the bounds contradict": make_tally([("A",)], least=2, most=1),
    "no entries": make_tally([], least=1),
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_tallies_that_derive_nothing(kind):
    grammar = only(IMPOSSIBLE[kind], never=[("never", "A")])
    assert language(grammar, "abc", 4) == set()
    with pytest.raises(GrammarError, match="derives no text"):
        trim(grammar)


# Transforms.


@settings(max_examples=100 * EFFORT)
@given(tally_grammars())
def test_transforms_keep_the_language(grammar):
    if any(isinstance(t.pattern, Literal) and isinstance(t.pattern.text, bytes) for t in grammar.terminals.values()):
        return  # of which the twin knows nothing
    expected = languages(grammar, "ab", 3)
    for transform in (with_entry_rules, remove_duplicates, fold_lists):
        found = languages(transform(grammar), "ab", 3)
        assert {name: found[name] for name in grammar.nonterminals} == {
            name: expected[name] for name in grammar.nonterminals
        }, transform.__name__
    assert language(with_ignore(grammar), "ab", 3) == language(grammar, "ab", 3)
    if grammar.start in analysis.productive(grammar):
        every = with_ignore(trim(fold_lists(with_entry_rules(remove_duplicates(trim(grammar))))))
        assert language(every, "ab", 3) == language(grammar, "ab", 3)


def test_entries_become_single_nonterminals():
    grammar = with_entry_rules(only(make_tally([("once", "A", "y"), ("y",), ("B",)]), y=[("A",)]))
    entries = [entry.symbols for entry in grammar.tallies["x"].entries]
    assert entries == [(Nonterminal("_x_entry_0"),), (Nonterminal("y"),), (Nonterminal("_x_entry_2"),)]
    assert grammar.rules[1:] == (
        Rule(Nonterminal("_x_entry_0"), (Terminal("A"), Nonterminal("y"))),
        Rule(Nonterminal("_x_entry_2"), (Terminal("B"),)),
    )


# Lark text.


@pytest.mark.parametrize("separator", [(), ("S",), ("S", "B")])
def test_lists_are_printed_as_repetitions(separator):
    for least, most in itertools.product(range(4), [None, *range(5)]):
        if most is not None and least > most:
            continue
        grammar = only(make_tally([("A",), ("B", "C")], separator, least=least, most=most))
        again = Grammar.from_lark(str(grammar), start="x")
        assert language(again, "abc ", 5) == language(grammar, "abc ", 5), str(grammar)


@pytest.mark.parametrize(
    "tally",
    [
        make_tally([("once", "A")]),
        make_tally([("A",)], least_marked=1),
        make_tally([("A",)], least=2, most=1),
        make_tally([("marked", "A")]),
    ],
)
def test_other_tallies_cannot_be_printed(tally):
    with pytest.raises(GrammarError, match="Lark cannot express 'x', a tally"):
        str(only(tally))
