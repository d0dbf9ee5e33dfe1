"""Unions of objects lose the sets that lie within others of them, and no object."""

from __future__ import annotations

import itertools
import random

import pytest

from stolcke.frontends.json_schema.algebra import reduced
from stolcke.frontends.json_schema.formulas import ANYTHING, NEVER, Constant
from stolcke.frontends.json_schema.objects import Layer, Objects

NAMES = ("a", "b", "c")
GOALS = [ANYTHING, NEVER, frozenset([Constant(1)]), frozenset([Constant(2)]), frozenset([Constant(1), Constant(2)])]
DOCUMENTS = [
    dict(zip(names, values, strict=True))
    for n in range(4)
    for names in itertools.combinations(NAMES, n)
    for values in itertools.product([1, 2, 3], repeat=n)
]


def fulfils(value: int, goal: frozenset) -> bool:
    """Whether a value satisfies a goal of constants."""
    return goal is not NEVER and all(formula.value == value for formula in goal)


def contains(objects: Objects, document: dict[str, int]) -> bool:
    """Whether an object is in a simple set that asks for members and their values."""
    return all(name in document for name in objects.required) and all(
        fulfils(value, objects.goal(name)) for name, value in document.items()
    )


def an_object(draw: random.Random) -> Objects:
    """A set with a few conditions."""
    names = draw.sample(NAMES, draw.randint(0, 3))
    layer = Layer({name: draw.choice(GOALS) for name in names}, additional=draw.choice([ANYTHING, ANYTHING, NEVER]))
    return Objects((layer,), tuple(draw.sample(NAMES, draw.randint(0, 2))))


@pytest.mark.parametrize("seed", range(100))
def test_no_object_is_lost(seed: int) -> None:
    draw = random.Random(seed)
    sets = tuple(an_object(draw) for _ in range(12))
    kept = reduced(sets)
    for document in DOCUMENTS:
        assert any(contains(one, document) for one in kept) == any(contains(one, document) for one in sets)


def test_what_lies_within_another_set_goes() -> None:
    wide = Objects((Layer({"a": GOALS[2]}),))
    narrow = Objects((Layer({"a": GOALS[2], "b": GOALS[3]}),), ("a",))
    without = Objects((Layer({"a": NEVER}),))
    other = Objects((Layer({"b": GOALS[2]}),))
    assert reduced((narrow, wide, without, other)) == (wide, other)


def test_a_set_that_declares_another_order_stays() -> None:
    ab = Objects((Layer({"a": GOALS[2], "b": GOALS[2]}),))
    ba = Objects((Layer({"b": GOALS[2], "a": GOALS[2]}),), ("a",))
    assert reduced((ab, ba)) == (ab, ba)
