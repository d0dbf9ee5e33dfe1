"""One compiled grammar under eight threads gives what it gives under one."""

from __future__ import annotations

import itertools
import random
import sys
import threading

import numpy as np
import pytest

import stolcke
from tests.engine.laws import vocabulary_of
from tests.engine.samples import SAMPLES, synthetic_tokens

THREADS = 8


@pytest.fixture(autouse=True)
def switch_often():
    """Let threads interrupt each other a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


def walk(compiled: stolcke.CompiledGrammar, seed: int, steps: int) -> list[tuple]:
    """What a random walk sees: all masks, and answers to accept, rollback and fork."""
    draw = random.Random(seed)
    matcher = compiled.matcher()
    row = np.zeros(len(compiled.vocabulary) // 32 + 1, dtype=np.int32)
    seen, depth = [], 0
    for _ in range(steps):
        matcher.fill_mask(row)
        allowed = matcher.allowed_token_ids()
        seen.append((row.tobytes(), allowed.tobytes(), matcher.is_accepting, matcher.forced_bytes()))
        if allowed.size == 0 or draw.random() < 0.1:
            back = draw.randint(0, depth)
            matcher.rollback(back)
            depth -= back
        elif draw.random() < 0.1:
            matcher = matcher.fork()
        else:
            seen.append(matcher.accept(int(allowed[draw.randrange(allowed.size)])))
            depth += 1
    return seen


@pytest.mark.parametrize("sample", SAMPLES)
def test_eight_threads_equal_one(sample):
    grammar = stolcke.Grammar.from_lark(SAMPLES[sample][0])
    tokens = synthetic_tokens()
    alone = stolcke.compile(grammar, vocabulary_of(tokens))
    # A fresh vocabulary too: its caches are shared and must be filled by the threads at once.
    shared = stolcke.compile(grammar, vocabulary_of(tokens))
    expected = [walk(alone, seed % 5, 300) for seed in range(THREADS)]
    assert in_threads(lambda seed: walk(shared, seed % 5, 300)) == expected


def test_eight_threads_on_eight_grammars_of_one_vocabulary():
    vocabulary, tokens = vocabulary_of(synthetic_tokens()), synthetic_tokens()
    names = sorted(SAMPLES) * 2
    grammars = [stolcke.Grammar.from_lark(SAMPLES[name][0]) for name in names]
    expected = [walk(stolcke.compile(g, vocabulary_of(tokens)), seed, 150) for seed, g in enumerate(grammars)]
    assert in_threads(lambda seed: walk(stolcke.compile(grammars[seed], vocabulary), seed, 150)) == expected


def in_threads(work) -> list:
    """``work(0)`` to ``work(7)`` in threads that start together; the first error is raised here."""
    barrier = threading.Barrier(THREADS)
    results: list = [None] * THREADS

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_cold_batch_equals_its_rows(sample, threads):
    """Nothing is cached when the batch begins: its threads compute the same states at once, without Python's lock."""
    tokens = synthetic_tokens()
    source, texts = SAMPLES[sample]
    text, grammar = texts[0], stolcke.Grammar.from_lark(source)
    words = len(tokens.tokens) // 32 + 1
    alone = stolcke.compile(grammar, vocabulary_of(tokens))
    expected = np.zeros((2 * len(text), words), dtype=np.int32)
    for number, row in enumerate(expected):
        matcher = alone.matcher()
        assert matcher.accept_bytes(text[: number % len(text)])
        matcher.fill_mask(row)
    for _ in range(3):
        compiled = stolcke.compile(grammar, vocabulary_of(tokens))
        matchers = [compiled.matcher() for _ in range(2 * len(text))]
        for number, matcher in enumerate(matchers):
            assert matcher.accept_bytes(text[: number % len(text)])
        rows = np.full((len(matchers), words), -1, dtype=np.int32)
        stolcke.fill_masks(matchers, rows, threads=threads)
        assert np.array_equal(rows, expected)


def test_what_is_told_while_threads_compute():
    """Whoever looks at counts and sizes sees some that were true: none is torn, none goes back."""
    compiled = stolcke.compile(stolcke.Grammar.from_lark(SAMPLES["json"][0]), vocabulary_of(synthetic_tokens()))
    told: list[dict[str, int]] = []
    done: list[int] = []

    def work(seed: int) -> None:
        if seed:
            try:
                walk(compiled, seed, 200)
                compiled.matcher(max_tokens=seed + 20).mask()
            finally:
                done.append(seed)
        while seed == 0 and len(done) < THREADS - 1:
            bound = {"n_bytes": compiled.n_bytes, "visits": compiled.completion.core.n_visits}
            told.append(compiled.stats() | bound)
            compiled.dump()

    in_threads(work)
    told.append(compiled.stats() | {"n_bytes": compiled.n_bytes, "visits": compiled.completion.core.n_visits})
    assert len(told) > 2
    for before, after in itertools.pairwise(told):
        assert before.keys() == after.keys()
        # What is kept may move to larger tables, whose room is counted, too; nothing is ever given up.
        assert [name for name in before if not 0 <= before[name] <= after[name] < 1 << 40] == []
