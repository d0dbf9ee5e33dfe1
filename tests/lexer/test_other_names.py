"""All names but some: their automata, and the states that the core makes without them, against the general way."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke import Vocabulary
from stolcke._core.start_states import LONGEST_NAME
from stolcke.grammar.patterns import Machine, Sequence
from stolcke.lexer import Automaton, OtherNames, automaton
from stolcke.lexer.language import Language
from tests.lexer.test_member_name import COLONS, TEXTS

AFTER = COLONS[:3]
"""Of what stands between a name and its value: not a quote, which would be taken for that of the name."""
NAMES = st.lists(TEXTS | st.sampled_from(["ab", "abc", "abd", "b", "é", "è", "\U0001f600", "\U0001f601"]), max_size=6)


def in_general(names: tuple[str, ...], ascii_only: bool, after: Automaton) -> Automaton:
    literal = (~Language.words(names)).json_string(ascii_only)
    return automaton(Sequence((Machine("names", literal), Machine("colon", after))))


@given(NAMES.map(tuple), st.booleans(), st.sampled_from(AFTER))
def test_names_are_their_literals_and_what_follows(names: tuple[str, ...], ascii_only: bool, after: Automaton) -> None:
    made, wanted = OtherNames(names, ascii_only, after), in_general(names, ascii_only, after)
    assert made.machine == wanted.machine
    assert (made.n_states, made.is_empty, made.matches_empty) == (wanted.n_states, False, False)


@given(
    st.lists(st.tuples(NAMES.map(tuple), st.booleans(), st.sampled_from(AFTER)), min_size=1, max_size=4), st.booleans()
)
def test_the_core_makes_the_states_that_the_automaton_has(several: list, general_first: bool) -> None:
    vocabulary = Vocabulary.from_bytes()
    ways = [OtherNames, in_general][:: -1 if general_first else 1]
    first, second = ([vocabulary.start_state(way(*each)) for each in several] for way in ways)
    assert first == second
    assert len(set(first)) == len({in_general(*each) for each in several})


@given(NAMES.map(tuple), TEXTS, st.booleans())
def test_no_spelling_of_a_name_is_read(names: tuple[str, ...], name: str, ascii_only: bool) -> None:
    made = OtherNames(names, ascii_only, COLONS[0])
    escaped = "".join(f"\\u{unit:04X}" for unit in memoryview(name.encode("utf-16-le")).cast("H"))
    for text in (json.dumps(name, ensure_ascii=ascii_only), f'"{escaped}"', f'"{escaped.lower()}"'):
        assert made.accepts(f"{text}:".encode()) == (name not in names)
        assert not made.accepts(text.encode())


def test_names_are_equal_where_they_leave_out_the_same() -> None:
    mine = OtherNames(("a", "b"), False, COLONS[0])
    same = OtherNames(("b", "a", "b"), False, COLONS[0])
    assert mine == same and hash(mine) == hash(same)
    assert pickle.loads(pickle.dumps(mine)) == mine
    others = [OtherNames(("a",), False, COLONS[0]), OtherNames(("a", "b"), True, COLONS[0])]
    assert all(mine != other for other in [*others, OtherNames(("a", "b"), False, COLONS[1])])
    assert mine != in_general(("a", "b"), False, COLONS[0])


def test_what_is_no_text_is_not_left_out() -> None:
    vocabulary = Vocabulary.from_bytes()
    ways = OtherNames(("\ud800", "a"), False, COLONS[0]), OtherNames(("a",), False, COLONS[0])
    assert len({vocabulary.start_state(each) for each in ways}) == 1
    assert vocabulary.start_state(OtherNames(("\ud800",), False, COLONS[0])) == vocabulary.start_state(
        in_general((), False, COLONS[0])
    )


@pytest.mark.parametrize("length", [LONGEST_NAME, LONGEST_NAME + 1])
def test_names_may_be_long(length: int) -> None:
    vocabulary, names = Vocabulary.from_bytes(), ("a" * length, "b")
    assert vocabulary.start_state(OtherNames(names, False, COLONS[0])) == vocabulary.start_state(
        in_general(names, False, COLONS[0])
    )


def test_the_core_refuses_what_is_no_name() -> None:
    core = Vocabulary.from_bytes().core
    state = core.add_automaton(COLONS[0].machine)
    for everything in (state, 2**31):
        with pytest.raises(ValueError, match="no such state"):
            core.add_other_names(["a"], False, everything)
    everything = core.add_automaton(in_general((), False, COLONS[0]).machine)
    for name in ("\ud800", "a" * (LONGEST_NAME + 1)):
        with pytest.raises(ValueError, match="name"):
            core.add_other_names([name], False, everything)
