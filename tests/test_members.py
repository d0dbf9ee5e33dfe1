"""Rules of objects with members in order: they derive exactly the documents that are meant; and names are new."""

from __future__ import annotations

import itertools

import pytest

from stolcke._core.members import fresh, members_in_order
from stolcke._core.records import Maker
from stolcke.grammar.model import Nonterminal, Rule, Terminal

OPEN, CLOSE, EMPTY, COMMA = STRUCTURE = tuple(map(Terminal, ("{", "}", "{}", ",")))
MOST = 3
"""Members of the longest documents looked at."""


def written(required: list[bool], n_others: int, may_be_empty: bool) -> list[Rule]:
    """The rules of an object with some declared members and kinds of others."""
    rules: list[Rule] = []
    members = [(Terminal(f"k{i}"), Terminal(f"v{i}"), needed) for i, needed in enumerate(required)]
    others = [(Terminal(f"o{i}"), Terminal(f"w{i}")) for i in range(n_others)]
    members_in_order(
        rules, {}, Maker(Rule), Maker(Nonterminal), Nonterminal("object"), STRUCTURE, members, others, may_be_empty
    )
    return rules


def derived(rules: list[Rule]) -> set[str]:
    """All that ``object`` derives with at most MOST members, by rewriting the first nonterminal again and again."""
    found, pending = set(), [(Nonterminal("object"),)]
    while pending:
        text = pending.pop()
        if sum(symbol.name[0] in "ko" for symbol in text if isinstance(symbol, Terminal)) > MOST:
            continue
        place = next((i for i, symbol in enumerate(text) if isinstance(symbol, Nonterminal)), None)
        if place is None:
            found.add(" ".join(symbol.name for symbol in text))
        else:
            pending += [(*text[:place], *rule.rhs, *text[place + 1 :]) for rule in rules if rule.lhs == text[place]]
    return found


def meant(required: list[bool], n_others: int, may_be_empty: bool) -> set[str]:
    """The same, by looking at every sequence of members: declared ones ascend, and the required ones are there."""
    names = [f"k{i} v{i}" for i in range(len(required))] + [f"o{i} w{i}" for i in range(n_others)]
    found = set()
    for n in range(MOST + 1):
        for members in itertools.product(names, repeat=n):
            declared = [int(member[1 : member.index(" ")]) for member in members if member[0] == "k"]
            if declared != sorted(set(declared)) or any(
                needed and i not in declared for i, needed in enumerate(required)
            ):
                continue
            if members:
                found.add(f"{{ {' , '.join(members)} }}")
            elif may_be_empty:
                found.add("{}")
    return found


@pytest.mark.parametrize("n_others", [0, 1, 2])
@pytest.mark.parametrize("may_be_empty", [False, True])
@pytest.mark.parametrize("n", range(4))
def test_objects_with_members_in_order(n: int, may_be_empty: bool, n_others: int):
    for required in itertools.product([False, True], repeat=n):
        choices = list(required), n_others, may_be_empty
        assert derived(written(*choices)) == meant(*choices)


def test_nonterminals_are_called_after_the_object():
    names = {rule.lhs.name for rule in written([False, True], 1, True)}
    assert names == {
        "object",
        *("object_rest", "object_rest_1", "object_rest_2"),
        *("object_named", "object_named_1"),
        *("object_member", "object_member_1", "object_member_2"),
    }


def test_names_are_new():
    names: dict[str, int] = {}
    wanted = ["a", "a", "a_2", "a", "a_1", "b", "a_2"]
    assert [fresh(names, each) for each in wanted] == ["a", "a_1", "a_2", "a_3", "a_1_1", "b", "a_2_1"]
    assert len(names) == len(wanted)


def test_other_things_are_refused():
    with pytest.raises(TypeError):
        fresh({}, None)
    with pytest.raises(TypeError):
        members_in_order([], {}, Rule, Maker(Nonterminal), Nonterminal("a"), STRUCTURE, [], [], True)
    with pytest.raises(ValueError, match="unpack"):
        members_in_order(
            [], {}, Maker(Rule), Maker(Nonterminal), Nonterminal("a"), STRUCTURE[:3], [], [], may_be_empty=True
        )
