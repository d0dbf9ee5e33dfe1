"""Schemas with ``checked=True``: what no grammar can promise is looked at when a value is complete."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import Phase, event, given, note, settings
from hypothesis import strategies as st

import stolcke
from stolcke.guard import Guard
from tests.engine.laws import filled
from tests.json_schema import checked_schemas, random_schemas
from tests.json_schema.documents import COMPACT, read
from tests.json_schema.judging import ORDERS, judge
from tests.json_schema.oracle import validator, verdict
from tests.json_schema.walking import fused_vocabulary
from tests.strategies import EFFORT

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking a stream of random choices takes minutes and gains little."""

STRINGS = {"type": "array", "uniqueItems": True, "items": {"type": "string"}}
ANY = {"type": "array", "uniqueItems": True}
SMALL = ["a", "", 1, Decimal("1.0"), True, None, [], ["a"], ["a", "a"], {}, {"a": 1}, {"a": [1, 1]}]
AMBIGUOUS = [
    STRINGS,
    ANY,
    {"not": ANY},
    {"anyOf": [STRINGS, {"type": "array", "maxItems": 2}]},
    {"anyOf": [STRINGS, {"type": "array", "items": {"type": "array"}}]},
    {"anyOf": [ANY, {"type": "array", "items": {"type": "array", "uniqueItems": True}}]},
    {"oneOf": [ANY, {"type": "array", "items": {"type": "array"}}]},
    {"items": {"anyOf": [STRINGS, {"type": "array", "minItems": 2}]}, "uniqueItems": True},
    {"if": ANY, "then": {"maxItems": 2}, "else": {"minItems": 3}},
    {"uniqueItems": True, "prefixItems": [{"type": "string"}], "contains": {"type": "array"}},
]


@pytest.mark.parametrize("schema", AMBIGUOUS, ids=COMPACT.write)
def test_every_small_array(schema):
    """Of several ways to read a value, only the one that asks for it is barred."""
    judged, oracle = judge(COMPACT.write(schema), checked=True), validator(schema)
    assert judged.compiled.guard is not None
    verdicts = []
    for length in range(4):
        for items in product(SMALL, repeat=length):
            valid = verdict(oracle, read(COMPACT.write(list(items))))
            assert judged.accepts(COMPACT.write(list(items))) is valid, items
            verdicts.append(valid)
    assert set(verdicts) == {True, False}


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=150 * EFFORT, phases=PHASES)
@given(st.randoms(use_true_random=False))
def test_verdicts_are_those_of_jsonschema(order, draw):
    schema = checked_schemas.schema(draw)
    note(COMPACT.write(schema))
    judged, oracle = judge(COMPACT.write(schema), property_order=order, checked=True), validator(schema)
    for number in range(8):
        document = random_schemas.value(draw) if number < 2 else random_schemas.near(draw, schema)
        valid = verdict(oracle, document)
        if valid is None:
            return
        event(f"valid: {valid}")
        assert not judged.mistakes(document, valid), f"should be {'valid' if valid else 'invalid'}"


@settings(max_examples=60 * EFFORT, phases=PHASES)
@given(st.randoms(use_true_random=False))
def test_masks_are_what_bytes_allow(draw):
    schema = checked_schemas.schema(draw)
    note(COMPACT.write(schema))
    vocabulary = fused_vocabulary()
    compiled = judge(COMPACT.write(schema), vocabulary=vocabulary, checked=True).compiled
    if compiled is None:
        return
    matcher, text = compiled.matcher(), b""
    for _ in range(20):
        expected = [
            number
            for number, token in enumerate(vocabulary.tokens)
            if (matcher.is_accepting if number in vocabulary.eos_token_ids else matcher.fork().accept_bytes(token))
        ]
        assert filled(matcher, len(vocabulary)) == expected, text
        inside = [number for number in expected if number not in vocabulary.eos_token_ids]
        if not inside:
            break
        token = draw.choice([n for n in inside if len(vocabulary.tokens[n]) > 1] or inside)
        assert matcher.accept(token)
        text += vocabulary.tokens[token]


def test_few_walks_come_to_a_dead_end():
    """Random walks that hurry to close; what ends is valid."""
    vocabulary, draw, ends = fused_vocabulary(), random.Random(7), {"closed": 0, "dead": 0, "open": 0}
    for _ in range(40):
        schema = checked_schemas.schema(draw)
        judged, oracle = judge(COMPACT.write(schema), vocabulary=vocabulary, checked=True), validator(schema)
        for _ in range(4 if judged.compiled else 0):
            matcher, text = judged.compiled.matcher(), hurried(judged.compiled.matcher(), draw)
            assert matcher.accept_bytes(text)
            if not matcher.is_accepting:
                ends["open" if matcher.allowed_token_ids().size else "dead"] += 1
                continue
            ends["closed"] += 1
            assert verdict(oracle, read(text.decode())) is not False, text
    assert ends["closed"] > 100 and ends["dead"] <= 4, ends


