"""The engine in the side-by-side benchmark of grammar engines.

``python peers_bench.py cfg --engine peers_adapter:Stolcke`` with this folder on
``PYTHONPATH``, or ``peers_large.py`` in its place.  ``Stolcke`` starts from a vocabulary never seen before,
``StolckeStored`` from one that was saved with its partitions, after another
process had run the benchmark's texts under its grammars; ``StolckeLoaded``
also loads each compiled grammar from a file instead of compiling its text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import peers_bench

import stolcke

STORE = Path(os.environ.get("STOLCKE_STORE") or Path(tempfile.gettempdir()) / "stolcke-store")


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
        self.ours.core  # noqa: B018 - the token trie

    def version(self):
        return stolcke.__version__

    def compile(self, kind, src):
        if kind != "lark":
            raise ValueError(f"{kind} is not supported yet")
        return stolcke.compile(stolcke.Grammar.from_lark(src), self.ours)

    def matcher(self, compiled, warm):
        m = compiled.matcher()
        return partial(m.fill_mask, self.row), m.accept, m.allows


class StolckeStored(Stolcke):
    """The vocabulary is loaded from a file that holds the partitions of earlier runs."""

    def setup(self):
        import cfg_pairs

        name = self.vocab.name
        if not all((STORE / f"{name}.{part}").exists() for part in ["vocabulary", *cfg_pairs.G]):
            subprocess.run([sys.executable, __file__, name, *cfg_pairs.G], check=True, stdout=sys.stderr)
        self.ours = stolcke.Vocabulary.load(STORE / f"{name}.vocabulary")
        self.warm_up()


class StolckeLoaded(StolckeStored):
    """As StolckeStored, and grammars are loaded from compiled files."""

    def compile(self, kind, src):
        import cfg_pairs

        name = next(name for name in cfg_pairs.G if cfg_pairs.G[name][0] == src)
        return stolcke.CompiledGrammar.load(STORE / f"{self.vocab.name}.{name}", self.ours)


def prepare(name: str, grammars: list[str]) -> None:
    """Run the texts of some of the benchmark's grammars once; save the vocabulary and the compiled grammars."""
    import cfg_pairs
    import numpy as np
    import peers_large

    peers_large.register()

    vocab = peers_bench.Vocab(name)
    ours = vocabulary_of(vocab)
    texts = json.loads((Path(peers_bench.WORK) / f"cfg_tokens_{name}.json").read_text())
    row = np.zeros((vocab.n + 31) // 32, np.int32)
    STORE.mkdir(parents=True, exist_ok=True)
    for grammar in grammars:
        compiled = stolcke.compile(stolcke.Grammar.from_lark(cfg_pairs.G[grammar][0]), ours)
        for text in texts[grammar]:
            matcher = compiled.matcher()
            matcher.fill_mask(row)
            for token in text["ids"]:
                if not matcher.accept(token):
                    break
                matcher.fill_mask(row)
        compiled.save(STORE / f"{name}.{grammar}")
    ours.save(STORE / f"{name}.vocabulary")


if __name__ == "__main__":
    prepare(sys.argv[1], sys.argv[2:])
