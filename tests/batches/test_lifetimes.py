"""Threads of fillers and executors: a process may fork, end, or drop them at any time."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time

import pytest

import stolcke
from tests.batches.kinds import compiled, dirty, walked

COMMON = """
import os, signal, sys, threading, time
import numpy as np
import stolcke
from tests.batches.kinds import compiled, dirty, kinds, one_by_one, vocabulary, walked

makers = kinds(compiled("forgetful"))
names = sorted(makers)
matchers = [walked(makers[names[k % len(names)]], k, k % 5) for k in range(200)]
expected = one_by_one(matchers)
filler = stolcke.MaskFiller(3)
executor = stolcke.CompileExecutor(vocabulary())
"""

FORK = (
    COMMON
    + """
def child(pending, rows):
    signal.alarm(60)
    pending.wait()                      # begun in the parent, whose threads are not here
    assert np.array_equal(rows, expected)
    rows = dirty(200)
    filler.fill(matchers, rows)
    assert np.array_equal(rows, expected)
    rows = dirty(200)
    other = filler.start(matchers, rows)
    time.sleep(0.01)
    other.wait()
    assert np.array_equal(rows, expected)
    stolcke.fill_masks(matchers, rows, threads=3)
    assert executor.submit(stolcke.Grammar.from_lark, 'start: "child"').result(30).matcher().accept_bytes(b"ch")
    try:
        slow.result(30)
    except stolcke.Cancelled as error:
        assert "fork" in str(error)
    return 0

failed = 0
for number in range(int(sys.argv[1])):
    rows = dirty(200)
    pending = filler.start(matchers, rows)
    stop = threading.Event()

    def wait(cancel, stop=stop):
        while not stop.is_set() and not cancel():
            time.sleep(0.001)
        return stolcke.Grammar.from_lark('start: "slow"')

    slow = executor.submit(wait)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = child(pending, rows)
        finally:
            os._exit(status)
    pending.wait()
    failed += not np.array_equal(rows, expected)
    stop.set()
    failed += not slow.result(30).matcher().accept_bytes(b"slow")
    failed += os.waitpid(pid, 0)[1] != 0
    if failed:
        break
sys.exit(failed)
"""
)

EXIT = (
    COMMON
    + """
pending = [filler.start(matchers, dirty(200)) for _ in range(20)]
stolcke.fill_masks(matchers, dirty(200), threads=3)

def wait(cancel):
    while not cancel():
        time.sleep(0.001)
    stolcke.errors.StolckeError     # the module is still whole
    raise stolcke.Cancelled("stopped")

slow = [executor.submit(wait, timeout=1000) for _ in range(5)]
"""
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_fork_in_mid_use():
    done = subprocess.run([sys.executable, "-c", FORK, "15"], check=False, timeout=300, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()


@pytest.mark.parametrize("end", ["", "sys.exit(0)\n", "del filler, executor, pending, slow\n"])
def test_the_interpreter_ends_in_mid_use(end):
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", EXIT + end], check=False, timeout=100, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()


def threads_of(name: str) -> int:
    return sum(thread.name.startswith(name) for thread in threading.enumerate())


def gone(name: str, before: int) -> bool:
    """Whether threads end soon."""
    end = time.monotonic() + 20
    while threads_of(name) > before and time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    return threads_of(name) <= before


def test_a_filler_that_is_dropped_ends_its_threads():
    before = threads_of("stolcke-")
    makers = compiled()
    rows = dirty(2)
    for _ in range(3):
        filler = stolcke.MaskFiller(4)
        pending = filler.start([walked(makers["nested"].matcher, 1, 2), makers["schema"].matcher()], rows)
        del filler
    assert gone("stolcke-", before)
    pending.wait()
    assert rows.any()


def test_threads_are_started_when_needed_and_are_few():
    before = threads_of("stolcke-")
    with stolcke.MaskFiller(3) as filler:
        assert threads_of("stolcke-") == before
        for _ in range(10):
            made = compiled()
            filler.start([one.matcher() for one in made.values()], dirty(len(made))).wait()
            assert before < threads_of("stolcke-") <= before + 3
    assert threads_of("stolcke-") == before


def test_an_executor_that_is_dropped_does_what_it_was_asked_for():
    before = threads_of("stolcke-compile")
    futures = []
    for number in range(3):
        executor = stolcke.CompileExecutor(stolcke.Vocabulary.from_bytes())
        futures += [executor.submit(stolcke.Grammar.from_lark, f'start: "{number}{k}"', timeout=60) for k in range(4)]
        del executor
    assert all(future.result(30).matcher().accept_bytes(b"%d" % (k // 4)) for k, future in enumerate(futures))
    assert gone("stolcke-compile", before)
