"""A process forked while other threads compute: the child finds every lock free and every table whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# In a process of its own: a child that hangs is ended by its alarm, and counts as a failure.
SCRIPT = """
import math, os, signal, sys, threading, warnings
import stolcke

grammar = stolcke.Grammar.from_lark('''
    start: (NAME | NUMBER | "(" start ")" | start "+" start)
    NAME: /[a-z]+/
    NUMBER: /[0-9]+/
''')
vocabulary = stolcke.Vocabulary.from_bytes()
warnings.simplefilter("ignore")     # of derivations that do not end
# Nothing is remembered, so that every step and every mask takes the locks.
forgetful = stolcke.Options(memoise_steps=False, memoise_masks=False, memoise_cascade=False)
compiled = stolcke.compile(grammar, vocabulary, options=forgetful, prewarm=0)
text = b"(a+b)+(1+22)+(c"
stop = threading.Event()

def work():
    while not stop.is_set():
        matcher = compiled.matcher()
        matcher.accept_bytes(text)
        matcher.mask()
        matcher.logprobs(range(256))
        stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), prewarm=2)

def child():
    signal.alarm(20)
    assert compiled.matcher().accept_bytes(text)
    assert compiled.matcher().mask().sum() == 26 + 10 + 1
    assert abs(sum(map(math.exp, compiled.matcher().next_byte_logprobs())) - 1) < 1e-12
    again = stolcke.compile(grammar, vocabulary).matcher()
    assert again.accept_bytes(text) and again.mask().sum() == 26 + 2
    return 0

threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
failed = 0
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = child()
        finally:
            os._exit(status)
    failed += os.waitpid(pid, 0)[1] != 0
    if failed:
        break
stop.set()
for thread in threads:
    thread.join(20)
    failed += thread.is_alive()
sys.exit(failed)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_child_can_go_on():
    assert subprocess.run([sys.executable, "-c", SCRIPT, "40"], check=False, timeout=200).returncode == 0
