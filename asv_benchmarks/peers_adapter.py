"""The engine in the side-by-side benchmark of grammar engines.

``python peers_bench.py cfg --engine peers_adapter:Stolcke`` with this folder on
``PYTHONPATH``, or ``peers_large.py`` in its place, or ``run`` for JSON Schema.
``Stolcke`` starts from a vocabulary never seen before, ``StolckeStored`` from
one that was saved with its partitions by another process: after the
benchmark's texts under its grammars, or for ``run`` after documents of schemas
that the benchmark's sample does not have.  ``StolckeLoaded`` also loads each
compiled grammar from a file instead of compiling its text.

Properties come as the library's default has it; ``STOLCKE_SCHEMA_OPTIONS``
holds other options of ``Grammar.from_json_schema`` as a JSON object.
"""

from __future__ import annotations

import json
import lzma
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import peers_bench

import stolcke

STORE = Path(os.environ.get("STOLCKE_STORE") or Path(tempfile.gettempdir()) / "stolcke-store")
SCHEMA_OPTIONS = json.loads(os.environ.get("STOLCKE_SCHEMA_OPTIONS") or "{}")
SCHEMAS = "schemas"
"""What stands for JSON Schema where grammars are named."""
TRAINING = 400
"""Schemas that a stored vocabulary has met."""


def vocabulary_of(vocab: peers_bench.Vocab) -> stolcke.Vocabulary:
    """The benchmark's vocabulary as ours."""
    return stolcke.Vocabulary(vocab.tokens, sorted(vocab.eos), sorted(vocab.special))


class Stolcke(peers_bench.Adapter):
    """Everything in memory, the vocabulary's partitions included, starts empty."""

    def setup(self):
        self.ours = vocabulary_of(self.vocab)
        self.warm_up()

    def warm_up(self):
        """What every engine may do before the clock starts: import, and build what no grammar is needed for."""
        stolcke.Grammar.from_lark('start: "a"')
        stolcke.Grammar.from_json_schema(True)
        self.ours.core  # noqa: B018 - the token trie

    def version(self):
        return stolcke.__version__

    def compile(self, kind, src):
        match kind:
            case "lark":
                grammar = stolcke.Grammar.from_lark(src)
            case "json_schema":
                grammar = stolcke.Grammar.from_json_schema(src, **SCHEMA_OPTIONS)
            case _:
                raise ValueError(f"{kind} is not supported")
        return stolcke.compile(grammar, self.ours)

    def forget(self):
        """Drop grammars that were read or compiled before; automata of terminals and partitions are nobody's alone."""
        stolcke.clear_cache()

    def matcher(self, compiled, warm):
        m = compiled.matcher()
        return partial(m.fill_mask, self.row), m.accept, m.allows


class StolckeStored(Stolcke):
    """The vocabulary is loaded from a file that holds the partitions of earlier runs."""

    def setup(self):
        import cfg_pairs

        name = self.vocab.name
        # Which of the two benchmarks this is, its worker says on the command line alone.
        parts = [SCHEMAS] if "run" in sys.argv else list(cfg_pairs.G)
        stored = vocabulary_file(name, parts)
        needed = [stored] if parts == [SCHEMAS] else [stored, *(STORE / f"{name}.{part}" for part in parts)]
        if not all(path.exists() for path in needed):
            subprocess.run([sys.executable, __file__, name, *parts], check=True, stdout=sys.stderr)
        self.ours = stolcke.Vocabulary.load(stored)
        self.warm_up()


class StolckeLoaded(StolckeStored):
    """As StolckeStored, and grammars are loaded from compiled files."""

    def compile(self, kind, src):
        import cfg_pairs

        name = next(name for name in cfg_pairs.G if cfg_pairs.G[name][0] == src)
        return stolcke.CompiledGrammar.load(STORE / f"{self.vocab.name}.{name}", self.ours)


def vocabulary_file(name: str, parts: list[str]) -> Path:
    """Where a vocabulary is saved that has met some grammars, or schemas."""
    return STORE / (f"{name}.{SCHEMAS}.vocabulary" if parts == [SCHEMAS] else f"{name}.vocabulary")


def prepare(name: str, parts: list[str]) -> None:
    """Run the texts of some of the benchmark's grammars, or of other schemas; save the vocabulary and the grammars."""
    vocab = peers_bench.Vocab(name)
    ours = vocabulary_of(vocab)
    STORE.mkdir(parents=True, exist_ok=True)
    if parts == [SCHEMAS]:
        train(vocab, ours)
    else:
        run_grammars(vocab, ours, parts)
    ours.save(vocabulary_file(name, parts))


def run_grammars(vocab: peers_bench.Vocab, ours: stolcke.Vocabulary, grammars: list[str]) -> None:
    """Run the texts of grammars once and save the compiled grammars."""
    import cfg_pairs
    import peers_large

    peers_large.register()
    texts = json.loads((Path(peers_bench.WORK) / f"cfg_tokens_{vocab.name}.json").read_text())
    for grammar in grammars:
        compiled = stolcke.compile(stolcke.Grammar.from_lark(cfg_pairs.G[grammar][0]), ours)
        for text in texts[grammar]:
            run_text(compiled, text["ids"])
        compiled.save(STORE / f"{vocab.name}.{grammar}")


def train(vocab: peers_bench.Vocab, ours: stolcke.Vocabulary) -> None:
    """Run the documents of development schemas that are not in the sample: every so many of them by name."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{vocab.hf_dir}/tokenizer.json")
    sample = set(Path(peers_bench.DATA, "maskbench-dev-sample.txt").read_text().split())
    with lzma.open(Path(peers_bench.DATA, "maskbench-dev.jsonl.xz"), "rt", encoding="utf-8") as lines:
        others = [record for record in map(json.loads, lines) if record["name"] not in sample]
    others.sort(key=lambda record: record["name"])
    for record in others[:: len(others) // TRAINING]:
        try:
            compiled = stolcke.compile(stolcke.Grammar.from_json_schema(record["schema"], **SCHEMA_OPTIONS), ours)
        except stolcke.StolckeError:
            continue  # refused, which here is no matter
        for test in record["tests"]:
            try:
                encoded = tokenizer.encode(json.dumps(test["data"], ensure_ascii=False), add_special_tokens=False)
            except UnicodeEncodeError:
                continue  # a lone surrogate
            run_text(compiled, encoded.ids)


def run_text(compiled: stolcke.CompiledGrammar, ids: list[int]) -> None:
    """Fill the mask before each token and after the last, until one is refused."""
    import numpy as np

    row = np.zeros((len(compiled.vocabulary) + 31) // 32, np.int32)
    matcher = compiled.matcher()
    matcher.fill_mask(row)
    for token in ids:
        if not matcher.accept(token):
            break
        matcher.fill_mask(row)


if __name__ == "__main__":
    prepare(sys.argv[1], sys.argv[2:])
