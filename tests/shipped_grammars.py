"""The shipped grammars for tests: their texts, and themselves over single bytes."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np

import stolcke
from stolcke.weights import Distribution

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "grammars").glob("*.lark"))


class Plain(Distribution):
    """Short matches, mostly in ASCII: many different short texts find more than a few long ones."""

    def _rows(self, automaton, possible: np.ndarray) -> np.ndarray:
        steps = np.where(possible[:, :0x100], automaton.steps(), -1)
        # How many bytes are missing at least, in each state; the last entry is that of no state.
        missing = np.where(np.append(automaton.accepting, False), 0, np.inf)
        for _ in range(automaton.n_states):
            missing[:-1] = np.minimum(missing[:-1], missing[steps].min(axis=1) + 1)
        rows = possible.astype(np.float64)
        rows[:, :0x100] *= np.where(steps >= 0, 0.2 ** np.minimum(missing[steps], 100), 0)
        rows[:, :0x20] *= 0.1
        rows[:, 0x80:0x100] *= 0.01
        rows[:, 0x100] *= 0.25 * np.maximum(rows[:, :0x100].sum(axis=1), 1)
        return rows


@cache
def cases(name: str) -> dict:
    return tomllib.loads((ROOT / f"tests/cases/grammars/{name}.toml").read_text(encoding="utf-8"))


@cache
def compiled(name: str, start: str = "start") -> stolcke.CompiledGrammar:
    grammar = stolcke.Grammar.from_file(ROOT / f"grammars/{name}.lark", start=start)
    return stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), default_distribution=Plain())


def accepts(name: str, text: str | bytes, start: str = "start") -> bool:
    matcher = compiled(name, start).matcher()
    return matcher.accept_bytes(text.encode() if isinstance(text, str) else text) and matcher.is_accepting
