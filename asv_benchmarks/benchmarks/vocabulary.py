"""Vocabularies: from a list of tokens, the engine's trie, files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from stolcke import Vocabulary
from stolcke._core.partition import PartitionStore

from . import material


class Build:
    """A vocabulary from its tokens, and the token trie from the vocabulary."""

    params = material.VOCABULARIES
    param_names = ("vocabulary",)

    def setup(self, name: str) -> None:
        """Have the tokens ready."""
        self.vocabulary = material.vocabulary(name)
        self.tokens = list(self.vocabulary.tokens)
        self.skip = self.vocabulary.skip

    def time_from_tokens(self, name: str) -> None:
        Vocabulary(self.tokens, self.vocabulary.eos_token_ids, self.vocabulary.special_token_ids)

    def time_trie(self, name: str) -> None:
        PartitionStore(self.vocabulary.data, self.vocabulary.offsets, self.skip)


class Files:
    """A vocabulary saved with what the runs of one grammar have computed for it."""

    params = material.VOCABULARIES
    param_names = ("vocabulary",)

    def setup(self, name: str) -> None:
        """Run a grammar and save."""
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "saved")
        compiled = material.compiled("json", name)
        material.run(compiled, material.token_texts("json", name))
        self.vocabulary = compiled.vocabulary
        self.vocabulary.save(self.path)

    def teardown(self, name: str) -> None:
        """Remove the file."""
        self.folder.cleanup()

    def time_save(self, name: str) -> None:
        self.vocabulary.save(self.path)

    def time_load(self, name: str) -> None:
        Vocabulary.load(self.path)

    def time_load_with_the_engine_part(self, name: str) -> None:
        Vocabulary.load(self.path).core  # noqa: B018
