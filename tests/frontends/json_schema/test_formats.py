"""Languages of formats, beside the official test suite, Python's own readers and the validators' checkers."""

from __future__ import annotations

import datetime
import ipaddress
import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stolcke.frontends.json_schema.formats import format_language
from stolcke.lexer.language import Language
from tests.json_schema.suite import groups
from tests.strategies import EFFORT

FORMATS = [
    *("date", "date-time", "duration", "email", "hostname", "idn-email", "idn-hostname", "ipv4", "ipv6", "iri"),
    *("iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference"),
    *("uri-template", "uuid"),
]

# Texts of the suite that are valid and, as documented, left out.
LEFT_OUT = {
    "date-time": {"1998-12-31T15:59:60.123-08:00"},
    "regex": {"(?<name>x)", r"(?<n>a)\k<n>"},
    "idn-hostname": {"بي\u200cبي", "xn--ihqwcrb4cv8a8dqg056pqjye"},
}


def is_left_out(name: str, text: str) -> bool:
    if "hostname" in name and any(label.lower().startswith("xn--") for label in text.split(".")):
        return True
    too_long = name == "idn-hostname" and any(len(label) > 6 for label in re.split("[.。．｡]", text))
    return text in LEFT_OUT.get(name, ()) or (too_long and not text.isascii())


@pytest.mark.parametrize("draft", ["draft7", "draft2019-09", "draft2020-12"])
@pytest.mark.parametrize("name", [*FORMATS, "ecmascript-regex"])
def test_official_suite(draft: str, name: str) -> None:
    if draft == "draft7" and name in ("duration", "uuid"):
        pytest.skip("not a format of this draft")
    for group in groups(draft, f"optional/format/{name}"):
        language = format_language(group["schema"]["format"])
        assert language is not None
        for test in group["tests"]:
            text = test["data"]
            if not isinstance(text, str) or any("\ud800" <= c < "\ue000" for c in text):
                continue
            if test["valid"] and text not in language:
                assert is_left_out(group["schema"]["format"], text), text
            else:
                assert (text in language) == test["valid"], text


def test_unknown_names_have_no_language() -> None:
    assert format_language("int32") is None
    assert format_language("DATE") is None


def is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def test_every_day_of_some_years() -> None:
    language = format_language("date")
    for year in ("1900", "2000", "2023", "2024"):
        for month in range(14):
            for day in range(33):
                text = f"{year}-{month:02}-{day:02}"
                assert (text in language) == is_date(text), text


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("2016-12-31T23:59:60Z", True),
        ("2015-06-30t23:59:60.5+00:00", True),
        ("2015-07-30T23:59:60Z", False),
        ("2016-12-31T23:58:60Z", False),
        ("2016-12-31T24:00:00Z", False),
    ],
)
def test_leap_seconds_of_days(text: str, valid: bool) -> None:
    assert (text in format_language("date-time")) == valid


def test_leap_seconds_are_one_moment_of_utc() -> None:
    language = format_language("time")
    for minutes in range(0, 24 * 60, 30):
        for sign in (1, -1):
            offset = f"{'+' if sign > 0 else '-'}{minutes // 60:02}:{minutes % 60:02}"
            accepted = [local for local in range(24 * 60) if f"{local // 60:02}:{local % 60:02}:60{offset}" in language]
            assert accepted == [(23 * 60 + 59 + sign * minutes) % (24 * 60)]


addresses = st.lists(st.sampled_from(["", "0", "1", "ab", "12345", "ffff", ":", "1.2.3.4", "1.2.3", "256.1.1.1"]))


@settings(max_examples=300 * EFFORT)
@given(addresses.map(":".join) | st.ip_addresses(v=6).map(str))
def test_ipv6_like_python(text: str) -> None:
    try:
        expected = bool(ipaddress.IPv6Address(text))
    except ValueError:
        expected = False
    assert (text in format_language("ipv6")) == expected


