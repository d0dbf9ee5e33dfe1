"""Structural tags: every short text is judged as a program judges that reads it from left to right."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stolcke
from stolcke.errors import ResponseFormatError, SchemaError
from stolcke.integrations.responses import Region, structural_tag
from tests.reference.structural_tags import Tag, Tags

BYTES = stolcke.Vocabulary.from_bytes()
TEXTS = ["".join(letters) for length in range(8) for letters in product("<ab", repeat=length)]


def accepted(region: Region, texts: list[str]) -> set[str]:
    compiled = stolcke.compile(region.grammar, BYTES)
    found = set()
    for text in texts:
        matcher = compiled.matcher()
        if matcher.accept_bytes(text.encode()) and matcher.is_accepting:
            found.add(text)
    return found


ONE = (Tag("<a", ("b", "bb"), "a"),)
CASES = [
    Tags(("<",), ONE),
    Tags(("<a",), ONE),
    Tags(("<a",), ONE, at_least_one=True),
    Tags(("<a",), ONE, stop_after_first=True),
    Tags(("<a",), ONE, at_least_one=True, stop_after_first=True),
    # Triggers that overlap themselves, and each other; one that begins as another does.
    Tags(("aba",), (Tag("abab", ("",), "<"),)),
    Tags(("ab", "ba"), (Tag("ab", ("<",), "a"), Tag("bab", ("",), "b"))),
    Tags(("<a", "<ab"), (Tag("<ab", ("",), "a"), Tag("<aa", ("b",), ""))),
    # Free text in a tag, up to the tag's own end, and tags in a tag.
    Tags(("<a",), (Tag("<a", None, "ab"),)),
    Tags(("<<",), (Tag("<<", ("a", "aa"), ""), Tag("<<b", None, "bb"))),
    Tags(("<a",), (Tag("<a", None, "b"),), outer="bb"),
    Tags(("<a",), ONE, outer="<b", stop_after_first=True),
    Tags(("<a",), ONE, outer="b", at_least_one=True),
    # What is excluded: on its own, over a trigger's beginning, and where it ends with one.
    Tags(("<a",), ONE, excludes=("bb",)),
    Tags(("<a",), ONE, excludes=("b<", "a<a")),
    Tags(("ab",), (Tag("ab", ("<",), ""),), excludes=("aab",), outer="<<"),
]


@pytest.mark.parametrize("tags", CASES, ids=repr)
def test_every_short_text(tags: Tags) -> None:
    expected = {text for text in TEXTS if tags.accepts(text)}
    assert accepted(structural_tag(tags.request()), TEXTS) == expected
    assert 0 < len(expected) < len(TEXTS)


words = st.text("<ab", max_size=3)
random_tags = st.lists(
    st.tuples(
        st.text("<ab", min_size=1, max_size=3),
        st.none() | st.lists(words, min_size=1, max_size=2).map(tuple),
        st.text("<ab", min_size=1, max_size=2),
    ).map(lambda fields: Tag(*fields)),
    min_size=1,
    max_size=2,
)


@given(
    random_tags,
    st.integers(1, 3),
    st.lists(st.text("<ab", min_size=1, max_size=3), max_size=1),
    st.booleans(),
    st.booleans(),
    st.none() | st.text("<ab", min_size=1, max_size=2),
)
def test_random_tags(tags, length, excludes, at_least_one, stop_after_first, outer) -> None:
    triggers = tuple({tag.begin[:length] for tag in tags})
    case = Tags(triggers, tuple(tags), tuple(excludes), at_least_one, stop_after_first, outer)
    try:
        region = structural_tag(case.request())
        _ = region.grammar
    except ResponseFormatError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        # Only what hides each other is refused, or is excluded; the twin then says nothing of use.
        assert any(word in refused for word in ("hold each other", "excluded from", "tell them apart"))
        return
    texts = TEXTS[:1093]  # up to six letters
    assert accepted(region, texts) == {text for text in texts if case.accepts(text)}


def test_the_older_form_and_its_text() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    structures = [{"begin": f"<f={name}>", "schema": schema, "end": "</f>"} for name in ("x", "y")]
    request = {"type": "structural_tag", "structures": structures, "triggers": ["<f="]}
    texts = ['so <f=x>{"a": 1}</f>, <f=y>{"a":2}</f>!', "<f", '<f=z>{"a": 1}</f>', '<f=x>{"a": ""}</f>', "<f=x>"]
    for form in (request, json.dumps(request)):
        assert accepted(structural_tag(form), texts) == set(texts[:2])


FORMATS = [
    ({"type": "const_string", "value": "ab"}, {"ab"}),
    ({"type": "regex", "pattern": "a{2,3}"}, {"aa", "aaa"}),
    ({"type": "grammar", "grammar": 'root ::= "a" root? "b"'}, {"ab", "aabb", "aaabbb"}),
    ({"type": "optional", "content": {"type": "const_string", "value": "a"}}, {"", "a"}),
    ({"type": "repeat", "min": 1, "max": 2, "content": {"type": "const_string", "value": "a"}}, {"a", "aa"}),
    ({"type": "repeat", "min": 6, "max": -1, "content": {"type": "const_string", "value": "a"}}, {"a" * 6, "a" * 7}),
    (
        {
            "type": "tags_with_separator",
            "separator": "<",
            "tags": [
                {
                    "begin": "a",
                    "content": {"type": "or", "elements": [{"type": "const_string", "value": "b"}]},
                    "end": "",
                }
            ],
        },
        {"", "ab", "ab<ab"},
    ),
    (
        {
            "type": "sequence",
            "elements": [
                {"type": "star", "content": {"type": "const_string", "value": "aaa"}},
                {"type": "plus", "content": {"type": "const_string", "value": "bbb"}},
            ],
        },
        {"bbb", "bbbbbb", "aaabbb"},
    ),
]


@pytest.mark.parametrize(("form", "expected"), FORMATS, ids=[form["type"] for form, _ in FORMATS])
def test_other_formats(form: dict, expected: set[str]) -> None:
    assert accepted(structural_tag({"type": "structural_tag", "format": form}), TEXTS) == expected


def test_a_dispatch_goes_on_with_what_its_pattern_says() -> None:
    form = {"type": "dispatch", "rules": [["<a", {"type": "const_string", "value": "b"}]], "excludes": ["bb"]}
    as_tags = Tags(("<a",), (Tag("<a", ("b",), ""),), excludes=("bb",))
    for loop in (True, False):
        tags = Tags(as_tags.triggers, as_tags.tags, as_tags.excludes, stop_after_first=not loop)
        region = structural_tag({"type": "structural_tag", "format": {**form, "loop": loop}})
        assert accepted(region, TEXTS) == {text for text in TEXTS if tags.accepts(text)}


def test_tokens_open_and_close_tags_and_text_does_not() -> None:
    tokens = [*(bytes([b]) for b in range(256)), b"<call>", b"</call>"]
    vocabulary = stolcke.Vocabulary(tokens, special_token_ids=[256, 257])
    begin, end = ({"type": "token", "token": name} for name in ("<call>", 257))
    tag = {
        "type": "tag",
        "begin": begin,
        "content": {"type": "json_schema", "json_schema": {"type": "null"}},
        "end": end,
    }
    form = {"type": "token_triggered_tags", "trigger_tokens": ["<call>"], "tags": [tag]}
    region = structural_tag({"type": "structural_tag", "format": form})
    assert region.special_tokens == ("<call>", 257)
    matcher = stolcke.compile(region.grammar, vocabulary).matcher()
    assert matcher.accept_bytes(b"a <call>null")
    assert matcher.is_accepting
    assert matcher.accept(256)
    assert not matcher.accept_bytes(b"text")
    assert matcher.accept_bytes(b"null")
    assert not matcher.accept_bytes(b"</call>")
    assert matcher.accept(257)
    assert matcher.is_accepting


def of(form: dict) -> dict:
    return {"type": "structural_tag", "format": form}


TAG = {"type": "tag", "begin": "<a>", "content": {"type": "any_text"}, "end": "</a>"}
TRIGGERED = {"type": "triggered_tags", "triggers": ["<a"], "tags": [TAG]}


@pytest.mark.parametrize(
    ("request_", "pointer", "words"),
    [
        ([], "#", "must be an object, not an array"),
        ("{", "#", "no JSON text"),
        ({"type": "structural_tag"}, "#", "'format' is missing"),
        ({**of(TRIGGERED), "more": 1}, "#", "'more' is not known here; known are type, format"),
        ({"type": "structural_tag", "triggers": [], "structures": []}, "#/triggers", "must not be empty"),
        (of({"type": "qwen_xml_parameter"}), "#/format/type", "known are any_text"),
        (of({"type": "any_text", "max_tokens": 3}), "#/format", "'max_tokens' is not known"),
        (of({**TRIGGERED, "triggers": ["<b"]}), "#/format/tags/0/begin", "one of the triggers, '<b'"),
        (of({**TRIGGERED, "triggers": ["<a", "<b"]}), "#/format/triggers/1", "no tag begins with this trigger"),
        (of({**TRIGGERED, "triggers": ["<a", ""]}), "#/format/triggers/1", "must not be empty"),
        (of({**TRIGGERED, "excludes": ["a"]}), "#/format/triggers", "excluded from free text"),
        (of({**TAG, "content": {**TRIGGERED, "excludes": 3}}), "#/format/content/excludes", "an array, not a number"),
        (of({**TAG, "content": TRIGGERED, "end": "<a>"}), "#/format/content/triggers", "nobody can tell them apart"),
        (of({**TAG, "end": ["x</", "</"]}), "#/format/content", "hold each other"),
        (of({**TAG, "begin": 3}), "#/format/begin", "a string, not a number"),
        (of({"type": "sequence", "elements": [{"type": "regex", "pattern": "("}]}), "#/format/elements/0/pattern", ""),
        (of({"type": "repeat", "min": 2, "max": 1, "content": TAG}), "#/format", "no number from 2 to 1"),
        (of({"type": "token", "token": -1}), "#/format/token", "id from 0 on"),
    ],
)
def test_wrong_requests_are_refused(request_, pointer: str, words: str) -> None:
    with pytest.raises(ResponseFormatError) as caught:
        _ = structural_tag(request_).grammar
    assert caught.value.pointer == pointer
    assert words in str(caught.value)


def test_formats_are_not_nested_without_end() -> None:
    def nested(depth: int) -> dict:
        form: dict = {"type": "const_string", "value": "a"}
        for _ in range(depth - 1):
            form = {"type": "optional", "content": {"type": "sequence", "elements": [form]}}
        return of(form)

    assert accepted(structural_tag(nested(25)), ["", "a", "aa"]) == {"", "a"}
    with pytest.raises(ResponseFormatError, match="more than 50 deep"):
        structural_tag(nested(400))


def test_errors_in_schemas_count_from_the_request() -> None:
    content = {"type": "json_schema", "json_schema": {"properties": {"x": {"type": "int"}}}}
    with pytest.raises(SchemaError) as caught:
        structural_tag(of({**TAG, "content": content}))
    assert caught.value.pointer == "#/format/content/json_schema/properties/x/type"


@pytest.mark.parametrize("tags", CASES[:4], ids=repr)
def test_stop_strings_in_and_behind_free_text(tags: Tags) -> None:
    stopped = accepted(structural_tag(tags.request()).stopping("bb"), TEXTS)
    without = Tags(tags.triggers, tags.tags, ("bb",), tags.at_least_one, tags.stop_after_first)
    ended = Tags(tags.triggers, tags.tags, (), tags.at_least_one, tags.stop_after_first, outer="bb")
    assert stopped == {text for text in TEXTS if without.accepts(text) or ended.accepts(text)}
