"""Each step from a grammar to its arrays keeps the probabilities of texts, shown by enumeration."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from stolcke.compiler import GrammarArrays, lower
from stolcke.deadline import Deadline
from stolcke.errors import FileFormatError, GrammarError
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal, Regex
from stolcke.options import Limits, Options
from stolcke.weights import Fitted
from tests.reference.language import all_texts
from tests.reference.partition import NoPartition
from tests.reference.probabilities import Probabilities
from tests.reference.random_grammars import random_grammar


def lowered(grammar: Grammar, options: Options = Options(), **keywords) -> GrammarArrays:
    return lower(grammar, Limits(), options, Deadline(), **keywords)


def as_grammar(arrays: GrammarArrays, grammar: Grammar) -> Grammar:
    """The arrays as rules again; terminals are those of ``grammar``, none of which may have been merged."""
    named = {name: name for name in grammar.terminals}
    named |= {f'"{t.pattern.text}"': name for name, t in grammar.terminals.items() if isinstance(t.pattern, Literal)}
    symbols = [Terminal(named[title]) for title in arrays.terminals]
    symbols += [Nonterminal(name or "whole") for name in arrays.nonterminals]
    rules = [
        Rule(symbols[arrays.n_terminals + a], tuple(symbols[s] for s in arrays.rhs[begin:end]), weight=w)
        for a, (begin, end), w in zip(
            arrays.lhs.tolist(), pairwise(arrays.rhs_offsets.tolist()), arrays.weights.tolist(), strict=True
        )
    ]
    # As what was dropped took its share with it, nothing need add up.
    return Grammar("whole", tuple(rules), grammar.terminals, raw_weights=True)


def weigh(random: Random, grammar: Grammar, *, raw: bool) -> Grammar:
    """Give some rules weights, some of them zero."""
    weights: dict[int, float | None] = {}
    number = {id(rule): n for n, rule in enumerate(grammar.rules)}
    for rules in grammar.alternatives.values():
        shares = [random.random() ** 2 + 0.05 for _ in rules]
        if len(rules) > 1 and random.random() < 0.3:
            shares[random.randrange(len(rules))] = 0.0
        total = sum(shares) * random.choice([1.0, 1.0, 0.7] if raw else [1.0])
        silent = random.random() < 0.2
        for rule, share in zip(rules, shares, strict=True):
            weights[number[id(rule)]] = None if silent else share / total / (2 if raw else 1)
    rules = [Rule(rule.lhs, rule.rhs, weight=weights[n]) for n, rule in enumerate(grammar.rules)]
    ignored = {name: round(random.random() * 0.4, 2) for name in grammar.ignore if random.random() < 0.5}
    terminals = dict(grammar.terminals)
    if random.random() < 0.5 and "SPACE" in terminals:
        terminals["SPACE"] = TerminalDefinition("SPACE", Regex(" +"))
    return Grammar("n0", tuple(rules), terminals, grammar.ignore, ignore_weights=ignored, raw_weights=raw)


def compare(grammar: Grammar, options: Options, alphabet: str, length: int) -> bool:
    """Whether there was something to compare."""
    try:
        expected = Probabilities(grammar)
    except (NoPartition, ValueError):
        return False  # critical, infinite or nothing of any weight: tests of the partition function have these
    found = Probabilities(as_grammar(lowered(grammar, options), grammar))
    if grammar.raw_weights:
        assert found.proper.scale == pytest.approx(expected.proper.scale, rel=1e-9)
    for text in all_texts(alphabet, length):
        one = expected.sentence(text.encode()) / expected.proper.scale
        other = found.sentence(text.encode()) / found.proper.scale
        assert other == pytest.approx(one, rel=1e-9, abs=1e-15), (grammar.rules, text)
    return True


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("ignore", [False, True])
def test_random_grammars(raw, ignore):
    options = Options(merge_terminals=False)
    compared = 0
    for seed in range(60):
        random = Random(seed)
        grammar = weigh(random, random_grammar(random, ignore=ignore), raw=raw)
        # Duplicates, of different weights.
        if random.random() < 0.3 and not raw:
            half = [Rule(r.lhs, r.rhs, weight=None if r.weight is None else r.weight / 2) for r in grammar.rules]
            grammar = Grammar(
                "n0", (*half, *half[::-1]), grammar.terminals, grammar.ignore, ignore_weights=grammar.ignore_weights
            )
        compared += compare(grammar, options, "ab " if ignore else "ab", 3)
    assert compared > 20


LISTS = [
    'start: "a" list "b"\nlist: [.7] | list "a" [.1] | list "b" "a" [.2]',
    'start: "a" list "b"\nlist: "a" [.7] | list "a" [.3]',
    'start: "a" list "b"\nlist: "a" [.2] | "b" [.4] | list "a" [.1] | list "b" [.3]',
    # The first and the others are not distributed alike.
    'start: "a" list "b"\nlist: "a" [.4] | "b" [.2] | list "a" [.1] | list "b" [.3]',
    'start: "a" list "b" [.3] | "a" list "a" "a" [.5] | "b" "a" list [.2]\nlist: [.7] | list "a" [.3]',
    'start: "a" list "b" | list list\nlist: "a" [.6] | list "a" [0] | list "b" [.4]',
    'start: start "a" [.3] | "b" start [.1] | start [.25] | "a" [.35]',
    'start: start [.5] | start [.25] | "a" [.25]',
]


def from_lists(text: str) -> Grammar:
    """A grammar from lines like those of Lark texts with weights."""
    rules = []
    for line in text.split("\n"):
        name, alternatives = line.split(": ")
        for alternative in alternatives.split(" | "):
            *words, last = alternative.split() or [""]
            weight = float(last[1:-1]) if last.startswith("[") else None
            words += [] if weight is not None or not last else [last]
            rhs = [Terminal(w[1].upper()) if w[0] == '"' else Nonterminal(w) for w in words]
            rules.append(Rule(Nonterminal(name), tuple(rhs), weight=weight))
    return Grammar("start", tuple(rules), {n: TerminalDefinition(n, Literal(n.lower())) for n in "AB"})


@pytest.mark.parametrize("text", LISTS)
@pytest.mark.parametrize("fold", [True, False])
def test_lists_and_loops(text, fold):
    assert compare(from_lists(text), Options(fold_lists=fold), "ab", 4)


def test_long_rounds_behind_many_prefixes_are_shared_with_their_weights():
    rounds = [("A" * n + "B", 2.0**-n) for n in range(1, 7)]
    list_rules = [Rule(Nonterminal("list"), (), weight=0.5)]
    list_rules += [
        Rule(Nonterminal("list"), (Nonterminal("list"), *map(Terminal, names)), weight=0.5 * w / (1 - 2.0**-6))
        for names, w in rounds
    ]
    prefixes = [(Terminal("B"),), (Terminal("A"), Terminal("A")), (Terminal("A"), Terminal("B"))]
    rules = [Rule(Nonterminal("start"), (*prefix, Nonterminal("list"), Terminal("B"))) for prefix in prefixes]
    terminals = {n: TerminalDefinition(n, Literal(n.lower())) for n in "AB"}
    grammar = Grammar("start", (*rules, *list_rules), terminals)
    assert "_list_round_0" in lowered(grammar).nonterminals
    assert compare(grammar, Options(), "ab", 5)


def test_first_rounds_distributed_otherwise_are_not_folded():
    folded = ["list" in lowered(from_lists(text)).nonterminals for text in LISTS[:4]]
    assert folded == [False, False, True, True]
    alike = 'start: "a" list "b"\nlist: "a" [.1] | "b" [.3] | list "a" [.15] | list "b" [.45]'
    assert "list" not in lowered(from_lists(alike)).nonterminals


def test_what_matches_nothing_leaves_its_share_to_what_is_ignored():
    terminals = {"A": Literal("a"), "B": Literal("b"), "EMPTY": Regex(r"[^\s\S]")}
    definitions = {name: TerminalDefinition(name, pattern) for name, pattern in terminals.items()}
    rules = (Rule(Nonterminal("start"), (Terminal("A"),)),)
    for ignore, given, expected in [
        (("B", "EMPTY", "B"), {}, [0.5, 0.5]),
        (("B", "EMPTY"), {"B": 0.2}, [0.8, 0.2]),
        (("B", "EMPTY"), {"EMPTY": 0.2}, [0.5, 0.5]),
    ]:
        arrays = lowered(Grammar("start", rules, definitions, ignore, ignore_weights=given))
        skip = arrays.nonterminals.index("_ignored_0")
        assert arrays.weights[arrays.lhs == skip].tolist() == pytest.approx(expected, rel=1e-15)


def test_a_loop_that_takes_all():
    sure = from_lists('start: "a" x [.5] | "b" [.5]\nx: x [1] | "a" [0]')
    arrays = lowered(sure)
    x = arrays.nonterminals.index("x")
    assert arrays.weights[arrays.lhs == x].tolist() == [1, 0]


def test_rules_without_weights_share_equally():
    arrays = lowered(from_lists('start: "a" x "b" | "a" "a" | "b"\nx: "a" "b" | "b"'))
    assert arrays.weights.tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2], rel=1e-15)
    assert not arrays.raw_weights


def test_equal_terminals_of_different_distributions_stay_apart():
    rules = (Rule(Nonterminal("start"), (Terminal("A"), Terminal("B"), Terminal("C"))),)
    definitions = {name: TerminalDefinition(name, Regex("[ab]")) for name in "ABC"}
    grammar = Grammar("start", rules, definitions)
    other = Fitted(["a", "b", "b"])
    assert lowered(grammar).terminals == ("A or B or C",)
    assert lowered(grammar, distributions={"B": other}).terminals == ("A or C", "B")
    assert lowered(grammar, distributions=dict.fromkeys("ABC", other)).terminals == ("A or B or C",)


def test_wrong_weights_are_errors():
    with pytest.raises(GrammarError, match="more than 1"):
        lowered(from_lists('start: "a" [.7] | "b" [.7]'))


# Files.


def test_saved_weights():
    for raw in (False, True):
        grammar = from_lists('start: "a" [.3] | "b" [.7]')
        grammar = Grammar("start", grammar.rules, grammar.terminals, raw_weights=raw)
        arrays = lowered(grammar)
        loaded = GrammarArrays.from_file(*arrays.to_file())
        assert loaded.weights.tolist() == [1, 0.3, 0.7]
        assert loaded.raw_weights is raw


@pytest.mark.parametrize(
    "damaged",
    [
        [1.0, 0.3],
        [1.0, 0.3, 0.7, 0.1],
        [1.0, -0.3, 0.7],
        [1.0, np.nan, 0.7],
        [1.0, np.inf, 0.7],
        np.array([1, 0, 1]),
        np.array([1.0, 0.3, 0.7], np.float32),
        np.array([[1.0, 0.3, 0.7]]),
        None,
    ],
)
def test_damaged_weights_are_refused(damaged):
    meta, arrays = lowered(from_lists('start: "a" [.3] | "b" [.7]')).to_file()
    if damaged is None:
        del arrays["weights"]
    else:
        arrays["weights"] = np.asarray(damaged)
    with pytest.raises(FileFormatError, match="malformed"):
        GrammarArrays.from_file(meta, arrays)


def test_files_that_do_not_say_whether_weights_are_raw_are_refused():
    meta, arrays = lowered(from_lists('start: "a" [.3] | "b" [.7]')).to_file()
    del meta["raw_weights"]
    with pytest.raises(FileFormatError, match="raw_weights"):
        GrammarArrays.from_file(meta, arrays)
