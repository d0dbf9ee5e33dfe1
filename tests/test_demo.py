"""What the demo does without a model: its grammars, and how it ends texts that were cut."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from pathlib import Path

import pytest

import stolcke


def load():
    path = Path(__file__).parents[1] / "examples/demo.py"
    spec = importlib.util.spec_from_file_location("demo", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo"] = module
    spec.loader.exec_module(module)
    return module


DEMO = load()


@pytest.mark.parametrize("task", DEMO.TASKS, ids=[task.title for task in DEMO.TASKS])
def test_any_beginning_is_brought_to_an_end(task) -> None:
    compiled = stolcke.compile(task.read(), stolcke.Vocabulary.from_bytes())
    chance = random.Random(1)
    for length in (0, 1, 2, 5, 15, 25, 40, 60, 90, 150):
        matcher = compiled.matcher()
        text = bytearray()
        while len(text) < length and not matcher.is_finished:
            allowed = [byte for byte in matcher.allowed_token_ids().tolist() if byte < 256]
            if not allowed:
                break
            # Printable ASCII where there is a choice, since random bytes beyond it are not what models write.
            text.append(chance.choice([byte for byte in allowed if 32 <= byte < 127] or allowed))
            matcher.accept(text[-1])
        text += DEMO.close(matcher, task.closing)
        assert matcher.is_accepting
        if task.grammar == "json.lark":
            json.loads(text)
        if task.grammar is DEMO.HERO:
            DEMO.check_hero(json.loads(text))


def test_the_check_by_hand_can_fail() -> None:
    hero = {"name": "Ada", "class": "mage", "level": 3, "skills": ["a", "b"], "born": "1815-12-10"}
    DEMO.check_hero(hero)
    for field, wrong in {"name": "A", "class": "king", "level": 2.5, "skills": ["a"], "born": "1815-02-30"}.items():
        with pytest.raises((AssertionError, ValueError)):
            DEMO.check_hero(hero | {field: wrong})
