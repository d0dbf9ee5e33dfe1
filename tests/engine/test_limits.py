"""Limits met while matching: a clear error, nothing half-made, and everything usable afterwards."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import stolcke
from stolcke.grammar.patterns import Counted, Regex
from tests.engine.laws import vocabulary_of
from tests.engine.samples import SAMPLES, synthetic_tokens
from tests.strategies import make_grammar


def masks_along(compiled: stolcke.CompiledGrammar, text: bytes) -> list[np.ndarray]:
    """Masks before each byte of a text and after it."""
    matcher = compiled.matcher()
    found = [matcher.mask()]
    for k in range(len(text)):
        assert matcher.accept_bytes(text[k : k + 1])
        found.append(matcher.mask())
    return found


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all((x == y).all() for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_memory_of_a_vocabulary_is_bounded(sample):
    """With ever more memory allowed a grammar comes further, and never to another mask."""
    source, texts = SAMPLES[sample][:2]
    text = texts[0] if isinstance(texts[0], bytes) else texts[0].encode()
    grammar = stolcke.Grammar.from_lark(source)
    expected = masks_along(stolcke.compile(grammar, vocabulary_of(synthetic_tokens())), text)
    vocabulary = vocabulary_of(synthetic_tokens())
    least = vocabulary.core.n_bytes
    refused = []
    for allowed in range(least - 1, 1_000_000_000, 4096):
        limits = stolcke.Limits(vocabulary_cache_bytes=allowed)
        try:
            compiled = stolcke.compile(grammar, vocabulary, limits=limits)
            found = masks_along(compiled, text)
        except stolcke.LimitExceeded as error:
            refused.append((error.limit, error.allowed == allowed < error.given))
            continue
        assert same(found, expected)
        break
    assert len(refused) >= 2
    assert set(refused) == {("vocabulary_cache_bytes", True)}
    assert vocabulary.core.n_bytes <= allowed + 200_000
    assert same(masks_along(stolcke.compile(grammar, vocabulary), text), expected)


def test_a_mask_refused_leaves_its_matcher_as_it_was():
    grammar = stolcke.Grammar.from_lark('start: "<" /[a-z]+/ ">" /[0-9 a-f]+/')
    vocabulary = vocabulary_of(synthetic_tokens())
    stolcke.compile(grammar, vocabulary, prewarm=0)  # makes the automata, but no partition
    limits = stolcke.Limits(vocabulary_cache_bytes=vocabulary.core.n_bytes - 1)
    with pytest.raises(stolcke.LimitExceeded, match="automata"):
        stolcke.compile(grammar, vocabulary, limits=limits, prewarm=0)
    limits = stolcke.Limits(vocabulary_cache_bytes=vocabulary.core.n_bytes)
    matcher = stolcke.compile(grammar, vocabulary, limits=limits, prewarm=0).matcher()
    assert matcher.accept_bytes(b"<a")
    for _ in range(3):
        with pytest.raises(stolcke.LimitExceeded, match="vocabulary_cache_bytes"):
            matcher.mask()
        assert matcher.n_accepted == 1
        assert matcher.accept_bytes(b"bc>")
        matcher.rollback()
    # What another grammar has made is there for all.
    free = stolcke.compile(grammar, vocabulary).matcher()
    assert free.accept_bytes(b"<a")
    expected = free.mask()
    assert (matcher.mask() == expected).all()


@pytest.mark.parametrize("limit", ["cache_bytes", "live_threads", "vocabulary_cache_bytes"])
def test_an_error_may_collect_garbage_that_uses_the_engine(limit):
    """An error is raised with no lock held, so that what Python then does cannot wait for one."""
    grammar = stolcke.Grammar.from_lark('start: (A | B | C)* "!"\nA: /a+/\nB: /a+b?/\nC: /a+c?/')
    vocabulary = stolcke.Vocabulary.from_bytes()
    stolcke.compile(grammar, vocabulary, prewarm=0)
    allowed = {"cache_bytes": 1, "live_threads": 1, "vocabulary_cache_bytes": vocabulary.core.n_bytes}[limit]
    compiled = stolcke.compile(grammar, vocabulary, limits=stolcke.Limits(**{limit: allowed}), prewarm=0)
    used = []

    def use(phase: str, info: dict) -> None:
        if phase == "start" and len(used) < 100:
            used.append(phase)
            with pytest.raises(stolcke.LimitExceeded):
                compiled.matcher().accept_bytes(b"a") and compiled.matcher().mask()

    usual = gc.get_threshold()
    gc.callbacks.append(use)
    gc.set_threshold(1)
    try:
        for _ in range(5):
            with pytest.raises(stolcke.LimitExceeded, match=limit):
                compiled.matcher().accept_bytes(b"a") and compiled.matcher().mask()
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(use)
    assert used


def test_the_levels_of_counted_repeats_are_bounded_too():
    """Each character of a long string may need a new state of the vocabulary, and a mask another partition."""
    string = Counted(Regex('"'), Regex("[a-z]"), 20_000, 60_000, Regex('"'))
    grammar = make_grammar({"start": [["STRING"]]}, {"STRING": string})
    text = b'"' + b"a" * 9_000
    expected = masks_along(stolcke.compile(grammar, vocabulary_of(synthetic_tokens())), text[:40])
    vocabulary = vocabulary_of(synthetic_tokens())
    stolcke.compile(grammar, vocabulary, prewarm=0)
    least = vocabulary.core.n_bytes
    limits = stolcke.Limits(vocabulary_cache_bytes=least + 1)
    matcher = stolcke.compile(grammar, vocabulary, limits=limits, prewarm=0).matcher()
    with pytest.raises(stolcke.LimitExceeded, match="vocabulary_cache_bytes"):
        matcher.accept_bytes(text)
    assert vocabulary.core.n_bytes <= least + 200_000
    with pytest.raises(stolcke.LimitExceeded, match="vocabulary_cache_bytes"):
        stolcke.compile(grammar, vocabulary, limits=limits)
    levels = vocabulary.core.stats()["repeat_levels"]
    with pytest.raises(stolcke.LimitExceeded, match="vocabulary_cache_bytes"):
        matcher.accept_bytes(text)
    assert vocabulary.core.stats()["repeat_levels"] == levels
    free = stolcke.compile(grammar, vocabulary).matcher()
    assert free.accept_bytes(text)
    assert matcher.accept_bytes(text)  # what another grammar has made is there for all
    assert same(masks_along(stolcke.compile(grammar, vocabulary), text[:40]), expected)


@pytest.mark.parametrize("limit", ["cache_bytes", "live_threads", "vocabulary_cache_bytes"])
def test_a_token_refused_leaves_its_matcher_as_it_was(limit):
    string = Counted(Regex('"'), Regex("[a-z]"), 20_000, 60_000, Regex('"'))
    grammar = make_grammar({"start": [["STRING"], ["OTHER"]]}, {"STRING": string, "OTHER": Regex('"a+')})
    vocabulary = stolcke.Vocabulary([b'"', b"a", b"a" * 900], ())
    stolcke.compile(grammar, vocabulary, prewarm=0)
    allowed = {"cache_bytes": 1, "live_threads": 1, "vocabulary_cache_bytes": vocabulary.core.n_bytes}[limit]
    compiled = stolcke.compile(grammar, vocabulary, limits=stolcke.Limits(**{limit: allowed}), prewarm=0)
    matcher = compiled.matcher()
    tokens = [0, *[2] * 60]
    with pytest.raises(stolcke.LimitExceeded, match=limit):
        all(map(matcher.accept, tokens))
    accepted = matcher.n_accepted
    for _ in range(2):
        with pytest.raises(stolcke.LimitExceeded, match=limit):
            matcher.accept(tokens[accepted])
        assert matcher.n_accepted == accepted
    assert compiled.stats()["states"] == 3 + accepted  # those of the finished and of the empty text, the latter twice
    free = stolcke.compile(grammar, vocabulary).matcher()
    assert all(map(free.accept, tokens))
