"""Traces say what a matcher and a model said, can be read back, and survive what breaks the run."""

from __future__ import annotations

import base64
import io
import json
import math
import threading

import numpy as np
import pytest

import stolcke
from stolcke.observing import Metrics, Trace, read_trace
from stolcke.observing.scores import Scores

WORDS = [
    b"the ",
    b"cat",
    b"owl",
    b" sleeps",
    b" runs",
    b"\xc3",
    b"\xa9",
    b"\xff\x00",
    b"</script>",
    b"\n",
    b"<end>",
    b"<|call|>",
]
END, CALL = WORDS.index(b"<end>"), WORDS.index(b"<|call|>")
VOCABULARY = stolcke.Vocabulary(WORDS, eos_token_ids=[END], special_token_ids=[CALL])
WEIGHTED = """
    start: "the " noun verb [0.8] | noun verb [0.2]
    noun: "cat" [0.3] | "owl" [0.7]
    verb: " sleeps" [0.6] | " runs" [0.4]
"""
ANY = r"""
    start: ("\u00e9" | "</script>" | "\n" | "the " | CALL)*
    %declare CALL
"""


def matcher_of(text: str = WEIGHTED, **options) -> stolcke.Matcher:
    special = {"special": {"CALL": CALL}} if "CALL" in text else {}
    return stolcke.compile(stolcke.Grammar.from_lark(text), VOCABULARY, **special).matcher(**options)


def logits_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(WORDS) + 3).astype(np.float32)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    return logits - math.log(sum(math.exp(each) for each in logits))


def test_lines_say_what_matcher_and_model_said(tmp_path) -> None:
    path = tmp_path / "trace.jsonl"
    matcher = matcher_of()
    tokens = [0, 2, 4, END]
    expected = []
    with Trace(path, top=2, grammar_logprobs=True, about={"prompt": "é", "seed": 1}) as trace:
        for number, token in enumerate(tokens):
            logits, allowed = logits_of(number), matcher.mask()
            before = log_softmax(logits[: len(WORDS)])
            after = log_softmax(np.where(allowed, logits[: len(WORDS)], -np.inf))
            ranks = sorted(range(len(WORDS)), key=(-before).__getitem__)
            best = {*ranks[:2], *[each for each in ranks if allowed[each]][:2]}
            expected.append((before, after, float(matcher.logprobs([token])[0]), best, int(allowed.sum())))
            assert trace.step(matcher, token, logits=logits)
    assert trace.n_steps == 4 and matcher.is_finished
    found = read_trace(path)
    assert (found.about, found.is_whole, found.error) == ({"prompt": "é", "seed": 1}, True, "")
    for number, (line, token, (before, after, grammar, best, n_allowed)) in enumerate(
        zip(found.lines, tokens, expected, strict=True)
    ):
        assert (line["row"], line["step"], line["token"], line["accepted"]) == (0, number, token, True)
        assert (line["allowed"], line["vocabulary"]) == (n_allowed, len(WORDS))
        assert line["text"] == WORDS[token].decode()
        assert line["model_logprob"] == pytest.approx(before[token], abs=1e-6)
        assert line["masked_logprob"] == pytest.approx(after[token], abs=1e-6)
        assert line["allowed_logprob"] == pytest.approx(np.log(np.exp(before)[after > -np.inf].sum()), abs=1e-6)
        assert line["grammar_logprob"] == grammar
        assert {each["token"] for each in line["top"]} == best
        shown = [each["model_logprob"] for each in line["top"]]
        assert shown == sorted(shown, reverse=True)
        for each in line["top"]:
            assert each["model_logprob"] == pytest.approx(before[each["token"]], abs=1e-6)
            masked = after[each["token"]]
            assert each["masked_logprob"] == (None if masked == -np.inf else pytest.approx(masked, abs=1e-6))
        assert line["mask_us"] > 0 and line["commit_us"] > 0
    assert sum(line["grammar_logprob"] for line in found.lines) == pytest.approx(matcher.sentence_logprob, rel=1e-12)
    assert [line.get("kind") for line in found.lines] == [None, None, None, "end"]
    assert [line["open"] for line in found.lines] == [[], ["start"], ["start"], []]
    assert [line["expected"] for line in found.lines[1:]] == [
        ['"cat"', '"owl"'],
        ['" sleeps"', '" runs"'],
        ["the end of the text"],
    ]
    seconds = [line["seconds"] for line in found.lines]
    assert seconds == sorted(seconds)


def test_bytes_that_are_no_text_are_kept(tmp_path) -> None:
    path = tmp_path / "trace.jsonl"
    matcher = matcher_of(ANY)
    with Trace(path) as trace:
        for token in (5, 6, 8, 9, CALL, 7, END):
            trace.step(matcher, token)
    lines = read_trace(path).lines
    assert [line["accepted"] for line in lines] == [True, True, True, True, True, False, True]
    assert [(line["text"], line.get("bytes")) for line in lines[:4]] == [
        ("\\xc3", base64.b64encode(b"\xc3").decode()),
        ("\\xa9", base64.b64encode(b"\xa9").decode()),
        ("</script>", None),
        ("\n", None),
    ]
    assert (lines[4]["kind"], lines[6]["kind"]) == ("special", "end")
    assert (lines[5]["text"], base64.b64decode(lines[5]["bytes"])) == ("\\xff\x00", b"\xff\x00")
    assert path.read_bytes().count(b"\n") == 9  # with the first line and the last


