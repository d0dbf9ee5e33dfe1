"""The interpreter ends, or another one is started, while threads compute: no crash, no hang, no noise."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys

import pytest

import stolcke

BUSY = """
import sys, threading, time, warnings
import stolcke

warnings.simplefilter("ignore")     # of derivations that do not end
grammar = stolcke.Grammar.from_lark('''
    start: (NAME | NUMBER | "(" start ")" | start "+" start)
    NAME: /[a-z]+/
    NUMBER: /[0-9]{1,9}/
''')
vocabulary = stolcke.Vocabulary.from_bytes()
forgetful = stolcke.Options(memoise_steps=False, memoise_masks=False, memoise_cascade=False)
compiled = stolcke.compile(grammar, vocabulary, options=forgetful, prewarm=0)
text = b"(a+b)+(1+22)+(c"

def work():
    while True:
        matcher = compiled.matcher()
        matcher.accept_bytes(text)
        matcher.mask()
        matcher.logprobs(range(256))
        stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), prewarm=2)

def start():
    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(0.2)
"""

# Threads that are not ended find the interpreter gone when they come back for its lock.
EXIT = BUSY + "start()\nkept = compiled.matcher()\nkept.accept_bytes(text)\n"

SPAWN = """
import multiprocessing

def ask(path):
    import stolcke
    loaded = stolcke.CompiledGrammar.load(path, stolcke.Vocabulary.from_bytes())
    matcher = loaded.matcher()
    return matcher.accept_bytes(b"(a+b)+(1+22)+(c"), matcher.mask().tobytes()

if __name__ == "__main__":
    start()
    compiled.save(sys.argv[1])
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        seen = pool.map(ask, [sys.argv[1]] * 4)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(text)
    assert seen == [(True, matcher.mask().tobytes())] * 4
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, timeout=200, check=False)


@pytest.mark.parametrize("end", ["", "sys.exit(0)\n", "raise SystemExit\n"])
def test_the_interpreter_ends_while_threads_compute(tmp_path, end):
    script = tmp_path / "script.py"
    script.write_text(EXIT + end)
    for _ in range(3):
        done = run(str(script))
        assert (done.returncode, done.stderr) == (0, b"")


# Under spawn the module runs again in the child, so what is busy is under the guard.
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_workers_started_while_threads_compute(tmp_path, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"the platform has no {method}")
    script = tmp_path / "script.py"
    script.write_text(BUSY + SPAWN)
    done = run(str(script), str(tmp_path / "compiled.stolcke"), method)
    assert done.returncode == 0, done.stderr.decode()


def test_nothing_is_pickled():
    compiled = stolcke.compile(stolcke.Grammar.from_lark('start: "a"+'), stolcke.Vocabulary.from_bytes())
    matcher = compiled.matcher()
    for one in (compiled.engine, matcher):
        with pytest.raises(TypeError):
            pickle.dumps(one)
    assert matcher.accept_bytes(b"aa") and matcher.mask().sum() == 2  # another, or the end
