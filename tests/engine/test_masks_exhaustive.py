"""All small grammars, all short texts, small vocabularies: the engine equals its twin.

A budget of 7 is all sets of rules for two nonterminals whose alternatives and
symbols together number at most 7; ``STOLCKE_EXHAUSTIVE=8`` looks further.
"""

from __future__ import annotations

import os
from itertools import islice

import pytest

import stolcke
from tests.engine.laws import Engine, derives_nothing, filled, vocabulary_of
from tests.strategies import BYTES_ONLY, FUSED, lark_text, small_grammars, texts

BUDGET = int(os.environ.get("STOLCKE_EXHAUSTIVE", "7"))
SHARDS = 16
MASKED = 3
"""Up to this length of text, every mask is compared (tokens add up to three bytes)."""
ACCEPTED = 6
"""Up to this length, acceptance is compared."""


@pytest.fixture(scope="module")
def vocabularies():
    return [(tokens, vocabulary_of(tokens)) for tokens in (FUSED, BYTES_ONLY)]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_small_grammar_on_every_short_text(shard, vocabularies):
    compared = 0
    for grammar in islice(small_grammars(BUDGET), shard, None, SHARDS):
        if derives_nothing(grammar):
            with pytest.raises(stolcke.StolckeError, match="deriv"):
                stolcke.compile(grammar, vocabularies[0][1])
            continue
        (tokens, vocabulary), (plain, plain_vocabulary) = vocabularies
        engine = Engine(grammar, tokens, vocabulary=vocabulary)
        matcher = engine.compiled.matcher()
        compare_from(engine, matcher, b"")
        accept_whole_texts(engine, matcher)
        by_bytes = Engine(grammar, plain, vocabulary=plain_vocabulary, earley=engine.earley)
        assert filled(by_bytes.compiled.matcher(), 2) == by_bytes.allowed(b""), lark_text(grammar)
        compared += 1
    assert compared > 20, "the generator yields too little to prove anything"


def compare_from(engine: Engine, matcher, text: bytes) -> None:
    """Compare the state after ``text`` and, by accepting and rolling back, after all longer ones."""
    engine.check(matcher, text)
    if len(text) == MASKED:
        return
    for value in b"ab":
        longer = text + bytes([value])
        viable = engine.earley.is_viable(longer)
        assert matcher.accept_bytes(bytes([value])) == viable, (longer, lark_text(engine.grammar))
        if viable:
            compare_from(engine, matcher, longer)
            matcher.rollback(1)


def accept_whole_texts(engine: Engine, matcher) -> None:
    """Every text in one call: accepted whole if it is viable, else not at all."""
    for text in texts(b"ab", ACCEPTED):
        matcher.reset()
        viable = engine.earley.is_viable(text)
        assert matcher.accept_bytes(text) == viable, (text, lark_text(engine.grammar))
        ended = engine.earley.is_sentence(text if viable else b"")
        assert matcher.is_accepting == ended, (text, lark_text(engine.grammar))
