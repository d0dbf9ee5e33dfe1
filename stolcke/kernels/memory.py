"""Memory for masks: a batch of rows, and pools of them that copies to a device are made from."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, TypeAlias

import numpy as np

from stolcke._core import bitmask
from stolcke.errors import MaskError

__all__ = ["MaskPool", "allocate_token_bitmask"]

Tensor: TypeAlias = Any  # of torch, which is met only where a device is named


def allocate_token_bitmask(batch_size: int, vocab_size: int) -> np.ndarray:
    """Mask rows that allow everything.

    Parameters
    ----------
    batch_size : int
    vocab_size : int
        How many tokens, or logits where there are more: what is beyond the tokens is then forbidden by
        :func:`stolcke.fill_masks`.

    Returns
    -------
    int32[batch_size, ceil(vocab_size / 32)]
        ``torch.from_numpy`` makes a tensor of the same memory.

    Raises
    ------
    MaskError
        If a number is negative.
    """
    return np.full((_count(batch_size, "batch_size"), bitmask.words(_count(vocab_size, "vocab_size"))), -1, np.int32)


class MaskPool:
    """Mask rows used again at each step, and their copies on a device, without allocating anything.

    While a copy to a GPU is on its way, the rows that it is made from must stay as they are, and the CPU is already at
    the next step.  So there are several sets of rows, in turn; one comes up again once its copy is done.  For a GPU
    they are pinned, without which copies are not asynchronous.

    A pool belongs to one thread at a time, and its copies to the stream that is current when they are made: apply them
    in the same one.

    Parameters
    ----------
    batch : int
        The greatest number of rows.
    vocabulary : Vocabulary or int
        How many tokens; better the number of the model's logits where there are more (see
        :func:`allocate_token_bitmask`).
    device : str or torch.device, optional
        Where the logits are.  Unless given, there is nothing but rows, and torch is not needed.
    slots : int
        How many sets of rows, at least 1.

    Raises
    ------
    MaskError
        If a number is out of range, or a device is named and torch is missing.

    Examples
    --------
    >>> import stolcke
    >>> from stolcke.kernels import MaskPool
    >>> vocabulary = stolcke.Vocabulary.from_bytes()
    >>> digits = stolcke.compile(stolcke.Grammar.from_regex("[0-9]+"), vocabulary)
    >>> pool = MaskPool(4, vocabulary)
    >>> rows = pool.acquire(1)
    >>> stolcke.fill_masks([digits.matcher()], rows)
    >>> rows.shape
    (1, 9)
    """

    def __init__(self, batch: int, vocabulary: Sized | int, device: Any = None, *, slots: int = 2) -> None:
        size = vocabulary if isinstance(vocabulary, (int, np.integer)) else _length(vocabulary)
        shape = (_count(batch, "batch"), bitmask.words(_count(size, "vocabulary")))
        if _count(slots, "slots") < 1:
            raise MaskError("slots must be at least 1")
        if device is None:
            self._slots = [_Slot(np.full(shape, -1, np.int32)) for _ in range(slots)]
        else:
            self._slots = _slots_on(device, shape, slots)
        self.batch = batch
        self._turn = -1
        self._acquired = 0

    def acquire(self, n: int | None = None) -> np.ndarray:
        """The next set of rows, to be filled; waits until the copy made from it is done.

        Parameters
        ----------
        n : int, optional
            How many rows; all of them unless given.

        Returns
        -------
        int32[n, words]
            What was in them before is still there; :func:`stolcke.fill_masks` writes every word.  They are the
            caller's until ``acquire`` was called as often as there are slots.

        Raises
        ------
        MaskError
            If there are fewer rows.
        """
        n = self.batch if n is None else _count(n, "n")
        if n > self.batch:
            raise MaskError(f"{n} rows were asked for, and the pool has {self.batch}; make one for a larger batch")
        self._turn = (self._turn + 1) % len(self._slots)
        self._acquired = n
        slot = self._slots[self._turn]
        slot.wait()
        return slot.rows[:n]

    def on_device(self) -> Tensor:
        """What was acquired last, as a tensor where the logits are; call it when the rows are filled.

        Returns
        -------
        Tensor of int32[n, words]
            On the CPU the same memory.  On another device the copy, on its way there: operations behind it in the
            stream find it whole.

        Raises
        ------
        MaskError
            If nothing was acquired, or the pool has no device.
        """
        if self._turn < 0:
            raise MaskError("nothing was acquired yet")
        slot = self._slots[self._turn]
        if slot.target is None:
            raise MaskError('the pool was made without a device; MaskPool(..., device="cuda") copies')
        return slot.sent(self._acquired)


class _Slot:
    """Rows on the CPU, and where they are copied to.

    Parameters
    ----------
    rows : int32[batch, words]
    source, target : Tensor, optional
        The rows as a tensor, and the memory on the device; the same one where that is the CPU.
    event : torch.cuda.Event, optional
        Recorded behind each copy, where copies are asynchronous.
    """

    def __init__(self, rows: np.ndarray, source: Tensor = None, target: Tensor = None, event: Any = None) -> None:
        self.rows, self.source, self.target, self.event = rows, source, target, event
        self.pending = False

    def wait(self) -> None:
        if self.pending:
            self.event.synchronize()
            self.pending = False

    def sent(self, n: int) -> Tensor:
        target = self.target[:n]
        if self.target is not self.source:
            target.copy_(self.source[:n], non_blocking=self.event is not None)
            if self.event is not None:
                self.event.record()
                self.pending = True
        return target


def _slots_on(device: Any, shape: tuple[int, int], slots: int) -> list[_Slot]:
    try:
        import torch
    except ImportError:
        raise MaskError('a device is named, which needs torch: pip install "stolcke[kernels]"') from None
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise MaskError(f"torch knows no device {device!r}: {error}") from None
    on_cuda = device.type == "cuda"
    if on_cuda and not torch.cuda.is_available():
        raise MaskError("there is no CUDA here, which copies to a GPU need")
    made = []
    for _ in range(slots):
        source = torch.full(shape, -1, dtype=torch.int32, pin_memory=on_cuda)
        target = source if device.type == "cpu" else torch.empty(shape, dtype=torch.int32, device=device)
        made.append(_Slot(source.numpy(), source, target, torch.cuda.Event() if on_cuda else None))
    return made


def _length(vocabulary: Sized) -> int:
    try:
        return len(vocabulary)
    except TypeError:
        raise MaskError(f"vocabulary must be one, or a number of tokens, not {type(vocabulary).__name__}") from None


def _count(number: int, name: str) -> int:
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number < 2**31:
        raise MaskError(f"{name} must be a number from 0 to 2**31 - 1, not {number!r}")
    return int(number)
