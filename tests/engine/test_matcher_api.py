"""What each call promises, on one small grammar where everything can be read off."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke
from tests.engine.laws import filled

TOKENS = [b"a", b"b", b"ab", b"c", b"", b"<end>", b"abc", b"\xff", b"<stop>", b"cc"]
END, STOP = 5, 8
SOURCE = 'start: "a" "b" ["c"] | "a" start "c" "c"'


@pytest.fixture(scope="module")
def compiled():
    vocabulary = stolcke.Vocabulary(TOKENS, eos_token_ids=[END, STOP])
    return stolcke.compile(stolcke.Grammar.from_lark(SOURCE), vocabulary)


@pytest.fixture
def matcher(compiled):
    return compiled.matcher()


def test_accept_takes_what_the_mask_allows(matcher):
    assert filled(matcher, len(TOKENS)) == [0, 2, 6]
    for token in (1, 3, 4, END, 7, STOP, 9):
        assert matcher.accept(token) is False
    assert filled(matcher, len(TOKENS)) == [0, 2, 6], "a refused token changes nothing"
    assert matcher.accept(2) is True
    assert filled(matcher, len(TOKENS)) == [3, END, STOP]


@pytest.mark.parametrize("end", [END, STOP])
def test_the_end(matcher, end):
    assert matcher.accept_bytes(b"ab")
    assert matcher.is_accepting
    assert not matcher.is_finished
    assert matcher.accept(end)
    assert matcher.is_finished
    assert filled(matcher, len(TOKENS)) == []
    assert not matcher.mask().any()
    assert matcher.allowed_token_ids().size == 0
    assert matcher.forced_bytes() == b""
    assert matcher.forced_tokens() == []
    for token in range(len(TOKENS)):
        assert not matcher.allows(token)
        assert matcher.accept(token) is False
    assert matcher.accept_bytes(b"c") is False
    matcher.rollback(1)
    assert not matcher.is_finished
    assert filled(matcher, len(TOKENS)) == [3, END, STOP]


def test_every_accept_counts_one_for_rollback(matcher):
    assert matcher.accept(0)
    assert matcher.accept_bytes(b"abc")
    assert matcher.accept(3)
    assert not matcher.accept(0), "what is refused counts nothing"
    assert not matcher.accept_bytes(b"cx")
    assert matcher.accept(3)
    assert matcher.accept(END)
    matcher.rollback()
    assert matcher.is_accepting
    matcher.rollback(2)
    assert filled(matcher, len(TOKENS)) == [3, 9]
    matcher.rollback(0)
    matcher.rollback(1)
    assert filled(matcher, len(TOKENS)) == [0, 1, 2, 6]
    matcher.rollback(1)
    assert filled(matcher, len(TOKENS)) == [0, 2, 6]


@pytest.mark.parametrize("count", [1, 5, 10**12, -1])
def test_rolling_back_what_was_never_accepted(matcher, count):
    with pytest.raises(ValueError, match="roll"):
        matcher.rollback(count)


def test_a_failed_rollback_changes_nothing(matcher):
    assert matcher.accept(2)
    with pytest.raises(ValueError, match="roll"):
        matcher.rollback(2)
    assert filled(matcher, len(TOKENS)) == [3, END, STOP]


def test_accept_tokens_says_how_many(matcher):
    assert matcher.accept_tokens([0, 2, 9, END]) == 4
    assert matcher.is_finished
    matcher.reset()
    assert matcher.accept_tokens([0, 2, 0, 3]) == 2, "it stops at the first that is not allowed"
    assert filled(matcher, len(TOKENS)) == [3, 9]
    matcher.rollback(1)
    assert filled(matcher, len(TOKENS)) == [0, 1, 2, 6]
    assert matcher.accept_tokens([]) == 0
    assert matcher.accept_tokens(np.array([1, 3], dtype=np.int64)) == 2


def test_accept_bytes_is_all_or_nothing(matcher):
    assert not matcher.accept_bytes(b"aba")
    assert matcher.accept_bytes(b"")
    assert matcher.accept_bytes(b"a")
    assert matcher.accept_bytes(bytearray(b"b"))
    matcher.rollback(3)
    assert filled(matcher, len(TOKENS)) == [0, 2, 6]


def test_a_fork_goes_its_own_way(matcher):
    assert matcher.accept(0)
    fork = matcher.fork()
    assert fork.accept_bytes(b"b")
    assert fork.is_accepting
    assert not matcher.is_accepting
    fork.rollback(2)
    assert filled(fork, len(TOKENS)) == [0, 2, 6]
    assert filled(matcher, len(TOKENS)) == [0, 1, 2, 6]


def test_reset_forgets_everything(matcher):
    assert matcher.accept(2)
    assert matcher.accept(END)
    matcher.reset()
    assert not matcher.is_finished
    assert filled(matcher, len(TOKENS)) == [0, 2, 6]
    with pytest.raises(ValueError, match="roll"):
        matcher.rollback(1)


@pytest.mark.parametrize("token", [-1, len(TOKENS), 31, 32, 2**31, 2**63, -(2**31)])
def test_ids_outside_the_vocabulary_raise(matcher, token):
    for call in (matcher.accept, matcher.allows, lambda t: matcher.accept_tokens([0, t])):
        with pytest.raises(stolcke.VocabularyError, match=str(token)):
            call(token)
    assert filled(matcher, len(TOKENS)) in ([0, 2, 6], [0, 1, 2, 6])


@pytest.mark.parametrize("token", ["a", 1.5, None, b"a"])
def test_what_is_no_id_raises(matcher, token):
    for call in (matcher.accept, matcher.allows):
        with pytest.raises((TypeError, stolcke.StolckeError)):
            call(token)


@pytest.mark.parametrize("data", ["ab", 7, None])
def test_text_must_be_bytes(matcher, data):
    with pytest.raises((TypeError, stolcke.StolckeError)):
        matcher.accept_bytes(data)


def test_numpy_ids(matcher):
    assert matcher.accept(np.int64(0))
    assert matcher.allows(np.int32(1))


@pytest.mark.parametrize("dtype", [np.int32, np.uint32])
@pytest.mark.parametrize("longer", [0, 1, 7])
def test_every_word_of_a_row_is_written(matcher, dtype, longer):
    row = np.full(1 + longer, 0x7FFFFFFF, dtype=dtype)
    matcher.fill_mask(row)
    assert row.tolist() == [0b100_0101] + [0] * longer


BAD_ROWS = {
    "too short": np.zeros(0, dtype=np.int32),
    "another width": np.zeros(1, dtype=np.int64),
    "floats": np.zeros(1, dtype=np.float32),
    "bytes": np.zeros(4, dtype=np.uint8),
    "two dimensions": np.zeros((1, 1), dtype=np.int32),
    "not contiguous": np.zeros(4, dtype=np.int32)[::2],
    "other byte order": np.zeros(1, dtype=np.dtype(np.int32).newbyteorder()),
    "a list": [0],
    "a list that would be copied": [np.int32(0)],
    "nothing": None,
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_bad_rows_are_refused(matcher, kind):
    with pytest.raises((TypeError, ValueError, stolcke.StolckeError)) as raised:
        matcher.fill_mask(BAD_ROWS[kind])
    assert str(raised.value)


def test_a_row_that_cannot_be_written(matcher):
    row = np.zeros(1, dtype=np.int32)
    row.flags.writeable = False
    with pytest.raises((TypeError, ValueError, stolcke.StolckeError)):
        matcher.fill_mask(row)
    assert row.tolist() == [0]


def test_batches(compiled):
    matchers = [compiled.matcher() for _ in range(3)]
    matchers[1].accept(2)
    matchers[2].accept_tokens([2, END])
    rows = np.full((3, 2), -1, dtype=np.int32)
    stolcke.fill_masks(matchers, rows)
    assert rows[:, 1].tolist() == [0, 0, 0]
    bits = [[t for t in range(10) if row[0] >> t & 1] for row in rows]
    assert bits == [[0, 2, 6], [3, END, STOP], []]
    stolcke.fill_masks([], np.zeros((0, 1), dtype=np.int32))


@pytest.mark.parametrize("shape", [(2, 1), (3, 0), (3,)])
def test_batches_that_do_not_fit(compiled, shape):
    with pytest.raises((TypeError, ValueError, stolcke.StolckeError)):
        stolcke.fill_masks([compiled.matcher() for _ in range(3)], np.zeros(shape, dtype=np.int32))


def test_forced_bytes(matcher):
    assert matcher.forced_bytes() == b"a"
    assert matcher.accept_tokens([0, 2]) == 2
    assert matcher.forced_bytes() == b"cc", "up to where the text may end"
    assert matcher.accept_bytes(b"cc")
    assert matcher.forced_bytes() == b""


def test_forced_tokens_are_those_without_choice(matcher):
    assert matcher.forced_bytes() == b"a"
    assert matcher.forced_tokens() == [], "three tokens begin with what is forced"
    vocabulary = stolcke.Vocabulary(TOKENS, eos_token_ids=[END])
    only = stolcke.compile(stolcke.Grammar.from_choices(["bac"]), vocabulary).matcher()
    forced = only.forced_tokens()
    assert forced, "one token is allowed"
    assert forced == [1, 0, 3, END][: len(forced)]
    assert filled(only, len(TOKENS)) == [1], "asking changes nothing"


@pytest.mark.parametrize("source", ['start: "a"+', 'start: "a"+ "b"', 'start: "a" start "b" | "c"'])
def test_forced_tokens_come_back(source):
    """A vocabulary may be too poor to ever leave a state with one token."""
    vocabulary = stolcke.Vocabulary([b"a"], eos_token_ids=[])
    forced = stolcke.compile(stolcke.Grammar.from_lark(source), vocabulary).matcher().forced_tokens()
    assert set(forced) == {0}


def test_forced_tokens_of_a_tokenizer():
    """With ``encode``, the tokens of the forced bytes, less those that what follows could change."""
    vocabulary = stolcke.Vocabulary([bytes([b]) for b in range(256)] + [b"abc", b"de", b"ef", b""], eos_token_ids=[259])
    compiled = stolcke.compile(stolcke.Grammar.from_lark('start: "abcde" ("x"|"f")'), vocabulary)

    def encode(text):
        text = text if isinstance(text, bytes) else text.encode()
        return {b"abcde": [256, 257]}.get(text) or [*text]

    forced = compiled.matcher().forced_tokens(encode)
    assert forced in ([256], [256, 257]), "'e' could also begin 'ef'"
    assert forced == [256], "'de' is not certain: 'd', 'ef' spells what may follow"


def test_expected_is_in_words(matcher):
    expected = matcher.expected()
    assert expected
    assert all(isinstance(line, str) and line for line in expected)
    assert any("a" in line for line in expected)
    assert matcher.accept_bytes(b"ab")
    assert matcher.expected() != expected


def test_a_matcher_outlives_the_names_of_what_made_it():
    matcher = stolcke.compile(
        stolcke.Grammar.from_choices([b"ab", b"\xff"]), stolcke.Vocabulary(TOKENS, eos_token_ids=[END])
    ).matcher()
    assert filled(matcher, len(TOKENS)) == [0, 2, 7]


def test_the_vocabulary_of_bytes():
    matcher = stolcke.compile(stolcke.Grammar.from_regex("[é-ë]+"), stolcke.Vocabulary.from_bytes()).matcher()
    assert matcher.allowed_token_ids().tolist() == [0xC3]
    assert matcher.accept(0xC3)
    assert matcher.allowed_token_ids().tolist() == [0xA9, 0xAA, 0xAB]
    assert matcher.accept(0xAA)
    assert matcher.allowed_token_ids().tolist() == [0xC3, 256]
    assert matcher.allowed_token_ids().dtype == np.int64
    assert matcher.mask().dtype == bool
    assert matcher.mask().shape == (257,)


def test_the_empty_text():
    matcher = stolcke.compile(stolcke.Grammar.from_choices([""]), stolcke.Vocabulary.from_bytes()).matcher()
    assert matcher.is_accepting
    assert matcher.allowed_token_ids().tolist() == [256]


def test_saved_and_loaded(tmp_path, compiled):
    path = tmp_path / "grammar.stolcke"
    compiled.save(path)
    loaded = stolcke.CompiledGrammar.load(path, stolcke.Vocabulary(TOKENS, eos_token_ids=[END, STOP]))
    here, there = compiled.matcher(), loaded.matcher()
    for token in (0, 2, 3, 3, END):
        assert filled(here, len(TOKENS)) == filled(there, len(TOKENS))
        assert here.accept(token)
        assert there.accept(token)


def test_prewarming_changes_nothing(compiled):
    warmed = stolcke.compile(stolcke.Grammar.from_lark(SOURCE), stolcke.Vocabulary(TOKENS, eos_token_ids=[END, STOP]))
    warmed.prewarm(20)
    here, there = compiled.matcher(), warmed.matcher()
    for token in (0, 6, 9, END):
        assert filled(here, len(TOKENS)) == filled(there, len(TOKENS))
        assert here.accept(token) == there.accept(token)


def test_it_can_be_printed(compiled):
    assert isinstance(compiled.dump(), str)
    assert "start" in compiled.dump()
