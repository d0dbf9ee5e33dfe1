"""Every allocation of the core fails once, and nothing breaks: run with failing_allocator.cc preloaded.

For each n, the n-th allocation of the core fails in a scenario (and with ``onwards`` all after it, until the error has
reached Python).  The step that meets it must raise MemoryError or LimitExceeded; asked again it must succeed, and what
it and all later steps return must be what an untouched run returns.  ``python -m tests.hardening.out_of_memory
[scenario...] [number]`` prints what was done, with that many allocations of each, evenly spread; a crash ends the
process.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
import warnings
from pathlib import Path

import stolcke
from tests.hardening.scenarios import SCENARIOS, Step


def run(before: list[Step], steps: list[Step], first: int, last: int, folder: Path, hook) -> tuple[list, int, int]:
    """Results of the steps, how many had to be repeated, and how many allocations were counted."""
    state: dict = {"folder": folder}
    for step in before:
        step(state)
    results: list = []
    repeated = counted = 0
    hook.stolcke_fail(first, last)
    for step in steps:
        try:
            results.append(step(state))
        except (MemoryError, stolcke.LimitExceeded):
            counted = hook.stolcke_counted()
            hook.stolcke_fail(0, 0)
            repeated += 1
            results.append(step(state))
    counted = counted or hook.stolcke_counted()
    hook.stolcke_fail(0, 0)
    return results, repeated, counted


def examine(name: str, folder: Path, hook, most: int) -> str:
    """Inject at every allocation of a scenario, at most ``most`` of them, evenly spread."""
    before, steps = SCENARIOS[name]()
    never = 1 << 60
    expected, _, _ = run(before, steps, never, never, folder, hook)
    expected, _, total = run(before, steps, never, never, folder, hook)
    stride = max(1, -(-total // most))
    raised = silent = 0
    for n in range(1, total + 1, stride):
        for last in (n, never):
            if last == never and (n // stride) % 5:
                continue
            results, repeated, _ = run(before, steps, n, last, folder, hook)
            raised += repeated
            silent += not repeated
            for k, (got, wanted) in enumerate(zip(results, expected, strict=True)):
                if got != wanted:
                    raise AssertionError(f"{name}: allocation {n} failed, and step {k} differs: {got!r} {wanted!r}")
    return f"{name}: {total} allocations, every {stride}th failed, {raised} errors, {silent} done without"


def main(names: list[str], most: int = 1000) -> None:
    hook = ctypes.CDLL(None)
    hook.stolcke_fail.argtypes = [ctypes.c_long, ctypes.c_long]
    hook.stolcke_counted.restype = ctypes.c_long
    warnings.simplefilter("ignore", stolcke.InconsistentGrammarWarning)
    with tempfile.TemporaryDirectory() as folder:
        for name in names or SCENARIOS:
            print(examine(name, Path(folder), hook, most), flush=True)


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if not name.isdigit()], *[int(name) for name in sys.argv[1:] if name.isdigit()])
