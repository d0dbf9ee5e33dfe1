"""All small regular expressions, and random ones, against the definition and against :mod:`re`."""

from __future__ import annotations

import re
from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke.grammar.patterns import Choice, Literal, Regex, Repeat, Sequence
from stolcke.lexer import Automaton, automaton
from tests.reference.regex import Twin

REPEATS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}?"]
TEXTS = ["".join(text) for length in range(5) for text in product("ab", repeat=length)]


def has_lazy(source: str) -> bool:
    """Say whether a repeat of an expression is lazy (one that cannot vary is not)."""
    return re.search(r"[*+?}]\?", source) is not None


@cache
def expressions(size: int, leaves: tuple[str, ...]) -> tuple[str, ...]:
    """Write down every expression of a size: leaves, repeats, products and alternations count one each."""
    if size == 1:
        return leaves
    found = [f"(?:{part}){repeat}" for part in expressions(size - 1, leaves) for repeat in REPEATS]
    for left in range(1, size - 1):
        for a, b in product(expressions(left, leaves), expressions(size - 1 - left, leaves)):
            found += [a + b, f"(?:{a}|{b})"]
    return tuple(found)


def check(source: str, texts: list[str]) -> Automaton:
    """Compare with both references on every text."""
    machine = automaton(Regex(source))
    twin = Twin(source)
    for text in texts:
        accepted = machine.accepts(text.encode())
        assert accepted == twin.accepts(text), (source, text)
        if not has_lazy(source):
            assert accepted == (re.fullmatch(source, text) is not None), (source, text)
    return machine


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_all_expressions(size: int) -> None:
    by_language: dict[tuple[bool, ...], Automaton] = {}
    for source in expressions(size, ("a", "b")):
        machine = check(source, TEXTS)
        if machine.n_states <= 2:
            # Two automata of two states each that agree on all texts of length < 4 are of one language.
            language = tuple(machine.accepts(text.encode()) for text in TEXTS)
            assert by_language.setdefault(language, machine) == machine, source


def test_all_expressions_with_lookbehind() -> None:
    for size in (1, 2, 3):
        for source in expressions(size, ("a", "b", "(?<=a)", "(?<!a)")):
            check(f"[ab]{source}b", TEXTS)


def larger() -> st.SearchStrategy[str]:
    """Expressions over three letters, with classes, deeper than the exhaustive ones."""
    leaves = st.sampled_from(["a", "b", "c", "[ab]", "[^a]", ".", "ab", "(?<!a)", ""])
    return st.recursive(
        leaves,
        lambda parts: st.one_of(
            st.tuples(parts, parts).map("".join),
            st.tuples(parts, parts).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
            st.tuples(parts, st.sampled_from(REPEATS)).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        ),
        max_leaves=6,
    ).filter(lambda source: len(re.findall(r"\)[*+?{]", source)) <= 4)  # the slow twin counts every path


@given(larger(), st.lists(st.text("abc", max_size=5), max_size=8))
def test_random_expressions(source: str, texts: list[str]) -> None:
    check(f"c{source}", ["c" + text for text in texts])


@given(larger(), st.text("abc", max_size=3))
def test_every_state_can_be_completed(source: str, text: str) -> None:
    """A text that the automaton reads is the beginning of an accepted one, and no other is."""
    machine = automaton(Regex(f"c{source}"))
    state = 0 if machine.n_states else -1
    for byte in ("c" + text).encode():
        state = machine.step(state, byte) if state >= 0 else -1
    if state < 0:
        assert not Twin(f"c{source}").is_viable_prefix("c" + text, "abc", 2)
    else:
        assert _completed(machine, state)


def _completed(machine: Automaton, state: int) -> bool:
    seen, todo = {state}, [state]
    while todo:
        state = todo.pop()
        if machine.accepting[state]:
            return True
        for target in machine.target[machine.offsets[state] : machine.offsets[state + 1]].tolist():
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return False


@given(larger(), larger(), st.lists(st.text("abc", max_size=5), max_size=6))
def test_patterns_combine_as_expressions_do(left: str, right: str, texts: list[str]) -> None:
    parts = (Regex(f"c{left}"), Regex(f"c{right}"))
    assert automaton(Sequence(parts)) == automaton(Regex(f"c(?:{left})c(?:{right})"))
    assert automaton(Choice(parts)) == automaton(Regex(f"(?:c(?:{left})|c(?:{right}))"))
    assert automaton(Repeat(parts[0], 1, None)) == automaton(Regex(f"(?:c(?:{left}))+"))
    words = tuple(Literal(text) for text in texts)
    assert automaton(Choice((*words, parts[0]))) == automaton(
        Regex("|".join([*(f"(?:{re.escape(text)})" for text in texts), f"c(?:{left})"]))
    )
