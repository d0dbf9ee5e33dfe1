"""Allocations of the core that fail: MemoryError or LimitExceeded, and unharmed objects; in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hardening.scenarios import LONG, SCENARIOS
from tests.strategies import EFFORT

HERE = Path(__file__).parent
# Of each scenario so many allocations (of long ones a quarter), evenly spread, unless STOLCKE_EFFORT asks for more.
MOST = 60 * EFFORT


@pytest.fixture(scope="module")
def allocator(tmp_path_factory) -> Path:
    compiler = shutil.which("g++") or shutil.which("c++")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("needs Linux and a C++ compiler")
    if os.environ.get("LD_PRELOAD"):
        pytest.skip("a sanitizer has an allocator of its own")
    made = tmp_path_factory.mktemp("allocator") / "failing.so"
    source = HERE / "failing_allocator.cc"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_allocation_may_fail(allocator, scenario):
    most = -(-MOST // 4) if scenario in LONG else MOST
    done = subprocess.run(
        [sys.executable, "-m", "tests.hardening.out_of_memory", scenario, str(most)],
        env=os.environ | {"LD_PRELOAD": str(allocator)},
        cwd=HERE.parents[1],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert " 0 errors" not in done.stdout.decode(), done.stdout
