"""Ready automata as terminals and as parts of patterns."""

from __future__ import annotations

import pytest

import stolcke
from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal, Machine, Nonempty, Pattern, Regex, Repeat, Sequence
from stolcke.lexer import automaton

SOURCES = ["a", "ab|ac", "a*", "(ab)*c?", "", r"[^\s\S]", "é+|[^a]", '"([^"\\\\]|\\\\.)*"']
AROUND = {
    "itself": lambda part: part,
    "in a sequence": lambda part: Sequence((Literal("a"), part, part, Literal("b"))),
    "in a choice": lambda part: Choice((part, Literal("x"), Literal("y"))),
    "repeated": lambda part: Repeat(part, 2, 4),
    "without end": lambda part: Sequence((Repeat(part, 0, None), Literal("!"))),
    "without the empty text": lambda part: Nonempty(Sequence((part, part))),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("around", AROUND)
def test_a_machine_means_what_it_was_made_from(source: str, around: str) -> None:
    expression = Regex(source)
    machine = Machine("a test", automaton(expression))
    assert automaton(AROUND[around](machine)) == automaton(AROUND[around](expression))


FIRSTS = ["a", "ab|ac", "(a|bb)*c", '"[^"]*"', "ab|a", "a*", "", r"[^\s\S]", "aab|aac|ab", "x{3}"]
AFTERS = ["a", "a*", "", "[ab]*c?", r"[^\s\S]", " *: *", "(?:a|bb)*c", "a*?b", "ab|a"]


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("after", AFTERS)
def test_what_follows_a_machine_is_joined_to_it(first: str, after: str) -> None:
    machine = Machine("first", automaton(Regex(first)))
    expected = automaton(Sequence((Regex(first), Regex(after))))
    assert automaton(Sequence((machine, Regex(after)))) == expected
    assert automaton(Sequence((machine, Repeat(Regex(after), 1, 1), Literal("")))) == expected


def test_machines_of_equal_language_are_equal() -> None:
    one, other = Machine("one", automaton(Regex("aa*"))), Machine("other", automaton(Regex("a+")))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Machine("one", automaton(Regex("a")))


def test_a_lazy_repeat_beside_a_machine() -> None:
    pattern = Sequence((Regex("a*?"), Machine("b", automaton(Regex("b")))))
    assert automaton(pattern) == automaton(Regex("a*?b"))


def test_assertions_beside_a_machine_are_refused() -> None:
    with pytest.raises(GrammarError, match="with a ready automaton, b, are not"):
        automaton(Sequence((Machine("b", automaton(Regex("b"))), Regex("(?<!b)c"))))


def grammar_of(pattern: Pattern, name: str) -> Grammar:
    rule = Rule(Nonterminal("start"), (Terminal(name), Terminal(name)))
    return Grammar("start", (rule,), {name: TerminalDefinition(name, pattern)})


def test_a_grammar_of_machines_compiles_and_names_them() -> None:
    machine = Machine("a date", automaton(Regex("[0-9]{4}-[0-9]{2}")))
    compiled = stolcke.compile(grammar_of(machine, "__ANON_0"), stolcke.Vocabulary.from_bytes())
    assert compiled.arrays.terminals == ("a date",)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"2024-122025-01")
    assert matcher.is_accepting
    inside = grammar_of(Sequence((machine, Literal("!"))), "__ANON_0")
    assert stolcke.compile(inside, stolcke.Vocabulary.from_bytes()).arrays.terminals == ("__ANON_0",)
    with pytest.raises(GrammarError, match="a date"):
        str(inside)
