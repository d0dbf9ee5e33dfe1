"""Instances made without constructors are those that the constructors make."""

from __future__ import annotations

import gc
import sys
from dataclasses import FrozenInstanceError, dataclass, field

import pytest

from stolcke._core.records import Maker
from stolcke.grammar.model import Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal

A, B = Nonterminal("a"), Terminal("B")


@pytest.mark.parametrize(
    ("made", "values"),
    [(Nonterminal, ("a",)), (Terminal, ("B",)), (TerminalDefinition, ("B", Literal("b"))), (Rule, (A, (A, B)))],
)
def test_an_instance_is_what_the_constructor_makes(made, values):
    maker = Maker(made)
    instance = maker.of_one(*values) if len(values) == 1 else maker.of_two(*values)
    expected = made(*values)
    assert type(instance) is made
    assert instance == expected
    assert hash(instance) == hash(expected)
    assert repr(instance) == repr(expected)
    with pytest.raises(FrozenInstanceError):
        setattr(instance, made.__slots__[0], None)


def test_the_collector_is_spared_what_cannot_be_in_a_cycle():
    nonterminal = Maker(Nonterminal, acyclic=True).of_one("".join(["na", "me"]))
    rhs = (nonterminal, Maker(Terminal, acyclic=True).of_one("B"))
    rule = Maker(Rule, acyclic=True).of_two(nonterminal, rhs)
    assert not any(map(gc.is_tracked, (*rhs, rhs, rule)))
    assert rule == Rule(Nonterminal("name"), (Nonterminal("name"), B))
    name = nonterminal.name
    held = sys.getrefcount(name)
    del nonterminal, rhs, rule
    gc.collect()
    assert sys.getrefcount(name) == held - 1


def test_values_are_held_and_let_go():
    value = [object()]
    before = sys.getrefcount(value)
    instances = [Maker(Nonterminal).of_one(value) for _ in range(10)]
    assert sys.getrefcount(value) == before + 10
    assert gc.is_tracked(instances[0])
    del instances
    assert sys.getrefcount(value) == before


@dataclass(slots=True)
class Pair:
    first: int
    second: int = 2


@dataclass(slots=True)
class WithList:
    first: list = field(default_factory=list)


@dataclass(slots=True)
class WithWork:
    first: int

    def __post_init__(self) -> None:
        self.first += 1


@dataclass
class WithDict:
    first: int


def test_fields_that_are_not_given_have_their_defaults():
    assert Maker(Pair).of_one(1) == Pair(1)
    assert Maker(Pair).of_two(1, 3) == Pair(1, 3)


@pytest.mark.parametrize("made", [WithList, WithWork, WithDict])
def test_classes_that_do_more_are_refused(made):
    with pytest.raises(TypeError, match=made.__name__):
        Maker(made)


def test_the_number_of_values_must_fit():
    with pytest.raises(TypeError, match="Rule cannot be made of 1 values"):
        Maker(Rule).of_one(A)
    with pytest.raises(TypeError, match="Nonterminal cannot be made of 2 values"):
        Maker(Nonterminal).of_two("a", "b")
