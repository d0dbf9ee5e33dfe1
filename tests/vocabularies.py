"""Vocabularies for tests: synthetic ones, and real ones where a folder of them is at hand."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

_DEFAULT = Path(__file__).resolve().parents[1].parent / "shared"
SHARED = Path(os.environ.get("STOLCKE_SHARED", _DEFAULT)) / "data" / "vocab"
REAL = ["llama3", "deepseek", "qwen3", "o200k", "qwen35", "gemma3"]


def real(name: str) -> tuple[list[bytes], list[int], list[int]]:
    """Return a real vocabulary's tokens, end ids and special ids; skip the test where it is absent."""
    path = SHARED / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"{path} is not here; STOLCKE_SHARED names the folder that has data/vocab")
    with np.load(path) as file:
        data, offsets = file["data"].tobytes(), file["offsets"].tolist()
        tokens = [data[start:end] for start, end in pairwise(offsets)]
        return tokens, file["eos"].tolist(), file["special"].tolist()


def synthetic(n: int, seed: int = 0) -> list[bytes]:
    """Return ``n`` tokens like a real vocabulary's: all single bytes, then words of 2 to 16 bytes, some not UTF-8."""
    random = np.random.default_rng(seed)
    letters = np.frombuffer(b'etaoin shrdlu,.{}":0123456789_\xc3\xa9\xe2\x82', dtype=np.uint8)
    lengths = random.integers(2, 17, n)
    text = random.choice(letters, int(lengths.sum())).tobytes()
    ends = np.cumsum(lengths).tolist()
    words = [text[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]
    return [*(bytes([b]) for b in range(256)), *words][:n]
