"""Texts drawn at random: as often as they are probable, and the same ones for the same seed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import pytest

import stolcke
from stolcke._core import bitmask
from stolcke.compiler import lower
from stolcke.deadline import Deadline
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Tally, TallyEntry, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Counted, Literal, Pattern, Regex
from stolcke.lexer import Automaton, automaton
from stolcke.matcher import Matcher
from stolcke.options import Limits, Options
from stolcke.weights import Fitted, MeanLength, Uniform
from stolcke.weights.sampling import GrammarSampler, continuation

BYTES = stolcke.Vocabulary.from_bytes()


def grammar_of(rules: str, terminals: Mapping[str, Pattern] | None = None, tallies=None) -> Grammar:
    """Rules as ``S: a .75 | S S .25``, one a line; what is not a left side is a terminal, by default its own text."""
    written = [line.split(":") for line in rules.strip().splitlines()]
    left = {name.strip() for name, _ in written} | set(tallies or {})
    made, used = [], {}
    for name, alternatives in written:
        for alternative in alternatives.split("|"):
            *symbols, weight = alternative.split()
            for symbol in symbols:
                if symbol not in left:
                    used[symbol] = TerminalDefinition(symbol, (terminals or {}).get(symbol, Literal(symbol)))
            rhs = tuple(Nonterminal(s) if s in left else Terminal(s) for s in symbols)
            made.append(Rule(Nonterminal(name.strip()), rhs, weight=float(weight)))
    return Grammar(made[0].lhs.name, tuple(made), used | _definitions(tallies), tallies=tallies or {})


def _definitions(tallies: Mapping[str, Tally] | None) -> dict[str, TerminalDefinition]:
    names = {s.name for t in (tallies or {}).values() for string in t.strings() for s in string}
    return {name: TerminalDefinition(name, Literal(name)) for name in sorted(names)}


def compiled(grammar: Grammar, **keywords) -> stolcke.CompiledGrammar:
    return stolcke.compile(grammar, BYTES, **keywords)


def assert_drawn_from(samples: Iterable, expected: Mapping) -> None:
    """Pearson's test; what ``expected`` does not name is one class, and rare classes are joined.

    The bound is beyond the quantile of 1 - 1e-6, after Wilson and Hilferty.
    """
    counts = Counter(samples)
    n = counts.total()
    rest = 1 - sum(expected.values())
    assert rest > -1e-9
    classes = [(n * p, counts[text]) for text, p in expected.items()]
    classes.append((n * max(rest, 0.0), n - sum(seen for _, seen in classes)))
    large = [each for each in classes if each[0] >= 10]
    rare = [each for each in classes if each[0] < 10]
    mean, seen = sum(e for e, _ in rare), sum(s for _, s in rare)
    assert mean > 1e-6 or not seen, "what has no probability was drawn"
    if mean >= 10:
        large.append((mean, seen))
    else:
        assert seen <= mean + 6 * math.sqrt(mean) + 10
    freedom = len(large) - 1
    statistic = sum((s - e) ** 2 / e for e, s in large)
    bound = freedom * (1 - 2 / (9 * freedom) + 5 * math.sqrt(2 / (9 * freedom))) ** 3
    assert freedom >= 1 and statistic < bound, (statistic, bound, counts.most_common(5))


def test_the_test_of_samples_can_fail() -> None:
    random = np.random.default_rng(0)
    samples = random.choice(["a", "b", "c"], 20_000, p=[0.5, 0.3, 0.2]).tolist()
    assert_drawn_from(samples, {"a": 0.5, "b": 0.3, "c": 0.2})
    with pytest.raises(AssertionError):
        assert_drawn_from(samples, {"a": 0.53, "b": 0.27, "c": 0.2})
    with pytest.raises(AssertionError):
        assert_drawn_from([*samples, "d"], {"a": 0.5, "b": 0.3, "c": 0.2})


# --- rules -------------------------------------------------------------------------------------------------------


def test_catalan_sentences() -> None:
    grammar = grammar_of("S: a .75 | S S .25")
    sentences = {b"a" * n: p for n, p in enumerate([0.75, 0.140625, 0.052734375, 0.02471923828125], 1)}
    assert_drawn_from(compiled(grammar).sample(1, 20_000), sentences)


def test_weights_that_are_not_consistent_are_made_so() -> None:
    """With .25 and .75, a derivation ends with probability 1/3, and those that end are the ones above."""
    grammar = grammar_of("S: a .25 | S S .75")
    with pytest.warns(UserWarning, match="ends with probability"):
        samples = compiled(grammar).sample(2, 20_000)
    sentences = {b"a" * n: p for n, p in enumerate([0.75, 0.140625, 0.052734375, 0.02471923828125], 1)}
    assert_drawn_from(samples, sentences)


def test_unit_cycles_and_empty_texts() -> None:
    assert_drawn_from(
        compiled(grammar_of("A: B .5 | a .5\nB: A .5 | b .5")).sample(3, 5_000), {b"a": 2 / 3, b"b": 1 / 3}
    )
    sentences = {b"": 0.2137003522, b"a": 0.5735393347, b"aa": 0.1131985529, b"aaa": 0.0446836393}
    assert_drawn_from(compiled(grammar_of("S: S S .3 | a .5 | .2")).sample(4, 20_000), sentences)


def test_balanced_parentheses() -> None:
    samples = compiled(grammar_of("S: ( S ) S .4 | .6")).sample(5, 20_000)
    assert_drawn_from(
        [text[:3] for text in samples], {b"": 0.6, b"(()": 0.096, b"()": 0.144, b"()(": 0.096, b"(((": 0.064}
    )
    assert_drawn_from(samples, {b"": 0.6, b"()": 0.144, b"(())": 0.03456, b"()()": 0.03456})
    # A pair of parentheses encloses one text and precedes another: X = 1 + X1 + X2 pairs with probability .4, else 0.
    # So their mean is 2 and their variance 30, and those of the length, twice as many, are 4 and 120.
    assert abs(np.mean([len(text) for text in samples]) - 4) < 5 * math.sqrt(120 / len(samples))


# --- terminals ---------------------------------------------------------------------------------------------------


def matches(machine: Automaton, rows: np.ndarray, longest: int) -> dict[bytes, float]:
    """All matches up to a length with their probabilities."""
    found, begun = {}, {(b"", 0): 1.0}
    for _ in range(longest + 1):
        found |= {text: p * rows[state, 256] for (text, state), p in begun.items() if rows[state, 256]}
        begun = {
            (text + bytes([b]), machine.step(state, int(b))): p * rows[state, b]
            for (text, state), p in begun.items()
            for b in np.flatnonzero(rows[state, :256])
        }
    return found


@pytest.mark.parametrize("distribution", [Uniform(), MeanLength(3.5)])
def test_terminals_follow_their_distribution(distribution) -> None:
    pattern = Regex("[ab]+c?|d")
    grammar = grammar_of("S: T - T 1", {"T": pattern})
    machine = automaton(pattern)
    expected = matches(machine, distribution.weights(machine), 4)
    pairs = {x + b"-" + y: p * q for (x, p), (y, q) in product(expected.items(), repeat=2)}
    assert_drawn_from(compiled(grammar, distributions={"T": distribution}).sample(6, 20_000), pairs)


@pytest.mark.parametrize(
    ("unit", "least", "most", "after"),
    [("[ab]|c[ab]", 2, 40, '"|x'), ("[ab]|c[ab]", 0, 3, '"'), ("ab", 1, None, ""), ("[ab]", 3, 3, "c*")],
)
def test_counted_repeats_are_uniform_as_written_out(unit: str, least: int, most: int | None, after: str) -> None:
    pattern = Counted(Literal('"'), Regex(unit), least, most, Regex(after))
    grammar = grammar_of("S: T 1", {"T": pattern})
    arrays = lower(grammar, Limits(), Options(), Deadline())
    assert not isinstance(arrays.machines[0], Automaton)
    machine = automaton(pattern)
    expected = matches(machine, Uniform().weights(machine), 7)
    assert_drawn_from(compiled(grammar).sample(7, 20_000), expected)


def test_a_special_token_is_written_as_itself() -> None:
    vocabulary = stolcke.Vocabulary([b"a", b"b", b"<one>", b"<two>"], special_token_ids=[2, 3])
    grammar = Grammar.from_lark('start: "a" CALL "b"\n%declare CALL')
    drawn = stolcke.compile(grammar, vocabulary, special={"CALL": ["<one>", "<two>"]}).sample(8, 2_000)
    assert_drawn_from(drawn, {b"a<one>b": 0.5, b"a<two>b": 0.5})


# --- tallies -----------------------------------------------------------------------------------------------------


def can_end(tally: Tally, counts: tuple[int, ...]) -> bool:
    entries = list(zip(tally.entries, counts, strict=True))
    marked = sum(n for entry, n in entries if entry.marked)
    return (
        all(n > 0 for entry, n in entries if entry.required)
        and tally.least <= sum(counts) <= (tally.most or 99)
        and tally.least_marked <= marked <= (99 if tally.most_marked is None else tally.most_marked)
    )


def can_be_completed(tally: Tally, counts: tuple[int, ...], deepest: int = 4) -> bool:
    if any(entry.once and n > 1 for entry, n in zip(tally.entries, counts, strict=True)):
        return False
    return can_end(tally, counts) or (
        deepest > 0 and any(can_be_completed(tally, one_more(counts, k), deepest - 1) for k in range(len(counts)))
    )


def one_more(counts: tuple[int, ...], k: int) -> tuple[int, ...]:
    return (*counts[:k], counts[k] + 1, *counts[k + 1 :])


def tally_texts(tally: Tally, longest: int) -> dict[bytes, float]:
    """By the rule alone: stop or go on evenly, where both can be; then evenly one of the entries that can come."""
    found: Counter[bytes] = Counter()
    begun = [(b"", (0,) * len(tally.entries), 1.0)]
    while begun:
        text, counts, p = begun.pop()
        following = [k for k in range(len(counts)) if can_be_completed(tally, one_more(counts, k))]
        ends = can_end(tally, counts)
        if ends:
            found[text] += p / 2 if following else p
            p /= 2
        for k in following if sum(counts) < longest else ():
            between = b"," if text else b""
            name = tally.entries[k].symbols[0].name.encode()
            begun.append((text + between + name, one_more(counts, k), p / len(following)))
    return dict(found)


def entries(text: str) -> tuple[TallyEntry, ...]:
    """``a1 b! c*``: once; required; marked."""
    return tuple(TallyEntry((Terminal(e[0]),), "1" in e, "!" in e, "*" in e) for e in text.split())


TALLIES = {
    "any": Tally(entries("a1 b1! c1 d1"), (Terminal(","),)),
    "repeated": Tally(entries("a b! c1"), (Terminal(","),), most=4),
    "marked": Tally(entries("a1* b1* c1 d*"), (Terminal(","),), least=1, most=3, least_marked=1, most_marked=2),
    "endless": Tally(entries("a b1"), (Terminal(","),), least=2),
}


@pytest.mark.parametrize("name", TALLIES)
def test_tallies_choose_evenly(name: str) -> None:
    grammar = grammar_of("S: x T 1", tallies={"T": TALLIES[name]})
    expected = {b"x" + text: p for text, p in tally_texts(TALLIES[name], 5).items()}
    assert len(expected) > 10
    assert_drawn_from(compiled(grammar).sample(9, 20_000), expected)


def test_samples_of_a_schema_satisfy_it() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "maxLength": 80}, "b": {"type": "integer"}, "c": {"enum": ["x", 1]}},
        "required": ["c"],
        "additionalProperties": False,
    }
    whole = compiled(Grammar.from_json_schema(schema, property_order="any"))
    seen = set()
    for text in whole.sample(10, 200):
        document = json.loads(text)
        assert document["c"] in ("x", 1) and document.keys() <= {"a", "b", "c"}
        assert len(document.get("a", "")) <= 80 and document.get("b", 0) % 1 == 0
        seen |= document.keys()
        matcher = whole.matcher()
        assert matcher.accept_bytes(text) and matcher.is_accepting
    assert seen == {"a", "b", "c"}


# --- seeds and bounds --------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_texts() -> None:
    whole = compiled(Grammar.from_file(stolcke.grammar_path("json")), distributions={})
    texts = whole.sample(1, 20, max_bytes=10**7)
    assert texts == whole.sample(np.random.default_rng(1), 20, max_bytes=10**7)
    assert texts[0] == whole.sample(1, max_bytes=10**7)
    assert texts != whole.sample(2, 20, max_bytes=10**7)
    rng = np.random.default_rng(1)
    assert [whole.sample(rng, max_bytes=10**7) for _ in range(20)] == texts
    assert whole.sample(3, 0) == []


def test_texts_are_bounded() -> None:
    long = compiled(grammar_of("S: a S .999 | a .001"))
    with pytest.raises(stolcke.SampleTooLong, match="max_bytes=10") as error:
        long.sample(0, max_bytes=10)
    assert error.value.max_bytes == 10
    assert {len(text) for text in compiled(grammar_of("S: a b c 1")).sample(0, 5, max_bytes=3)} == {3}
    with pytest.raises(stolcke.SampleTooLong):
        compiled(grammar_of("S: T 1", {"T": Regex("[ab]{50}")})).sample(0, max_bytes=49)


def test_derivations_are_bounded() -> None:
    """A cycle that yields no byte, and that is left once in a billion rounds."""
    with pytest.raises(stolcke.SampleTooLong, match="derivation"):
        compiled(grammar_of("S: R 1\nR: T .999999999 | a .000000001\nT: R 1")).sample(0, max_bytes=10)


# --- continuations -----------------------------------------------------------------------------------------------


class Letters:
    """Says what may come next: a, b or the end; b never follows b."""

    def __init__(self) -> None:
        self.text = b""

    def probabilities(self) -> dict[int, float]:
        if self.text.endswith(b"b"):
            return {97: 0.3, 256: 0.7}
        return {97: 0.5, 98: 0.2, 256: 0.3}

    def next_byte_logprobs(self) -> np.ndarray:
        logs = np.full(257, -np.inf)
        for choice, p in self.probabilities().items():
            logs[choice] = math.log(p)
        return logs

    def accept_bytes(self, data: bytes) -> bool:
        self.text += data
        return True


def test_continuations_follow_the_next_bytes() -> None:
    rng = np.random.default_rng(11)
    samples = [continuation(Letters(), rng, 100) for _ in range(10_000)]
    assert_drawn_from(
        samples, {b"": 0.3, b"a": 0.15, b"b": 0.14, b"aa": 0.075, b"ab": 0.07, b"ba": 0.018, b"bab": 0.0084}
    )


class WithSpecials(Letters):
    """Half of the probability is that of a special token, always."""

    def probabilities(self) -> dict[int, float]:
        return {choice: p / 2 for choice, p in super().probabilities().items()}


class Nothing(Letters):
    def probabilities(self) -> dict[int, float]:
        return {}


class NoEnd(Letters):
    def probabilities(self) -> dict[int, float]:
        return {97: 1.0}


def test_special_tokens_are_left_out_of_continuations() -> None:
    plain, rng = np.random.default_rng(12), np.random.default_rng(12)
    assert [continuation(WithSpecials(), rng, 100) for _ in range(50)] == [
        continuation(Letters(), plain, 100) for _ in range(50)
    ]


def test_continuations_end_or_say_why() -> None:
    with pytest.raises(stolcke.errors.WeightsError, match="no text"):
        continuation(Nothing(), np.random.default_rng(0), 100)
    with pytest.raises(stolcke.SampleTooLong, match="max_bytes=7"):
        continuation(NoEnd(), np.random.default_rng(0), 7)


class EvenMatcher(Matcher):
    """Takes all bytes that its mask allows, and the end, to be equally probable."""

    def _new(self) -> Matcher:
        return EvenMatcher(self.compiled)

    def next_byte_logprobs(self) -> np.ndarray:
        row = np.empty(self.engine.store.n_words, np.int32)
        self.fill_mask(row)
        allowed = np.append(bitmask.unpack(row, self.engine.store.n_tokens)[:256], self.is_accepting)
        with np.errstate(divide="ignore"):
            return np.log(allowed / allowed.sum())


def test_a_matcher_draws_the_rest_and_stays() -> None:
    matcher = EvenMatcher(compiled(Grammar.from_lark('start: "<" /[ab]{1,2}/ ">"')))
    assert matcher.accept_bytes(b"<a")
    state = matcher.state
    rng = np.random.default_rng(13)
    assert_drawn_from([matcher.sample(rng) for _ in range(3_000)], {b">": 1 / 3, b"a>": 1 / 3, b"b>": 1 / 3})
    assert matcher.state == state and matcher.n_accepted == 1
    assert matcher.sample(5) == matcher.sample(5)


def test_the_matcher_knows_the_distributions_that_texts_are_drawn_from() -> None:
    """Under every segmentation: two terminals that overlap, of different distributions over one automaton."""
    pattern = Regex("[ab]+c?")
    grammar = grammar_of("S: T .25 | T U .75", {"T": pattern, "U": pattern})
    chosen = {"T": MeanLength(3.5), "U": Fitted(["a", "bbb", "bc"], smoothing=1)}
    whole = compiled(grammar, distributions=chosen)
    machine = automaton(pattern)
    one, two = (matches(machine, chosen[name].weights(machine), 5) for name in "TU")
    expected: Counter[bytes] = Counter({text: 0.25 * p for text, p in one.items()})
    for (x, p), (y, q) in product(one.items(), two.items()):
        expected[x + y] += 0.75 * p * q
    short = {text: p for text, p in expected.items() if len(text) <= 4}
    for text, p in short.items():
        matcher = whole.matcher()
        assert matcher.accept_bytes(text)
        assert matcher.sentence_logprob == pytest.approx(math.log(p), abs=1e-12)
    assert_drawn_from(whole.sample(14, 10_000), short)
    rest = {text[1:]: p for text, p in short.items() if text.startswith(b"b")}
    matcher = whole.matcher()
    assert matcher.accept_bytes(b"b")
    given = math.exp(matcher.prefix_logprob)
    rng = np.random.default_rng(15)
    assert_drawn_from([matcher.sample(rng) for _ in range(4_000)], {text: p / given for text, p in rest.items()})


def test_the_matcher_and_samples_agree_on_counted_repeats_and_tallies() -> None:
    pattern = Counted(Literal('"'), Regex("[ab]|c[ab]"), 2, 40, Regex('"|x'))
    grammar = grammar_of("S: V T 1", {"V": pattern}, tallies={"T": TALLIES["marked"]})
    whole = compiled(grammar)
    rng = np.random.default_rng(16)
    expected = {}
    samples = whole.sample(rng, 10_000)
    for text, _ in Counter(samples).most_common(300):
        matcher = whole.matcher()
        assert matcher.accept_bytes(text)
        expected[text] = math.exp(matcher.sentence_logprob)
    assert_drawn_from(whole.sample(rng, 10_000), expected)


def test_a_loaded_grammar_draws_the_same(tmp_path) -> None:
    whole = compiled(grammar_of("S: T .6 | T , S .4", {"T": Regex("[ab]+")}), distributions={"T": MeanLength(4)})
    whole.save(tmp_path / "grammar")
    assert stolcke.CompiledGrammar.load(tmp_path / "grammar", BYTES).sample(1, 50) == whole.sample(1, 50)


def test_rules_of_no_probability_are_never_drawn() -> None:
    whole = compiled(grammar_of("S: a 0 | b .5 | c .5 | d 0"))
    arrays = whole.arrays
    probabilities = np.where(arrays.weights > 0, arrays.weights, 0)
    sampler = GrammarSampler(arrays, probabilities, {})
    rng = np.random.default_rng(0)
    assert_drawn_from([sampler.draw(rng, 10) for _ in range(2_000)], {b"b": 0.5, b"c": 0.5})
