"""What the tokenizers of all kinds are read into, and the spellings of bytes that they share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["BYTE_PIECE", "END_NAMES", "LARGEST_ID", "TokenTable", "as_list", "byte_level", "laid_out"]

END_NAMES = frozenset(
    {
        "</s>",
        "<eos>",
        "<end_of_turn>",
        "<|end|>",
        "<|endoftext|>",
        "<|end_of_text|>",
        "<|end_of_turn|>",
        "<|eom_id|>",
        "<|eos|>",
        "<|eot_id|>",
        "<|im_end|>",
        "<|return|>",
        "<｜end▁of▁sentence｜>",
        "[EOS]",
    }
)
"""Special tokens with one of these names are taken for ends where a tokenizer names none."""

BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
"""How SentencePiece writes a byte that no other piece covers."""

# An id this large is a mistake in the file; the table of tokens is dense.
LARGEST_ID = (1 << 24) - 1


@dataclass(frozen=True, slots=True)
class TokenTable:
    """A tokenizer's vocabulary in bytes: what :class:`stolcke.Vocabulary` is made from."""

    tokens: list[bytes]
    """By id; ``b""`` for ids that have no token."""
    eos_token_ids: list[int]
    """What is known or guessed of the ends; empty where nothing is."""
    special_token_ids: list[int]
    """Beside the ends; not sorted."""
    strips_first_space: bool = False
    first_texts: dict[int, bytes] = field(default_factory=dict)
    """Of the tokens from which decoding takes more than that, or nothing, at the beginning of a text."""


def as_list(ids: int | Iterable[int] | None) -> list[int]:
    """The ids of a setting that may name none, one or several."""
    if ids is None:
        return []
    return list(ids) if isinstance(ids, Iterable) else [ids]


def laid_out(texts: Mapping[int, bytes]) -> list[bytes]:
    """Tokens by id; ``b""`` where there is none."""
    tokens = [b""] * (1 + max(texts, default=-1))
    for i, text in texts.items():
        tokens[i] = text
    return tokens


def _alphabet() -> dict[int, str]:
    """Return the map from GPT-2's character for a byte to the character with that byte's number.

    Bytes that print in Latin-1 are their own characters; the other 68 are,
    in order, the characters from U+0100.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    # Characters below U+0100 outside the alphabet must not pass for bytes: they become one Latin-1 lacks.
    table = dict.fromkeys(others, "\uffff") | {b: chr(b) for b in printable}
    return table | {256 + k: chr(b) for k, b in enumerate(others)}


_ALPHABET = _alphabet()


def byte_level(piece: str) -> bytes:
    """Return the bytes of a piece of byte-level BPE."""
    try:
        return piece.translate(_ALPHABET).encode("latin-1")
    except UnicodeEncodeError:
        # A piece outside the alphabet is its own text, as it is for the decoder.
        return piece.encode()
