"""What filling the masks of a batch costs, step after step, beside llguidance's executor and xgrammar's batch matcher.

    python asv_benchmarks/peers_batch.py --sequences 256 --steps 100 --threads 2

Each sequence has a JSON Schema of its own, and follows a document that it allows, token by token; a document that has
ended begins anew.  The engines take turns at every step, in one process, and are given the same rows to fill.  Only
schemas and documents that all of them take are used.  ``STOLCKE_SHARED`` names the folder that has the schemas
(``data/maskbench-dev.jsonl.xz``) and the vocabulary with its tokenizer (``data/vocab``).

The first pass meets every mask for the first time; what an engine did when it compiled the schemas, it need not do
then, so the time of that is printed, too.  Later passes go the same way with new matchers.  On a busy machine the
processor's time, of all threads, says more than the clock's.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import material

import stolcke

DATA = Path(os.environ.get("STOLCKE_SHARED", "")) / "data"


class Engine:
    """What the loop below wants of an engine."""

    def __init__(self, tokens: list[bytes], ends: list[int], special: list[int], threads: int) -> None:
        raise NotImplementedError

    def compile(self, schema: Any) -> Callable[[], Any]:
        """What makes a new matcher."""
        raise NotImplementedError

    def accept(self, matcher: Any, token: int) -> bool:
        raise NotImplementedError

    def fill(self, matchers: list[Any], rows: np.ndarray) -> None:
        raise NotImplementedError


class Stolcke(Engine):
    def __init__(self, tokens, ends, special, threads):
        self.vocabulary = stolcke.Vocabulary(tokens, ends, special)
        stolcke.prewarm(self.vocabulary)
        self.filler = stolcke.MaskFiller(threads)

    def compile(self, schema):
        return stolcke.compile(stolcke.Grammar.from_json_schema(schema), self.vocabulary).matcher

    def accept(self, matcher, token):
        return matcher.accept(token)

    def fill(self, matchers, rows):
        self.filler.fill(matchers, rows)


class LLGuidance(Engine):
    def __init__(self, tokens, ends, special, threads):
        import llguidance
        import llguidance.hf
        import transformers

        folder = DATA / "vocab" / "hf" / material.REAL
        fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
        self.tokenizer = llguidance.hf.from_tokenizer(fast, n_vocab=len(tokens), eos_token=ends[0])
        self.executor = llguidance.LLExecutor(num_threads=threads)

    def compile(self, schema):
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_json_schema(schema)
        made = LLMatcher(self.tokenizer, grammar)
        if made.is_error():
            raise ValueError(made.get_error())
        return made.deep_copy

    def accept(self, matcher, token):
        return matcher.consume_token(token)

    def fill(self, matchers, rows):
        from llguidance.numpy import fill_next_token_bitmask_par

        fill_next_token_bitmask_par(self.executor, list(zip(matchers, range(len(matchers)), strict=True)), rows)


class XGrammar(Engine):
    def __init__(self, tokens, ends, special, threads):
        import torch
        import xgrammar

        self.torch, self.xgrammar = torch, xgrammar
        info = xgrammar.TokenizerInfo(tokens, xgrammar.VocabType.RAW, stop_token_ids=ends)
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=threads, cache_enabled=False)
        self.batch = xgrammar.BatchGrammarMatcher(max_threads=threads)

    def compile(self, schema):
        made = self.compiler.compile_json_schema(json.dumps(schema), strict_mode=False)
        return lambda: self.xgrammar.GrammarMatcher(made)

    def accept(self, matcher, token):
        return matcher.accept_token(token)

    def fill(self, matchers, rows):
        self.batch.batch_fill_next_token_bitmask(matchers, self.torch.from_numpy(rows))


ENGINES: dict[str, type[Engine]] = {"stolcke": Stolcke, "llguidance": LLGuidance, "xgrammar": XGrammar}


def candidates() -> Iterator[tuple[Any, list[int]]]:
    """Schemas, and the tokens of a document of each."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(DATA / "vocab" / "hf" / material.REAL / "tokenizer.json"))
    with lzma.open(DATA / "maskbench-dev.jsonl.xz", "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            for test in record["tests"]:
                if test["valid"]:
                    text = json.dumps(test["data"], ensure_ascii=False)
                    yield record["schema"], tokenizer.encode(text, add_special_tokens=False).ids
                    break


def takes(engine: Engine, make: Callable[[], Any], document: list[int]) -> bool:
    matcher = make()
    return all(engine.accept(matcher, token) for token in document)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=256)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--longest", type=int, default=2000, help="of a document, in tokens")
    given = parser.parse_args()

    tokens, ends, special = material.real()
    engines = {name: ENGINES[name](tokens, ends, special, given.threads) for name in given.engines.split(",")}
    makers: dict[str, list[Callable[[], Any]]] = {name: [] for name in engines}
    compiling = dict.fromkeys(engines, 0.0)
    documents: list[list[int]] = []
    for schema, document in candidates():
        if len(document) > given.longest or len(documents) == given.sequences:
            continue
        made = {}
        for name, engine in engines.items():
            begin = time.perf_counter()
            try:
                made[name] = engine.compile(schema)
            except Exception:
                break
            finally:
                compiling[name] += time.perf_counter() - begin
            # Ours would remember what they are asked; they take what the others take.
            if not isinstance(engine, Stolcke) and not takes(engine, made[name], document):
                break
        else:
            documents.append(document)
            for name, make in made.items():
                makers[name].append(make)
    print(f"{len(documents)} sequences, {given.threads} threads, {sum(map(len, documents))} tokens of documents")
    for name, seconds in compiling.items():
        print(f"{name:12} compiled in {seconds:.1f} s, schemas left out included")

    rows = np.zeros((len(documents), (len(tokens) + 31) // 32), np.int32)
    for number in range(given.passes):
        times: dict[str, list[float]] = {name: [] for name in engines}
        used: dict[str, list[float]] = {name: [] for name in engines}
        matchers = {name: [make() for make in makers[name]] for name in engines}
        for step in range(given.steps):
            for name, engine in engines.items():
                begin, processor = time.perf_counter(), time.process_time()
                engine.fill(matchers[name], rows)
                used[name].append((time.process_time() - processor) * 1e3)
                times[name].append((time.perf_counter() - begin) * 1e3)
                for k, document in enumerate(documents):
                    if not engine.accept(matchers[name][k], document[step % len(document)]):
                        raise AssertionError(f"{name} refuses a token of a document")
                    if (step + 1) % len(document) == 0:
                        matchers[name][k] = makers[name][k]()
        print(f"pass {number + 1}: milliseconds a step, processor's mean; of the clock mean / median / largest")
        for name, found in times.items():
            line = (
                f"{name:12} {np.mean(used[name]):8.3f}; {np.mean(found):8.3f} {np.median(found):8.3f} {max(found):8.3f}"
            )
            if name != "stolcke":
                line += f"   x{np.mean(used[name]) / np.mean(used['stolcke']):.1f}"
                line += f"; x{np.mean(found) / np.mean(times['stolcke']):.1f}"
                line += f" x{np.median(found) / np.median(times['stolcke']):.1f}"
            print(line)


if __name__ == "__main__":
    main()
