"""The vocabulary of a model that llama-cpp-python has loaded, by llama.cpp's own word for each token."""

from __future__ import annotations

import ctypes
from typing import Any

from stolcke.errors import VocabularyError
from stolcke.tokenizers.table import TokenTable

__all__ = ["from_object"]

# Where the bytes of a token depend on those beside it, or are none.
_REFUSED = {0: "no", 3: "a WordPiece", 7: "a test"}
_UNKNOWN, _UNUSED, _CONTROL = 1 << 0, 1 << 1, 1 << 3


def from_object(model: Any, ends: list[int]) -> TokenTable:
    """Read the vocabulary of a ``llama_cpp.Llama``, which may have been loaded with ``vocab_only=True``.

    Parameters
    ----------
    model : llama_cpp.Llama
    ends : list of int
        Ids that end a generation, in place of all that llama.cpp takes for such.

    Raises
    ------
    VocabularyError
        The model has no vocabulary, or one of a kind that is not supported.
    """
    import llama_cpp

    vocab = llama_cpp.llama_model_get_vocab(model.model)
    kind = llama_cpp.llama_vocab_type(vocab)
    if kind in _REFUSED:
        raise VocabularyError(
            f"{_REFUSED[kind]} vocabulary in llama.cpp is not supported; "
            "give the bytes of its tokens to stolcke.Vocabulary(tokens, ...)"
        )
    tokens: list[bytes] = []
    special: list[int] = []
    found: list[int] = []
    buffer = ctypes.create_string_buffer(64)
    for token in range(llama_cpp.llama_vocab_n_tokens(vocab)):
        attributes = llama_cpp.llama_vocab_get_attr(vocab, token)
        length = llama_cpp.llama_token_to_piece(vocab, token, buffer, len(buffer), 0, True)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = llama_cpp.llama_token_to_piece(vocab, token, buffer, len(buffer), 0, True)
        tokens.append(b"" if attributes & _UNUSED else buffer.raw[:length])
        if attributes & (_UNKNOWN | _CONTROL):
            special.append(token)
        if llama_cpp.llama_vocab_is_eog(vocab, token):
            found.append(token)
    return TokenTable(tokens, ends or found, special, _strips_first_space(llama_cpp, vocab, tokens, set(special)))


def _strips_first_space(library: Any, vocab: Any, tokens: list[bytes], special: set[int]) -> bool:
    """Whether llama.cpp takes the first space of a text away; asked, as its API does not tell."""
    spaced = next((i for i, t in enumerate(tokens) if t.startswith(b" ") and t.strip() and i not in special), None)
    if spaced is None:
        return False
    text = tokens[spaced]
    buffer = ctypes.create_string_buffer(len(text) + 8)
    one = (library.llama_token * 1)(spaced)
    length = library.llama_detokenize(vocab, one, 1, buffer, len(buffer), False, True)
    return buffer.raw[: max(length, 0)] == text[1:]