@settings(max_examples=200 * EFFORT)
@given(st.lists(st.sampled_from(["0", "00", "1", "25", "255", "256", "99", ""]), min_size=3, max_size=5).map(".".join))
def test_ipv4_like_python(text: str) -> None:
    try:
        expected = bool(str(ipaddress.IPv4Address(text)))
    except ValueError:
        expected = False
    assert (text in format_language("ipv4")) == expected


def test_host_names_are_bounded() -> None:
    language = format_language("hostname")
    label = "a" * 63
    assert label in language and f"{label}.{label}" in language
    assert "a" * 64 not in language and f"{label}.{label}." not in language and f"{label}.{label}.a" not in language


SAMPLES = {
    "regex": "ab(|)[^-]*+?{1,2}\\dwbx0$",
    "uri": "ab:/?#[]@%4F.é",
    "uri-reference": "ab:/?#[]@%4F.é",
    "duration": "PT1YMWDHS",
    "uri-template": "ab{}+,:1%4*. ",
    "idn-hostname": "aé-.xnן1א٠",
    "hostname": "ab-.xn1A",
    "json-pointer": "/~01a",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_taken_is_valid(name: str) -> None:
    """Another implementation agrees with all that is in a language; what it takes beyond may be left out."""
    jsonschema = pytest.importorskip("jsonschema")
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    if name not in checker.checkers:
        pytest.skip(f"jsonschema has no checker for {name} here")
    language = format_language(name)
    taken = 0

    @settings(max_examples=500 * EFFORT)
    @given(st.text(SAMPLES[name], max_size=8))
    def compare(text: str) -> None:
        nonlocal taken
        if text in language:
            taken += 1
            # Python's expressions, by which it judges, know no empty sets.
            assert checker.conforms(text, name) or (name == "regex" and "[" in text), text

    compare()
    assert taken or EFFORT < 1


def walk(language: Language, random: Random, steps: int) -> str | None:
    """Take a random text of a language, from edge to edge of its automaton; ``None`` where none was met."""
    automaton, state, text = language._automaton, 0, ""
    for _ in range(steps):
        edges = automaton.edges(state)
        if not edges or (automaton.is_accepting(state) and random.random() < 0.25):
            break
        low, high, state = random.choice(edges)
        code = random.randint(low, high)
        text += chr(code if not 0xD800 <= code < 0xE000 else low)
    return text if automaton.is_accepting(state) else None


def test_international_names_can_be_encoded() -> None:
    idna = pytest.importorskip("idna")
    language, random = format_language("idn-hostname"), Random(1)
    names = {walk(language, random, 14) for _ in range(500 * EFFORT)} - {None}
    assert len(names) > 200 or EFFORT < 1
    for name in names:
        assert len(idna.encode(name)) < 254


@pytest.mark.parametrize("name", ["date-time", "date", "time", "duration", "uri", "iri", "uuid", "ipv6", "email"])
def test_walks_are_valid(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    if name not in checker.checkers:
        pytest.skip(f"jsonschema has no checker for {name} here")
    language, random = format_language(name), Random(1)
    texts = {walk(language, random, 60) for _ in range(300 * EFFORT)} - {None}
    assert len(texts) > 50 or EFFORT < 1
    # Leap seconds, and the year 0 of RFC 3339, are beyond Python's dates.
    beyond = re.compile(r":60|^0000" if "date" in name or name == "time" else "(?!)")
    if name == "iri":
        texts = {in_the_basic_plane(text) for text in texts}
    assert [text for text in texts if not checker.conforms(text, name) and not beyond.search(text)] == []


def in_the_basic_plane(iri: str) -> str:
    """Exchange each `ucschar` and `iprivate` of RFC 3987 above U+FFFF for one below.

    One of the two checkers that `jsonschema` may find (rfc3987-syntax) knows none of
    the planes above. What is in neither set stays as it is, for the checker to refuse.
    """

    def exchange(match: re.Match[str]) -> str:
        code = ord(match[0])
        if code & 0xFFFF >= 0xFFFE or 0xE0000 <= code < 0xE1000:
            return match[0]
        return "\ue000" if code >= 0xF0000 else "\u00e9"

    return re.sub("[\U00010000-\U0010ffff]", exchange, iri)
