"""GBNF and EBNF texts mean what they say: tables of texts by hand, and random grammars against sets of texts."""

from __future__ import annotations

from random import Random

import pytest

import stolcke
from stolcke.grammar.model import Grammar
from tests.reference import ebnf
from tests.reference.language import language

BYTES = stolcke.Vocabulary.from_bytes()


def accepts(grammar: Grammar, text: str) -> bool:
    matcher = stolcke.compile(grammar, BYTES).matcher()
    return matcher.accept_bytes(text.encode()) and matcher.is_accepting


CHESS = r"""
# a game: numbered pairs of moves, the last perhaps of white alone
root ::= (
    # the first pair has the number 1
    "1. " pair
    ([2-9] ". " pair | [1-9] [0-9] ". " pair)*
) result?
pair ::= move (" " move)? "\n"
move ::= (pawn | piece |   # a line may end behind a bar
    "O-O" "-O"?) [+#]?
pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [QRBN])?
piece ::= [KQRBN] [a-h]? "x"? [a-h] [1-8]
result ::= "1-0" | "0-1" | "1/2-1/2"
"""

JSON = r"""
root  ::= value
value ::= (object | array | string | number | "true" | "false" | "null") ws
object ::= "{" ws (string ws ":" ws value ("," ws string ws ":" ws value)*)? "}"
array ::= "[" ws (value ("," ws value)*)? "]"
string ::= "\"" ([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)?
ws ::= [ \t\n]*
"""

ARITHMETIC = r"""
root ::= sum ("=" sum)?
sum ::= sum [-+] product | product
product ::= product [*/] atom | atom
atom ::= [0-9]+ | "(" sum ")"
"""

LIST = 'root ::= ("- " item){2,3}\nitem ::= [^\\n]+ "\\n"'

