"""Bad input is met with our own errors, which say what, where and how much; nothing crashes or hangs."""

from __future__ import annotations

import random

import numpy as np
import pytest

import stolcke
from stolcke.grammar.model import Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal

BYTES = stolcke.Vocabulary.from_bytes()


def build(text: str, **keywords) -> stolcke.CompiledGrammar:
    """From Lark text to a compiled grammar: an error may come from either step."""
    return stolcke.compile(stolcke.Grammar.from_lark(text, **keywords), BYTES)


# Grammar texts: the text, where the error is (line, column), and a word it must say.
BROKEN = {
    "a string without end": ('start: "a\n', (1, 8), ""),
    "a bracket without end": ('start: ("a" "b"\n', (1, None), ""),
    "a bracket too many": ('start: "a")\n', (1, 11), ""),
    "no colon": ("start\n", (1, None), ""),
    "what is no grammar": ("{}[]", (1, 1), ""),
    "a directive that is none": ('start: "a"\n%import\n', (2, None), ""),
    "an unknown directive": ('start: "a"\n%nothing X\n', (2, None), ""),
    "an undefined rule": ('start: "a"\n     | thing "b"\n', (2, 8), "thing"),
    "an undefined terminal": ('start: "a" THING\n', (1, 12), "THING"),
    "an undefined terminal in a terminal": ('start: A\nA: "a" B\n', (2, 8), "B"),
    "an undefined template": ('start: list{"a"}\n', (1, 8), "list"),
    "too few arguments": ('start: list{"a"}\nlist{x, y}: x y\n', (1, 8), "list"),
    "an undefined ignored terminal": ('start: "a"\n%ignore SPACE\n', (2, 9), "SPACE"),
    "an import that is not there": ("start: THING\n%import common.THING\n", (2, 9), "THING"),
    "a module that is not there": ("start: THING\n%import nowhere.THING\n", (2, 9), "nowhere"),
    "a rule defined twice": ('start: "a"\nx: "b"\nx: "c"\n', (3, 1), "x"),
    "terminals in a circle": ('start: A\nA: "a" B\nB: "b" A\n', (3, 8), "A"),
    "an empty range": ('start: "z".."a"\n', (1, 8), ""),
    "an empty repeat": ('start: "a"~3..2\n', (1, None), ""),
    "an expression without end": ("start: /(a/\n", (1, 9), ""),
    "a class without end": ("start: /[a/\n", (1, 9), ""),
    "an expression turned round": ("start: /x[z-a]/\n", (1, 11), ""),
    "a back reference": (r"start: /(a)b\1/", (1, 13), ""),
    "a count of 10^30": ("start: /a{" + "9" * 30 + "}/\n", (1, 8), ""),
    "nothing to repeat": ("start: /a|*/\n", (1, 11), ""),
    "an unknown escape": (r"start: /ab\q/", (1, 11), ""),
    "an unknown flag": ("start: /a/k\n", (1, None), ""),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_grammar_texts(kind):
    text, (line, column), word = BROKEN[kind]
    with pytest.raises(stolcke.GrammarError) as raised:
        build(text)
    error = raised.value
    assert word in error.reason
    assert error.line == line, str(error)
    assert column is None or error.column == column, str(error)
    assert f"line {line}" in str(error)
    if "\n" in str(error):  # what only compile finds has no text at hand to put a caret under
        shown, caret = str(error).splitlines()[-2:]
        assert shown.strip() in text.splitlines()[line - 1]
        assert caret.strip() == "^"


@pytest.mark.parametrize("text", ["", "\n", "// only a comment\n", 'other: "a"'])
def test_no_start(text):
    with pytest.raises(stolcke.GrammarError, match="start"):
        build(text)


@pytest.mark.parametrize("text", [b'start: "a"', None, 7])
def test_a_grammar_text_is_text(text):
    with pytest.raises((stolcke.GrammarError, TypeError)):
        stolcke.Grammar.from_lark(text)


def test_a_start_by_another_name():
    assert build('other: "a"', start="other").matcher().forced_bytes() == b"a"
    with pytest.raises(stolcke.GrammarError, match="nothing"):
        build('other: "a"', start="nothing")


def test_an_unknown_lexer():
    with pytest.raises(stolcke.GrammarError, match="basic"):
        build('start: "a"', lexer="basic")


DERIVE_NOTHING = [
    'start: "a" start',
    "start: start",
    'start: x | y\nx: "a" y\ny: x "b"',
    "start: A\nA: /a(?!.|$)b/",
    "start: A\nA: /[^\\x00-\\U0010ffff]/",
]


@pytest.mark.parametrize("text", DERIVE_NOTHING)
def test_a_start_that_derives_nothing(text):
    with pytest.raises((stolcke.CompileError, stolcke.GrammarError), match=r"deriv|look|empty|match"):
        build(text)


EMPTY_TERMINALS = [
    "start: A\nA: /a*/",
    'start: "x"\n%ignore /[ ]*/',
    'start: A\nA: "a"?',
    "start: A\nA: B*\nB: /b/",
    "start: /(?:)/",
    'start: ""',
]


@pytest.mark.parametrize("text", EMPTY_TERMINALS)
def test_terminals_that_match_the_empty_text(text):
    with pytest.raises((stolcke.CompileError, stolcke.GrammarError), match=r"(?i)empty"):
        build(text)


# Sizes: the text and the field of Limits that stops it.
def many_alternatives() -> str:
    return "start: " + "\n | ".join(f'"a{n}"' for n in range(100_000))


TOO_LARGE = {
    "a count in an expression": (lambda: "start: /a{1,1000000}/", "repeat"),
    "a count of a rule": (lambda: 'start: "a"~1..1000000', "repeat"),
    "counts of counts": (lambda: "start: /(?:(?:(?:a{1,1000}b){1,1000}c){1,1000}d){1,1000}/", "regex_states"),
    "an expression whose automaton explodes": (lambda: "start: /(?:a|b)*a(?:a|b){40}/", "regex_states"),
    "a text of ten megabytes": (lambda: 'start: "a"\n' + "// " + "x" * 10_000_000, "grammar_bytes"),
    "100,000 alternatives": (many_alternatives, "alternatives"),
    "100,000 in one expression": (lambda: "start: /" + "|".join(f"a{n}" for n in range(100_000)) + "/", "alternatives"),
    "templates without end": (
        lambda: 'start: t{"a"}\nt{x}: x t{u{x}}\nu{x}: x "b"',
        "template_instances|nesting",
    ),
    "templates that double": (
        lambda: 'start: t{"a", "b"}\nt{x, y}: x t{u{x, y}, y} | y t{y, u{y, x}}\nu{x, y}: x y x',
        "template_instances|nesting",
    ),
    "nested groups": (lambda: "start: " + "(" * 20_000 + '"a"' + ")" * 20_000, "nesting"),
    "nested groups of an expression": (lambda: "start: /" + "(" * 20_000 + "a" + ")" * 20_000 + "/", "nesting"),
    "nested brackets": (lambda: "start: " + "[" * 20_000 + '"a"' + "]" * 20_000, "nesting"),
}


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_what_is_too_large(kind):
    text, limits = TOO_LARGE[kind]
    with pytest.raises(stolcke.LimitExceeded) as raised:
        build(text())
    error = raised.value
    assert error.limit in limits.split("|"), str(error)
    assert error.allowed == getattr(stolcke.Limits(), error.limit)
    assert error.given is not None
    assert error.limit in str(error)


def test_limits_can_be_moved():
    text = "start: /a{1,300}/"
    limits = stolcke.Limits(repeat=200)
    with pytest.raises(stolcke.LimitExceeded) as raised:
        stolcke.compile(stolcke.Grammar.from_lark(text, limits=limits), BYTES, limits=limits)
    assert (raised.value.limit, raised.value.allowed) == ("repeat", 200)
    assert build(text).matcher().accept_bytes(b"a" * 300)


def test_a_limit_met_at_run_time_loses_nothing():
    """A text whose live threads grow with its length stops with a clear error, and can be rolled back."""
    grammar = stolcke.Grammar.from_lark("start: A*\nA: /[a-z]{1,400}/")
    matcher = stolcke.compile(grammar, BYTES, limits=stolcke.Limits(live_threads=20)).matcher()
    assert matcher.accept_bytes(b"xx")
    with pytest.raises(stolcke.LimitExceeded) as raised:
        matcher.accept_bytes(b"x" * 2000)
    assert raised.value.limit == "live_threads"
    matcher.rollback(1)
    assert matcher.is_accepting
    assert matcher.accept_bytes(b"x")


GRAMMARS_IN_PYTHON = {
    "an undefined rule": ("s", [("s", (Nonterminal("x"),))], ()),
    "an undefined terminal": ("s", [("s", (Terminal("A"),))], ()),
    "an undefined start": ("t", [("s", ())], ()),
    "an undefined ignored terminal": ("s", [("s", ())], ("A",)),
    "what is no symbol": ("s", [("s", ("a",))], ()),
}


@pytest.mark.parametrize("kind", GRAMMARS_IN_PYTHON)
def test_grammars_built_in_python(kind):
    start, rules, ignore = GRAMMARS_IN_PYTHON[kind]
    with pytest.raises(stolcke.GrammarError):
        stolcke.compile(
            stolcke.Grammar(
                start=start,
                rules=tuple(Rule(Nonterminal(lhs), rhs) for lhs, rhs in rules),
                terminals={"B": TerminalDefinition("B", Literal("b"))},
                ignore=ignore,
            ),
            BYTES,
        )


BAD_EXPRESSIONS = {"(": 0, "a**": 2, "[z-a]": 1, r"(a)\1": 3, "a{2,1}": 1, "\\": 0, "(?P<a>b": 0, "(?z)": 1}


@pytest.mark.parametrize("pattern", BAD_EXPRESSIONS)
def test_bad_regular_expressions(pattern):
    with pytest.raises(stolcke.RegexError) as raised:
        stolcke.compile(stolcke.Grammar.from_regex(pattern), BYTES)
    error = raised.value
    assert error.pattern == pattern
    assert error.position is None or abs(error.position - BAD_EXPRESSIONS[pattern]) <= 2, error.position
    assert isinstance(error, stolcke.GrammarError)


@pytest.mark.parametrize("choices", [[], "ab", [7], [None]])
def test_bad_choices(choices):
    with pytest.raises(stolcke.GrammarError):
        stolcke.compile(stolcke.Grammar.from_choices(choices), BYTES)


BAD_VOCABULARIES = {
    "no bytes": (["a"], [], []),
    "an end outside": ([b"a"], [1], []),
    "a negative end": ([b"a"], [-1], []),
    "a special token outside": ([b"a"], [], [5]),
    "an end that is no number": ([b"a"], ["0"], []),
}


@pytest.mark.parametrize("kind", BAD_VOCABULARIES)
def test_bad_vocabularies(kind):
    tokens, ends, special = BAD_VOCABULARIES[kind]
    with pytest.raises((stolcke.VocabularyError, TypeError)):
        stolcke.Vocabulary(tokens, eos_token_ids=ends, special_token_ids=special)


def test_a_token_that_is_too_long():
    with pytest.raises(stolcke.LimitExceeded) as raised:
        stolcke.Vocabulary([b"a" * 2000], eos_token_ids=[])
    assert (raised.value.limit, raised.value.given) == ("token_bytes", 2000)


def test_a_vocabulary_without_tokens():
    try:
        vocabulary = stolcke.Vocabulary([], eos_token_ids=[])
        matcher = stolcke.compile(stolcke.Grammar.from_choices(["a"]), vocabulary).matcher()
    except stolcke.StolckeError:
        return
    assert matcher.allowed_token_ids().size == 0


# Compiled files.


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "grammar.stolcke"
    compiled = build('start: "[" (start ("," start)*)? "]" | NUMBER\nNUMBER: /[0-9]{1,30}/\n%ignore " "')
    compiled.save(path)
    return path.read_bytes()


def load(folder, data: bytes, vocabulary=BYTES) -> stolcke.CompiledGrammar:
    path = folder / "damaged.stolcke"
    path.write_bytes(data)
    return stolcke.CompiledGrammar.load(path, vocabulary)


def test_the_saved_file_is_whole(tmp_path, saved):
    matcher = load(tmp_path, saved).matcher()
    assert matcher.accept_bytes(b"[1, [22]]")
    assert matcher.is_accepting


def test_truncated_files(tmp_path, saved):
    lengths = {*range(64), *range(0, len(saved), max(1, len(saved) // 200)), len(saved) - 1}
    for length in sorted(lengths):
        with pytest.raises(stolcke.FileFormatError):
            load(tmp_path, saved[:length])


def test_files_with_one_bit_turned(tmp_path, saved):
    draw = random.Random(1)
    places = {*range(64), *(draw.randrange(len(saved)) for _ in range(400))}
    for place in sorted(places):
        damaged = bytearray(saved)
        damaged[place] ^= 1 << draw.randrange(8)
        with pytest.raises((stolcke.FileFormatError, stolcke.VocabularyMismatch)):
            load(tmp_path, bytes(damaged))


def test_files_with_more_at_the_end(tmp_path, saved):
    with pytest.raises(stolcke.FileFormatError):
        load(tmp_path, saved + b"\0")


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 4096, b"PK\3\4" + b"\0" * 100, bytes(range(256)) * 16])
def test_files_of_another_kind(tmp_path, data):
    with pytest.raises(stolcke.FileFormatError):
        load(tmp_path, data)


def test_a_saved_vocabulary_is_no_compiled_grammar(tmp_path):
    path = tmp_path / "vocabulary.stolcke"
    BYTES.save(path)
    with pytest.raises(stolcke.FileFormatError):
        stolcke.CompiledGrammar.load(path, BYTES)


def test_a_file_for_another_vocabulary(tmp_path, saved):
    other = stolcke.Vocabulary([bytes([b]) for b in range(256)] + [b"<end>", b"more"], eos_token_ids=[256])
    with pytest.raises(stolcke.VocabularyMismatch):
        load(tmp_path, saved, other)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        stolcke.CompiledGrammar.load(tmp_path / "nothing", BYTES)


# Budgets of compile.


def test_compile_stops_when_its_time_is_over():
    grammar = stolcke.Grammar.from_regex("(?:[a-m]|[k-z])*a[a-z]{11}")
    with pytest.raises(stolcke.Cancelled):
        stolcke.compile(grammar, BYTES, timeout=1e-9)
    assert stolcke.compile(grammar, BYTES, timeout=600).matcher().accept_bytes(b"ka")


def test_compile_can_be_cancelled():
    grammar = stolcke.Grammar.from_choices(["a"])
    with pytest.raises(stolcke.Cancelled):
        stolcke.compile(grammar, BYTES, cancel=lambda: True)
    assert stolcke.compile(grammar, BYTES, cancel=lambda: False).matcher().accept_bytes(b"a")


def test_compile_asks_within_one_wide_column():
    """A thousand terminals may begin at once: their masks are not one step between two questions."""
    grammar = stolcke.Grammar.from_lark("start: " + " | ".join(f'/[a-z]{{{n},}}/ "{n}"' for n in range(1, 200)))
    asked = {}
    anew = stolcke.Options(memoise_grammars=False)
    for columns in (0, 1):
        calls = []
        stolcke.compile(grammar, BYTES, options=anew, prewarm=columns, cancel=lambda calls=calls: calls.append(0))
        asked[columns] = len(calls)
    assert asked[1] - asked[0] >= 10, asked

    left = iter(range(asked[1] - 5))

    def impatient() -> bool:
        return next(left, None) is None

    vocabulary = stolcke.Vocabulary.from_bytes()
    with pytest.raises(stolcke.Cancelled, match="first masks"):
        stolcke.compile(grammar, vocabulary, prewarm=1, cancel=impatient)
    # What was computed until then is shared with the next one, and whole.
    masks = [stolcke.compile(grammar, v, prewarm=0).matcher().mask() for v in (vocabulary, BYTES)]
    assert (masks[0] == masks[1]).all()


@pytest.mark.parametrize("grammar", ['start: "a"', None, 7])
def test_compile_takes_a_grammar(grammar):
    with pytest.raises((TypeError, stolcke.StolckeError)):
        stolcke.compile(grammar, BYTES)


@pytest.mark.parametrize("vocabulary", [None, [b"a"], "a"])
def test_compile_takes_a_vocabulary(vocabulary):
    with pytest.raises((TypeError, stolcke.StolckeError)):
        stolcke.compile(stolcke.Grammar.from_choices(["a"]), vocabulary)


def test_a_mask_over_nothing_allowed():
    """A vocabulary that cannot spell the language: an empty mask, no error, and nothing accepted."""
    vocabulary = stolcke.Vocabulary([b"b", b"bb"], eos_token_ids=[])
    matcher = stolcke.compile(stolcke.Grammar.from_choices(["a"]), vocabulary).matcher()
    row = np.full(1, -1, dtype=np.int32)
    matcher.fill_mask(row)
    assert row.tolist() == [0]
    assert matcher.accept_bytes(b"a")
