"""What is remembered of schemas and compiled grammars, and what is not taken for it."""

from __future__ import annotations

import copy
import gc
import json
import threading
import weakref

import pytest

import stolcke
from stolcke.memo import Memo

SCHEMA = {"type": "object", "properties": {"a": {"const": 1}, "b": {"type": "string"}}, "required": ["a"]}
BYTES = stolcke.Vocabulary.from_bytes()


@pytest.fixture(autouse=True)
def forgotten():
    """Each test begins and ends with nothing remembered."""
    stolcke.clear_cache()
    yield
    stolcke.clear_cache()


def accepts(grammar: stolcke.Grammar, document: str, vocabulary: stolcke.Vocabulary = BYTES) -> bool:
    matcher = stolcke.compile(grammar, vocabulary).matcher()
    return matcher.accept_bytes(document.encode()) and matcher.is_accepting


class Thing:
    """A value of some size."""

    def __init__(self, n_bytes: int = 1) -> None:
        self.n_bytes = n_bytes


# --- the memo itself -----------------------------------------------------------------------------------------------


def test_the_number_of_values_is_bounded():
    memo, limits = Memo(), stolcke.Limits(remembered=3)
    for key in "abc":
        memo.add(key, Thing(), limits)
    assert memo.get("a") is not None
    memo.add("d", Thing(), limits)
    assert [key for key in "abcd" if memo.get(key) is not None] == ["a", "c", "d"]


def test_bytes_are_bounded():
    memo, limits = Memo(), stolcke.Limits(remembered_bytes=100)
    for key in "abc":
        memo.add(key, Thing(40), limits)
    assert [key for key in "abc" if memo.get(key) is not None] == ["b", "c"]
    memo.add("huge", Thing(101), limits)
    assert memo.get("huge") is None


def test_values_may_grow():
    memo, limits = Memo(), stolcke.Limits(remembered_bytes=100)
    grown = Thing(1)
    memo.add("grown", grown, limits)
    grown.n_bytes = 1_000
    for key in range(20):
        memo.add(key, Thing(1), limits)
    assert memo.get("grown") is None
    assert memo.get(19) is not None


def test_the_first_value_stays():
    memo, first = Memo(), Thing()
    assert memo.add("a", first, stolcke.Limits()) is first
    assert memo.add("a", Thing(), stolcke.Limits()) is first


def test_clearing_reaches_every_memo():
    memos = [Memo(), Memo()]
    for memo in memos:
        memo.add("a", Thing(), stolcke.Limits())
    stolcke.clear_cache()
    assert [len(memo) for memo in memos] == [0, 0]


# --- schemas -------------------------------------------------------------------------------------------------------


def test_an_equal_schema_is_read_once():
    grammar = stolcke.Grammar.from_json_schema(SCHEMA)
    assert stolcke.Grammar.from_json_schema(copy.deepcopy(SCHEMA)) is grammar
    text = json.dumps(SCHEMA)
    assert stolcke.Grammar.from_json_schema(text) is stolcke.Grammar.from_json_schema("".join(list(text)))
    stolcke.clear_cache()
    again = stolcke.Grammar.from_json_schema(SCHEMA)
    assert again is not grammar
    assert again == grammar


def test_a_changed_schema_is_another():
    schema = copy.deepcopy(SCHEMA)
    before = stolcke.Grammar.from_json_schema(schema)
    schema["properties"]["a"]["const"] = 2
    after = stolcke.Grammar.from_json_schema(schema)
    assert [accepts(grammar, '{"a": 2}') for grammar in (before, after)] == [False, True]
    assert [accepts(grammar, '{"a": 1}') for grammar in (before, after)] == [True, False]


def test_values_that_python_calls_equal():
    texts = ("1", "true", "[1]", "[true]")
    grammars = {text: stolcke.Grammar.from_json_schema({"const": json.loads(text)}) for text in texts}
    for text in texts:
        assert [accepts(grammars[text], other) for other in texts] == [text == other for other in texts]
    assert stolcke.Grammar.from_json_schema({"const": 1.0}) is not grammars["1"]
    assert stolcke.Grammar.from_json_schema({"minimum": 0.0}) is not stolcke.Grammar.from_json_schema({"minimum": 0})
    with pytest.raises(stolcke.SchemaError):
        stolcke.Grammar.from_json_schema({"minimum": False})


def test_the_order_of_members():
    forth, back = ({"properties": dict.fromkeys(names, True)} for names in ("ab", "ba"))
    grammars = [stolcke.Grammar.from_json_schema(schema) for schema in (forth, back)]
    assert [accepts(grammar, '{"a": 0, "b": 0}') for grammar in grammars] == [True, False]
    assert [accepts(grammar, '{"b": 0, "a": 0}') for grammar in grammars] == [False, True]