BOTH = [
    (CHESS, ["1. e4 e5\n", "1. e4 exd5\n2. Nf3+ O-O-O\n12. h8=Q#\n1-0"], ["", "2. e4 e5\n", "1. e9\n", "1. e4"]),
    (
        JSON,
        ["{}", '{"a": [1, -0.5e+3, "\\u00e9 é"]}', "[ ]", '"😀"', "null \n"],
        ["", "{", "[1,]", '{"a" 1}', '"\n"', "01", '"\\x"', " 1"],
    ),
    (ARITHMETIC, ["1+2*(3-4)", "((7))", "1=2"], ["", "1+", "(1", "1=2=3"]),
    (LIST, ["- a\n- b\n", "- ü\n- -\n- c\n"], ["- a\n", "- a\n- \n", "- a\n" * 4]),
    # Escapes, by character and by number.
    (r'root ::= "\"\\\n\r\t" "\x41\u00e9\U0001F600"', ['"\\\n\r\tAé😀'], ["A"]),
    (r"root ::= [\]\[\\-]", ["]", "[", "\\", "-"], ["", "]]", "a"]),
    (r"root ::= [a\-c]", ["a", "-", "c"], ["b"]),
    (r"root ::= [a-c-]", ["a", "b", "c", "-"], ["d"]),
    (r"root ::= [^\u00e0-\u00ff]", ["a", "\n", "Ā", "😀"], ["é", "", "aa"]),
    (r"root ::= [\U0001F600-\U0001F64F]", ["😀"], ["a", "🚀"]),
    (r"root ::= [\x61-\x63]{2}", ["ab", "cc"], ["a", "abc"]),
    # Repetition: of the last element, however long, and written with blanks.
    ('root ::= "ab"*', ["", "ab", "abab"], ["aba"]),
    ('root ::= "ab"{ 1 , 2 }', ["ab", "abab"], ["", "ababab"]),
    ('root ::= "a"{2,}', ["aa", "aaaaa"], ["a"]),
    ('root ::= "a"{0} "b"', ["b"], ["ab"]),
    ('root ::= x{2,3} "."\nx ::= x? "a" | "b"', ["ab.", "bbb.", "aaaaaa."], [".", "a.", "bbbb."]),
    ('root ::= (("a" | "b"){2} | "c")+', ["ab", "cbac"], ["a", "", "bab"]),
    # Names, and what recursion allows.
    ('root ::= A-b_1 a-B\nA-b_1 ::= "x"\na-B ::= root | "y"', ["xy", "xxy"], ["x", "yx"]),
    ('root ::= "a" root "b" | ""', ["", "ab", "aabb"], ["a", "abb"]),
    ('root ::= WS ws\nWS ::= ws | "_"\nws ::= " "', ["  ", "_ "], ["_", " _"]),
    ('root ::= "if" | [i] "f"', ["if"], ["i"]),
]
GBNF = [
    ("root ::= .", ["a", "\n", "é"], ["", "ab"]),
    ('root ::= "a" |\n\n  # so\n "b"\nx ::= "c"\n', ["a", "b"], ["c", ""]),
    ('root ::= "a" | ("b" |) "c"', ["a", "c", "bc"], ["b", ""]),
    ("root ::=\n", [""], ["a"]),
    ("root ::= [0-9]{2}{3}", ["123456"], ["12", "1234"]),
    ('root ::= "a"*+?', ["", "aaa"], ["b"]),
    ('root ::= "line\nbreak"', ["line\nbreak"], ["line"]),
    ('root ::= "a"\r\nother ::= "b"\r\n', ["a"], ["b"]),
    ('root ::= 1st _x\n1st ::= "1"\n_x ::= "x"', ["1x"], ["x"]),
]
EBNF = [
    ("root ::= [^]", ["a", "\n", "é"], ["", "ab"]),
    ('root ::= "a"\n  | b\nb ::=\n "b"\n "c"\n', ["a", "bc"], ["b", ""]),
    ('root ::= "a" ( ) "b"', ["ab"], ["a"]),
    (r'root ::= "\a\b\f\v\0\e\/\'\?"', ["\a\b\f\v\0\x1b/'?"], [""]),
    (r'root ::= "\x411"', ["\u0411"], ["A1"]),
    (r"root ::= [\^\$\.\*\+\?\(\)\{\}\|\/]", list("^$.*+?(){}|/"), ["\\", "a"]),
    ('root ::= a "b" | a "c"\na ::= "a" (= "b")', ["ab", "ac"], ["a"]),
    ('root ::= "a" (= x [0-9]+)\nx ::= "b"', ["a"], ["ab"]),
    ('root[capture="all"] ::= a\na[ capture ] ::= "a"', ["a"], [""]),
    (r'root ::= Regex("a+\\.b?") "!"', ["aa.!", "a.b!"], ["a.b", "ab!"]),
    ('root ::= a.b "c"\na.b ::= "x"', ["xc"], ["x"]),
    ('root ::= "a"{1,-1}', ["a", "aaa"], [""]),
]


@pytest.mark.parametrize(
    ("read", "text", "inside", "outside"),
    [(Grammar.from_gbnf, *case) for case in BOTH + GBNF] + [(Grammar.from_ebnf, *case) for case in BOTH + EBNF],
)
def test_texts_of_the_language_and_others(read, text, inside, outside) -> None:
    grammar = read(text)
    assert {each: accepts(grammar, each) for each in inside + outside} == (
        dict.fromkeys(inside, True) | dict.fromkeys(outside, False)
    )


@pytest.mark.parametrize(("text", "inside", "outside"), BOTH + EBNF)
def test_xgrammar_itself_agrees(text, inside, outside) -> None:
    xgrammar = pytest.importorskip("xgrammar")
    testing = pytest.importorskip("xgrammar.testing")
    for written in (text, Grammar.from_ebnf(text).to_ebnf()):
        grammar = xgrammar.Grammar.from_ebnf(written)
        for each in inside + outside:
            assert testing._is_grammar_accept_string(grammar, each) == (each in inside), (written, each)


