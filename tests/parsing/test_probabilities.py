"""Inside, outer and posterior probabilities: closed forms, plain matrices, finite differences, other parsers."""

from __future__ import annotations

from math import comb, exp, inf, log

import numpy as np
import pytest

import stolcke
from stolcke import Parser
from stolcke.grammar.weights import rule_weights
from tests.parsing.grammars import random_cases, weighted
from tests.reference.inside_matrices import inside_matrices

nltk = pytest.importorskip("nltk")


def probability(parser: Parser, text: str | bytes) -> float:
    try:
        return exp(parser.parse(text).logprob)
    except stolcke.ParseError:
        return 0.0


# --- closed forms ------------------------------------------------------------------------------------------------


def test_catalan() -> None:
    """Of n letters there are as many derivations as Catalan's number says, all equally probable."""
    p = 0.75
    parser = Parser(weighted('start: "a" | start start', p, 1 - p))
    for n in range(1, 9):
        catalan = comb(2 * n - 2, n - 1) // n
        forest = parser.parse("a" * n)
        assert forest.n_derivations == catalan
        assert exp(forest.logprob) == pytest.approx(catalan * p**n * (1 - p) ** (n - 1), rel=1e-13)
        assert forest.entropy == pytest.approx(log(catalan), abs=1e-12)


def test_unit_cycle() -> None:
    grammar = weighted('start: x\nx: y | "a"\ny: x | "b"', 1, 0.5, 0.5, 0.5, 0.5)
    parser = Parser(grammar)
    forest = parser.parse("a")
    assert exp(forest.logprob) == pytest.approx(2 / 3, rel=1e-14)
    assert probability(parser, "b") == pytest.approx(1 / 3, rel=1e-14)
    assert forest.n_derivations == inf
    # The number of rounds is geometric, each with probability 1/4.
    assert forest.expected_counts() == pytest.approx([1, 1 / 3, 1, 1 / 3, 0], rel=1e-14)
    assert forest.entropy == pytest.approx(-log(0.75) - log(0.25) / 3, rel=1e-14)
    assert [found.posterior for found in forest.k_best(4)] == pytest.approx([0.75 * 0.25**n for n in range(4)])


@pytest.mark.parametrize("text", ['start: start "a" | "a"', 'start: "a" start | "a"'])
def test_lists(text: str) -> None:
    parser = Parser(weighted(text, 0.4, 0.6))
    for n in range(1, 6):
        assert probability(parser, "a" * n) == pytest.approx(0.4 ** (n - 1) * 0.6, rel=1e-14)


def test_dyck() -> None:
    parser = Parser(weighted('start: "(" start ")" start | ', 0.4, 0.6))
    assert probability(parser, "(())") == pytest.approx(0.03456, rel=1e-13)
    assert probability(parser, "") == pytest.approx(0.6, rel=1e-14)
    assert probability(parser, "(()") == 0


def test_circles_of_the_empty_text() -> None:
    parser = Parser(weighted('start: start start | "a" | ', 0.3, 0.5, 0.2))
    found = [probability(parser, "a" * n) for n in range(4)]
    assert found == pytest.approx([0.2137003522, 0.5735393347, 0.1131985529, 0.0446836393], abs=5e-11)


def test_a_critical_circle() -> None:
    """x = x x [.5] | nothing [.5] derives the empty text for certain, in expectedly endless derivations."""
    parser = Parser(weighted("start: start start | ", 0.5, 0.5))
    assert probability(parser, "") == pytest.approx(1, abs=1e-6)


def test_hidden_markov_model() -> None:
    """A right-linear grammar is one; the forward algorithm knows its probabilities."""
    grammar = weighted(
        'start: "a" start | "b" start | "a" t | "b" t\nt: "a" start | "b" t | "a" | "b"',
        *(0.3, 0.2, 0.4, 0.1, 0.1, 0.4, 0.2, 0.3),
    )
    parser = Parser(grammar)
    step = {"a": np.array([[0.3, 0.4], [0.1, 0.0]]), "b": np.array([[0.2, 0.1], [0.0, 0.4]])}
    end = {"a": np.array([0.0, 0.2]), "b": np.array([0.0, 0.3])}
    for text in ("b", "ab", "abba", "bbabaab"):
        forward = np.array([1.0, 0.0])
        for letter in text[:-1]:
            forward = forward @ step[letter]
        assert probability(parser, text) == pytest.approx(forward @ end[text[-1]], rel=1e-13)


def test_long_texts_do_not_underflow() -> None:
    n = 30_000
    forest = Parser(weighted('start: start "a" | "a"', 0.4, 0.6)).parse("a" * n)
    assert forest.logprob == pytest.approx((n - 1) * log(0.4) + log(0.6), rel=1e-11)


def test_terminals_and_what_is_ignored() -> None:
    """Letters and their end are equally probable in each state; so are another blank and no more of them."""
    parser = Parser(stolcke.Grammar.from_lark('start: WORD\nWORD: /[ab]+/\n%ignore " "'))
    assert probability(parser, "ab") == pytest.approx(1 / 2 * (1 / 2) * (1 / 3) * (1 / 3) * (1 / 2), rel=1e-14)
    assert probability(parser, "  a ") == pytest.approx(0.5**3 * (1 / 2) * (1 / 3) * 0.5**2, rel=1e-14)


