"""What the tokens of a Hugging Face tokenizer stand for, in bytes.

A tokenizer stores *pieces*: texts in an alphabet of its own.  Its decoder says
how pieces become text, so the decoder is what is read here, step by step:

- byte-level BPE writes each byte as one printable character;
- SentencePiece-like tokenizers write ``▁`` for a space and ``<0x0A>`` for a
  byte that no other piece covers, and put a space before the text that their
  decoder takes away again (a ``Strip`` or ``Metaspace`` step).

A decoder with any other step (WordPiece's ``##``, ``</w>``) makes the bytes of
a token depend on its neighbours; such tokenizers are refused.

No package of Hugging Face is imported: objects are asked for the same JSON
that is found in a ``tokenizer.json``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from stolcke.errors import VocabularyError
from stolcke.tokenizers.table import BYTE_PIECE, END_NAMES, LARGEST_ID, TokenTable, as_list, byte_level

__all__ = ["from_json", "from_object"]


class _Added(NamedTuple):
    """A token added beside the model's own."""

    id: int
    content: str
    special: bool


class _Parts(NamedTuple):
    """The parts of a tokenizer that say what its tokens stand for."""

    model: Mapping[str, Any]
    pieces: Collection[tuple[str, int]]
    added: list[_Added]
    normalizer: Mapping[str, Any] | None
    pre_tokenizer: Mapping[str, Any] | None
    decoder: Mapping[str, Any] | None


# -- reading ------------------------------------------------------------------------------------------------------


def from_object(tokenizer: Any, ends: list[int]) -> TokenTable:
    """Read a ``tokenizers.Tokenizer`` or a fast tokenizer of ``transformers``.

    Parameters
    ----------
    tokenizer : object
        Has the methods of one of them.
    ends : list of int
        Ids that end a text beside the tokenizer's own.

    Raises
    ------
    VocabularyError
        It is of a kind that is not supported.
    """
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    model = backend.model
    if type(model).__name__ == "Unigram":
        settings, pieces = _model(_component(model))
    else:
        # The JSON of these would hold every merge: their few settings are asked for one by one.
        settings = {"type": type(model).__name__}
        for name in ("byte_fallback", "continuing_subword_prefix", "end_of_word_suffix", "unk_token"):
            settings[name] = getattr(model, name, None)
        pieces = backend.get_vocab(with_added_tokens=False).items()
    parts = _Parts(
        model=settings,
        pieces=pieces,
        added=[_Added(i, t.content, t.special) for i, t in backend.get_added_tokens_decoder().items()],
        normalizer=_component(backend.normalizer),
        pre_tokenizer=_component(backend.pre_tokenizer),
        decoder=_component(backend.decoder),
    )
    known = [*as_list(getattr(tokenizer, "eos_token_id", None)), *ends]
    return _table(parts, known, getattr(tokenizer, "all_special_ids", ()))


def _component(component: Any) -> dict[str, Any]:
    """Return the JSON of a part of a tokenizer; empty for one that it does not have."""
    if component is None:
        return {}
    try:
        return json.loads(component.__getstate__())
    except Exception as error:  # whatever a component written in Python raises
        raise VocabularyError(f"the tokenizer's {type(component).__name__} cannot be read: {error}") from error


def from_json(top: Mapping[str, Any], name: str, config: Mapping[str, Any], ends: list[int]) -> TokenTable:
    """Read what a ``tokenizer.json`` holds.

    Parameters
    ----------
    top : mapping
        Its parsed text.
    name : str
        Of the file, for messages.
    config : mapping
        What the ``tokenizer_config.json`` beside it holds; empty where there is none.
    ends : list of int
        Ids that end a text beside the one that ``config`` names.

    Raises
    ------
    VocabularyError
        It is not one, or of a kind that is not supported.
    """
    try:
        settings, pieces = _model(top["model"])
        added = [_Added(t["id"], t["content"], bool(t["special"])) for t in top.get("added_tokens") or ()]
        parts = _Parts(settings, pieces, added, top.get("normalizer"), top.get("pre_tokenizer"), top.get("decoder"))
    except (KeyError, TypeError, ValueError) as error:
        raise VocabularyError(f"{name} is not a tokenizer.json: {error!r}") from error
    eos = config.get("eos_token")
    content = eos.get("content") if isinstance(eos, dict) else eos
    known = list(ends)
    if content is not None:
        known += [t.id for t in added if t.content == content] or [i for piece, i in pieces if piece == content]
    return _table(parts, known)


