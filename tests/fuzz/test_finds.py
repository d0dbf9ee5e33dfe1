"""What fuzzing has found, and where it began, once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

FINDS = sorted((Path(__file__).parent / "finds").glob("*/*"))


@pytest.mark.parametrize("target", TARGETS)
def test_seeds(target):
    for seed in SEEDS[target]:
        TARGETS[target](seed)


@pytest.mark.parametrize("find", FINDS, ids=[f"{find.parent.name}/{find.name}" for find in FINDS])
def test_finds(find):
    TARGETS[find.parent.name](find.read_bytes())
