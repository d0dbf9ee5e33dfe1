"""One generated sequence: what may come next, and what has come so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stolcke import errors
from stolcke._core import bitmask, views
from stolcke._core.batches import Batch
from stolcke._core.matcher import CoreMatcher
from stolcke.canonical import Canonical
from stolcke.errors import LimitExceeded, VocabularyError
from stolcke.scoring import Pruning, Scoring
from stolcke.weights.sampling import MAX_BYTES, continuation

if TYPE_CHECKING:
    from stolcke.observing import Metrics

__all__ = ["Matcher"]


class Matcher(CoreMatcher, Scoring):
    """The state of one sequence under a compiled grammar; made by :meth:`CompiledGrammar.matcher`.

    Besides the methods below: ``accept``, ``accept_bytes``, ``accept_tokens``,
    ``allows``, ``fill_mask``, ``rollback``, ``fork``, ``reset``,
    ``forced_bytes``, ``is_accepting``, ``is_finished``, ``is_opening``,
    ``prefix_left``, ``last_token``, ``n_tokens`` and ``n_accepted``; and what :class:`stolcke.scoring.Scoring` says of
    probabilities.
    A matcher is used by one thread at a time; matchers share their compiled
    grammar, which any number of threads may use.

    Attributes
    ----------
    compiled : CompiledGrammar
    observer : stolcke.observing.Metrics or None
        Which counts what happens here, and in forks.
    max_tokens : int or None
        The budget of tokens, as it was given to :meth:`CompiledGrammar.matcher`.
    """

    # `compiled` is a CompiledGrammar, which stands above this module.
    def __init__(
        self,
        compiled: Any,
        *,
        strip_first_space: bool = False,
        prefix: bytes = b"",
        canonical: Canonical | None = None,
        previous: int | None = None,
        pruning: Pruning = Pruning(),
        observer: Metrics | None = None,
        max_tokens: int | None = None,
    ) -> None:
        opening = strip_first_space and compiled.vocabulary.strips_first_space
        if not isinstance(prefix, bytes):
            raise VocabularyError(f"a prefix is bytes, not {type(prefix).__name__}: {prefix!r:.60}")
        if opening and prefix:
            raise VocabularyError(
                "a matcher with a prefix writes on where a prompt ends, and there no space is taken away; "
                "leave strip_first_space out"
            )
        if len(prefix) > (most := compiled.limits.token_bytes):
            raise LimitExceeded("token_bytes", len(prefix), most, "the prefix of a matcher")
        restricts = pruning.prune_mask or canonical is not None or max_tokens is not None
        if observer is not None and not hasattr(observer, "meter_of"):
            raise VocabularyError(f"observer must be a stolcke.observing.Metrics, not {type(observer).__name__}")
        meter = None if observer is None else observer.meter_of(compiled)
        super().__init__(compiled.engine, compiled.end_tokens, opening, restricts, prefix, meter)
        self.compiled = compiled
        self.pruning = pruning
        self.canonical = canonical
        self.previous = previous
        self.observer = observer
        self.max_tokens = max_tokens

    def _new(self) -> Matcher:
        return Matcher(
            self.compiled,
            canonical=self.canonical,
            previous=self.previous,
            pruning=self.pruning,
            observer=self.observer,
            max_tokens=self.max_tokens,
        )

    def _ahead(self) -> Matcher:
        """A fork to try out what may come; what it does is not counted."""
        ahead = self.fork()
        ahead.forget_meter()
        ahead.observer = None
        return ahead

    def __repr__(self) -> str:
        kind = "finished" if self.is_finished else "accepting" if self.is_accepting else "open"
        return f"<Matcher after {self.n_accepted} accepted calls, {kind}>"

    def mask(self) -> np.ndarray:
        """The mask as bool[vocabulary size]."""
        row = np.empty(self.engine.store.n_words, np.int32)
        self.fill_mask(row)
        return bitmask.unpack(row, self.engine.store.n_tokens)

    def allowed_token_ids(self) -> np.ndarray:
        """Ids of the tokens that may come next, ascending, as int64[count]."""
        row = np.empty(self.engine.store.n_words, np.int32)
        self.fill_mask(row)
        return bitmask.token_ids(row, self.engine.store.n_tokens).astype(np.int64, copy=False)

    def expected(self) -> list[str]:
        """What may come next, in words: terminals that can begin or go on here, and the end of the text."""
        if self.prefix_left:
            return [f"the rest of the prompt, {self.prefix_left!r}"]
        # Where masks are computed from tables in which terminals are one with what is ignored, others tell them apart.
        compiled = self.compiled.unjoined
        state = self.state if compiled is self.compiled else self.state_under(compiled.engine)
        _, threads = views.state_threads(compiled.engine, state)
        titles = compiled.arrays.terminals
        going_on = {terminal for terminal, _, _ in threads}
        # Parts of one terminal, which differ in where they may stand, have one title.
        words = list(dict.fromkeys(f"more of {titles[terminal]}" for terminal in sorted(going_on)))
        words += dict.fromkeys(titles[terminal] for terminal in views.state_terminals(compiled.engine, state))
        return [*words, "the end of the text"] if self.is_accepting else words

    def sample(self, seed: int | np.random.Generator | None = None, *, max_bytes: int = MAX_BYTES) -> bytes:
        """Draw the rest of a text at random, as probable as the grammar makes it after what was accepted.

        The matcher stays where it is.  Special tokens are no bytes: the rest drawn is one of those without any.

        Parameters
        ----------
        seed : int or numpy.random.Generator, optional
            The same seed gives the same rest.
        max_bytes : int
            The length from which on none is drawn.

        Raises
        ------
        SampleTooLong
            Where the rest is longer than ``max_bytes``.
        WeightsError
            Where no text of positive probability goes on from here.
        """
        return continuation(self._ahead(), np.random.default_rng(seed), max_bytes)

    def forced_tokens(self, encode: Callable[[str], Sequence[int]] | None = None, *, limit: int = 256) -> list[int]:
        """Tokens that must come next.

        Parameters
        ----------
        encode : callable, optional
            A tokenizer's function from text to ids, without special tokens.
            With it, forced text becomes the tokens the model would write,
            except the last ones, which a longer token could still replace once
            more text follows; under a budget, as far as masks allow them.  Without
            it, only tokens without alternative count.
        limit : int
            At most so many tokens are returned: where the vocabulary cannot
            spell what would end a repetition, they would never end.

        Returns
        -------
        list of int

        Raises
        ------
        VocabularyError
            If ``encode`` gives ids that the vocabulary does not have.
        """
        if encode is None:
            return self._only_tokens(limit)
        text = self.forced_bytes()
        if not text:
            return []  # as nearly everywhere; a tokenizer is slow
        try:
            decoded = text.decode()
        except UnicodeDecodeError as error:
            decoded = text[: error.start].decode()
        ids = list(encode(decoded))
        stable = self._stable_length(decoded.encode())
        if any(not 0 <= i < len(self.compiled.vocabulary) for i in ids):
            raise VocabularyError(
                f"encode gave the ids {ids[:8]} for {decoded[:40]!r}, some outside the vocabulary of "
                f"{len(self.compiled.vocabulary)} tokens; it must be the encode of this vocabulary's tokenizer"
            )
        pieces = [self.compiled.vocabulary.tokens[i] for i in ids]
        if ids and self.is_opening:
            pieces[0] = self.compiled.vocabulary.first_text(ids[0])
        if b"".join(pieces) != decoded.encode():
            return []  # the tokenizer adds or drops something at the start of a text
        kept, length = [], 0
        for token, piece in zip(ids, pieces, strict=True):
            length += len(piece)
            if length > stable:
                break
            kept.append(token)
        return self._allowed_run(kept[:limit]) if self.max_tokens is not None else kept[:limit]

    def _allowed_run(self, tokens: list[int]) -> list[int]:
        """The first of some tokens, as long as masks allow them one after the other."""
        ahead = self._ahead()
        for n, token in enumerate(tokens):
            if not ahead.mask()[token]:
                return tokens[:n]
            ahead.accept(token)
        return tokens

    def shortest_completion(self, *, effort: int | None = None) -> list[int]:
        """Tokens that complete the text, as few as are found.

        Parameters
        ----------
        effort : int, optional
            How many nodes of the vocabulary's trie the search may look at.  :meth:`completion_bounds` tells whether
            fewer tokens might do.

        Returns
        -------
        list of int
            An end token comes last, where the vocabulary has any; nothing where one was accepted.

        Raises
        ------
        BudgetError
            Where none is found.
        CompileError
            Under a guard.
        """
        return self.compiled.completion.shortest(self.state, effort=effort)

    def completion_bounds(self, *, effort: int | None = None) -> tuple[int, int]:
        """Between which numbers the fewest tokens to the end are, an end token included; equal where they are known.

        ``2 ** 40`` stands for any number: no completion is known.
        """
        return self.compiled.completion.bounds(self.state, effort=effort)

    def _only_tokens(self, limit: int) -> list[int]:
        ahead = self._ahead()
        found: list[int] = []
        while len(found) < limit and not ahead.is_finished:
            allowed = ahead.allowed_token_ids()
            if len(allowed) != 1 or (ahead.is_accepting and int(allowed[0]) not in self.compiled.end_tokens):
                break  # where the text may end, nothing must come, even if the vocabulary has no end token
            found.append(int(allowed[0]))
            ahead.accept(found[-1])
        return found

    def _stable_length(self, text: bytes) -> int:
        """How many bytes at the start no token that reaches beyond the text can touch."""
        ahead = self._ahead()
        ahead.accept_bytes(text)
        _, threads = views.state_threads(self.engine, ahead.state)
        if not threads and not views.state_terminals(self.engine, ahead.state):
            return len(text)  # nothing can follow
        if self.is_opening and self._has_longer_first(text):
            return 0
        longest = self.engine.store.longest_token
        for begin in range(max(0, len(text) - longest), len(text)):
            if self.engine.store.has_longer(text[begin:]):
                return begin
        return len(text)

    def _has_longer_first(self, text: bytes) -> bool:
        """Whether some token that loses its first space begins with a text and is longer than it."""
        others = self.compiled.vocabulary.first_texts.values()
        return self.engine.store.has_longer(b" " + text) or any(t[: len(text)] == text != t for t in others)

    def fill_draft_masks(
        self, tokens: Sequence[int], rows: np.ndarray, parents: Sequence[int] | np.ndarray | None = None
    ) -> np.ndarray:
        """Write the mask that stands here and the one behind each token of a draft; the matcher stays where it is.

        Parameters
        ----------
        tokens : sequence of int
            What a draft model proposes: a chain, or a tree.
        rows : int32[len(tokens) + 1, words]
            Row 0 is the mask before any token of the draft, row ``i + 1`` the one behind ``tokens[i]``.
            Every word is written; rows behind tokens that are refused are zero.
        parents : sequence of int, optional
            Of each token the number of the one before it, smaller than its own, or -1 where it is the first; without
            them, each token follows the one before.

        Returns
        -------
        bool[len(tokens)]
            Which tokens could be accepted, along with all before them.  Of a chain that is a beginning, so its sum
            is how many.

        Raises
        ------
        VocabularyError
            If an id is outside the vocabulary, a parent does not come before its child, or ``rows`` do not fit.
        LimitExceeded
        """
        tokens, batch = list(tokens), Batch(rows, errors)
        (accepted,), restricting = batch.add_drafts([self], [tokens], [parents], False)
        batch.complete()
        if batch.found:
            raise batch.found[min(batch.found)]
        for _, _, before in restricting:
            self.restrict_draft_masks(tokens, rows, before, accepted)
        return accepted

    def restrict_draft_masks(
        self, tokens: Sequence[int], rows: np.ndarray, parents: Sequence[int], accepted: np.ndarray
    ) -> None:
        """Restrict each mask of a draft as :meth:`restrict_mask` does at its place.

        Parameters
        ----------
        tokens, rows, parents
            As for :meth:`fill_draft_masks`, which has written the rows.
        accepted : bool[len(tokens)]
            What it returned.
        """
        children: list[list[int]] = [[] for _ in range(len(tokens) + 1)]
        for token in np.flatnonzero(accepted).tolist():
            children[parents[token] + 1].append(token)
        walker = self if self.observer is None else self._ahead()  # what is only tried is not counted
        here = self.n_accepted
        ahead = [(token, 0) for token in reversed(children[0])]
        try:
            self.restrict_mask(rows[0])
            while ahead:  # depth first, so that each step is taken once
                token, depth = ahead.pop()
                walker.rollback(walker.n_accepted - here - depth)
                walker.accept(tokens[token])
                walker.restrict_mask(rows[token + 1])
                ahead += [(child, depth + 1) for child in reversed(children[token + 1])]
        finally:
            walker.rollback(walker.n_accepted - here)

    def restrict_mask(self, row: np.ndarray) -> None:
        """Take out of a mask what the budget forbids, and then pruning and canonical tokenisation, if anything remains.

        Parameters
        ----------
        row : int32[n], n >= (vocabulary size + 31) // 32
            As :meth:`fill_mask` writes it.
        """
        if self.max_tokens is not None and not self.is_finished:
            try:
                self.compiled.completion.restrict(self.state, self.max_tokens - self.n_tokens, row)
            except LimitExceeded as error:
                if self.meter is not None:
                    self.meter.add_limit(error)
                raise
        if self.pruning.prune_mask:
            super().restrict_mask(row)
        if self.canonical is None:
            return
        if self.n_accepted == 0:
            self.canonical.restrict(row, self.previous)
        elif self.last_token is not None:  # else there are bytes, of which nobody knows the tokens
            self.canonical.restrict(row, self.last_token)

    def dump(self) -> str:
        """The live state in words: the threads under way and the column that begins here."""
        if self.prefix_left:
            return f"state {self.state}\n  before the grammar begins: {self.prefix_left!r}"
        return self.compiled.dump_state(self.state)
