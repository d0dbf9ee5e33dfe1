"""``apply_token_bitmask_inplace``: checks what is given, and chooses who does the work."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from stolcke._core import logits as core
from stolcke.errors import MaskError
from stolcke.kernels.batch import Batch, dtype_name, is_tensor

__all__ = ["apply_token_bitmask_inplace"]

Array: TypeAlias = Any  # numpy.ndarray or torch.Tensor
THREADS = 4 * (os.cpu_count() or 1)
BACKENDS = ("auto", "cpu", "triton", "torch")


def apply_token_bitmask_inplace(
    logits: Array,
    bitmask: Array,
    vocab_size: int | None = None,
    indices: Sequence[int] | Array | None = None,
    *,
    logprobs: Array | None = None,
    beta: float = 1.0,
    threads: int = 1,
    backend: str = "auto",
) -> None:
    """Write minus infinity into the logits of the tokens that a mask forbids, and add log-probabilities to the others.

    The masks alone change no other logit.  With ``logprobs`` and a ``beta`` above 0, an allowed logit becomes
    ``logit + beta * logprob``, computed in float32 (float64 for float64) and rounded once to the format of the
    logits, to the nearest; minus infinity where the log-probability is minus infinity, whatever the logit.  With
    ``beta`` 0 log-probabilities are not looked at: what is impossible but allowed by the mask stays as it was.

    Parameters
    ----------
    logits : float[batch, width] or float[width]
        Changed in place: float32, float16, bfloat16 or float64.  In NumPy bfloat16 is the dtype of that name, or
        uint16, the bits of it.  Rows may be any distance apart.
    bitmask : int32[batch, words] or int32[words]
        Bit ``id % 32`` of word ``id // 32`` says whether a token is allowed; on the device of the logits.  Its rows may
        be any distance apart, too; a NumPy array is as good as a tensor on the CPU.
    vocab_size : int, optional
        How many logits of each row are concerned; the others stay as they are.  Unless given, as many as there
        are logits and bits for.
    indices : sequence of int, optional
        The rows concerned, in ``logits``, ``bitmask`` and ``logprobs`` alike, each once.  The three may then have
        different numbers of rows.  A tensor on a GPU is read back, which waits for the GPU; a list is better.
    logprobs : float32[batch, any], optional
        Natural-log probabilities, as :func:`stolcke.fill_logprobs_batch` writes them.  Logits beyond its columns are
        only masked.
    beta : float
        Finite, at least 0; rounded to float32.
    threads : int
        How many threads share the work on the CPU; they are started and ended within the call.
    backend : {"auto", "cpu", "triton", "torch"}
        Who does it: the core; a Triton kernel; operations of torch, which need more memory.  By itself the first
        on the CPU, the second on a GPU where there is Triton, the third on other devices, where values of a row do
        not lie side by side, and for float64 on a GPU.

    Raises
    ------
    MaskError
        If shapes, dtypes, devices or indices do not fit, if logits share memory with each other or, on the CPU, with
        what is read, or if the backend cannot do it.

    Warns
    -----
    UserWarning
        If there are more logits than bits and ``vocab_size`` does not say that this is meant.

    Notes
    -----
    Arguments and meaning are those of the function of this name in xgrammar 0.2, which knows no log-probabilities.
    """
    batch = Batch.of(logits, bitmask, vocab_size, indices, logprobs, beta, threads)
    chosen = _chosen(batch, backend)
    if chosen == "cpu":
        _apply_on_cpu(batch, threads)
    elif chosen == "torch":
        from stolcke.kernels import fallback

        fallback.apply(batch)
    else:
        from stolcke.kernels import triton_kernel

        triton_kernel.apply(batch)


def _chosen(batch: Batch, backend: str) -> str:
    """The backend, once it is known to do what is asked."""
    if backend not in BACKENDS:
        raise MaskError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if not is_tensor(batch.logits):
        if backend in ("auto", "cpu"):
            return "cpu"
        raise MaskError(f'backend "{backend}" takes tensors of torch; NumPy arrays are for "cpu"')
    on = batch.logits.device.type
    if backend == "auto":
        if not batch.lies_side_by_side:
            return "torch"
        if on == "cuda" and batch.format != "float64" and _has_triton():
            return "triton"
        return "cpu" if on == "cpu" else "torch"
    if backend == "torch":
        return backend
    if not batch.lies_side_by_side:
        raise MaskError(f'backend "{backend}" needs values that lie side by side in each row; use "auto"')
    if backend == "cpu" and on != "cpu":
        raise MaskError(f'backend "cpu" cannot reach logits on {batch.logits.device}; use "auto"')
    if backend == "triton":
        _check_triton(on, batch.format)
    return backend


@functools.cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


def _check_triton(on: str, format: str) -> None:
    if format == "float64":
        raise MaskError('backend "triton" takes float32, float16 and bfloat16; use "torch" for float64')
    if not _has_triton():
        raise MaskError('backend "triton" needs Triton: pip install "stolcke[kernels]"')
    import triton

    if on != "cuda" and not triton.knobs.runtime.interpret:
        raise MaskError(
            f'backend "triton" needs tensors on a GPU, not on {on}; with TRITON_INTERPRET=1 set before '
            "Triton is imported it takes those on the CPU, slowly"
        )


def _apply_on_cpu(batch: Batch, threads: int) -> None:
    logits, masks, logprobs = (_as_numpy(array) for array in (batch.logits, batch.masks, batch.logprobs))
    try:
        core.apply(logits, masks, batch.tokens, batch.indices, logprobs, batch.beta, min(threads, THREADS))
    except (TypeError, ValueError) as error:  # what only the core sees: how memory lies
        raise MaskError(str(error)) from None


def _as_numpy(array: Array | None) -> np.ndarray | None:
    """The same memory as an array that the core takes."""
    if array is None:
        return None
    is_bfloat16 = dtype_name(array) == "bfloat16"
    if isinstance(array, np.ndarray):
        return array.view(np.uint16) if is_bfloat16 else array
    if is_bfloat16:
        import torch

        return array.detach().view(torch.int16).numpy().view(np.uint16)
    return array.detach().numpy()