def test_what_is_no_json():
    """What looks alike when written as JSON is not taken for a schema that was right."""
    stolcke.Grammar.from_json_schema({"required": ["a"]})
    with pytest.raises(stolcke.SchemaError):
        stolcke.Grammar.from_json_schema({"required": ("a",)})
    named = stolcke.Grammar.from_json_schema({"title": {"1": 0}})
    assert stolcke.Grammar.from_json_schema({"title": {1: 0}}) is not named
    # Nothing to know it by: read anew, and right.
    strange = {"title": object(), "const": "x"}
    assert accepts(stolcke.Grammar.from_json_schema(strange), '"x"')
    assert stolcke.Grammar.from_json_schema(strange) is not stolcke.Grammar.from_json_schema(strange)


def test_a_schema_that_is_larger_than_it_looks():
    """One dict at two places, inside another at two places, ...: written out, it would never end."""
    schema: dict = {"minimum": 1}
    for _ in range(200):
        schema = {"$defs": {"a": schema, "b": schema}}
    assert accepts(stolcke.Grammar.from_json_schema({"$defs": schema, "const": 1}), "1")


CHOICES = [
    {},
    {"property_order": "any"},
    {"whitespace": "compact"},
    {"whitespace": 1},
    {"whitespace": 2},
    {"max_whitespace": 1},
    {"max_whitespace": 0},
    {"escapes": False},
    {"ascii_only": True},
    {"formats": False},
    {"strict": False},
    {"dialect": "7"},
    {"resources": {"x:y": {"const": 1}}},
    {"resources": {"x:y": {"const": True}}},
    {"limits": stolcke.Limits(rules=1_000)},
]


def test_choices_count():
    grammars = [stolcke.Grammar.from_json_schema(SCHEMA, **choices) for choices in CHOICES]
    assert len({id(grammar) for grammar in grammars}) == len(CHOICES)
    for grammar, choices in zip(grammars, CHOICES, strict=True):
        assert stolcke.Grammar.from_json_schema(SCHEMA, **choices) is grammar


def test_a_choice_that_is_wrong_stays_wrong():
    stolcke.Grammar.from_json_schema(SCHEMA, whitespace=1, max_whitespace=1)
    with pytest.raises(stolcke.GrammarError):
        stolcke.Grammar.from_json_schema(SCHEMA, whitespace=True)
    with pytest.raises(stolcke.GrammarError):
        stolcke.Grammar.from_json_schema(SCHEMA, max_whitespace=True)


def test_schemas_are_bounded():
    limits = stolcke.Limits(remembered=2)

    def read(value: int) -> stolcke.Grammar:
        return stolcke.Grammar.from_json_schema({"const": value}, limits=limits)

    kept = [read(value) for value in range(3)]
    assert read(2) is kept[2]
    assert read(0) is not kept[0]


# --- compiled grammars ---------------------------------------------------------------------------------------------


def test_a_grammar_is_compiled_once():
    grammar = stolcke.Grammar.from_json_schema(SCHEMA)
    compiled = stolcke.compile(grammar, BYTES)
    again = stolcke.compile(grammar, BYTES, prewarm=5)
    assert again.engine is compiled.engine
    assert again.vocabulary is BYTES
    stolcke.clear_cache()
    anew = stolcke.compile(grammar, BYTES)
    assert anew.engine is not compiled.engine
    for text in (b"", b'{"', b'{"a"', b'{"a": 1', b'{"a": 1, "b": "x"}'):
        masks = []
        for each in (compiled, again, anew):
            matcher = each.matcher()
            assert matcher.accept_bytes(text)
            masks.append(matcher.mask().tobytes())
        assert len(set(masks)) == 1


def test_what_compiled_grammars_differ_in():
    lark = stolcke.Grammar.from_lark('%declare _T\nstart: "a" _T | "b"')
    tokens = [b"a", b"b", b"<x>", b"<y>", b"<end>"]
    vocabularies = [stolcke.Vocabulary(tokens, [4], [2, 3]) for _ in range(2)]
    variants = [
        {"special": {"_T": 2}},
        {"special": {"_T": 3}},
        {"special": {"_T": [2, 3]}},
        {"special": {"_T": 2}, "limits": stolcke.Limits(live_threads=100)},
        {"special": {"_T": 2}, "options": stolcke.Options(memoise_goto=False)},
    ]
    engines = [stolcke.compile(lark, v, **variant).engine for v in vocabularies for variant in variants]
    assert len(set(map(id, engines))) == len(engines)
    assert [stolcke.compile(lark, v, **variant).engine for v in vocabularies for variant in variants] == engines
    for ids in ((2,), (3,), (2, 3)):
        matcher = stolcke.compile(lark, vocabularies[0], special={"_T": iter(ids)}).matcher()
        assert matcher.accept(0)
        assert matcher.allowed_token_ids().tolist() == list(ids)
    with pytest.raises(stolcke.CompileError):
        stolcke.compile(lark, vocabularies[0])


