"""Vocabulary: tokens by id, and what is refused."""

from __future__ import annotations

import sys
import threading
import time
import tracemalloc
import types
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke import container
from stolcke.errors import FileFormatError, LimitExceeded, VocabularyError
from stolcke.options import Limits
from stolcke.vocabulary import Vocabulary
from tests.vocabularies import REAL, real, synthetic

TOKENS = [b"a", b"b", b"ab", b"\xff\xfe", b"a", b"", None, b"<end>", b"<call>", b"<call>", b"<tool>"]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(TOKENS, eos_token_ids=[7], special_token_ids=[10, 8, 9])


@given(st.lists(st.binary(max_size=6) | st.none(), max_size=20))
def test_tokens_come_back_by_id(tokens):
    vocabulary = Vocabulary(tokens)
    expected = [token or b"" for token in tokens]
    assert len(vocabulary) == len(tokens)
    assert list(vocabulary.tokens) == expected
    assert [vocabulary.tokens[i] for i in range(len(tokens))] == expected
    assert vocabulary.tokens[1:5] == expected[1:5]
    assert vocabulary.data.tobytes() == b"".join(expected)
    assert vocabulary.offsets.tolist() == [len(b"".join(expected[:i])) for i in range(len(tokens) + 1)]


def test_arrays_have_their_dtypes_and_cannot_be_written(vocabulary):
    assert vocabulary.data.dtype == np.uint8
    assert vocabulary.offsets.dtype == np.int64
    assert not vocabulary.data.flags.writeable
    assert not vocabulary.offsets.flags.writeable


def test_token_sequence_indices(vocabulary):
    assert vocabulary.tokens[-1] == b"<tool>"
    assert vocabulary.tokens[np.int64(2)] == b"ab"
    for index in (11, -12):
        with pytest.raises(IndexError, match=str(index)):
            vocabulary.tokens[index]


def test_end_ids_are_special_too(vocabulary):
    assert vocabulary.eos_token_ids == (7,)
    assert vocabulary.special_token_ids == (7, 8, 9, 10)


def test_skip_marks_special_end_and_empty_ids(vocabulary):
    assert vocabulary.skip.dtype == np.uint8
    assert np.flatnonzero(vocabulary.skip).tolist() == [5, 6, 7, 8, 9, 10]


def test_size_adds_holes():
    vocabulary = Vocabulary([b"a", b"b"], 1, size=5)
    assert list(vocabulary.tokens) == [b"a", b"b", b"", b"", b""]
    assert vocabulary == Vocabulary([b"a", b"b", None, None, None], 1)


def test_ids_may_be_one_many_or_an_array():
    assert Vocabulary([b"a", b"b"], 1).eos_token_ids == (1,)
    assert Vocabulary([b"a", b"b"], np.array([1, 0, 1], dtype=np.int32)).eos_token_ids == (0, 1)
    assert Vocabulary([b"a", b"b"]).eos_token_ids == ()


def test_from_bytes():
    vocabulary = Vocabulary.from_bytes()
    assert [vocabulary.tokens[b] for b in range(256)] == [bytes([b]) for b in range(256)]
    assert len(vocabulary) == 257
    assert vocabulary.eos_token_ids == vocabulary.special_token_ids == (256,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([b"a", "b"],), "token 1 is str, not bytes: 'b'"),
        (([b"a", 3],), "token 1 is int"),
        (([bytearray(b"a")],), "token 0 is bytearray"),
        ((b"ab",), "tokens must be a sequence of bytes, one per id, not bytes"),
        (("ab",), "not str"),
        (([b"a"], [1]), "eos_token_ids: id 1 is outside a vocabulary of 1 tokens"),
        (([b"a"], [-1]), "eos_token_ids: id -1 is outside"),
        (([b"a"], [], [0, 5]), "special_token_ids: id 5 is outside"),
        (([b"a"], ["<s>"]), "eos_token_ids: not a token id"),
        (([b"a"], [0.0]), "eos_token_ids: not a token id"),
        (([b"a"], None), "eos_token_ids: not a token id"),
        (([b"a"], [False]), "eos_token_ids: a bool is not a token id"),
    ],
)
def test_what_is_wrong_is_named(arguments, message):
    with pytest.raises(VocabularyError, match=message):
        Vocabulary(*arguments)


