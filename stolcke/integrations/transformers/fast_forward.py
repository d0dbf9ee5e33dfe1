"""A decoding loop for ``model.generate`` that reads forced tokens many at a time.

Where a grammar leaves no choice, the model's opinion is not needed, and a forward pass of several tokens costs hardly
more than one of a single token.  So what is forced is appended, and read together with the last chosen token.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from stolcke import VocabularyError
from stolcke.integrations.transformers.processor import GrammarLogitsProcessor

__all__ = ["FastForward"]

Tensor: TypeAlias = Any  # of torch, which is met only where a host brings it


class FastForward:
    """A ``custom_generate`` for ``model.generate``: greedy search or sampling without passes for forced tokens.

    ``generate(..., logits_processor=[GrammarLogitsProcessor(...)], custom_generate=FastForward(encode))``.  What other
    logits processors, stopping criteria and the generation config ask for holds as ever, but no processor is asked
    about a forced token, and in a batch, processors other than the grammar's and stopping criteria see one row at a
    time, as the rows come to have different lengths.

    Parameters
    ----------
    encode : callable, optional
        A tokenizer's function from text to ids, without special tokens: forced text is written as the tokenizer would,
        where a model may have spelled it otherwise.  Without it, only tokens without any alternative are forced, and
        the texts of greedy search are the same tokens as without fast-forward.
    streamer : optional
        A streamer of transformers, for a single row.  ``generate`` does not hand its own to a ``custom_generate``.

    Attributes
    ----------
    n_passes, n_chosen, n_forced : int
        Of the last call: forward passes, and tokens of all rows that were chosen and forced.

    Notes
    -----
    A batch of several rows needs a model without an encoder that takes ``attention_mask`` and ``position_ids``, and a
    cache that keeps all tokens (no sliding windows): rows that read fewer tokens in a pass are padded within it.
    """

    def __init__(self, encode: Callable[[str], Sequence[int]] | None = None, *, streamer: Any = None) -> None:
        if encode is not None and not callable(encode):
            raise VocabularyError(
                f"encode is a function from text to token ids, not {type(encode).__name__}; "
                "pass lambda text: tokenizer.encode(text, add_special_tokens=False)"
            )
        self.encode = encode
        self.streamer = streamer
        self.n_passes = self.n_chosen = self.n_forced = 0

    def __call__(
        self,
        model: Any,
        input_ids: Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        streamer: Any = None,
        synced_gpus: bool = False,
        **model_kwargs: Any,
    ) -> Any:
        """What ``generate`` calls; it returns what its own greedy search and sampling would.

        Of ``output_scores``, those of a forced token are 0, and minus infinity for all others.

        Raises
        ------
        VocabularyError
            If there is not one :class:`GrammarLogitsProcessor` among the logits processors, or something is asked for
            that this loop cannot do.
        """
        streamer = streamer or self.streamer
        before, grammar, after = _around_the_grammar(logits_processor)
        _check(model, input_ids, generation_config, model_kwargs, streamer, synced_gpus)
        _check_processors(logits_processor, len(input_ids))
        grammar.begin(input_ids)
        pad = generation_config._pad_token_tensor
        pad = grammar.end_token if pad is None else int(pad)
        reader = _Reader(model, input_ids, generation_config, model_kwargs, pad)
        rows = _Texts(input_ids, stopping_criteria, streamer, generation_config)
        self.n_passes = self.n_chosen = self.n_forced = 0
        if streamer is not None and streamer is self.streamer:
            streamer.put(input_ids.cpu())

        unread = [self._force(grammar, rows, i) for i in range(len(input_ids))]
        while any(rows.open):
            scores, unread = reader.read(unread)
            ready = [i for i, is_open in enumerate(rows.open) if is_open and not unread[i]]
            scores = rows.processed(ready, before, scores)
            scores = grammar.constrain(scores)
            scores = rows.processed(ready, after, scores)
            chosen = _chosen(scores, generation_config.do_sample)
            for i in ready:
                grammar.accept(i, [chosen[i]])
                rows.append(i, chosen[i], scores[i])
                self.n_chosen += 1
                forced = self._force(grammar, rows, i)
                unread[i] = [chosen[i], *forced] if rows.open[i] else []
        self.n_passes = reader.n_passes
        if streamer is not None:
            streamer.end()
        sequences = rows.padded(pad)
        grammar.end(sequences)
        if not generation_config.return_dict_in_generate:
            return sequences
        return _output(model, sequences, rows.padded_scores(pad, model.config.get_text_config().vocab_size), reader)

    def _force(self, grammar: GrammarLogitsProcessor, rows: _Texts, i: int) -> list[int]:
        """Append what a row must go on with; the tokens, none where the row came to its end."""
        appended: list[int] = []
        while rows.open[i] and (tokens := grammar.forced_tokens(i, self.encode)):
            begun = len(appended)
            for token in tokens:
                if not rows.open[i]:
                    break
                rows.append(i, token)
                appended.append(token)
            grammar.accept(i, appended[begun:])
        self.n_forced += len(appended)
        if rows.open[i]:
            return appended
        grammar.stop(i)
        return []


class _Texts:
    """The rows' tokens, and which rows are still open.

    Parameters
    ----------
    input_ids : int64[rows, length]
    criteria : StoppingCriteriaList
    streamer : BaseStreamer or None
    config : GenerationConfig
    """

    def __init__(self, input_ids: Tensor, criteria: Any, streamer: Any, config: Any) -> None:
        self.ids = list(input_ids.split(1))
        self.open = [True] * len(input_ids)
        self.criteria = criteria
        self.streamer = streamer
        # Of each row and new token the scores, None for a forced one.
        self.scores: list[list[Tensor | None]] | None = None
        if config.return_dict_in_generate and config.output_scores:
            self.scores = [[] for _ in self.ids]

    def append(self, i: int, token: int, scores: Tensor | None = None) -> None:
        import torch

        new = self.ids[i].new_tensor([[token]])
        self.ids[i] = torch.cat([self.ids[i], new], dim=1)
        if self.scores is not None:
            self.scores[i].append(scores)
        if self.streamer is not None:
            self.streamer.put(new[0].cpu())
        self.open[i] = not bool(self.criteria(self.ids[i], None).any())

    def processed(self, ready: list[int], processors: Any, scores: Tensor) -> Tensor:
        """The scores after some processors, which see each row that is ready for itself."""
        if processors:
            for i in ready:
                scores[i : i + 1] = processors(self.ids[i], scores[i : i + 1])
        return scores

    def padded(self, pad: int) -> Tensor:
        """All rows as int64[rows, longest], with pads behind the shorter ones."""
        import torch

        longest = max(row.shape[1] for row in self.ids)
        return torch.cat([torch.nn.functional.pad(row, (0, longest - row.shape[1]), value=pad) for row in self.ids])

    def padded_scores(self, pad: int, width: int) -> tuple[Tensor, ...] | None:
        """The scores of all rows, float32[rows, logits] for each new column, where they are wanted.

        Parameters
        ----------
        pad : int
        width : int
            The number of logits where no token was chosen.
        """
        import torch

        if self.scores is None:
            return None
        known = next((scores for row in self.scores for scores in row if scores is not None), torch.empty(width))
        dense = known.new_full((max(map(len, self.scores)), len(self.ids), len(known)), -math.inf)
        for i, (ids, row) in enumerate(zip(self.ids, self.scores, strict=True)):
            dense[len(row) :, i, pad] = 0
            for column, (token, scores) in enumerate(zip(ids[0, -len(row) :].tolist(), row, strict=True)):
                if scores is None:
                    dense[column, i, token] = 0
                else:
                    dense[column, i] = scores
        return tuple(dense)


class _Reader:
    """Forward passes over rows that go on by different numbers of tokens.

    A pass reads a rectangle, so rows with fewer tokens are padded in front of them.  This padding stays in the cache,
    where the attention mask hides it, and the positions do not count it.

    Parameters
    ----------
    model : PreTrainedModel
    input_ids : int64[rows, length]
    config : GenerationConfig
    kwargs : dict
        What ``generate`` prepared for the model, the cache among it.
    pad : int
    """

    def __init__(self, model: Any, input_ids: Tensor, config: Any, kwargs: dict[str, Any], pad: int) -> None:
        self.model = model
        self.columns = input_ids  # all that the model has read, with the padding in between
        self.config = config
        self.kwargs = kwargs
        self.pad = pad
        self.is_padded = False
        self.outputs: Any = None
        self.n_passes = 0

    def read(self, tokens: list[list[int]]) -> tuple[Tensor, list[list[int]]]:
        """Read the next tokens of each row.

        The first time the prompts are read, and the tokens with them where each row has some: the scores are those
        behind the last column, so a row must not end with padding as long as they are needed.

        Returns
        -------
        float32[rows, logits]
            Behind the last token of each row.
        list of list of int
            The tokens that are still to be read.
        """
        import torch

        if self.outputs is None:
            starts_here = "inputs_embeds" not in self.kwargs and not _length(self.kwargs.get("past_key_values"))
            left = tokens
            if all(tokens) and starts_here:
                left = self._append(tokens)
            self.outputs = self.model._prefill(self.columns, self.config, self.kwargs)
        else:
            left = self._append(tokens)
            width = max(map(len, tokens)) if self.kwargs["use_cache"] else None
            inputs = self.model.prepare_inputs_for_generation(self.columns, next_sequence_length=width, **self.kwargs)
            self.outputs = self.model(**inputs, return_dict=True)
        self.n_passes += 1
        return self.outputs.logits[:, -1].to(copy=True, dtype=torch.float32, device=self.columns.device), left

    def _append(self, tokens: list[list[int]]) -> list[list[int]]:
        """Append the columns of the next pass; what is left of the tokens, which is nothing."""
        import torch

        width = max(map(len, tokens))
        padding = [width - len(row) for row in tokens]
        chunk = [[self.pad] * n + row for n, row in zip(padding, tokens, strict=True)]
        self.columns = torch.cat([self.columns, self.columns.new_tensor(chunk)], dim=1)
        self.kwargs = self.model._update_model_kwargs_for_generation(
            self.outputs or {}, self.kwargs, self.model.config.is_encoder_decoder, num_new_tokens=width
        )
        if any(padding):
            self._hide(width, padding)
        return [[] for _ in tokens]

    def _hide(self, width: int, padding: list[int]) -> None:
        """Hide the padding at the front of the last columns."""
        import torch

        self.is_padded = True
        positions = self.kwargs["position_ids"]
        positions = positions.expand(*positions.shape[:-2], len(padding), -1).clone()
        n_hidden = positions.new_tensor(padding)[:, None]
        mask = self.kwargs.get("attention_mask")
        if mask is None:  # so far there was nothing to hide
            mask = positions.new_ones(len(padding), positions.shape[-1])
        mask[:, -width:] = torch.arange(width, device=mask.device) >= n_hidden.to(mask.device)
        positions[..., -width:] = (positions[..., -width:] - n_hidden).clamp(min=0)
        self.kwargs.update(attention_mask=mask, position_ids=positions)


def _length(cache: Any) -> int:
    """How many tokens a cache holds."""
    return 0 if cache is None else int(cache.get_seq_length())


def _around_the_grammar(processors: Any) -> tuple[Any, GrammarLogitsProcessor, Any]:
    """The processors before the grammar's, it, and those behind."""
    places = [i for i, each in enumerate(processors) if isinstance(each, GrammarLogitsProcessor)]
    if len(places) != 1:
        raise VocabularyError(
            f"FastForward needs one GrammarLogitsProcessor, and there are {len(places)}; "
            "pass generate(logits_processor=[GrammarLogitsProcessor(...)], custom_generate=FastForward(...))"
        )
    (at,) = places
    if processors[at]._tracer is not None:
        raise VocabularyError(
            "a trace has a line for each step, and FastForward takes no step for a forced token; leave one of them out"
        )
    return type(processors)(processors[:at]), processors[at], type(processors)(processors[at + 1 :])


