"""The vocabulary in the header of a GGUF file, which llama.cpp runs.

Only the key-value pairs before the tensors are read, in place: the weights stay on
the disk.  Normal pieces are spelled as in byte-level BPE (``gpt2``) or with ``▁``
(``llama``, ``t5``), those that the user defined as they are.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stolcke.errors import VocabularyError
from stolcke.tokenizers.pieces import NORMAL, SPACE, from_pieces
from stolcke.tokenizers.table import TokenTable, byte_level

__all__ = ["MAGIC", "from_file"]

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_STRING, _ARRAY = 8, 9
# Codes of struct for the types of values; a bool is one byte.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def from_file(path: Path) -> TokenTable:
    """Read the vocabulary of a GGUF file.

    Raises
    ------
    VocabularyError
        The file is damaged, has no vocabulary, or one of a kind that is not supported.
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            pairs = _Reader(data).pairs()
        except (struct.error, UnicodeDecodeError, ValueError) as error:
            raise VocabularyError(f"{path} is not a whole GGUF file: {error}") from error
    return _table(pairs, str(path))


def _table(pairs: Mapping[str, Any], name: str) -> TokenTable:
    model, tokens = pairs.get("tokenizer.ggml.model"), pairs.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise VocabularyError(f"{name} has no vocabulary")
    if model not in ("gpt2", "llama", "t5"):
        raise VocabularyError(
            f"{name}: a vocabulary of the kind {model!r} is not supported ('gpt2', 'llama' and 't5' are); give the "
            "bytes of its tokens to stolcke.Vocabulary(tokens, ...) if you know them"
        )
    types = pairs.get("tokenizer.ggml.token_type", [NORMAL] * len(tokens))
    if not isinstance(types, list) or len(types) != len(tokens):
        raise VocabularyError(f"{name}: the types of the tokens are not as many as the tokens")
    named = (pairs.get(f"tokenizer.ggml.{end}_token_id") for end in ("eos", "eot", "eom"))
    ends = [end for end in named if end is not None]
    if not all(type(end) is int and end < len(tokens) for end in ends):
        raise VocabularyError(f"{name}: the ends {ends} are not ids of its {len(tokens)} tokens")
    spell = byte_level if model == "gpt2" else _spell
    table = from_pieces(zip(tokens, types, strict=True), spell, str.encode, ends, name)
    strips = bool(pairs.get("tokenizer.ggml.add_space_prefix", model == "llama"))
    return replace(table, strips_first_space=strips)


def _spell(piece: str) -> bytes:
    return piece.replace(SPACE, " ").encode()


class _Reader:
    """Reads one value after the other; `struct` and slices tell where the data ends too early."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = len(MAGIC)

    def pairs(self) -> dict[str, Any]:
        (version,) = self.numbers("I", 1)
        if version not in _VERSIONS:
            raise ValueError(f"version {version} is not supported (2 and 3 are, of little-endian files)")
        _, n_pairs = self.numbers("Q", 2)
        found = {}
        for _ in range(n_pairs):
            key = self.string()
            found[key] = self.value(self.numbers("I", 1)[0])
        return found

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.numbers(self.code(kind), 1)[0]
        kind, length = *self.numbers("I", 1), *self.numbers("Q", 1)
        if kind == _STRING:
            return [self.string() for _ in range(length)]
        return list(self.numbers(self.code(kind), length))

    def code(self, kind: int) -> str:
        if kind not in _NUMBERS:
            raise ValueError(f"a value of type {kind} at byte {self.at}")
        return _NUMBERS[kind]

    def numbers(self, code: str, count: int) -> tuple[Any, ...]:
        end = self.at + struct.calcsize("<" + code) * count
        if end > len(self.data):
            raise ValueError(f"it ends within the numbers at byte {self.at}")
        found = struct.unpack(f"<{count}{code}", self.data[self.at : end])
        self.at = end
        return found

    def string(self) -> str:
        (length,) = self.numbers("Q", 1)
        end = self.at + length
        if end > len(self.data):
            raise ValueError(f"it ends within the text at byte {self.at}")
        text = self.data[self.at : end].decode()
        self.at = end
        return text
