"""Tallies give the masks of the rules that they stand for, and make only those states that texts lead to."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.grammar.patterns import Literal, Regex
from tests.engine.laws import Engine, derives_nothing, filled, vocabulary_of
from tests.engine.test_options import SETTINGS
from tests.reference.earley import Earley
from tests.reference.tallies import written_out
from tests.strategies import EFFORT, FUSED, A, B, make_grammar, make_tally, tally_grammars, texts, vocabularies, walks

BYTES = stolcke.Vocabulary.from_bytes()
END = 256
FLAGS = [tuple(itertools.compress(("once", "required", "marked"), bits)) for bits in itertools.product((0, 1), repeat=3)]
FRAMES = {
    "alone": {},
    "between": {"s": [("A", "x", "B")]},
    "left recursive": {"s": [("x", "B"), ("B",)]},
    "right recursive": {"s": [("A", "x"), ("B",)]},
}


def small_tallies(entries):
    """Two entries with all flags, with and without a separator, between all kinds of bounds."""
    bounds = [(0, None), (1, None), (2, None), (0, 1), (2, 2), (1, 3)]
    marks = [(0, None), (1, None), (0, 1), (1, 1), (2, 2)]
    for flags, other, separator in itertools.product(FLAGS, FLAGS, ((), ("B",))):
        for (least, most), (least_marked, most_marked) in itertools.product(bounds, marks):
            yield make_tally(
                [flags + entries[0], other + entries[1]],
                separator,
                least=least,
                most=most,
                least_marked=least_marked,
                most_marked=most_marked,
            )


def small_grammars(frame):
    """The small tallies within a rule; where the frame is recursive, their second entry is."""
    recursive = frame.endswith("recursive")
    for tally in small_tallies([("A",), ("s",) if recursive else ("B",)]):
        yield make_grammar(FRAMES[frame], {"A": A, "B": B}, (), {"x": tally}, "s" if FRAMES[frame] else "x")


@pytest.mark.parametrize("frame", FRAMES)
def test_small_tallies(frame):
    vocabulary = vocabulary_of(FUSED)
    step = 1 if frame == "alone" else 7
    compared = 0
    for grammar in itertools.islice(small_grammars(frame), 0, None, step):
        earley = Earley(grammar)
        if not earley.is_viable(b""):
            with pytest.raises(stolcke.GrammarError, match="derives no text"):
                stolcke.compile(grammar, vocabulary)
            continue
        engine = Engine(grammar, FUSED, vocabulary=vocabulary, earley=earley, prewarm=0)
        matcher = engine.compiled.matcher()
        for text in texts(b"ab", 3):
            if matcher.accept_bytes(text):
                engine.check(matcher, text)
                matcher.rollback()
            else:
                assert not earley.is_viable(text)
        compared += 1
    assert compared > 100


def compiled_or_none(grammar, tokens, **options) -> Engine | None:
    """The grammar beside its twin; None where it derives nothing, or has an entry that derives the empty text."""
    if derives_nothing(grammar):
        with pytest.raises(stolcke.StolckeError, match="deriv"):
            stolcke.compile(grammar, vocabulary_of(tokens))
        return None
    try:
        return Engine(grammar, tokens, **options)
    except stolcke.GrammarError as error:
        assert "derives the empty text" in str(error)
        empty = Earley(written_out(grammar)).nullable
        assert any(
            all(("rule", symbol.name) in empty for symbol in entry.symbols)
            for tally in grammar.tallies.values()
            for entry in tally.entries
        )
        return None


@settings(max_examples=600 * EFFORT)
@given(tally_grammars(), vocabularies(), st.sampled_from(["", *sorted(SETTINGS)]), st.data())
def test_random_tallies(grammar, tokens, name, data):
    engine = compiled_or_none(grammar, tokens, options=SETTINGS.get(name))
    assume(engine is not None)
    matcher = engine.compiled.matcher()
    text: tuple = ()
    steps = data.draw(walks(engine.earley, tokens))
    seen = []
    for token in steps:
        seen.append(engine.check_all(matcher, text))
        for other in range(len(tokens.tokens)):
            if other not in seen[-1]:
                assert not matcher.accept(other), (text, other)
        assert matcher.accept(token)
        text += tokens.symbols(token)
    engine.check_all(matcher, text)
    # Back and forth again: nothing has changed.
    for before in reversed(seen):
        matcher.rollback()
        assert filled(matcher, len(tokens.tokens)) == before
    for token in steps:
        assert matcher.accept(token)
    engine.check(matcher, text)