def hurried(matcher: stolcke.Matcher, draw: random.Random) -> bytes:
    """A random text of at most 120 tokens, often of those that close something."""
    vocabulary = matcher.compiled.vocabulary
    (end,), text = vocabulary.eos_token_ids, b""
    for number in range(120):
        allowed = matcher.allowed_token_ids().tolist()
        if not allowed or (end in allowed and number > draw.randint(0, 60)):
            break
        allowed = [token for token in allowed if token != end]
        closing = [token for token in allowed if vocabulary.tokens[token][:1] in (b'"', b"]", b"}")]
        token = draw.choice((draw.random() < 0.4 and closing) or allowed or [end])
        if token == end:
            break
        assert matcher.accept(token)
        text += vocabulary.tokens[token]
    return text


def test_what_is_finite_stays_exact():
    schema = {"type": "array", "uniqueItems": True, "items": {"enum": ["a", "b", 1]}}
    assert stolcke.Grammar.from_json_schema(schema, checked=True).exact
    named = {"enum": ["xn--9n2bp8q", "xn--a", "a"], "format": "hostname"}
    grammar = stolcke.Grammar.from_json_schema(named, checked=True)
    assert grammar.exact and grammar.guard is None
    accepts = judge(named, checked=True).accepts
    assert [accepts(f'"{text}"') for text in named["enum"]] == [True, False, True]


def test_what_is_checked_is_listed():
    schema = {"properties": {"a": STRINGS, "b": {"type": "string", "format": "hostname"}}, "additionalProperties": ANY}
    grammar = stolcke.Grammar.from_json_schema(schema, checked=True)
    assert not grammar.exact and not grammar.dropped and isinstance(grammar.guard, Guard)
    assert sorted(grammar.checked) == [
        "#/additionalProperties: uniqueItems",
        "#/properties/a: uniqueItems",
        "#/properties/b: format",
    ]


def test_lengths_beside_patterns():
    schema = {"type": "string", "pattern": r"^(?:\S+\s+){0,49}\S+$", "maxLength": 500}
    with pytest.raises(stolcke.LimitExceeded):
        stolcke.Grammar.from_json_schema(schema)
    judged = judge(schema, checked=True)
    texts = ["é" * 500, "é" * 501, "a b", "a b ", "a " * 40 + "a", "a " * 50 + "a"]
    assert [judged.accepts(COMPACT.write(text)) for text in texts] == [True, False, True, False, True, False]


def test_a_compiled_file_brings_its_guard(tmp_path):
    vocabulary = stolcke.Vocabulary.from_bytes()
    grammar = stolcke.Grammar.from_json_schema({"items": {"format": "time"}, **ANY}, checked=True)
    stolcke.compile(grammar, vocabulary).save(tmp_path / "file")
    loaded = stolcke.CompiledGrammar.load(tmp_path / "file", vocabulary)
    assert loaded.guard == grammar.guard
    for text, expected in [
        (b'["23:59:60Z","a:"]', False),
        (b'["23:59:60Z","15:59:60-08:00"]', True),
        (b'["23:59:60Z","23:58:60Z"]', False),
        (b'["23:59:60Z","23:59:60\\u005a"]', False),
    ]:
        matcher = loaded.matcher()
        assert (matcher.accept_bytes(text) and matcher.is_accepting) is expected, text
    with pytest.raises(stolcke.CompileError, match="compiled with the guard of a JSON Schema"):
        stolcke.CompiledGrammar.load(tmp_path / "file", vocabulary, guard=object())


def test_where_a_guard_cannot_go():
    grammar = stolcke.Grammar.from_json_schema(ANY, checked=True)
    with pytest.raises(stolcke.GrammarError, match="no notation can say what a guard refuses: #: uniqueItems"):
        grammar.to_gbnf()
    with pytest.raises(stolcke.GrammarError, match="cannot be part of another"):
        grammar + "."
    with pytest.raises(stolcke.GrammarError, match="checked= is not possible among json_options"):
        stolcke.Grammar.from_lark('start: %json {"uniqueItems": true}', json_options={"checked": True})
    with pytest.raises(stolcke.GrammarError, match="cannot be parsed with"):
        stolcke.Parser(grammar)
    with pytest.raises(stolcke.CompileError, match="has a guard of its own"):
        stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), guard=grammar.guard)


def test_items_nested_too_deep_are_an_error():
    matcher = judge(ANY, checked=True).compiled.matcher()
    assert matcher.accept_bytes(b'["a",' + b"[" * 5_000 + b"1" + b"]" * 4_999)
    before = matcher.state
    with pytest.raises(stolcke.LimitExceeded, match="nesting"):
        matcher.accept_bytes(b"]")
    assert matcher.state == before and matcher.accept_bytes(b",2")
