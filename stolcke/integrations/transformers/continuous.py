"""Grammars for the requests of continuous batching, each with its own.

transformers gives logits processors of a user's own no way into ``generate_batch``, and an ordinary one in its list
would see the last token of each row and not whose row it is (``continuous_batching/model_runner.py``).  Those that are
made for continuous batching are told, though, on the host and before each step, which requests the next rows belong to.
:class:`GrammarRequests` is one, and puts itself into the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from stolcke import CompiledGrammar, Matcher, StolckeError, VocabularyError
from stolcke.integrations.transformers.processor import Constraint, GrammarLogitsProcessor
from stolcke.integrations.transformers.rows import Row, row_after

__all__ = ["GrammarRequests"]

Tensor: TypeAlias = Any  # of torch, which is met only where a host brings it


class GrammarRequests:
    """Grammars for a ``ContinuousBatchingManager`` of transformers.

    ::

        requests = GrammarRequests({"date": date, "answer": answer})
        config = ContinuousBatchingConfig(use_async_batching=False, use_cuda_graph=False)
        manager = model.init_continuous_batching(continuous_batching_config=config)
        requests.attach(manager)
        manager.start()
        manager.add_request(ids, grammar="date", max_new_tokens=20)

    The masks of a step are made when its requests are known, on the host.  So each token must be known before the next
    step is prepared, and the step must not be a recorded graph: no asynchronous batching, CUDA graphs or compilation.

    Parameters
    ----------
    grammars : CompiledGrammar, Matcher, or mapping of str to these
        One for all requests, or those that requests name by ``grammar=``.
    default : str, optional
        The name of the grammar of requests that name none; without it, they are not constrained.
    beta : float
    end_token : int, optional
    threads : int
        As for :class:`GrammarLogitsProcessor`.

    Attributes
    ----------
    errors : dict of str to StolckeError
        By request: those that have left their grammar, came to a dead end, or named an unknown grammar.  They were
        ended, and others were not.  Entries stay until they are taken out.

    Raises
    ------
    VocabularyError, WeightsError
        As for :class:`GrammarLogitsProcessor`.
    """

    supported_kwargs: ClassVar[dict[str, type]] = {"grammar": str}
    ignored_kwargs: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        grammars: Constraint | Mapping[str, Constraint],
        *,
        default: str | None = None,
        beta: float = 0.0,
        end_token: int | None = None,
        threads: int = 1,
    ) -> None:
        if isinstance(grammars, CompiledGrammar | Matcher):
            grammars, default = {"": grammars}, ""
        if default is not None and default not in grammars:
            raise VocabularyError(f"the default {default!r} is none of the grammars {sorted(grammars)}")
        self.default = default
        self._processor = GrammarLogitsProcessor(
            list(grammars.values()), beta=beta, end_token=end_token, inplace=True, threads=threads
        )
        self._starts = dict(zip(grammars, self._processor.starts, strict=True))
        self.errors: dict[str, StolckeError] = {}
        # Of the requests of the last step, what they had generated and where they stand.
        self._known: dict[str, tuple[list[int], Row]] = {}
        self._ids: list[str] = []  # of the next step's constrained rows
        self._places: list[int] = []

    def attach(self, manager: Any) -> None:
        """Put these grammars before a manager's own logits processors.

        Parameters
        ----------
        manager : ContinuousBatchingManager
            Made by ``model.init_continuous_batching``, and not yet started.

        Raises
        ------
        VocabularyError
            If the manager has started already, or prepares steps before the tokens of the last one are known.
        """
        try:
            from transformers.generation.continuous_batching import cb_logits_processors
        except ImportError as error:
            raise VocabularyError(
                "this transformers has no logits processors for the requests of continuous batching; "
                "install a newer one, such as 5.23"
            ) from error

        config = manager.continuous_batching_config
        if manager.batch_processor is not None:
            raise VocabularyError("the manager has started; attach grammars between init_continuous_batching and start")
        compiles = config.varlen_compile_config is not None or config.decode_compile_config is not None
        if config.use_async_batching or any(config.cuda_graph_booleans) or compiles:
            raise VocabularyError(
                "a grammar needs each token before the next step: make the manager with "
                "ContinuousBatchingConfig(use_async_batching=False, use_cuda_graph=False) and without compilation"
            )
        cb_logits_processors.ContinuousBatchingLogitsProcessor.register(GrammarRequests)
        processors = manager.logit_processor
        processors.logits_processor.insert(0, self)
        processors.tensors_required += 1
        processors.supported_keys.update(self.supported_kwargs)
        processors.do_processing = True

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        """Nothing goes to the device with the requests; the tensor that is set aside for it is zero."""
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: Sequence[Any]) -> Tensor:
        """Follow the requests to where the next step finds them.

        Returns
        -------
        int32[requests]
            Zeros, as the masks take another way.
        """
        import torch

        known, self._known = self._known, {}
        self._ids, self._places, rows = [], [], []
        for place, request in enumerate(requests_with_new_token):
            state = request.state
            name = state.logit_processor_kwargs.get("grammar", self.default)
            if name is None:
                continue
            row = self._row(name, state, known)
            self._ids.append(state.request_id)
            self._places.append(place)
            rows.append(row)
        self._processor.place(rows)
        return torch.zeros(len(requests_with_new_token), dtype=torch.int32)

    def _row(self, name: str, state: Any, known: dict[str, tuple[list[int], Row]]) -> Row:
        """Where a request stands."""
        if name not in self._starts:
            if state.request_id not in self.errors:
                self.errors[state.request_id] = VocabularyError(
                    f"a request names the grammar {name!r}, which is none of {sorted(self._starts)}"
                )
            return Row(next(iter(self._starts.values())), self._processor.end_token)
        tokens = state.to_generation_output().generated_tokens
        before, row = known.get(state.request_id, ([], None))
        if row is None or tokens[: len(before)] != before:
            before, row = [], Row(self._starts[name].fork())
        if row.refused is None:
            row = row_after(row.matcher, np.asarray(tokens[len(before) :], np.int64))
        self._known[state.request_id] = tokens, row
        return row

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """The scores with what the grammars say of the next tokens.

        Parameters
        ----------
        scores : float[rows, width]
            The first rows are those of the requests of :meth:`prepare_tensor_args`.
        tensor_arg : int32[rows]
            Not used.

        Returns
        -------
        float[rows, width]
        """
        if self._places:
            scores[self._places] = self._processor.constrain(scores[self._places])
            for row, error in self._processor.errors.items():
                self.errors[self._ids[row]] = error
        return scores
