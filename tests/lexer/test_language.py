"""The algebra of languages against sets of strings, and JSON literals against :mod:`json`."""

from __future__ import annotations

import json
import re
import time
from functools import cache
from itertools import product

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from stolcke.errors import LimitExceeded
from stolcke.grammar.patterns import Literal, Sequence
from stolcke.lexer import automaton
from stolcke.lexer.language import Language
from stolcke.options import Limits

ALPHABET = "a\u00e9\U0001f600"
LENGTH = 4


def texts(alphabet: str, length: int) -> list[str]:
    return ["".join(letters) for n in range(length + 1) for letters in product(alphabet, repeat=n)]


TEXTS = texts(ALPHABET, LENGTH)


def members(language: Language) -> set[str]:
    return {text for text in TEXTS if text in language}


def cut(words: set[str]) -> set[str]:
    return {word for word in words if len(word) <= LENGTH}


def character(letters: str) -> Language:
    return Language.words(letters)


# ---------------------------------------------------------------- algebra

# A language and the set of its texts of at most LENGTH characters over ALPHABET, made side by side.
Pair = tuple[Language, frozenset]


def repeated(words: frozenset, least: int, most: int | None) -> frozenset:
    exactly, found = frozenset([""]), frozenset()
    for count in range((least + LENGTH if most is None else most) + 1):
        if count >= least:
            found |= exactly
        exactly = frozenset(cut({a + b for a in exactly for b in words}))
    return found


def replaced(words: frozenset, first: frozenset, last: frozenset) -> set[str]:
    parts = {ALPHABET[0]: first - {""}, ALPHABET[2]: last - {""}}
    found: set[str] = set()
    for word in words:
        texts = {""}
        for letter in word:
            texts = cut({text + part for text in texts for part in parts.get(letter, {letter})})
        found |= texts
    return found


def replace(language: Language, first: Language, last: Language) -> Language:
    empty = Language.words([""])
    return language.replace({ALPHABET[2]: last - empty, ALPHABET[0]: first - empty})


LEAVES = st.one_of(
    st.lists(st.text(ALPHABET, max_size=3), max_size=4).map(lambda w: (Language.words(w), frozenset(w))),
    st.text(ALPHABET, min_size=1).map(lambda letters: (character(letters), frozenset(letters))),
    st.just((Language.everything(), frozenset(TEXTS))),
    st.tuples(st.integers(0, 5), st.none() | st.integers(0, 5)).map(
        lambda bounds: (
            Language.lengths(*bounds),
            frozenset(t for t in TEXTS if bounds[0] <= len(t) <= (LENGTH if bounds[1] is None else bounds[1])),
        )
    ),
)


def joined(operation, words):
    """Both sides of an operation on languages; some repeats of repeats pass the limit."""

    def apply(parts) -> Pair:
        try:
            language = operation(*(part[0] if isinstance(part, tuple) else part for part in parts))
        except LimitExceeded:
            reject()
        return language, frozenset(words(*(part[1] if isinstance(part, tuple) else part for part in parts)))

    return apply