def test_a_mask_made_through_the_trace_is_the_one_noted(tmp_path) -> None:
    metrics = Metrics()
    matcher = matcher_of(observer=metrics)
    path = tmp_path / "trace.jsonl"
    mask = np.empty(1, np.int32)
    with Trace(path, open_rules=False) as trace:
        trace.fill_mask(matcher, mask)
        assert mask[0] == sum(1 << token for token in matcher.allowed_token_ids().tolist())
        asked = metrics.stats()["counters"]["masks"]
        assert trace.step(matcher, 1)
        assert metrics.stats()["counters"]["masks"] == asked
        assert trace.step(matcher, 3, model_logprob=-2.5)  # for which it makes its own
        assert metrics.stats()["counters"]["masks"] == asked + 1
        trace.fill_mask(matcher, mask)
        matcher.rollback(1)  # so that mask is of no use
        assert not trace.step(matcher, END)
    lines = read_trace(path).lines
    assert [line["allowed"] for line in lines] == [3, 2, 2]
    assert "open" not in lines[0] and "model_logprob" not in lines[0] and lines[1]["model_logprob"] == -2.5


def test_steps_are_those_of_the_text_that_remains(tmp_path) -> None:
    path = tmp_path / "trace.jsonl"
    matchers = [matcher_of(), matcher_of()]
    with Trace(path) as trace:
        trace.step(matchers[0], 0)
        trace.step(matchers[0], 1)
        trace.step(matchers[1], 2, row=7)
        trace.step(matchers[0], 3)
        matchers[0].rollback(2)
        assert not trace.step(matchers[0], 3)
        trace.step(matchers[0], 2)
    found = read_trace(path)
    assert len(found.lines) == 6
    assert {row: [line["token"] for line in steps] for row, steps in found.steps().items()} == {0: [0, 2], 7: [2]}


def test_a_run_that_breaks_leaves_what_it_has_done(tmp_path) -> None:
    path = tmp_path / "trace.jsonl"
    matcher = matcher_of()
    trace = Trace(path)

    def run() -> None:
        with trace:
            trace.step(matcher, 0)
            begun = read_trace(path)  # as another process sees it
            assert (len(begun.lines), begun.is_whole, begun.error) == (1, False, "")
            trace.step(matcher, 1)
            raise ZeroDivisionError("so it ends")

    with pytest.raises(ZeroDivisionError):
        run()
    found = read_trace(path)
    assert (len(found.lines), found.is_whole, found.error) == (2, True, "ZeroDivisionError: so it ends")
    data = path.read_bytes()
    for length in range(data.index(b"\n") + 1, len(data)):
        path.write_bytes(data[:length])
        cut = read_trace(path)
        assert len(cut.lines) == max(0, min(2, data[:length].count(b"\n") - 1)) and not cut.is_whole
    trace.close()
    with pytest.raises(stolcke.StolckeError, match="closed"):
        trace.step(matcher, 3)


