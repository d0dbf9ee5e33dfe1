"""Probabilities: of texts and of all next tokens, inside a string and where the structure of a text is decided.

``cold`` is a grammar that has just been compiled, which has answered no question about probabilities; ``warm`` one
that has met the same states before.  ``track_*`` in units of time or as a ratio of times are timings, which
``check_counts.py`` leaves out; the other ones are deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from time import perf_counter_ns, process_time_ns

import numpy as np

from stolcke import CompiledGrammar, Grammar, Matcher, Parser, Pruning, Vocabulary, compile
from stolcke.grammar.model import Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal
from stolcke.weights import proper_weights

from . import material

POSITIONS = {
    "in a string": b'{"people": [{"name": "Per',
    "at a value": b'{"people": [{"name": ',
    "after a value": b'{"people": [{"name": "Person"',
    "in a number": b'{"people": [{"age": 2',
}
"""Beginnings of JSON texts."""


def vector(compiled: CompiledGrammar) -> np.ndarray:
    """A row for the scores of all tokens."""
    return np.empty(len(compiled.vocabulary), np.float32)


def at(compiled: CompiledGrammar, position: str) -> Matcher:
    """A matcher after one of the beginnings, which has been asked nothing."""
    matcher = compiled.matcher()
    if not matcher.accept_bytes(POSITIONS[position]):
        raise AssertionError(f"{position!r} is no beginning of a JSON text")
    return matcher


def score_times(compiled: CompiledGrammar, texts: list[list[int]], ask: Callable[[Matcher], object]) -> list[int]:
    """Nanoseconds of one question before each token of the texts."""
    times = []
    for ids in texts:
        matcher = compiled.matcher()
        for token in ids:
            begin = perf_counter_ns()
            ask(matcher)
            times.append(perf_counter_ns() - begin)
            matcher.accept(token)
    return times


class Cold:
    """The first question of all, after a beginning of a text."""

    params = (list(POSITIONS), material.VOCABULARIES)
    param_names = ("position", "vocabulary")
    number = 1
    warmup_time = 0.0
    rounds = 1
    repeat = (3, 10, 10.0)

    def setup(self, position: str, vocabulary: str) -> None:
        """Compile anew, which asv asks for before every sample."""
        compiled = material.compiled("json", vocabulary)
        self.row = vector(compiled)
        self.matcher = at(compiled, position)

    def time_prefix_logprob(self, position: str, vocabulary: str) -> None:
        assert self.matcher.prefix_logprob < 0

    def time_fill_logprobs(self, position: str, vocabulary: str) -> None:
        self.matcher.fill_logprobs(self.row)


class Warm:
    """Questions about states that have been met."""

    params = (list(POSITIONS), material.VOCABULARIES)
    param_names = ("position", "vocabulary")

    def setup(self, position: str, vocabulary: str) -> None:
        """Ask everything once."""
        compiled = material.compiled("json", vocabulary)
        self.row = vector(compiled)
        self.matcher = at(compiled, position)
        self.matcher.fill_logprobs(self.row)
        self.other = vector(compiled)
        self.ten = np.argsort(self.row)[-10:].tolist()
        self.matcher.logprobs(self.ten)
        self.matcher.compact_logprobs()

    def time_fill_logprobs(self, position: str, vocabulary: str) -> None:
        self.matcher.fill_logprobs(self.row)

    def time_fill_logprobs_normalized(self, position: str, vocabulary: str) -> None:
        self.matcher.fill_logprobs(self.row, normalize=True)

    def time_compact_logprobs(self, position: str, vocabulary: str) -> None:
        self.matcher.compact_logprobs()

    def time_next_byte_logprobs(self, position: str, vocabulary: str) -> None:
        self.matcher.next_byte_logprobs()

    def time_logprobs_of_ten_tokens(self, position: str, vocabulary: str) -> None:
        self.matcher.logprobs(self.ten)

    def time_copy_a_row(self, position: str, vocabulary: str) -> None:
        """What no vector can be faster than."""
        np.copyto(self.other, self.row)


class Documents:
    """A vector before every token of the texts of a grammar."""

    params = (material.GRAMMARS, material.VOCABULARIES)
    param_names = ("grammar", "vocabulary")

    def passes(self, name: str, vocabulary: str, cold: bool) -> np.ndarray:
        """Microseconds of each vector, the least of three passes."""
        texts, runs = material.token_texts(name, vocabulary), []
        compiled = material.compiled(name, vocabulary)
        row = vector(compiled)
        for number in range(3 if cold else 5):
            compiled = material.compiled(name, vocabulary) if cold else compiled
            times = score_times(compiled, texts, lambda matcher: matcher.fill_logprobs(row))
            if cold or number >= 2:
                runs.append(times)
        return np.min(runs, axis=0) / 1000

    def track_cold_median(self, name: str, vocabulary: str) -> float:
        return float(np.median(self.passes(name, vocabulary, True)))

    def track_cold_p99(self, name: str, vocabulary: str) -> float:
        return float(np.percentile(self.passes(name, vocabulary, True), 99))

    def track_warm_median(self, name: str, vocabulary: str) -> float:
        return float(np.median(self.passes(name, vocabulary, False)))

    def track_warm_p99(self, name: str, vocabulary: str) -> float:
        return float(np.percentile(self.passes(name, vocabulary, False), 99))

    track_cold_median.unit = track_cold_p99.unit = track_warm_median.unit = track_warm_p99.unit = "µs"


class Commit:
    """Accepting tokens with weights, and without."""

    params = material.GRAMMARS
    param_names = ("grammar",)

    def setup(self, name: str) -> None:
        """Run the text once with weights."""
        self.ids = max(material.token_texts(name), key=len)
        self.compiled = material.compiled(name)
        self.plain = self.compiled.matcher()
        self.weighted = self.compiled.matcher()
        self.time_with_weights(name)

    def time_without_weights(self, name: str) -> None:
        accept_all(self.plain, self.ids)

    def time_with_weights(self, name: str) -> None:
        accept_weighed(self.weighted, self.ids)

    def track_ratio_at_the_end(self, name: str) -> float:
        """How many times as long it takes to accept a text and to follow it with weights once it is there."""
        plain = min(spent(accept_all, self.plain, self.ids) for _ in range(30))
        weighted = min(spent(accept_then_weigh, self.weighted, self.ids) for _ in range(30))
        return weighted / plain

    def track_ratio_of_states_met(self, name: str) -> float:
        """The same where it is followed token by token, which takes one call more for each."""
        plain = min(spent(accept_all, self.plain, self.ids) for _ in range(30))
        weighted = min(spent(accept_weighed, self.weighted, self.ids) for _ in range(30))
        return weighted / plain

    def track_ratio_of_new_states(self, name: str) -> float:
        """The same by a grammar that has just been compiled."""
        plain, weighted = [], []
        for _ in range(5):
            plain.append(spent(accept_all, material.compiled(name).matcher(), self.ids))
            compiled = material.compiled(name)
            compiled.weight_track(Pruning())  # the tables of the grammar's weights are none of a token's business
            weighted.append(spent(accept_weighed, compiled.matcher(), self.ids))
        return min(weighted) / min(plain)

    track_ratio_at_the_end.unit = track_ratio_of_states_met.unit = track_ratio_of_new_states.unit = "times"


def accept_all(matcher: Matcher, ids: list[int]) -> None:
    """The text, from its beginning."""
    matcher.reset()
    for token in ids:
        matcher.accept(token)


def accept_then_weigh(matcher: Matcher, ids: list[int]) -> None:
    """The same, and all of it followed with weights at its end."""
    accept_all(matcher, ids)
    assert matcher.prefix_logprob < 0


def accept_weighed(matcher: Matcher, ids: list[int]) -> None:
    """The same, followed with weights token by token."""
    matcher.reset()
    if matcher.weighed() is None:
        matcher.weigh(matcher.compiled.weight_track(matcher.pruning))
    for token in ids:
        matcher.accept(token)
        matcher.weighed()


def spent(function: Callable, *arguments: object) -> int:
    """Nanoseconds of process time."""
    begin = process_time_ns()
    function(*arguments)
    return process_time_ns() - begin


class Parses:
    """Derivations of whole texts."""

    params = ("json", "arithmetic")
    param_names = ("grammar",)

    def setup(self, name: str) -> None:
        """Read the grammar."""
        self.text = material.TEXTS[name][0]
        self.parser = Parser(material.grammar(name))
        self.parser.parse(self.text)

    def time_parse(self, name: str) -> None:
        self.parser.parse(self.text)

    def time_best(self, name: str) -> None:
        assert self.parser.parse(self.text).best.logprob < 0


class ProperWeights:
    """The partition function of 20,000 rules and what follows from it."""

    params = (10, 500)
    param_names = ("members of a component",)

    def setup(self, size: int) -> None:
        """Bring the rules into arrays."""
        self.arrays = compile(many_rules(size), Vocabulary.from_bytes()).arrays

    def time_proper_weights(self, size: int) -> None:
        proper_weights(self.arrays)


@cache
def many_rules(size: int, count: int = 20_000) -> Grammar:
    """Rules of two nonterminals, and of a letter, in components of a size, each of which leads to the next one."""
    rng = np.random.default_rng(1)
    per_symbol, rules = 10 if size < 100 else 40, []
    n = count // per_symbol
    for a in range(n):
        first = a // size * size
        for k in range(per_symbol - 2):
            b, c = first + (a - first + 1 + k * k) % size, min(n - 1, first + int(rng.integers(2 * size)))
            rhs = Nonterminal(f"n{b % n}"), Nonterminal(f"n{c}")
            rules.append(Rule(Nonterminal(f"n{a}"), rhs, weight=0.4 / (per_symbol - 2)))
        rules.append(Rule(Nonterminal(f"n{a}"), (Terminal("A"),), weight=0.3))
        rules.append(Rule(Nonterminal(f"n{a}"), (Terminal("B"),), weight=0.3))
    letters = {"A": TerminalDefinition("A", Literal("a")), "B": TerminalDefinition("B", Literal("b"))}
    return Grammar("n0", tuple(rules), letters)


# --- counts ----------------------------------------------------------------------------------------------------------


@cache
def stats(name: str) -> dict[str, int]:
    """Counts after a vector before every token of a grammar's texts, and one at the end."""
    compiled = material.compiled(name)
    row = vector(compiled)
    for ids in material.token_texts(name):
        matcher = compiled.matcher()
        for token in ids:
            matcher.fill_logprobs(row)
            matcher.accept(token)
        matcher.fill_logprobs(row)
    scores = compiled.weight_track(Pruning()).scores
    return {**scores.stats(), **scores.live.stats()}


class Run:
    """What one pass over a grammar's texts makes."""

    params = material.GRAMMARS
    param_names = ("grammar",)

    def track_columns(self, name: str) -> int:
        return stats(name)["weighted_columns"]

    def track_items(self, name: str) -> int:
        return stats(name)["weighted_items"]

    def track_continuations(self, name: str) -> int:
        return stats(name)["weighted_continuations"]

    def track_states(self, name: str) -> int:
        return stats(name)["weighted_states"]

    def track_vectors(self, name: str) -> int:
        return stats(name)["token_scores"]

    def track_splits(self, name: str) -> int:
        return stats(name)["token_splits"]

    def track_nodes_visited(self, name: str) -> int:
        return stats(name)["score_nodes_visited"]

    def track_bytes(self, name: str) -> int:
        return stats(name)["weighted_bytes"]

    def track_score_bytes(self, name: str) -> int:
        return stats(name)["score_bytes"]

    track_bytes.unit = track_score_bytes.unit = "bytes"
