"""A batch gives what its matchers give one by one, whatever its threads, its errors and its kinds of matchers."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.domains import Layout
from tests.batches.kinds import BLOCKS, NESTED, compiled, dirty, kinds, one_by_one, vocabulary, walked, words
from tests.strategies import EFFORT

KINDS = sorted(kinds(compiled()))


@pytest.fixture(scope="module", params=["remembering", "forgetful"])
def makers(request):
    return kinds(compiled(request.param))


@pytest.fixture(scope="module")
def fillers():
    with stolcke.MaskFiller(1) as one, stolcke.MaskFiller(4) as four:
        yield one, four


places = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1000), st.integers(0, 12)), max_size=24)


@settings(max_examples=60 * EFFORT, deadline=None)
@given(places=places, order=st.randoms(use_true_random=False), which=st.integers(0, 1), waits=st.booleans())
def test_a_batch_is_its_rows(makers, fillers, places, order, which, waits):
    matchers = [walked(makers[kind], seed, steps) for kind, seed, steps in places]
    expected = one_by_one(matchers)
    indices = order.sample(range(len(matchers) + 3), len(matchers))
    rows = dirty(len(matchers) + 3)
    others = np.setdiff1d(np.arange(len(rows)), indices)
    if waits:
        fillers[which].fill(matchers, rows, indices)
    else:
        fillers[which].start(matchers, rows, indices).wait()
    assert np.array_equal(rows[np.array(indices, int)], expected)
    assert np.array_equal(rows[others], dirty(len(others)))
    rows = dirty(len(matchers))
    stolcke.fill_masks(matchers, rows, threads=which + 1)
    assert np.array_equal(rows, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_cold(kind):
    """Nothing is known: all rows of one engine are computed by whoever comes first."""
    matchers = [walked(kinds(compiled())[kind], seed, seed % 9) for seed in range(40)]
    expected = one_by_one(matchers)
    cold = [walked(kinds(compiled())[kind], seed, 0) for seed in range(40)]
    rows = dirty(40)
    with stolcke.MaskFiller(4) as filler:
        for seed in range(40):
            cold[seed] = walked(kinds(compiled())[kind], seed, seed % 9)
        filler.fill(cold, rows)
    assert np.array_equal(rows, expected)


def test_a_thousand_rows_again_and_again(makers):
    """The same rows step after step, by one filler that several threads use at once."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    batches = [[walked(makers[KINDS[k % len(KINDS)]], k % 50, k % 7) for k in range(342)] for _ in range(3)]
    expected, wrong = [one_by_one(batch) for batch in batches], []

    def work(batch: list, masks: np.ndarray) -> None:
        rows = dirty(len(batch))
        for _ in range(5):
            rows[:] = -1
            filler.fill(batch, rows)
            if not np.array_equal(rows, masks):
                wrong.append(rows)

    try:
        with stolcke.MaskFiller(3) as filler:
            threads = [threading.Thread(target=work, args=pair) for pair in zip(batches, expected, strict=True)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert filler._crew.size <= 3
    finally:
        sys.setswitchinterval(usual)
    assert not wrong


def test_masks_are_those_of_the_start(makers):
    """Matchers may move on, by any call, while their masks are made."""
    matchers = [walked(makers[KINDS[k % 4]], k, 3) for k in range(64)]
    expected = one_by_one(matchers)
    rows = dirty(64)
    with stolcke.MaskFiller(2) as filler:
        pending = filler.start(matchers, rows)
        for matcher in matchers:
            matcher.reset()
        pending.wait()
        assert pending.done()
        pending.wait()
    assert np.array_equal(rows, expected)


def test_rows_are_ready_without_anybody_waiting(makers):
    matchers = [walked(makers["schema"], k, 4) for k in range(20)]
    rows = dirty(20)
    with stolcke.MaskFiller(1) as filler:
        pending = filler.start(matchers, rows)
        clock = threading.Event()
        for _ in range(2000):
            if pending.done():
                break
            clock.wait(0.005)
        assert pending.done()
        assert np.array_equal(rows, one_by_one(matchers))


def test_workers_do_without_pythons_lock(makers):
    """Masks get done while another thread computes in Python and never lets go of the lock."""
    matchers = [walked(makers["schema"], k, 4) for k in range(20)]
    matchers += [walked(kinds(compiled())["schema"], k, 4) for k in range(20)]
    expected = one_by_one(matchers)
    rows = dirty(40)
    usual = sys.getswitchinterval()
    with stolcke.MaskFiller(2) as filler:
        filler.start(matchers, dirty(40)).wait()  # the threads are there
        matchers[20:] = [walked(kinds(compiled())["schema"], k, 4) for k in range(20)]
        sys.setswitchinterval(1000)
        try:
            pending = filler.start(matchers, rows)
            end = time.monotonic() + 30
            while not pending.done() and time.monotonic() < end:
                pass
            assert pending.done()
        finally:
            sys.setswitchinterval(usual)
        pending.wait()
    assert np.array_equal(rows, expected)


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_limit_in_one_row_leaves_the_others_right(threads):
    makers, poor = kinds(compiled()), compiled(cache_bytes=1)
    matchers = [walked(makers[KINDS[k % len(KINDS)]], k, k % 5) for k in range(30)]
    expected = one_by_one(matchers)
    for k, kind in ((3, "nested"), (17, "schema"), (29, "guarded")):
        matchers[k], expected[k] = poor[kind].matcher(), 0
    rows = dirty(30)
    with stolcke.MaskFiller(threads) as filler, pytest.raises(stolcke.BatchError, match=r"^row 3 .*cache_bytes") as one:
        filler.fill(matchers, rows)
    assert np.array_equal(rows, expected)
    assert {row: (type(error), error.limit) for row, error in one.value.errors.items()} == dict.fromkeys(
        (3, 17, 29), (stolcke.LimitExceeded, "cache_bytes")
    )
    rows = dirty(30)
    with pytest.raises(stolcke.LimitExceeded):
        stolcke.fill_masks(matchers, rows, threads=threads)
    assert np.array_equal(rows, expected)


def test_errors_are_told_each_time_one_waits():
    pending = stolcke.MaskFiller(2).start([compiled(cache_bytes=1)["nested"].matcher()], rows := dirty(1))
    for _ in range(2):
        with pytest.raises(stolcke.BatchError) as one:
            pending.wait()
        assert list(one.value.errors) == [0]
    assert not rows.any()


class Moody(Layout):
    """A guard that fails."""

    def read(self, *arguments):
        raise ZeroDivisionError("the guard's own error")


def test_what_a_guard_raises_is_the_error_of_its_row():
    blocks = stolcke.Grammar.from_lark(BLOCKS)
    moody = stolcke.compile(blocks, vocabulary(), guard=Moody(newline="_NL"), prewarm=0)
    good = compiled()["guarded"].matcher()
    rows = dirty(3)
    with stolcke.MaskFiller(3) as filler, pytest.raises(stolcke.BatchError) as one:
        filler.fill([good, moody.matcher(), good.fork()], rows)
    assert list(one.value.errors) == [1]
    assert isinstance(one.value.errors[1], ZeroDivisionError)
    assert np.array_equal(rows[[0, 2]], one_by_one([good, good]))
    assert not rows[1].any()


def test_an_interrupt_stops_the_batch_and_no_more():
    """The one who waits is interrupted; workers leave the rows alone before the error comes."""
    came, go = threading.Event(), threading.Event()

    class Interrupted(Layout):
        def read(self, *arguments):
            if threading.current_thread() is threading.main_thread():
                came.wait(20)
                threading.Timer(0.1, go.set).start()
                raise KeyboardInterrupt
            came.set()
            go.wait(20)
            return super().read(*arguments)

    grammars = [stolcke.Grammar.from_lark(BLOCKS) for _ in range(6)]
    made = [stolcke.compile(one, vocabulary(), guard=Interrupted(newline="_NL"), prewarm=0) for one in grammars]
    rows = dirty(6)
    with stolcke.MaskFiller(2) as filler:
        pending = filler.start([one.matcher() for one in made], rows)
        with pytest.raises(KeyboardInterrupt):
            pending.wait()
        assert go.is_set()
        left = rows.copy()
        assert (left == dirty(6)).all(axis=1).sum() >= 4, "others were not begun"
        good = [compiled()["guarded"].matcher() for _ in range(6)]
        other = dirty(6)
        filler.fill(good, other)
        assert np.array_equal(other, one_by_one(good))
        assert np.array_equal(rows, left)


def test_an_ended_matcher_is_no_error(makers):
    ended = walked(makers["nested"], 0, 0)
    assert ended.accept_bytes(b"a") and ended.accept(ended.compiled.vocabulary.eos_token_ids[0])
    rows = dirty(2)
    stolcke.fill_masks([ended, makers["nested"]()], rows)
    assert not rows[0].any() and rows[1].any()


def test_a_matcher_that_restricts_must_not_be_moved(makers):
    moved, still = makers["pruned"](), makers["pruned"]()
    expected = one_by_one([still, makers["schema"]()])
    rows = dirty(3)
    with stolcke.MaskFiller(1) as filler:
        pending = filler.start([moved, still, makers["schema"]()], rows)
        assert moved.accept_bytes(b"a")
        with pytest.raises(stolcke.BatchError, match="was moved before wait") as one:
            pending.wait()
    assert list(one.value.errors) == [0]
    assert not rows[0].any()
    assert np.array_equal(rows[1:], expected)


# --- arguments -------------------------------------------------------------------------------------------------------


def bad_rows():
    read_only = dirty(2)
    read_only.flags.writeable = False
    return {
        "no array": dirty(2).tolist(),
        "one dimension": dirty(2)[0],
        "int64": dirty(2).astype(np.int64),
        "float32": dirty(2).view(np.float32),
        "read-only": read_only,
        "other byte order": dirty(2).astype(">i4"),
        "columns": np.asfortranarray(dirty(2)),
        "overlapping": np.lib.stride_tricks.as_strided(dirty(2), (2, words()), (4, 4)),
        "backwards": dirty(2)[::-1],
        "too few": dirty(1),
        "too many": dirty(3),
        "too narrow": dirty(2)[:, :3].copy(),
    }


@pytest.mark.parametrize("kind", sorted(bad_rows()))
def test_rows_that_do_not_fit(makers, kind):
    rows = bad_rows()[kind]
    before = np.array(rows)
    with stolcke.MaskFiller(2) as filler, pytest.raises(stolcke.VocabularyError):
        filler.fill([makers["nested"](), makers["schema"]()], rows)
    assert np.array_equal(np.array(rows), before)


@pytest.mark.parametrize("indices", [[0], [0, 0], [0, 3], [-1, 0], [0.0, 1.0], [[0], [1]], "ab", [0, 1, 2]])
def test_indices_that_do_not_fit(makers, indices):
    rows = dirty(3)
    with stolcke.MaskFiller(2) as filler, pytest.raises(stolcke.VocabularyError):
        filler.fill([makers["nested"](), makers["schema"]()], rows, indices)
    assert np.array_equal(rows, dirty(3))


@pytest.mark.parametrize("matchers", [[None], [object()], ["ab"], [stolcke.Matcher]])
def test_what_is_no_matcher(makers, matchers):
    rows = dirty(2)
    with pytest.raises(stolcke.VocabularyError, match="masks are of matchers"):
        stolcke.fill_masks([makers["nested"](), *matchers], rows)
    assert np.array_equal(rows, dirty(2))


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads(threads):
    with pytest.raises(stolcke.VocabularyError, match="threads must be at least 1"):
        stolcke.MaskFiller(threads)
    with pytest.raises(stolcke.VocabularyError, match="threads must be at least 1"):
        stolcke.fill_masks([], dirty(0), threads=threads)


def test_rows_of_another_layout(makers):
    """Rows may be part of something larger, and unsigned."""
    matchers = [walked(makers[kind], 1, 3) for kind in KINDS]
    expected = one_by_one(matchers)
    n = len(matchers)
    whole = np.zeros((2 * n, words() + 5), np.uint32)
    with stolcke.MaskFiller(2) as filler:
        filler.fill(matchers, whole[::2, : words()])
        assert np.array_equal(whole[::2, : words()].view(np.int32), expected)
        assert not whole[1::2].any() and not whole[:, words() :].any()
        filler.fill([], dirty(0))
        filler.fill([], whole, [])


def test_vocabularies_may_differ(makers):
    other = stolcke.compile(stolcke.Grammar.from_lark(NESTED), stolcke.Vocabulary.from_bytes()).matcher()
    rows = np.full((2, 9), -1, np.int32)
    stolcke.fill_masks([makers["nested"](), other], rows)
    assert np.flatnonzero(np.unpackbits(rows[1].view(np.uint8), bitorder="little")).tolist() == [40, 97]


def test_a_closed_filler_computes_by_itself(makers):
    filler = stolcke.MaskFiller(4)
    matchers = [walked(makers[kind], 5, 4) for kind in KINDS]
    rows = dirty(len(matchers))
    pending = filler.start(matchers, rows)
    filler.close()
    pending.wait()
    assert np.array_equal(rows, one_by_one(matchers))
    rows = dirty(len(matchers))
    filler.fill(matchers, rows)
    assert np.array_equal(rows, one_by_one(matchers))
    assert repr(filler) == "<MaskFiller of 4 threads>"
