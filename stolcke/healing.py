"""Token healing: a prompt that ends where no token should.

A prompt is tokenised before anybody knows how the text goes on.  If it ends with
``http:``, the model would have written ``://`` as one token; but ``:`` is there
already, and ``//`` hardly ever follows it in what the model has learned from.
Healing takes such tokens away again and lets the model write their bytes anew.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from stolcke.compiled_grammar import CompiledGrammar
from stolcke.errors import VocabularyError

__all__ = ["Healed", "heal"]


@dataclass(frozen=True, slots=True)
class Healed:
    """A prompt without the tokens at its end that are to be written anew.

    Attributes
    ----------
    token_ids : list of int
        What the model is to be given.
    prefix : bytes
        What the tokens taken away stood for: ``compiled.matcher(prefix=...)``.
    """

    token_ids: list[int]
    prefix: bytes


def heal(compiled: CompiledGrammar, prompt_token_ids: Iterable[int]) -> Healed:
    """Take those tokens from the end of a prompt in whose place a longer one may come.

    Such a token begins within the prompt and goes on behind its end, as the
    grammar allows there.  Where there is none, nothing is taken away: so this
    never costs the model a step without need.  Special tokens stay, and all
    before them.

    Parameters
    ----------
    compiled : CompiledGrammar
        Of the text that comes behind the prompt.
    prompt_token_ids : iterable of int

    Returns
    -------
    Healed

    Raises
    ------
    VocabularyError
        If an id is outside the vocabulary.
    """
    vocabulary = compiled.vocabulary
    ids = [operator.index(token) for token in prompt_token_ids]
    for token in ids:
        if not 0 <= token < len(vocabulary):
            raise VocabularyError(f"token id {token} is outside the vocabulary of {len(vocabulary)} tokens")
    store, lengths, skipped = compiled.engine.store, np.diff(vocabulary.offsets), vocabulary.skip
    begin, tail = len(ids), b""
    while begin and len(tail) < store.longest_token and not skipped[ids[begin - 1]]:
        begin -= 1
        tail = vocabulary.tokens[ids[begin]] + tail
    for at in range(max(0, len(tail) + 1 - store.longest_token), len(tail)):
        if store.has_longer(tail[at:]):
            allowed = compiled.matcher(prefix=tail[at:]).allowed_token_ids()
            if (lengths[allowed] > len(tail) - at).any():
                break
    else:
        return Healed(ids, b"")
    start = 0
    while start + lengths[ids[begin]] <= at:
        start += int(lengths[ids[begin]])
        begin += 1
    return Healed(ids[:begin], tail[start:])
