"""Masks of a batch of matchers, each at its own place in a text."""

from __future__ import annotations

import numpy as np

from stolcke import Grammar, MaskFiller, Vocabulary, compile, fill_masks

from . import json_schema, material

SIZE = 64
SEQUENCES = 256


class Fill:
    """One call for the whole batch."""

    params = ([1, 2], material.VOCABULARIES)
    param_names = ("threads", "vocabulary")

    def setup(self, threads: int, vocabulary: str) -> None:
        """Spread the matchers over the text, and fill their masks twice, so that finished rows are there."""
        ids = material.token_texts("json", vocabulary)[0]
        compiled = material.compiled("json", vocabulary)
        self.matchers = [compiled.matcher() for _ in range(SIZE)]
        for i, matcher in enumerate(self.matchers):
            matcher.accept_tokens(ids[: i * len(ids) // SIZE])
        self.rows = np.zeros((SIZE, len(material.row(compiled))), np.int32)
        for _ in range(2):
            fill_masks(self.matchers, self.rows)

    def time_fill_masks(self, threads: int, vocabulary: str) -> None:
        fill_masks(self.matchers, self.rows, threads=threads)

    def time_one_by_one(self, threads: int, vocabulary: str) -> None:
        for matcher, row in zip(self.matchers, self.rows, strict=True):
            matcher.fill_mask(row)


class Overhead:
    """A batch of short rows that are all known: what a row costs beside copying it."""

    def setup(self) -> None:
        """Have every mask finished."""
        compiled = compile(Grammar.from_json_schema(True), Vocabulary.from_bytes())
        self.matchers = [compiled.matcher() for _ in range(SEQUENCES)]
        for i, matcher in enumerate(self.matchers):
            matcher.accept_bytes(b'{"a": [1, 2, "abc'[: i % 17])
        self.rows = np.zeros((SEQUENCES, len(material.row(compiled))), np.int32)
        self.filler = MaskFiller(2)
        for _ in range(3):
            self.filler.fill(self.matchers, self.rows)

    def time_256_rows(self) -> None:
        self.filler.fill(self.matchers, self.rows)

    def time_256_rows_with_indices(self) -> None:
        self.filler.fill(self.matchers, self.rows, range(SEQUENCES))


class Schemas:
    """Steps of 256 sequences under JSON Schemas, each at its own place of a document."""

    params = ([1, 2], material.VOCABULARIES)
    param_names = ("threads", "vocabulary")
    number = 1
    warmup_time = 0.0
    rounds = 1
    repeat = (3, 10, 10.0)
    STEPS = 20

    def setup(self, threads: int, vocabulary: str) -> None:
        """Compile anew, so that masks are met for the first time."""
        used = json_schema.used_vocabulary(json_schema.NAMES[0], vocabulary)
        compiled = [json_schema.compiled(name, used) for name in json_schema.NAMES]
        documents = [json_schema.documents(name, vocabulary)[0] for name in json_schema.NAMES]
        self.filler = MaskFiller(threads)
        self.sequences = []
        for i in range(SEQUENCES):
            document = documents[i % len(documents)]
            begin = i * 7 % max(1, len(document) - self.STEPS)
            matcher = compiled[i % len(compiled)].matcher()
            matcher.accept_tokens(document[:begin])
            self.sequences.append((matcher, document[begin : begin + self.STEPS]))
        self.rows = np.zeros((SEQUENCES, len(material.row(compiled[0]))), np.int32)

    def time_steps(self, threads: int, vocabulary: str) -> None:
        for step in range(self.STEPS):
            self.filler.fill([matcher for matcher, _ in self.sequences], self.rows)
            for matcher, document in self.sequences:
                if step < len(document):
                    matcher.accept(document[step])


class Drafts:
    """Masks along a draft, in one call and one by one."""

    params = material.VOCABULARIES
    param_names = ("vocabulary",)

    def setup(self, vocabulary: str) -> None:
        """Stand in the middle of a text, with all masks met before."""
        ids = material.token_texts("json", vocabulary)[0]
        compiled = material.compiled("json", vocabulary)
        self.matcher = compiled.matcher()
        self.matcher.accept_tokens(ids[: len(ids) // 2])
        self.draft = ids[len(ids) // 2 :][:8]
        self.rows = np.zeros((len(self.draft) + 1, len(material.row(compiled))), np.int32)
        for _ in range(3):
            self.time_one_call(vocabulary)

    def time_one_call(self, vocabulary: str) -> None:
        self.matcher.fill_draft_masks(self.draft, self.rows)

    def time_one_by_one(self, vocabulary: str) -> None:
        self.matcher.fill_mask(self.rows[0])
        for token, row in zip(self.draft, self.rows[1:], strict=True):
            self.matcher.accept(token)
            self.matcher.fill_mask(row)
        self.matcher.rollback(len(self.draft))
