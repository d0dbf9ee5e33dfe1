"""Random weighted grammars: every state's probabilities equal the twin's, however it was reached."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import stolcke
from tests.engine.test_tallies import holds_empty_entry
from tests.engine.weight_laws import (
    Scored,
    assert_close,
    assert_same_scores,
    check_parts,
    compiled_of,
    telescoped,
    twin,
)
from tests.reference.earley import Earley
from tests.reference.masks import Tokens
from tests.strategies import EFFORT, tally_grammars, vocabularies, walks, weighted_grammars

pytestmark = pytest.mark.filterwarnings("ignore:by the grammar's weights")
LETTERS = Tokens(
    [b"a", b"b", b"c", b"aa", b"ab", b"ba", b"abc", b"aba", b"bb", b"</s>", b"\xc3", b"\xa9", b"a\xff", b"", b"a"],
    ends=(9,),
)
"""Overlapping tokens, a duplicate, an empty one, parts of characters."""
COUNT = len(LETTERS.tokens)


@st.composite
def calls(draw, earley: Earley, tokens: Tokens = LETTERS, longest: int = 5) -> list[int | bytes]:
    """What may be accepted one after the other: tokens, and bytes that some tokens are made of."""
    tokens_only = draw(walks(earley, tokens, steps=longest))
    made: list[int | bytes] = []
    for token in tokens_only:
        text = bytes(symbol for symbol in tokens.symbols(token) if isinstance(symbol, int))
        whole = not text or draw(st.integers(0, 3))
        made += [token] if whole else [text[:1], text[1:]]
    return made


@settings(max_examples=50 * EFFORT)
@given(weighted_grammars(specials=True), vocabularies(), st.data())
def test_every_state_of_a_random_walk(grammar, tokens, data):
    engine = Scored(grammar, tokens, found=twin(grammar))
    matcher = engine.compiled.matcher()
    text: tuple = ()
    for token in data.draw(walks(Earley(grammar), tokens, steps=5)):
        engine.check(matcher, text)
        assert matcher.accept(token)
        text += tokens.symbols(token)
    engine.check(matcher, text)


@settings(max_examples=25 * EFFORT)
@given(weighted_grammars(plain=tally_grammars()), st.data())
def test_tallies(grammar, data):
    assume(not holds_empty_entry(grammar))
    found = twin(grammar)
    # The rules of tallies are not reweighted, so that there must be nothing to reweight.
    assume(all(abs(found.proper.sums[symbol] - 1) < 1e-9 for symbol in found.proper.rules.reachable()))
    engine = Scored(grammar, LETTERS, found=found)
    matcher = engine.compiled.matcher()
    text: tuple = ()
    for token in data.draw(walks(Earley(grammar), LETTERS, steps=4)):
        engine.check(matcher, text)
        assert matcher.accept(token)
        text += LETTERS.symbols(token)
    engine.check(matcher, text)


@settings(max_examples=50 * EFFORT)
@given(weighted_grammars(), st.data())
def test_what_follows_adds_up(grammar, data):
    """Byte by byte, and accepting a byte leads to the probability that was told before."""
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    matcher = engine.compiled.matcher()
    for _ in range(8):
        check_parts(matcher)
        following, here = matcher.next_byte_logprobs(), matcher.prefix_logprob
        live = np.flatnonzero(following[:256] > -math.inf).tolist()
        for value in live:
            ahead = matcher.fork()
            assert ahead.accept_bytes(bytes([value]))
            assert_close(ahead.prefix_logprob, here + following[value], f"byte {value}")
        if not live:
            break
        assert matcher.accept_bytes(bytes([data.draw(st.sampled_from(live))]))


@settings(max_examples=40 * EFFORT)
@given(weighted_grammars(), st.data())
def test_scores_telescope_over_random_tokenisations(grammar, data):
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    made = data.draw(calls(Earley(grammar)))
    text = bytes(symbol for call in made for symbol in engine.symbols(call))
    assume(engine.found.prefix(text) > 0)
    expected = math.log(engine.found.prefix(text))
    assert_close(telescoped(engine.compiled.matcher, made), expected, repr(made))
    for _ in range(3):
        again, rest = [], text
        while rest:
            fitting = [t for t, added in enumerate(LETTERS.tokens) if added and rest.startswith(added) and t != 9]
            assume(fitting)
            again.append(data.draw(st.sampled_from(fitting)))
            rest = rest[len(LETTERS.tokens[again[-1]]) :]
        assert_close(telescoped(engine.compiled.matcher, again), expected, repr(again))


@settings(max_examples=25 * EFFORT)
@given(weighted_grammars(), st.data())
def test_a_vector_is_as_many_fresh_parses(grammar, data):
    """Each token's score is what a new matcher says after text and token, less what it said after the text."""
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    made = data.draw(calls(Earley(grammar), longest=3))
    text = bytes(symbol for call in made for symbol in engine.symbols(call))
    matcher = engine.compiled.matcher()
    assert matcher.accept_bytes(text)
    assume(matcher.prefix_logprob > -math.inf)
    given_scores = matcher.logprobs(range(COUNT))
    for token, added in enumerate(LETTERS.tokens):
        fresh = compiled_of(grammar, engine.vocabulary, LETTERS, options=stolcke.Options(memoise_grammars=False))
        other = fresh.matcher()
        if token in LETTERS.ends:
            assert other.accept_bytes(text)
            expected = other.sentence_logprob - other.prefix_logprob
        elif added and other.accept_bytes(text + added):
            expected = other.prefix_logprob - matcher.prefix_logprob
        else:
            expected = -math.inf
        assert_close(given_scores[token], expected, f"{added!r} after {text!r}")


