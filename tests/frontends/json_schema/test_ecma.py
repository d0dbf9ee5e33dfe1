"""Languages of ECMA-262's expressions, beside two engines that backtrack and the official test suite."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stolcke.errors import LimitExceeded, RegexError
from stolcke.frontends.json_schema.ecma import pattern_language
from stolcke.frontends.json_schema.unicode_properties import find_property
from stolcke.options import Limits
from tests.json_schema.suite import groups
from tests.strategies import EFFORT

CASES = Path(__file__).parents[2] / "cases"
CHARACTERS = "ab -\né\u2028😀"
texts = st.text(CHARACTERS, max_size=6)


def load(name: str) -> list[dict]:
    return tomllib.loads((CASES / name).read_text("utf-8"))["case"]


@pytest.mark.parametrize("case", load("ecma.toml"), ids=lambda case: case["name"])
def test_cases(case: dict) -> None:
    language = pattern_language(case["pattern"])
    assert [text for text in case["accepts"] if text not in language] == []
    assert [text for text in case["rejects"] if text in language] == []


@pytest.mark.parametrize("case", load("ecma_errors.toml"), ids=lambda case: case["pattern"])
def test_refused(case: dict) -> None:
    with pytest.raises(RegexError) as caught:
        pattern_language(case["pattern"])
    assert caught.value.pattern == case["pattern"]
    assert caught.value.position == case["position"]
    assert case["reason"] in caught.value.reason


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        ("(" * 300 + ")" * 300, "nesting"),
        ("a{20000}", "repeat"),
        ("a{1" + "0" * 5000 + "}", "repeat"),
        ("(?:(?:a{99}){99}){99}", "regex_states"),
        ("a.{20}b", "regex_states"),
        (r"^(?:(?!a.{300}b)(?!b.{301}a)(?!c.{302}d)[^])*$", "regex_states"),
    ],
)
def test_limits(pattern: str, limit: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        pattern_language(pattern, Limits(regex_states=5000))
    assert caught.value.limit == limit


def composed(atoms: st.SearchStrategy[str], looks: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Expressions over some atoms; ``looks`` are how groups may begin that read nothing."""
    return st.recursive(
        atoms,
        lambda part: st.one_of(
            st.tuples(part, part).map("".join),
            st.tuples(part, part).map(lambda parts: f"(?:{parts[0]}|{parts[1]})"),
            st.tuples(part, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}", "*?", "+?"])).map(
                lambda parts: f"(?:{parts[0]}){parts[1]}"
            ),
            st.tuples(st.sampled_from(looks), part).map(lambda parts: f"({parts[0]}{parts[1]})"),
        ),
        max_leaves=8,
    )


# What means the same to Python as to ECMA-262: `\Z` is `$`, and sets of ASCII.
shared_atoms = st.sampled_from(["a", "b", "-", "[ab]", "[^a]", "[^]", "^", "$", r"\b", r"\B", "😀", r"[^\n\u2028]"])


def has_fixed_lookbehinds(pattern: str) -> bool:
    try:
        re.compile(as_python(pattern), re.ASCII)
    except re.error:
        return False
    return True


def as_python(pattern: str) -> str:
    return pattern.replace("[^]", r"[\s\S]").replace("$", r"\Z")


@settings(max_examples=400 * EFFORT)
@given(composed(shared_atoms, ("?=", "?!", "?<=", "?<!", "?:")).filter(has_fixed_lookbehinds), st.lists(texts))
def test_like_python(pattern: str, samples: list[str]) -> None:
    expected = re.compile(as_python(pattern), re.ASCII)
    language = pattern_language(pattern)
    for text in ["", *CHARACTERS, *samples]:
        # Before 3.14, \B of Python does not match the empty text.
        if text or r"\B" not in pattern:
            assert (text in language) == bool(expected.search(text)), text


ecma_atoms = st.sampled_from(
    ["a", "b", ".", r"\s", r"\S", r"\w", r"\W", "[^a]", "[]", "^", "$", r"\b", r"\B", r"\u{1F600}", r"\p{L}", "[^-b]"]
)


def test_like_node() -> None:
    """One process answers for all examples."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    questions: list[tuple[str, list[str]]] = []

    @settings(max_examples=400 * EFFORT, database=None)
    @given(composed(ecma_atoms, ("?=", "?!", "?<=", "?<!", "")), st.lists(texts))
    def collect(pattern: str, samples: list[str]) -> None:
        questions.append((pattern, ["", *CHARACTERS, *samples]))

    collect()
    script = (
        "const ask = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(ask.map(([p, texts]) => texts.map(t => new RegExp(p, 'u').test(t)))))"
    )
    run = subprocess.run(
        [node, "-e", script], input=json.dumps(questions), capture_output=True, text=True, check=True, timeout=120
    )
    for (pattern, samples), answers in zip(questions, json.loads(run.stdout), strict=True):
        language = pattern_language(pattern)
        assert [text in language for text in samples] == answers, pattern


@pytest.mark.parametrize("draft", ["draft7", "draft2019-09", "draft2020-12"])
@pytest.mark.parametrize("name", ["pattern", "optional/ecmascript-regex", "optional/non-bmp-regex"])
def test_official_suite(draft: str, name: str) -> None:
    asked = 0
    for group in groups(draft, name):
        schema = group["schema"]
        patterns = list(schema.get("patternProperties", {}))
        for test in group["tests"]:
            if isinstance(test["data"], str) and "pattern" in schema:
                asked += 1
                assert (test["data"] in pattern_language(schema["pattern"])) == test["valid"], test
            elif isinstance(test["data"], dict) and schema.get("additionalProperties") is False:
                asked += 1
                matched = all(any(key in pattern_language(p) for p in patterns) for key in test["data"])
                assert matched == test["valid"], test
    assert asked > 1


def test_more_classes_than_bytes() -> None:
    """300 characters, no two alike: a class of characters is two bytes then."""
    letters = [chr(0x4E00 + i) for i in range(300)]
    pairs = "|".join(a + b for a, b in pairwise(letters))
    language = pattern_language(f"^(?!{letters[0]})(?:{pairs})+$")
    pair, other = letters[5] + letters[6], letters[298] + letters[299]
    assert all(text in language for text in (pair, pair + other, other * 3))
    wrong = ["", letters[5], letters[6] + letters[5], letters[0] + letters[1], pair + letters[7], pair + "\u4dff", "ab"]
    assert not [text for text in wrong if text in language]


def test_a_search_does_not_remember_what_it_has_found() -> None:
    """Each of these words could have been found before; that all of them were matters to nobody."""
    names = [f"{letter}{other}-name" for letter in "abcdefgh" for other in "xyz"]
    assert pattern_language("|".join(names)).n_states < 24 * 8


def test_categories_cover_every_character_once() -> None:
    seen: dict[int, str] = {}
    names = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn"
    for name in names.split():
        bounds = find_property(name)
        assert bounds is not None
        for low, end in zip(bounds[::2], bounds[1::2], strict=True):
            assert not seen.keys() & {low, end - 1}
            seen.update(dict.fromkeys(range(low, end), name))
    assert len(seen) == 0x110000 - 0x800

    assert all(unicodedata.category(chr(code)) == name for code, name in seen.items())
