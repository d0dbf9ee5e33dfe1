"""Switching any cache or shortcut off changes no result."""

from __future__ import annotations

from dataclasses import fields
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from tests.engine.laws import Engine, derives_nothing, vocabulary_of
from tests.engine.samples import SAMPLES, synthetic_tokens
from tests.strategies import EFFORT, FUSED, grammars, small_grammars, vocabularies, walks

SWITCHES = tuple(field.name for field in fields(stolcke.Options))
SETTINGS = {f"without {name}": stolcke.Options(**{name: False}) for name in SWITCHES} | {
    "without any": stolcke.Options(**dict.fromkeys(SWITCHES, False))
}


@pytest.mark.parametrize("name", SETTINGS)
def test_small_grammars(name):
    """A sample of the exhaustive test's grammars."""
    vocabulary = vocabulary_of(FUSED)
    for grammar in islice(small_grammars(6), 0, None, 41):
        if derives_nothing(grammar):
            continue
        engine = Engine(grammar, FUSED, vocabulary=vocabulary, options=SETTINGS[name])
        matcher = engine.compiled.matcher()
        for text in (b"", b"a", b"aa", b"ab", b"aab"):
            if matcher.accept_bytes(text):
                engine.check(matcher, text)
            matcher.reset()


@settings(max_examples=250 * EFFORT)
@given(grammars(), vocabularies(), st.sampled_from(sorted(SETTINGS)), st.data())
def test_random_grammars(grammar, tokens, name, data):
    if derives_nothing(grammar):
        return
    engine = Engine(grammar, tokens, options=SETTINGS[name])
    matcher = engine.compiled.matcher()
    text: tuple = ()
    for token in data.draw(walks(engine.earley, tokens)):
        engine.check(matcher, text)
        assert matcher.accept(token)
        text += tokens.symbols(token)
    engine.check(matcher, text)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_larger_grammars(sample, name):
    """Rows at every byte of a text equal those with everything on."""
    source, texts = SAMPLES[sample]
    grammar = stolcke.Grammar.from_lark(source)
    vocabulary = vocabulary_of(synthetic_tokens())
    on = stolcke.compile(grammar, vocabulary).matcher()
    off = stolcke.compile(grammar, vocabulary, options=SETTINGS[name]).matcher()
    for text in texts:
        on.reset()
        off.reset()
        for position, value in enumerate(text[:60]):
            assert np.array_equal(on.mask(), off.mask()), (text[:position], name)
            assert on.accept_bytes(bytes([value]))
            assert off.accept_bytes(bytes([value]))
        assert on.is_accepting == off.is_accepting
