"""Hugging Face transformers: ``model.generate`` under a grammar.

:class:`GrammarLogitsProcessor` goes into ``generate(logits_processor=[...])``, :func:`allowed_tokens_fn` gives a
``prefix_allowed_tokens_fn``.  :class:`FastForward`, a ``custom_generate``, makes no forward passes for tokens that a
grammar forces.  :class:`GrammarRequests` are grammars for continuous batching.
"""

from stolcke.integrations.transformers.continuous import GrammarRequests
from stolcke.integrations.transformers.fast_forward import FastForward
from stolcke.integrations.transformers.processor import GrammarLogitsProcessor, allowed_tokens_fn

__all__ = ["FastForward", "GrammarLogitsProcessor", "GrammarRequests", "allowed_tokens_fn"]
