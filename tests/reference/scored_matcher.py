"""A matcher's methods that have to do with probabilities, by asking the twins: what the laws are tried on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.reference import masks, token_scores
from tests.reference.earley import Earley
from tests.reference.masks import Tokens
from tests.reference.probabilities import Probabilities


class ScoredMatcher:
    """The state is the list of what each accepted call added."""

    def __init__(self, earley: Earley, found: Probabilities, tokens: Tokens, history: Sequence[tuple] = ()) -> None:
        self.earley, self.found, self.tokens = earley, found, tokens
        self.history = list(history)

    @property
    def text(self) -> tuple:
        """All that was accepted."""
        return tuple(symbol for added in self.history for symbol in added)

    # --- calls that change the state -----------------------------------------------------------------------------

    def accept(self, token: int) -> bool:
        """Whether a token may come, which is added if so; end tokens are not modelled."""
        if token in self.tokens.ends or token not in masks.allowed_tokens(self.earley, self.tokens, self.text):
            return False
        self.history.append(self.tokens.symbols(token))
        return True

    def accept_bytes(self, data: bytes) -> bool:
        """Whether bytes may come, which are added if so."""
        if not self.earley.is_viable((*self.text, *data)):
            return False
        self.history.append(tuple(data))
        return True

    def rollback(self, n: int = 1) -> None:
        """Take back the last calls."""
        del self.history[len(self.history) - n :]

    def reset(self) -> None:
        """Take back all calls."""
        self.history.clear()

    def fork(self) -> ScoredMatcher:
        """Another one in the same state."""
        return type(self)(self.earley, self.found, self.tokens, self.history)

    # --- probabilities -------------------------------------------------------------------------------------------

    @property
    def prefix_logprob(self) -> float:
        """Of all texts that begin so."""
        return token_scores.log(self.found.prefix(self.text))

    @property
    def sentence_logprob(self) -> float:
        """Of exactly this text."""
        return token_scores.log(self.found.sentence(self.text))

    @property
    def eos_logprob(self) -> float:
        """That the text ends here."""
        return token_scores.end_logprob(self.found, self.text)

    def next_byte_logprobs(self) -> np.ndarray:
        """float64[257]."""
        return token_scores.next_byte_logprobs(self.found, self.text)

    def _scores(self, normalize: bool) -> np.ndarray:
        scores = token_scores.token_logprobs(self.found, self.tokens, self.text)
        return token_scores.normalized(scores) if normalize else scores

    def fill_logprobs(self, row: np.ndarray, *, normalize: bool = False) -> None:
        """row: float32[len(tokens)]."""
        row[:] = self._scores(normalize)

    def logprobs(self, tokens: Sequence[int], *, normalize: bool = False) -> np.ndarray:
        """float64[len(tokens)]."""
        return self._scores(normalize)[list(tokens)]

    def compact_logprobs(self) -> tuple[np.ndarray, np.ndarray]:
        """A group for each token, and a value for each group."""
        values, groups = np.unique(self._scores(False).astype(np.float32), return_inverse=True)
        return groups.astype(np.int32), values
