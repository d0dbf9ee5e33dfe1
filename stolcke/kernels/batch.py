"""What is applied to what: the arguments of a call, checked, and of one shape, whoever does the work."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from stolcke.errors import MaskError

__all__ = ["Batch", "dtype_name", "is_tensor"]

Array: TypeAlias = Any  # numpy.ndarray or torch.Tensor

# NumPy itself has no bfloat16; its bits travel as uint16.
LOGITS = ("float32", "float16", "bfloat16", "float64")
MASKS = ("int32", "uint32")
LOGPROBS = ("float32",)
LARGEST = float(np.finfo(np.float32).max)


def is_tensor(array: object) -> bool:
    """Whether it is a tensor of torch, which need not be there."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


@dataclass(slots=True)
class Batch:
    """Rows of logits, and what is applied to them; all arrays of NumPy, or all tensors on one device.

    Attributes
    ----------
    logits : float[batch, >= tokens]
        No two of its elements share memory.
    masks : int32[batch, >= ceil(tokens / 32)]
    logprobs : float32[batch, any] or None
        None also where ``beta`` is 0.
    tokens : int
        How many logits of each row are concerned.
    indices : int64[n] or None
        The rows concerned, each once, of all three; None stands for all.
    beta : float
        A float32 where there are log-probabilities.
    """

    logits: Array
    masks: Array
    logprobs: Array | None
    tokens: int
    indices: np.ndarray | None
    beta: float

    @classmethod
    def of(
        cls,
        logits: Array,
        masks: Array,
        vocab_size: int | None,
        indices: Sequence[int] | Array | None,
        logprobs: Array | None,
        beta: float,
        threads: int,
    ) -> Batch:
        """Check the arguments of ``apply_token_bitmask_inplace``."""
        logits = _rows(logits, LOGITS, "logits")
        masks = _beside(_rows(masks, MASKS, "bitmask"), logits, "bitmask")
        if not isinstance(threads, (int, np.integer)) or threads < 1:
            raise MaskError(f"threads must be a number of threads, at least 1, not {threads!r}")
        if not (isinstance(beta, (float, Real)) and 0 <= beta <= LARGEST):
            raise MaskError(f"beta must be a finite float32, at least 0, not {beta!r}")
        if logprobs is not None:
            logprobs = _beside(_rows(logprobs, LOGPROBS, "logprobs"), logits, "logprobs")
        _check_written(logits)
        rows, width = logits.shape
        mask_rows, words = masks.shape
        tokens = _tokens(width, words, vocab_size)
        bias_rows = rows if logprobs is None else logprobs.shape[0]
        chosen = None
        if indices is not None:
            chosen = _chosen_rows(indices, min(rows, mask_rows, bias_rows))
        elif not rows == mask_rows == bias_rows:
            third = "" if logprobs is None else f", logprobs {bias_rows}"
            raise MaskError(
                f"numbers of rows differ: logits {rows}, bitmask {mask_rows}{third}; indices= would choose some of them"
            )
        if logprobs is not None:
            beta = float(np.float32(beta))
        return cls(logits, masks, logprobs if beta else None, tokens, chosen, beta)

    @property
    def format(self) -> str:
        """The dtype of the logits, as torch names it."""
        return dtype_name(self.logits)

    @property
    def biased(self) -> int:
        """Of the logits concerned, how many have a log-probability."""
        return 0 if self.logprobs is None else min(self.tokens, self.logprobs.shape[1])

    @property
    def lies_side_by_side(self) -> bool:
        """Whether the values of a row of each tensor are neighbours in memory."""
        for tensor in (self.logits, self.masks, self.logprobs):
            if tensor is not None and tensor.stride(1) != 1 and tensor.shape[1] > 1:
                return False
        return True


def dtype_name(array: Array) -> str:
    """The dtype, as torch names it, and as NumPy names it where it is in native byte order."""
    return _numpy_name(array.dtype) if isinstance(array, np.ndarray) else _torch_name(array.dtype)


# Names take longer than all else that is done for a call, and there are few.
@functools.cache
def _numpy_name(dtype: np.dtype) -> str:
    return dtype.name if dtype.isnative else str(dtype)


