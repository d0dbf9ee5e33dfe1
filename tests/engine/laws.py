"""What must hold in every state of a matcher, stated once for all tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import stolcke
from stolcke.grammar.patterns import Special
from tests.reference import masks
from tests.reference.earley import Earley, Text
from tests.reference.masks import Tokens
from tests.strategies import lark_text

DIRTY = 0x5AA5_5AA5
"""What rows hold before they are filled."""


class Engine:
    """A grammar compiled for a vocabulary, beside its slow twin.

    Raises what :func:`stolcke.compile` raises; see :func:`derives_nothing`.
    """

    def __init__(self, grammar: stolcke.Grammar, tokens: Tokens, *, vocabulary=None, earley=None, **options) -> None:
        self.grammar = grammar
        self.tokens = tokens
        self.vocabulary = vocabulary or vocabulary_of(tokens)
        declared = [name for name, found in grammar.terminals.items() if isinstance(found.pattern, Special)]
        special = {name: tokens.tokens[tokens.special[name]].decode() for name in declared}
        self.compiled = stolcke.compile(grammar, self.vocabulary, special=special, **options)
        self.earley = earley or Earley(grammar)

    def allowed(self, text: Text) -> list[int]:
        """The token ids that the twin allows after a text."""
        return masks.allowed_tokens(self.earley, self.tokens, text)

    def check(self, matcher: stolcke.Matcher, text: Text) -> list[int]:
        """Check mask, acceptance and forced bytes after ``text``; the allowed ids."""
        expected = self.allowed(text)
        given = filled(matcher, len(self.tokens.tokens))
        assert given == expected, self._difference(text, given, expected)
        assert matcher.is_accepting == self.earley.is_sentence(text), self._where(text)
        forced = masks.forced_bytes(self.earley, text)
        assert matcher.forced_bytes() == forced, (
            f"forced {matcher.forced_bytes()} instead of {forced} {self._where(text)}"
        )
        return expected

    def check_all(self, matcher: stolcke.Matcher, text: Text) -> list[int]:
        """Like :meth:`check`, and that every way to ask for the mask gives the same."""
        expected = self.check(matcher, text)
        count = len(self.tokens.tokens)
        assert np.flatnonzero(matcher.mask()).tolist() == expected, self._where(text)
        assert matcher.allowed_token_ids().tolist() == expected, self._where(text)
        assert [t for t in range(count) if matcher.allows(t)] == expected, self._where(text)
        assert not matcher.is_finished
        forced = matcher.forced_tokens()
        # Where the text may end without an end token, the one token that could go on is still a choice.
        certain = len(expected) == 1 and (not matcher.is_accepting or expected[0] in self.tokens.ends)
        assert forced[:1] == (expected if certain else []), f"forced tokens {forced} {self._where(text)}"
        return expected

    def _difference(self, text: Text, given: list[int], expected: list[int]) -> str:
        def name(ids):
            return [(token, self.tokens.tokens[token]) for token in sorted(ids)]

        return (
            f"wrongly allowed {name(set(given) - set(expected))}, "
            f"wrongly forbidden {name(set(expected) - set(given))} {self._where(text)}"
        )

    def _where(self, text: Text) -> str:
        return f"after {text!r} of\n{lark_text(self.grammar)}{self.tokens}"


def vocabulary_of(tokens: Tokens) -> stolcke.Vocabulary:
    """The library's vocabulary of plain data."""
    return stolcke.Vocabulary(
        list(tokens.tokens), eos_token_ids=list(tokens.ends), special_token_ids=list(tokens.special_ids)
    )


def stripping_vocabulary_of(tokens: Tokens) -> stolcke.Vocabulary:
    """The same, decoded without the first space of a text."""
    return stolcke.Vocabulary(
        list(tokens.tokens),
        list(tokens.ends),
        list(tokens.special_ids),
        strips_first_space=True,
        first_texts=tokens.first_texts,
    )


def filled(matcher: stolcke.Matcher, count: int, *, longer: int = 1) -> list[int]:
    """The set bits of a row that was dirty and ``longer`` words longer than needed."""
    row = np.full((count + 31) // 32 + longer, DIRTY, dtype=np.int32)
    matcher.fill_mask(row)
    return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist()


def derives_nothing(grammar: stolcke.Grammar) -> bool:
    """Whether no text at all is in the language, which ``compile`` must refuse."""
    return not Earley(grammar).is_viable(b"")


def without_special(tokens: Tokens) -> Tokens:
    """The same vocabulary where nothing is bound."""
    return replace(tokens, special={})
