"""The automaton's form: trimmed, minimal, canonical; literals, limits, printing."""

from __future__ import annotations

import json
import random
import re
import time

import numpy as np
import pytest

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.patterns import Choice, Literal, Regex, Repeat, Sequence, Special
from stolcke.lexer import Automaton, automaton
from stolcke.options import Limits
from tests.reference.language import join, pattern_texts

ESCAPED_STRING = Sequence((Literal('"'), Regex(".*?"), Regex(r"(?<!\\)(\\\\)*?"), Literal('"')))
SAMPLES = [
    r"a|b*c{2,5}", r"(a|b)*a(a|b){5}", r"\w+", r"[^\W\d]\w*", r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?",
    r'"([^"\\\x00-\x1f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"', r"/\*(.|\n)*?\*/", r"(?i)select|from|where", r"(ab|cd)*?x",
]  # fmt: skip


def rows(machine: Automaton) -> list[dict[int, int]]:
    """Write out the transitions, one dictionary of bytes per state."""
    return [
        {
            byte: int(machine.target[edge])
            for edge in range(machine.offsets[state], machine.offsets[state + 1])
            for byte in range(machine.low[edge], int(machine.high[edge]) + 1)
        }
        for state in range(machine.n_states)
    ]


@pytest.mark.parametrize("source", SAMPLES)
def test_no_two_states_are_equivalent(source: str) -> None:
    machine = automaton(Regex(source))
    table = rows(machine)
    group = [int(flag) for flag in machine.accepting]
    while True:
        signatures = [
            (group[state], tuple((byte, group[target]) for byte, target in sorted(table[state].items())))
            for state in range(machine.n_states)
        ]
        numbers = {signature: number for number, signature in enumerate(dict.fromkeys(signatures))}
        refined = [numbers[signature] for signature in signatures]
        if len(numbers) == len(set(group)):
            break
        group = refined
    assert len(set(group)) == machine.n_states


@pytest.mark.parametrize("source", SAMPLES)
def test_every_state_lies_on_a_way_to_the_end(source: str) -> None:
    machine = automaton(Regex(source))
    table = rows(machine)
    live = {state for state in range(machine.n_states) if machine.accepting[state]}
    while more := {s for s in range(machine.n_states) if s not in live and live & set(table[s].values())}:
        live |= more
    assert live == set(range(machine.n_states))


@pytest.mark.parametrize("source", SAMPLES)
def test_states_are_numbered_breadth_first_and_edges_are_maximal(source: str) -> None:
    machine = automaton(Regex(source))
    order = [0]
    for state in order:
        for edge in range(machine.offsets[state], machine.offsets[state + 1]):
            if machine.target[edge] not in order:
                order.append(int(machine.target[edge]))
            if edge > machine.offsets[state]:
                assert machine.low[edge] > machine.high[edge - 1]
                assert (
                    machine.target[edge] != machine.target[edge - 1] or machine.low[edge] > machine.high[edge - 1] + 1
                )
    assert order == list(range(machine.n_states))


def test_arrays_have_the_promised_types() -> None:
    machine = automaton(Regex("a+"))
    types = [array.dtype for array in (machine.offsets, machine.low, machine.high, machine.target, machine.accepting)]
    assert types == [np.int32, np.uint8, np.uint8, np.int32, np.uint8]
    with pytest.raises(ValueError, match="read-only"):
        machine.target[0] = 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Regex("aa*"), Regex("a+")),
        (Regex("(a|b)*"), Regex("[ab]*")),
        (Regex(r"/\*(.|\n)*?\*/"), Regex(r"/\*([^*]|\*+[^*/])*\*+/")),
        (Regex(".*?x"), Regex(r"[^x\n]*x")),
        (Choice((Literal("ab"), Literal("ac"))), Regex("a[bc]")),
        (Choice((Literal("ab"), Literal(""))), Regex("(ab)?")),
        (Sequence((Choice((Literal("a"), Literal("ab"), Literal(""))), Literal("b"))), Regex("b|ab|abb")),
        (Repeat(Literal("ab"), 2, 3), Regex("abab(ab)?")),
        (Repeat(Literal("ab"), 0, None), Regex("(ab)*")),
        (Literal("é"), Literal("é".encode())),
        (Literal(b"ab", ignore_case=True), Regex("[aA][bB]")),
        (Sequence(()), Regex("")),
        (Choice(()), Regex("(?!)")),
        (ESCAPED_STRING, Regex(r'"([^"\\\n]|\\[^\n])*"')),
    ],
)
def test_equal_languages_give_equal_automata(one, other) -> None:
    assert automaton(one) == automaton(other)
    assert hash(automaton(one)) == hash(automaton(other))


def test_escaped_strings_are_what_json_reads() -> None:
    machine = automaton(ESCAPED_STRING)
    rng = random.Random(5)
    for _ in range(3000):
        text = '"' + "".join(rng.choices('"\\n/a', k=rng.randrange(6))) + '"'
        try:
            readable = isinstance(json.loads(text), str)
        except json.JSONDecodeError:
            readable = False
        # Every string of JSON is accepted; what is accepted besides has an escape that JSON has not.
        assert readable == (machine.accepts(text.encode()) and re.search(r"^([^\\]|\\[\\\"/n])*$", text) is not None)


