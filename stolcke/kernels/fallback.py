"""Masks and log-probabilities applied by operations of torch: on any device, with any strides, and more memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stolcke.errors import MaskError

if TYPE_CHECKING:
    from stolcke.kernels.batch import Batch


def apply(batch: Batch) -> None:
    """Apply a batch of tensors.

    Unpacked masks take a byte for each logit, while they are made four; rows chosen by indices are copied and put back.
    """
    import torch

    if batch.logits.is_inference() and not torch.is_inference_mode_enabled():
        raise MaskError("the logits were made in torch.inference_mode(), and torch changes them only within it")
    logits = batch.logits.detach()[:, : batch.tokens]
    masks, logprobs = batch.masks.view(torch.int32), batch.logprobs
    index = None
    if batch.indices is not None:
        index = torch.from_numpy(batch.indices).to(logits.device)
        masks = masks[index]
        logprobs = None if logprobs is None else logprobs[index]
    target = logits if index is None else logits[index]
    bits = torch.arange(32, dtype=torch.int32, device=logits.device)
    forbidden = ((masks.unsqueeze(-1) >> bits) & 1).eq(0).flatten(1)[:, : batch.tokens]
    if logprobs is not None:
        n = batch.biased
        logprobs = logprobs[:, :n]
        wide = target[:, :n].to(torch.float64 if target.dtype == torch.float64 else torch.float32)
        target[:, :n] = torch.add(wide, logprobs.to(wide.dtype), alpha=batch.beta).to(target.dtype)
        forbidden[:, :n] |= logprobs.isneginf()
    target.masked_fill_(forbidden, -math.inf)
    if index is not None:
        logits.index_copy_(0, index, target)
