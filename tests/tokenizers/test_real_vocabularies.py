"""All real vocabularies at hand: their masks are what comparing texts says."""

from __future__ import annotations

import pytest

from stolcke import Vocabulary
from tests.tokenizers.laws import check_masks
from tests.vocabularies import REAL, real


@pytest.mark.parametrize("name", REAL)
def test_masks_of_a_real_vocabulary(name, tmp_path):
    tokens, eos, special = real(name)
    vocabulary = Vocabulary(tokens, eos, special)
    check_masks(vocabulary)
    vocabulary.save(tmp_path / "saved")
    saved = Vocabulary.load(tmp_path / "saved")
    assert saved == vocabulary
    check_masks(saved)
