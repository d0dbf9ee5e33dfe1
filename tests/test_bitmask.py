"""The bit kernels against the same operations written with whole numpy arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from stolcke._core import bitmask

# Around word, register and block boundaries, and two real vocabulary sizes.
SIZES = [0, 1, 31, 32, 33, 63, 64, 65, 127, 511, 512, 513, 2047, 2048, 32 * 1024 - 1, 32 * 1024 + 33, 50_257, 128_256]


def expected_words(flags: np.ndarray) -> np.ndarray:
    """Pack with ``numpy.packbits``, independently of the kernels."""
    padded = np.zeros((len(flags) + 31) // 32 * 32, dtype=bool)
    padded[: len(flags)] = flags
    return np.packbits(padded, bitorder="little").view("<u4").astype(np.uint32).view(np.int32)


def random_flags(n: int, density: float = 0.5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(n) < density


def random_row(words: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(2**31), 2**31, words).astype(np.int32)


flag_arrays = st.lists(st.booleans(), max_size=300).map(lambda flags: np.array(flags, dtype=bool))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("density", [0.0, 0.01, 0.5, 1.0])
def test_pack_unpack_ids_and_count_agree_with_numpy(n: int, density: float) -> None:
    flags = random_flags(n, density) if density < 1 else np.ones(n, dtype=bool)
    row = np.full(bitmask.words(n) + 2, 0x5A5A5A5A, dtype=np.int32)
    bitmask.pack(flags, row)
    assert_array_equal(row[:-2], expected_words(flags))
    assert_array_equal(row[-2:], 0)
    assert_array_equal(bitmask.unpack(row, n), flags)
    assert_array_equal(bitmask.token_ids(row, n), np.flatnonzero(flags))
    assert bitmask.popcount(row) == flags.sum()


@given(flag_arrays)
def test_pack_any_flags(flags: np.ndarray) -> None:
    row = np.empty(bitmask.words(len(flags)), dtype=np.uint32)
    bitmask.pack(flags, row)
    assert_array_equal(row.view(np.int32), expected_words(flags))
    assert_array_equal(bitmask.unpack(row, len(flags)), flags)


def test_every_non_zero_byte_is_a_set_flag() -> None:
    flags = np.arange(256, dtype=np.uint8)
    row = np.empty(8, dtype=np.int32)
    bitmask.pack(flags, row)
    assert_array_equal(bitmask.token_ids(row, 256), np.arange(1, 256))


def test_bit_and_word_of_an_id() -> None:
    flags = np.zeros(100, dtype=bool)
    flags[[0, 31, 32, 98]] = True
    row = np.empty(4, dtype=np.int32)
    bitmask.pack(flags, row)
    assert row.view(np.uint32).tolist() == [0x80000001, 1, 0, 4]


def test_bits_beyond_the_tokens_are_ignored_on_reading() -> None:
    row = np.full(2, -1, dtype=np.int32)
    assert_array_equal(bitmask.token_ids(row, 33), np.arange(33))
    assert_array_equal(bitmask.unpack(row, 33), np.ones(33, dtype=bool))
    assert bitmask.popcount(row) == 64


@pytest.mark.parametrize("words", [0, 1, 7, 16, 17, 1023, 1024, 1025, 4008])
def test_and_or_of_rows(words: int) -> None:
    a, b = random_row(words, 1), random_row(words, 2)
    for kernel, reference in ((bitmask.and_rows, np.bitwise_and), (bitmask.or_rows, np.bitwise_or)):
        out = random_row(words, 3)
        kernel(a, b, out)
        assert_array_equal(out, reference(a, b))
        for target in ("a", "b"):
            operands = {"a": a.copy(), "b": b.copy()}
            kernel(operands["a"], operands["b"], operands[target])
            assert_array_equal(operands[target], reference(a, b))


@pytest.mark.parametrize("words", [0, 1, 1023, 1024, 1025, 4008])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_and_of_many_rows(words: int, count: int) -> None:
    rows = [random_row(words, seed) | random_row(words, seed + 50) for seed in range(count)]
    reference = np.bitwise_and.reduce(rows)
    out = random_row(words, 99)
    bitmask.and_many(rows, out)
    assert_array_equal(out, reference)
    bitmask.and_many(np.array(rows), out)
    assert_array_equal(out, reference)
    bitmask.and_many((row for row in rows), rows[-1])
    assert_array_equal(rows[-1], reference)


def test_words_at_the_ends_of_the_range() -> None:
    assert [bitmask.words(n) for n in (0, 1, 32, 33)] == [0, 1, 1, 2]
    assert bitmask.words(2**63 - 1) == 2**58
    with pytest.raises(ValueError, match="negative"):
        bitmask.words(-1)


ROW = np.zeros(4, dtype=np.int32)


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: bitmask.pack([True], ROW), TypeError, "flags must be a numpy array"),
        (lambda: bitmask.pack(np.zeros(3, dtype=np.int32), ROW), TypeError, "flags must be an array of bool or uint8"),
        (lambda: bitmask.pack(np.zeros((2, 2), dtype=bool), ROW), ValueError, "flags must have 1 dimension"),
        (lambda: bitmask.pack(np.zeros(8, dtype=bool)[::2], ROW), ValueError, "flags must be contiguous"),
        (lambda: bitmask.pack(np.zeros(129, dtype=bool), ROW), ValueError, "row has 4 words of 32 tokens, 5 are"),
        (lambda: bitmask.pack(np.zeros(3, dtype=bool), read_only(ROW)), ValueError, "row is read-only"),
        (lambda: bitmask.pack(np.zeros(3, dtype=bool), ROW.astype(np.int64)), TypeError, "row must be .* not int64"),
        (lambda: bitmask.pack(np.zeros(3, dtype=bool), ROW.astype(">i4")), TypeError, "native byte order"),
        (lambda: bitmask.pack(np.zeros(3, dtype=bool), None), TypeError, "row must be a numpy array .* NoneType"),
        (lambda: bitmask.unpack(ROW, 129), ValueError, "5 are needed"),
        (lambda: bitmask.unpack(ROW, -1), ValueError, "negative"),
        (lambda: bitmask.token_ids(ROW, 129), ValueError, "5 are needed"),
        (lambda: bitmask.popcount(ROW.astype(np.float32)), TypeError, "row must be an array of int32 or uint32"),
        (lambda: bitmask.and_rows(ROW, ROW[:3], ROW.copy()), ValueError, "b has 3 words, out has 4"),
        (lambda: bitmask.or_rows(ROW, ROW, read_only(ROW)), ValueError, "out is read-only"),
        (lambda: bitmask.or_rows(ROW[:-1], ROW[1:], ROW[1:]), ValueError, "out overlaps a in part"),
        (lambda: bitmask.and_rows(ROW[::2], ROW[:2], ROW[:2].copy()), ValueError, "a must be contiguous"),
        (lambda: bitmask.and_many([], ROW), ValueError, "at least one"),
        (lambda: bitmask.and_many([ROW, ROW[:2]], ROW), ValueError, r"rows\[1\] has 2 words"),
    ],
)
def test_bad_arguments_are_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
    assert not ROW.any()
