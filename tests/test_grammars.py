"""The shipped grammars against their texts, and against independent judges of the same languages.

``tests/cases/grammars/*.toml`` hold texts of each language, and for texts
outside it the exact place where they leave it: what comes before that place
must be accepted byte by byte (a mask may not forbid what can be completed),
and the next byte must be refused (nor allow what cannot).
"""

from __future__ import annotations

import calendar
import json
import random
import re
from dataclasses import replace
from functools import cache
from xml.parsers import expat

import lark
import numpy as np
import pytest

import stolcke
from stolcke.grammar.weights import is_weighted
from tests.shipped_grammars import NAMES, ROOT, accepts, cases, compiled
from tests.vocabularies import real

SHORT = 40  # characters: Lark takes a second for a page
AMBIGUOUS = {"markup", "uri"}  # text of several pieces; IPv4 addresses, which are names of hosts, too, as in the RFC
END = 256  # the id of the end token in Vocabulary.from_bytes()


@cache
def lark_parser(name: str) -> lark.Lark:
    """Lark's parser of a grammar without what Lark does not know."""
    path = ROOT / f"grammars/{name}.lark"
    text = re.sub(r"(?m)^%(follow|precede|reserve) .*$", "", path.read_text(encoding="utf-8"))
    if is_weighted(grammar := stolcke.Grammar.from_file(path)):
        text = str(replace(grammar, rules=tuple(replace(rule, weight=None) for rule in grammar.rules)))
    return lark.Lark(text, parser="earley", lexer="dynamic_complete")


def is_restricted(name: str) -> bool:
    return re.search(r"(?m)^%(follow|precede|reserve) ", (ROOT / f"grammars/{name}.lark").read_text()) is not None


def lark_accepts(name: str, text: str) -> bool:
    try:
        lark_parser(name).parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


def accepted_texts() -> list:
    return [
        pytest.param(name, text, id=f"{name}-{text!r:.40}")
        for name in NAMES
        for text in cases(name)["accepted"] + cases(name).get("accepted_not_xml", [])
    ]


def rejected_texts() -> list:
    found = []
    for name in NAMES:
        pairs = [(viable.encode(), rest.encode()) for viable, rest in cases(name)["rejected"]]
        pairs += [(bytes.fromhex(viable), bytes.fromhex(rest)) for viable, rest in cases(name).get("rejected_hex", [])]
        found += [pytest.param(name, *pair, id=f"{name}-{pair[0] + pair[1]!r:.40}") for pair in pairs]
    return found


def test_every_grammar_has_its_texts() -> None:
    assert sorted(path.stem for path in (ROOT / "tests/cases/grammars").glob("*.toml")) == NAMES
    assert len(NAMES) >= 6
    for name in NAMES:
        assert len(cases(name)["accepted"]) >= 20
        assert len(cases(name)["rejected"]) >= 20


@pytest.mark.parametrize(("name", "text"), accepted_texts())
def test_accepted(name: str, text: str) -> None:
    assert accepts(name, text)


@pytest.mark.parametrize(("name", "text"), accepted_texts())
def test_masks_let_accepted_texts_through(name: str, text: str) -> None:
    """Before each byte the mask has that byte, and the end token exactly where the text could end."""
    matcher = compiled(name).matcher()
    for byte in text.encode():
        mask = matcher.mask()
        assert mask[byte]
        assert mask[END] == matcher.is_accepting
        assert matcher.accept(byte)
    assert matcher.mask()[END]
    assert matcher.accept(END)
    assert matcher.is_finished
    assert not matcher.mask().any()


@pytest.mark.parametrize("name", sorted(set(NAMES) - AMBIGUOUS))
@pytest.mark.filterwarnings("ignore::stolcke.InconsistentGrammarWarning")
def test_texts_are_read_in_one_way(name: str) -> None:
    parser = stolcke.Parser(stolcke.Grammar.from_file(ROOT / f"grammars/{name}.lark"))
    for text in cases(name)["accepted"]:
        assert parser.parse(text).n_derivations == 1, text


@cache
def llama3() -> tuple[stolcke.Vocabulary, dict[bytes, int]]:
    tokens, ends, special = real("llama3")
    ids = {token: i for i, token in enumerate(tokens) if token and i not in special}
    return stolcke.Vocabulary(tokens, eos_token_ids=ends, special_token_ids=special), ids