@settings(max_examples=40 * EFFORT)
@given(weighted_grammars(), st.data())
def test_rolling_back_and_forking_equal_replay(grammar, data):
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    earley = Earley(grammar)
    matcher, history = engine.compiled.matcher(), []

    def accept(made):
        for call in made:
            assert (matcher.accept_bytes if isinstance(call, bytes) else matcher.accept)(call)
            history.append(call)

    def check():
        fresh = engine.compiled.matcher()
        for call in history:
            assert (fresh.accept_bytes if isinstance(call, bytes) else fresh.accept)(call)
        assert_same_scores(matcher, fresh, COUNT, repr(history))
        text = tuple(symbol for call in history for symbol in engine.symbols(call))
        assert_close(matcher.prefix_logprob, math.log(p) if (p := engine.found.prefix(text)) else -math.inf, "twin")

    accept(data.draw(calls(earley)))
    check()
    for _ in range(3):
        action = data.draw(st.sampled_from(["rollback", "fork", "reset", "refused"]))
        if action == "rollback":
            count = data.draw(st.integers(0, len(history)))
            matcher.rollback(count)
            del history[len(history) - count :]
        elif action == "fork":
            left_behind, matcher = matcher, matcher.fork()
            # What the other one goes on with must not show.
            left_behind.accept_bytes(data.draw(st.sampled_from([b"a", b"ab", b"b"])))
            left_behind.next_byte_logprobs()
        elif action == "reset":
            matcher.reset()
            history.clear()
        else:
            assert not matcher.accept_bytes(b"zzz")
        check()


@settings(max_examples=15 * EFFORT)
@given(st.lists(weighted_grammars(), min_size=1, max_size=3), st.integers(1, 3), st.data())
def test_a_batch_gives_what_each_matcher_gives(grammars, threads, data):
    matchers = []
    for grammar in grammars:
        engine = Scored(grammar, LETTERS, found=twin(grammar))
        for _ in range(2):
            matchers.append(engine.compiled.matcher())
            for call in data.draw(calls(Earley(grammar), longest=3)):
                assert (matchers[-1].accept_bytes if isinstance(call, bytes) else matchers[-1].accept)(call)
    expected = np.empty((len(matchers), COUNT), np.float32)
    for matcher, row in zip(matchers, expected, strict=True):
        matcher.fill_logprobs(row)
    rows = np.full((len(matchers), COUNT), 7.0, np.float32)
    stolcke.fill_logprobs_batch(matchers, rows, threads)
    assert np.array_equal(rows, expected)


SWITCHES = tuple(field.name for field in fields(stolcke.Options))
SETTINGS = {f"without {name}": stolcke.Options(**{name: False}) for name in SWITCHES} | {
    "without any": stolcke.Options(**dict.fromkeys(SWITCHES, False))
}


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=8 * EFFORT)
@given(weighted_grammars(), st.data())
def test_switching_anything_off_changes_no_probability(name, grammar, data):
    engine = Scored(grammar, LETTERS, found=twin(grammar), options=SETTINGS[name])
    matcher, text = engine.compiled.matcher(), ()
    for call in data.draw(calls(Earley(grammar), longest=4)):
        engine.check(matcher, text)
        assert (matcher.accept_bytes if isinstance(call, bytes) else matcher.accept)(call)
        text += engine.symbols(call)
    engine.check(matcher, text)
    # Once more, from what has been remembered by now.
    matcher.reset()
    engine.check(matcher, ())
    assert matcher.accept_bytes(bytes(symbol for symbol in text if isinstance(symbol, int)))
    engine.check(matcher, text)


@settings(max_examples=25 * EFFORT)
@given(weighted_grammars(), st.data())
def test_asking_for_probabilities_changes_no_mask(grammar, data):
    engine = Scored(grammar, LETTERS, found=twin(grammar))
    asked, silent = engine.compiled.matcher(), engine.compiled.matcher()
    row = np.empty(COUNT, np.float32)
    for call in data.draw(calls(Earley(grammar), longest=4)):
        asked.fill_logprobs(row)
        assert not (row[~asked.mask()] > -math.inf).any()
        assert np.array_equal(asked.mask(), silent.mask())
        for matcher in (asked, silent):
            assert (matcher.accept_bytes if isinstance(call, bytes) else matcher.accept)(call)
    # Asked for the first time only now, after all that was accepted without.
    assert_same_scores(silent, asked, COUNT)