def test_edge_languages() -> None:
    nothing = automaton(Choice(()))
    assert nothing.n_states == 0
    assert not nothing.accepts(b"")
    assert not nothing.matches_empty
    assert len(nothing.offsets) == 1
    assert automaton(Literal("")).matches_empty
    assert automaton(Regex("a*")).matches_empty
    assert not automaton(Regex("a+")).matches_empty
    assert automaton(Sequence((Literal("a"), Choice(())))) == nothing


def test_raw_bytes_need_not_be_utf8() -> None:
    machine = automaton(Sequence((Literal(b"\xff\x80"), Regex(".+"))))
    assert machine.accepts(b"\xff\x80\xc3\xa9")
    assert not machine.accepts(b"\xff\x80\xc3")


def test_printed_readably() -> None:
    assert str(automaton(Regex(r"x[0-9\-]+ |\n"))) == "0 \\n 1, x 2\n1*\n2 [\\-0-9] 3\n3 \\x20 1, [\\-0-9] 3"
    assert str(automaton(Choice(()))) == "(matches nothing)"


def test_what_has_no_automaton() -> None:
    with pytest.raises(GrammarError, match="_CALL"):
        automaton(Sequence((Literal("a"), Special("_CALL"))))
    with pytest.raises(GrammarError, match=r"U\+D800"):
        automaton(Literal("a\ud800"))


def many(count: int, rng: random.Random) -> tuple[Literal, ...]:
    """Make random words."""
    return tuple(Literal("".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 12)))) for _ in range(count))


def test_dictionaries() -> None:
    words = many(2000, random.Random(3))
    machine = automaton(Choice(words))
    assert all(machine.accepts(word.text.encode()) for word in words)
    known = {word.text for word in words}
    assert not any(machine.accepts(w.text.encode()) for w in many(2000, random.Random(4)) if w.text not in known)
    assert machine == automaton(Choice((*words[::-1], Regex("(?!)"))))
    assert machine == automaton(Regex("|".join(known)))


def test_fifty_thousand_words_are_quick() -> None:
    words = many(50_000, random.Random(1))
    begin = time.perf_counter()
    machine = automaton(Choice(words))
    assert time.perf_counter() - begin < 5  # a fifth of a second on an idle machine
    assert machine.accepts(words[77].text.encode())


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("a{1,1000000}", "repeat"),
        ("a{99999999999999999999}", "repeat"),
        ("((a{100}){100}){100}", "regex_states"),
        ("((a{1,100}b?){1,100}){1,100}", "regex_states"),
        ("(a|b)*a(a|b){30}", "regex_states"),
        ("(x*y{1,100}){1,100}z?.*?a{3,5}?", "regex_states"),
        ("(" * 300 + "a" + ")" * 300, "nesting"),
        ("|".join("ab" for _ in range(60_000)), "alternatives"),
    ],
)
def test_limits(source: str, limit: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(LimitExceeded) as caught:
        automaton(Regex(source))
    assert caught.value.limit == limit
    assert caught.value.allowed == getattr(Limits(), limit)
    assert time.perf_counter() - begin < 100  # two seconds at most on an idle machine


def test_limits_of_patterns() -> None:
    with pytest.raises(LimitExceeded, match="repeat"):
        automaton(Repeat(Literal("a"), 0, 20_000))
    with pytest.raises(LimitExceeded, match="alternatives"):
        automaton(Choice(many(11, random.Random(1))), Limits(alternatives=10))
    with pytest.raises(LimitExceeded, match="regex_states"):
        automaton(Regex("a{1,100}"), Limits(regex_states=50))
    deep = Literal("a")
    for _ in range(5000):
        deep = Sequence((deep,))
    with pytest.raises(LimitExceeded, match="nesting"):
        automaton(deep)


def test_counts_within_the_limits() -> None:
    assert automaton(Regex("[a-z]{1,1000}")).n_states == 1001
    assert automaton(Regex("(a?){1,1000}")) == automaton(Regex("a{0,1000}"))
    assert automaton(Regex(".{1,1000}")).accepts(("é" * 1000).encode())
    assert not automaton(Regex(".{1,1000}")).accepts(("é" * 1001).encode())


@pytest.mark.parametrize(
    ("source", "repeats"),
    [
        (r"[ \t]+", True), (r"(a|bc)+", True), (r"\s+", True), (r"[ \t]*", True), (r"(a?b)+", True), (r".+", True),
        (r" ", False), (r" {1,3}", False), (r"#[^\n]*\n", False), (r" +|\n", False), (r"#+.", False), (r"#.*?a", False),
        (r"/\*(.|\n)*?\*/", False), (r"a+b", False), (r"[^\s\S]", True),
    ],
)  # fmt: skip
def test_what_repeats_goes_on_after_a_match_as_it_began(source: str, repeats: bool) -> None:
    assert automaton(Regex(source)).repeats == repeats


@pytest.mark.parametrize(
    "source", [*SAMPLES, r"a+", r"(a|bc)+", r"(ab?)*", r"(a|ba)+b?", r"(a+b)+", r"(aa|b)+", r"a+|b"]
)
def test_matches_of_what_repeats_are_a_match_in_a_row(source: str) -> None:
    if automaton(Regex(source)).repeats:
        texts = pattern_texts(Regex(source), "abc", 4)
        assert texts
        assert join(texts, texts, 4) <= texts
