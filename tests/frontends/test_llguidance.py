"""llguidance's dialect: what its constructs mean, against tables by hand and llguidance itself; what is refused."""

from __future__ import annotations

import time

import pytest

import stolcke
from stolcke.errors import GrammarError, LimitExceeded, StolckeError
from stolcke.grammar.model import Grammar
from tests.reference.language import all_texts

BYTES = stolcke.Vocabulary.from_bytes()


def accepts(grammar: Grammar, text: str) -> bool:
    matcher = stolcke.compile(grammar, BYTES).matcher()
    return matcher.accept_bytes(text.encode()) and matcher.is_accepting


CASES = [
    ('start: "a"{2,3} b-c{2}\nb-c: "b"', ["aabb", "aaabb"], ["abb", "aab", "aaaabb"]),
    ("start: A{2,}\nA: /a{2}/", ["aaaa", "aaaaaa"], ["aa", "aaa"]),
    ('start: A{,2} "b" A{0,} C{1,}\nA: "a"\nC: "c"', ["bc", "aabaac"], ["b", "aaabc"]),
    ('start: ("a" | "b" "b"){3,} "c"', ["aaac", "bbabbbbc"], ["aac", "bbc"]),
    ('start: "a"~2..3 | "b" ~ 2', ["aa", "aaa", "bb"], ["a", "b"]),
    ('start: A-B a-b_c\nA-B: "a"\na-b_c: "b"', ["ab"], ["a"]),
    # Terminals that may be empty.
    ('start: TEXT "c"\nTEXT: /[ab]*/', ["c", "abac"], ["", "cc"]),
    ("start: TEXT\nTEXT: /(?s:.*)/", ["", "a\nb", "é"], []),
    # And, and not.
    ("start: A\nA: /[ab]*/ & ~/b*/", ["a", "ab", "ba"], ["", "b", "bb", "c"]),
    ('start: A\nA: /[ab]*/ /c/ & ~/b*/ "c"', ["ac", "abc"], ["", "c", "bc"]),
    ('start: A\nA: "a" & "b" | "c"', ["c"], ["a", "b"]),
    ('start: A\nA: "c" ~"a"', ["c", "cb", "caa"], ["ca", "", "a"]),
    ("start: A\nA: /[ab]+/ & ~B{2}\nB: /a|b/", ["ab", "bb", "aaa"], ["a", "b", ""]),
    ("start: A\nA: /[ab]+/ & ~((/a/ /b/ | B)+)\nB: /bb/", ["a", "ba", "aab"], ["ab", "bb", "abbb"]),
    ('start: A "c"\nA: (/a+/ & /aa|aaa|b/)+', ["aac", "aaaaac"], ["ac", "bc"]),
    ("start: LINES\nLINES: /[a-c\\n]*/ & ~/(?s:.*)\\n\\n(?s:.*)/", ["a\nb\n", "\n", ""], ["a\n\nb", "\n\n"]),
    # As little as possible.
    ('start: a "c"\na[lazy]: /[ab]*b/', ["bc", "abc", "aabc"], ["bbc", "abbc", "ac"]),
    ('start: a "c"\na[suffix="b"]: /[ab]*/', ["bc", "aabc"], ["c", "abbc"]),
    ('start: a "c"\na[suffix=/b|c/, capture]: /[abc]*/  # comment\n', ["bc", "abc", "acc"], ["ac", "abcc"]),
    ('start: a "c"\na[suffix=B]: /[ab]*/\n  | "cc"\nB: "b"', ["abc", "ccbc"], ["ac", "abbc"]),
    ('start: a "c"\na[lazy]: ("c" | /b+/) "a"?', ["bc", "cc"], ["bbc", "bac"]),
    ('start: t\nt: hd "1" | hd "2"\nhd[lazy]: TEXT "<b"\nTEXT: /(.|\\n)*/', ["<b1", "a<\n<b2"], ["<b<b1", "<b3"]),
    # Options that change no text.
    ('%llguidance {"no_forcing": true}\nstart: a "b"\na[capture]: /a*/', ["b", "aab"], ["a"]),
    ('start: a\n\na[capture="x", suffix="b", stop_capture="y"]: "a"', ["ab"], ["a"]),
    # Runs of chunks.
    ('start: A\nA: %regex {"substring_chunks": ["ab", "c", "a"]}', ["", "ab", "abc", "ca", "c"], ["b", "aba", "bc"]),
    ('start: A\nA: %regex {"substring_words": "a bc. a"}', ["", "a", "bc.", "bc. a", ". "], ["b", "ab", "c"]),
    ('start: %regex {"substring_chars": "abcb"} "a"', ["a", "bca", "bcba", "ba"], ["aca", "bba"]),
    ('start: A\nA: %regex {\n "substring_chars": "aé"\n} "c"', ["c", "éc", "aéc"], ["éac"]),
    # JSON, comments, what is Lark's.
    ('start: "a" j // comment\nj: %json {"type": "integer", "maximum": 3} # {2}', ["a-1", "a3"], ["a4", "a"]),
    ('?start: a -> x | "b"\n!a: "a"', ["a", "b"], []),
    ("%import common.INT\nstart: INT", ["12"], ["a"]),
]


@pytest.mark.parametrize(("text", "inside", "outside"), CASES)
def test_texts_of_the_language_and_others(text, inside, outside) -> None:
    grammar = Grammar.from_llguidance(text)
    assert {each: accepts(grammar, each) for each in inside + outside} == (
        dict.fromkeys(inside, True) | dict.fromkeys(outside, False)
    )


