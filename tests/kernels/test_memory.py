"""Mask rows that are used again: which set comes when, and that none is overwritten while it is copied."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke
from stolcke import MaskError
from stolcke.kernels import MaskPool, allocate_token_bitmask, apply_token_bitmask_inplace


def test_allocated_rows_allow_everything_and_can_be_filled() -> None:
    rows = allocate_token_bitmask(2, 300)
    assert rows.shape == (2, 10) and rows.dtype == np.int32 and (rows == -1).all()
    compiled = stolcke.compile(stolcke.Grammar.from_choices(["a"]), stolcke.Vocabulary.from_bytes())
    stolcke.fill_masks([compiled.matcher(), compiled.matcher()], rows)
    logits = np.zeros((2, 300), np.float32)
    apply_token_bitmask_inplace(logits, rows)
    assert [np.flatnonzero(row == 0).tolist() for row in logits] == [[97], [97]]


def test_rows_take_turns_and_stay_where_they_are() -> None:
    pool = MaskPool(3, 70, slots=3)
    first = [pool.acquire() for _ in range(3)]
    assert [rows.shape for rows in first] == [(3, 3)] * 3
    assert not any(np.shares_memory(a, b) for i, a in enumerate(first) for b in first[:i])
    for number, rows in enumerate(first):
        rows[:] = number
    for turn in range(7):
        rows = pool.acquire(2)
        assert rows.shape == (2, 3) and (rows == turn % 3).all()
        assert rows.ctypes.data == first[turn % 3].ctypes.data


def test_a_pool_of_a_vocabulary() -> None:
    assert MaskPool(1, stolcke.Vocabulary.from_bytes()).acquire().shape == (1, 9)


def test_on_the_cpu_the_tensor_is_the_rows() -> None:
    torch = pytest.importorskip("torch")
    pool = MaskPool(2, 32, "cpu")
    rows = pool.acquire(1)
    rows[:] = 5
    tensor = pool.on_device()
    assert tensor.tolist() == [[5]] and tensor.dtype == torch.int32
    rows[:] = 6
    assert tensor.tolist() == [[6]]


class Copies:
    """Events of a device whose copies end only when they are waited for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def event(self, number: int):
        copies = self

        class Event:
            def record(self) -> None:
                copies.calls.append(("record", number))

            def synchronize(self) -> None:
                copies.calls.append(("wait", number))

        return Event()


def test_rows_come_up_again_when_their_copy_is_done() -> None:
    """With slots whose events only keep a record, and memory elsewhere for the copies."""
    torch = pytest.importorskip("torch")
    pool, copies = MaskPool(2, 32, "cpu"), Copies()
    for number, slot in enumerate(pool._slots):
        slot.target, slot.event = torch.zeros(2, 1, dtype=torch.int32), copies.event(number)
    pool.acquire()[:] = 1
    first = pool.on_device()
    pool.acquire()[:] = 2
    second = pool.on_device()
    assert copies.calls == [("record", 0), ("record", 1)]
    pool.acquire()[:] = 3
    assert copies.calls[2:] == [("wait", 0)]
    assert first.tolist() == [[1], [1]] and second.tolist() == [[2], [2]]  # not sent yet
    pool.acquire()  # the one before was never sent, so nobody need wait for it again
    pool.acquire()
    assert copies.calls[2:] == [("wait", 0), ("wait", 1)]


def test_steps_allocate_nothing() -> None:
    torch = pytest.importorskip("torch")
    pool = MaskPool(4, 1000, "cpu")
    seen = {(pool.acquire().ctypes.data, pool.on_device().data_ptr()) for _ in range(50)}
    assert len(seen) == 2 and all(rows == tensor for rows, tensor in seen)
    assert torch.is_tensor(pool.on_device())


def test_copies_to_a_gpu() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    pool = MaskPool(8, 128_000, "cuda")
    sums = []
    for step in range(50):
        rows = pool.acquire(1 + step % 8)
        rows[:] = step
        sums.append((pool.on_device().sum(), rows.size * step))
    assert all(int(total) == expected for total, expected in sums)
    assert all(slot.source.is_pinned() for slot in pool._slots)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: allocate_token_bitmask(-1, 5), "batch_size must be a number from 0 .* not -1"),
        (lambda: allocate_token_bitmask(1, 2.5), "vocab_size must be a number from 0 .* not 2.5"),
        (lambda: MaskPool(1, "cpu cpu".split), "vocabulary must be one, or a number of tokens"),
        (lambda: MaskPool(2**40, 5), "batch must be a number from 0 to"),
        (lambda: MaskPool(1, -5), "vocabulary must be a number from 0"),
        (lambda: MaskPool(1, 5, slots=0), "slots must be at least 1"),
        (lambda: MaskPool(1, 5).acquire(2), "2 rows were asked for, and the pool has 1"),
        (lambda: MaskPool(1, 5).acquire(-1), "n must be a number from 0"),
        (lambda: MaskPool(1, 5).on_device(), "nothing was acquired yet"),
        (lambda: [pool := MaskPool(1, 5), pool.acquire(), pool.on_device()], "made without a device"),
    ],
)
def test_bad_arguments_are_named(call, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        call()


def test_devices_that_are_not_there() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(MaskError, match="torch knows no device 'nowhere'"):
        MaskPool(1, 5, "nowhere")
    if not torch.cuda.is_available():
        with pytest.raises(MaskError, match="there is no CUDA here"):
            MaskPool(1, 5, "cuda")


def test_without_torch_a_device_names_what_is_missing(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MaskError, match=r'needs torch: pip install "stolcke\[kernels\]"'):
        MaskPool(1, 5, "cpu")
