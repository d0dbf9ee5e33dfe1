"""What the tokens of a tokenizer stand for, in bytes.

One module for each kind; :func:`from_object` and :func:`from_file` find out which
it is.  Objects are recognised by their methods, and files by their first bytes,
so that none of the packages that make them has to be imported, or be there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stolcke.errors import VocabularyError
from stolcke.tokenizers import gguf, hugging_face, llama_cpp, ranks, sentencepiece
from stolcke.tokenizers.table import END_NAMES, TokenTable, as_list

__all__ = ["END_NAMES", "TokenTable", "from_file", "from_object"]

# Of those in a folder, the first says most.
_NAMES = ("tokenizer.json", "tekken.json", "tokenizer.model")


def from_object(tokenizer: Any, generation_config: Any = None) -> TokenTable:
    """Read a tokenizer of one of the packages that :meth:`stolcke.Vocabulary.from_tokenizer` names.

    Parameters
    ----------
    tokenizer : object
    generation_config : object or mapping, optional
        Has ``eos_token_id``: an int, a list of them, or None.

    Raises
    ------
    VocabularyError
        It is none, or of a kind that is not supported.
    """
    if isinstance(generation_config, Mapping):
        ends = as_list(generation_config.get("eos_token_id"))
    else:
        ends = as_list(getattr(generation_config, "eos_token_id", None))
    given = tokenizer
    # mistral-common's MistralTokenizer has an InstructTokenizer, which has the tokenizer.
    for outer in ("instruct_tokenizer", "tokenizer"):
        if hasattr(given, outer) and not callable(getattr(given, outer)):
            given = getattr(given, outer)
    if hasattr(getattr(given, "backend_tokenizer", given), "get_added_tokens_decoder"):
        return hugging_face.from_object(given, ends)
    if hasattr(given, "decode_single_token_bytes"):
        return ranks.from_tiktoken(given, ends)
    if hasattr(given, "id_to_byte_piece"):
        return ranks.from_tekkenizer(given, ends)
    if hasattr(given, "serialized_model_proto"):
        return sentencepiece.from_model(given.serialized_model_proto(), "the model of the processor", ends)
    if hasattr(given, "file_path") and hasattr(given, "is_special"):  # mistral-common's, which hides its processor
        return sentencepiece.from_model(Path(given.file_path).read_bytes(), str(given.file_path), ends)
    if hasattr(given, "token_eos") and hasattr(given, "model"):
        return llama_cpp.from_object(given, ends)
    raise VocabularyError(
        f"{type(tokenizer).__name__} is neither a tokenizers.Tokenizer, a fast tokenizer of transformers, a "
        "tiktoken.Encoding, a SentencePieceProcessor, a tokenizer of mistral-common, nor a llama_cpp.Llama; "
        "give the bytes of its tokens to stolcke.Vocabulary(tokens, ...)"
    )


def from_file(source: str | os.PathLike[str]) -> TokenTable:
    """Read one of the files that :meth:`stolcke.Vocabulary.from_file` names: its path, its folder, or a JSON text.

    Raises
    ------
    VocabularyError
        It is none, or of a kind that is not supported.
    OSError
        The file cannot be read.
    """
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return _from_json(source, "tokenizer.json", {}, [])
    path = Path(source)
    if path.is_dir():
        path = next((path / name for name in _NAMES if (path / name).is_file()), path / _NAMES[0])
    with path.open("rb") as file:
        if file.read(4) == gguf.MAGIC:
            return gguf.from_file(path)
    beside = [path.with_name(name) for name in ("tokenizer_config.json", "generation_config.json")]
    config, generation = ((_load(p.read_bytes(), str(p)) if p.is_file() else {}) for p in beside)
    ends = as_list(generation.get("eos_token_id"))
    data = path.read_bytes()
    if sentencepiece.is_model(data):
        return sentencepiece.from_model(data, str(path), ends)
    if ranks.is_list(data):
        return ranks.from_list(data, str(path), ends)
    return _from_json(data, str(path), config, ends)


def _from_json(text: str | bytes, name: str, config: Mapping[str, Any], ends: list[int]) -> TokenTable:
    """Read a ``tokenizer.json`` or a ``tekken.json``."""
    top = _load(text, name)
    if isinstance(top.get("config"), dict) and "model" not in top:
        return ranks.from_tekken(top, name, ends)
    return hugging_face.from_json(top, name, config, ends)


def _load(text: str | bytes, name: str) -> dict[str, Any]:
    """Parse the text of one JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VocabularyError(
            f"{name} is not JSON, nor a SentencePiece model, a GGUF file or a list of ranks: {error}"
        ) from error
    if not isinstance(value, dict):
        raise VocabularyError(f"{name} is not a JSON object")
    return value
