"""Masks and log-probabilities applied to logits by the core, beside the definition."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from stolcke._core import logits as core
from tests.reference.applied_masks import DTYPES, applied, differences, nearest_bfloat16

FORMATS = list(DTYPES)


def numbers(format: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Logits, with infinities and zeros of both signs among them."""
    random = np.random.default_rng(seed)
    values = (random.normal(size=shape) * 8).astype(np.float32)
    for special, every in ((np.inf, 17), (-np.inf, 19), (-0.0, 23), (1e-7, 29), (60000, 31)):
        values.flat[every - 1 :: every] = special
    if format == "bfloat16":
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(DTYPES[format])


def words(rows: int, tokens: int, seed: int = 0) -> np.ndarray:
    """Mask rows in which words of zeros, ones, nearly all ones, and mixed ones are frequent."""
    random = np.random.default_rng(seed)
    count = (tokens + 31) // 32
    mixed = random.integers(0, 2**32, (rows, count), dtype=np.uint64)
    lacking = 0xFFFFFFFF ^ (np.uint64(1) << random.integers(0, 32, (rows, count), dtype=np.uint64))
    kinds = [mixed, lacking, np.zeros_like(mixed), np.full_like(mixed, 0xFFFFFFFF), np.full_like(mixed, 0xFFFFFFFF)]
    chosen = np.choose(random.integers(0, len(kinds), (rows, count)), kinds)
    return chosen.astype(np.uint32).view(np.int32)


