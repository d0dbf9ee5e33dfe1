"""A token is allowed if and only if its bytes can be accepted one after the other."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from tests.engine.laws import derives_nothing, filled, vocabulary_of
from tests.engine.samples import SAMPLES, real_tokens, synthetic_tokens
from tests.strategies import EFFORT, grammars, vocabularies


def allowed_by_bytes(matcher, tokens) -> list[int]:
    """The ids whose bytes a copy of the matcher accepts; end tokens where the text is a sentence."""
    allowed = []
    for number, token in enumerate(tokens.tokens):
        if number in tokens.ends:
            fits = matcher.is_accepting
        else:
            fits = bool(token) and number not in tokens.special_ids and matcher.fork().accept_bytes(token)
        if fits:
            allowed.append(number)
    return allowed


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_position_of_ordinary_texts(sample):
    tokens = synthetic_tokens()
    source, texts = SAMPLES[sample]
    compiled = stolcke.compile(stolcke.Grammar.from_lark(source), vocabulary_of(tokens))
    for text in texts:
        matcher = compiled.matcher()
        for position in range(len(text) + 1):
            assert filled(matcher, len(tokens.tokens)) == allowed_by_bytes(matcher, tokens), text[:position]
            assert matcher.accept_bytes(text[position : position + 1])
        assert matcher.is_accepting, text


@pytest.mark.parametrize("sample", SAMPLES)
def test_generated_texts(sample):
    """Random walks by tokens reach states that nobody would write down."""
    tokens = synthetic_tokens()
    compiled = stolcke.compile(stolcke.Grammar.from_lark(SAMPLES[sample][0]), vocabulary_of(tokens))
    draw = random.Random(sample)
    for _ in range(4):
        matcher = compiled.matcher()
        walk = []
        for _ in range(10):
            allowed = filled(matcher, len(tokens.tokens))
            assert allowed == allowed_by_bytes(matcher, tokens), [tokens.tokens[t] for t in walk]
            walk.append(draw.choice(allowed))
            assert matcher.accept(walk[-1])
            if walk[-1] in tokens.ends:
                break


@settings(max_examples=500 * EFFORT)
@given(grammars(specials=False), vocabularies(), st.randoms(use_true_random=False))
def test_random_grammars(grammar, tokens, draw):
    """Longer walks than the slow twin could follow."""
    if derives_nothing(grammar):
        return
    matcher = stolcke.compile(grammar, vocabulary_of(tokens)).matcher()
    walk = []
    for _ in range(25):
        allowed = filled(matcher, len(tokens.tokens))
        assert allowed == allowed_by_bytes(matcher, tokens), (walk, grammar)
        inside = [token for token in allowed if token not in tokens.ends]
        if not inside:
            break
        walk.append(draw.choice(inside))
        assert matcher.accept(walk[-1])


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_real_vocabulary(sample):
    tokens = real_tokens()
    source, texts = SAMPLES[sample]
    compiled = stolcke.compile(stolcke.Grammar.from_lark(source), vocabulary_of(tokens))
    matcher = compiled.matcher()
    text = texts[0]
    for position in range(len(text)):
        if position % 16 == 5:
            assert filled(matcher, len(tokens.tokens)) == allowed_by_bytes(matcher, tokens), text[:position]
        assert matcher.accept_bytes(text[position : position + 1])