def _check(
    model: Any, input_ids: Tensor, config: Any, kwargs: dict[str, Any], streamer: Any, synced_gpus: bool
) -> None:
    """Refuse what the loop cannot do."""
    mode = str(getattr(config.get_generation_mode(), "value", config.get_generation_mode()))
    if mode not in ("greedy_search", "sample"):
        raise VocabularyError(f"FastForward does greedy search and sampling, not {mode.replace('_', ' ')}")
    for name in ("output_logits", "output_attentions", "output_hidden_states"):
        if config.return_dict_in_generate and getattr(config, name):
            raise VocabularyError(f"FastForward cannot give {name}: forced tokens have none; leave it out")
    if synced_gpus:
        raise VocabularyError("FastForward cannot keep several processes in step; leave synced_gpus out")
    if model._is_stateful:
        raise VocabularyError(
            f"{type(model).__name__} keeps a state instead of its tokens and cannot read several at once; "
            "leave FastForward out"
        )
    if len(input_ids) > 1:
        _check_batch(model, kwargs, streamer)


def _check_processors(processors: Any, n_rows: int) -> None:
    """Refuse processors that count steps, or rows where they see one at a time."""
    from transformers.generation import logits_process

    steps = (
        logits_process.UnbatchedClassifierFreeGuidanceLogitsProcessor,
        logits_process.SynthIDTextWatermarkLogitsProcessor,
    )
    for each in processors:
        if isinstance(each, steps):
            raise VocabularyError(
                f"{type(each).__name__} must see each token in turn, and FastForward skips forced ones"
            )
        if n_rows > 1 and isinstance(each, logits_process.PrefixConstrainedLogitsProcessor):
            raise VocabularyError(
                "prefix_allowed_tokens_fn is told the number of its row, and FastForward shows a batch row by row; "
                "give it one row at a time"
            )


