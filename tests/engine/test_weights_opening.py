"""Probabilities of first tokens, whose decoder takes the first space of a text away."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke
from tests.engine.laws import stripping_vocabulary_of
from tests.engine.test_opening import STRIPPED, UNSPACED

GRAMMAR = stolcke.Grammar.from_lark(r"""
    start: " "?{0.3} word (" " word)*{0.25} | [0.1]
    word: "b" [0.7] | "bb" [0.2] | "b " [0.1]
""")


@pytest.mark.parametrize("tokens", [STRIPPED, UNSPACED], ids=["spaces", "other texts"])
def test_a_first_token_is_worth_what_it_stands_for(tokens):
    vocabulary = stripping_vocabulary_of(tokens)
    compiled = stolcke.compile(GRAMMAR, vocabulary)
    matcher = compiled.matcher(strip_first_space=True)
    assert matcher.is_opening
    expected = np.full(len(vocabulary), -np.inf)
    for token in range(len(vocabulary)):
        if token in vocabulary.eos_token_ids:
            expected[token] = np.log(0.1)
        elif token not in tokens.special_ids and vocabulary.tokens[token]:
            plain = compiled.matcher()
            if plain.accept_bytes(vocabulary.first_text(token)):
                expected[token] = plain.prefix_logprob
                opened = compiled.matcher(strip_first_space=True)
                assert opened.accept(token)
                assert opened.prefix_logprob == pytest.approx(plain.prefix_logprob, abs=1e-12)
                assert opened.logprobs(range(len(vocabulary))) == pytest.approx(plain.logprobs(range(len(vocabulary))))
    assert np.isfinite(expected).sum() > 5
    row = np.zeros(len(vocabulary) + 3, np.float32)
    matcher.fill_logprobs(row)
    assert matcher.logprobs(range(len(vocabulary))) == pytest.approx(expected, abs=1e-12)
    assert row[: len(vocabulary)] == pytest.approx(expected, abs=1e-6)
    assert (row[len(vocabulary) :] == -np.inf).all()
    group, value = matcher.compact_logprobs()
    assert (value[group] == row[: len(vocabulary)]).all()
    matcher.fill_logprobs(row, normalize=True)
    assert np.exp(row.astype(float)).sum() == pytest.approx(1, abs=1e-6)
    matcher.accept(4)
    matcher.rollback()
    assert matcher.logprobs(range(len(vocabulary))) == pytest.approx(expected, abs=1e-12)
