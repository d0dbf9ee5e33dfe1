"""The larger shipped grammars against other parsers of the same languages.

Two ways: texts drawn from a grammar must be right for the other parser, and
texts of the language, damaged at random, must get the same verdict from both.
Where a grammar says in its header that it does not check something, or takes
less, the judge here says so, too: by the other parser's message, or by ``None``.
"""

from __future__ import annotations

import configparser
import contextlib
import random
import re
import shutil
import sqlite3
import subprocess
import tomllib
import warnings
from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address

import lark
import pytest
from lark.load_grammar import _get_parser as parser_of_lark
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
        elsewhere = "unknown group name|invalid group ref|redefinition|look-behind|min repeat|cannot refer|.*on and off"
        return None if re.match(elsewhere, error.msg) else False
    except OverflowError:
        return None
    plain = re.sub(r"(?s)\\[^N]", "x", text)
    repeat = r"\{(\d{1,9}(,\d{0,9})?|,\d{0,9})\}"
    narrower = rf"(?!{repeat})\{{|\\|\(\?#|\(\?[a-z]*[tx]|^\(\?[aims]+\)\(\?|\(\?(P?[<=]|\()[^)>]*[^\x00-\x7f]"
    return None if re.search(narrower, plain) else True


def of_lark(text: str) -> Verdict:
    try:
        tree = parser_of_lark().parse(text + "\n")
    except lark.exceptions.UnexpectedInput:
        return False
    literals = tree.scan_values(lambda token: token.type in ("STRING", "REGEXP"))
    # These Lark reads, too, and refuses when it evaluates them.
    unfit = r"""(?s).*(?<!\\)(\\\\)*\\["/][a-z]*|/.*\n.*/[a-wyz]*"""
    halves = any(re.fullmatch(unfit, literal) for literal in literals)
    return None if halves or re.search(r"\\ *\Z|[\x0b\x0c\r\x1c-\x1f\x85\xa0]", text) else True


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


DOT = shutil.which("dot") or shutil.which("graphviz-pure")


def dot(text: str) -> Verdict:
    def reads(text: str) -> bool:
        # What is wrong behind the first graph does not keep it from being written.
        return bool(subprocess.run([DOT, "-Tcanon"], input=text.encode(), capture_output=True, check=False).stdout)

    if not reads(text):
        return False
    # It stops reading where the first graph ends.
    return None if reads(text[: text.rindex("}")]) else True


def sql(text: str) -> Verdict:
    try:
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("EXPLAIN " + text)
    except sqlite3.Warning:
        return None  # more than one statement
    except (sqlite3.Error, ValueError) as error:
        if re.search("syntax error|incomplete input|unrecognized token|null character", str(error)):
            return False
        # Names are looked up when all has been read.
        return True if re.match("no such|Incorrect number of bindings", str(error)) else None
    return True


JUDGES: dict[str, Callable[[str], Verdict]] = {
    "email": email,
    "ini": ini,
    "lark": of_lark,
    "regex": regex,
    "toml": toml,
    "uri": uri,
}
if DOT:
    JUDGES["dot"] = dot
if sqlite3.sqlite_version_info >= (3, 39):  # full joins
    JUDGES["sql"] = sql
WIDER = {"dot", "sql"}
"""Languages of which the other parser takes more than the grammar, in more ways than can be told here."""


# Of Graphviz each verdict costs a process.
TRIES = {name: EFFORT if name == "dot" else 4 * EFFORT for name in JUDGES}


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
    if name not in WIDER:
        for viable, rest in cases(name)["rejected"]:
            assert JUDGES[name](viable + rest) is not True, viable + rest


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.filterwarnings("ignore::stolcke.InconsistentGrammarWarning")
def test_texts_drawn(name: str) -> None:
    n_right = 0
    for seed in range(80 * TRIES[name]):
        try:
            text = compiled(name).sample(seed, max_bytes=5000).decode()
        except SampleTooLong:
            continue
        verdict = JUDGES[name](text)
        assert verdict is not False, text
        n_right += verdict is True
    assert n_right > 10 * TRIES[name]


@pytest.mark.parametrize("name", JUDGES)
def test_damaged_texts(name: str) -> None:
    generator = random.Random(name)
    texts = cases(name)["accepted"]
    alphabet = "".join(sorted({c for text in texts for c in text if c.isascii()}))
    verdicts = []
    for _ in range(500 * TRIES[name]):
        text = damaged(generator.choice(texts), alphabet, generator)
        verdict = JUDGES[name](text)
        if verdict is not None and not (verdict and name in WIDER):
            assert accepts(name, text) == verdict, text
        verdicts.append(verdict)
    # Both verdicts were put to the test.
    assert verdicts.count(True) > 50 * TRIES[name] and verdicts.count(False) > 50 * TRIES[name]
