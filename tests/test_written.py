"""Rules written as numbers: objects derive the documents that are meant, names are new, symbols are the same."""

from __future__ import annotations

import itertools

import pytest

from stolcke import Grammar, Vocabulary, compile
from stolcke._core.written import WrittenRules
from stolcke.compiler import lower
from stolcke.deadline import Deadline
from stolcke.grammar.model import Grammar as Model
from stolcke.options import Limits, Options

MOST = 3
"""Members of the longest documents looked at."""


def members(required: list[bool], n_others: int, may_be_empty: bool) -> tuple[WrittenRules, list[tuple]]:
    """The rules of an object with some declared members and kinds of others."""
    written = WrittenRules()
    lhs = written.nonterminal("object")
    structure = tuple(written.terminal(None, title) for title in ("{", "}", "{}", ","))
    declared = [
        (written.terminal(None, f"k{i}"), written.terminal(None, f"v{i}"), needed) for i, needed in enumerate(required)
    ]
    others = [(written.terminal(None, f"o{i}"), written.terminal(None, f"w{i}")) for i in range(n_others)]
    written.members_in_order(lhs, structure, declared, others, may_be_empty)
    return written, written.symbolic_rules()


def derived(written: WrittenRules, rules: list[tuple]) -> set[str]:
    """All that the first nonterminal derives with at most MOST members, by rewriting again and again."""
    found, pending = set(), [(~0,)]
    while pending:
        text = pending.pop()
        if sum(symbol >= 0 and written.titles[symbol][0] in "ko" for symbol in text) > MOST:
            continue
        place = next((i for i, symbol in enumerate(text) if symbol < 0), None)
        if place is None:
            found.add(" ".join(written.titles[symbol] for symbol in text))
        else:
            pending += [(*text[:place], *rhs, *text[place + 1 :]) for lhs, rhs in rules if lhs == text[place]]
    return found


def meant(required: list[bool], n_others: int, may_be_empty: bool) -> set[str]:
    """The same, by looking at every sequence of members: declared ones ascend, and the required ones are there."""
    names = [f"k{i} v{i}" for i in range(len(required))] + [f"o{i} w{i}" for i in range(n_others)]
    found = set()
    for n in range(MOST + 1):
        for some in itertools.product(names, repeat=n):
            declared = [int(member[1 : member.index(" ")]) for member in some if member[0] == "k"]
            if declared != sorted(set(declared)) or any(
                needed and i not in declared for i, needed in enumerate(required)
            ):
                continue
            if some:
                found.add(f"{{ {' , '.join(some)} }}")
            elif may_be_empty:
                found.add("{}")
    return found


@pytest.mark.parametrize("n", range(4))
@pytest.mark.parametrize("may_be_empty", [False, True])
@pytest.mark.parametrize("n_others", range(3))
def test_objects_with_members_in_order(n: int, may_be_empty: bool, n_others: int):
    for required in itertools.product([False, True], repeat=n):
        written, rules = members(list(required), n_others, may_be_empty)
        assert derived(written, rules) == meant(list(required), n_others, may_be_empty)


def test_names_are_not_in_use():
    written = WrittenRules()
    start = written.nonterminal("a")
    for wanted in ("a", "a_1", "b", "a", "a_1"):
        written.nonterminal(wanted)
    written.terminal(None, "a")
    written.part_of(start, "rest")
    terminals, nonterminals = written.names()
    assert terminals == ["a_1"]
    assert nonterminals == ["a", "a_2", "a_1_1", "b", "a_3", "a_1_2", "a_rest"]


def test_what_was_not_made_is_refused():
    written = WrittenRules()
    start = written.nonterminal("a")
    terminal = written.terminal(None, "x")
    for symbol in (terminal + 1, start - 1):
        with pytest.raises(ValueError, match="no symbol"):
            written.rule(start, symbol)
        with pytest.raises(ValueError, match="no symbol"):
            written.tally(start, [((symbol,), False, False, False)], ())
    for lhs in (terminal, start - 1):
        for write in (
            lambda lhs=lhs: written.rule(lhs, terminal),
            lambda lhs=lhs: written.part_of(lhs, "rest"),
            lambda lhs=lhs: written.tally(lhs, [], ()),
            lambda lhs=lhs: written.members_in_order(lhs, (0, 0, 0, 0), [], [], True),
        ):
            with pytest.raises(ValueError, match="no nonterminal"):
                write()
    assert written.n_rules == 0
    with pytest.raises(ValueError, match="four"):
        written.members_in_order(start, (terminal,) * 3, [], [], True)
    with pytest.raises(TypeError):
        written.members_in_order(start, (terminal,) * 4, [(terminal, "b", True)], [], True)


SCHEMAS = [
    True,
    {"type": "object", "properties": {"document": {"type": "string"}, "b": {"enum": [1, "x"]}}, "required": ["b", "c"]},
    {"type": "object", "properties": {"a": {"$ref": "#"}}, "additionalProperties": {"type": ["string", "null"]}},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 5},
    {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True},
    {"prefixItems": [{"type": "string"}], "items": {"anyOf": [{"type": "number"}, {"type": "object"}]}},
]


@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_numbers_and_symbols_are_the_same_grammar(schema, order: str):
    grammar = Grammar.from_json_schema(schema, property_order=order, options=Options(memoise_grammars=False))
    assert grammar.written is not None and "rules" not in vars(grammar)
    symbolic = Model(grammar.start, grammar.rules, grammar.terminals, tallies=grammar.tallies)
    assert symbolic.written is None and symbolic == grammar and hash(symbolic) == hash(grammar)
    mine, other = (lower(each, Limits(), Options(), Deadline()) for each in (grammar, symbolic))
    assert mine.terminals == other.terminals and mine.nonterminals == other.nonterminals
    (_, mine_arrays), (_, other_arrays) = mine.to_file(), other.to_file()
    assert mine_arrays.keys() == other_arrays.keys()
    for name, array in mine_arrays.items():
        assert array.tolist() == other_arrays[name].tolist(), name


def test_an_attribute_that_is_no_field_is_missing():
    grammar = Grammar.from_json_schema(True)
    with pytest.raises(AttributeError, match="no attribute 'rule'"):
        grammar.rule  # noqa: B018
    assert compile(grammar, Vocabulary.from_bytes()).matcher().accept_bytes(b"[1, {}]")
