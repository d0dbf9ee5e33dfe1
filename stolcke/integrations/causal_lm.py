"""A causal language model of transformers as :class:`stolcke.steering.Model`: a batch of texts behind one prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stolcke.errors import VocabularyError

__all__ = ["CausalLM"]


class CausalLM:
    """Texts behind one prompt, with the model's cache.

    The prompt is read once, for all texts.  All texts are equally long, so nothing is padded; those that have ended
    leave the batch.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A decoder whose cache can be reordered, as the ones that transformers makes by default can.
    prompt : sequence of int
        Token ids, at least one.
    temperature : float
        What logits are divided by: the target of sampling is then the model at this temperature.
    """

    def __init__(self, model: Any, prompt: Sequence[int], *, temperature: float = 1.0) -> None:
        if not len(prompt):
            raise VocabularyError("a causal language model needs a prompt of at least one token")
        if not temperature > 0:
            raise VocabularyError(f"temperature must be above 0, not {temperature!r}")
        self.model = model
        self.prompt = [int(token) for token in prompt]
        self.temperature = temperature
        self._cache: Any = None
        self._is_shared = False

    def begin(self, n: int) -> np.ndarray:
        """Read the prompt; the logits of the first token, float32[n, width]."""
        logits = self._forward([self.prompt], None)
        self._is_shared = True  # one row in the cache, for all texts
        return np.broadcast_to(logits, (n, logits.shape[1]))

    def extend(self, parents: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Go on with texts ``parents`` of the batch before, a token each; float32[len(parents), width]."""
        import torch

        rows = torch.as_tensor(np.zeros_like(parents) if self._is_shared else parents, device=self.model.device)
        self._is_shared = False
        self._cache.batch_select_indices(rows)
        return self._forward(np.asarray(tokens)[:, None], self._cache)

    def _forward(self, tokens: Any, cache: Any) -> np.ndarray:
        import torch

        ids = torch.as_tensor(tokens, dtype=torch.int64, device=self.model.device)
        with torch.inference_mode():
            output = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        self._cache = output.past_key_values
        return output.logits[:, -1].float().cpu().numpy() / self.temperature
