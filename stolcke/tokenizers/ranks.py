"""Byte-level BPE whose tokens are listed with their ranks: tiktoken, and Mistral's tekken.

Tokens are bytes there, so nothing has to be spelled.  In a ``tekken.json`` the special
tokens come first and the rank of every other counts from behind them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from stolcke.errors import VocabularyError
from stolcke.tokenizers.table import END_NAMES, LARGEST_ID, TokenTable, laid_out

__all__ = ["from_list", "from_tekken", "from_tekkenizer", "from_tiktoken", "is_list"]

_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]+")

# What a tekken.json of the versions before it listed them stands for; the rest up to its number of them has no name.
_EARLY_SPECIALS = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]",
    "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
)  # fmt: skip


def from_tiktoken(encoding: Any, ends: list[int]) -> TokenTable:
    """Read a ``tiktoken.Encoding``; ``ends`` as in :func:`stolcke.tokenizers.hugging_face.from_object`."""
    texts: dict[int, bytes] = {}
    for token in range(encoding.n_vocab):
        try:
            texts[token] = encoding.decode_single_token_bytes(token)
        except KeyError:
            continue  # ids between the last token and the first special one
    special = {name: encoding.encode_single_token(name) for name in encoding.special_tokens_set}
    return _table(texts, special, ends)


def from_tekkenizer(tokenizer: Any, ends: list[int]) -> TokenTable:
    """Read a ``Tekkenizer`` of mistral-common."""
    special = {tokenizer.id_to_piece(token): token for token in tokenizer.special_ids}
    texts = {token: name.encode() for name, token in special.items()}
    for token in range(tokenizer.n_words):
        if token not in texts:
            texts[token] = tokenizer.id_to_byte_piece(token)
    return _table(texts, special, ends or [tokenizer.eos_id])


def is_list(data: bytes) -> bool:
    """Whether a file looks like a list of ranks: a token in base64, a space, its rank, line by line."""
    return _LINE.fullmatch(data[: data.find(b"\n")].rstrip() if b"\n" in data else data) is not None


def from_list(data: bytes, name: str, ends: list[int]) -> TokenTable:
    """Read a list of ranks (``*.tiktoken``, Llama 3's ``tokenizer.model``), which knows of no special token.

    Raises
    ------
    VocabularyError
        A line is no token with its rank, or one occurs twice.
    """
    texts: dict[int, bytes] = {}
    seen: set[bytes] = set()
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        if not _LINE.fullmatch(line.strip()):
            raise VocabularyError(f"{name}, line {number}: {line[:40]!r} is not a token in base64 and its rank")
        token, rank = line.split()
        _add(texts, int(rank), _decoded(token, f"{name}, line {number}"), f"{name}, line {number}")
        if texts[int(rank)] in seen:
            raise VocabularyError(f"{name}, line {number}: {texts[int(rank)]!r:.60} has two ranks")
        seen.add(texts[int(rank)])
    return _table(texts, {}, ends)


def from_tekken(top: Mapping[str, Any], name: str, ends: list[int]) -> TokenTable:
    """Read what a ``tekken.json`` holds.

    Raises
    ------
    VocabularyError
        It is not one, or contradicts itself.
    """
    texts: dict[int, bytes] = {}
    special: dict[str, int] = {}
    try:
        size = int(top["config"]["default_vocab_size"])
        first = int(top["config"]["default_num_special_tokens"])
        listed = top.get("special_tokens")
        if listed is None:
            listed = [{"rank": rank, "token_str": text} for rank, text in enumerate(_EARLY_SPECIALS)]
        for each in listed:
            special[each["token_str"]] = each["rank"]
            _add(texts, each["rank"], each["token_str"].encode(), name)
        for rank in range(len(listed), first):
            special[f"<SPECIAL_{rank}>"] = rank
            _add(texts, rank, f"<SPECIAL_{rank}>".encode(), name)
        # The file may list more tokens than the model has.
        for each in top["vocab"][: max(0, size - first)]:
            _add(texts, first + each["rank"], _decoded(each["token_bytes"], name), name)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise VocabularyError(f"{name} is not a tekken.json: {error!r}") from error
    if len(texts) != size or set(texts) != set(range(size)):
        raise VocabularyError(
            f"{name}: {first} special tokens and {len(texts) - first} others are not the {size} that it promises"
        )
    return _table(texts, special, ends)


def _add(texts: dict[int, bytes], token: Any, text: bytes, name: str) -> None:
    if type(token) is not int or not 0 <= token <= LARGEST_ID:
        raise VocabularyError(f"{name}: {token!r} is not a token id")
    if token in texts:
        raise VocabularyError(f"{name}: two tokens have the id {token}: {texts[token]!r:.60} and {text!r:.60}")
    texts[token] = text


def _decoded(token: str | bytes, where: str) -> bytes:
    try:
        return base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError) as error:
        raise VocabularyError(f"{where}: {token!r:.60} is not base64: {error}") from error


def _table(texts: dict[int, bytes], special: Mapping[str, int], ends: list[int]) -> TokenTable:
    known = ends or [token for name, token in special.items() if name in END_NAMES]
    return TokenTable(laid_out(texts), known, list(special.values()))