def test_sizes_are_bounded():
    with pytest.raises(VocabularyError, match="size 1 is smaller than the vocabulary: 2 tokens"):
        Vocabulary([b"a", b"b"], size=1)
    with pytest.raises(VocabularyError, match="the most is"):
        Vocabulary([b"a"], size=10**12)


def test_the_length_of_a_token_is_limited():
    tokens = [b"a", b"x" * 1024, b"y" * 1025]
    with pytest.raises(LimitExceeded, match="token 2") as raised:
        Vocabulary(tokens)
    assert (raised.value.limit, raised.value.given, raised.value.allowed) == ("token_bytes", 1025, 1024)
    assert len(Vocabulary(tokens, limits=Limits(token_bytes=1025))) == 3
    assert len(Vocabulary(tokens[:2])) == 2


def test_the_fingerprint_covers_all_that_matters(vocabulary):
    different = [
        Vocabulary(TOKENS, 7, [8, 9]),
        Vocabulary(TOKENS, [], [7, 8, 9, 10]),
        Vocabulary(TOKENS, [7, 8], [9, 10]),
        Vocabulary([*TOKENS, b""], 7, [8, 9, 10]),
        Vocabulary([b"", *TOKENS[1:]], 7, [8, 9, 10]),
        Vocabulary([b"ab", b"", *TOKENS[2:]], 7, [8, 9, 10]),
        Vocabulary(TOKENS, 7, [8, 9, 10], strips_first_space=True),
        Vocabulary(TOKENS, 7, [8, 9, 10], strips_first_space=True, first_texts={0: b""}),
        Vocabulary(TOKENS, 7, [8, 9, 10], strips_first_space=True, first_texts={0: b" "}),
        vocabulary,
    ]
    assert len({v.fingerprint for v in different}) == len(set(different)) == len(different)


def test_equal_vocabularies_are_equal(vocabulary):
    again = Vocabulary(iter(TOKENS), (7,), [9, 10, 8, 7, 7])
    assert again == vocabulary
    assert hash(again) == hash(vocabulary)
    assert vocabulary != 3


def test_the_fingerprint_is_the_same_in_every_release():
    # Saved files are matched by it: a change here is a change of the file format.
    assert Vocabulary([b"a", b"\xff", b"", b"<end>"], 3).fingerprint == "9220cfb9af8cb13eff6cf705c763a8c9"


def test_repr_is_short(vocabulary):
    assert repr(vocabulary).startswith("<Vocabulary of 11 tokens, ends [7], 4 special, ")


# -- looking up -------------------------------------------------------------------------------------------------


def test_token_ids_finds_all_of_them(vocabulary):
    assert vocabulary.token_ids(b"a") == [0, 4]
    assert vocabulary.token_ids(b"\xff\xfe") == [3]
    assert vocabulary.token_ids(b"zz") == []
    assert vocabulary.token_ids(b"") == []
    assert vocabulary.token_ids(b"<end>") == []


@given(st.lists(st.text("ab", max_size=3).map(str.encode), max_size=12), st.text("ab", min_size=1, max_size=3))
def test_token_ids_against_a_search(tokens, text):
    assert Vocabulary(tokens).token_ids(text.encode()) == [i for i, t in enumerate(tokens) if t == text.encode()]


def test_special_id(vocabulary):
    assert vocabulary.special_id("<tool>") == vocabulary.special_id(b"<tool>") == vocabulary.special_id(10) == 10
    assert vocabulary.special_id("<end>") == 7


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("<tol>", "no special token is '<tol>'; did you mean '<tool>'"),
        ("", "no special token is ''"),
        ("<call>", r"several special tokens are '<call>', ids \[8, 9\]"),
        ("ab", "'ab' is an ordinary token, id 2; give that in special_token_ids"),
        (2, "token 2 .* is not special"),
        (99, "id 99 is outside"),
        (True, "a bool is not a token id"),
        (1.5, "not a token id"),
    ],
)
def test_special_id_says_what_is_wrong(vocabulary, marker, message):
    with pytest.raises(VocabularyError, match=message):
        vocabulary.special_id(marker)


