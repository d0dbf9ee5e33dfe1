"""Counts and histograms are those of what was done."""

from __future__ import annotations

import gc
import json
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

import stolcke
from stolcke._core.meter import BOUNDS, Meter
from stolcke.observing import Metrics

END = 256
LISTS = """
    start: "[" item ("," item)* "]"
    item: /[a-c]{1,4}/ | "x" | start
"""
WEIGHTED = 'start: "a" start [0.5] | "b" [0.5]'


def make(text: str = LISTS, **options) -> stolcke.CompiledGrammar:
    """A grammar whose caches, and whose vocabulary's, are empty."""
    return stolcke.compile(stolcke.Grammar.from_lark(text), stolcke.Vocabulary.from_bytes(), prewarm=0, **options)


def row_for(compiled: stolcke.CompiledGrammar) -> np.ndarray:
    return np.empty((len(compiled.vocabulary) + 31) // 32, np.int32)


@pytest.mark.parametrize("timing", [True, False])
def test_masks_and_tokens_are_counted_as_they_were_asked_for(timing: bool) -> None:
    compiled, metrics = make(), Metrics(timing=timing)
    matcher, row = compiled.matcher(observer=metrics), row_for(compiled)
    for byte in b"[ab,[x]]":
        for _ in range(3):
            matcher.fill_mask(row)
        assert not matcher.accept(ord("%"))
        assert matcher.accept(byte)
    matcher.rollback(2)
    matcher.rollback(0)
    assert not matcher.accept_bytes(b"[]") and matcher.accept_bytes(b"]]")
    assert matcher.accept(END) and not matcher.accept(END)
    found = metrics.stats()
    engine = compiled.stats()
    assert found["counters"] == {
        "masks": 24,
        "mask_hits": 24 - engine["masks_computed"],
        "mask_misses": engine["masks_computed"],
        "tokens_accepted": 9,
        "tokens_refused": 9,
        "token_hits": found["counters"]["token_hits"],
        "token_misses": 18 - found["counters"]["token_hits"],
        "texts_accepted": 1,
        "texts_refused": 1,
        "calls_rolled_back": 2,
        "logprob_rows": 0,
        "compilations": 0,
    }
    assert found["limits_met"] == {} and engine["limits_met"] == 0
    histograms = found["histograms"]
    assert set(histograms) == ({"mask", "commit", "logprobs", "compile"} if timing else set())
    if timing:
        assert (histograms["mask"]["count"], histograms["commit"]["count"]) == (24, 20)
        assert histograms["logprobs"]["count"] == histograms["compile"]["count"] == 0
    json.dumps(found, allow_nan=False)


def test_what_is_known_is_told_from_what_is_computed() -> None:
    """Steps of tokens alone, so that what was computed is what the engine has computed."""
    compiled, metrics = make(), Metrics()
    for _ in range(2):
        matcher = compiled.matcher(observer=metrics)
        for byte in b"[ab,[x],c,c]":
            assert not matcher.accept(ord("%"))
            assert matcher.accept(byte)
    counters = metrics.stats()["counters"]
    assert counters["token_misses"] == compiled.stats()["steps"]
    assert counters["token_hits"] == 48 - compiled.stats()["steps"] > 12
    compiled = make(options=stolcke.Options(memoise_steps=False, memoise_masks=False))
    metrics = Metrics()
    matcher = compiled.matcher(observer=metrics)
    for _ in range(3):
        matcher.mask()
        matcher.accept(ord("["))
        matcher.reset()
    counters = metrics.stats()["counters"]
    assert (counters["mask_hits"], counters["mask_misses"]) == (0, 3)
    assert (counters["token_hits"], counters["token_misses"]) == (0, 3)


def test_an_observer_changes_no_answer() -> None:
    compiled = make()
    plain, observed = compiled.matcher(), make().matcher(observer=Metrics())
    for byte in b"[ab,[x,[c]]]":
        assert np.array_equal(plain.mask(), observed.mask())
        assert [plain.allows(other) for other in range(257)] == [observed.allows(other) for other in range(257)]
        assert plain.accept(byte) and observed.accept(byte)
    assert observed.accept(END) and observed.is_finished
    with pytest.raises(stolcke.VocabularyError, match="outside"):
        observed.accept(999)


def test_an_observer_is_a_metrics() -> None:
    with pytest.raises(stolcke.VocabularyError, match=r"stolcke\.observing\.Metrics, not dict"):
        make().matcher(observer={})


def test_figures_can_be_read_while_grammars_come_and_go() -> None:
    metrics, options = Metrics(), stolcke.Options(memoise_grammars=False)
    grammar, vocabulary = stolcke.Grammar.from_lark(LISTS), stolcke.Vocabulary.from_bytes()
    done = threading.Event()
    failures = []

    def read() -> None:
        while not done.is_set():
            try:
                metrics.stats()
            except BaseException as error:
                failures.append(error)
                raise

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(150):
        stolcke.compile(grammar, vocabulary, options=options, prewarm=0).matcher(observer=metrics).accept(ord("["))
    done.set()
    reader.join()
    assert failures == [] and metrics.stats()["counters"]["tokens_accepted"] == 150


def test_forks_report_and_questions_do_not() -> None:
    compiled, metrics = make(WEIGHTED), Metrics()
    matcher = compiled.matcher(observer=metrics)
    assert matcher.observer is metrics
    fork = matcher.fork()
    fork.mask()
    assert fork.accept(ord("a")) and fork.fork().accept(ord("b"))
    before = metrics.stats()["counters"]
    assert (before["masks"], before["tokens_accepted"]) == (1, 2)
    matcher.forced_tokens()
    matcher.forced_tokens(lambda text: list(text.encode()))
    matcher.sample(1)
    matcher.expected()
    matcher.allows(ord("a"))
    assert metrics.stats()["counters"] == before
    fork.fill_logprobs(np.empty(257, np.float32))
    after = metrics.stats()
    assert after["counters"] == before | {"logprob_rows": 1}
    assert after["histograms"]["logprobs"]["count"] == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_are_counted_row_by_row(threads: int) -> None:
    compiled, metrics, other = make(), Metrics(), Metrics()
    matchers = [compiled.matcher(observer=metrics if i % 3 else other) for i in range(30)]
    matchers[5] = compiled.matcher()
    for i, matcher in enumerate(matchers):
        matcher.accept_bytes(b"[a,bc]"[: i % 6])
    rows = np.empty((30, len(row_for(compiled))), np.int32)
    for _ in range(4):
        stolcke.fill_masks(matchers, rows, threads=threads)
    found, others = metrics.stats(), other.stats()
    assert (found["counters"]["masks"], others["counters"]["masks"]) == (4 * 19, 4 * 10)
    assert found["histograms"]["mask"]["count"] == 4 * 19
    if threads == 1:
        assert (
            found["counters"]["mask_misses"] + others["counters"]["mask_misses"] <= compiled.stats()["masks_computed"]
        )
    for matcher, row in zip(matchers, rows, strict=True):
        assert np.array_equal(np.unpackbits(row.view(np.uint8), bitorder="little")[:257].astype(bool), matcher.mask())


def test_threads_lose_nothing() -> None:
    compiled, metrics = make(), Metrics()

    def work() -> None:
        matcher, row = compiled.matcher(observer=metrics), row_for(compiled)
        for _ in range(200):
            for byte in b"[ab,[x]]":
                matcher.fill_mask(row)
                matcher.accept(byte)
            matcher.rollback(8)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = metrics.stats()
    assert found["counters"]["masks"] == found["counters"]["tokens_accepted"] == 6 * 200 * 8
    assert found["counters"]["calls_rolled_back"] == 6 * 200 * 8
    assert found["histograms"]["mask"]["count"] == found["histograms"]["commit"]["count"] == 6 * 200 * 8


def test_times_add_up_to_no_more_than_there_was() -> None:
    compiled, metrics = make(), Metrics()
    matcher, row = compiled.matcher(observer=metrics), row_for(compiled)
    begun = time.perf_counter()
    for byte in b"[ab,[x]]":
        matcher.fill_mask(row)
        matcher.accept(byte)
    spent = time.perf_counter() - begun
    histograms = metrics.stats()["histograms"]
    assert histograms["mask"]["sum"] > 0 and histograms["commit"]["sum"] > 0
    assert histograms["mask"]["sum"] + histograms["commit"]["sum"] <= spent
    for each in (histograms["mask"], histograms["commit"]):
        bounds = [0.0, *each["bounds"]]
        least = sum(count * low for count, low in zip(each["counts"], bounds, strict=True))
        assert each["counts"][-1] == 0 and least <= each["sum"]
        assert each["sum"] <= sum(count * high for count, high in zip(each["counts"], each["bounds"], strict=False))


def test_buckets_hold_what_took_up_to_their_bound() -> None:
    assert all(1.9 < b / a < 2.6 for a, b in pairwise(BOUNDS))
    assert (BOUNDS[0], BOUNDS[-1]) == (1e-7, 10.0)
    for number, bound in enumerate(BOUNDS):
        meter = Meter()
        meter.add_compilation(bound)
        meter.add_compilation(bound * 1.01 + 2e-9)
        _, _, histograms = meter.read()
        parts, seconds = histograms["compile"]
        assert (parts[number], parts[number + 1], sum(parts)) == (1, 1, 2)
        assert seconds == pytest.approx(2.01 * bound + 2e-9, abs=2e-9)
    meter = Meter()
    meter.add_compilation(-1.0)
    assert meter.read()[2]["compile"] == ([1] + [0] * len(BOUNDS), 0.0)


@pytest.mark.parametrize("limit", ["cache_bytes", "live_threads"])
def test_limits_met_are_counted_by_name(limit: str) -> None:
    compiled = make('start: "abc" | /a+b/', limits=stolcke.Limits(**{limit: 1}))
    metrics = Metrics()
    matcher = compiled.matcher(observer=metrics)
    calls = [lambda: matcher.accept(ord("a")), lambda: matcher.accept_bytes(b"a")]
    if limit == "cache_bytes":
        rows = np.empty((1, len(row_for(compiled))), np.int32)
        calls += [matcher.mask, lambda: stolcke.fill_masks([matcher], rows)]
    for number, call in enumerate(calls, 1):
        with pytest.raises(stolcke.LimitExceeded, match=limit):
            call()
        assert metrics.stats()["limits_met"] == {limit: number}
        assert compiled.stats()["limits_met"] == number
    counters = metrics.stats()["counters"]
    assert counters["masks"] == counters["tokens_accepted"] == counters["tokens_refused"] == 0
    with pytest.raises(stolcke.LimitExceeded):
        compiled.matcher().accept(ord("a"))
    assert compiled.stats()["limits_met"] == len(calls) + 1
    assert metrics.stats()["limits_met"] == {limit: len(calls)}


def test_a_limit_in_a_batch_is_told_to_the_matcher_that_met_it() -> None:
    compiled, small = make(), make(limits=stolcke.Limits(cache_bytes=1))
    metrics, other = Metrics(), Metrics()
    matchers = [compiled.matcher(observer=other), small.matcher(observer=metrics), compiled.matcher(observer=other)]
    with pytest.raises(stolcke.LimitExceeded, match="cache_bytes"):
        stolcke.fill_masks(matchers, np.empty((3, len(row_for(compiled))), np.int32))
    assert metrics.stats()["limits_met"] == {"cache_bytes": 1}
    assert other.stats()["limits_met"] == {} and other.stats()["counters"]["masks"] == 2


def test_limits_met_with_weights_are_counted() -> None:
    compiled, metrics = make(WEIGHTED, limits=stolcke.Limits(cache_bytes=1)), Metrics()
    with pytest.raises(stolcke.LimitExceeded, match="cache_bytes"):
        compiled.matcher(observer=metrics).fill_logprobs(np.empty(257, np.float32))
    assert metrics.stats()["limits_met"] == {"cache_bytes": 1} and compiled.stats()["limits_met"] == 1
    assert metrics.stats()["counters"]["logprob_rows"] == 0


def test_compilations_are_counted_with_their_failures() -> None:
    metrics = Metrics()
    with metrics.compiling():
        make()
    with pytest.raises(stolcke.LimitExceeded, match="rules"), metrics.compiling():
        stolcke.Grammar.from_lark(LISTS, limits=stolcke.Limits(rules=1))
    with pytest.raises(stolcke.GrammarError), metrics.compiling():
        stolcke.Grammar.from_lark("start: nothing")
    found = metrics.stats()
    assert found["counters"]["compilations"] == found["histograms"]["compile"]["count"] == 3
    assert found["limits_met"] == {"rules": 1}


def test_gauges_are_what_the_grammars_and_vocabularies_hold() -> None:
    metrics = Metrics()
    vocabulary = stolcke.Vocabulary.from_bytes()
    options = stolcke.Options(memoise_grammars=False)
    grammars = [stolcke.Grammar.from_lark(text) for text in (LISTS, WEIGHTED)]
    compiled = [stolcke.compile(grammar, vocabulary, options=options) for grammar in grammars]
    for each in (*compiled, *compiled):
        matcher = each.matcher(observer=metrics)
        matcher.accept_bytes(b"[a")
        matcher.mask()
    held = metrics.stats()["gauges"]
    assert (held["grammars"], held["vocabularies"]) == (2, 1)
    for name in ("columns", "states", "masks", "table_bytes", "cache_bytes"):
        assert held[name] == sum(each.stats()[name] for each in compiled) > 0
    for name in ("partitions", "automaton_states", "vocabulary_bytes"):
        assert held[name] == compiled[0].stats()[name] > 0
    rest = compiled[0].stats()["columns"]
    del compiled[1], each, matcher
    gc.collect()
    held = metrics.stats()["gauges"]
    assert (held["grammars"], held["columns"]) == (1, rest)
    del compiled
    gc.collect()
    assert set(metrics.stats()["gauges"].values()) == {0}
