"""Weights under eight threads of one compiled grammar are what they are under one."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest

import stolcke
from tests.engine.laws import vocabulary_of
from tests.engine.samples import SAMPLES, synthetic_tokens
from tests.engine.test_threads import THREADS, in_threads


@pytest.fixture(autouse=True)
def switch_often():
    """Let threads interrupt each other a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


def walk(compiled: stolcke.CompiledGrammar, seed: int, steps: int) -> list[tuple]:
    """What a random walk sees of probabilities and masks, asked for in changing order."""
    draw = random.Random(seed)
    matcher = compiled.matcher()
    count = len(compiled.vocabulary)
    seen = []
    for _ in range(steps):
        seen.append((sees(matcher, draw.randrange(6), count), matcher.eos_logprob, matcher.prefix_logprob))
        allowed = matcher.allowed_token_ids()
        if allowed.size == 0 or draw.random() < 0.1:
            matcher.rollback(draw.randint(0, matcher.n_accepted))
        elif draw.random() < 0.1:
            matcher = matcher.fork()
        else:
            matcher.accept(int(allowed[draw.randrange(allowed.size)]))
    return seen


def sees(matcher: stolcke.Matcher, question: int, count: int) -> bytes:
    """The answer to one of the questions that a matcher may be asked."""
    if question == 0:
        group, value = matcher.compact_logprobs()
        return value[group].tobytes()
    if question == 1:
        return matcher.next_byte_logprobs().tobytes()
    if question == 2:
        return matcher.logprobs(range(0, count, 7), normalize=True).tobytes()
    if question == 3:
        return matcher.mask().tobytes()
    row = np.empty(count, np.float32)
    matcher.fill_logprobs(row, normalize=question == 4)
    return row.tobytes()


@pytest.mark.parametrize("sample", ["arithmetic", "json"])
def test_eight_threads_equal_one(sample):
    grammar = stolcke.Grammar.from_lark(SAMPLES[sample][0])
    alone = stolcke.compile(grammar, vocabulary_of(synthetic_tokens()))
    # A fresh vocabulary too: its caches are shared and must be filled by the threads at once.
    shared = stolcke.compile(grammar, vocabulary_of(synthetic_tokens()))
    expected = [walk(alone, seed % 5, 150) for seed in range(THREADS)]
    assert in_threads(lambda seed: walk(shared, seed % 5, 150)) == expected


def test_rows_of_many_matchers_at_once_equal_rows_one_by_one():
    grammar = stolcke.Grammar.from_lark(SAMPLES["arithmetic"][0])
    vocabulary = vocabulary_of(synthetic_tokens())
    options = stolcke.Options(memoise_grammars=False)
    compiled, alone = (stolcke.compile(grammar, vocabulary, options=options) for _ in range(2))
    matchers, expected = [], []
    for seed in range(3 * THREADS):
        pair = compiled.matcher(), alone.matcher()
        draw = random.Random(seed)
        for _ in range(seed % 7):
            token = int(draw.choice(pair[1].allowed_token_ids()))
            assert all(matcher.accept(token) for matcher in pair)
        matchers.append(pair[0])
        expected.append(np.empty(len(vocabulary), np.float32))
        pair[1].fill_logprobs(expected[-1])
    rows = np.full((len(matchers), len(vocabulary) + 3), 7, np.float32)
    stolcke.fill_logprobs_batch(matchers, rows, threads=THREADS)
    assert (rows[:, : len(vocabulary)] == np.array(expected)).all()
    assert (rows[:, len(vocabulary) :] == -np.inf).all()
