"""Wrong texts in GBNF and EBNF: what is wrong, where, and what to write instead; hostile ones soon."""

from __future__ import annotations

import time

import pytest

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.model import Grammar
from stolcke.options import Limits

READERS = {"gbnf": Grammar.from_gbnf, "ebnf": Grammar.from_ebnf}
DEEP = 100_000

# format, text, line, column, words of the message
WRONG = [
    ("both", 'root ::= "a" x', 1, 14, ["'x'", "not defined"]),
    ("both", 'root ::= "a" valeu\nvalue ::= "v"', 1, 14, ["did you mean 'value'"]),
    ("both", 'root ::= "a"\n\nroot ::= "b"', 3, 1, ["already defined, in line 1", "'|'"]),
    ("both", 'root ::= "a', 1, 10, ["no end"]),
    ("both", "root ::= [a", 1, 10, ["no end"]),
    ("both", "root ::= []", 1, 10, ["empty"]),
    ("both", "root ::= [z-a]", 1, 11, ["range is empty"]),
    ("both", r"root ::= [\d]", 1, 11, [r"'\d'", "[0-9]"]),
    ("both", r'root ::= "\q"', 1, 11, [r"'\q'", r"\n"]),
    ("both", r'root ::= "\ud83d\ude00"', 1, 11, ["surrogate", r"\U"]),
    ("both", 'root ::= "\ud800"', 1, 11, ["surrogate"]),
    ("both", r'root ::= "\U00110000"', 1, 11, ["U+10FFFF"]),
    ("both", 'root ::= "a\0"', 1, 12, ["NUL", r"\x00"]),
    ("both", 'root ::= "a" \0', 1, 14, [r"'\x00'"]),
    ("both", 'root ::= ("a"', 1, 10, ["not closed"]),
    ("both", 'root ::= "a")', 1, 13, ["no '('"]),
    ("both", "root ::= *", 1, 10, ["nothing before it"]),
    ("both", 'root ::= "a"{3,2}', 1, 13, ["{3,2}"]),
    ("both", 'root ::= "a"{,2}', 1, 13, ["{0,5}"]),
    ("both", '"a" ::= "b"', 1, 1, ["begins with its name"]),
    ("both", 'root ::= "a" $', 1, 14, ["'$'"]),
    ("gbnf", 'root ::= "a"\n| "b"', 2, 1, ["end its line with '|'"]),
    ("gbnf", 'root "a"', 1, 6, ["'::='"]),
    ("gbnf", "root", 1, 5, ["'::='"]),
    ("gbnf", 'root ::= "a" x ::= "b"', 1, 16, ["line of its own"]),
    ("gbnf", "root ::= !<think>", 1, 10, ["any other token", ".*"]),
    ("gbnf", "root ::= !<[7]>", 1, 10, ["any other token"]),
    ("gbnf", "root ::= <think", 1, 10, ["<[its id]>"]),
    ("gbnf", "root ::= <[x]>", 1, 10, ["<[its id]>"]),
    ("gbnf", "root ::= <>", 1, 10, ["text"]),
    ("gbnf", "root ::= [^]", 1, 10, ["empty"]),
    ("ebnf", 'root ::= "a" x ::= "b"', 1, 14, ["first thing in its line"]),
    ("ebnf", 'root ::= "a" |', 1, 15, ['""']),
    ("ebnf", 'root ::= ("a" | ) "b"', 1, 17, ['""']),
    ("ebnf", 'root ::=\nx ::= "a"', 2, 1, ['""']),
    ("ebnf", 'root ::= "a"*+', 1, 14, ["brackets"]),
    ("ebnf", "root ::= 'a'", 1, 10, ["double quotes"]),
    ("ebnf", "root ::= true", 1, 10, ['"true"']),
    ("ebnf", "root ::= <think>", 1, 10, ["Token(id)"]),
    ("ebnf", 'root ::= (= "a") "b"', 1, 10, ['""']),
    ("ebnf", 'root ::= "a" (= "b") "c"', 1, 22, ["ends its rule"]),
    ("ebnf", 'root ::= "a" (= "b"', 1, 14, ["not closed"]),
    ("ebnf", 'root ::= "a" (= b)', 1, 17, ["'b'", "not defined"]),
    ("ebnf", 'root ::= ("a" (= "b"))', 1, 15, ["only end a rule"]),
    ("ebnf", 'root[max_tokens=3] ::= "a"', 1, 6, ["max_tokens", "{0,n}"]),
    ("ebnf", 'root[capture, temperature=0.5] ::= "a"', 1, 15, ["temperature", "sampler"]),
    ("ebnf", 'root[capture="a" b] ::= "a"', 1, 6, ["key=value"]),
    ("ebnf", "root ::= ExcludeToken(3)", 1, 10, ["ExcludeToken", "any other token"]),
    ("ebnf", 'root ::= TagDispatch(("a", b))\nb ::= "b"', 1, 10, ["TagDispatch"]),
    ("ebnf", "root ::= Token()", 1, 10, ["Token(id"]),
    ("ebnf", 'root ::= Regex("a", json_string=true)', 1, 10, ['Regex("...")']),
]


