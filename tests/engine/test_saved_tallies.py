"""Tallies in compiled files, in dumps and in what the command line says of a grammar."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke
from stolcke import container
from stolcke._core import views
from stolcke.cli.findings import describe
from stolcke.grammar.patterns import Literal
from tests.engine.laws import filled
from tests.strategies import A, B, C, make_grammar, make_tally

BYTES = stolcke.Vocabulary.from_bytes()


def example() -> stolcke.Grammar:
    tally = make_tally(
        [("once", "required", "A"), ("once", "B", "y"), ("marked", "C")], ("S",), most=4, least_marked=1, most_marked=2
    )
    other = make_tally([("A",)], least=2)
    terminals = {"A": A, "B": B, "C": C, "S": Literal(",")}
    return make_grammar({"s": [("x",)], "y": [("z",), ("B",)]}, terminals, (), {"x": tally, "z": other})


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "grammar.stolcke"
    stolcke.compile(example(), BYTES).save(path)
    return path


def test_a_loaded_grammar_has_the_same_masks(saved):
    made, loaded = stolcke.compile(example(), BYTES), stolcke.CompiledGrammar.load(saved, BYTES)
    one, other = made.matcher(), loaded.matcher()
    for value in b"c,baaa,a,c":
        assert filled(one, 257) == filled(other, 257)
        assert one.accept(value) and other.accept(value)
    assert one.is_accepting and other.is_accepting
    assert filled(one, 257) == filled(other, 257) == [256]


def put(array, index, value):
    def change(arrays):
        arrays[array] = arrays[array].copy()
        arrays[array][index] = value

    return change


def cut(array):
    def change(arrays):
        arrays[array] = arrays[array][:-1]

    return change


def typed(array, dtype):
    def change(arrays):
        arrays[array] = arrays[array].astype(dtype)

    return change


def nothing(arrays):
    del arrays["entry"]


def entry_that_may_be_empty(arrays):
    """The rule of the first entry loses its symbols."""
    symbol = arrays["entry"][0]
    rule = int(np.flatnonzero(arrays["lhs"] == symbol - 4)[0])
    begin, end = arrays["rhs_offsets"][rule : rule + 2]
    arrays["rhs"] = np.delete(arrays["rhs"], slice(begin, end))
    arrays["rhs_offsets"] = arrays["rhs_offsets"].copy()
    arrays["rhs_offsets"][rule + 1 :] -= end - begin


DAMAGES = {
    "an array is missing": nothing,
    "a terminal as an entry": put("entry", 0, 0),
    "the start as an entry": put("entry", 0, 4),
    "an entry out of range": put("entry", 0, 1000),
    "a negative entry": put("entry", 0, -1),
    "an entry that may be empty": entry_that_may_be_empty,
    "a separator out of range": put("separator", 0, 1000),
    "the start as a separator": put("separator", 0, 4),
    "a flag too many": put("entry_flags", 0, 8),
    "a flag too few": cut("entry_flags"),
    "flags of another type": typed("entry_flags", np.int32),
    "a bound below none": put("tally_bounds", 0, -1),
    "a bound far below none": put("tally_bounds", 1, -2),
    "a bound beyond all": put("tally_bounds", 1, 2**30 + 1),
    "a bound too few": cut("tally_bounds"),
    "offsets that descend": put("entry_offsets", 1, 5),
    "separators that descend": put("separator_offsets", 1, 2),
    "the start as a tally": put("tally", 0, 0),
    "a tally with rules": put("tally", 0, 1),
    "a tally out of range": put("tally", 0, 99),
    "a tally twice": lambda arrays: put("tally", 0, arrays["tally"][1])(arrays),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_contradictory_files_are_refused(saved, kind):
    """The checksum is right, the contents are not."""
    meta, arrays = container.read(saved, "compiled grammar")
    assert len(meta["terminals"]) == 4
    container.write(saved, "compiled grammar", meta, arrays)
    stolcke.CompiledGrammar.load(saved, BYTES)
    arrays = dict(arrays)
    DAMAGES[kind](arrays)
    container.write(saved, "compiled grammar", meta, arrays)
    with pytest.raises(stolcke.FileFormatError, match="malformed"):
        stolcke.CompiledGrammar.load(saved, BYTES)


def test_states_have_readable_names():
    compiled = stolcke.compile(example(), BYTES, prewarm=0)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"c,a")
    text = compiled.dump()
    assert "x ::= 0..4 entries, 1..2 marked ones, S between them, in any order" in text
    assert "_x_entry_0 (once, required)" in text
    assert "_x_entry_2 (marked)" in text
    # Four entries are out of reach by now: only the number of marked ones matters.
    assert 'x{"a"; 0..1 marked} (' in matcher.dump()
    assert matcher.accept_bytes(b",")
    assert 'x{"a"; 0..1 marked}! (' in matcher.dump()
    assert matcher.accept_bytes(b"b")
    names = [compiled.dump_continuation(number) for number in range(compiled.stats()["continuations"])]
    assert any('x{"a"; 0..1 marked}+"b" (' in name for name in names)
    with pytest.raises(IndexError):
        views.tally_place(compiled.engine, 10**6)
    with pytest.raises(IndexError):
        views.tally_place(compiled.engine, 1 << 31 | 10**6)


def test_looking_makes_no_states():
    compiled = stolcke.compile(example(), BYTES, prewarm=0)
    assert compiled.matcher().accept_bytes(b"c,")
    before = compiled.stats()
    compiled.dump()
    for continuation in range(before["continuations"]):
        compiled.dump_continuation(continuation)
    assert compiled.stats() == before


def test_the_command_line_counts_and_analyses_tallies():
    found = describe(example())
    assert found["counts"]["of_which_tallies"] == 2
    assert found["counts"]["nonterminals"] == 4
    assert found["findings"]["unused_terminals"] == []
    assert found["findings"]["unproductive"] == []
    assert found["findings"]["unreachable"] == []
