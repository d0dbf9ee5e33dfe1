"""What the demo does without a model: its grammars, how it ends texts that were cut, and what it does to logits."""

from __future__ import annotations

import importlib
import json
import math
import random
import sys
from pathlib import Path

import numpy as np
import pytest

import stolcke
from stolcke.observing import Trace, read_trace


def load(name: str):
    """One of the demo's modules, which find each other in their folder."""
    folder = str(Path(__file__).parents[1] / "examples")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)


TASKS, GENERATION, STEERING = load("tasks"), load("generation"), load("steering")


@pytest.mark.parametrize("task", TASKS.TASKS, ids=[task.title for task in TASKS.TASKS])
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
        text += GENERATION.close(matcher, task.closing)
        assert matcher.is_accepting
        if task.grammar == "json.lark":
            json.loads(text)
        if task.grammar is TASKS.HERO:
            TASKS.check_hero(json.loads(text))


def test_the_check_by_hand_can_fail() -> None:
    hero = {"name": "Ada", "class": "mage", "level": 3, "skills": ["a", "b"], "born": "1815-12-10"}
    TASKS.check_hero(hero)
    for field, wrong in {"name": "A", "class": "king", "level": 2.5, "skills": ["a"], "born": "1815-02-30"}.items():
        with pytest.raises((AssertionError, ValueError)):
            TASKS.check_hero(hero | {field: wrong})


WORDS = stolcke.Vocabulary(
    [b"The", b" ", b"cat", b" cat", b"owl", b" owl", b" sleeps", b" runs", b" is", b" angry", b".", b"<end>"]
    + [bytes([byte]) for byte in b"abcdefghijklmnopqrstuvwxyzASTH"],
    eos_token_ids=[11],
)


