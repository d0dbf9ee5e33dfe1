"""What the demo asks the model for, and how it shows what came of it."""

from __future__ import annotations

import datetime
import json
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from generation import Generator, close

import stolcke
from stolcke.observing import Trace

GRAMMARS = Path(__file__).resolve().parents[1] / "grammars"


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


def show(generator: Generator, task: Task, temperature: float, seed: int, trace: Trace | None = None) -> None:
    """Generate one task freely and under its grammar, the latter step by step into the trace, and report both."""
    print(f"\n=== {task.title}\n{task.prompt}\n")
    begun = time.perf_counter()
    compiled = stolcke.compile(task.read(), generator.vocabulary)
    compile_ms = 1e3 * (time.perf_counter() - begun)

    free = generator.generate(task.prompt, temperature, seed)
    matcher = compiled.matcher()
    with warnings.catch_warnings(record=True) as caught:
        held = generator.generate(task.prompt, temperature, seed, matcher, trace=trace)
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
    for warning in caught:
        print(f"warning: {warning.message}")
    masks, logprobs = 1e6 * np.array(held.mask_seconds), 1e6 * np.array(held.logprobs_seconds)
    print(f"grammar compiled in {compile_ms:.1f} ms")
    print(f"tokens per second: {free.tokens_per_second:.1f} freely, {held.tokens_per_second:.1f} under the grammar")
    print(f"us per mask: {masks.mean():.1f} average, {np.median(masks):.1f} median, {masks.max():.0f} worst")
    print(f"us per fill_logprobs (all {len(generator.vocabulary)} tokens): {np.median(logprobs):.1f} median")
