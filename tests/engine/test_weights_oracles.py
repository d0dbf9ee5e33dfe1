"""Probabilities against other programs; each test is skipped where its program is not installed.

``pip install ".[oracles]"`` brings them.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.grammar.model import Grammar, Nonterminal
from stolcke.grammar.patterns import Literal
from tests.engine.weight_laws import assert_close, twin
from tests.reference.genlm_model import genlm_model
from tests.reference.partition import spectral_radius
from tests.strategies import EFFORT, make_grammar, texts, weighted_grammars
from tests.weighted_cases import CASES

VOCABULARY = stolcke.Vocabulary([b"a", b"b", b"c", b"</s>"], eos_token_ids=[3])
LETTERS = {"A": Literal("a"), "B": Literal("b"), "C": Literal("c")}
LEVELS = ("s", "x", "y", "z")


@st.composite
def acyclic_grammars(draw) -> Grammar:
    """Rules that mention only nonterminals after their own, without empty ones; all have a weight."""
    rules = {}
    for level, lhs in enumerate(LEVELS):
        names = st.sampled_from([*LEVELS[level + 1 :], *LETTERS])
        rhs = st.lists(names, min_size=1, max_size=3).map(tuple)
        rules[lhs] = draw(st.lists(rhs, min_size=1, max_size=3, unique=True))
    grammar = make_grammar(rules, LETTERS)
    weights = []
    for alternatives in grammar.alternatives.values():
        parts = draw(st.lists(st.integers(1, 9), min_size=len(alternatives), max_size=len(alternatives)))
        weights += [part / sum(parts) for part in parts]
    return replace(grammar, rules=tuple(replace(r, weight=w) for r, w in zip(grammar.rules, weights, strict=True)))


@settings(max_examples=40 * EFFORT)
@given(acyclic_grammars())
def test_nltk_inside_and_viterbi_on_acyclic_grammars(grammar):
    """All parses of the chart parser add up to the sentence; where there is one, it is the Viterbi parse."""
    nltk = pytest.importorskip("nltk")

    def name(symbol):
        return nltk.Nonterminal(symbol.name) if isinstance(symbol, Nonterminal) else LETTERS[symbol.name].text

    productions = [
        nltk.ProbabilisticProduction(name(rule.lhs), [name(symbol) for symbol in rule.rhs], prob=rule.weight)
        for rule in grammar.rules
    ]
    pcfg = nltk.PCFG(nltk.Nonterminal(grammar.start), productions)
    inside, viterbi = nltk.InsideChartParser(pcfg), nltk.ViterbiParser(pcfg)
    compiled = stolcke.compile(grammar, VOCABULARY)
    found = twin(grammar)
    sentences = [text for text in texts(b"abc", 4) if found.sentence(text) > 0][:12]
    assume(sentences)
    for text in sentences:
        matcher = compiled.matcher()
        assert matcher.accept_bytes(text)
        letters = list(text.decode())
        parses = {str(tree): tree.prob() for tree in inside.parse(letters)}
        assert matcher.sentence_logprob == pytest.approx(math.log(math.fsum(parses.values())), abs=1e-9), text
        best = next(iter(viterbi.parse(letters))).prob()
        assert best == pytest.approx(max(parses.values()), rel=1e-9), text
        if len(parses) == 1:
            assert matcher.sentence_logprob == pytest.approx(math.log(best), abs=1e-9), text


def check_against_genlm(grammar: Grammar, asked: list[bytes]) -> None:
    """Everything that may come after some texts, as both know it."""
    end = pytest.importorskip("genlm.grammar.cfglm").EOS
    model = genlm_model(grammar)
    compiled = stolcke.compile(grammar, VOCABULARY)
    for text in asked:
        matcher = compiled.matcher()
        assert matcher.accept_bytes(text), text
        following = model.p_next(tuple(bytes([value]) for value in text))
        expected = np.full(257, -math.inf)
        for symbol, probability in following.items():
            if probability > 0:
                expected[256 if symbol == end else symbol[0]] = math.log(probability)
        assert_close(matcher.next_byte_logprobs(), expected, repr(text), 1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if not case.grammar.raw_weights], ids=lambda case: case.name)
@pytest.mark.filterwarnings("ignore")
def test_genlm_on_closed_forms(case):
    check_against_genlm(case.grammar, [text for text, value in case.prefixes.items() if value > 0])


@settings(max_examples=12 * EFFORT)
@given(weighted_grammars())
@pytest.mark.filterwarnings("ignore")
def test_genlm_on_random_grammars(grammar):
    pytest.importorskip("genlm.grammar")
    found = twin(grammar)
    # Its iteration, of single steps, takes minutes where derivations hardly shrink.
    assume(len(grammar.rules) <= 6 and spectral_radius(found.proper.rules) <= 0.7)
    asked = [text for text in texts(b"abc", 3) if found.prefix(text) > 0][:10]
    check_against_genlm(grammar, asked)
