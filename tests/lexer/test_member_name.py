"""Names of members: their automata, and the states that the core makes without them, against the general way."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke import Grammar, Vocabulary
from stolcke.grammar.patterns import Literal, Machine, Regex, Sequence
from stolcke.lexer import Automaton, MemberName, automaton
from stolcke.lexer.language import Language

COLONS = [automaton(each) for each in (Literal(":"), Literal(": "), Regex(r"[ \t]*:[ \t\n]*"), Regex('["a]*:'))]
ODD = [
    "",
    "a",
    "\0",
    "\t\b/",
    '"',
    "\\",
    "][",
    "u005",
    "é",
    "漢",
    "\ud7ff\ue000",
    "\uffff\U00010000\U0010ffff",
    "\x7f\x80",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(ODD)


def in_general(name: str, ascii_only: bool, after: Automaton) -> Automaton:
    literal = Language.words([name]).json_string(ascii_only)
    return automaton(Sequence((Machine("name", literal), Machine("colon", after))))


@given(TEXTS, st.booleans(), st.sampled_from(COLONS))
def test_a_name_is_its_literal_and_what_follows(name: str, ascii_only: bool, after: Automaton) -> None:
    made, wanted = MemberName(name, ascii_only, after), in_general(name, ascii_only, after)
    assert made.machine == wanted.machine
    assert (made.n_states, made.is_empty, made.matches_empty) == (wanted.n_states, False, False)


@given(st.lists(st.tuples(TEXTS, st.booleans(), st.sampled_from(COLONS)), min_size=1, max_size=4), st.booleans())
def test_the_core_makes_the_states_that_the_automaton_has(names: list, general_first: bool) -> None:
    vocabulary = Vocabulary.from_bytes()
    ways = [MemberName, in_general][:: -1 if general_first else 1]
    first, second = ([vocabulary.start_state(way(*each)) for each in names] for way in ways)
    assert first == second
    assert len(set(first)) == len({in_general(*each) for each in names})


@given(TEXTS, st.booleans())
def test_every_spelling_is_read(name: str, ascii_only: bool) -> None:
    made = MemberName(name, ascii_only, COLONS[0])
    plain = json.dumps(name, ensure_ascii=ascii_only)
    escaped = "".join(f"\\u{unit:04X}" for unit in memoryview(name.encode("utf-16-le")).cast("H"))
    for text in (plain, f'"{escaped}"', f'"{escaped.lower()}"'):
        assert made.accepts(f"{text}:".encode())
        assert not made.accepts(text.encode())
    raw = json.dumps(name, ensure_ascii=False)
    assert made.accepts(f"{raw}:".encode()) == (not ascii_only or name.isascii() or raw == plain)


def test_names_are_equal_where_all_of_them_is() -> None:
    mine = MemberName("a", False, COLONS[0])
    assert mine == MemberName("a", False, automaton(Literal(":"))) and hash(mine) == hash(copy.copy(mine))
    assert pickle.loads(pickle.dumps(mine)) == mine
    others = [MemberName("b", False, COLONS[0]), MemberName("a", True, COLONS[0]), MemberName("a", False, COLONS[1])]
    assert all(mine != other for other in others)
    general = in_general("a", False, COLONS[0])
    assert mine != general and general != mine  # as documented: hashes could not be equal


def test_the_core_refuses_what_is_no_name() -> None:
    core = Vocabulary.from_bytes().core
    with pytest.raises(ValueError, match="no such state"):
        core.add_name("a", False, 2**31)
    state = core.add_automaton(COLONS[0].machine)
    with pytest.raises(ValueError, match="surrogate"):
        core.add_name("\ud800", False, state)


def test_a_name_that_is_no_text_is_never_written() -> None:
    grammar = Grammar.from_json_schema({"properties": {"\ud800": {"type": "null"}}, "additionalProperties": False})
    terminals = [each.pattern for each in grammar.terminals.values() if "\ud800" in each.name]
    assert terminals and all(automaton(pattern).is_empty for pattern in terminals)


def test_a_pattern_that_is_one_name_is_that_name() -> None:
    schema = {"properties": {"a": True}, "patternProperties": {"^b$": True}, "additionalProperties": False}
    names = [each.pattern.automaton for each in Grammar.from_json_schema(schema).terminals.values()
             if isinstance(each.pattern, Machine) and isinstance(each.pattern.automaton, MemberName)]  # fmt: skip
    assert sorted(each.name for each in names) == ["a", "b"]
