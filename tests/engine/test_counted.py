"""Counted repeats whose states are made as texts reach them, beside the same terminals written out."""

from __future__ import annotations

import itertools
import json
import threading
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stolcke
from stolcke._core.saved_partitions import from_arrays, to_arrays
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Counted, Literal, Pattern, Regex, Repeat
from stolcke.lexer import CountedAutomaton, terminal_automaton
from tests.engine import laws
from tests.reference.masks import Tokens
from tests.strategies import make_grammar
from tests.vocabularies import real, synthetic

CHARACTER = Regex(r'[^"\\\x00-\x1f]|\\(["\\\/bfnrt]|u[0-9a-fA-F]{4})')
QUOTE = Literal('"')

# What a terminal is made of: before, unit, after; and what its texts and the tokens are made of.
KINDS: dict[str, tuple[Pattern, Pattern, Pattern, list[str]]] = {
    "letters in quotes": (QUOTE, Regex("[ab]"), QUOTE, ['"', "a", "b", "aab", '"b', 'b"']),
    "characters of a string": (QUOTE, CHARACTER, QUOTE, ['"', "a", "é", "\\n", "\\u00e9", "😀"]),
    "nothing before": (Literal(""), Regex("[ab]"), Literal("."), ["a", "b", ".", "aaa", "ab."]),
    "nothing after": (Literal("-"), Regex("[ab]"), Literal(""), ["-", "a", "b", "aaa", "-a", "bb-"]),
    "possibly nothing after": (Literal("-"), Regex("[ab]"), Regex("(x+)?"), ["-", "a", "x", "aaa", "-a", "ax", "xx-"]),
    "much after": (Literal("<"), Regex("[ab]"), Regex(">[abx]*!"), ["<", "a", "x", ">", "!", "a>b", "!<a"]),
    "units of several sizes": (Literal("<"), Regex("a|bc|bdd|be*f"), Literal(">"), ["<", "a", "b", "c", "d", "f", "e"]),
    "units of many beginnings": (Literal("<"), Regex("a*b"), Literal(">"), ["<", "a", "b", "ab", "aab", ">", "b>"]),
    "much before": (Regex("<(ab|c)*=(y|zz)"), Regex("[ab]"), Literal(">"), ["<", "ab", "c", "=", "y", "z", "a", ">"]),
    "what follows loops back": (Literal("<"), Regex("a"), Regex("(xa*)*y"), ["<", "a", "x", "y", "aa", "ax", "xaa"]),
}  # fmt: skip


def grammar_of(*patterns: Pattern) -> Grammar:
    """One terminal after the other, with an x after each, any number of rounds."""
    terminals = {f"T{i}": TerminalDefinition(f"T{i}", pattern) for i, pattern in enumerate(patterns)}
    terminals["X"] = TerminalDefinition("X", Literal("x"))
    start = Nonterminal("start")
    texts = tuple(symbol for name in terminals if name != "X" for symbol in (Terminal(name), Terminal("X")))
    return Grammar("start", (Rule(start, texts), Rule(start, (*texts, start))), terminals)


def both(patterns: list[Counted], tokens: list[bytes]) -> tuple[stolcke.CompiledGrammar, stolcke.CompiledGrammar]:
    """The grammar of some terminals as it is, and with all of them written out."""
    assert all(isinstance(terminal_automaton(pattern), CountedAutomaton) for pattern in patterns)
    counted = stolcke.compile(grammar_of(*patterns), stolcke.Vocabulary(tokens), prewarm=0)
    explicit = stolcke.compile(
        grammar_of(*[pattern.expanded() for pattern in patterns]), stolcke.Vocabulary(tokens), prewarm=2
    )
    return counted, explicit


def check(counted: stolcke.Matcher, explicit: stolcke.Matcher, tokens: list[bytes], text: bytes) -> np.ndarray:
    """Check one position; the mask."""
    mask = counted.mask()
    wrong = np.flatnonzero(mask != explicit.mask())
    assert not wrong.size, f"after {text!r}: {[(tokens[t], bool(mask[t])) for t in wrong[:5]]}"
    assert counted.is_accepting == explicit.is_accepting
    assert counted.forced_bytes() == explicit.forced_bytes()
    return mask


def walk(compiled: stolcke.CompiledGrammar, text: bytes) -> list[bytes]:
    """The masks after each byte of a text."""
    matcher = compiled.matcher()
    masks = [matcher.mask().tobytes()]
    for byte in text:
        assert matcher.accept_bytes(bytes([byte]))
        masks.append(matcher.mask().tobytes())
    return masks


