"""Compiling in the background: each thing once, within bounds, and only as long as somebody waits for it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from itertools import pairwise

import pytest

import stolcke
from stolcke.batches.keys import NotPlain, plain, source_key
from stolcke.domains import Layout
from stolcke.integrations import responses
from tests.batches.kinds import BLOCKS, NESTED, vocabulary

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


class Gate:
    """Makes a grammar once it is let; knows how often it was called, and whether it was told to stop."""

    def __init__(self) -> None:
        self.open, self.entered = threading.Event(), threading.Event()
        self.calls, self.stopped = 0, threading.Event()

    def make(self, text: str = 'start: "gate"', *, cancel=None) -> stolcke.Grammar:
        self.calls += 1
        self.entered.set()
        while not self.open.wait(0.002):
            if cancel():
                self.stopped.set()
                raise stolcke.Cancelled("stopped")
        return stolcke.Grammar.from_lark(text)


gate = Gate()


def gated(text: str = 'start: "gate"', *, cancel=None) -> stolcke.Grammar:
    """A named function, whose calls are joined and remembered."""
    return gate.make(text, cancel=cancel)


@pytest.fixture(autouse=True)
def closed_gate():
    gate.__init__()
    yield
    gate.open.set()


@pytest.fixture
def executor():
    with stolcke.CompileExecutor(vocabulary(), threads=2) as made:
        yield made
        gate.open.set()


def accepts(compiled: stolcke.CompiledGrammar, text: bytes) -> bool:
    matcher = compiled.matcher()
    return matcher.accept_bytes(text) and matcher.is_accepting


SOURCES = {
    "lark": ((stolcke.Grammar.from_lark, 'start: "ab"'), {}, b"ab"),
    "schema": ((stolcke.Grammar.from_json_schema, SCHEMA), {"whitespace": "compact"}, b'{"a":1}'),
    "grammar": ((stolcke.Grammar.from_regex("a+b"),), {}, b"aab"),
    "format": ((responses.response_format, {"type": "json_object"}), {}, b"{}"),
    "lambda": ((lambda: stolcke.Grammar.from_choices(["x", "y"]),), {}, b"y"),
    "guarded": ((stolcke.Grammar.from_lark, BLOCKS), {"compiling": {"guard": Layout(newline="_NL")}}, b"a:\n  b\n"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_source(executor, kind):
    args, keywords, text = SOURCES[kind]
    for _ in range(2):
        compiled = executor.submit(*args, **keywords).result(30)
        assert compiled.vocabulary is vocabulary()
        assert accepts(compiled, text) and not accepts(compiled, text + b"!")
    remembered = executor.stats()["remembered"]
    assert remembered == (0 if kind in ("lambda", "guarded") else 1)


def test_errors_are_those_of_the_source(executor):
    with pytest.raises(stolcke.GrammarError, match="line 1"):
        executor.submit(stolcke.Grammar.from_lark, "start: ,").result(30)
    with pytest.raises(stolcke.SchemaError) as one:
        executor.submit(stolcke.Grammar.from_json_schema, {"properties": {"a": {"type": "no"}}}).result(30)
    assert one.value.pointer == "#/properties/a/type"
    with pytest.raises(stolcke.CompileError, match="compile\\(\\) takes a Grammar, not int"):
        executor.submit(lambda: 7).result(30)
    with pytest.raises(ZeroDivisionError):
        executor.submit(lambda: 1 // 0).result(30)
    for source, args in ((7, ()), (stolcke.Grammar.from_regex("a"), ("b",))):
        with pytest.raises(stolcke.CompileError):
            executor.submit(source, *args)
    assert accepts(executor.submit(stolcke.Grammar.from_regex, "a").result(30), b"a")
    # An error is not remembered.
    assert isinstance(executor.submit(stolcke.Grammar.from_lark, "start: ,").exception(30), stolcke.GrammarError)
    assert executor.stats()["remembered"] == 0


# --- duplicates ------------------------------------------------------------------------------------------------------


def test_duplicates_are_joined(executor):
    futures = [executor.submit(gated) for _ in range(5)]
    assert gate.entered.wait(30)
    futures += [executor.submit(gated) for _ in range(5)]
    other = executor.submit(gated, 'start: "other"')
    assert futures[0].cancel() and not any(future.done() for future in futures[1:])
    gate.open.set()
    assert len({id(future.result(30)) for future in futures[1:]}) == 1
    assert accepts(other.result(30), b"other")
    assert gate.calls == 2
    assert executor.stats() | {"compiled": 2, "joined": 9} == executor.stats()
    assert executor.submit(gated).done(), "and remembered"
    assert futures[0].cancelled()
    with pytest.raises(CancelledError):
        futures[0].result()


def test_equal_means_the_same_data_in_the_same_order():
    make = stolcke.Grammar.from_json_schema
    keys = [
        source_key(make, args, keywords)
        for args, keywords in [
            (({"a": 1, "b": 2},), {}),
            (({"b": 2, "a": 1},), {}),
            (({"a": 1.0, "b": 2},), {}),
            (({"a": True, "b": 2},), {}),
            (({"a": "1", "b": 2},), {}),
            (({"a": [1], "b": 2},), {}),
            (({"a": (1,), "b": 2},), {}),
            (({"a": b"1", "b": 2},), {}),
            (('{"a": 1, "b": 2}',), {}),
            (({"a": 1, "b": 2},), {"strict": True}),
            (({"a": 1, "b": 2},), {"limits": stolcke.Limits(rules=7)}),
            (({"a": 1, "b": 2}, True), {}),
        ]
    ]
    keys += [source_key(stolcke.Grammar.from_lark, ("a",), {}), source_key(stolcke.Grammar.from_regex, ("a",), {})]
    keys += [source_key(gated, ("a",), {}), source_key(responses.response_format, ("a",), {})]
    assert len(set(keys)) == len(keys)
    assert source_key(make, ({"a": [None, "é\ud800"]},), {}) == source_key(make, ({"a": [None, "é\ud800"]},), {})


@pytest.mark.parametrize(
    ("make", "args", "keywords"),
    [
        (lambda text: text, ("a",), {}),
        (gate.make, ("a",), {}),
        (len, ("a",), {}),
        (stolcke.Grammar.from_file, ("a.lark",), {}),
        (stolcke.Grammar.from_lark, ("a",), {"import_paths": ["folder"]}),
        (stolcke.Grammar.from_lark, ("a",), {"source": "file.lark"}),
        (stolcke.Grammar.from_json_schema, ({1: 2},), {}),
        (stolcke.Grammar.from_json_schema, (object(),), {}),
        (stolcke.Grammar.from_json_schema, ({"a"},), {}),
    ],
)
def test_what_has_no_key(make, args, keywords):
    with pytest.raises(NotPlain):
        source_key(make, args, keywords)


def test_data_within_itself_has_no_key():
    loop: list = []
    loop.append(loop)
    with pytest.raises(NotPlain):
        plain(loop)


def test_files_are_read_each_time(executor, tmp_path):
    path = tmp_path / "g.lark"
    for word in ("one", "two"):
        path.write_text(f'start: "{word}"')
        assert accepts(executor.submit(stolcke.Grammar.from_file, path).result(30), word.encode())
        assert accepts(executor.submit(stolcke.Grammar.from_file, str(path)).result(30), word.encode())


# --- the end of waiting ----------------------------------------------------------------------------------------------


def test_cancelling_stops_the_work(executor):
    futures = [executor.submit(gated) for _ in range(3)]
    assert gate.entered.wait(30)
    assert futures[0].cancel() and futures[1].cancel()
    assert not gate.stopped.wait(0.05), "one still waits"
    assert futures[2].cancel()
    assert gate.stopped.wait(30)
    # Another request does not join what is stopping.
    gate.open.set()
    assert accepts(executor.submit(gated).result(30), b"gate")


def test_what_is_cancelled_in_the_queue_is_never_begun():
    with stolcke.CompileExecutor(vocabulary(), threads=1) as executor:
        first = executor.submit(gated)
        assert gate.entered.wait(30)
        second = executor.submit(gated, 'start: "second"')
        assert second.cancel()
        third = executor.submit(stolcke.Grammar.from_regex, "c")
        gate.open.set()
        assert first.result(30) and third.result(30)
        assert gate.calls == 1


def test_time_outs_of_those_who_wait_for_the_same(executor):
    patient, hasty = executor.submit(gated, timeout=1000), executor.submit(gated, timeout=0.05)
    with pytest.raises(stolcke.Cancelled, match=r"longer than timeout=0\.05 s"):
        hasty.result(30)
    assert not patient.done() and not gate.stopped.is_set()
    gate.open.set()
    assert accepts(patient.result(30), b"gate")
    assert executor.stats()["timed_out"] == 1


def test_a_time_out_in_the_queue():
    with stolcke.CompileExecutor(vocabulary(), threads=1) as executor:
        executor.submit(gated)
        assert gate.entered.wait(30)
        begin = time.monotonic()
        with pytest.raises(stolcke.Cancelled):
            executor.submit(stolcke.Grammar.from_regex, "late", timeout=0.05).result(30)
        assert time.monotonic() - begin < 20
        gate.open.set()


def test_a_time_out_stops_the_work(executor):
    with pytest.raises(stolcke.Cancelled):
        executor.submit(gated, timeout=0.05).result(30)
    assert gate.stopped.wait(30)


def test_compile_itself_is_stopped():
    """Reading a Lark text cannot be stopped; what comes after it is."""
    names = [f"r{i}" for i in range(3000)]
    rules = [f'{a}: {b} "x" | "{a}"' for a, b in pairwise(names)]
    text = "\n".join(["start: r0", *rules, f'{names[-1]}: "y"'])
    with stolcke.CompileExecutor(vocabulary()) as executor:
        with pytest.raises(stolcke.Cancelled):
            executor.submit(stolcke.Grammar.from_lark, text, timeout=0.001).result(60)
        executor.shutdown()
        assert executor.stats()["compiled"] == 0


def test_shutdown():
    executor = stolcke.CompileExecutor(vocabulary(), threads=1)
    first, second = executor.submit(gated), executor.submit(stolcke.Grammar.from_regex, "b")
    assert gate.entered.wait(30)
    executor.shutdown(wait=False)
    with pytest.raises(stolcke.CompileError, match="shut down"):
        executor.submit(stolcke.Grammar.from_regex, "c")
    gate.open.set()
    executor.shutdown()
    assert first.done() and accepts(second.result(0), b"b")


def test_shutdown_that_cancels():
    executor = stolcke.CompileExecutor(vocabulary(), threads=1)
    first, second = executor.submit(gated, timeout=100), executor.submit(stolcke.Grammar.from_regex, "b")
    assert gate.entered.wait(30)
    executor.shutdown(cancel_futures=True)
    assert first.cancelled() and second.cancelled() and gate.stopped.is_set()


# --- bounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bounds", "kept"), [({"remembered": 4}, 4), ({"remembered_bytes": 1}, 1)])
def test_memory_is_bounded(bounds, kept):
    with stolcke.CompileExecutor(vocabulary(), **bounds) as executor:
        for k in range(40):
            executor.submit(stolcke.Grammar.from_regex, f"a{{{k + 1}}}").result(30)
            assert len(executor._office.memo) <= kept
        assert executor.stats()["compiled"] == 40
        newest = executor.submit(stolcke.Grammar.from_regex, "a{40}")
        assert newest.result(30)
        assert executor.stats()["remembered"] == (bounds.get("remembered", 0) > 0)


def test_full_caches_begin_anew():
    limits = stolcke.Limits(cache_bytes=1_000_000)
    with stolcke.CompileExecutor(vocabulary(), limits=limits) as executor:
        first = executor.submit(stolcke.Grammar.from_lark, NESTED).result(30)
        assert executor.submit(stolcke.Grammar.from_lark, NESTED).result(30) is first
        matcher = first.matcher()
        with pytest.raises(stolcke.LimitExceeded, match="cache_bytes"):
            matcher.accept_bytes(b"(" * 1_000_000)  # each level is a column of its own
        again = executor.submit(stolcke.Grammar.from_lark, NESTED).result(30)
        assert again is not first and again.matcher().accept_bytes(b"((a))")


@pytest.mark.parametrize("bad", [{"threads": 0}, {"vocabulary": None}])
def test_arguments_that_do_not_fit(bad):
    with pytest.raises(stolcke.CompileError):
        stolcke.CompileExecutor(**{"vocabulary": vocabulary(), **bad})