def test_a_file_of_ones_own_stays_open(tmp_path) -> None:
    file = io.StringIO()
    with Trace(file, about={"lone": "\ud800", "line": "\u2028"}) as trace:
        trace.step(matcher_of(), 0)
    path = tmp_path / "trace.jsonl"
    path.write_text(file.getvalue(), encoding="utf-8", newline="\n")
    assert read_trace(path).about == {"lone": "\ud800", "line": "\u2028"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_no_numbers(tmp_path, value: float) -> None:
    path = tmp_path / "trace.jsonl"
    logits = np.zeros(len(WORDS), np.float16)
    logits[[1, 9]] = value
    with Trace(path) as trace, np.errstate(all="raise"):
        for token in (1, 3):
            matcher = matcher_of()
            matcher.accept_bytes(b"the " if token == 1 else b"cat")
            trace.step(matcher, token, logits=logits)
            trace.step(matcher_of(), 2, logits=np.full(len(WORDS), value, np.float32))
    lines = read_trace(path).lines
    if value != float("inf"):
        assert lines[0]["model_logprob"] is None and lines[0]["masked_logprob"] is None
        assert lines[2]["model_logprob"] == pytest.approx(-math.log(len(WORDS) - 2))
        assert lines[1]["model_logprob"] is None and lines[1]["allowed_logprob"] is None
    else:
        assert lines[2]["model_logprob"] is None


def test_scores_of_nothing_allowed() -> None:
    scores = Scores(np.zeros(4), np.zeros(4, bool))
    assert (scores.before(1), scores.after(1), scores.log_mass_allowed) == (
        pytest.approx(math.log(1 / 4)),
        -np.inf,
        -np.inf,
    )
    assert sorted(scores.best(9)) == [0, 1, 2, 3] and scores.best(0) == []


def test_wrong_use_is_said(tmp_path) -> None:
    path = tmp_path / "trace.jsonl"
    with pytest.raises(stolcke.VocabularyError, match="top"):
        Trace(path, top=-1)
    for about in ({"model": object()}, {"loss": float("nan")}):
        with pytest.raises(stolcke.StolckeError, match="about="):
            Trace(path, about=about)
    assert not path.exists()
    with Trace(path) as trace:
        matcher = matcher_of()
        for logits in (np.zeros(3, np.float32), [0.0] * 20, np.zeros((1, 20), np.float32), np.zeros(20, int)):
            with pytest.raises(stolcke.VocabularyError, match="logits must be"):
                trace.step(matcher, 0, logits=logits)
        for token in (-1, 99, "a"):
            with pytest.raises(stolcke.VocabularyError, match="token id"):
                trace.step(matcher, token, logits=logits_of(1))
        assert matcher.n_accepted == trace.n_steps == 0
    assert read_trace(path).lines == []


def test_threads_write_whole_lines(tmp_path) -> None:
    path = tmp_path / "trace.jsonl"
    with Trace(path) as trace:

        def work(row: int) -> None:
            matcher = matcher_of()
            for _ in range(40):
                trace.step(matcher, 0, row=row, logits=logits_of(row))
                matcher.rollback(1)

        workers = [threading.Thread(target=work, args=(row,)) for row in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    found = read_trace(path)
    assert trace.n_steps == 160 and [[line["row"] for line in found.lines].count(row) for row in range(4)] == [40] * 4


@pytest.fixture
def lines(tmp_path):
    """The lines of a good trace, as objects."""
    path = tmp_path / "good.jsonl"
    with Trace(path, grammar_logprobs=True) as trace:
        matcher = matcher_of()
        for token in (0, 1, 3):
            trace.step(matcher, token, logits=logits_of(token))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


WRONG = {
    "row": [None, -1, 1.5, True],
    "step": ["1", -1],
    "token": [None, -5, 2**60],
    "text": [None, 1],
    "accepted": [1, None],
    "allowed": [-1, 0.5],
    "mask_us": [-1, "1", None, True, 10**400, 1e300],
    "seconds": [None],
    "model_logprob": ["0", True, -(10**20)],
    "grammar_logprob": [[]],
    "bytes": ["%", 1, "AAA"],
    "open": ["rule", [1]],
    "open_depth": [-1],
    "expected": [None],
    "top": [{}, [1], [{"token": 1}], [{"token": 1, "text": "a", "model_logprob": "x"}]],
    "type": ["Step", None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_field_is_named_with_its_line(tmp_path, lines, name: str, value) -> None:
    path = tmp_path / "bad.jsonl"
    lines[2][name] = value
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(stolcke.FileFormatError, match=r"bad\.jsonl: line 3\b") as error:
        read_trace(path)
    assert name in str(error.value) or name == "top"


@pytest.mark.parametrize(
    "name", ["row", "step", "token", "text", "accepted", "allowed", "vocabulary", "mask_us", "commit_us"]
)
def test_a_missing_field_is_named_with_its_line(tmp_path, lines, name: str) -> None:
    path = tmp_path / "bad.jsonl"
    del lines[3][name]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(stolcke.FileFormatError, match=rf'line 4: "{name}" is missing'):
        read_trace(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"", "no whole line"),
        (lambda data: b"hello\n", "line 1: this is no line of JSON"),
        (lambda data: b"[1]\n", "line 1: a line must be an object"),
        (lambda data: b'{"type":"step"}\n', 'line 1: "type" must be "trace"'),
        (lambda data: data.replace(b'"schema":1', b'"schema":2'), "schema 2, this version of stolcke reads 1"),
        (lambda data: data.replace(b'"step":1', b'"step":NaN'), "line 3: this is no line of JSON: NaN"),
        (lambda data: data.replace(b'"about":{}', b'"about":{"x":1e999}'), "line 1: .* 1e999 is too large"),
        (lambda data: data.replace(b"the ", b"\xff\xfe"), "line 2: this is no line of JSON"),
        (lambda data: data + b"{}\n", "line 6: there is a line behind"),
        (lambda data: data + b"{", "line 6: there is a line behind"),
        (lambda data: data.replace(b'"steps":3', b'"steps":4'), "line 5: the trace should have 4 steps, and has 3"),
        (lambda data: data.replace(b"\n", b"\n\n", 1), "line 2: this is no line of JSON"),
        (lambda data: b"[" * 100_000 + b"\n", "line 1: this is no line of JSON"),
    ],
)
def test_files_that_are_no_traces(tmp_path, lines, change, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    data = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()
    path.write_bytes(data)
    assert len(read_trace(path).lines) == 3
    path.write_bytes(change(data))
    with pytest.raises(stolcke.FileFormatError, match=message):
        read_trace(path)