# --- twins -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ignore", [False, True])
def test_inside_is_what_matrices_say(ignore: bool) -> None:
    accepted = 0
    for grammar, data in random_cases(120, ignore=ignore):
        matrices = inside_matrices(grammar, data)
        expected = matrices[""][0, -1]
        assert probability(Parser(grammar), data) == pytest.approx(expected, rel=1e-9), (str(grammar), data)
        if not expected:
            continue
        accepted += 1
        for span in Parser(grammar).parse(data).spans():
            if span.symbol in matrices:
                inside = matrices[span.symbol][span.begin, span.end]
                assert exp(span.inside) == pytest.approx(inside, rel=1e-9), (str(grammar), data, span)
    assert 80 < accepted < 115


def test_outer_is_a_derivative() -> None:
    """By how much the whole grows with a little more weight of one symbol in one place."""
    checked = 0
    for grammar, data in random_cases(40):
        whole = inside_matrices(grammar, data)[""][0, -1]
        if not whole:
            continue
        forest = Parser(grammar).parse(data)
        assert forest.outer(grammar.start, 0, len(data)) >= -1e-12
        for span in forest.spans():
            if span.symbol in grammar.nonterminals:
                little = 1e-5 * exp(span.inside)
                more = inside_matrices(grammar, data, added=(span.symbol, span.begin, span.end, little))[""][0, -1]
                assert exp(span.outer) == pytest.approx((more - whole) / little, rel=1e-3), (str(grammar), span)
                assert span.posterior == pytest.approx(exp(span.outer + span.inside - forest.logprob), rel=1e-9)
                assert forest.outer(span.symbol, span.begin, span.end) == span.outer
                checked += 1
    assert checked > 50


def test_expected_counts_are_derivatives() -> None:
    checked = 0
    for grammar, data in random_cases(16, ignore=True):
        weights = rule_weights(grammar)
        if not inside_matrices(grammar, data)[""][0, -1]:
            continue
        counts = Parser(grammar).parse(data).expected_counts()
        for rule in range(len(weights)):
            sides = []
            for factor in (1 - 1e-5, 1 + 1e-5):
                changed = weights.copy()
                changed[rule] *= factor
                sides.append(log(inside_matrices(grammar, data, changed)[""][0, -1]))
            assert counts[rule] == pytest.approx((sides[1] - sides[0]) / 2e-5, rel=1e-4, abs=1e-6), str(grammar)
            checked += 1
    assert checked > 50


def test_nothing_where_a_symbol_does_not_stand() -> None:
    forest = Parser(weighted('start: "a" | start start', 0.5, 0.5)).parse("aaa")
    assert forest.inside("start", 1, 2) == log(0.5)
    assert forest.inside("start", 1, 1) == forest.outer("start", 1, 1) == -inf
    assert forest.inside("A", 0, 1) == 0
    assert forest.inside("start", 1, 17) == forest.inside("start", 2, 1) == -inf
    with pytest.raises(ValueError, match="'nobody'"):
        forest.inside("nobody", 0, 1)


GRAMMARS = {
    "attachment": (
        "S -> NP VP [1.0]\nPP -> P NP [1.0]\nVP -> V NP [0.7] | VP PP [0.3]\n"
        "NP -> NP PP [0.4] | 'I' [0.2] | 'stars' [0.25] | 'ears' [0.15]\nP -> 'with' [0.6] | 'in' [0.4]\n"
        "V -> 'saw' [1.0]",
        ["I saw stars", "I saw stars with ears", "I saw stars with ears in stars", "stars saw I in ears in I with I"],
    ),
    "sums": (
        "S -> S O S [0.3] | 'x' [0.5] | '(' S ')' [0.2]\nO -> '+' [0.6] | '*' [0.4]",
        ["x", "x + x * x", "( x + x ) * x + x", "x + x + x + x + x"],
    ),
}


def from_nltk(pcfg: nltk.PCFG) -> stolcke.Grammar:
    """The same grammar, over words with blanks between them."""
    lines, weights = [], []
    for production in pcfg.productions():
        names = [str(s).lower() if isinstance(s, nltk.Nonterminal) else f'"{s} "' for s in production.rhs()]
        lines.append(f"{str(production.lhs()).lower()}: {' '.join(names)}")
        weights.append(production.prob())
    by_name: dict[str, list[int]] = {}
    for i, line in enumerate(lines):
        by_name.setdefault(line.split(":")[0], []).append(i)
    text = "\n".join(f"{n}: {' | '.join(lines[i].split(': ')[1] for i in order)}" for n, order in by_name.items())
    return weighted(text, *(weights[i] for order in by_name.values() for i in order), start="s")


@pytest.mark.parametrize("name", GRAMMARS)
def test_nltk(name: str) -> None:
    """The best parse of NLTK's Viterbi parser, and all parses of its chart parser with their probabilities."""
    text, sentences = GRAMMARS[name]
    pcfg = nltk.PCFG.fromstring(text)
    parser = Parser(from_nltk(pcfg))
    for sentence in sentences:
        words = sentence.split()
        forest = parser.parse("".join(f"{word} " for word in words))
        (best,) = nltk.ViterbiParser(pcfg).parse(words)
        assert exp(forest.best.logprob) == pytest.approx(best.prob(), rel=1e-12)
        charted = sorted((tree.prob() for tree in nltk.InsideChartParser(pcfg).parse(words)), reverse=True)
        assert [exp(found.logprob) for found in forest] == pytest.approx(charted, rel=1e-12)
        assert exp(forest.logprob) == pytest.approx(sum(charted), rel=1e-12)
        if len(charted) == 1 or charted[0] > charted[1] * (1 + 1e-9):
            assert shape(forest.best.tree) == shape(best)


def shape(tree) -> tuple:
    """The names of a tree of either kind, without words."""
    if isinstance(tree, nltk.Tree):
        return (tree.label().lower(), *(shape(child) for child in tree if isinstance(child, nltk.Tree)))
    return (str(tree.data), *(shape(child) for child in tree.children))
