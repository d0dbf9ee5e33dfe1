"""How a byte-pair tokenizer puts tokens together: what :class:`stolcke.Canonical` is made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stolcke.errors import VocabularyError
from stolcke.tokenizers.table import BYTE_PIECE, byte_level

__all__ = ["MergeRules", "merge_rules"]


@dataclass(frozen=True, slots=True)
class MergeRules:
    """The rules of a byte-pair tokenizer, and where it cuts a text before it applies them."""

    parts: Mapping[int, tuple[int, ...]]
    """Of each token that the rules can make or begin with: the tokens its characters or bytes begin as."""
    left: list[int]
    right: list[int]
    made: list[int]
    ranks: list[int]
    """Rule by rule, ascending: these two neighbours become this token; equal ranks from left to right."""
    whole_first: bool
    """Whether a stretch between two cuts that is a token becomes that token, whatever the rules say."""
    cuts: Callable[[str], list[int]] | None
    """Where a text is cut, in characters; None: nowhere."""
    texts: Mapping[int, bytes]
    """What is cut, of each token of `parts`: its bytes, or those of its piece."""


def merge_rules(tokenizer: Any) -> MergeRules:
    """Read a ``tokenizers.Tokenizer``, a fast tokenizer of ``transformers``, or a ``tiktoken.Encoding``.

    Raises
    ------
    VocabularyError
        It is none of these, or does not work by merging pairs.
    """
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if hasattr(backend, "get_added_tokens_decoder") and hasattr(backend, "to_str"):
        return _of_hugging_face(backend)
    if hasattr(tokenizer, "decode_single_token_bytes"):
        return _of_tiktoken(tokenizer)
    raise VocabularyError(
        f"the rules of {type(tokenizer).__name__} are not known; Canonical takes a tokenizers.Tokenizer, a fast "
        "tokenizer of transformers or a tiktoken.Encoding"
    )


def _of_hugging_face(tokenizer: Any) -> MergeRules:
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] != "BPE" or model.get("dropout"):
        raise VocabularyError(
            f"a {model['type']} tokenizer{' with dropout' if model.get('dropout') else ''} has no canonical pairs "
            "of tokens; only BPE without dropout has"
        )
    vocab = model["vocab"]
    rules = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    byte_fallback = bool(model.get("byte_fallback"))
    added = tokenizer.get_added_tokens_decoder()
    pieces = {piece: token for piece, token in vocab.items() if token not in added}

    def begin(piece: str) -> tuple[int, ...] | None:
        byte = BYTE_PIECE.fullmatch(piece) if byte_fallback else None
        if byte:
            # The byte of a character that has a piece of its own is never written as a byte.
            return None if chr(int(byte[1], 16)) in vocab and int(byte[1], 16) < 128 else (vocab[piece],)
        ids = [vocab.get(character) for character in piece]
        return None if None in ids else tuple(ids)

    pre = tokenizer.pre_tokenizer
    spell = byte_level if pre is not None and b"ByteLevel" in pre.__getstate__() else str.encode
    return MergeRules(
        parts={token: parts for piece, token in pieces.items() if (parts := begin(piece))},
        left=[vocab[a] for a, _ in rules],
        right=[vocab[b] for _, b in rules],
        made=[vocab[a + b] for a, b in rules],
        ranks=list(range(len(rules))),
        whole_first=bool(model.get("ignore_merges")),
        cuts=None if pre is None else lambda text: [place[0] for _, place in pre.pre_tokenize_str(text)],
        texts={token: spell(piece) for piece, token in pieces.items()},
    )


def _of_tiktoken(encoding: Any) -> MergeRules:
    import regex  # which tiktoken itself needs

    texts: dict[int, bytes] = {}
    for token in range(encoding.n_vocab):
        if not encoding.is_special_token(token):
            try:
                texts[token] = encoding.decode_single_token_bytes(token)
            except KeyError:
                continue
    ids = {text: token for token, text in texts.items()}
    left, right, made = [], [], []
    for text, token in sorted(ids.items(), key=lambda item: item[1]):
        for cut in range(1, len(text)):
            if text[:cut] in ids and text[cut:] in ids:
                left.append(ids[text[:cut]])
                right.append(ids[text[cut:]])
                made.append(token)
    pattern = regex.compile(encoding._pat_str)  # there is no other way to it
    return MergeRules(
        parts={token: tuple(ids[text[i : i + 1]] for i in range(len(text))) for text, token in ids.items()},
        left=left,
        right=right,
        made=made,
        ranks=list(made),
        whole_first=True,
        cuts=lambda text: [match.start() for match in pattern.finditer(text)],
        texts=texts,
    )
