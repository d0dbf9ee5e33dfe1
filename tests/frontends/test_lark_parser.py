"""Our loop over Lark's tables against Lark's own parser: the same trees, tokens and errors."""

from __future__ import annotations

import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Token, Tree
from lark.exceptions import UnexpectedInput
from lark.load_grammar import _get_parser

import stolcke
from stolcke.frontends.lark_parser import _parser, parse_grammar

PIECES = [
    *"abA_|:.,~?*+![](){}\\#\n ",
    *('"x"', '"\\""i', "/r/", "/a\\/\n/x", "..", "->", "~3", "~1..2", "// c\n", "  # d", "\r\n", "\t", "\\\n"),
    *("%ignore", "%import", "%extend", "%override", "%declare", "start: ", "A: ", "?a.2: ", "t{x, y}: ", "\n | "),
]
SHIPPED = [
    *((f"lark/{name}", pkgutil.get_data("lark", f"grammars/{name}.lark").decode()) for name in ("python", "common")),
    *((name, stolcke.grammar_path(name).read_text()) for name in ("json", "markup", "csv")),
]


def described(node: Tree | Token) -> tuple:
    """Everything that a tree or token holds."""
    if isinstance(node, Tree):
        return type(node), node.data, [described(child) for child in node.children]
    return type(node), str(node), *(getattr(node, name) for name in Token.__slots__)


def outcome(parse, text: str):
    try:
        return described(parse(text))
    except UnexpectedInput as error:
        return type(error), error.line, error.column, str(error)


def of_lark(text: str) -> Tree:
    return _get_parser().parse(text, "start")


@pytest.mark.parametrize(("name", "text"), SHIPPED, ids=[name for name, _ in SHIPPED])
def test_grammars(name: str, text: str) -> None:
    assert described(_parser().parse(text + "\n")) == described(of_lark(text + "\n"))


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_pieces(text: str) -> None:
    assert outcome(parse_grammar, text + "\n") == outcome(of_lark, text + "\n")


STATEMENTS = [
    'start: a "b" | (A ["c"])~2..3 -> c\n',
    "!?a.-3: _x{b, A}\n     | b* // of nothing\n",
    "_x{y, z}: y z? \\\n  \n",
    'A.2: "a".."f" /x[/]?/im+\n\n',
    "%import common (WS, INT)\n%import .a.b -> c\n",
    "%declare D e\n%ignore / +/\n",
    '%override a: "x"\r\n%extend A: ""\n',
    "# alone\n",
]


@given(
    st.lists(st.sampled_from(STATEMENTS), max_size=12),
    st.integers(0, 400),
    st.sampled_from(["", "", "|", "\n", "?", '"']),
)
def test_statements_with_a_mistake(statements: list[str], place: int, mistake: str) -> None:
    text = "".join(statements)
    text = text[:place] + mistake + text[place:] + "\n"
    assert outcome(parse_grammar, text) == outcome(of_lark, text)
