"""A thousand matchers under random calls for a time: memory stays flat, and every state is that of its text.

In between, threads fill the masks of batches and drafts of them, while others of them are moved.

``python -m tests.soak.soak --seconds 600`` prints a line now and then and fails where a matcher drifts from a replay
of its text or where the process goes on growing in the second half.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import stolcke
from tests.engine.laws import vocabulary_of
from tests.engine.samples import SAMPLES, synthetic_tokens

warnings.simplefilter("ignore", stolcke.InconsistentGrammarWarning)

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "size": {"type": "integer", "multipleOf": 3}},
    "additionalProperties": {"type": "array", "items": {"enum": [1, "two", None]}, "maxItems": 5},
}
GROWTH = 0.05  # of the resident memory, from the middle of the run to its end


def resident() -> int:
    """Bytes of memory that the process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def unpacked(row: np.ndarray, n: int) -> bytes:
    """A mask row as the bytes of ``matcher.mask()``."""
    return np.unpackbits(row.view(np.uint8), bitorder="little")[:n].tobytes()


class Soak:
    """Matchers of several grammars, the text of each, and what is done with them.

    Parameters
    ----------
    n : int
        How many matchers.
    seed : int
    """

    def __init__(self, n: int, seed: int) -> None:
        self.draw = random.Random(seed)
        self.tokens = synthetic_tokens()
        self.grammars = [stolcke.Grammar.from_lark(text) for text, _ in SAMPLES.values()]
        self.grammars.append(stolcke.Grammar.from_json_schema(SCHEMA))
        # Caches have a limit that the run meets: beyond it they must be refused, and begun anew.
        self.limits = stolcke.Limits(cache_bytes=40_000_000)
        self.vocabulary = vocabulary_of(self.tokens)
        self.compiled = [self.compile(number) for number in range(len(self.grammars))]
        self.row = np.zeros(len(self.vocabulary) // 32 + 1, np.int32)
        self.matchers = [self.compiled[k % len(self.compiled)].matcher() for k in range(n)]
        self.texts: list[list[int | bytes]] = [[] for _ in range(n)]
        self.filler = stolcke.MaskFiller(3)
        self.rows = np.zeros((200, len(self.row)), np.int32)
        self.counts = dict.fromkeys(("calls", "replays", "renewed", "compiled", "batches", "drafts"), 0)

    def compile(self, number: int) -> stolcke.CompiledGrammar:
        return stolcke.compile(self.grammars[number], self.vocabulary, limits=self.limits, prewarm=0)

    def renew(self, k: int) -> None:
        """Another matcher in the place of one, of whatever grammar now stands there."""
        self.matchers[k] = self.compiled[k % len(self.compiled)].matcher()
        self.texts[k] = []
        self.counts["renewed"] += 1

    def call(self) -> None:
        """One random call of one random matcher."""
        draw, k = self.draw, self.draw.randrange(len(self.matchers))
        matcher, text = self.matchers[k], self.texts[k]
        kind = draw.random()
        self.counts["calls"] += 1
        try:
            if kind < 0.70:
                matcher.fill_mask(self.row)
                allowed = matcher.allowed_token_ids()
                if not allowed.size or len(text) > 200:
                    self.renew(k)
                    return
                token = int(allowed[draw.randrange(allowed.size)])
                assert matcher.accept(token)
                text.append(token)
            elif kind < 0.80:
                back = draw.randint(0, len(text))
                matcher.rollback(back)
                del text[len(text) - back :]
            elif kind < 0.88:
                other = draw.randrange(len(self.matchers))
                self.matchers[other], self.texts[other] = matcher.fork(), list(text)
            elif kind < 0.92:
                forced = matcher.forced_bytes(20)
                if forced and matcher.accept_bytes(forced):
                    text.append(forced)
            elif kind < 0.922:
                self.batch()
            elif kind < 0.924:
                self.drafts()
            elif kind < 0.95:
                matcher.logprobs(range(0, len(self.vocabulary), 50))
            elif kind < 0.9995:
                self.replay(k)
            else:
                # Compiled anew, with empty caches; matchers of the old one live on.
                number = draw.randrange(len(self.grammars))
                stolcke.clear_cache()
                self.compiled[number] = self.compile(number)
                self.counts["compiled"] += 1
        except stolcke.LimitExceeded:
            self.renew(k)

    def batch(self) -> None:
        """Masks of many at once; while they are made, these matchers are moved."""
        numbers = self.draw.sample(range(len(self.matchers)), self.draw.randint(1, len(self.rows)))
        rows = self.rows[: len(numbers)]
        before = [self.matchers[k].fork() for k in numbers[:5]]
        pending = self.filler.start([self.matchers[k] for k in numbers], rows)
        for k in numbers[::7]:
            back = self.draw.randint(0, len(self.texts[k]))
            self.matchers[k].rollback(back)
            del self.texts[k][len(self.texts[k]) - back :]
        if not self.waited(pending, numbers):
            for matcher, row in zip(before, rows, strict=False):
                assert matcher.mask().tobytes() == unpacked(row, len(self.vocabulary))
        self.counts["batches"] += 1

    def drafts(self) -> None:
        """Masks along drafts of random tokens, some of them allowed; the matchers stay where they are."""
        numbers = self.draw.sample(range(len(self.matchers)), 12)
        matchers = [self.matchers[k] for k in numbers]
        drafts = []
        for matcher in matchers:
            ahead, draft = matcher.fork(), []
            for _ in range(self.draw.randint(0, 6)):
                allowed = ahead.allowed_token_ids()
                good = allowed.size and self.draw.random() < 0.8
                draft.append(int(self.draw.choice(allowed)) if good else self.draw.randrange(len(self.vocabulary)))
                ahead.accept(draft[-1])
            drafts.append(draft)
        rows = self.rows[: 12 + sum(map(len, drafts))]
        states = [matcher.state for matcher in matchers]
        pending = self.filler.start_drafts(matchers, drafts, rows)
        firsts = np.cumsum([0, *(len(draft) + 1 for draft in drafts)])
        if not self.waited(
            pending, [k for k, draft in zip(numbers, drafts, strict=True) for _ in range(len(draft) + 1)]
        ):
            for matcher, draft, accepted, first in zip(matchers, drafts, pending.accepted, firsts, strict=False):
                ahead = matcher.fork()
                n = ahead.accept_tokens(draft)
                assert n == accepted[:n].sum()
                assert ahead.mask().tobytes() == unpacked(rows[first + n], len(self.vocabulary))
        assert states == [matcher.state for matcher in matchers]
        self.counts["drafts"] += 1

    def waited(self, pending: stolcke.batches.PendingMasks, numbers: list[int]) -> bool:
        """Wait; whether limits were met, whose matchers are then renewed."""
        found: dict[int, Exception] = {}
        try:
            pending.wait()
        except stolcke.BatchError as error:
            found = error.errors
        assert all(isinstance(one, stolcke.LimitExceeded) for one in found.values())
        for row in found:
            self.renew(numbers[row])
        return bool(found)

    def replay(self, k: int) -> None:
        """The state of a matcher is that of a new one that is given the same text."""
        matcher, text = self.matchers[k], self.texts[k]
        twin = matcher.fork()
        twin.reset()
        for one in text:
            assert twin.accept(one) if isinstance(one, int) else twin.accept_bytes(one)
        assert twin.state == matcher.state
        assert twin.mask().tobytes() == matcher.mask().tobytes()
        assert matcher.n_accepted == len(text)
        self.counts["replays"] += 1


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=600)
    arguments.add_argument("--matchers", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    soak = Soak(given.matchers, given.seed)
    begin, memory = time.monotonic(), []
    while (elapsed := time.monotonic() - begin) < given.seconds:
        if elapsed >= len(memory) * given.seconds / 20:
            gc.collect()
            memory.append(resident())
            counts = ", ".join(f"{count} {name}" for name, count in soak.counts.items())
            print(f"{elapsed:6.0f} s  {memory[-1] / 1e6:7.1f} MB  {counts}", flush=True)
        for _ in range(200):
            soak.call()
    middle, end = max(memory[len(memory) // 2 - 2 : len(memory) // 2 + 1]), min(memory[-3:])
    print(f"resident memory: {middle / 1e6:.1f} MB in the middle, {end / 1e6:.1f} MB at the end")
    return int(end > middle * (1 + GROWTH))


if __name__ == "__main__":
    sys.exit(main())
