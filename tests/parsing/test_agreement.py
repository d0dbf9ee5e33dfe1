"""The parser and the engine give a text the same probability; they share no more than the making of weights."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp, inf

import pytest

import stolcke
from stolcke import Parser
from stolcke.weights import CodePoints, Fitted, MeanLength
from tests.parsing.grammars import random_cases

BYTES = stolcke.Vocabulary.from_bytes()


def by_engine(grammar: stolcke.Grammar, data: bytes, **distributions) -> float:
    matcher = stolcke.compile(grammar, BYTES, **distributions).matcher()
    return matcher.sentence_logprob if matcher.accept_bytes(data) and matcher.is_accepting else -inf


def by_parser(grammar: stolcke.Grammar, data: bytes, **distributions) -> float:
    try:
        return Parser(grammar, **distributions).parse(data).logprob
    except stolcke.ParseError:
        return -inf


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.filterwarnings("ignore::stolcke.InconsistentGrammarWarning")
def test_random_grammars(ignore: bool) -> None:
    for grammar, data in random_cases(80, ignore=ignore):
        for raw in (True, False):
            if not raw:
                # Half of the rules with a weight, the others share the rest.
                rules = tuple(replace(rule, weight=None) if i % 2 else rule for i, rule in enumerate(grammar.rules))
                last = {rule.lhs.name: i for i, rule in enumerate(rules)}
                rules = tuple(replace(r, weight=None) if last[r.lhs.name] == i else r for i, r in enumerate(rules))
                grammar = replace(grammar, rules=rules, raw_weights=False)
            expected = by_engine(grammar, data)
            assert by_parser(grammar, data) == pytest.approx(expected, abs=1e-8), (str(grammar), data, raw)


def test_an_inconsistent_grammar() -> None:
    """S -> a [.25] | S S [.75] ends with probability 1/3; by default it is made to end."""
    grammar = stolcke.Grammar.from_lark('start: "a" [0.25] | start start [0.75]')
    with pytest.warns(stolcke.InconsistentGrammarWarning):
        forest = Parser(grammar).parse("aa")
    assert exp(forest.logprob) == pytest.approx(3 * 0.75 * 0.25**2, rel=1e-12)
    raw = stolcke.Grammar.from_lark('%weights raw\nstart: "a" [0.25] | start start [0.75]')
    assert exp(Parser(raw).parse("aa").logprob) == pytest.approx(0.75 * 0.25**2, rel=1e-12)


def test_distributions_of_terminals() -> None:
    grammar = stolcke.Grammar.from_lark('start: WORD (/[0-9]+/ WORD)*\nWORD: /[a-zé]+/\n%ignore " "')
    chosen = {"WORD": MeanLength(4), "/[0-9]+/": Fitted(["12", "7"])}
    for data in (b"ab", b"ab12c", "é 7é ".encode()):
        for distributions in ({"distributions": chosen}, {"default_distribution": CodePoints()}):
            expected = by_engine(grammar, data, **distributions)
            assert by_parser(grammar, data, **distributions) == pytest.approx(expected, rel=1e-12)


SCHEMAS = {
    "any order": (
        {"properties": {name: {"type": "boolean"} for name in "abc"}, "required": ["b"], "additionalProperties": False},
        {"property_order": "any"},
        [{"b": True}, {"c": True, "b": False}, {"a": False, "c": True, "b": True}],
    ),
    "counted": (
        {"type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": {"type": "null"}},
        {},
        [{"x": None}, {"": None, "y": None}],
    ),
    "strings": ({"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2}, {}, [[], ["ä", "abc"]]),
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.filterwarnings("ignore::stolcke.InconsistentGrammarWarning")
def test_json_schemas(name: str) -> None:
    schema, options, documents = SCHEMAS[name]
    grammar = stolcke.Grammar.from_json_schema({"type": "object", **schema}, whitespace="compact", **options)
    for document in documents:
        data = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        expected = by_engine(grammar, data)
        assert expected > -inf
        assert by_parser(grammar, data) == pytest.approx(expected, rel=1e-12)