def _model(model: Mapping[str, Any]) -> tuple[Mapping[str, Any], Collection[tuple[str, int]]]:
    """Return a model's settings, ``type`` among them, and its pieces with their ids."""
    vocab = model["vocab"]
    if isinstance(vocab, Mapping):
        # Older files do not write the type of the model; only BPE has merges.
        return {"type": "BPE" if "merges" in model else None, **model}, vocab.items()
    return {"type": "Unigram", **model}, [(piece, i) for i, (piece, _) in enumerate(vocab)]


# -- pieces to bytes ----------------------------------------------------------------------------------------------


def _table(parts: _Parts, known_ends: list[int], more_special: Iterable[int] = ()) -> TokenTable:
    """Turn pieces into bytes and lay them out by id."""
    _refuse_unsupported_model(parts.model)
    spelling = _spelling(parts)
    added = {token.id: token for token in parts.added}
    ids = [i for _, i in parts.pieces]
    _check_ids(ids, added)
    for text in (*(piece for piece, _ in parts.pieces), *(token.content for token in parts.added)):
        if not isinstance(text, str):
            raise VocabularyError(f"{text!r:.60} is not the text of a piece")

    # Added tokens are found in the text as they are written.  A SentencePiece-like tokenizer
    # writes runs of spaces among them as ▁▁, which its decoder turns back.
    literal = {token.id for token in parts.added if token.special or spelling.byte_level}
    spelled = {i: piece for piece, i in parts.pieces} | {token.id: token.content for token in parts.added}
    tokens = [b""] * (1 + max([-1, *ids, *added]))
    try:
        for i, piece in spelled.items():
            tokens[i] = piece.encode() if i in literal else spelling.spell(piece)
        first = {} if spelling.first is None else {i: spelling.first(p) for i, p in spelled.items() if i not in literal}
    except UnicodeEncodeError as error:
        raise VocabularyError(f"a piece is not Unicode text: {error.object!r}") from error

    special = [token.id for token in parts.added if token.special]
    ends = known_ends or [token.id for token in parts.added if token.special and token.content in END_NAMES]
    # The unknown token stands for what the tokenizer cannot spell, never for the text of its own name.
    unknown = parts.model.get("unk_token"), parts.model.get("unk_id")
    special += [i for piece, i in parts.pieces if piece == unknown[0] or i == unknown[1]]
    first = {i: text for i, text in first.items() if text != tokens[i].removeprefix(b" ")}
    return TokenTable(tokens, ends, [*special, *more_special], spelling.strips, first)


def _refuse_unsupported_model(model: Mapping[str, Any]) -> None:
    """Refuse the kinds of model whose pieces are not stretches of the text."""
    kind = model.get("type")
    advice = "give the bytes of its tokens to stolcke.Vocabulary(tokens, ...) if you know them"
    if kind not in ("BPE", "Unigram"):
        raise VocabularyError(
            f"a {kind or 'nameless'} tokenizer is not supported: its pieces do not say where the spaces of a text are "
            f"(BPE and Unigram are); {advice}"
        )
    for name in ("continuing_subword_prefix", "end_of_word_suffix"):
        if mark := model.get(name):
            raise VocabularyError(
                f"a tokenizer with {name} {mark!r} is not supported: what such a piece stands for depends on its "
                f"neighbours; {advice}"
            )


