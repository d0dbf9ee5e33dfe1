"""Weights at the edges: smallest numbers, refusals, rows and batches that are wrong, states behind the end."""

from __future__ import annotations

import math

import numpy as np
import pytest

import stolcke
from tests.engine.laws import vocabulary_of
from tests.engine.samples import SAMPLES, synthetic_tokens
from tests.engine.weight_laws import DIRTY, all_scores, assert_same_scores


def compiled(text: str, **keywords) -> stolcke.CompiledGrammar:
    return stolcke.compile(stolcke.Grammar.from_lark(text), stolcke.Vocabulary.from_bytes(), **keywords)


def row_of(matcher: stolcke.Matcher) -> np.ndarray:
    row = np.full(len(matcher.compiled.vocabulary), DIRTY, np.float32)
    matcher.fill_logprobs(row)
    return row


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_masses_that_are_0_one_by_one_and_not_together():
    """Forty ways to ``y``, each of less than the smallest number beside ``"q"``, whose sum is more than it."""
    ways = 40
    source = 'start: "k" s "1" [1e-200] | "k" "q"\ny: u "e" | "f"\nu: "g"\n'
    source += "s: " + " | ".join(f"p{i} [0.02]" for i in range(ways)) + ' | "w"\n'
    source += "\n".join(f'p{i}: y "c" [6.25e-123] | "d{i}"' for i in range(ways))
    matcher = compiled(source).matcher()
    for byte in b"kgec1":
        assert matcher.mask()[byte]
        row_of(matcher)
        before = matcher.prefix_logprob
        assert matcher.accept_bytes(bytes([byte]))
        assert matcher.prefix_logprob <= before
    matcher.rollback(3)
    # Numbers as small as these have few bits left.
    assert math.isclose(matcher.prefix_logprob, math.log(1e-200) + math.log(ways * 0.02 * 6.25e-123 / 2), abs_tol=0.2)
    matcher.rollback()
    assert row_of(matcher)[ord("q")] == 0


def test_terminals_of_one_byte_do_not_count_as_under_way_behind_it():
    """One thread is all that both matchers have to keep here, so a limit of one refuses neither."""
    matcher = compiled('start: "a" | /ab/ "c"', limits=stolcke.Limits(live_threads=1)).matcher()
    assert matcher.accept_bytes(b"a")
    assert math.isclose(matcher.prefix_logprob, 0.0, abs_tol=1e-12)


# --- refusals --------------------------------------------------------------------------------------------------------


def circle(members: int) -> str:
    rules = [f'x{i}: x{(i + 1) % members} [0.99] | "{"bc"[i % 2]}" | x{i} "+"' for i in range(members)]
    return "\n".join(['start: "a" | x0 "!"', *rules])


def test_a_circle_of_rules_that_is_too_large_is_refused_and_nothing_else():
    found = compiled(circle(2_001))
    matcher = found.matcher()
    assert math.isclose(row_of(matcher)[ord("a")], math.log(0.5), rel_tol=1e-6)
    assert matcher.accept_bytes(b"b")
    for _ in range(2):
        with pytest.raises(stolcke.WeightsError, match="2001 rules end with each other"):
            _ = matcher.prefix_logprob
        with pytest.raises(stolcke.WeightsError, match="2000 at most"):
            row_of(matcher)
        matcher.reset()
        assert matcher.accept_bytes(b"a")
        assert math.isclose(matcher.sentence_logprob, math.log(0.5), rel_tol=1e-12)
        matcher.rollback()
        assert matcher.accept_bytes(b"c")


def test_a_circle_is_refused_where_it_is_met_within_a_token():
    vocabulary = stolcke.Vocabulary([b"a", b"b", b"b+", b"<eos>"], eos_token_ids=3)
    matcher = stolcke.compile(stolcke.Grammar.from_lark(circle(2_001)), vocabulary).matcher()
    for _ in range(2):
        with pytest.raises(stolcke.WeightsError, match="2001 rules"):
            row_of(matcher)
        assert math.isclose(matcher.logprobs([0])[0], math.log(0.5), rel_tol=1e-12)


@pytest.mark.parametrize("sample", ["arithmetic", "program"])
def test_the_memory_of_weights_is_bounded(sample):
    """With ever more memory allowed a grammar comes further, and never to another answer."""
    source, texts = SAMPLES[sample][:2]
    text = texts[0] if isinstance(texts[0], bytes) else texts[0].encode()
    text = text[:12]
    tokens = synthetic_tokens()
    count = len(tokens.tokens)
    free = stolcke.compile(stolcke.Grammar.from_lark(source), vocabulary_of(tokens)).matcher()
    refused = []
    for power in range(14, 31):
        limits = stolcke.Limits(cache_bytes=2**power)
        free.reset()
        try:
            matcher = stolcke.compile(stolcke.Grammar.from_lark(source), vocabulary_of(tokens), limits=limits).matcher()
            for byte in text:
                assert_same_scores(matcher, free, count)
                row_of(matcher)
                assert matcher.accept_bytes(bytes([byte])) and free.accept_bytes(bytes([byte]))
        except stolcke.LimitExceeded as error:
            refused.append((error.limit, error.allowed == 2**power < error.given))
            continue
        break
    assert len(refused) >= 2
    assert set(refused) == {("cache_bytes", True)}


