"""Long and deep texts: time and tables stay linear, by counts and not by the clock.

A text that took quadratic or exponential time, or recursion in C, would not
come back at all; the counts say the same of smaller losses.
"""

from __future__ import annotations

import pytest

import stolcke
from stolcke.grammar.model import Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal
from tests.engine.laws import filled

VOCABULARY = stolcke.Vocabulary.from_bytes()
TABLES = ("columns", "states", "continuations")
END = 256


def start(source: str) -> tuple[stolcke.CompiledGrammar, stolcke.Matcher]:
    compiled = stolcke.compile(stolcke.Grammar.from_lark(source), VOCABULARY, prewarm=0)
    return compiled, compiled.matcher()


def sizes(compiled: stolcke.CompiledGrammar) -> dict[str, int]:
    """How many entries each table has."""
    found = compiled.stats()
    return {name: found[name] for name in TABLES}


def grown(source: str, text: bytes) -> dict[str, int]:
    """Table sizes of a fresh grammar after a text, which must be a sentence."""
    compiled, matcher = start(source)
    assert matcher.accept_bytes(text)
    assert matcher.is_accepting
    return sizes(compiled)


FLAT = {
    "left recursive list": ('start: "b" | start "a"', lambda n: b"b" + b"a" * n),
    "right recursion": ('start: "a" start | "b"', lambda n: b"a" * n + b"b"),
    "mutual right recursion": ('start: "a" x | "b"\nx: "a" start', lambda n: b"a" * (2 * n) + b"b"),
    "ambiguous sums": ('start: start "+" start | "1"', lambda n: b"1" + b"+1" * n),
    "sums with products": ('start: p | start "+" p\np: "1" | p "*" "1"', lambda n: b"1" + b"*1+1" * n),
    "starred group": ('start: "[" (x ("," x)*)? "]"\nx: "a"', lambda n: b"[a" + b",a" * n + b"]"),
    "one long terminal": ("start: TEXT*\nTEXT: /[^<]+/", lambda n: b"x y" * n),
    "a name cut in every way": ("start: NAME+\nNAME: /[a-z]+/", lambda n: b"ab" * n),
    "ignored text": ('start: "a"+\n%ignore / +/', lambda n: b"  a" * n),
    "doubly ambiguous lists": ('start: x*\nx: y*\ny: "a"', lambda n: b"a" * n),
}


@pytest.mark.parametrize("name", FLAT)
def test_tables_do_not_grow_with_the_text(name):
    """A hundred rounds and ten thousand need exactly the same tables."""
    source, text = FLAT[name]
    few, many = grown(source, text(100)), grown(source, text(10_000))
    assert few == many
    assert many["columns"] <= 40