def test_grammars_and_compiled_ones_can_be_made_anew():
    options = stolcke.Options(memoise_grammars=False)
    grammars = [stolcke.Grammar.from_json_schema(SCHEMA, options=options) for _ in range(2)]
    assert grammars[0] is not grammars[1]
    engines = [stolcke.compile(grammars[0], BYTES, options=options).engine for _ in range(2)]
    assert engines[0] is not engines[1]
    assert len(BYTES.remembered) == 0


def test_full_caches_are_not_handed_on():
    grammar = stolcke.Grammar.from_json_schema(SCHEMA)
    room = stolcke.compile(grammar, BYTES).engine.stats()["cache_bytes"]
    for limit, kept in ((3 * room, True), (room + room // 2, False)):
        limits = stolcke.Limits(cache_bytes=limit)
        engines = [stolcke.compile(grammar, BYTES, limits=limits).engine for _ in range(2)]
        assert (engines[0] is engines[1]) is kept


def test_compiled_grammars_are_bounded():
    limits = stolcke.Limits(remembered=2)
    grammars = [stolcke.Grammar.from_choices([str(n)]) for n in range(4)]
    engines = [stolcke.compile(grammar, BYTES, limits=limits).engine for grammar in grammars]
    assert len(BYTES.remembered) == 2
    assert stolcke.compile(grammars[3], BYTES, limits=limits).engine is engines[3]
    assert stolcke.compile(grammars[0], BYTES, limits=limits).engine is not engines[0]


def test_a_vocabulary_goes_when_its_owner_drops_it():
    vocabulary = stolcke.Vocabulary.from_bytes()
    stolcke.compile(stolcke.Grammar.from_choices(["a"]), vocabulary)
    assert len(vocabulary.remembered) == 1
    gone = weakref.ref(vocabulary.remembered)
    gc.disable()
    try:
        del vocabulary
        assert gone() is None
    finally:
        gc.enable()


def test_threads_share_what_is_remembered():
    n = 8
    start = threading.Barrier(n)
    found: list[tuple[stolcke.Grammar, object]] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            start.wait()
            for value in range(40):
                schema = {"type": "object", "properties": {f"p{value}": {"const": value}}}
                limits = stolcke.Limits(remembered=10)
                grammar = stolcke.Grammar.from_json_schema(schema, limits=limits)
                compiled = stolcke.compile(grammar, BYTES, limits=limits)
                assert compiled.matcher().accept_bytes(b'{"p%d": %d}' % (value, value))
            start.wait()
            grammar = stolcke.Grammar.from_json_schema(SCHEMA)
            start.wait()
            found.append((grammar, stolcke.compile(grammar, BYTES).engine))
        except BaseException as error:
            errors.append(error)
            start.abort()

    threads = [threading.Thread(target=work) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len({id(grammar) for grammar, _ in found}) == 1
    assert len({id(engine) for _, engine in found}) == 1


# --- stopping ------------------------------------------------------------------------------------------------------


def test_reading_a_schema_can_be_stopped():
    hostile = {"allOf": [{"anyOf": [{"properties": {f"p{i}": {"const": j}}} for j in range(9)]} for i in range(20)]}
    with pytest.raises(stolcke.Cancelled, match="timeout"):
        stolcke.Grammar.from_json_schema(hostile, timeout=1e-9)
    asked = []

    def impatient() -> bool:
        asked.append(0)
        return len(asked) > 30

    with pytest.raises(stolcke.Cancelled, match="evaluating"):
        stolcke.Grammar.from_json_schema(hostile, cancel=impatient)
    assert stolcke.Grammar.from_json_schema(SCHEMA, timeout=600, cancel=lambda: False)


def test_writing_rules_can_be_stopped():
    names = {f"p{i}": {"type": "integer"} for i in range(300)}
    counted = {"properties": names, "minProperties": 150}
    left = iter(range(2_000))
    with pytest.raises(stolcke.Cancelled, match="writing"):
        stolcke.Grammar.from_json_schema(counted, cancel=lambda: next(left, None) is None)


def test_what_is_remembered_can_be_cancelled_too():
    grammar = stolcke.Grammar.from_json_schema(SCHEMA)
    stolcke.compile(grammar, BYTES)
    with pytest.raises(stolcke.Cancelled):
        stolcke.Grammar.from_json_schema(SCHEMA, cancel=lambda: True)
    with pytest.raises(stolcke.Cancelled):
        stolcke.compile(grammar, BYTES, cancel=lambda: True)
