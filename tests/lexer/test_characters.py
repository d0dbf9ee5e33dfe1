"""Character classes, case folding and UTF-8 against :mod:`re` over every code point."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke.grammar.patterns import Literal, Regex
from stolcke.lexer import Automaton, automaton, charsets

CODES = np.concatenate([np.arange(0xD800), np.arange(0xE000, 0x110000)]).astype(np.uint32)
TEXT = CODES.astype("<u4").tobytes().decode("utf-32-le")


def accepted_characters(machine: Automaton) -> np.ndarray:
    """Run an automaton on the encoding of every code point at once."""
    dead = machine.n_states
    table = np.full((dead + 1, 256), dead, np.int32)
    for state in range(dead):
        for edge in range(machine.offsets[state], machine.offsets[state + 1]):
            table[state, machine.low[edge] : int(machine.high[edge]) + 1] = machine.target[edge]
    accepting = np.append(machine.accepting.astype(bool), False)
    # The bytes themselves come from Python's own encoder.
    found = []
    for length, begin, end in ((1, 0, 0x80), (2, 0x80, 0x800), (3, 0x800, 0x10000), (4, 0x10000, 0x110000)):
        codes = CODES[(begin <= CODES) & (end > CODES)]
        encoded = codes.astype("<u4").tobytes().decode("utf-32-le").encode()
        rows = np.frombuffer(encoded, np.uint8).reshape(len(codes), length)
        state = np.zeros(len(codes), np.int32)
        for column in rows.T:
            state = table[state, column]
        found.append(codes[accepting[state]])
    return np.concatenate(found)


def by_re(source: str, flags: int) -> np.ndarray:
    """List the characters that :mod:`re` matches."""
    matched = "".join(re.findall(source, TEXT, flags))
    return np.frombuffer(matched.encode("utf-32-le"), np.uint32)


CLASSES = [
    (r"\w", 0), (r"\W", 0), (r"\d", 0), (r"\D", 0), (r"\s", 0), (r"\S", 0), (r".", 0), (r".", re.S),
    (r"\w", re.A), (r"\W", re.A), (r"\s", re.A), (r"\D", re.A), (r"[\w\s]", 0), (r"[^\W\d]", 0), (r"[^\w-]", 0),
    (r"k", re.I), (r"s", re.I), (r"i", re.I), (r"[^k]", re.I), (r"[k-s]", re.I), (r"[a-z]", re.I), (r"[^a-z]", re.I),
    (r"[A-Z]", re.I), (r"K", re.I | re.A), (r"[a-zé]", re.I | re.A), (r"µ", re.I), (r"[ς]", re.I), (r"ß", re.I),
    (r"İ", re.I), (r"ı", re.I), (r"ǆ", re.I), (r"[α-ω]", re.I), (r"\w", re.I), (r"[^\W]", re.I), (r"ﬅ", re.I),
    ("\U00010400", re.I), ("[\U00010400]", re.I), ("[\U00010400-\U00010427]", re.I), ("[^\U00010428x]", re.I),
    (r"[\x00-\U0010ffff]", 0), (r"[\ud800-\ue001]", 0), (r"[\u07ff\u0800\uffff\U00010000]", 0), (r"[^\x00-\x7f]", re.I),
]  # fmt: skip


@pytest.mark.parametrize(("source", "flags"), CLASSES)
def test_every_code_point(source: str, flags: int) -> None:
    letters = "".join(letter for letter, flag in (("i", re.I), ("s", re.S), ("a", re.A)) if flags & flag)
    assert np.array_equal(accepted_characters(automaton(Regex(source, letters))), by_re(source, flags))


def test_literals_fold_as_expressions_do() -> None:
    for text in ("k", "ſ", "ς", "İ", "ß", "Σ", "ǅ", "\U00010400", "1", "é"):
        assert automaton(Literal(text, ignore_case=True)) == automaton(Regex(re.escape(text), "i")), text


def test_every_cased_letter_folds() -> None:
    """Each letter that ignores case against :mod:`re`, over the characters that case concerns."""
    cased = [c for c in TEXT[:0x20000] if c.lower() != c or c.upper() != c]
    candidates = "".join(cased)
    for letter in cased[::7]:
        bounds = charsets.fold((ord(letter), ord(letter) + 1), (re._constants.LITERAL, ord(letter)), re.I | re.U)
        codes = {code for i in range(0, len(bounds), 2) for code in range(bounds[i], bounds[i + 1])}
        assert {chr(code) for code in codes} == set(re.findall(letter, candidates, re.I)) | {letter}


bounds = (
    st.lists(st.integers(0, 0x10FFFF), max_size=12, unique=True)
    .map(sorted)
    .map(lambda codes: charsets.union(tuple(codes[i : i + 2]) for i in range(0, len(codes) - 1, 2)))
)


@given(bounds, bounds)
def test_set_algebra(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    def has(members: tuple[int, ...], code: int) -> bool:
        return any(members[i] <= code < members[i + 1] for i in range(0, len(members), 2))

    edges = {code + near for code in (*a, *b, 0, 0x10FFFF) for near in (-1, 0, 1) if 0 <= code + near <= 0x10FFFF}
    for code in edges:
        assert has(charsets.union((a, b)), code) == (has(a, code) or has(b, code))
        assert has(charsets.intersect(a, b), code) == (has(a, code) and has(b, code))
        assert has(charsets.complement(a), code) == (not has(a, code))
    assert charsets.complement(charsets.complement(a)) == a