@pytest.mark.parametrize("name", NAMES)
def test_masks_of_a_real_vocabulary(name: str) -> None:
    """Text by text, the longest token each time: it is allowed, and so is an end token where the text ends."""
    vocabulary, ids = llama3()
    grammar = stolcke.Grammar.from_file(ROOT / f"grammars/{name}.lark")
    compiled_for_tokens = stolcke.compile(grammar, vocabulary)
    for text in cases(name)["accepted"]:
        matcher, data, begin = compiled_for_tokens.matcher(), text.encode(), 0
        while begin < len(data):
            end = next(end for end in range(min(begin + 32, len(data)), begin, -1) if data[begin:end] in ids)
            token = ids[data[begin:end]]
            assert matcher.mask()[token], (text, begin)
            assert matcher.accept(token)
            begin = end
        assert matcher.mask()[vocabulary.eos_token_ids].all(), text


@pytest.mark.parametrize(("name", "viable", "rest"), rejected_texts())
def test_rejected_at_the_right_byte(name: str, viable: bytes, rest: bytes) -> None:
    matcher = compiled(name).matcher()
    assert matcher.accept_bytes(viable)
    if not rest:
        assert not matcher.is_accepting
        assert not matcher.mask()[END]
        return
    assert not matcher.mask()[rest[0]]
    assert not matcher.accept_bytes(rest)
    # Refused input leaves the matcher as it was.
    np.testing.assert_array_equal(matcher.mask(), _mask_after(name, viable))


def _mask_after(name: str, text: bytes) -> np.ndarray:
    matcher = compiled(name).matcher()
    assert matcher.accept_bytes(text)
    return matcher.mask()


@pytest.mark.parametrize("name", NAMES)
def test_lark_agrees(name: str) -> None:
    """These grammars use nothing in which Lark's own parser has another meaning, but for restrictions."""
    for text in cases(name)["accepted"]:
        if len(text) < SHORT:
            assert lark_accepts(name, text), text
    for viable, rest in [] if is_restricted(name) else cases(name)["rejected"]:
        if len(viable + rest) < SHORT:
            assert not lark_accepts(name, viable + rest), viable + rest


# -- JSON against the json module ------------------------------------------------------------------


def json_loads_accepts(text: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def test_json_texts_are_json() -> None:
    for text in cases("json")["accepted"]:
        assert json_loads_accepts(text), text
    for viable, rest in cases("json")["rejected"]:
        assert not json_loads_accepts(viable + rest), viable + rest


def test_json_agrees_with_json_loads_on_damaged_texts() -> None:
    generator = random.Random(8259)
    texts = cases("json")["accepted"]
    alphabet = '{}[]",:\\u0159-+.eE tfn\n\r\t\x00é/'
    verdicts = []
    for _ in range(1500):
        text = generator.choice(texts)
        for _ in range(generator.randint(1, 2)):
            place = generator.randint(0, len(text))
            removed = generator.randint(0, 2)
            text = text[:place] + generator.choice(alphabet) + text[place + removed :]
        expected = json_loads_accepts(text)
        assert accepts("json", text) == expected, text
        verdicts.append(expected)
    assert 100 < sum(verdicts) < 1400  # both verdicts were put to the test


# -- the other languages against the standard library ----------------------------------------------


def test_arithmetic_is_python() -> None:
    for text in cases("arithmetic")["accepted"]:
        compile(text.strip(), "<case>", "eval")


def test_markup_is_xml_wherever_names_agree() -> None:
    for text in cases("markup")["accepted"]:
        expat.ParserCreate().Parse(text, True)
    for text in cases("markup")["accepted_not_xml"]:
        with pytest.raises(expat.ExpatError):
            expat.ParserCreate().Parse(text, True)


@pytest.mark.parametrize("year", [0, 4, 1900, 2000, 2023, 2024, 2100])
def test_iso8601_knows_the_calendar(year: int) -> None:
    def days(month: int) -> int:
        # The calendar module has no year 0; the Gregorian calendar repeats every 400 years.
        return calendar.monthrange(year or 400, month)[1]

    for month in range(100):
        for day in range(100):
            valid = 1 <= month <= 12 and 1 <= day <= days(month)
            assert accepts("iso8601", f"{year:04}-{month:02}-{day:02}") == valid
    for day in range(1000):
        assert accepts("iso8601", f"{year:04}-{day:03}") == (1 <= day <= sum(map(days, range(1, 13))))


def test_iso8601_knows_the_clock() -> None:
    for hour in range(100):
        for minute in range(100):
            valid = (hour < 24 and minute < 60) or (hour, minute) == (24, 0)
            assert accepts("iso8601", f"{hour:02}:{minute:02}") == valid