@pytest.mark.parametrize(
    ("format", "text", "line", "column", "words"),
    [(format, *case) for kind, *case in WRONG for format in (READERS if kind == "both" else [kind])],
)
def test_an_error_says_what_and_where(format, text, line, column, words) -> None:
    with pytest.raises(GrammarError) as caught:
        READERS[format](text, source="my.file")
    error = caught.value
    assert (error.line, error.column, error.source) == (line, column, "my.file"), str(error)
    assert [word for word in words if word not in error.reason] == [], error.reason


@pytest.mark.parametrize("format", READERS)
def test_no_rule_to_start_from(format) -> None:
    with pytest.raises(GrammarError, match=r"'rot'.*did you mean 'root'.*root=\.\.\."):
        READERS[format]('root ::= "a"', root="rot")
    with pytest.raises(GrammarError, match="no rule"):
        READERS[format]("# nothing\n")
    with pytest.raises(GrammarError, match="must be str"):
        READERS[format](b"root")


HOSTILE = [
    ("nesting", "root ::= " + "(" * DEEP + '"a"' + ")" * DEEP),
    ("nesting", "root ::= " + "(" * DEEP),
    ("repeat", 'root ::= "a"{1000000}'),
    ("repeat", 'root ::= "a"{0,' + "9" * 5000 + "}"),
    ("rules", "root ::= " + " ".join(f'(x "{i}"){{0,9999}}' for i in range(11)) + '\nx ::= x "a" | "b"'),
    ("rules", "root ::= " + "x{10000}" * 600 + '\nx ::= x "a" | "b"'),
    ("alternatives", "root ::= " + " | ".join(['"a"'] * DEEP)),
    ("grammar_bytes", "root ::= " + '"a" ' * 600_000),
]


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize(("limit", "text"), HOSTILE, ids=[f"{limit}-{i}" for i, (limit, _) in enumerate(HOSTILE)])
def test_hostile_texts_meet_a_limit_soon(format, limit, text) -> None:
    begun = time.process_time()
    with pytest.raises(LimitExceeded) as caught:
        READERS[format](text)
    assert caught.value.limit == limit
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize(
    "text",
    [
        "root ::= " + "[" * 1_000_000,
        '"' * 1_000_001,
        "\0" * 1_000_000,
        "(" * 1_000_000,
        "a" * 1_000_000,
        "root ::= " + "\\" * 1_000_000,
        "root ::= " + "{" * 1_000_000,
        "root ::= <" + "a" * 1_000_000,
        "root ::= " + "a " * 200_000,
        "a[" * 400_000,
        "root ::= (" * 100_000,
        "\ud800" * 600_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_megabyte_of_garbage_is_refused_soon(format, text) -> None:
    begun = time.process_time()
    with pytest.raises((GrammarError, LimitExceeded)):
        READERS[format](text)
    assert time.process_time() - begun < 20


def test_operators_in_a_row_do_not_nest() -> None:
    grammar = Grammar.from_gbnf('root ::= "a"' + "*+?" * 50_000)
    assert len(grammar.rules) == 2
    with pytest.raises(LimitExceeded, match="nesting"):
        Grammar.from_gbnf('root ::= "a"' + "{2}" * 50_000)


def test_the_allowed_depth_is_read() -> None:
    for inner in ("(", '("b" | root ', '("b" ', "([a] root "):
        Grammar.from_gbnf("root ::= " + inner * 200 + '"a"' + ")*" * 200, limits=Limits(nesting=200))
    with pytest.raises(LimitExceeded, match="nesting=199"):
        Grammar.from_gbnf("root ::= " + "(" * 200 + '"a"' + ")*" * 200, limits=Limits(nesting=199))
