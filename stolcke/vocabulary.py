"""Which bytes each token id of a model stands for."""

from __future__ import annotations

import difflib
import hashlib
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from stolcke import container, tokenizers
from stolcke._core.locks import Lock
from stolcke.errors import FileFormatError, LimitExceeded, VocabularyError
from stolcke.memo import Memo
from stolcke.options import Limits

if TYPE_CHECKING:
    from stolcke._core.flat_trie import FlatTrie
    from stolcke._core.partition import PartitionStore

__all__ = ["TokenBytes", "Vocabulary"]

_KIND = "vocabulary"
_CORE_PREFIX = "core."

# The engine recurses once per byte of a token, and threads have small stacks.
LONGEST_TOKEN = 4096
# Ids are dense, so one absurd id would cost memory for all below it.  No model comes near.
_MOST_TOKENS = 1 << 24


class TokenBytes(Sequence[bytes]):
    """The tokens of a vocabulary as a sequence of bytes, cut from one buffer on demand."""

    __slots__ = ("_data", "_offsets")

    def __init__(self, data: np.ndarray, offsets: np.ndarray) -> None:
        self._data = data.data
        self._offsets = offsets.data

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = operator.index(index)
        if i < 0:
            i += len(self)
        if not 0 <= i < len(self):
            raise IndexError(f"token id {index} in a vocabulary of {len(self)}")
        return self._data[self._offsets[i] : self._offsets[i + 1]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        data = self._data.tobytes()
        ends = iter(self._offsets)
        start = next(ends)
        for end in ends:
            yield data[start:end]
            start = end

    def __repr__(self) -> str:
        return f"<{len(self)} tokens>"


class Vocabulary:
    """The tokens of a model: bytes by id, which ids end a text, which are special.

    Parameters
    ----------
    tokens : sequence of bytes
        The bytes of each token; the index is the id.  ``b""`` or ``None`` is a
        hole: an id that no text ever uses and no mask allows.  Duplicates and
        bytes that are not UTF-8 are fine.
    eos_token_ids : int or iterable of int
        The ids that end a text.  With none, nothing ever ends.
    special_token_ids : int or iterable of int
        Ids that stand for themselves and never for the bytes of their marker:
        a grammar must name them.  End ids are special too, whether listed or not.
    size : int, optional
        Width of the model's logits, where it is larger than ``len(tokens)``;
        the ids between are holes.
    strips_first_space : bool
        Decoding drops one leading space of the whole text (see Attributes).
    first_texts : mapping of int to bytes
        Where it does more than that to some tokens at the beginning: what they stand for there.
    limits : Limits
        ``token_bytes`` bounds the length of one token.

    Attributes
    ----------
    tokens : sequence of bytes
        The bytes of each token, ``b""`` for holes.
    data : uint8[total]
        The bytes of all tokens in the order of their ids.  Read-only.
    offsets : int64[len + 1]
        Token ``i`` is ``data[offsets[i]:offsets[i + 1]]``.  Read-only.
    eos_token_ids, special_token_ids : tuple of int
        Ascending; the second contains the first.
    strips_first_space : bool
        True for SentencePiece-like tokenizers that put a space before a text
        and take it away again when decoding.  Tokens keep their space, as they
        must in the middle of a text, so the bytes of a whole generation are
        one space longer than its decoded text where its first token begins
        with one.  Whether a text begins there, a matcher has to be told:
        ``compiled.matcher(strip_first_space=True)``.
    first_texts : dict of int to bytes
        What the first token of such a text stands for, of tokens for which it
        is not their bytes without one leading space.  (A ``Metaspace`` decoder
        drops all the ``▁`` of the first token.)
    fingerprint : str
        Hexadecimal hash of all of the above; equal vocabularies have equal ones.
    remembered : Memo
        What grammars were compiled to for this very object; see :func:`stolcke.clear_cache`.

    Raises
    ------
    VocabularyError
        A token is not bytes, or an id is not one of this vocabulary.
    LimitExceeded
        A token is too long.
    """

    __slots__ = (
        "_core",
        "_core_arrays",
        "_core_lock",
        "_flat_trie",
        "_start_states",
        "data",
        "eos_token_ids",
        "fingerprint",
        "first_texts",
        "offsets",
        "remembered",
        "special_token_ids",
        "strips_first_space",
        "tokens",
    )

    def __init__(
        self,
        tokens: Iterable[bytes | None],
        eos_token_ids: int | Iterable[int] = (),
        special_token_ids: int | Iterable[int] = (),
        *,
        size: int | None = None,
        strips_first_space: bool = False,
        first_texts: Mapping[int, bytes] | None = None,
        limits: Limits = Limits(),
    ) -> None:
        data, offsets = _concatenate(tokens, size, limits)
        n = offsets.size - 1
        eos = _ids(eos_token_ids, n, "eos_token_ids")
        special = tuple(sorted({*eos, *_ids(special_token_ids, n, "special_token_ids")}))
        digest = hashlib.sha256(f"{n} {bool(strips_first_space):d} {eos} {special} ".encode())
        digest.update(np.diff(offsets).astype("<i4").data)
        digest.update(data.data)
        first = _first_texts(first_texts or {}, n, bool(strips_first_space))
        if first:
            digest.update(repr(first).encode())
        self._fill(data, offsets, eos, special, bool(strips_first_space), first, digest.hexdigest()[:32])

    def _fill(
        self,
        data: np.ndarray,
        offsets: np.ndarray,
        eos: tuple[int, ...],
        special: tuple[int, ...],
        strips_first_space: bool,
        first_texts: dict[int, bytes],
        fingerprint: str,
        core_arrays: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Set every field: the last step of each way to make a vocabulary."""
        self.tokens = TokenBytes(data, offsets)
        self.data = data
        self.offsets = offsets
        self.eos_token_ids = eos
        self.special_token_ids = special
        self.strips_first_space = strips_first_space
        self.first_texts = first_texts
        self.fingerprint = fingerprint
        self._core: PartitionStore | None = None
        self._core_arrays = core_arrays
        self._core_lock = Lock()
        self._flat_trie: FlatTrie | None = None
        self._start_states: dict[Any, int] = {}
        self.remembered: Memo[Any] = Memo()

    # -- other ways to make one -------------------------------------------------------------------------------

    @classmethod
    def from_bytes(cls) -> Vocabulary:
        """Return the 256 single bytes, each its own id, and an end token with id 256."""
        return cls([*(bytes([b]) for b in range(256)), b"<eos>"], eos_token_ids=256)

    @classmethod
    def from_tokenizer(
        cls,
        tokenizer: Any,
        *,
        eos_token_ids: int | Iterable[int] | None = None,
        special_token_ids: int | Iterable[int] = (),
        generation_config: Any = None,
        size: int | None = None,
        limits: Limits = Limits(),
    ) -> Vocabulary:
        """Read a tokenizer: what each of its ids stands for.

        Byte-level BPE and SentencePiece-like tokenizers (``▁`` for a space,
        ``<0xNN>`` for bytes) are understood; any other is refused.

        Parameters
        ----------
        tokenizer : object
            A ``tokenizers.Tokenizer`` or a fast tokenizer of ``transformers``; a ``tiktoken.Encoding``; a
            ``SentencePieceProcessor``; a ``llama_cpp.Llama``, with or without its weights; or a tokenizer of
            ``mistral_common``, at any of its levels.
        eos_token_ids : int or iterable of int, optional
            The ids that end a text, in place of all that follows.
        special_token_ids : int or iterable of int
            Ids to treat as special beside those that the tokenizer marks as
            special: for added tokens such as ``<tool_call>`` that a grammar is
            to name.  Other added tokens stand for their text.
        generation_config : object or dict, optional
            A model's, whose ``eos_token_id`` (one or several) is used: together
            with the ``eos_token`` of a ``transformers`` tokenizer, in place of
            what other tokenizers say.  Where nothing says it, all special
            tokens with a well known name for the end (``</s>``, ``<|eot_id|>``,
            ``<|im_end|>``, ...) are.
        size : int, optional
            Width of the model's logits, which is often larger than the vocabulary.
        limits : Limits
            As in the constructor.

        Raises
        ------
        VocabularyError
            The tokenizer is of a kind that is not supported, or no end is known.
        """
        table = tokenizers.from_object(tokenizer, generation_config)
        return cls._from_table(table, eos_token_ids, special_token_ids, size, limits)

    @classmethod
    def from_file(
        cls,
        source: str | os.PathLike[str],
        *,
        eos_token_ids: int | Iterable[int] | None = None,
        special_token_ids: int | Iterable[int] = (),
        size: int | None = None,
        limits: Limits = Limits(),
    ) -> Vocabulary:
        """Read the file of a tokenizer; no package of tokenizers need be installed.

        Parameters
        ----------
        source : path or str
            A ``tokenizer.json``, a SentencePiece model (``tokenizer.model``), a
            ``tekken.json``, a list of ranks (``*.tiktoken``, which knows no
            special token: give their ids, and ``size``) or a GGUF file: its
            path, or the folder it is in, or JSON text (beginning with ``{``).
            ``tokenizer_config.json`` and ``generation_config.json`` beside the
            file, where they exist, tell which ids end a text.
        eos_token_ids, special_token_ids, size, limits
            As in `from_tokenizer`.

        Raises
        ------
        VocabularyError
            As in `from_tokenizer`, or the file is none of these, or damaged.
        OSError
            The file cannot be read.
        """
        return cls._from_table(tokenizers.from_file(source), eos_token_ids, special_token_ids, size, limits)

    @classmethod
    def _from_table(
        cls,
        table: tokenizers.TokenTable,
        eos: int | Iterable[int] | None,
        special: int | Iterable[int],
        size: int | None,
        limits: Limits,
    ) -> Vocabulary:
        if eos is None:
            eos = table.eos_token_ids
            if not eos:
                raise VocabularyError(
                    "the tokenizer does not say which token ends a text; name it with eos_token_ids=[...] "
                    "(an empty list, if texts never end)"
                )
        special = [*table.special_token_ids, *(special if isinstance(special, Iterable) else [special])]
        return cls(
            table.tokens,
            eos,
            special,
            size=size,
            strips_first_space=table.strips_first_space,
            first_texts=table.first_texts,
            limits=limits,
        )

    # -- files ------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary and what the engine has precomputed for it to one file.

        Save after compiling and using a few grammars: the automaton states met
        until then need not be built again by a process that loads the file.
        """
        from stolcke._core.saved_partitions import to_arrays

        with self._core_lock:
            core = self._core_arrays if self._core is None else to_arrays(self._core)
        meta = {
            "fingerprint": self.fingerprint,
            "strips_first_space": self.strips_first_space,
            "first_texts": {str(token): text.decode("latin-1") for token, text in self.first_texts.items()},
            "has_core": core is not None,
        }
        arrays = {
            "data": self.data,
            "offsets": self.offsets,
            "eos_token_ids": np.array(self.eos_token_ids, dtype=np.int64),
            "special_token_ids": np.array(self.special_token_ids, dtype=np.int64),
        }
        arrays.update((_CORE_PREFIX + name, array) for name, array in (core or {}).items())
        container.write(path, _KIND, meta, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Read a file written by `save`: milliseconds, whatever the size of the vocabulary.

        Raises
        ------
        FileFormatError
            The file is not a saved vocabulary, or is damaged.
        OSError
            The file cannot be read.
        """
        meta, arrays = container.read(path, _KIND)
        try:
            data, offsets = arrays.pop("data"), arrays.pop("offsets")
            eos, special = (tuple(arrays.pop(name).tolist()) for name in ("eos_token_ids", "special_token_ids"))
            fingerprint, strips = meta["fingerprint"], meta["strips_first_space"]
            first = {int(token): text.encode("latin-1") for token, text in meta.get("first_texts", {}).items()}
            core = {name.removeprefix(_CORE_PREFIX): array for name, array in arrays.items()}
            core_arrays = core if meta["has_core"] else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileFormatError(f"{os.fspath(path)}: not a whole vocabulary: {error}") from error
        # The checksum vouches for the bytes; this keeps an ill-made file from reaching the engine's unchecked loops.
        n = offsets.size - 1
        if not (
            data.dtype == np.uint8
            and data.ndim == 1
            and offsets.dtype == np.int64
            and offsets.ndim == 1
            and n >= 0
            and offsets[0] == 0
            and offsets[-1] == data.size
            and bool((offsets[1:] >= offsets[:-1]).all())
            and int(np.diff(offsets).max(initial=0)) <= LONGEST_TOKEN
            and all(type(i) is int and 0 <= i < n for i in (*special, *eos, *first))
            and set(eos) <= set(special)
        ):
            raise FileFormatError(f"{os.fspath(path)}: tokens and ids do not fit together")
        vocabulary = cls.__new__(cls)
        vocabulary._fill(data, offsets, eos, special, strips, first, fingerprint, core_arrays)
        return vocabulary

    # -- looking up -------------------------------------------------------------------------------------------

    def token_ids(self, text: bytes) -> list[int]:
        """Return every id whose bytes are exactly these, special ids excepted, ascending.

        Takes time linear in the size of the vocabulary, and no memory: for
        messages and tests, not for tokenising.
        """
        wanted = np.frombuffer(text, dtype=np.uint8)
        starts = self.offsets[:-1]
        ids = np.flatnonzero(np.diff(self.offsets) == wanted.size) if wanted.size else np.empty(0, np.int64)
        for i, byte in enumerate(wanted):
            ids = ids[self.data[starts[ids] + i] == byte]
        special = set(self.special_token_ids)
        return [i for i in ids.tolist() if i not in special]

    def first_text(self, token: int) -> bytes:
        """What a token stands for at the beginning of a text whose decoder takes the first space away."""
        text = self.first_texts.get(token)
        return self.tokens[token].removeprefix(b" ") if text is None else text

    def special_id(self, marker: str | bytes | int) -> int:
        """Return the id of the special token with this text, such as ``"<|tool_call|>"``.

        An id is returned as it is, if it is special.

        Raises
        ------
        VocabularyError
            No special token, or more than one, has this text.
        """
        if isinstance(marker, (str, bytes)):
            text = marker.encode("utf-8", "surrogatepass") if isinstance(marker, str) else marker
            found = [i for i in self.special_token_ids if self.tokens[i] == text] if text else []
            if len(found) == 1:
                return found[0]
            if found:
                raise VocabularyError(f"several special tokens are {marker!r}, ids {found}; name one by its id")
            ordinary = self.token_ids(text)
            if ordinary:
                raise VocabularyError(
                    f"{marker!r} is an ordinary token, id {ordinary[0]}; "
                    "give that in special_token_ids to let a grammar name it"
                )
            names = [self.tokens[i].decode("utf-8", "replace") for i in self.special_token_ids]
            close = difflib.get_close_matches(text.decode("utf-8", "replace"), names, n=3)
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise VocabularyError(f"no special token is {marker!r}{hint}")
        (token_id,) = _ids(marker, len(self), "special token")
        if token_id not in self.special_token_ids:
            raise VocabularyError(f"token {token_id} ({self.tokens[token_id]!r}) is not special")
        return token_id

    # -- the engine's share -----------------------------------------------------------------------------------

    @property
    def skip(self) -> np.ndarray:
        """``uint8[len]``: 1 for the ids that bytes never match: special, end and empty ones."""
        skip = (self.offsets[1:] == self.offsets[:-1]).astype(np.uint8)
        skip[list(self.special_token_ids)] = 1
        return skip

    @property
    def core(self) -> PartitionStore:
        """The engine's tables for this vocabulary, shared by all grammars; made when first asked for."""
        if self._core is None:
            from stolcke._core.partition import PartitionStore
            from stolcke._core.saved_partitions import from_arrays

            with self._core_lock:
                if self._core is None:
                    if self._core_arrays is None:
                        core = PartitionStore(self.data, self.offsets, self.skip)
                    else:
                        try:
                            core = from_arrays(self.data, self.offsets, self.skip, self._core_arrays)
                        except (KeyError, ValueError) as error:
                            raise FileFormatError(
                                f"the saved vocabulary's partitions are malformed: {error}"
                            ) from error
                    self._core, self._core_arrays = core, None
        return self._core

    @property
    def flat_trie(self) -> FlatTrie:
        """The same tokens as they are walked for probabilities; made when first asked for."""
        if self._flat_trie is None:
            from stolcke._core.flat_trie import FlatTrie

            self._flat_trie = FlatTrie(self.core)
        return self._flat_trie

    def start_state(self, automaton: Any) -> int:
        """The core's state that the automaton of a terminal begins with; a dictionary's answer where it is known.

        Parameters
        ----------
        automaton : stolcke.lexer.Automaton
            Of a language that is not empty.
        """
        state = self._start_states.get(automaton)
        if state is None:
            state = self._start_states[automaton] = automaton.add_to(self)
        return state

    # -- as a value -------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.offsets.size - 1

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Vocabulary) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return (
            f"<Vocabulary of {len(self)} tokens, ends {list(self.eos_token_ids)}, "
            f"{len(self.special_token_ids)} special, {self.fingerprint[:8]}>"
        )


def _concatenate(tokens: Iterable[bytes | None], size: int | None, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Check the tokens and lay them end to end: ``data uint8[total]``, ``offsets int64[n + 1]``."""
    if isinstance(tokens, (str, bytes, bytearray)):
        raise VocabularyError(f"tokens must be a sequence of bytes, one per id, not {type(tokens).__name__}")
    items: list[bytes] = [b"" if token is None else token for token in tokens]
    for token_id, token in enumerate(items):
        if not isinstance(token, bytes):
            raise VocabularyError(f"token {token_id} is {type(token).__name__}, not bytes: {repr(token)[:60]}")
    n = len(items) if size is None else operator.index(size)
    if n < len(items):
        raise VocabularyError(f"size {n} is smaller than the vocabulary: {len(items)} tokens")
    if n > _MOST_TOKENS:
        raise VocabularyError(f"{n} tokens; the most is {_MOST_TOKENS}")
    lengths = np.zeros(n, dtype=np.int64)
    lengths[: len(items)] = np.fromiter(map(len, items), dtype=np.int64, count=len(items))
    most = min(limits.token_bytes, LONGEST_TOKEN)
    if n and lengths.max() > most:
        token_id = int(lengths.argmax())
        raise LimitExceeded("token_bytes", int(lengths[token_id]), most, f"token {token_id}")
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    offsets.flags.writeable = False
    return np.frombuffer(b"".join(items), dtype=np.uint8), offsets


def _first_texts(texts: Mapping[int, bytes], n: int, strips: bool) -> dict[int, bytes]:
    """Check what tokens stand for at the beginning; sorted by their ids."""
    if texts and not strips:
        raise VocabularyError("first_texts are given, but strips_first_space is not")
    for token, text in texts.items():
        if not isinstance(text, bytes):
            raise VocabularyError(f"first_texts: that of token {token} is {type(text).__name__}, not bytes")
    _ids(texts, n, "first_texts")
    return {operator.index(token): texts[token] for token in sorted(texts)}


def _ids(ids: int | Iterable[int], n: int, what: str) -> tuple[int, ...]:
    """Check ids against a vocabulary of ``n`` tokens; return them ascending, each once."""
    try:
        given = list(ids) if isinstance(ids, Iterable) else [ids]
        # True and False have an index, but no caller means them.
        checked = [operator.index(i) for i in given if not isinstance(i, (bool, np.bool_))]
    except TypeError as error:
        raise VocabularyError(f"{what}: not a token id: {error}") from None
    if len(checked) < len(given):
        raise VocabularyError(f"{what}: a bool is not a token id")
    for i in checked:
        if not 0 <= i < n:
            raise VocabularyError(f"{what}: id {i} is outside a vocabulary of {n} tokens")
    return tuple(sorted(set(checked)))