# -- files and the engine's share --------------------------------------------------------------------------------


class RecordingStore:
    """Stands for the engine's store: remembers how it was made."""

    made: ClassVar[list[str]] = []

    def __init__(self, data, offsets, skip, table=None):
        self.made.append("built" if table is None else "loaded")
        self.table = np.cumsum(skip, dtype=np.int32) if table is None else table


@pytest.fixture
def store(monkeypatch):
    module = types.ModuleType("stolcke._core.partition")
    module.PartitionStore = RecordingStore
    monkeypatch.setitem(sys.modules, "stolcke._core.partition", module)
    files = types.ModuleType("stolcke._core.saved_partitions")
    files.to_arrays = lambda store: {"table": store.table}
    files.from_arrays = lambda data, offsets, skip, arrays: RecordingStore(data, offsets, skip, arrays["table"])
    monkeypatch.setitem(sys.modules, "stolcke._core.saved_partitions", files)
    monkeypatch.setattr(RecordingStore, "made", [])
    return RecordingStore


def test_save_and_load(vocabulary, tmp_path):
    vocabulary.save(tmp_path / "v")
    loaded = Vocabulary.load(tmp_path / "v")
    assert loaded == vocabulary
    assert list(loaded.tokens) == list(vocabulary.tokens)
    assert loaded.eos_token_ids == vocabulary.eos_token_ids
    assert loaded.special_token_ids == vocabulary.special_token_ids
    assert loaded.special_id("<tool>") == 10
    assert loaded.token_ids(b"a") == [0, 4]
    assert loaded.skip.tolist() == vocabulary.skip.tolist()


@pytest.mark.parametrize("vocabulary", [Vocabulary([]), Vocabulary([b""]), Vocabulary([b"a"], strips_first_space=True)])
def test_small_ones_are_saved_too(vocabulary, tmp_path):
    vocabulary.save(tmp_path / "v")
    loaded = Vocabulary.load(tmp_path / "v")
    assert loaded == vocabulary
    assert loaded.strips_first_space is vocabulary.strips_first_space
    assert list(loaded.tokens) == list(vocabulary.tokens)


def test_first_texts(tmp_path):
    first = {2: b"\xff ", 0: b""}
    vocabulary = Vocabulary([b"a", b" b", b"  c", b"  d"], strips_first_space=True, first_texts=first)
    vocabulary.save(tmp_path / "v")
    for v in (vocabulary, Vocabulary.load(tmp_path / "v")):
        assert v == vocabulary
        assert v.first_texts == first
        assert [v.first_text(token) for token in range(4)] == [b"", b"b", b"\xff ", b" d"]


@pytest.mark.parametrize(
    ("first", "strips", "message"),
    [
        ({0: b""}, False, "strips_first_space"),
        ({1: b""}, True, "outside"),
        ({0: ""}, True, "not bytes"),
        ({"0": b""}, True, "not a token id"),
    ],
)
def test_bad_first_texts(first, strips, message):
    with pytest.raises(VocabularyError, match=message):
        Vocabulary([b"a"], strips_first_space=strips, first_texts=first)


def test_the_engines_tables_are_built_once_and_saved(vocabulary, store, tmp_path):
    assert vocabulary.core is vocabulary.core
    vocabulary.save(tmp_path / "v")
    loaded = Vocabulary.load(tmp_path / "v")
    assert store.made == ["built"]
    assert loaded.core.table.tolist() == vocabulary.core.table.tolist()
    assert loaded.core is loaded.core
    assert store.made == ["built", "loaded"]


def test_tables_that_were_loaded_but_not_used_are_saved_again(vocabulary, store, tmp_path):
    table = vocabulary.core.table.tolist()
    vocabulary.save(tmp_path / "v")
    Vocabulary.load(tmp_path / "v").save(tmp_path / "w")
    assert Vocabulary.load(tmp_path / "w").core.table.tolist() == table
    assert store.made == ["built", "loaded"]