def test_token_scores_count_as_memory():
    """A terminal of many states that hold most tokens inside each: the scores outgrow all else."""
    tokens = [bytes([97 + i % 26, 97 + i // 26 % 26, 97 + i // 676 % 26]) for i in range(15_000)]
    vocabulary = stolcke.Vocabulary([*tokens, b"<eos>"], eos_token_ids=len(tokens))
    limits = stolcke.Limits(cache_bytes=6_000_000)
    grammar = stolcke.Grammar.from_lark("start: /([a-z]{3}){200}[0-9]/")
    matcher = stolcke.compile(grammar, vocabulary, limits=limits).matcher()

    def score_all() -> None:
        for _ in range(150):
            row_of(matcher)
            assert matcher.accept(0)

    with pytest.raises(stolcke.LimitExceeded) as caught:
        score_all()
    assert caught.value.limit == "cache_bytes"
    assert caught.value.given < 12_000_000


# --- what callers may do wrong ---------------------------------------------------------------------------------------


def test_rows_that_are_wrong():
    matcher = compiled('start: "a"*').matcher()
    aligned = np.zeros(4 * 257 + 4, np.uint8)
    frozen = np.zeros(257, np.float32)
    frozen.flags.writeable = False
    for row in (
        aligned[1 : 4 * 257 + 1].view(np.float32),
        frozen,
        np.zeros(514, np.float32)[::2],
        np.zeros(256, np.float32),
        np.zeros(257, np.float64),
        np.zeros(257, np.int32),
        np.zeros(257, np.dtype(np.float32).newbyteorder()),
        np.zeros((1, 257), np.float32),
        [0.0] * 257,
        None,
    ):
        with pytest.raises(stolcke.VocabularyError):
            matcher.fill_logprobs(row)
        rows = row[None] if isinstance(row, np.ndarray) and row.ndim == 1 else row
        if rows is not row:
            with pytest.raises(stolcke.VocabularyError):
                stolcke.fill_logprobs_batch([matcher], rows)
    row = np.full(300, DIRTY, np.float32)
    matcher.fill_logprobs(row)
    assert (row[257:] == -math.inf).all() and (row[:257] == row_of(matcher)).all()


def test_batches_that_are_wrong_and_empty_ones():
    matcher = compiled('start: "a"*').matcher()
    stolcke.fill_logprobs_batch([], np.zeros((0, 257), np.float32), threads=4)
    for matchers, threads in (([matcher], 0), ([matcher], -1), ([matcher, matcher], 2), ([matcher, None], 1)):
        with pytest.raises(stolcke.VocabularyError):
            stolcke.fill_logprobs_batch(matchers, np.zeros((len(matchers), 257), np.float32), threads=threads)
    with pytest.raises(stolcke.VocabularyError):
        stolcke.fill_logprobs_batch([matcher], np.zeros((2, 257), np.float32))


# --- states ----------------------------------------------------------------------------------------------------------


def test_nothing_comes_behind_the_end_and_everything_again_after_a_rollback():
    found = compiled('start: "a"* "b"?')
    matcher, twin = found.matcher(), found.matcher()
    assert matcher.accept_bytes(b"aa") and twin.accept_bytes(b"aa")
    whole = matcher.sentence_logprob
    assert matcher.accept(256)
    assert matcher.accept_bytes(b"")
    for ended in (matcher, matcher.fork()):
        assert ended.prefix_logprob == ended.sentence_logprob == pytest.approx(whole)
        assert ended.eos_logprob == -math.inf
        for answer in (row_of(ended), ended.logprobs(range(257)), ended.next_byte_logprobs()):
            assert (answer == -math.inf).all()
        assert (ended.logprobs([256, 97], normalize=True) == -math.inf).all()
        group, value = ended.compact_logprobs(normalize=True)
        assert (value[group] == -math.inf).all()
    matcher.rollback(2)
    assert_same_scores(matcher, twin, 257)
    assert matcher.accept_bytes(b"")
    assert_same_scores(matcher, twin, 257)
    matcher.reset()
    assert matcher.prefix_logprob == 0


def test_questions_at_any_time_have_the_same_answers():
    """Weights are read when they are asked for; when that is makes no difference."""
    found = compiled('start: ("a" start "b" | "c" [0.2])?')
    for asked in range(2**6):
        matcher = found.matcher()
        for step, call in enumerate((b"a", b"", b"ac", 98, b"b", 256)):
            if asked >> step & 1:
                all_scores(matcher, 257)
            assert matcher.accept(call) if isinstance(call, int) else matcher.accept_bytes(call)
        late = found.matcher()
        assert late.accept_bytes(b"aacbb") and late.accept(256)
        assert_same_scores(matcher, late, 257)
        for n in range(6):
            matcher.rollback()
            late.reset()
            assert late.accept_bytes((b"aacbb", b"aacb", b"aac", b"a", b"a", b"")[n])
            assert_same_scores(matcher.fork(), late, 257, str((asked, n)))


def test_pruning_is_kept_by_forks_and_resets():
    found = compiled('start: start start | "a" | "b" [0.01]')
    pruned = found.matcher(pruning=stolcke.Pruning(beam=1, threshold=0.2))
    for matcher in (pruned, pruned.fork()):
        assert matcher.pruning == pruned.pruning
        assert matcher.fork().pruning == pruned.pruning
        assert matcher.accept_bytes(b"aab")
        low, high = matcher.prefix_logprob_bounds
        exact = found.matcher()
        assert exact.accept_bytes(b"aab")
        assert low <= exact.prefix_logprob + 1e-12 and exact.prefix_logprob <= high + 1e-12 and low < high
        matcher.reset()
        assert matcher.accept_bytes(b"aab")
        assert matcher.prefix_logprob_bounds == (low, high)