def test_equal_terminals_do_not_double_live_columns():
    """Both ways to read each byte end at the same byte: one column, not two to the power of n."""
    source = 'start: A start "x" | B start "y" | "z"\nA: /a/\nB: /a/'
    counts = {}
    for n in (100, 200, 400):
        compiled, matcher = start(source)
        assert matcher.accept_bytes(b"a" * n + b"z")
        assert filled(matcher, 257) == [*b"xy"]
        assert matcher.accept_bytes(b"xy" * (n // 2))
        assert matcher.is_accepting
        assert filled(matcher, 257) == [END]
        counts[n] = sizes(compiled)["columns"]
    assert counts[400] - counts[200] == 2 * (counts[200] - counts[100]), counts
    assert counts[400] <= 5 * 400


def test_nesting_a_hundred_thousand_deep():
    source = 'start: "a" start "b" | "z"'
    counts = {}
    for n in (1000, 2000, 100_000):
        compiled, matcher = start(source)
        assert matcher.accept_bytes(b"a" * n + b"z")
        assert matcher.forced_bytes() == b"b" * n
        assert filled(matcher, 257) == [*b"b"]
        assert matcher.accept_bytes(b"b" * n)
        assert filled(matcher, 257) == [END]
        counts[n] = sizes(compiled)
    for table in TABLES:
        per_level = (counts[2000][table] - counts[1000][table]) / 1000
        assert per_level <= 5, (table, per_level)
        assert counts[100_000][table] <= per_level * 100_000 + counts[1000][table], table


def test_nesting_by_tokens_and_back():
    """The same depth in steps of single tokens; then rolled back in one call and in many."""
    _, matcher = start('start: "(" start ")" start | "x"')
    depth = 20_000
    assert matcher.accept_tokens([*b"("] * depth) == depth
    matcher.rollback(depth // 2)
    for _ in range(depth // 4):
        matcher.rollback()
    fork = matcher.fork()
    for other in (matcher, fork):
        assert other.accept_bytes(b"x" + b")x" * (depth // 4))
        assert other.is_accepting
        assert not other.accept(ord(")"))


def test_deep_right_recursion_ends_at_once():
    _, matcher = start('start: "a" x | "b"\nx: start "c"? | "d" start')
    assert matcher.accept_bytes(b"a" * 100_000)
    assert filled(matcher, 257) == [*b"abd"]
    assert matcher.accept_bytes(b"b" + b"c" * 10)
    assert matcher.is_accepting


def test_a_long_text_of_markup():
    source = r"""
    start: "<" NAME ">" (start | TEXT)* "</" NAME ">"
    NAME: /[a-z]+/
    TEXT: /[^<&]+/
    """
    few = grown(source, b"<a>" + b"many words " * 10 + b"</a>")
    many = grown(source, b"<a>" + b"many words " * 10_000 + b"</a>")
    assert few == many


def test_siblings_share_their_columns():
    source = r"""
    start: "<" NAME ">" (start | TEXT)* "</" NAME ">"
    NAME: /[a-z]+/
    TEXT: /[^<&]+/
    """
    few = grown(source, b"<a>" + b"<b>text<c></c></b>" * 10 + b"</a>")
    many = grown(source, b"<a>" + b"<b>text<c></c></b>" * 5_000 + b"</a>")
    assert few == many


def test_nullable_chains_are_no_product():
    """Thirty optional parts: lowered one by one, not into 2^30 alternatives."""
    parts = "".join(f'"{chr(97 + n % 26)}{n}"? ' for n in range(30))
    compiled, matcher = start(f"start: {parts}")
    assert matcher.is_accepting
    assert matcher.accept_bytes(b"a0c2z25a26d29")
    assert matcher.is_accepting
    assert not matcher.accept_bytes(b"a0")
    assert sizes(compiled)["columns"] <= 40


def test_masks_and_other_tokenisations_mint_no_columns():
    """Masks may need a few columns for the rules themselves, but none for each place in a text."""
    extra = {}
    for depth in (10, 100):
        text = b"a" * depth + b"z" + b"b" * depth
        compiled, matcher = start('start: "a" start "b" | "z"')
        assert matcher.accept_bytes(text)
        before = sizes(compiled)
        for _ in range(2):
            other = compiled.matcher()
            for value in text:
                other.mask()
                assert other.accept(value)
        extra[depth] = {name: count - before[name] for name, count in sizes(compiled).items()}
    assert extra[10] == extra[100]


def test_a_ring_of_unit_rules():
    """All of the ring are followed by the same: found once, not once for each."""
    n = 20_000
    rules = [Rule(Nonterminal(f"r{i}"), (Nonterminal(f"r{(i + 1) % n}"),)) for i in range(n)]
    rules += [Rule(Nonterminal(f"r{i}"), (Nonterminal(f"r{i}"), Terminal("A"))) for i in range(0, n, 10)]
    rules.append(Rule(Nonterminal("r7"), (Terminal("A"),)))
    grammar = stolcke.Grammar("r0", tuple(rules), {"A": TerminalDefinition("A", Literal("a"))})
    compiled = stolcke.compile(grammar, VOCABULARY, prewarm=0)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"aaa")
    assert filled(matcher, 257) == [*b"a", END]
    assert compiled.stats()["continuation_entries"] <= 3 * n


def levels(n: int, operator: str = "") -> str:
    """Write a grammar of ``n`` levels of precedence; all share one operator, or each has one of its own."""
    rules = [f'e{i}: e{i} "{operator or f"+{i};"}" e{i + 1} | e{i + 1}' for i in range(n)]
    return "\n".join(["start: e0", *rules, f'e{n}: "x" | "(" e0 ")"'])


def test_a_thousand_levels_of_precedence():
    """What follows the innermost level is long, but what each level adds to it is not repeated by the next."""
    entries = {}
    for n in (500, 1000, 2000):
        compiled, matcher = start(levels(n))
        assert matcher.accept_bytes(b"((x")
        assert filled(matcher, 257) == [*b")+"]
        assert matcher.accept_bytes(f"+{n - 1};x+7;x+0;x".encode())
        assert matcher.accept_bytes(b"))+1;x")
        assert filled(matcher, 257) == [*b"+", END]
        assert not matcher.accept_bytes(b"+" + str(n).encode() + b";")
        entries[n] = compiled.stats()["continuation_entries"]
    assert entries[2000] - entries[1000] <= 2.2 * (entries[1000] - entries[500]), entries


def test_many_levels_of_precedence_stay_flat():
    """Referring to long continuations as a whole must not make equal ones look different."""
    source = levels(700, "+")
    few, many = grown(source, b"x" + b"+(x)" * 5), grown(source, b"x" + b"+(x)" * 50)
    assert few == many