@pytest.mark.parametrize("text", [case[0] for case in CASES])
def test_llguidance_itself_agrees(text) -> None:
    llguidance = pytest.importorskip("llguidance")
    tokenizer = llguidance.LLTokenizer("byte")
    grammar = Grammar.from_llguidance(text)
    for candidate in all_texts("abc", 4):
        matcher = llguidance.LLMatcher(tokenizer, text, log_level=0)
        assert not matcher.is_error(), matcher.get_error()
        accepted = matcher.try_consume_tokens(list(candidate.encode())) == len(candidate) and matcher.is_accepting()
        assert accepts(grammar, candidate) == accepted, candidate


def test_ignored_text_may_begin_and_end_a_text() -> None:
    grammar = Grammar.from_llguidance('start: "a" B\nB: /b*/\n%ignore / */')
    assert [accepts(grammar, text) for text in (" a b ", "a", "ab", "", "a b b")] == [True, True, True, False, False]


TOKENS = [b"<think>", b"</think>", b"x", b"<tool>", b"y"]


def test_special_tokens() -> None:
    vocabulary = stolcke.Vocabulary(TOKENS, special_token_ids=[0, 1, 3])
    grammar = Grammar.from_llguidance("start: <think> TEXT <[1,3-3]>\nTEXT: /[xy]*/")
    matcher = stolcke.compile(grammar, vocabulary).matcher()
    assert list(matcher.allowed_token_ids()) == [0]
    assert matcher.accept(0)
    assert list(matcher.allowed_token_ids()) == [1, 2, 3, 4]
    assert set(grammar.terminals) == {"<think>", "TEXT", "<[1,3-3]>"}


WRONG = [
    ('start: "a"\nb[stop="x"]: /a/', 2, 3, "'stop'.*suffix"),
    ("start: b\nb[capture, max_tokens=3]: /a/", 2, 12, "'max_tokens'.*repetition"),
    ("start: b\nb[temperature=0.7]: /a/", 2, 3, "'temperature'.*sampler"),
    ("start: b\nb[oops]: /a/", 2, 3, "unknown option 'oops'"),
    ('start: b\nb[suffix=""]: /a/', 2, 3, "not empty"),
    ("start: B\nB[lazy]: /a/", 2, 2, "for rules"),
    ('start: b\nb[lazy]: c "x"\nc: "c"', 2, 10, "rule 'b', which matches as little as it can, refers to a rule"),
    ("start: a-b a_b\na-b: /a/\na_b: /b/", 1, 8, "'a-b' and 'a_b'"),
    ("start: <[^3]>", 1, 8, "other tokens"),
    ("start: <[*]>", 1, 8, "other tokens"),
    ("start: <[0-999999]>", 1, 8, "100,000"),
    ("start: A\nA: <x> /a/", 2, 4, "rules only"),
    ("start: /a/ & /b/", 1, 12, "'&'.*upper case"),
    ("start: ~/a/", 1, 8, "'~'.*upper case"),
    ("start: A\nA: & /a/", 2, 1, "at one of its sides"),
    ("start: A\nA: ~~/a/", 2, 5, "leave it out"),
    ("start: @other", 1, 8, "combine grammars"),
    ('start: "a"\n\n%llguidance {"skip_repetition": "once"}', 3, 1, "skip_repetition.*leave it out"),
    ("%llguidance [1]\nstart: /a/", 1, 1, "object"),
    ("%llguidance {1}\nstart: /a/", 1, 14, "JSON must follow"),
    ('start: %regex {"type": "number"}', 1, 8, "substring_chunks"),
    ("start: %regex {", 1, 16, "JSON must follow"),
    ('start: %json {"type": 3}', 1, 8, ""),
    ("start: A\nA: /[[a]&&b]/", 2, 4, "mean something else"),
    ("start: A\n  # so\nA: /a(/", 3, 6, "malformed|unterminated|missing"),
    ('start: "a"{2,3} undefined', 1, 17, "'undefined'"),
    ('start: ("x"){2,} /a/ undefined-name', 1, 22, "'undefined_name'"),
    ('start: b "c"\nb[lazy]: /a/\nc: "c"\nb: "b"', 2, 1, "already defined.*line 4"),
    ("start: (/a/", 1, 12, "expected"),
    ("start: /a/{3,2}", 1, 11, "range of counts"),
]


@pytest.mark.parametrize(("text", "line", "column", "words"), WRONG)
def test_an_error_says_what_and_where(text, line, column, words) -> None:
    with pytest.raises(GrammarError, match=words) as caught:
        Grammar.from_llguidance(text, source="my.lark")
    assert (caught.value.line, caught.value.column, caught.value.source) == (line, column, "my.lark"), str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "start: " + "(" * 100_000,
        "start: A\nA: " + "~(" * 100_000 + "/a/",
        "start: A\nA: " + "(/a/ & " * 100_000,
        "start: " + "a{2,}{2,}" * 10_000,
        "a[" * 300_000,
        "<" * 1_000_000,
        "\0" * 1_000_000,
        "\ud800" * 500_000,
        "a-" * 300_000,
        "start: A\nA: %regex " + '{"substring_chars": "' + "ab" * 60_000 + '"}',
        "%json " * 100_000,
        "start: A\nA: /[ab]*a[ab]{20}/ & ~/b/",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_hostile_texts_are_refused_soon(text) -> None:
    begun = time.process_time()
    with pytest.raises((GrammarError, LimitExceeded)):
        Grammar.from_llguidance(text)
    assert time.process_time() - begun < 30


def test_a_schema_that_is_wrong_is_one_of_that_kind() -> None:
    with pytest.raises(StolckeError) as caught:
        Grammar.from_llguidance('start: "a"{2,} %json {"type": "objekt"}')
    assert type(caught.value).__name__ == "SchemaError"
    assert "line 1, column 16" in str(caught.value)
