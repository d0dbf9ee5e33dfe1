"""Random grammars, vocabularies and walks: every state equals the twin's, however it was reached."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.grammar.patterns import Special
from tests.engine.laws import Engine, derives_nothing, filled, vocabulary_of
from tests.strategies import EFFORT, grammars, vocabularies, walks


@settings(max_examples=600 * EFFORT)
@given(grammars(), vocabularies(), st.data())
def test_every_state_of_a_random_walk(grammar, tokens, data):
    if derives_nothing(grammar):
        with pytest.raises(stolcke.StolckeError, match="deriv"):
            stolcke.compile(grammar, vocabulary_of(tokens), special={"SPECIAL": "SPECIAL"})
        return
    engine = Engine(grammar, tokens)
    matcher = engine.compiled.matcher()
    text: tuple = ()
    for token in data.draw(walks(engine.earley, tokens)):
        allowed = engine.check_all(matcher, text)
        for other in range(len(tokens.tokens)):
            if other not in allowed:
                assert not matcher.accept(other), (text, other)
        assert matcher.accept(token)
        text += tokens.symbols(token)
    expected = engine.check_all(matcher, text)
    for number in range(3):
        again = data.draw(tokenisations(text), label=f"tokenisation {number}")
        other = engine.compiled.matcher()
        for piece in again:
            if isinstance(piece, bytes):
                assert other.accept_bytes(piece), (again, piece)
            else:
                assert other.accept(tokens.special[piece.name]), (again, piece)
        assert filled(other, len(tokens.tokens), longer=0) == expected, again


@st.composite
def tokenisations(draw, text: tuple) -> list[bytes | Special]:
    """A text cut into pieces of bytes and special tokens at random places."""
    pieces: list[bytes | Special] = [b""]
    for symbol in text:
        if isinstance(symbol, Special):
            pieces += [symbol, b""]
        elif draw(st.booleans()):
            pieces.append(bytes([symbol]))
        else:
            pieces[-1] += bytes([symbol])
    return [piece for piece in pieces if piece]


@settings(max_examples=300 * EFFORT)
@given(grammars(), vocabularies(), st.lists(st.sampled_from(b"abc"), max_size=6).map(bytes))
def test_accepting_bytes_is_all_or_nothing(grammar, tokens, text):
    if derives_nothing(grammar):
        return
    engine = Engine(grammar, tokens)
    matcher = engine.compiled.matcher()
    accepted = matcher.accept_bytes(text)
    assert accepted == engine.earley.is_viable(text)
    engine.check(matcher, text if accepted else b"")


@settings(max_examples=200 * EFFORT)
@given(st.lists(st.tuples(grammars(specials=False), st.integers(0, 3)), min_size=1, max_size=4), vocabularies())
def test_one_vocabulary_serves_many_grammars(chosen, tokens):
    """What is cached with the vocabulary by one grammar must not show in another."""
    vocabulary = vocabulary_of(tokens)
    engines = [Engine(g, tokens, vocabulary=vocabulary) for g, _ in chosen if not derives_nothing(g)]
    for _ in range(2):
        for engine in engines:
            matcher = engine.compiled.matcher()
            text = b""
            while len(text) < 3:
                engine.check(matcher, text)
                following = sorted(s for s in engine.earley.next_symbols(text) if isinstance(s, int))
                if not following:
                    break
                text += bytes(following[-1:])
                assert matcher.accept_bytes(text[-1:])