@pytest.mark.parametrize("kind", KINDS)
def test_every_position_of_every_small_count(kind: str) -> None:
    """Whatever the bounds, masks are those of the written-out automaton after every text of a few pieces."""
    *parts, pieces = KINDS[kind]
    before, unit, after = parts
    tokens = sorted({"".join(some).encode() for n in (1, 2, 3) for some in itertools.product([*pieces, "x"], repeat=n)})
    tokens += [piece.encode() * n for piece in pieces for n in (5, 9)] + [b"\xc3", b"\xa9", b"a\xf0\x9f", b"\x98\x80a"]
    for least, most in [(0, 1), (0, 2), (0, 4), (1, 1), (1, 3), (2, 2), (3, 5), (0, None), (1, None), (3, None)]:
        if least == 0 and kind == "nothing before" and terminal_automaton(after).matches_empty:
            continue
        counted, explicit = both([Counted(before, unit, least, most, after)], tokens)
        waiting = [(b"", counted.matcher(), explicit.matcher())]
        for text, one, other in waiting:
            check(one, other, tokens, text)
            for piece in pieces if len(waiting) < 150 else ():
                data = piece.encode()
                one_fork, other_fork = one.fork(), other.fork()
                if not one_fork.accept_bytes(data):
                    assert not other_fork.accept_bytes(data), text + data
                    continue
                assert other_fork.accept_bytes(data), text + data
                waiting.append((text + data, one_fork, other_fork))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Counted], list[bytes], int]:
    """One to three terminals, a vocabulary of their pieces, and a seed for a walk."""
    patterns, pieces = [], ["x"]
    for kind in draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3)):
        before, unit, after, some = KINDS[kind]
        least = draw(st.integers(0, 30))
        most = draw(st.none() | st.integers(max(least, 1), least + 40))
        if least == 0 and terminal_automaton(before).matches_empty:
            least = 1
        patterns.append(Counted(before, unit, least, most, after))
        pieces += some
    token = st.lists(st.sampled_from(pieces), min_size=1, max_size=12).map(lambda some: "".join(some).encode())
    cut = st.tuples(token, st.integers(0, 3)).map(lambda pair: pair[0][pair[1] :])
    tokens = draw(st.lists(token | cut, max_size=60))
    tokens += [piece.encode() * n for piece in pieces for n in (1, draw(st.integers(2, 40)))]
    return patterns, tokens, draw(st.integers(0, 1000))


@given(cases())
def test_random_walks(case: tuple[list[Counted], list[bytes], int]) -> None:
    patterns, tokens, seed = case
    counted, explicit = both(patterns, tokens)
    draw = Random(seed)
    one, other = counted.matcher(), explicit.matcher()
    masks = [check(one, other, tokens, b"")]
    text = b""
    for _ in range(40):
        allowed = np.flatnonzero(masks[-1])
        if not allowed.size:
            break
        token = int(draw.choice(allowed))
        assert one.accept(token)
        assert other.accept(token)
        text += tokens[token]
        masks.append(check(one, other, tokens, text))
    back = draw.randrange(len(masks))
    one.rollback(back)
    assert (one.mask() == masks[len(masks) - 1 - back]).all()


AMBIGUOUS = {
    "itself": {"start": [("T",), ("T", "start")]},
    "beside the same letters": {"start": [("T", "A"), ("A", "T"), ("start", "B", "T")]},
    "nested": {"start": [("A", "start", "B"), ("T",), ("T", "T")]},
}


@pytest.mark.parametrize("shape", AMBIGUOUS)
@pytest.mark.parametrize(
    "terminal",
    [
        Counted(Literal(""), Literal("a"), 1, 3, Literal("b")),
        Counted(Literal("a"), Literal("b"), 0, 2, Literal("a")),
        Counted(Literal(""), Choice((Literal("a"), Literal("ba"))), 1, 3, Literal("")),
        Counted(Literal("b"), Literal("a"), 2, None, Literal("")),
        Counted(Literal("ab"), Literal("a"), 1, 2, Repeat(Literal("b"), 0, None)),
    ],
)
def test_masks_are_those_of_a_textbook_parser(shape: str, terminal: Counted) -> None:
    used = {name for rules in AMBIGUOUS[shape].values() for rule in rules for name in rule if name.isupper()}
    terminals = {"T": terminal, "A": Literal("a"), "B": Literal("b")}
    grammar = make_grammar(AMBIGUOUS[shape], {name: terminals[name] for name in sorted(used)})
    texts = ["".join(letters).encode() for n in range(1, 5) for letters in itertools.product("ab", repeat=n)]
    engine = laws.Engine(grammar, Tokens([*texts, b"aaabaaab", b"<end>"], ends=(len(texts) + 1,)))
    for text in [b"", *texts, b"aabaab", b"abaabb", b"aaaaaab"]:
        matcher = engine.compiled.matcher()
        if matcher.accept_bytes(text):
            engine.check_all(matcher, text)
        else:
            assert not engine.earley.is_viable(text)


