"""Masks and log-probabilities applied by one Triton kernel: one pass over the logits, and only over those that change.

Imported only where Triton is to be used, as a kernel needs it when it is defined.  Under Triton's interpreter
(``TRITON_INTERPRET=1`` before Triton is imported) it takes tensors on the CPU.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import triton
import triton.language as tl

if TYPE_CHECKING:
    from stolcke.kernels.batch import Batch

BLOCK = 4096  # logits of one program: 128 words of a mask


@triton.jit
def _apply(
    logits,
    masks,
    logprobs,
    indices,
    tokens,
    biased,
    logits_stride,
    masks_stride,
    logprobs_stride,
    beta,
    HAS_INDICES: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    WORDS: tl.constexpr,
):
    """One program for each row and WORDS words of its mask; strides in elements."""
    row = tl.program_id(0)
    if HAS_INDICES:
        row = tl.load(indices + row)
    row = row.to(tl.int64)  # batch times vocabulary may exceed 32 bits
    word = tl.program_id(1) * WORDS + tl.arange(0, WORDS)[:, None]
    bit = tl.arange(0, 32)[None, :]
    token = word * 32 + bit
    inside = token < tokens
    target = logits + row * logits_stride + token
    allowed = ((tl.load(masks + row * masks_stride + word, mask=word * 32 < tokens, other=0) >> bit) & 1) != 0
    if HAS_BIAS:
        minus_infinity = -float("inf")
        has_bias = token < biased
        # Where nothing changes, or minus infinity comes, nothing is read.
        bias = tl.load(logprobs + row * logprobs_stride + token, mask=has_bias & allowed, other=0.0)
        allowed = allowed & (bias != minus_infinity)
        value = tl.load(target, mask=has_bias & allowed, other=0.0).to(tl.float32) + beta * bias
        value = tl.where(allowed, value, minus_infinity).to(logits.dtype.element_ty)
        tl.store(target, value, mask=inside & (has_bias | (allowed == 0)))
    else:
        tl.store(target, -float("inf"), mask=inside & (allowed == 0))


def apply(batch: Batch) -> None:
    """Apply a batch of tensors on a GPU, in the current stream; returns before it is done."""
    import torch

    logits, masks = batch.logits.detach(), batch.masks.view(torch.int32)
    indices = None if batch.indices is None else torch.from_numpy(batch.indices).to(logits.device)
    rows = len(logits) if indices is None else len(indices)
    if not rows or not batch.tokens:
        return
    logprobs = batch.logprobs
    # Triton launches on the current GPU, which need not be the one that the logits are on.
    with torch.cuda.device(logits.device) if logits.device.type == "cuda" else contextlib.nullcontext():
        _apply[rows, triton.cdiv(batch.tokens, BLOCK)](
            logits,
            masks,
            logprobs,
            indices,
            batch.tokens,
            batch.biased,
            logits.stride(0),
            masks.stride(0),
            0 if logprobs is None else logprobs.stride(0),
            batch.beta,
            HAS_INDICES=indices is not None,
            HAS_BIAS=batch.biased > 0,
            WORDS=BLOCK // 32,
        )
