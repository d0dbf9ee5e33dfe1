"""Saved grammars, vocabularies and partitions: a damaged file is refused or harmless, at every position.

With less effort than usual, at fewer.
"""

from __future__ import annotations

import pytest

import stolcke
from tests.fuzz import targets
from tests.strategies import EFFORT

KINDS = range(3)
STRIDE = max(1, round(1 / EFFORT))


@pytest.fixture(params=KINDS, ids=["from lark", "from schema", "vocabulary"])
def saved(request):
    """The number of a saved file, its bytes, where to put another, and how that one is read."""
    folder, images = targets.files()
    kind, image = images[request.param]
    path = folder / "damaged"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        if kind == "vocabulary":
            return stolcke.Vocabulary.load(path).core
        return stolcke.CompiledGrammar.load(path, stolcke.Vocabulary.load(folder / "vocabulary"))

    return request.param, image, read


def test_what_was_saved_is_read(saved):
    _, image, read = saved
    assert read(image) is not None


def test_every_truncation_is_refused(saved):
    _, image, read = saved
    for size in range(0, len(image), 3 * STRIDE):
        with pytest.raises(stolcke.FileFormatError):
            read(image[:size])


def test_every_flipped_bit_is_refused(saved):
    _, image, read = saved
    for position in range(0, len(image), STRIDE):
        flipped = bytearray(image)
        flipped[position] ^= 1 << position % 8
        with pytest.raises(stolcke.FileFormatError):
            read(bytes(flipped))


@pytest.mark.parametrize("change", [1, 0x80, 0xFF])
def test_every_changed_byte_under_a_right_checksum_is_refused_or_harmless(saved, change):
    """Not damage but malice: what is loaded must still answer without a crash."""
    number, image, _ = saved
    assert number < 240
    for position in range(28, len(image), STRIDE):
        # What fuzzing calls, too: our errors only, else a walk whose masks agree with single answers.
        targets.file(bytes([number]) + position.to_bytes(2, "little") + bytes([image[position] ^ change]))
