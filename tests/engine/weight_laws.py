"""What must hold of probabilities in every state of a matcher, stated once for all tests."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from hypothesis import assume

import stolcke
from stolcke.grammar.patterns import Special
from tests.engine.laws import vocabulary_of
from tests.reference import token_scores
from tests.reference.earley import Text
from tests.reference.masks import Tokens
from tests.reference.partition import spectral_radius
from tests.reference.probabilities import Probabilities
from tests.strategies import lark_text

EXACT = 1e-10
"""How far a logarithm may be off: the relative error of a probability."""
SINGLE = 1e-6
"""The same in rows of float32, relative where logarithms are large."""
DIRTY = 12345.0
"""What rows hold before they are filled."""
RADIUS = 0.99
"""Above this spectral radius the errors of plain iteration show."""


def compiled_of(grammar: stolcke.Grammar, vocabulary: stolcke.Vocabulary, tokens: Tokens, **keywords):
    """A grammar compiled for a vocabulary, whether or not its weights are consistent."""
    declared = [name for name, found in grammar.terminals.items() if isinstance(found.pattern, Special)]
    special = {name: tokens.tokens[tokens.special[name]].decode() for name in declared}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stolcke.compile(grammar, vocabulary, special=special, **keywords)


class Scored:
    """A grammar compiled for a vocabulary, beside its twin; its derivations must not be endless."""

    def __init__(self, grammar: stolcke.Grammar, tokens: Tokens, *, found: Probabilities | None = None, **keywords):
        self.grammar, self.tokens = grammar, tokens
        self.found = found or twin(grammar)
        self.vocabulary = vocabulary_of(tokens)
        self.compiled = compiled_of(grammar, self.vocabulary, tokens, **keywords)

    def check(self, matcher: stolcke.Matcher, text: Text) -> None:
        """Check everything that a matcher says about a text."""
        where = f"after {text!r} of\n{lark_text(self.grammar)}{self.grammar.rules}\n{self.tokens}"
        check_text(matcher, self.found, text, where)
        expected = token_scores.token_logprobs(self.found, self.tokens, text)
        check_tokens(matcher, expected, where)

    def symbols(self, call: int | bytes) -> tuple:
        """What an accepted call adds to the text."""
        return tuple(call) if isinstance(call, bytes) else self.tokens.symbols(call)


def twin(grammar: stolcke.Grammar) -> Probabilities:
    """The chart of a grammar that has probabilities and is not critical; other examples are given up."""
    try:
        found = Probabilities(grammar)
    except ValueError:
        assume(False)
    assume(spectral_radius(found.proper.rules) <= RADIUS)
    return found


def check_text(matcher: stolcke.Matcher, found: Probabilities, text: Text, where: str = "") -> None:
    """The text's own probabilities, and the bytes that may follow."""
    assert_close(matcher.prefix_logprob, token_scores.log(found.prefix(text)), f"prefix {where}")
    assert_close(matcher.sentence_logprob, token_scores.log(found.sentence(text)), f"sentence {where}")
    assert_close(matcher.eos_logprob, token_scores.end_logprob(found, text), f"end {where}")
    following = matcher.next_byte_logprobs()
    assert following.shape == (257,) and following.dtype == np.float64
    assert_close(following, token_scores.next_byte_logprobs(found, text), f"bytes {where}")


def check_tokens(matcher: stolcke.Matcher, expected: np.ndarray, where: str = "") -> None:
    """Every way to ask for the scores of tokens."""
    count = len(expected)
    for normalize in (False, True):
        wanted = token_scores.normalized(expected) if normalize else expected
        exactly = matcher.logprobs(range(count), normalize=normalize)
        assert exactly.dtype == np.float64
        assert_close(exactly, wanted, f"tokens, normalize={normalize}, {where}")
        row = np.full(count, DIRTY, np.float32)
        matcher.fill_logprobs(row, normalize=normalize)
        assert_close(row, wanted, f"row, normalize={normalize}, {where}", SINGLE)
        if normalize and (wanted > -math.inf).any():
            assert abs(np.exp(exactly).sum() - 1) < EXACT, where
    some = list(range(0, count, 3)) + [count - 1] * 2
    assert_close(matcher.logprobs(some), expected[some], f"some tokens {where}")
    groups, values = matcher.compact_logprobs()
    assert groups.shape == (count,) and values.dtype == np.float32
    assert_close(values[groups.astype(np.int64)], expected, f"compact {where}", SINGLE)


def assert_close(given, expected, where: str, tolerance: float = EXACT) -> None:
    """Equal logarithms, -inf only where -inf is expected."""
    given, expected = np.atleast_1d(np.asarray(given, np.float64)), np.atleast_1d(np.asarray(expected, np.float64))
    with np.errstate(invalid="ignore"):
        close = (given == expected) | (np.abs(given - expected) <= tolerance * np.maximum(1, np.abs(expected)))
    wrong = np.flatnonzero(~close)
    assert not wrong.size, [(int(i), float(given[i]), float(expected[i])) for i in wrong[:5]] + [where]


def check_parts(matcher: stolcke.Matcher, where: str = "", tolerance: float = 1e-12) -> None:
    """What may follow adds up to what is there, where no special token may."""
    parts = np.exp(matcher.next_byte_logprobs())
    if matcher.prefix_logprob > -math.inf:
        assert abs(math.fsum(parts.tolist()) - 1) <= tolerance, where
        assert_close(parts[256], math.exp(matcher.eos_logprob), where)


def all_scores(matcher: stolcke.Matcher, count: int) -> tuple[np.ndarray, ...]:
    """All that a matcher says, to be compared with what another says."""
    row = np.full(count, DIRTY, np.float32)
    matcher.fill_logprobs(row)
    own = np.array([matcher.prefix_logprob, matcher.sentence_logprob, matcher.eos_logprob])
    return own, matcher.next_byte_logprobs(), matcher.logprobs(range(count)), row


def assert_same_scores(matcher: stolcke.Matcher, other: stolcke.Matcher, count: int, where: str = "") -> None:
    """Two matchers after the same text say the same, whatever calls led them there."""
    for given, expected in zip(all_scores(matcher, count), all_scores(other, count), strict=True):
        assert_close(given, expected, where, SINGLE if given.dtype == np.float32 else EXACT)


def telescoped(make, calls: Sequence[int | bytes]) -> float:
    """The prefix logprob of a text as the sum of its parts' scores, each asked for before the part is accepted."""
    matcher = make()
    total = matcher.prefix_logprob
    for call in calls:
        if isinstance(call, bytes):
            before = matcher.prefix_logprob
            assert matcher.accept_bytes(call), call
            total += matcher.prefix_logprob - before
        else:
            total += float(matcher.logprobs([call])[0])
            assert matcher.accept(call), call
    return total
