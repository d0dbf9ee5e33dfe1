"""What a grammar forbids in the steps of ``model.generate``."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from stolcke import CompiledGrammar, Matcher, ParseError, VocabularyError, fill_logprobs_batch, fill_masks
from stolcke._core import bitmask
from stolcke.integrations.tracing import RowTracer
from stolcke.integrations.transformers.rows import Row, Rows, row_after
from stolcke.kernels import MaskPool, apply_token_bitmask_inplace
from stolcke.observing import Trace

__all__ = ["GrammarLogitsProcessor", "allowed_tokens_fn"]

Constraint: TypeAlias = CompiledGrammar | Matcher
Tensor: TypeAlias = Any  # of torch, which is met only where a host brings it


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
    trace : stolcke.observing.Trace, optional
        Gets a line for each token of each row; :meth:`finish_trace` adds the last ones.  Meant for greedy search and
        sampling, with drafts or without; of beams, the lines of a row are not those of one text.

    Attributes
    ----------
    starts : list of Matcher
        Where the text of each item begins.
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
        trace: Trace | None = None,
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
        self.starts = starts
        self.prompt_length = prompt_length
        self.beta = beta
        self.on_error = on_error
        self.end_token = _end_token(starts, end_token)
        self.inplace = inplace
        self.threads = threads
        self._tracer = None if trace is None else RowTracer(trace)
        self.errors: dict[int, ParseError] = {}
        self._rows = Rows(starts)
        self._prompt: np.ndarray | None = None
        self._dense = _Dense(bitmask.words(len(vocabulary)), len(vocabulary), self.end_token)
        used = np.flatnonzero(np.diff(vocabulary.offsets))
        self._least_width = 1 + max([*used[-1:].tolist(), *vocabulary.special_token_ids, self.end_token])

    @property
    def supports_continuous_batching(self) -> bool:
        """Continuous batching asks this, would drop a processor that says no, and write freely; so this raises."""
        raise VocabularyError(
            "in continuous batching a GrammarLogitsProcessor cannot learn whose row it is given; "
            "attach stolcke.integrations.transformers.GrammarRequests to the manager"
        )

    def reset(self) -> None:
        """Forget the last ``generate``: the next call is the first of another one, whatever its rows are.

        Needed only where the next prompt is the one before with a single token more, or a text generated before with
        nothing or a single token more: these look like the call before gone on.
        """
        self._prompt = None
        self._rows.forget()
        self.errors = {}
        if self._tracer is not None:
            self._tracer.begin()

    def finish_trace(self, sequences: Tensor) -> None:
        """Write into the ``trace`` the last token of each row, which a processor is not shown.

        Parameters
        ----------
        sequences : int64[rows, length]
            What ``generate`` has returned, prompts included.
        """
        if self._tracer is None:
            return
        ids = _array(sequences)
        length = self.prompt_length
        if length is None:
            length = 0 if self._prompt is None else self._prompt.shape[1]
        self._tracer.finish(ids[:, length:])

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
        if len(input_ids) != len(scores):
            raise VocabularyError(f"{len(input_ids)} rows of tokens do not fit {len(scores)} of scores")
        self._meet(_array(input_ids))
        return self.constrain(scores)

    def constrain(self, scores: Tensor) -> Tensor:
        """The scores with what the grammar says of the next token, where the rows stand; see :meth:`begin`.

        Parameters
        ----------
        scores : float[rows, width]

        Returns
        -------
        float[rows, width]
        """
        width = scores.shape[1]
        if width < self._least_width:
            raise VocabularyError(
                f"the model has {width} logits, and the vocabulary uses token ids up to {self._least_width - 1}; "
                "make the vocabulary from the tokenizer of this model"
            )
        matchers, index = self._open_matchers()
        if self._tracer is not None:
            rows = self._rows.rows
            self._tracer.chosen(self._rows.ids, [row.refused for row in rows], [row.seconds for row in rows])
            self._tracer.look(self._rows.ids, [None if row.has_ended else row.matcher for row in rows], scores)
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

    def begin(self, input_ids: Tensor) -> None:
        """Begin where the prompts end, for a decoding loop of one's own whose rows go on by tokens of their own number.

        :class:`FastForward` is such a loop: its rows :meth:`accept` what they append, and :meth:`constrain` takes the
        place of a call, until it comes to its :meth:`end`.

        Parameters
        ----------
        input_ids : int64[rows, length]
            As the first call of a ``generate`` gets them.
        """
        self.errors = {}
        self._meet(_array(input_ids))
        self._rows.part([Row(row.matcher.fork(), row.refused, row.error) for row in self._rows.rows])

    def forced_tokens(self, row: int, encode: Callable[[str], Sequence[int]] | None = None) -> list[int]:
        """Tokens that a row must go on with; none where there is a choice, or where the row has left its grammar.

        Parameters
        ----------
        row : int
        encode : callable, optional
            As for :meth:`Matcher.forced_tokens`.  Where it finds none, tokens without alternative count.

        Returns
        -------
        list of int
        """
        state = self._rows.rows[row]
        if state.has_ended:
            return [] if state.error else [self.end_token]
        spelled = state.matcher.forced_tokens(encode) if encode is not None else []
        return spelled or state.matcher.forced_tokens()

    def accept(self, row: int, tokens: Sequence[int]) -> None:
        """Let a row go on by some tokens; one that its grammar does not allow ends it, as in a call.

        Parameters
        ----------
        row : int
        tokens : sequence of int
        """
        state = self._rows.rows[row]
        if state.refused is None:
            self._rows.rows[row] = row_after(state.matcher, np.asarray(tokens, np.int64))

    def stop(self, row: int) -> None:
        """Let a row end where it stands, whole or not: its host has stopped it."""
        state = self._rows.rows[row]
        if not state.has_ended:
            self._rows.rows[row] = Row(state.matcher, self.end_token)

    def place(self, rows: Sequence[Row]) -> None:
        """Let other rows stand in the place of all; their number is free."""
        self._rows.part(rows)

    def end(self, input_ids: Tensor) -> None:
        """End what :meth:`begin` began; a later ``generate`` may go on with these rows.

        Parameters
        ----------
        input_ids : int64[rows, length]
            The prompts and what has been generated, padded on the right.
        """
        length = self.prompt_length if self._prompt is None else self._prompt.shape[1]
        self._rows.follow(_array(input_ids)[:, length:], only_next=False)

    def _meet(self, ids: np.ndarray) -> None:
        """Find the state of each row."""
        if len(ids) % len(self._rows.starts):
            raise VocabularyError(
                f"{len(self._rows.starts)} grammars do not fit {len(ids)} rows; give one for each item of the batch"
            )
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
    known: dict[int, tuple[int, dict[bytes, Row], dict[bytes, Row]]] = {}

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
                row = row_after(start.fork(), ids)
            else:
                row = parent if parent.refused is not None else row_after(parent.matcher.fork(), ids[-1:])
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