def string(least: int, most: int | None) -> Counted:
    return Counted(QUOTE, CHARACTER, least, most, QUOTE)


def test_large_counts_cost_nothing_until_they_are_reached() -> None:
    tokens = synthetic(3000)
    vocabulary = stolcke.Vocabulary(tokens)
    plain = stolcke.compile(grammar_of(string(0, None).expanded()), vocabulary)
    walk(plain, b'"abc"x')
    states, visited = vocabulary.core.stats()["automaton_states"], vocabulary.core.visited
    far = stolcke.compile(grammar_of(string(0, 65_535)), vocabulary)
    assert far.stats()["repeat_levels"] < 10
    assert far.stats()["automaton_states"] < states + 40
    # Far from the bound a string is to the vocabulary what it is without one.
    assert walk(far, b'"abc"x') == walk(plain, b'"abc"x')
    assert vocabulary.core.visited == visited
    assert walk(far, b'"' + b"a" * 500)[450:] == [walk(plain, b'"aa')[-1]] * 52
    assert far.stats()["repeat_levels"] < 600


def test_states_near_the_bound_are_shared_by_all_counts() -> None:
    vocabulary = stolcke.Vocabulary(synthetic(3000))
    one = stolcke.compile(grammar_of(string(0, 300)), vocabulary)
    expected = walk(one, b'"' + b"a" * 300 + b'"')
    known = vocabulary.core.stats()
    other = stolcke.compile(grammar_of(string(0, 1000)), vocabulary)
    found = walk(other, b'"' + b"a" * 1000 + b'"')
    assert found[-200:] == expected[-200:]
    after = vocabulary.core.stats()
    assert after["partitions"] == known["partitions"]
    assert after["trie_nodes_visited"] == known["trie_nodes_visited"]


def test_the_walk_is_one_for_all_positions() -> None:
    """All levels' partitions of the whole vocabulary come from one profile."""
    vocabulary = stolcke.Vocabulary(synthetic(3000))
    compiled = stolcke.compile(grammar_of(string(2, 60)), vocabulary, prewarm=0)
    walk(compiled, b'"' + b"a" * 3)
    visited = vocabulary.core.visited
    walk(compiled, b'"' + b"a" * 60)
    assert vocabulary.core.visited - visited < visited


def test_saved_vocabularies_keep_what_is_known_of_counted_states(tmp_path) -> None:
    tokens = synthetic(3000)
    text = b'"' + b"ab" * 20 + b'"x"\\u00'
    vocabulary = stolcke.Vocabulary(tokens)
    grammar = grammar_of(string(3, 40), Counted(QUOTE, CHARACTER, 1, 4, Regex('"!*')))
    expected = walk(stolcke.compile(grammar, vocabulary), text)
    vocabulary.save(tmp_path / "vocabulary")
    for _ in range(2):
        loaded = stolcke.Vocabulary.load(tmp_path / "vocabulary")
        assert walk(stolcke.compile(grammar, loaded), text) == expected
        assert loaded.core.visited <= vocabulary.core.visited / 100
        loaded.save(tmp_path / "vocabulary")
    # Other bounds find the same states, and those that are new are still exact.
    other = grammar_of(string(0, 60))
    assert walk(stolcke.compile(other, loaded), b'"' + b"a" * 60) == walk(
        stolcke.compile(other, stolcke.Vocabulary(tokens)), b'"' + b"a" * 60
    )