def test_many_threads_get_one_core(vocabulary, store, monkeypatch):
    make = RecordingStore.__init__

    def slowly(self, *arguments):
        time.sleep(0.02)
        make(self, *arguments)

    monkeypatch.setattr(RecordingStore, "__init__", slowly)
    got = []
    threads = [threading.Thread(target=lambda: got.append(vocabulary.core)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1
    assert store.made == ["built"]


META = {"fingerprint": "0", "strips_first_space": False, "has_core": False}


def parts(**change):
    arrays = {
        "data": np.frombuffer(b"abc", dtype=np.uint8),
        "offsets": np.array([0, 1, 3], dtype=np.int64),
        "eos_token_ids": np.array([1], dtype=np.int64),
        "special_token_ids": np.array([1], dtype=np.int64),
    }
    return {name: array for name, array in (arrays | change).items() if array is not None}


@pytest.mark.parametrize(
    "change",
    [
        {"data": None},
        {"special_token_ids": None},
        {"data": np.zeros(4, np.uint8)},
        {"data": np.zeros(3, np.int8)},
        {"data": np.zeros((3, 1), np.uint8)},
        {"offsets": np.array([0, 4, 3])},
        {"offsets": np.array([1, 1, 3])},
        {"offsets": np.array([0, 1, 3], dtype=np.int32)},
        {"offsets": np.array([], dtype=np.int64)},
        {"offsets": np.array(3)},
        {"special_token_ids": np.array([1, 2])},
        {"special_token_ids": np.array([-1, 1])},
        {"special_token_ids": np.array([[1]])},
        {"eos_token_ids": np.array([0])},
        {"eos_token_ids": np.array([1.0])},
        {"eos_token_ids": np.array(1)},
    ],
)
def test_ill_made_files_are_refused(tmp_path, change):
    container.write(tmp_path / "v", "vocabulary", META, parts(**change))
    with pytest.raises(FileFormatError):
        Vocabulary.load(tmp_path / "v")


@pytest.mark.parametrize("first", [[], 1, {"a": "b"}, {"2": "b"}, {"0": 1}, {"0": "\u0100"}])
def test_ill_made_first_texts_are_refused(tmp_path, first):
    container.write(tmp_path / "v", "vocabulary", {**META, "first_texts": first}, parts())
    with pytest.raises(FileFormatError):
        Vocabulary.load(tmp_path / "v")


def test_the_hand_made_file_is_right_when_nothing_is_wrong(tmp_path):
    container.write(tmp_path / "v", "vocabulary", META, parts())
    assert list(Vocabulary.load(tmp_path / "v").tokens) == [b"a", b"bc"]


@pytest.mark.parametrize("name", list(META))
def test_files_without_their_metadata_are_refused(tmp_path, name):
    container.write(tmp_path / "v", "vocabulary", {k: v for k, v in META.items() if k != name}, parts())
    with pytest.raises(FileFormatError, match=name):
        Vocabulary.load(tmp_path / "v")


# -- size and time ------------------------------------------------------------------------------------------------


def test_a_large_one_is_built_within_its_memory():
    tokens = synthetic(262_144)
    tracemalloc.start()
    vocabulary = Vocabulary(tokens, 0)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000
    assert now < 10_000_000
    assert list(vocabulary.tokens) == tokens


def test_a_large_one_is_loaded_without_a_loop_over_its_tokens(tmp_path):
    Vocabulary(synthetic(262_144), 0).save(tmp_path / "v")
    # Counting allocations instead of time: a machine's noise cannot change it.
    tracemalloc.start()
    loaded = Vocabulary.load(tmp_path / "v")
    blocks = sum(s.count for s in tracemalloc.take_snapshot().statistics("filename"))
    tracemalloc.stop()
    assert len(loaded) == 262_144
    assert blocks < 2_000


@pytest.mark.parametrize("name", REAL)
def test_real_vocabularies(name, tmp_path):
    tokens, eos, special = real(name)
    began = time.perf_counter()
    vocabulary = Vocabulary(tokens, eos, special)
    built = time.perf_counter() - began
    vocabulary.save(tmp_path / "v")
    times = []
    for _ in range(5):
        began = time.perf_counter()
        loaded = Vocabulary.load(tmp_path / "v")
        times.append(time.perf_counter() - began)
    assert loaded == vocabulary
    assert list(loaded.tokens) == tokens
    # Ten times what they take, so that a busy machine is no failure.
    assert built < 1.5
    assert min(times) < 0.03