def _check_batch(model: Any, kwargs: dict[str, Any], streamer: Any) -> None:
    """Refuse a batch where padding between the tokens would show."""
    if streamer is not None:
        raise VocabularyError("rows of a batch go on by different numbers of tokens, so only one row can be streamed")
    takes = inspect.signature(model.forward).parameters
    cache = kwargs.get("past_key_values")
    if model.config.is_encoder_decoder or not {"attention_mask", "position_ids"} <= takes.keys():
        reason = "has an encoder or takes no position_ids"
    elif _slides(model.config.get_text_config()):
        reason = "has sliding windows, which would count padding between tokens"
    elif cache is not None and (cache.is_compileable or _length(cache)):
        reason = "was given a cache that holds tokens or cannot grow"
    else:
        return
    raise VocabularyError(f"{type(model).__name__} {reason}: give FastForward one row at a time")


def _slides(config: Any) -> bool:
    """Whether there are layers that see but a window of the tokens."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return any(kind != "full_attention" for kind in kinds)
    return bool(getattr(config, "sliding_window", None) or getattr(config, "attention_chunk_size", None))


def _chosen(scores: Tensor, do_sample: bool) -> list[int]:
    """A token for each row: the likeliest, or one drawn."""
    import torch

    if not do_sample:
        return scores.argmax(dim=-1).tolist()
    return torch.multinomial(scores.softmax(dim=-1), num_samples=1)[:, 0].tolist()


def _output(model: Any, sequences: Tensor, scores: Any, reader: _Reader) -> Any:
    """What ``generate`` returns as a dict; no cache where padding lies between its tokens."""
    from transformers.generation import GenerateDecoderOnlyOutput, GenerateEncoderDecoderOutput

    cache = None if reader.is_padded else reader.kwargs.get("past_key_values")
    made = GenerateEncoderDecoderOutput if model.config.is_encoder_decoder else GenerateDecoderOnlyOutput
    return made(sequences=sequences, scores=scores, past_key_values=cache)
