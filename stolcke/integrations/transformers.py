"""Hugging Face transformers: ``model.generate`` under a grammar.

:class:`GrammarLogitsProcessor` goes into ``generate(logits_processor=[...])``, :func:`allowed_tokens_fn` gives a
``prefix_allowed_tokens_fn``.  What a row may go on with depends on its grammar and on what it has generated so far, and
on nothing else; so its state is found by the generated tokens themselves, whichever way ``generate`` came to them.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from stolcke import CompiledGrammar, Matcher, ParseError, VocabularyError, fill_logprobs_batch, fill_masks
from stolcke._core import bitmask
from stolcke.kernels import MaskPool, apply_token_bitmask_inplace

__all__ = ["GrammarLogitsProcessor", "allowed_tokens_fn"]

Constraint: TypeAlias = CompiledGrammar | Matcher
Tensor: TypeAlias = Any  # of torch, which is met only where a host brings it


@dataclass(slots=True, eq=False)
class _Row:
    """Where a row stands: behind the tokens that its matcher took, the first of those that it refused, if any."""

    matcher: Matcher
    refused: int | None = None
    error: ParseError | None = None

    @property
    def has_ended(self) -> bool:
        return self.refused is not None or self.matcher.is_finished

    @property
    def was_stopped(self) -> bool:
        """Whether the refused token is one that hosts put behind what they stopped, rather than text."""
        return self.refused in self.matcher.compiled.vocabulary.special_token_ids


class _Rows:
    """The rows of the last call, with their matchers; those of the next are made from them.

    A row that goes on with another one's tokens takes over its matcher, rolled back as far as they differ, or a fork of
    it where more rows do so; the tokens since are accepted.  Nothing but the last call is kept.

    Parameters
    ----------
    starts : sequence of Matcher
        One for each item of the batch, as it stands before the first generated token; never changed.
    """

    def __init__(self, starts: Sequence[Matcher]) -> None:
        self.starts = list(starts)
        distinct = {id(start): number for number, start in enumerate(starts)}
        self.pools = [distinct[id(start)] for start in starts]  # rows of one pool have the same start
        self.forget()

    def forget(self) -> None:
        self.ids = np.empty((0, 0), np.int64)
        self.of_pool: dict[int, np.ndarray] = {}
        self.rows: list[_Row] = []

    def follow(self, ids: np.ndarray, *, only_next: bool) -> bool:
        """Go to other generated tokens.

        Parameters
        ----------
        ids : int64[rows, length]
            What each row has generated.
        only_next : bool
            Whether to do so only if each row, but for its last token, was known.

        Returns
        -------
        bool
            Whether it was done.
        """
        n, length = ids.shape
        pools = [self.pools[i // (n // len(self.pools))] for i in range(n)]
        if ids.shape == (len(self.ids), self.ids.shape[1] + 1) and np.array_equal(ids[:, :-1], self.ids):
            origins = [(row, length - 1) for row in self.rows]
        else:
            origins = self._origins(ids, pools)
            if only_next and any(common < length - 1 for _, common in origins):
                return False
        try:
            rows = self._made(ids, pools, origins)
        except BaseException:
            self.forget()  # some matchers have moved on
            raise
        self.ids, self.rows = ids.copy(), rows
        self.of_pool = {pool: np.flatnonzero(np.array(pools) == pool) for pool in set(pools)}
        return True

    def _origins(self, ids: np.ndarray, pools: list[int]) -> list[tuple[_Row | None, int]]:
        """For each row a known one with the longest common beginning, and its length; None for the empty beginning."""
        length = ids.shape[1]
        by_tokens = {}
        if self.ids.shape[1] == length - 1:  # so it is with beams, of which there may be many
            by_tokens = {
                (pool, self.ids[i].tobytes()): self.rows[i]
                for pool, members in self.of_pool.items()
                for i in members.tolist()
            }
        width = min(length, self.ids.shape[1])
        found: list[tuple[_Row | None, int]] = []
        for row, pool in zip(ids, pools, strict=True):
            parent = by_tokens.get((pool, row[:-1].tobytes()))
            members = self.of_pool.get(pool)
            if parent is not None:
                found.append((parent, length - 1))
            elif members is None:
                found.append((None, 0))
            else:
                differs = np.ones((len(members), width + 1), bool)
                np.not_equal(self.ids[members, :width], row[:width], out=differs[:, :width])
                common = differs.argmax(axis=1)
                best = int(common.argmax())
                found.append((self.rows[members[best]], int(common[best])))
        return found

    def _made(self, ids: np.ndarray, pools: list[int], origins: list[tuple[_Row | None, int]]) -> list[_Row]:
        keys = [
            (pool if origin is None else id(origin), common, row[common:].tobytes())
            for row, pool, (origin, common) in zip(ids, pools, origins, strict=True)
        ]
        firsts: dict[tuple, int] = {}
        for i, key in enumerate(keys):
            firsts.setdefault(key, i)
        users = Counter(id(origin.matcher) for i in firsts.values() if (origin := origins[i][0]) is not None)
        kept: set[int] = set()
        made: dict[tuple, _Row] = {}
        for key, i in firsts.items():
            origin, common = origins[i]
            start = self.starts[pools[i]]
            if origin is None:
                made[key] = _follow(start.fork(), ids[i, common:])
                continue
            matcher = origin.matcher
            users[id(matcher)] -= 1
            taken = matcher.n_accepted - start.n_accepted
            if taken < common:  # it had ended before
                kept.add(id(matcher))
                made[key] = origin
                continue
            if users[id(matcher)] or id(matcher) in kept:
                matcher = matcher.fork()
            matcher.rollback(taken - common)
            made[key] = _follow(matcher, ids[i, common:])
        return [made[key] for key in keys]


def _follow(matcher: Matcher, tokens: np.ndarray) -> _Row:
    """A row from a matcher and the tokens behind it."""
    size = len(matcher.compiled.vocabulary)
    for token in tokens.tolist():
        if 0 <= token < size and matcher.accept(token):
            continue
        row = _Row(matcher, token)
        if not (matcher.is_finished or (row.was_stopped and matcher.is_accepting)):
            row.error = _refusal(row)
        return row
    return _Row(matcher)


def _refusal(row: _Row) -> ParseError:
    vocabulary = row.matcher.compiled.vocabulary
    expected = row.matcher.expected()
    if row.was_stopped:
        reason = "was ended before the text was whole"
    elif not 0 <= row.refused < len(vocabulary):
        reason = f"has the token {row.refused}, which is outside the vocabulary of {len(vocabulary)} tokens"
    else:
        reason = f"has the token {row.refused}, {vocabulary.tokens[row.refused]!r}, which the grammar does not allow"
    return ParseError(f"a row {reason}; expected {', '.join(expected[:8])}", expected=expected)


class _Dense:
    """Rows of masks, one for each matcher and one more that has only the end token; memory for them is kept."""

    def __init__(self, n_words: int, n_tokens: int, end_token: int) -> None:
        self.n_words, self.n_tokens, self.end_token = n_words, n_tokens, end_token
        self.masks = np.empty((0, n_words), np.int32)
        self.logprobs = np.empty((0, n_tokens), np.float32)
        self.pool: MaskPool | None = None
        self.device: Any = None

    def fill_masks(self, matchers: list[Matcher], threads: int) -> np.ndarray:
        """Masks as int32[len(matchers) + 1, words]."""
        n = len(matchers)
        if len(self.masks) <= n:
            self.masks = np.empty((n + 1, self.n_words), np.int32)
        masks = self.masks[: n + 1]
        fill_masks(matchers, masks[:n], threads)
        masks[n] = 0
        masks[n].view(np.uint32)[self.end_token // 32] = 1 << self.end_token % 32
        return masks

    def taken(self, masks: np.ndarray, index: np.ndarray, device: Any) -> tuple[np.ndarray, Tensor]:
        """The masks that an index names, as int32[len(index), words], here and on a device; of the last two calls."""
        if self.pool is None or self.pool.batch < len(index) or self.device != device:
            self.pool, self.device = MaskPool(len(index), 32 * self.n_words, device), device
        rows = self.pool.acquire(len(index))
        np.take(masks, index, axis=0, out=rows)
        return rows, self.pool.on_device()

    def fill_logprobs(self, matchers: list[Matcher], threads: int) -> np.ndarray:
        """Log-probabilities as float32[len(matchers) + 1, tokens]; those of the last row are 0."""
        n = len(matchers)
        if len(self.logprobs) <= n:
            self.logprobs = np.empty((n + 1, self.n_tokens), np.float32)
        logprobs = self.logprobs[: n + 1]
        fill_logprobs_batch(matchers, logprobs[:n], threads=threads)
        logprobs[n] = 0
        return logprobs


class GrammarLogitsProcessor:
    """A logits processor for ``model.generate``: what a grammar forbids gets minus infinity.

    It serves greedy search, sampling, beam search, assisted and prompt-lookup decoding, and any number of ``generate``
    calls one after the other (not two at once).

    Parameters
    ----------
    compiled : CompiledGrammar, Matcher, or sequence of these
        One for all rows, or one for each item of the batch: with ``num_beams`` or ``num_return_sequences`` an item has
        several rows.  A matcher stands for its grammar, begun where it stands, with its options; it stays there.
    prompt_length : int, optional
        How many columns of ``input_ids``, padding included, come before what is generated.  Without it, the prompt is
        what ``input_ids`` is at the first call of a ``generate``.  A call begins a new ``generate`` unless its rows are
        those of a call before, or their beginnings, each with at most one more token; see :meth:`reset`.
    beta : float
        The logits get ``beta`` times the grammar's log-probabilities; 0 leaves them to the model.
    on_error : {"end", "raise"}
        What becomes of a row that leaves its grammar or cannot go on: its end is forced, and other rows go on; or a
        :class:`stolcke.ParseError` is raised.  Beam search fills up with impossible beams where few texts are possible,
        so there "end" is right.
    end_token : int, optional
        The token for rows that have ended; the vocabulary's first end token unless given.
    inplace : bool
        Whether to write into the logits given.  ``generate`` may go on to use those (``output_logits``, prompt lookup),
        so the default is a copy.
    threads : int
        How many threads share the work of a batch.

    Attributes
    ----------
    errors : dict of int to ParseError
        Of the last call: the rows that have left their grammar, were ended before their text was whole, or are at a
        dead end.

    Raises
    ------
    VocabularyError
        If grammars are for different vocabularies, the vocabulary has no end token, or the arguments are wrong; when
        called, if the model's logits are fewer than the tokens, or the rows do not fit the grammars.
    WeightsError
        If ``beta`` is not 0 and a grammar has no probabilities.
    """

    # Continuous batching offers no way to learn which request a row belongs to.
    supports_continuous_batching = False

    def __init__(
        self,
        compiled: Constraint | Sequence[Constraint],
        *,
        prompt_length: int | None = None,
        beta: float = 0.0,
        on_error: str = "end",
        end_token: int | None = None,
        inplace: bool = False,
        threads: int = 1,
    ) -> None:
        starts = _starts(compiled)
        vocabulary = starts[0].compiled.vocabulary
        if not (math.isfinite(beta) and beta >= 0):
            raise VocabularyError(f"beta must be a finite number, at least 0, not {beta!r}")
        if on_error not in ("end", "raise"):
            raise VocabularyError(f'on_error must be "end" or "raise", not {on_error!r}')
        if prompt_length is not None and prompt_length < 0:
            raise VocabularyError(f"prompt_length must be a number of tokens, not {prompt_length!r}")
        if beta:
            for start in starts:
                _ = start.compiled.weights  # which raises here rather than in the middle of a text
        self.prompt_length = prompt_length
        self.beta = beta
        self.on_error = on_error
        self.end_token = _end_token(starts, end_token)
        self.inplace = inplace
        self.threads = threads
        self.errors: dict[int, ParseError] = {}
        self._rows = _Rows(starts)
        self._prompt: np.ndarray | None = None
        self._dense = _Dense(bitmask.words(len(vocabulary)), len(vocabulary), self.end_token)
        used = np.flatnonzero(np.diff(vocabulary.offsets))
        self._least_width = 1 + max([*used[-1:].tolist(), *vocabulary.special_token_ids, self.end_token])

    def reset(self) -> None:
        """Forget the last ``generate``: the next call is the first of another one, whatever its rows are.

        Needed only where the next prompt is the one before with a single token more, or a text generated before with
        nothing or a single token more: these look like the call before gone on.
        """
        self._prompt = None
        self._rows.forget()
        self.errors = {}

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores with what the grammar says of the next token.

        Parameters
        ----------
        input_ids : int64[rows, length]
        scores : float[rows, width]
            Logits or log-probabilities.  What is beyond the vocabulary gets minus infinity.

        Returns
        -------
        float[rows, width]
        """
        n, width = scores.shape
        if width < self._least_width:
            raise VocabularyError(
                f"the model has {width} logits, and the vocabulary uses token ids up to {self._least_width - 1}; "
                "make the vocabulary from the tokenizer of this model"
            )
        if len(input_ids) != n or n % len(self._rows.starts):
            raise VocabularyError(
                f"{len(self._rows.starts)} grammars do not fit {len(input_ids)} rows of tokens and {n} of scores; "
                "give one for each item of the batch"
            )
        self._meet(_array(input_ids))
        matchers, index = self._open_matchers()
        masks = self._dense.fill_masks(matchers, self.threads)
        ends = ~masks.any(axis=1)
        self._note_errors(index, ends)
        masks[ends] = masks[-1]
        if not self.inplace:
            scores = scores.clone()
        scores = scores.detach()
        rows, on_device = self._dense.taken(masks, index, scores.device)
        logprobs = self._logprobs(matchers, index, ends) if self.beta else None
        _forbid(scores, on_device, logprobs, self.beta, self.threads)
        self._restore(scores, rows)
        return scores

    def _meet(self, ids: np.ndarray) -> None:
        """Find the state of each row."""
        if self.prompt_length is not None:
            if ids.shape[1] < self.prompt_length:
                raise VocabularyError(f"rows of {ids.shape[1]} tokens are shorter than prompt_length")
            self._rows.follow(ids[:, self.prompt_length :], only_next=False)
            return
        prompt = self._prompt
        if prompt is not None and len(ids) == len(prompt):
            length = prompt.shape[1]
            goes_on = ids.shape[1] >= length and np.array_equal(ids[:, :length], prompt)
            if goes_on and self._rows.follow(ids[:, length:], only_next=True):
                return
        self.reset()
        self._prompt = ids.copy()
        self._rows.follow(ids[:, ids.shape[1] :], only_next=False)

    def _open_matchers(self) -> tuple[list[Matcher], np.ndarray]:
        """The matchers of rows that have not ended, each once, and which is whose; the one behind them is the end."""
        matchers: dict[int, int] = {}
        opened = []
        index = np.empty(len(self._rows.rows), np.intp)
        for i, row in enumerate(self._rows.rows):
            if row.has_ended:
                index[i] = -1
                continue
            if id(row) not in matchers:
                matchers[id(row)] = len(opened)
                opened.append(row.matcher)
            index[i] = matchers[id(row)]
        return opened, index

    def _note_errors(self, index: np.ndarray, ends: np.ndarray) -> None:
        rows = self._rows.rows
        self.errors = {i: row.error for i, row in enumerate(rows) if row.error is not None}
        for i in np.flatnonzero(ends[index]).tolist():
            self.errors[i] = ParseError(
                "a row is at a dead end: no token of the vocabulary goes on here; "
                f"expected {', '.join(rows[i].matcher.expected()[:8])}"
            )
        if self.on_error == "raise":
            for i, error in self.errors.items():
                if not rows[i].was_stopped:
                    raise ParseError(f"row {i}: {error.reason}", expected=error.expected)

    def _logprobs(self, matchers: list[Matcher], index: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Log-probabilities of each row, as float32[rows, tokens]; 0 where only the end is left."""
        logprobs = self._dense.fill_logprobs(matchers, self.threads)
        logprobs[ends] = 0
        return logprobs[index]

    def _restore(self, scores: Tensor, masks: np.ndarray) -> None:
        """Where other processors or weights have left nothing of what the grammar allows, allow it again."""
        import torch

        empty = scores.amax(dim=-1).isneginf()
        if empty.any():
            allowed = scores.new_zeros((int(empty.sum()), scores.shape[1]))
            _forbid(allowed, torch.from_numpy(masks[empty.cpu().numpy()]).to(scores.device))
            scores[empty] = allowed


def _array(input_ids: Tensor) -> np.ndarray:
    return input_ids.detach().cpu().numpy().astype(np.int64, copy=False)


def _forbid(
    scores: Tensor, masks: Tensor, logprobs: np.ndarray | None = None, beta: float = 0.0, threads: int = 1
) -> None:
    """Write minus infinity where a mask has no bit, and add log-probabilities to the rest.

    Parameters
    ----------
    scores : float[rows, width]
        Changed in place.
    masks : int32[rows, words]
        On the device of the scores.
    logprobs : float32[rows, tokens], optional
    beta : float
    threads : int
    """
    import torch

    if logprobs is not None:
        logprobs = torch.from_numpy(logprobs).to(scores.device)
    known = min(scores.shape[1], 32 * masks.shape[1])
    apply_token_bitmask_inplace(scores, masks, known, logprobs=logprobs, beta=beta, threads=threads)
    scores[:, known:] = -math.inf


def allowed_tokens_fn(
    compiled: Constraint | Sequence[Constraint], prompt_length: int, *, end_token: int | None = None
) -> Callable[[int, Tensor], list[int]]:
    """A function for ``generate(prefix_allowed_tokens_fn=...)``.

    It lists token ids, which takes longer than the masks of :class:`GrammarLogitsProcessor`, but serves whatever takes
    such functions.  A row that has left its grammar, or is at a dead end, may only end.

    Parameters
    ----------
    compiled : CompiledGrammar, Matcher, or sequence of these
        One for all, or one for each item of the batch.
    prompt_length : int
        How many columns of ``input_ids``, padding included, come before what is generated.
    end_token : int, optional
        The token for rows that have ended; the vocabulary's first end token unless given.

    Returns
    -------
    callable
        From the number of the batch's item, and the tokens of one of its rows, to the ids that may come next.

    Raises
    ------
    VocabularyError
        As for :class:`GrammarLogitsProcessor`.
    """
    starts = _starts(compiled)
    end = _end_token(starts, end_token)
    if prompt_length < 0:
        raise VocabularyError(f"prompt_length must be a number of tokens, not {prompt_length!r}")
    # Of each item the rows of this length and of the one before, which the next ones go on from.
    known: dict[int, tuple[int, dict[bytes, _Row], dict[bytes, _Row]]] = {}

    def allowed_tokens(item: int, input_ids: Tensor) -> list[int]:
        if len(starts) > 1 and not 0 <= item < len(starts):
            raise VocabularyError(f"{len(starts)} grammars do not fit a batch that has an item {item}")
        start = starts[item if len(starts) > 1 else 0]
        ids = _array(input_ids)[prompt_length:]
        length, current, before = known.get(item, (len(ids), {}, {}))
        if length != len(ids):
            length, current, before = len(ids), {}, current if length == len(ids) - 1 else {}
        known[item] = length, current, before
        row = current.get(ids.tobytes())
        if row is None:
            parent = before.get(ids[:-1].tobytes()) if len(ids) else None
            if parent is None:
                row = _follow(start.fork(), ids)
            else:
                row = parent if parent.refused is not None else _follow(parent.matcher.fork(), ids[-1:])
            current[ids.tobytes()] = row
        return ([] if row.has_ended else row.matcher.allowed_token_ids().tolist()) or [end]

    return allowed_tokens


def _starts(compiled: Constraint | Iterable[Constraint]) -> list[Matcher]:
    """A matcher for each item; the same one for the same grammar."""
    given = [compiled] if isinstance(compiled, Constraint) else list(compiled)
    if not given:
        raise VocabularyError("there must be at least one compiled grammar")
    made: dict[int, Matcher] = {}
    for each in given:
        if not isinstance(each, Constraint):
            raise VocabularyError(f"a row is held by a CompiledGrammar or a Matcher, not {type(each).__name__}")
        if id(each) not in made:
            made[id(each)] = each.matcher() if isinstance(each, CompiledGrammar) else each.fork()
    starts = [made[id(each)] for each in given]
    first = starts[0].compiled.vocabulary
    for start in made.values():
        vocabulary = start.compiled.vocabulary
        if vocabulary is not first and vocabulary.fingerprint != first.fingerprint:
            raise VocabularyError("the grammars are compiled for different vocabularies; one model has one")
    return starts


def _end_token(starts: Sequence[Matcher], end_token: int | None) -> int:
    vocabulary = starts[0].compiled.vocabulary
    if end_token is not None:
        if not 0 <= (end := operator.index(end_token)) < len(vocabulary):
            raise VocabularyError(f"end_token {end} is outside the vocabulary of {len(vocabulary)} tokens")
        return end
    if not vocabulary.eos_token_ids:
        raise VocabularyError(
            "the vocabulary has no end token, so generate() would never stop; "
            "make it with the eos_token_ids of the model's generation config"
        )
    return vocabulary.eos_token_ids[0]