def _check_ids(ids: list[Any], added: Mapping[Any, _Added]) -> None:
    """Refuse ids that are not small integers, and two pieces of the model with one id."""
    for i in (*ids, *added):
        if type(i) is not int or not 0 <= i <= LARGEST_ID:
            raise VocabularyError(f"{i!r} is not a token id")
    if len(set(ids)) != len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise VocabularyError(f"two pieces of the tokenizer have the id {twice}")


def _steps(component: Mapping[str, Any] | None, members: str) -> list[Mapping[str, Any]]:
    """Flatten a component, which may be a Sequence of others, into a list."""
    if not component:
        return []
    if component.get("type") == "Sequence":
        return [step for part in component[members] for step in _steps(part, members)]
    return [component]


class _Spelling(NamedTuple):
    """What a decoder makes of pieces."""

    spell: Callable[[str], bytes]
    byte_level: bool = False
    strips: bool = False  # whether the first space is
    first: Callable[[str], bytes] | None = None  # in place of spell, of a first token that loses more than that


def _spelling(parts: _Parts) -> _Spelling:
    """Return what turns a piece into bytes."""
    try:
        decoder = _steps(parts.decoder, "decoders")
        others = _steps(parts.pre_tokenizer, "pretokenizers") + _steps(parts.normalizer, "normalizers")
        if any(step["type"] == "ByteLevel" for step in (*decoder, *others)):
            for step in decoder:
                if step["type"] not in ("ByteLevel", "Fuse"):
                    raise VocabularyError(f"a byte-level tokenizer with a {step['type']} decoder is not supported")
            return _Spelling(byte_level, byte_level=True)
        if not decoder:
            # Such a tokenizer can only encode; what a space became tells what it will be again.
            decoder = [step for step in others if step["type"] == "Metaspace"]
        if not decoder:
            raise VocabularyError(
                "the tokenizer has no decoder, so its pieces do not say which bytes they stand for; "
                "give the bytes to stolcke.Vocabulary(tokens, ...)"
            )
        return _sentencepiece(decoder, bool(parts.model.get("byte_fallback")))
    except (KeyError, TypeError, AttributeError) as error:
        raise VocabularyError(f"the tokenizer's decoder is malformed: {error!r}") from error


def _sentencepiece(decoder: list[Mapping[str, Any]], byte_fallback: bool) -> _Spelling:
    """Follow a decoder that works on each piece alone, but for the first spaces of a text."""
    replacements: list[tuple[str, str]] = []
    dropped: list[str] = []  # of the first piece, instead of being replaced
    strips = fused = False
    for step in decoder:
        match step["type"]:
            case "Replace" if isinstance(old := step["pattern"].get("String"), str) and (len(old) == 1 or not fused):
                replacements.append((old, step["content"]))
            case "Metaspace":
                replacements.append((step["replacement"], " "))
                # Files older than prepend_scheme have add_prefix_space.
                always = step.get("add_prefix_space", True)
                if step.get("prepend_scheme", "always" if always else "never") != "never":
                    dropped.append(step["replacement"])
            case "ByteFallback":
                byte_fallback = True
            case "Fuse":
                fused = True
            case "Strip" if (
                fused
                and not (dropped and step["start"])
                and step["content"] == " "
                and step["start"] <= 1
                and not step["stop"]
            ):
                strips |= step["start"] > 0
            case other:
                raise VocabularyError(
                    f"a tokenizer with this {other} decoder is not supported, as what a piece stands for "
                    f"depends on its neighbours: {json.dumps(dict(step))[:200]}"
                )

    def spell(piece: str, dropped: Collection[str] = ()) -> bytes:
        if byte_fallback and (match := BYTE_PIECE.fullmatch(piece)):
            return bytes([int(match[1], 16)])
        for old, new in replacements:
            piece = piece.replace(old, "" if old in dropped else new)
        return piece.encode()

    if dropped:
        return _Spelling(spell, strips=True, first=lambda piece: spell(piece, dropped))
    return _Spelling(spell, strips=strips)