def some_logprobs(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    logprobs = np.log(np.random.default_rng(seed).random((rows, columns), dtype=np.float32))
    logprobs[:, ::5] = -np.inf
    return logprobs


def in_the_midst(array: np.ndarray, before: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    """The array as a part of a wider one, and that one, whose other elements must stay."""
    wide = np.full((len(array), before + array.shape[1] + after), 77, array.dtype)
    part = wide[:, before : before + array.shape[1]]
    part[:] = array
    return part, wide


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("width", [*range(4), *range(29, 36), *range(62, 67), 96, 97])
def test_every_small_shape(format: str, width: int) -> None:
    given_logits = numbers(format, (3, width), width)
    masks = words(3, width + 40, width)
    for number, (tokens, biased, padding) in enumerate(
        itertools.product(
            sorted({0, width // 2, max(width - 1, 0), width}), (None, 0, width // 3, 33, width + 2), (0, 3)
        )
    ):
        logprobs = None if biased is None else some_logprobs(3, biased, width)
        beta = (0.0, 0.25, 1.7)[number % 3]
        part, wide = in_the_midst(given_logits, padding, padding)
        core.apply(part, masks, tokens, None, logprobs, beta)
        expected = applied(given_logits, masks, tokens, format=format, logprobs=logprobs, beta=beta)
        assert differences(part, expected) == [], (tokens, biased, padding, beta)
        if padding:
            assert (wide[:, :padding] == 77).all() and (wide[:, -padding:] == 77).all()


@pytest.mark.parametrize("format", FORMATS)
def test_every_choice_of_rows(format: str) -> None:
    given_logits, logprobs, masks = numbers(format, (3, 40)), some_logprobs(4, 37), words(5, 40)
    for chosen in itertools.chain.from_iterable(itertools.permutations(range(3), n) for n in range(4)):
        for each, beta in ((None, 0.0), (logprobs, 1.0)):
            logits = given_logits.copy()
            core.apply(logits, masks, 40, np.array(chosen, np.int64), each, beta)
            expected = applied(given_logits, masks, 40, format=format, indices=chosen, logprobs=each, beta=beta)
            assert differences(logits, expected) == []


@pytest.mark.parametrize("format", FORMATS)
def test_every_word_of_the_mask_by_itself(format: str) -> None:
    """One bit, and all but one, at each place; and each length of a run of ones."""
    single = [1 << bit for bit in range(32)]
    patterns = [0, 0xFFFFFFFF, *single, *(0xFFFFFFFF ^ bit for bit in single), *((1 << n) - 1 for n in range(32))]
    masks = np.array(patterns, np.uint32).reshape(-1, 1)
    given_logits = numbers(format, (len(patterns), 32))
    logits = given_logits.copy()
    core.apply(logits, masks, 32)
    assert differences(logits, applied(given_logits, masks, 32, format=format)) == []


@pytest.mark.parametrize("ones", range(12))
def test_words_of_ones_are_passed_over_only_as_far_as_they_go(ones: int) -> None:
    for last in range(4):
        masks = np.array([[7, *[-1] * ones, *[0x7FFFFFFF] * last]], np.int32)
        given_logits = numbers("float32", (1, 32 * masks.shape[1]))
        logits = given_logits.copy()
        core.apply(logits, masks, logits.shape[1])
        assert differences(logits, applied(given_logits, masks, logits.shape[1], format="float32")) == []


@given(st.data())
def test_random_batches(data) -> None:
    format = data.draw(st.sampled_from(FORMATS))
    rows, width = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 300))
    seed = data.draw(st.integers(0, 2**32))
    masks, all_words = in_the_midst(
        words(rows, width, seed), data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))
    )
    given_logits = numbers(format, (rows, width), seed)
    part, wide = in_the_midst(given_logits, data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9)))
    surroundings = wide.copy()
    if data.draw(st.booleans()):  # rows from the last to the first in memory
        part[:] = given_logits[::-1]
        surroundings = wide.copy()
        part = part[::-1]
    tokens = data.draw(st.integers(0, width))
    logprobs = some_logprobs(rows, data.draw(st.integers(0, 310)), seed) if data.draw(st.booleans()) else None
    beta = data.draw(st.floats(0, 100, width=32))
    indices = data.draw(st.none() | st.lists(st.integers(0, rows - 1), unique=True) if rows else st.none())
    chosen = None if indices is None else np.array(indices, np.int64)
    before = all_words.copy()
    core.apply(part, masks, tokens, chosen, logprobs, beta, data.draw(st.integers(1, 3)))
    expected = applied(given_logits, masks, tokens, format=format, indices=indices, logprobs=logprobs, beta=beta)
    assert differences(part, expected) == []
    assert_array_equal(all_words, before)
    part[:] = given_logits
    assert_array_equal(wide, surroundings)


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("format", FORMATS)
def test_parts_of_long_rows_fit_together(format: str, threads: int) -> None:
    """Rows are worked off in parts of 32 k logits, by any thread."""
    width = 2 * 32 * 1024 + 45
    given_logits, masks = numbers(format, (3, width)), words(3, width)
    logits = given_logits.copy()
    core.apply(logits, masks, width, threads=threads)
    flags = np.unpackbits(masks.view(np.uint8), axis=1, bitorder="little")[:, :width] != 0
    lowest = np.uint16(0xFF80) if format == "bfloat16" else -np.inf
    assert_array_equal(logits, np.where(flags, given_logits, lowest))
    logprobs = some_logprobs(3, width - 32 * 1024 - 7)
    logits = given_logits.copy()
    core.apply(logits, masks, width, None, logprobs, 1.0, threads)
    part = slice(width - 32 * 1024 - 50, width - 32 * 1024 + 50)  # from a multiple of 32 on
    start = part.start // 32 * 32
    expected = applied(
        given_logits[:, start : part.stop],
        np.ascontiguousarray(masks[:, start // 32 :]),
        part.stop - start,
        format=format,
        logprobs=logprobs[:, start:],
        beta=1.0,
    )
    assert differences(logits[:, start : part.stop], expected) == []
    assert_array_equal(logits[:, part.stop :], np.where(flags, given_logits, lowest)[:, part.stop :])


def narrowed(values: np.ndarray, format: str) -> np.ndarray:
    """Values as log-probabilities, added to logits of 0: their conversion to a format."""
    logits = np.zeros((1, len(values)), DTYPES[format])
    masks = np.full((1, (len(values) + 31) // 32), -1, np.int32)
    core.apply(logits, masks, len(values), None, values.reshape(1, -1).astype(np.float32), 1.0)
    return logits[0]


def test_every_half_is_read_and_written_as_numpy_does() -> None:
    """All 65,536, plus 0, which leaves each as it is; what is no number stays that."""
    logits = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(1, -1)
    with np.errstate(invalid="ignore"):
        expected = logits.astype(np.float32) + np.float32(0)
    core.apply(logits, np.full((1, 2048), -1, np.int32), 2**16, None, np.zeros((1, 2**16), np.float32), 1.0)
    assert_array_equal(logits, expected.astype(np.float16))
    assert_array_equal(np.signbit(logits[expected == 0]), np.signbit(expected[expected == 0]))


def test_every_bfloat16_is_read_and_written() -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    values = (bits.astype(np.uint32) << 16).view(np.float32)
    logits = bits.reshape(1, -1).copy()
    core.apply(logits, np.full((1, 2048), -1, np.int32), 2**16, None, np.zeros((1, 2**16), np.float32), 1.0)
    number = ~np.isnan(values) & (bits != 0x8000)  # minus zero plus zero is zero
    assert_array_equal(logits[0, number], bits[number])
    assert logits[0, 0x8000] == 0
    assert np.isnan((logits[0, ~number].astype(np.uint32) << 16).view(np.float32)).sum() == 2 * 127


def edge_values() -> np.ndarray:
    """Around each power of two, each tie of the narrow formats, and each end of a range; and any bits."""
    powers = np.ldexp(np.float64(1), np.arange(-149, 128))
    near = [powers * (1 + k * 2.0**-j) for j in (7, 8, 9, 10, 11, 12, 23) for k in (-1, 1, 3)]
    values = np.concatenate([powers, *near, [65504, 65519.996, 65520, 3.3961e38, 3.4028235e38, 5.97e-8, 2.98e-8]])
    anything = np.random.default_rng(3).integers(0, 2**32, 20_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    with np.errstate(over="ignore"):
        values = np.concatenate([values, -values]).astype(np.float32)
    values = np.concatenate([values, anything])
    return values[np.isfinite(values) & (values != 0)]


def test_rounding_to_half() -> None:
    values = edge_values()
    with np.errstate(over="ignore"):
        assert_array_equal(narrowed(values, "float16").view(np.uint16), values.astype(np.float16).view(np.uint16))


def test_rounding_to_bfloat16() -> None:
    values = edge_values()[::5]
    assert_array_equal(narrowed(values, "bfloat16"), [nearest_bfloat16(float(value)) for value in values])


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_forbidden_or_impossible_is_minus_infinity_whatever_it_was(format: str) -> None:
    nan = np.uint16(0x7FC0) if format == "bfloat16" else np.nan
    infinite = np.uint16(0x7F80) if format == "bfloat16" else np.inf
    lowest = np.uint16(0xFF80) if format == "bfloat16" else -np.inf
    logits = np.array([[nan, infinite, nan, infinite]], DTYPES[format])
    core.apply(logits, np.array([[0b1100]], np.int32), 4, None, np.array([[0, 0, -np.inf, -np.inf]], np.float32), 0.5)
    assert_array_equal(logits, [[lowest] * 4])


def test_beta_zero_does_not_look_at_logprobs() -> None:
    logits = np.array([[1, -0.0, 3, 4]], np.float32)
    core.apply(logits, np.array([[0b0111]], np.int32), 4, None, np.array([[-np.inf, 0, np.nan, 0]], np.float32), 0.0)
    assert logits.tolist() == [[1, 0, 3, -np.inf]]
    assert np.signbit(logits[0, 1])


def test_other_threads_go_on_meanwhile() -> None:
    """Python's lock is given up: another thread counts while a large batch is applied."""
    logits, masks = np.zeros((8, 2**20), np.float32), np.full((8, 2**15), 0x55555555, np.int32)
    done = threading.Event()

    def work() -> None:
        for _ in range(20):
            core.apply(logits, masks, 2**20)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns = 0
    while not done.is_set():
        turns += 1
    thread.join()
    assert turns > 100


LOGITS = np.zeros((2, 64), np.float32)
MASKS = np.zeros((2, 2), np.int32)
LOGPROBS = np.zeros((2, 64), np.float32)
SHARED = np.zeros((2, 66), np.float32)


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


def unaligned(array: np.ndarray) -> np.ndarray:
    size = array.itemsize
    rows = np.zeros((len(array), (array.shape[1] + 1) * size), np.uint8)
    return rows.reshape(-1)[1 : 1 + array.size * size].view(array.dtype).reshape(array.shape)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((LOGITS.tolist(), MASKS, 64), TypeError, "logits must be a numpy array of float64 .* not list"),
        ((LOGITS.astype(np.int32), MASKS, 64), TypeError, "logits must be .* not int32"),
        ((LOGITS.astype(">f4"), MASKS, 64), TypeError, "native byte order, not >f4"),
        ((LOGITS[0], MASKS, 64), ValueError, "logits must have 2 dimensions, not 1"),
        ((LOGITS, MASKS[0], 64), ValueError, "masks must have 2 dimensions, not 1"),
        ((read_only(LOGITS), MASKS, 64), ValueError, "logits is read-only"),
        ((LOGITS[:, ::2], MASKS, 32), ValueError, "logits must lie side by side"),
        ((unaligned(LOGITS), MASKS, 64), ValueError, "logits must lie side by side within each row, and aligned"),
        ((LOGITS, MASKS[:, ::-1], 64), ValueError, "masks must lie side by side"),
        ((LOGITS, MASKS.astype(np.int64), 64), TypeError, "masks must be .* not int64"),
        ((LOGITS, MASKS, 65), ValueError, "65 tokens do not fit 64 logits"),
        ((LOGITS, MASKS[:, :1], 33), ValueError, "33 tokens do not fit mask rows of 1 words"),
        ((LOGITS, MASKS, -1), ValueError, "-1 tokens do not fit"),
        ((LOGITS, MASKS[:1], 64), ValueError, "different numbers of rows"),
        ((LOGITS, MASKS, 64, None, LOGPROBS[:1], 1.0), ValueError, "different numbers of rows"),
        ((LOGITS, MASKS, 64, None, LOGPROBS.astype(np.float64), 1.0), TypeError, "logprobs must be .* not float64"),
        ((LOGITS, MASKS, 64, None, LOGPROBS, -1.0), ValueError, "beta must be a finite number, at least 0, not -1"),
        ((LOGITS, MASKS, 64, None, LOGPROBS, np.nan), ValueError, "beta must be"),
        ((LOGITS, MASKS, 64, None, LOGPROBS, 1e39), ValueError, "beta must be"),
        ((LOGITS, MASKS, 64, None, None, 0.0, 0), ValueError, "threads must be at least 1, not 0"),
        ((LOGITS, MASKS, 64, [0]), TypeError, "indices must be an array of int64"),
        ((LOGITS, MASKS, 64, np.array([2])), ValueError, "no row 2: .* have 2 in common"),
        ((LOGITS, MASKS, 64, np.array([-1])), ValueError, "no row -1"),
        ((LOGITS, MASKS, 64, np.array([1, 0, 1])), ValueError, "row 1 is given twice"),
        ((LOGITS, MASKS[:1], 64, np.array([1])), ValueError, "no row 1"),
        ((LOGITS, LOGITS.view(np.int32), 64), ValueError, "masks and the logits that are written overlap"),
        ((SHARED[:, :64], MASKS, 64, None, SHARED[:, 2:], 1.0), ValueError, "logprobs and the logits .* overlap"),
        ((np.lib.stride_tricks.as_strided(LOGITS, (2, 64), (0, 4)), MASKS, 64), ValueError, "rows of logits overlap"),
        ((np.lib.stride_tricks.as_strided(LOGITS, (2, 60), (16, 4)), MASKS, 60), ValueError, "rows of logits overlap"),
    ],
)
def test_bad_arguments_are_named(arguments, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        core.apply(*arguments)
    assert not LOGITS.any() and not SHARED.any()


def test_interleaved_memory_is_no_overlap() -> None:
    """Masks in the columns behind the logits of the same buffer."""
    both = np.zeros((2, 66), np.float32)
    both[:, 64:].view(np.int32)[:] = 1
    core.apply(both[:, :64], both[:, 64:].view(np.int32), 64)
    assert np.isneginf(both[:, :64]).sum() == 2 * 62