def combined(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    two = st.tuples(parts, parts)
    return st.one_of(
        st.tuples(parts, parts, parts).map(joined(replace, replaced)),
        two.map(joined(lambda a, b: a & b, lambda a, b: a & b)),
        two.map(joined(lambda a, b: a | b, lambda a, b: a | b)),
        two.map(joined(lambda a, b: a - b, lambda a, b: a - b)),
        two.map(joined(lambda a, b: a + b, lambda a, b: cut({x + y for x in a for y in b}))),
        st.tuples(parts).map(joined(lambda a: ~a, lambda a: set(TEXTS) - a)),
        st.tuples(parts, st.integers(0, 3), st.none() | st.integers(0, 4)).map(joined(Language.repeat, repeated)),
    )


PAIRS = st.recursive(LEAVES, combined, max_leaves=5)


@settings(max_examples=400, deadline=None)
@given(PAIRS)
def test_algebra_is_that_of_sets(pair: Pair) -> None:
    language, expected = pair
    assert members(language) == expected


def test_nothing_is_replaced_by_the_empty_text() -> None:
    with pytest.raises(ValueError, match="'a' cannot be replaced by the empty text"):
        Language.words(["b"]).replace({"a": Language.words(["", "c"])})


def distinguished(language: Language) -> int:
    """Count the states that differ in what they accept, by refinement over letters at which edges begin or end."""
    machine = language._automaton
    rows = [machine.edges(state) for state in range(machine.n_states)]
    letters = sorted(
        {0, *(low for row in rows for low, _, _ in row), *(high + 1 for row in rows for _, high, _ in row)}
    )

    def step(state: int, letter: int) -> int:
        return next((target for low, high, target in rows[state] if low <= letter <= high), -1)

    table = [[step(state, letter) for letter in letters] for state in range(machine.n_states)]
    group = [int(machine.is_accepting(state)) for state in range(machine.n_states)] + [-1]
    while True:
        signatures = [(group[s], tuple(group[t] for t in table[s])) for s in range(machine.n_states)]
        numbers = {signature: number for number, signature in enumerate(dict.fromkeys(signatures))}
        refined = [numbers[signature] for signature in signatures] + [-1]
        if len(set(refined)) == len(set(group)):
            return len(numbers)
        group = refined


@settings(max_examples=300, deadline=None)
@given(PAIRS)
def test_every_language_is_minimal_and_canonical(pair: Pair) -> None:
    language, _ = pair
    assert distinguished(language) == language.n_states
    again = (language | Language.nothing()) & Language.everything().repeat(1, 1)
    for twin in (~~language, again, Language.nothing() | language, language + Language.words([""])):
        assert twin == language and hash(twin) == hash(language)
        assert [twin._automaton.edges(s) for s in range(twin.n_states)] == [
            language._automaton.edges(s) for s in range(language.n_states)
        ]


@settings(max_examples=200, deadline=None)
@given(PAIRS, PAIRS)
def test_equality_is_that_of_texts(a: Pair, b: Pair) -> None:
    assert (a[0] == b[0]) == ((a[0] - b[0]).is_empty and (b[0] - a[0]).is_empty)
    assert a[0] & b[0] == ~(~a[0] | ~b[0])


@settings(max_examples=200, deadline=None)
@given(PAIRS)
def test_finite_words_lists_the_words_in_order(pair: Pair) -> None:
    language = pair[0]
    words = language.finite_words(200)
    if words is None:
        # More than the limit, so that words so long or so many exist.
        assert not (language - Language.words((language & Language.lengths(0, 3)).finite_words(100_000) or [])).is_empty
    else:
        assert list(words) == sorted(set(words))
        assert Language.words(words) == language
        assert language.finite_words(len(words)) == words
        assert not words or language.finite_words(len(words) - 1) is None


def test_printing() -> None:
    assert str(Language.words(["ab", "b"])) == "0 a 1, b 2\n1 b 2\n2*"
    assert str(Language.lengths(1, None)) == "0 U+0000-U+10ffff 1\n1* U+0000-U+10ffff 1"
    assert str(Language.nothing()) == "(matches nothing)"


def test_words_with_surrogates_are_no_texts() -> None:
    assert Language.words(["\ud800", "a\udfffb"]).is_empty
    assert Language.words(["a", "\ud800"]) == Language.words("a")
    assert "\ud800" not in Language.everything()
    assert "\ue000" in Language.everything() and "\ud7ff" in Language.everything()


def test_characters_leave_out_surrogates() -> None:
    around = Language.characters((0xD700, 0xE001))
    assert around == Language.characters((0xD700, 0xD800, 0xE000, 0xE001))
    assert around == Language.characters((0xD700, 0xD900, 0xDA00, 0xE001))
    assert "\ud7ff" in around and "\ue000" in around and "\ue001" not in around and "\ud6ff" not in around
    assert Language.characters((0xD800, 0xE000)).is_empty
    assert Language.characters((0xDFFF, 0xE001)).finite_words(9) == ("\ue000",)


WIDE = {r"\w": re.compile(r"\w"), r"[^\W\d]": re.compile(r"[^\W\d]"), "[a-\uffff]": re.compile("[a-\uffff]")}


@pytest.mark.parametrize("source", WIDE)
def test_wide_sets_of_characters(source: str) -> None:
    codes = [c for c in range(0x30000) if not 0xD800 <= c < 0xE000]
    inside = [c for c in codes if WIDE[source].match(chr(c))]
    bounds: list[int] = []
    for code in inside:
        if bounds and bounds[-1] == code:
            bounds[-1] = code + 1
        else:
            bounds += (code, code + 1)
    one = Language.characters(tuple(bounds))
    assert [c for c in codes if chr(c) in one] == inside
    word = one.repeat(1, 100)
    assert word.n_states == 101
    assert (word & ~one.repeat(3, None)) == one.repeat(1, 2)
    literal = one.json_string()
    raw = one.json_string(escapes=False)
    for code in codes[::7]:
        for machine in (literal, raw):
            spelled = json.dumps(chr(code), ensure_ascii=False).encode()
            assert machine.accepts(spelled) == (chr(code) in one)
        assert literal.accepts(json.dumps(chr(code)).encode()) == (chr(code) in one)


# ---------------------------------------------------------------- bounds


def test_lengths_are_exact_and_bounded() -> None:
    begin = time.perf_counter()
    long = Language.lengths(0, 30_000)
    assert "x" * 30_000 in long and "x" * 30_001 not in long
    assert long.n_states == 30_001
    with pytest.raises(LimitExceeded, match="regex_states"):
        Language.lengths(0, 50_000)
    with pytest.raises(LimitExceeded, match="regex_states"):
        Language.lengths(10**12, None)
    with pytest.raises(LimitExceeded, match="regex_states"):
        long.json_string()
    with pytest.raises(LimitExceeded, match="regex_states"):
        Language.words(["ab"]).repeat(0, 40_000)
    with pytest.raises(LimitExceeded, match="regex_states"):
        Language.words(["ab"]).repeat(0, 10**15)
    everything = Language.everything()
    with pytest.raises(LimitExceeded, match="regex_states"):
        everything + character("a") + Language.lengths(30, 30)
    assert Language.lengths(5, 3).is_empty
    assert Language.lengths(0, 0) == Language.words([""])
    assert time.perf_counter() - begin < 5


def test_limits_may_be_set() -> None:
    with pytest.raises(LimitExceeded, match="regex_states=10 "):
        Language.lengths(0, 10, limits=Limits(regex_states=10))
    with pytest.raises(LimitExceeded, match="regex_states=10 "):
        Language.words(["ab"]).repeat(0, 9, limits=Limits(regex_states=10))
    with pytest.raises(LimitExceeded, match="regex_states=310 "):
        Language.lengths(0, 30).json_string(limits=Limits(regex_states=20))


def test_dictionaries_are_not_limited() -> None:
    names = [f"{n * 7919:x}-property" for n in range(16_000)]
    others = ~Language.words(names)
    assert names[77] not in others and names[77] + "x" in others
    literal = others.json_string()
    assert not literal.accepts(json.dumps(names[15_999]).encode()) and literal.accepts(b'"1"')


# ---------------------------------------------------------------- JSON literals

SHORT = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def cases(digits: str) -> list[str]:
    return sorted({"".join(c) for c in product(*({d.lower(), d.upper()} for d in digits))})


@cache
def escapes(char: str) -> list[str]:
    """Every escape by code units, in all cases."""
    units = char.encode("utf-16-be")
    parts = [cases(units[i : i + 2].hex()) for i in range(0, len(units), 2)]
    return ["".join(f"\\u{unit}" for unit in units) for units in product(*parts)]


def spellings(char: str, ascii_only: bool = False, every: bool = True) -> list[str]:
    """Every way to write a character in a literal."""
    raw = [char] if char >= " " and char not in '"\\' and (char <= "\x7f" or not ascii_only) else []
    if every:
        return raw + ([SHORT[char]] if char in SHORT else []) + escapes(char)
    return raw or ([SHORT[char]] if char in SHORT else escapes(char))


CHARACTERS = 'a/"\\\n\x00\x1f\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff\U0001f60aJ'


def test_json_agrees_with_the_spellings() -> None:
    for char in CHARACTERS:
        for spelling in spellings(char):
            assert json.loads(f'"{spelling}"') == char


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("every", [False, True])
def test_every_spelling_of_each_character(ascii_only: bool, every: bool) -> None:
    for char in CHARACTERS:
        one = Language.words([char]).json_string(ascii_only, escapes=every)
        other = (~Language.words([char])).json_string(ascii_only, escapes=every)
        allowed = set(spellings(char, ascii_only, every))
        for spelling in spellings(char):
            literal = f'"{spelling}"'.encode()
            assert one.accepts(literal) == (spelling in allowed)
            assert not other.accepts(literal)
            assert other.accepts(f'"{spelling}b"'.encode()) == (spelling in allowed)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("words", [["a"], ['"/'], ["", "\n\U0001f60a", "\\a"], ["\u00e9", "e\u0301"], ["aa", "b"]])
def test_every_spelling_of_words(words: list[str], every: bool) -> None:
    language = Language.words(words)
    literal, others = language.json_string(escapes=every), (~language).json_string(escapes=every)
    for word in texts('a\u00e9"\n/\U0001f60a', 2) + words:
        spelled = list(product(*(spellings(char, every=every) for char in word)))
        for parts in spelled if len(spelled) < 200 else spelled[:: len(spelled) // 200]:
            data = f'"{"".join(parts)}"'.encode()
            assert literal.accepts(data) == (word in language)
            assert others.accepts(data) == (word not in language)


FRAGMENTS = [
    b'"', b"\\", b"u", b"0", b"06", b"61", b"a", b"A", b"n", b"/", b"d8", b"D83d", b"de0A", b"\\u", b"dC", b"f", b"\n",
    b"\xc3", b"\xa9", b"\xf0\x9f", b"\x98\x8a", b"\xed\xa0\x80", b"\xc1\xa1", b"\xe0\x80", b"\x7f",
]  # fmt: skip


MIXED = [
    b'"',
    b"\\",
    b"u",
    b"0",
    b"61",
    b"a",
    b"D83d",
    b"de0A",
    b"\\u",
    b"dC",
    b"\xc3",
    b"\xa9",
    b"\xf0\x9f",
    b"\x98\x8a",
]
HEXADECIMAL = [b"\\u", b"D83d", b"de0A", b"00", b"61"]


def denoted(data: bytes) -> str | None:
    """What :mod:`json` makes of a literal; None where it is none, or does not denote a text."""
    try:
        value = json.loads(data.decode())
        value.encode()
    except (ValueError, AttributeError):
        return None
    return value if data[:1] == b'"' else None


def test_what_is_accepted_is_what_json_reads() -> None:
    languages = [
        Language.everything(), Language.words(["a", "", "aa", "\U0001f60a"]), ~Language.words(["a", "\u00e9", "/"]),
        Language.lengths(1, 2), Language.characters((0x61, 0xD83E, 0xF000, 0x1F60B)), ~Language.lengths(1, 1),
    ]  # fmt: skip
    machines = [(language, language.json_string()) for language in languages]
    seen = 0
    for n in range(6):
        for parts in product(FRAGMENTS if n < 3 else HEXADECIMAL if n > 3 else MIXED, repeat=n):
            data = b'"' + b"".join(parts) + b'"'
            text = denoted(data)
            seen += text is not None
            for language, machine in machines:
                assert machine.accepts(data) == (text is not None and text in language), data
    assert seen > 500


@settings(max_examples=300, deadline=None)
@given(PAIRS, st.booleans(), st.booleans(), st.lists(st.text(ALPHABET + '\n/"', max_size=5), min_size=3), st.randoms())
def test_random_literals(pair: Pair, ascii_only: bool, every: bool, words: list[str], random) -> None:
    language = pair[0]
    literal = language.json_string(ascii_only, escapes=every)
    for word in words:
        data = f'"{"".join(random.choice(spellings(char, ascii_only, every)) for char in word)}"'.encode()
        assert literal.accepts(data) == (word in language)


@settings(max_examples=300, deadline=None)
@given(PAIRS, st.booleans(), st.booleans())
def test_literals_are_minimal(pair: Pair, ascii_only: bool, every: bool) -> None:
    from stolcke._core.minimize import minimize

    literal = pair[0].json_string(ascii_only, escapes=every)
    again = minimize(*literal.arrays())
    assert all((a == b).all() and len(a) == len(b) for a, b in zip(literal.arrays(), again, strict=True))


def test_plain_literals_are_what_a_pattern_gives() -> None:
    word = Language.words(["abc"]) & Language.lengths(0, 5)
    plain = automaton(Sequence((Literal('"'), Literal("abc"), Literal('"'))))
    assert word.json_string(escapes=False) == plain


def test_literals_are_remembered() -> None:
    assert Language.words(["key"]).json_string() is Language.words(["key"]).json_string()
    assert Language.lengths(0, 7).json_string() is Language.lengths(0, 7).json_string()
    assert Language.everything().json_string(True) is not Language.everything().json_string()