@pytest.mark.parametrize("read", [Grammar.from_gbnf, Grammar.from_ebnf])
def test_random_grammars_mean_what_their_sets_of_texts_say(read) -> None:
    for seed in range(200):
        random = Random(seed)
        names = ["root", "x", "y"][: random.randint(1, 3)]
        definitions = {name: ebnf.random_node(random, names) for name in names}
        text = "\n".join(f"{name} ::= {ebnf.bnf_text(random, node)}" for name, node in definitions.items())
        assert language(read(text), "ab", 4) == ebnf.language(definitions, "root", 4), text


def test_what_is_regular_is_a_terminal_and_what_recurs_a_rule() -> None:
    grammar = Grammar.from_gbnf('root ::= "(" root ")" | word\nword ::= letter+ [0-9]?\nletter ::= [a-z]\n')
    assert [rule.lhs.name for rule in grammar.rules] == ["root", "root", "word"]
    assert set(grammar.terminals) == {"LPAR", "RPAR", "WORD"}


def test_much_that_is_regular_stays_several_rules() -> None:
    """So that messages say more than that the whole text goes on."""
    grammar = Grammar.from_gbnf(CHESS)
    assert {rule.lhs.name for rule in grammar.rules if not rule.lhs.name.startswith("_")} == {"root", "pair", "result"}
    matcher = stolcke.compile(grammar, BYTES).matcher()
    assert matcher.accept_bytes(b"1. e4 e5\n")
    assert {"RESULT", "the end of the text"} <= set(matcher.expected())


def test_rules_whose_automata_would_be_large_stay_rules() -> None:
    """The automaton of 2 ** 41 states is never made."""
    grammar = Grammar.from_gbnf("root ::= [ab]* [a] [ab]{40}")
    assert accepts(grammar, "a" * 41)
    assert accepts(grammar, "b" * 7 + "a" + "b" * 40)
    assert not accepts(grammar, "b" * 41)


def test_a_start_of_another_name() -> None:
    for read in (Grammar.from_gbnf, Grammar.from_ebnf):
        assert accepts(read('a ::= "a"\nb ::= "b"', root="b"), "b")


TOKENS = [b"<think>", b"</think>", b"x", b"y"]


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (Grammar.from_gbnf, "root ::= <think> [xy]+ </think>"),
        (Grammar.from_gbnf, "root ::= <[0]> [xy]+ <[1]>"),
        (Grammar.from_ebnf, "root ::= Token(0) [xy]+ Token( 1, )"),
    ],
)
def test_special_tokens_are_bound_by_what_the_text_says(read, text, tmp_path) -> None:
    vocabulary = stolcke.Vocabulary(TOKENS, special_token_ids=[0, 1])
    compiled = stolcke.compile(read(text), vocabulary)
    compiled.save(tmp_path / "x")
    for each in (compiled, stolcke.CompiledGrammar.load(tmp_path / "x", vocabulary)):
        matcher = each.matcher()
        allowed = []
        for token in (0, 2, 3, 1):
            allowed.append(list(matcher.allowed_token_ids()))
            assert matcher.accept(token)
        assert allowed == [[0], [2, 3], [1, 2, 3], [1, 2, 3]]


def test_what_compile_is_told_comes_before_what_the_text_says() -> None:
    vocabulary = stolcke.Vocabulary(TOKENS, special_token_ids=[0, 1])
    grammar = Grammar.from_gbnf("root ::= <think>")
    matcher = stolcke.compile(grammar, vocabulary, special={"<<think>>": "</think>"}).matcher()
    assert list(matcher.allowed_token_ids()) == [1]


def test_several_tokens_at_one_place() -> None:
    vocabulary = stolcke.Vocabulary(TOKENS, special_token_ids=[0, 1])
    matcher = stolcke.compile(Grammar.from_ebnf("root ::= Token(1, 0)"), vocabulary).matcher()
    assert list(matcher.allowed_token_ids()) == [0, 1]


def test_a_token_that_is_none_of_the_vocabulary() -> None:
    with pytest.raises(stolcke.VocabularyError):
        stolcke.compile(Grammar.from_gbnf("root ::= <nothing>"), BYTES)
