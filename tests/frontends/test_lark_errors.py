"""Every failure to read a Lark grammar is a GrammarError with a place, a caret and a remedy."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from stolcke.errors import GrammarError, RegexError, StolckeError
from stolcke.grammar.model import Grammar

CASES = tomllib.loads((Path(__file__).parents[1] / "cases" / "lark_errors.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_broken_grammar(case):
    with pytest.raises(GrammarError) as caught:
        Grammar.from_lark(case["text"], case.get("start", "start"))
    error = caught.value
    assert (error.line, error.column) == (case.get("line"), case.get("column")), error
    for words in case["says"]:
        assert words in str(error)
    if error.line is not None and error.text_line is not None:
        assert error.text_line == case["text"].split("\n")[error.line - 1]
        shown, caret = str(error).split("\n")[-2:]
        # The caret stands under the character of that column.
        column = caret.index("^")
        following = error.text_line[error.column - 1 : error.column].replace("\t", " ")
        assert shown[column : column + 1] == following


def test_regular_expressions_name_their_own_class_and_position():
    with pytest.raises(RegexError) as caught:
        Grammar.from_lark("start: A\nA: /ab(c/")
    assert (caught.value.pattern, caught.value.position) == ("ab(c", 2)


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "broken.lark"
    path.write_text('start: "a"\n  b: c\n')
    with pytest.raises(GrammarError, match=r"broken\.lark, line 2, column 6") as caught:
        Grammar.from_file(path)
    assert caught.value.source == str(path)


def test_a_file_that_is_not_utf8(tmp_path):
    path = tmp_path / "latin.lark"
    path.write_bytes(b'start: "a"\nb: "\xe9"\n')
    with pytest.raises(GrammarError, match="not UTF-8") as caught:
        Grammar.from_file(path)
    assert (caught.value.line, caught.value.column) == (2, 5)


@pytest.mark.parametrize("lexer", ["dynamic", "basic", ""])
def test_other_lexers_are_refused_by_name(lexer):
    with pytest.raises(GrammarError, match=f"{lexer!r}.*contextual"):
        Grammar.from_lark('start: "a"', lexer=lexer)


@pytest.mark.parametrize("text", [None, b'start: "a"', 3])
def test_texts_must_be_str(text):
    with pytest.raises(GrammarError, match="must be str"):
        Grammar.from_lark(text)


WHOLE = r"""
%import common (WS, INT)
%declare _X
?start.2: pair{item, ","}~2..3 | [item] "b".."d" [0.25] -> other
pair{x, y}: x (y x [0.5] | [2e-1] | y)*{0.7} | _X [.5]
item: A+ "x"i? | /r[^\/"]/is | INT
A.3: ("a" | "b" B)~1..2
B: "\"" | "\\"
%ignore WS {0.125}
%extend B: "c"
%override item: A "//" // comment
"""


def test_damaged_texts_raise_nothing_but_our_errors():
    """Cut, doubled and exchanged pieces of a grammar that has everything."""
    chance = random.Random(7)
    refused = 0
    for _ in range(600):
        text = WHOLE
        for _ in range(chance.randint(1, 3)):
            begin = chance.randrange(len(text))
            end = begin + chance.randint(0, 6)
            other = chance.randrange(len(text))
            piece = chance.choice(
                ["", text[other : other + 3], text[begin:end] * 2, chance.choice('"/\\(){}[]|~.%\n\0é')]
            )
            text = text[:begin] + piece + text[end:]
        try:
            Grammar.from_lark(text)
        except StolckeError:
            refused += 1
    # Some damage does none.
    assert 300 < refused < 590