@functools.cache
def _torch_name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


@functools.cache
def _is_strided(layout: Any) -> bool:
    return str(layout) == "torch.strided"


def _rows(array: Array, dtypes: tuple[str, ...], name: str) -> Array:
    """The array, in two dimensions."""
    of_numpy = isinstance(array, np.ndarray)
    if not (of_numpy or is_tensor(array)):
        raise MaskError(f"{name} must be a NumPy array or a tensor of torch, not {type(array).__name__}")
    dtype = dtype_name(array)
    bits = of_numpy and dtype == "uint16" and "bfloat16" in dtypes
    if not (dtype in dtypes or bits):
        raise MaskError(f"{name} must have one of the dtypes {', '.join(dtypes)}, not {array.dtype}")
    if not of_numpy and not _is_strided(array.layout):
        raise MaskError(f"{name} must be a dense tensor, not {array.layout}")
    if array.ndim not in (1, 2):
        raise MaskError(f"{name} must have 2 dimensions, batch and vocabulary, or 1, not {array.ndim}")
    return array if array.ndim == 2 else array[None]


def _beside(array: Array, logits: Array, name: str) -> Array:
    """The array as what the logits are, on their device."""
    if not is_tensor(logits):
        if is_tensor(array):
            raise MaskError(f"logits are a NumPy array and {name} is a tensor; give {name}.numpy()")
        return array
    import torch

    if isinstance(array, np.ndarray):
        # Only read here; but torch takes no arrays that are read-only, or have negative strides, as they are.
        array = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    if array.device != logits.device:
        raise MaskError(
            f"logits are on {logits.device} and {name} is on {array.device}; "
            f"give {name}.to(logits.device, non_blocking=True), or take rows from a MaskPool"
        )
    return array


def _check_written(logits: Array) -> None:
    """That each logit has memory of its own."""
    strides = logits.stride() if is_tensor(logits) else tuple(step // logits.itemsize for step in logits.strides)
    rows, columns = logits.shape
    if rows == 0 or columns == 0 or (strides[1] == 1 and strides[0] >= columns):
        return
    sides = sorted((abs(stride), size) for stride, size in zip(strides, (rows, columns), strict=True) if size > 1)
    reach = 0  # of the sides before, how far apart their first and last elements are
    for stride, size in sides:
        if stride <= reach:
            raise MaskError("elements of the logits share memory, as after expand(); give a copy: logits.clone()")
        reach += stride * (size - 1)


def _tokens(width: int, words: int, vocab_size: int | None) -> int:
    bits = 32 * words
    if vocab_size is None:
        if bits < width:
            warnings.warn(
                f"the masks have bits for {bits} tokens and there are {width} logits: those beyond are left as they "
                "are; give masks for all logits, or vocab_size=",
                UserWarning,
                stacklevel=4,
            )
        return min(width, bits)
    if not isinstance(vocab_size, (int, np.integer)) or not 0 <= vocab_size <= min(width, bits):
        raise MaskError(f"vocab_size {vocab_size!r} does not fit {width} logits and masks of {bits} bits")
    return int(vocab_size)


def _chosen_rows(indices: Sequence[int] | Array, rows: int) -> np.ndarray:
    """The indices as an array of int64, checked."""
    try:
        given = np.asarray(indices.detach().cpu() if is_tensor(indices) else indices)
    except (TypeError, ValueError, OverflowError):
        given = np.empty((), object)
    if given.ndim == 1 and not len(given):
        return np.empty(0, np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise MaskError(f"indices must be a list of row numbers, not {indices!r:.80}")
    if given.min() < 0 or given.max() >= rows:
        wrong = given[(given < 0) | (given >= rows)][0]
        raise MaskError(f"indices name row {wrong}, and there are {rows} rows, from 0 on, in each of the arguments")
    chosen = given.astype(np.int64)
    if len(chosen) > 1 and (np.bincount(chosen, minlength=1) > 1).any():
        raise MaskError(f"indices name row {np.bincount(chosen).argmax()} more than once")
    return chosen
