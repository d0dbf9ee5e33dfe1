"""Uses of terminals told apart by their contexts: the language and its derivations stay what they are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random

import pytest

from stolcke.grammar import context_copies
from stolcke.grammar.analysis import cyclic, nullable, productive
from stolcke.grammar.context_copies import split_by_context
from stolcke.grammar.contexts import contexts, following_terminals
from stolcke.grammar.model import Grammar, Nonterminal, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal
from tests.reference.language import all_texts
from tests.reference.random_grammars import random_grammar
from tests.strategies import EFFORT


def everything(grammar: Grammar):
    return lambda name: frozenset(grammar.terminals)


def labelled(grammar: Grammar):
    """Parts that differ by context, but not in what they match: the reserved text tells what is live."""

    def parts(name: str, live: frozenset[str]) -> tuple[TerminalDefinition, ...]:
        label = Literal("?" + " ".join(sorted(live)))
        return (replace(grammar.terminals[name], reserved=(label,)),)

    return parts


def uses(grammar: Grammar, rule: str, name: str) -> list[set[str]]:
    """What is live at the uses of a terminal in the copies of a rule."""
    found = split_by_context(grammar, everything(grammar), labelled(grammar))
    labels = []
    for each in found.rules:
        if found.templates.get(each.lhs.name, each.lhs.name) == rule:
            for symbol in each.rhs:
                definition = found.terminals.get(symbol.name)
                if isinstance(symbol, Terminal) and (definition.variant_of or definition.name) == name:
                    labels.append(set(definition.reserved[0].text[1:].split()))
    return labels


def test_the_beginning_of_a_statement_is_not_the_middle_of_one():
    grammar = Grammar.from_lark('start: e ";" | "if" e\ne: N | e "+" N\nN: /n/')
    assert uses(grammar, "start", "IF") == [{"IF", "N"}]
    # The first operand is at the beginning of the text, or behind "if"; the others are behind an operator.
    assert sorted(map(sorted, uses(grammar, "e", "N"))) == [["IF", "N"], ["N"], ["N"], ["N"]]


def test_what_is_left_out_could_have_been_there():
    grammar = Grammar.from_lark('start: "static"? N\nN: /n/')
    assert sorted(map(sorted, uses(grammar, "start", "N"))) == [["N"], ["N", "STATIC"]]


def test_behind_an_operand_what_all_stacks_have_in_common():
    grammar = Grammar.from_lark('start: e\ne: e "+" t | t\nt: N | "(" e ")"\nN: /n/')
    assert uses(grammar, "t", "RPAR") == [{"PLUS", "RPAR"}] * len(uses(grammar, "t", "RPAR"))
    assert {frozenset(live) for live in uses(grammar, "e", "PLUS")} == {
        frozenset({"PLUS"}),
        frozenset({"PLUS", "RPAR"}),
    }


def derivations(grammar: Grammar, text: str) -> int:
    """Count the derivations of a text; no rule is empty, and none goes round in circles."""
    words = {name: words_of(definition) for name, definition in grammar.terminals.items()}

    @cache
    def of(symbols: tuple, begin: int, end: int) -> int:
        if len(symbols) > end - begin:
            return 0
        if len(symbols) > 1:
            middles = range(begin + 1, end)
            return sum(of(symbols[:1], begin, m) * of(symbols[1:], m, end) for m in middles)
        if isinstance(symbols[0], Terminal):
            return text[begin:end] in words[symbols[0].name]
        return sum(of(rule.rhs, begin, end) for rule in grammar.alternatives.get(symbols[0].name, ()))

    return of((Nonterminal(grammar.start),), 0, len(text)) if text else 0


def words_of(definition: TerminalDefinition) -> set[str]:
    pattern = definition.pattern
    return {part.text for part in (pattern.parts if isinstance(pattern, Choice) else (pattern,))}


def test_random_grammars_keep_their_derivations():
    random = Random(3)
    checked = copied = 0
    while checked < 60 * EFFORT:
        grammar = random_grammar(random)
        if nullable(grammar) or cyclic(grammar) or grammar.start not in productive(grammar):
            continue
        found = split_by_context(grammar, everything(grammar), labelled(grammar))
        copied += bool(found.templates)
        for text in all_texts("ab", 4):
            assert derivations(grammar, text) == derivations(found, text), (str(grammar), text)
        checked += 1
    assert copied > 10 * EFFORT


def test_random_grammars_with_empty_rules_keep_their_language():
    random = Random(4)
    for _ in range(100 * EFFORT):
        grammar = random_grammar(random, nonterminals=3, ignore=random.random() < 0.3)
        found = split_by_context(grammar, everything(grammar), labelled(grammar))
        assert texts(found, 4) == texts(grammar, 4), str(grammar)


def texts(grammar: Grammar, length: int) -> set[str]:
    """The texts of a grammar, restrictions left aside, from the bottom up; what is ignored is a rule here."""
    words = {name: words_of(definition) for name, definition in grammar.terminals.items()}
    skipped = {""}
    for _ in range(length):
        skipped |= {text + word for text in skipped for name in grammar.ignore for word in words[name]}
    found: dict[str, set[str]] = {name: set() for name in grammar.nonterminals}
    changed = True
    while changed:
        changed = False
        for rule in grammar.rules:
            built = {""}
            for symbol in rule.rhs:
                more = (
                    {skip + word for skip in skipped for word in words[symbol.name]}
                    if isinstance(symbol, Terminal)
                    else found[symbol.name]
                )
                built = {a + b for a in built for b in more if len(a + b) <= length}
            changed = changed or not built <= found[rule.lhs.name]
            found[rule.lhs.name] |= built
    return {text + skip for text in found[grammar.start] for skip in skipped if len(text + skip) <= length}


def test_where_copies_would_be_too_many_contexts_agree(monkeypatch):
    monkeypatch.setattr(context_copies, "_GROWTH", 0)
    monkeypatch.setattr(context_copies, "SPARE", 0)
    grammar = Grammar.from_lark('start: e ";" | "if" e\ne: N | e "+" N\nN: /n/')
    found = split_by_context(grammar, everything(grammar), labelled(grammar))
    assert len(found.rules) == len(grammar.rules)
    assert sorted(map(sorted, uses(grammar, "e", "N"))) == [["N"], ["N"]]


def test_names_options_and_weights_of_copies():
    grammar = Grammar.from_lark('start: e ";" [.25] | "if" e [.75]\n!?e: N [.5] -> x | "(" e ")" [.5]\nN: /n/')
    found = split_by_context(grammar, everything(grammar), labelled(grammar))
    copies = {name for name, original in found.templates.items() if original == "e"}
    assert copies
    assert all(found.options[name] == grammar.options["e"] for name in copies)
    assert {(rule.alias, rule.weight) for rule in found.rules if rule.lhs.name in copies} == {("x", 0.5), (None, 0.5)}


@pytest.mark.parametrize("text", ['start: start "a"', 'start: "a" b\nb: b'])
def test_a_grammar_without_texts(text):
    grammar = Grammar.from_lark(text)
    assert contexts(grammar, everything(grammar)) is None
    assert texts(split_by_context(grammar, everything(grammar), labelled(grammar)), 3) == set()


def test_what_comes_behind_a_terminal():
    grammar = Grammar.from_lark('start: "a" b "c"\nb: "x"? | "y" b')
    assert following_terminals(grammar) == {"A": {"X", "Y", "C"}, "X": {"C"}, "Y": {"X", "Y", "C"}, "C": set()}
