"""Pieces as SentencePiece types them: what each stands for, and what decoding takes from the first.

The types have the same numbers in a ``.model`` file and in a GGUF file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stolcke.errors import VocabularyError
from stolcke.tokenizers.table import BYTE_PIECE, END_NAMES, TokenTable

__all__ = ["BYTE", "CONTROL", "NORMAL", "SPACE", "from_pieces"]

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
SPACE = "▁"


def from_pieces(
    pieces: Iterable[tuple[str, int]],
    spell: Callable[[str], bytes],
    spell_user_defined: Callable[[str], bytes],
    known_ends: list[int],
    name: str,
) -> TokenTable:
    """Lay out pieces of all types; nothing is taken from the first.

    Parameters
    ----------
    pieces : iterable of (str, int)
        Text and type of each, by id.
    spell, spell_user_defined : callable
        The bytes of a normal piece, and of one that the user defined.
    known_ends : list of int
        Where it is empty, control pieces with a well known name are ends.
    name : str
        For messages.

    Raises
    ------
    VocabularyError
        A piece of bytes does not name one.
    """
    tokens: list[bytes] = []
    special: list[int] = []
    named: list[int] = []
    for piece, kind in pieces:
        if kind in (CONTROL, UNKNOWN):
            special.append(len(tokens))
            if kind == CONTROL and piece in END_NAMES:
                named.append(len(tokens))
            tokens.append(piece.encode())
        elif kind == BYTE:
            match = BYTE_PIECE.fullmatch(piece)
            if match is None:
                raise VocabularyError(f"{name}: piece {len(tokens)}, {piece!r:.60}, is a byte but does not say which")
            tokens.append(bytes([int(match[1], 16)]))
        elif kind == NORMAL:
            tokens.append(spell(piece))
        elif kind == USER_DEFINED:
            tokens.append(spell_user_defined(piece))
        else:
            tokens.append(b"")  # unused: no text has it
    return TokenTable(tokens, known_ends or named, special)
