"""SentencePiece's own models, from their bytes.

A ``.model`` file is one protocol buffer: the pieces with their types, and the
settings of training and of normalising the text.  Of these few fields the wire
format is read here, which needs no package and tells what a processor's methods
do not: whether the space put before a text is taken away again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stolcke.errors import VocabularyError
from stolcke.tokenizers.pieces import BYTE, CONTROL, NORMAL, SPACE, from_pieces
from stolcke.tokenizers.table import TokenTable

__all__ = ["from_model", "is_model"]

# Numbers of the fields in sentencepiece_model.proto.
_PIECES, _TRAINER, _NORMALIZER, _DENORMALIZER = 1, 2, 3, 5
_TEXT, _TYPE = 1, 3
_SPACE_AS_SUFFIX, _EOS_PIECE = 24, 47
_DUMMY_PREFIX, _CHARACTER_MAP = 3, 2


def is_model(data: bytes) -> bool:
    """Whether data may be a model: it begins with the field of a piece, which JSON text hardly does."""
    return data[:1] == b"\n" and data[1:].lstrip()[:1] not in (b"{", b"[", b"")


def from_model(data: bytes, name: str, ends: list[int]) -> TokenTable:
    """Read a model.

    Parameters
    ----------
    data : bytes
        What is in a ``.model`` file.
    name : str
        For messages.
    ends : list of int
        Ids that end a text, in place of the model's own.

    Raises
    ------
    VocabularyError
        It is none, or contradicts itself, or of a kind that is not supported.
    """
    pieces: list[tuple[str, int]] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    denormalizer: dict[int, int | bytes] = {}
    settings = {_TRAINER: trainer, _NORMALIZER: normalizer, _DENORMALIZER: denormalizer}
    try:
        for field, value in _fields(data):
            if field == _PIECES:
                piece = dict(_fields(_message(value)))
                kind = piece.get(_TYPE, NORMAL)
                pieces.append((_message(piece[_TEXT]).decode(), kind if isinstance(kind, int) else 0))
            elif field in settings:
                settings[field].update(_fields(_message(value)))
        eos_piece = _message(trainer.get(_EOS_PIECE, b"</s>")).decode()
    except (ValueError, KeyError, IndexError) as error:  # of which UnicodeDecodeError is one
        raise VocabularyError(f"{name} is not a whole SentencePiece model: {error!r}") from error
    if not pieces:
        raise VocabularyError(f"{name} is not a SentencePiece model: it has no pieces")
    if len({piece for piece, _ in pieces}) < len(pieces):
        raise VocabularyError(f"{name}: two pieces of the model are equal")
    for refused, what in (
        (trainer.get(_SPACE_AS_SUFFIX), "puts spaces behind words"),
        (denormalizer.get(_CHARACTER_MAP), "changes texts after decoding"),
    ):
        if refused:
            raise VocabularyError(
                f"{name} {what}, which is not supported, as what a piece stands for depends on its neighbours; "
                "give the bytes of its tokens to stolcke.Vocabulary(tokens, ...) if you know them"
            )
    known = ends or [i for i, (piece, kind) in enumerate(pieces) if kind == CONTROL and piece == eos_piece]
    table = from_pieces(pieces, _spell, _spell, known, name)
    if not normalizer.get(_DUMMY_PREFIX, 1):
        return table
    # Of the first piece one ▁ is taken away, but no space that is spelled otherwise.
    special = set(table.special_token_ids)
    first = {
        i: table.tokens[i]
        for i, (piece, kind) in enumerate(pieces)
        if i not in special and table.tokens[i].startswith(b" ") and (kind == BYTE or not piece.startswith(SPACE))
    }
    return replace(table, strips_first_space=True, first_texts=first)


def _spell(piece: str) -> bytes:
    return piece.replace(SPACE, " ").encode()


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a text or a message belongs")
    return value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer with their numbers; floats as their bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
                continue
            case 2:
                length, at = _varint(data, at)
            case 1:
                length = 8
            case 5:
                length = 4
            case wire:
                raise ValueError(f"wire type {wire} at byte {at}")
        if at + length > len(data):
            raise ValueError(f"it ends within the field at byte {at}")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to 64 bits, seven to a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f"a number without end at byte {at}")