def test_damaged_vocabularies_are_refused() -> None:
    vocabulary = stolcke.Vocabulary(synthetic(500))
    walk(stolcke.compile(grammar_of(string(0, 20)), vocabulary), b'"' + b"a" * 20)
    arrays = to_arrays(vocabulary.core)
    assert len(arrays["counted_states"]) > 2
    for name, column in [("families", k) for k in range(4)] + [("counted_states", k) for k in range(4)]:
        damaged = dict(arrays)
        damaged[name] = arrays[name].copy()
        damaged[name][-1, column] = 2**31 + 5
        with pytest.raises(ValueError, match=r"famil|counted"):
            from_arrays(vocabulary.data, vocabulary.offsets, vocabulary.skip, damaged)


def test_saved_grammars(tmp_path) -> None:
    tokens = synthetic(1000)
    vocabulary = stolcke.Vocabulary(tokens)
    compiled = stolcke.compile(grammar_of(string(2, 30), string(0, 70_000), string(2, None)), vocabulary)
    compiled.save(tmp_path / "grammar")
    loaded = stolcke.CompiledGrammar.load(tmp_path / "grammar", stolcke.Vocabulary(tokens))
    text = b'"' + b"a" * 30 + b'"x"' + b"b" * 50 + b'"x"ccc'
    assert walk(loaded, text) == walk(compiled, text)
    assert "2 to 30 times" in loaded.dump()
    assert "2 to any number of times" in loaded.dump()


@pytest.mark.parametrize(("place", "value"), [(0, 9), (1, 0), (2, 99), (3, 4), (4, -1), (5, 1), (5, 0)])
def test_damaged_grammars_are_refused(place: int, value: int) -> None:
    compiled = stolcke.compile(grammar_of(string(2, 30)), stolcke.Vocabulary.from_bytes())
    meta, arrays = compiled.arrays.to_file()
    arrays["counted"] = arrays["counted"].copy()
    arrays["counted"][place] = value
    with pytest.raises(stolcke.FileFormatError, match="malformed"):
        type(compiled.arrays).from_file(meta, arrays)


def test_parts_that_do_not_fit_are_refused_by_the_core() -> None:
    sources = ['"', "a", '"', '"a*"']

    def starts(core, sources: list[str]) -> list[int]:
        return [core.add_automaton(terminal_automaton(Regex(source)).machine) for source in sources]

    core = stolcke.Vocabulary.from_bytes().core
    fine = starts(core, sources)
    assert core.add_counted(*fine, 0, 3) == core.add_counted(*fine, 0, 3) != core.add_counted(*fine, 0, 4)
    for bounds in [(4, 3), (2**31, None), (0, 2**31)]:
        with pytest.raises(ValueError, match="bounds"):
            core.add_counted(*fine, *bounds)
    with pytest.raises(ValueError, match="no such state"):
        core.add_counted(*fine[:3], 10**6, 0, 3)
    for place, source in [(1, "a|ab"), (1, "a?"), (0, '"a?'), (2, "a|b"), (3, '"b*"'), (3, '"aa*"'), (3, "a*")]:
        core = stolcke.Vocabulary.from_bytes().core
        with pytest.raises(ValueError, match="counted repeat"):
            core.add_counted(*starts(core, [*sources[:place], source, *sources[place + 1 :]]), 0, 3)


def test_threads_find_the_same_states() -> None:
    tokens = synthetic(2000)
    compiled = stolcke.compile(grammar_of(string(2, 200), string(0, 90)), stolcke.Vocabulary(tokens), prewarm=0)
    alone = stolcke.compile(grammar_of(string(2, 200), string(0, 90)), stolcke.Vocabulary(tokens), prewarm=0)
    text = b'"' + "aé".encode() * 100 + b'"x"' + b"b" * 90 + b'"x'
    expected = walk(alone, text)
    barrier = threading.Barrier(8)
    found: list[list[bytes]] = []

    def run() -> None:
        barrier.wait()
        found.append(walk(compiled, text))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


@pytest.mark.parametrize(("least", "most"), [(0, 40), (3, 40)])
def test_every_position_of_a_real_vocabulary(least: int, most: int) -> None:
    tokens, _, _ = real("llama3")
    counted, explicit = both([string(least, most)], tokens)
    one, other = counted.matcher(), explicit.matcher()
    text = "\"The 'café' \\u00e9\\n and 日本😀, =class".encode()
    text += b"a" * (most - len(json.loads(text + b'"'))) + b'"x'
    check(one, other, tokens, b"")
    for i in range(len(text)):
        assert one.accept_bytes(text[i : i + 1])
        assert other.accept_bytes(text[i : i + 1])
        check(one, other, tokens, text[: i + 1])
    assert one.is_accepting
