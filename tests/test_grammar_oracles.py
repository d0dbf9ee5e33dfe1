"""The larger shipped grammars against other parsers of the same languages.

Two ways: texts drawn from a grammar must be right for the other parser, and
texts of the language, damaged at random, must get the same verdict from both.
Where a grammar says in its header that it does not check something, or takes
less, the judge here says so, too: by the other parser's message, or by ``None``.
"""

from __future__ import annotations

import configparser
import random
import re
import tomllib
import warnings
from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address

import pytest
from rfc3986_validator import validate_rfc3986

from stolcke import SampleTooLong
from tests.shipped_grammars import accepts, cases, compiled
from tests.strategies import EFFORT

Verdict = bool | None
"""None: the grammar makes no promise about this text."""


def toml(text: str) -> Verdict:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if re.match(r"Cannot (overwrite|declare|mutate|redefine)|Duplicate", str(error)):
            return None
        # Python's dates have no year 0.
        return None if "0000-" in text else False
    except RecursionError:
        return None
    return True


def ini(text: str) -> Verdict:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except (configparser.DuplicateSectionError, configparser.DuplicateOptionError):
        return None
    except configparser.Error:
        return False
    narrower = r"(?m)^[^\S\n]|^\[(?![^\]\n]+\][ \t]*$)|[\x00-\x08\x0b-\x1f\x7f-\xa0]"
    return None if re.search(narrower, text.replace("\r\n", "\n")) else True


def regex(text: str) -> Verdict:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(text)
    except re.error as error:
        if error.msg.startswith("bad character range"):
            return False if re.search(r"\\[dDsSwW]", error.msg) else None
        elsewhere = (
            "unknown group name|invalid group ref|redefinition of|look-behind|min repeat|cannot refer|.*on and off"
        )
        return None if re.match(elsewhere, error.msg) else False
    except OverflowError:
        return None
    plain = re.sub(r"(?s)\\[^N4-7]", "", text)
    repeat = r"\{(\d{1,9}(,\d{0,9})?|,\d{0,9})\}"
    narrower = rf"(?!{repeat})\{{|\\|\(\?#|\(\?[a-z]*x|^\(\?[aims]+\)\(\?|\(\?(P?[<=]|\()[^)>]*[^\x00-\x7f]"
    return None if re.search(narrower, plain) else True


def uri(text: str) -> Verdict:
    # It takes the `v` of an address for case-sensitive, and zeros before a number for decimal.
    if re.search(r"\[V|\[.*[:.]0\d+[.\]]", text):
        return None
    return not text.endswith("\n") and validate_rfc3986(text, rule="URI") is not None


def email(text: str) -> Verdict:
    try:
        Address(addr_spec=text)
    except (ValueError, IndexError, AttributeError, MessageError):
        return False
    # Comments, blanks, what may stand in a domain, literals: RFC 5322 has more of each.
    return True if re.fullmatch(r"[^\s()\\\[\]]*@[A-Za-z0-9]{1,63}(\.[A-Za-z0-9]{1,63})*", text) else None


JUDGES: dict[str, Callable[[str], Verdict]] = {
    "email": email,
    "ini": ini,
    "regex": regex,
    "toml": toml,
    "uri": uri,
}


def damaged(text: str, alphabet: str, generator: random.Random) -> str:
    for _ in range(generator.randint(1, 2)):
        place = generator.randint(0, len(text))
        inserted = generator.choice(alphabet) * generator.randint(0, 2)
        text = text[:place] + inserted + text[place + generator.randint(0, 2) :]
    return text


@pytest.mark.parametrize("name", JUDGES)
def test_cases(name: str) -> None:
    for text in cases(name)["accepted"]:
        assert JUDGES[name](text) is not False, text
    for viable, rest in cases(name)["rejected"]:
        assert JUDGES[name](viable + rest) is not True, viable + rest


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.filterwarnings("ignore::stolcke.InconsistentGrammarWarning")
def test_texts_drawn(name: str) -> None:
    kept = 0
    for seed in range(300 * EFFORT):
        try:
            text = compiled(name).sample(seed, max_bytes=5000).decode()
        except SampleTooLong:
            continue
        verdict = JUDGES[name](text)
        assert verdict is not False, text
        kept += bool(verdict)
    assert kept > 50 * EFFORT


@pytest.mark.parametrize("name", JUDGES)
def test_damaged_texts(name: str) -> None:
    generator = random.Random(name)
    texts = cases(name)["accepted"]
    alphabet = "".join(sorted({c for text in texts for c in text if c.isascii()}))
    verdicts = []
    for _ in range(2000 * EFFORT):
        text = damaged(generator.choice(texts), alphabet, generator)
        verdict = JUDGES[name](text)
        if verdict is not None:
            assert accepts(name, text) == verdict, (text, verdict)
            verdicts.append(verdict)
    assert 200 * EFFORT < sum(verdicts) < len(verdicts) - 200 * EFFORT  # both verdicts were put to the test