class Stub:
    """A model that wants one text, token by token, and above all not to stop."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted.encode()

    def begin(self, prompt: str) -> np.ndarray:
        self.text = b""
        return self.logits()

    def after(self, tokens: list[int]) -> np.ndarray:
        self.text += b"".join(WORDS.tokens[token] for token in tokens)
        return self.logits()

    def logits(self) -> np.ndarray:
        """2 for each byte of a token that goes on with the text wanted, and -1 for the end."""
        rest = self.wanted[len(self.text) :] if self.wanted.startswith(self.text) else b""
        liked = [2.0 * len(token) if rest.startswith(token) else 0.0 for token in WORDS.tokens]
        liked[11] = -1.0
        return np.array([*liked, 9.0], np.float32)  # as models do, with more logits than tokens


def sentences() -> stolcke.Grammar:
    path = TASKS.GRAMMARS / "weighted_english.lark"
    return stolcke.Grammar.from_lark(path.read_text(encoding="utf-8"), start="sentence")


def steered_text(beta: float, budget: int = 30) -> tuple:
    matcher = stolcke.compile(sentences(), WORDS).matcher()
    generator = GENERATION.Generator(Stub("The cat is angry. And"), WORDS, budget)
    return generator.generate("?", 0.0, 1, matcher, beta), matcher


def test_a_text_is_what_the_model_wants_or_what_the_grammar_does() -> None:
    assert steered_text(0)[0].text == b"The cat is angry."
    assert steered_text(4)[0].text == b"The owl sleeps."


@pytest.mark.parametrize("beta", [0, 1, 4])
def test_the_tokens_of_a_text_have_its_probability_together(beta: float) -> None:
    made, matcher = steered_text(beta)
    assert made.is_ended and made.tokens[-1] == 11
    whole = stolcke.Parser(sentences()).parse(made.text).logprob
    assert math.isclose(sum(made.grammar_logprobs), whole, rel_tol=1e-12)
    assert math.isclose(matcher.sentence_logprob, whole, rel_tol=1e-12)
    assert len(made.mask_seconds) == len(made.logprobs_seconds) == len(made.tokens)


def test_a_trace_of_a_text_has_its_tokens_and_their_probabilities(tmp_path) -> None:
    matcher = stolcke.compile(sentences(), WORDS).matcher()
    generator = GENERATION.Generator(Stub("The cat is angry. And"), WORDS, 30)
    with Trace(tmp_path / "trace.jsonl", grammar_logprobs=True) as trace:
        made = generator.generate("?", 0.0, 1, matcher, trace=trace)
    steps = read_trace(tmp_path / "trace.jsonl").steps()[0]
    assert made.text == b"The cat is angry." and [step["token"] for step in steps] == made.tokens
    assert [step["model_logprob"] for step in steps] == pytest.approx(made.model_logprobs)
    assert [step["grammar_logprob"] for step in steps] == made.grammar_logprobs


def test_a_cut_text_has_the_probability_of_its_beginning() -> None:
    made, matcher = steered_text(0, budget=2)
    assert (made.text, made.is_ended) == (b"The cat", False)
    # No other opening, no adjective, a consonant's noun, and that is a cat.
    assert STEERING.grammar_logprob(made, matcher) == pytest.approx(math.log(0.9 * 0.5 * 0.8 * 0.2 * 0.6), rel=1e-12)


def test_logits_of_the_model_are_what_is_written_down() -> None:
    made = GENERATION.Generator(Stub("The"), WORDS, 1).generate("?", 0.0, 1)
    logits = Stub("The").begin("?")[: len(WORDS)].astype(float)
    assert made.model_logprobs == [pytest.approx(logits[0] - math.log(np.exp(logits).sum()), rel=1e-6)]
    assert made.grammar_logprobs == []


def test_steering_adds_and_never_revives() -> None:
    logits = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    scores = np.array([-0.5, -np.inf, -2.0, -1.0], np.float32)
    allowed = np.array([1, 1, 1, 0], np.uint8)
    for beta, expected in {0.0: [1, 3], 1.0: [0.5, 1], 4.0: [-1, -5]}.items():
        steered = GENERATION.steered(logits, allowed, scores, beta)
        assert steered.tolist() == [expected[0], -np.inf, expected[1], -np.inf]


class Rows:
    """The stub as a model of several texts."""

    def begin(self, n: int) -> np.ndarray:
        self.texts = [b""] * n
        return self.logits()

    def extend(self, parents: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        self.texts = [self.texts[p] + WORDS.tokens[t] for p, t in zip(parents.tolist(), tokens.tolist(), strict=True)]
        return self.logits()

    def logits(self) -> np.ndarray:
        stub = Stub("The cat is angry. And")
        rows = []
        for stub.text in self.texts:
            rows.append(stub.logits())
        return np.stack(rows)


def test_particles_are_sentences_and_their_shares_add_up(capsys) -> None:
    posterior = STEERING.show_particles(Rows(), WORDS, 1)
    assert all(particle.finished for particle in posterior.particles)
    grammar = stolcke.Parser(sentences())
    for text in posterior.probabilities:
        assert grammar.parse(text).logprob < 0
    assert sum(posterior.probabilities.values()) == pytest.approx(1, rel=1e-9)
    shown = capsys.readouterr().out
    assert all(text.decode() in shown for text in posterior.probabilities)


def test_the_table_names_each_token_and_adds_up() -> None:
    made, matcher = steered_text(0)
    rows = [
        (line[:16].strip(), *map(float, line[16:].split())) for line in STEERING.token_table(made, matcher, WORDS)[1:]
    ]
    names, model, grammar = zip(*rows, strict=True)
    assert names == ("'The'", "' cat'", "' is'", "' angry'", "'.'", "the end", "sentence_logprob")
    assert sum(model[:-1]) == pytest.approx(model[-1], abs=0.04)
    # `The` may begin `There`, too; what is a cat has no relative clause, and then `is`.
    the, the_cat, goes_on = 0.9 * 0.5 + 0.1, 0.9 * 0.5 * 0.8 * 0.2 * 0.6, 0.9 * 0.15
    assert grammar[:3] == pytest.approx([math.log(the), math.log(the_cat / the), math.log(goes_on)], abs=0.005)
    assert sum(grammar[:-1]) == pytest.approx(grammar[-1], abs=0.04)
