"""Partitions: shortcuts through characters of several bytes, and partitions that come from a file."""

from __future__ import annotations

import itertools
import json
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from stolcke._core.saved_partitions import from_arrays, to_arrays
from tests.vocabularies import synthetic

# One character of each kind that UTF-8 tells apart, at the edges of its ranges.
CHARACTERS = [
    chr(c) for c in (0x22, 0x41, 0x61, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x40000, 0x10FFFF)
]
# Pieces that are no characters: continuations alone, leads alone, surrogates, overlong and too high ones.
BROKEN = [b"\x80", b"\xc3", b"\xe0\xa0", b"\xed\xa0\x80", b"\xf0\x90\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xff"]


def character_tokens() -> list[bytes]:
    """Tokens of one to three pieces, whole and broken characters mixed."""
    pieces = [c.encode() for c in CHARACTERS] + BROKEN
    tokens = {b"".join(some) for n in (1, 2, 3) for some in itertools.product(pieces, repeat=n)}
    return sorted(tokens)


TOKENS = character_tokens()
TERMINALS = {
    "all but a quote": r'/[^"]+/',
    "all but letters": r"/[^Aa]+/",
    "anything": r"/(?s:.)+/",
    "two bytes at most": r"/[\u0000-\u07ff]+/",
    "three bytes at most": r"/[\u0000-\uffff]+/",
    "all but one of two bytes": r"/[^\u07ff]+/",
    "all but some of three bytes": r"/[^\u0800\ud7ff]+/",
    "all but one of four bytes": r"/[^\U00040000]+/",
    "no noncharacters": r'/[^"\ufffe\uffff]+/',
    "astral ones alone": r'/[^"\u0080-\uffff]+/',
    "words": r"/\w+/",
    "a closed string": r'/"[^"]*"/',
    "pairs": r'/([^"][^"])+/',
    "at most three": r'/[^"]{1,3}/',
    "many, but not all": r'/"[^"\ud7ff\uffff]{0,40}"/',
    # Nothing dies between the quotes, but hardly any byte leads back to where it came from.
    "holding a word": r'/"[^"]*(Aa|aA\u0080|Aé)[^"]*"/',
    "holding a word, without some": r'/"[^"\u07ff\uffff]*(Aa|aA\ue000)[^"\u07ff]*"/',
    "ending with a word": r'/"([^"]*(AaA|\U00040000a))?"/',
    "pairs of letters": r'/"((A[^A"]|a[^a"])[^"]?)*"/',
}


@pytest.mark.parametrize("kind", TERMINALS)
@pytest.mark.parametrize("rest", ["", ' "a"', " NEXT?\nNEXT: /[aA]+/"])
def test_masks_of_wide_terminals_are_exact(kind, rest):
    """Every token's verdict in the mask is that of its bytes, wherever characters are cut."""
    grammar = stolcke.Grammar.from_lark(f"start: T{rest}\nT: {TERMINALS[kind]}")
    compiled = stolcke.compile(grammar, stolcke.Vocabulary(TOKENS), prewarm=0)
    for text in (b"", b"a", b'"', "é".encode(), b'"a', b"\xe0\xa0", b"\xf0\x90", "\uffff".encode()):
        matcher = compiled.matcher()
        if not matcher.accept_bytes(text):
            continue
        wrong = [
            TOKENS[t] for t, allowed in enumerate(matcher.mask()) if allowed != matcher.fork().accept_bytes(TOKENS[t])
        ]
        assert not wrong, f"after {text!r}: {wrong[:5]}"


def test_one_character_left_out_hardly_costs_a_walk():
    """No node is visited for it but those below whose leads it might be, and those above them."""
    others = [*range(0x430, 0x450), *range(0x4E00, 0x4E20), *range(0xFF00, 0xFF10)]
    tokens = [(chr(a) + chr(b)).encode() for a in range(0x600, 0x640) for b in others]

    def visited(left_out: str) -> int:
        vocabulary = stolcke.Vocabulary(tokens)
        grammar = stolcke.Grammar.from_lark(f'start: TEXT "<"\nTEXT: /[^<{left_out}]*</')
        stolcke.compile(grammar, vocabulary, prewarm=0).matcher().mask()
        return vocabulary.core.visited

    assert visited("") == visited(r"\ud7ff")
    assert visited(r"\uffff") <= 2 + 2 * 64


def walk(compiled: stolcke.CompiledGrammar, text: bytes) -> list[np.ndarray]:
    """The masks after each byte of a text."""
    matcher = compiled.matcher()
    masks = [matcher.mask()]
    for byte in text:
        assert matcher.accept_bytes(bytes([byte]))
        masks.append(matcher.mask())
    return masks


def test_saved_partitions_are_found_again(tmp_path):
    """A loaded vocabulary gives the same masks and visits hardly a node of its trie for them."""
    text = b'{"name": [1.5e3, true, "\\u00e9\xc3\xa9"], "b": {}}'
    vocabulary = stolcke.Vocabulary(synthetic(3000), eos_token_ids=[7])
    grammar = stolcke.Grammar.from_file(stolcke.grammar_path("json"))
    expected = walk(stolcke.compile(grammar, vocabulary), text)
    assert vocabulary.core.visited > 0
    vocabulary.save(tmp_path / "vocabulary")

    loaded = stolcke.Vocabulary.load(tmp_path / "vocabulary")
    found = walk(stolcke.compile(grammar, loaded), text)
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))
    assert loaded.core.visited <= vocabulary.core.visited / 20

    # What a loaded vocabulary learns is kept by the next file.
    other = stolcke.Grammar.from_lark('start: /[a-z ]+/ "!"')
    expected = walk(stolcke.compile(other, loaded), b"some words!")
    loaded.save(tmp_path / "vocabulary")
    again = stolcke.Vocabulary.load(tmp_path / "vocabulary")
    assert all(
        (a == b).all() for a, b in zip(expected, walk(stolcke.compile(other, again), b"some words!"), strict=True)
    )
    assert again.core.visited <= loaded.core.visited / 20


def test_prewarmed_vocabularies_know_the_usual_terminals():
    vocabulary = stolcke.Vocabulary(synthetic(3000), eos_token_ids=[7])
    stolcke.prewarm(vocabulary)
    visited = vocabulary.core.visited
    assert visited > 0
    walk(stolcke.compile(stolcke.Grammar.from_file(stolcke.grammar_path("json")), vocabulary), b'{"a": 12}')
    assert vocabulary.core.visited - visited < visited / 10
    visited = vocabulary.core.visited
    schema = {"properties": {"first": {"type": "string"}, "second": {"type": "integer"}, "third": {"format": "date"}}}
    text = b'{"first": "one", "second": 2, "third": "2000-01-01", "fourth": [1]}'
    walk(stolcke.compile(stolcke.Grammar.from_json_schema(schema), vocabulary), text)
    assert vocabulary.core.visited - visited < visited / 10


def names_but(words: list[str]) -> stolcke.Grammar:
    """Objects of these members, each `0`, and any others."""
    return stolcke.Grammar.from_json_schema(
        {"type": "object", "properties": {word: {"const": 0} for word in words}}, whitespace="compact"
    )


@given(st.lists(st.text(st.sampled_from('aA"\\é\u0080\U00040000:'), max_size=4), max_size=6, unique=True), st.randoms())
@settings(max_examples=25, deadline=None)
def test_partitions_by_difference_equal_those_walked_for(words, random):
    """Tokens that hold declared names, also with what follows them; after every beginning of a name."""
    colons = [
        w + end for word in words for w in (word, json.dumps(word)[1:-1]) for end in ('"', '":', '":0', '":1', '"A')
    ]
    tokens = sorted({*TOKENS, *(text.encode()[k:] for text in colons for k in range(3))} - {b""})
    by_difference, walked = stolcke.Vocabulary(tokens), stolcke.Vocabulary(tokens)
    walked.core.by_difference = False
    one, other = (stolcke.compile(names_but(words), v, prewarm=0) for v in (by_difference, walked))
    for word in [*words, "Aa"]:
        a, b = one.matcher(), other.matcher()
        for byte in b"{" + json.dumps(word, ensure_ascii=random.random() < 0.5).encode() + b":":
            assert (a.mask() == b.mask()).all(), word
            a.accept_bytes(bytes([byte]))
            b.accept_bytes(bytes([byte]))


def test_other_names_hardly_cost_a_walk():
    vocabulary = stolcke.Vocabulary(synthetic(3000))
    walk(stolcke.compile(names_but(["first", "second"]), vocabulary, prewarm=0), b'{"first":0,"sec')
    visited = vocabulary.core.visited
    walk(stolcke.compile(names_but(["name", "size", "first"]), vocabulary, prewarm=0), b'{"name":0,"siz')
    by_difference = vocabulary.core.visited - visited
    vocabulary.core.by_difference = False
    walk(stolcke.compile(names_but(["kind", "time", "first"]), vocabulary, prewarm=0), b'{"kind":0,"tim')
    assert by_difference < (vocabulary.core.visited - visited - by_difference) / 5


def test_what_is_quickly_made_again_is_not_saved(tmp_path):
    """Neither the states of names nor their partitions; but the common ones are, and what others are made from."""
    random = Random(1)
    vocabulary = stolcke.Vocabulary(synthetic(3000))

    def compile_new() -> stolcke.CompiledGrammar:
        words = ["".join(random.choices("abcdefgh", k=12)) for _ in range(10)]
        compiled = stolcke.compile(names_but(words), vocabulary, prewarm=0)
        walk(compiled, f'{{"{words[0]}":0,"{words[1][:5]}'.encode())
        return compiled

    for _ in range(20):
        stats = compile_new().stats()
    vocabulary.save(tmp_path / "vocabulary")
    vocabulary = stolcke.Vocabulary.load(tmp_path / "vocabulary")
    assert vocabulary.core.stats()["automaton_states"] < stats["automaton_states"] / 20
    assert vocabulary.core.stats()["dense_partitions"] < 20
    compile_new()
    assert vocabulary.core.visited < stats["trie_nodes_visited"] / 20


def test_contradictory_arrays_are_refused():
    vocabulary = stolcke.Vocabulary(synthetic(500))
    stolcke.prewarm(vocabulary)
    arrays = to_arrays(vocabulary.core)
    for name in ("order", "children", "edge_target", "known_part", "part_tokens", "base_state", "exit_node"):
        damaged = dict(arrays)
        damaged[name] = arrays[name].copy()
        damaged[name][-1] = 2**31 - 1
        with pytest.raises(ValueError, match=name):
            from_arrays(vocabulary.data, vocabulary.offsets, vocabulary.skip, damaged)


def other_values(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Arrays that fit each other by their lengths and ranges, and yet would lead the engine astray."""
    dense = int(np.flatnonzero(arrays["part_dense"] != 0xFFFFFFFF)[0])
    n_edges = len(arrays["edge_low"])
    all_edges = np.zeros_like(arrays["state_edges"])
    all_edges[0] = n_edges
    counts, rows = arrays["part_counts"].copy(), arrays["dense"].copy()
    counts[dense] = 32
    rows[0, -1] |= np.uint64(1 << 63)
    n, own = 5000, len(arrays["label"])
    return {
        "edges of one state": {"state_edges": all_edges},
        "edges backwards": {"edge_low": arrays["edge_high"], "edge_high": arrays["edge_low"]},
        "few tokens in a row": {"part_counts": counts},
        "tokens beyond the vocabulary": {"dense": rows},
        "a deep chain": {
            "node_tokens": np.zeros(n, np.uint32),
            "tokens": np.zeros(0, np.uint32),
            "node_children": np.ones(n, np.uint32),
            "labels": np.full(n, 97, np.uint8),
            "children": np.concatenate([[0], np.arange(own, own + n - 1)]).astype(np.uint32),
        },
        "another type": {"node_children": arrays["node_children"].astype(float)},
        "no dimension": {"known_node": np.array(3, np.uint32)},
        "another shape": {"families": np.zeros((0, 3), np.uint32)},
    }


KINDS = (
    "edges of one state",
    "edges backwards",
    "few tokens in a row",
    "tokens beyond the vocabulary",
    "a deep chain",
    "another type",
    "no dimension",
    "another shape",
)


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_that_would_lead_astray_are_refused(kind):
    vocabulary = stolcke.Vocabulary(synthetic(500))
    stolcke.prewarm(vocabulary)
    arrays = to_arrays(vocabulary.core)
    damaged = {**arrays, **other_values(arrays)[kind]}
    with pytest.raises(ValueError, match="array"):
        from_arrays(vocabulary.data, vocabulary.offsets, vocabulary.skip, damaged)


def test_many_ends_within_one_token():
    """Terminals that end at many places of a token leave many rests, which are united and stay exact."""
    grammar = stolcke.Grammar.from_lark(
        'start: (A | B | C)* ("x" | D)\nA: / {1}| {4}/\nB: / {2}y| {7}/\nC: / {3}| {11}y/\nD: /y+ x/'
    )
    spaces = [b" " * n for n in range(1, 48)]
    tokens = spaces + [s + end for s in spaces for end in (b"x", b"y", b"y x", b"y  y", b"yy", b"xx")]
    vocabulary = stolcke.Vocabulary(tokens)
    compiled = stolcke.compile(grammar, vocabulary, prewarm=0)
    for text in (b"", b" ", b" " * 6, b"  y", b"yy ", b"     "):
        matcher = compiled.matcher()
        assert matcher.accept_bytes(text)
        allowed = [matcher.fork().accept_bytes(token) for token in tokens]
        assert matcher.mask().tolist() == allowed, text
    # One trie for each sum of lengths would be 26,843, and grow with the third power of the longest run.
    assert compiled.stats()["merged_nodes"] < 16_000


def test_large_tries_are_not_united_with_many_small_ones():
    """After a number of spaces anything may come, and most of it may come at once: two tries that are alike."""
    words = [bytes(word) for n in (1, 2, 3) for word in itertools.product(b"abcdefghij", repeat=n)]
    spaces = [b" " * n + b"#" for n in range(61)]
    tokens = [*words, *(b" " + word for word in words), *spaces]
    grammar = stolcke.Grammar.from_lark('start: NAME ("+" NAME)*\nNAME: /[a-z]+/\n%ignore / +/')
    compiled = stolcke.compile(grammar, stolcke.Vocabulary(tokens), prewarm=0)
    matcher = compiled.matcher()
    assert matcher.mask().sum() == 2 * len(words)
    matcher.accept_bytes(b"a")
    assert matcher.mask().sum() == len(words)
    assert compiled.stats()["merged_nodes"] < 4 * len(spaces)


def test_rings_of_rules_and_states():
    """Components of a thousand members are solved at once, not one by one."""
    rules = "\n".join(f"n{i}: n{(i + 1) % 1000}" + (' | "a"' if i == 5 else "") for i in range(1000))
    matcher = stolcke.compile(
        stolcke.Grammar.from_lark(f"start: n0\n{rules}"), stolcke.Vocabulary([b"a", b"aa"])
    ).matcher()
    assert matcher.mask().tolist() == [True, False]
    ring = stolcke.compile(stolcke.Grammar.from_lark("start: /(a{5000})+b/"), stolcke.Vocabulary.from_bytes()).matcher()
    assert not ring.fork().accept_bytes(b"a" * 4999 + b"b")
    assert ring.accept_bytes(b"a" * 10_000 + b"b")
    assert ring.is_accepting


# Patterns of which each place is a state of its own, and texts under them.
PLACES = {
    "counted letters": (r'/"[a-z0-9]{3,30}"/', b'"abcdefghijklmnopqrstuvwxyz0123'),
    "names of hosts": (
        r'/"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?)*"/',
        b'"ab-cd.e0-f.g',
    ),
    "groups": (r'/"[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}"/', b'"abcd0123-ef45-67gh'),
    "a text that may end anywhere": (r"/[a-z0-9]{1,20}([-.][a-z]{1,5}){0,3}/", b"abc0defgh-ij.klm"),
    "steps of two": (r'/"([a-z][a-z0-9-])*[.é]?"/', b'"ab-cd9efg'),
    "characters of all widths": (r'/"[^"\\.]{2,12}\.[^"\\]{1,3}"/', "aé\u20ac\U00010348bc.éd".encode()),
}


def words_and_joints() -> list[bytes]:
    """Tokens that go from one place to another, or leave: words of all lengths, and what joins them."""
    random = Random(5)
    letters = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=k)) for k in range(1, 15) for _ in range(40)]
    mixed = ["".join(random.choices('abz09-."é€', k=k)) for k in range(1, 9) for _ in range(60)]
    ends = [f'{random.choice(letters)[:3]}"{end}' for end in ("", ",", ", ", "a", '"') for _ in range(20)]
    return sorted({text.encode() for text in letters + mixed + ends} | {bytes([b]) for b in range(256)})


@pytest.mark.parametrize("kind", PLACES)
def test_masks_at_every_place_of_a_pattern_are_exact(kind):
    pattern, text = PLACES[kind]
    tokens = words_and_joints()
    compiled = stolcke.compile(
        stolcke.Grammar.from_lark(f'start: PLACES ("," " "?)?\nPLACES: {pattern}'),
        stolcke.Vocabulary(tokens),
        prewarm=0,
    )
    matcher = compiled.matcher()
    for byte in text:
        expected = [matcher.fork().accept_bytes(token) for token in tokens]
        assert matcher.mask().tolist() == expected, byte
        if not matcher.accept_bytes(bytes([byte])):
            break


def test_places_that_few_tokens_tell_apart_hardly_cost_a_walk():
    grammar = stolcke.Grammar.from_lark(
        r'start: /"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?)*"/'
    )
    visited = []
    for by_difference in (True, False):
        vocabulary = stolcke.Vocabulary(words_and_joints())
        vocabulary.core.by_difference = by_difference
        walk(stolcke.compile(grammar, vocabulary, prewarm=0), b'"abc-defg.hij')
        visited.append(vocabulary.core.visited)
    assert visited[0] < visited[1] / 3


def test_unions_of_rows_with_holes_are_exact():
    """Two objects at once, each open to other names than its own: what one of them leaves out the other may allow."""
    schema = {
        "anyOf": [
            {"properties": {"abc": {"const": 0}, "abd": {"const": 1}}, "required": ["abc"]},
            {"properties": {"abe": {"const": 2}, "a": {"const": 3}}, "additionalProperties": {"const": 4}},
        ]
    }
    names = [b"a", b"ab", b"abc", b"abd", b"abe", b"bc", b"c", b"e"]
    ends = [name + end for name in names for end in (b'"', b'":', b'":0', b'":2', b'":3', b'":4', b'":"')]
    tokens = sorted({*words_and_joints(), *names, *ends})
    vocabulary = stolcke.Vocabulary(tokens)
    matcher = stolcke.compile(
        stolcke.Grammar.from_json_schema(schema, whitespace="compact"), vocabulary, prewarm=0
    ).matcher()
    for byte in b'{"abc":0,"abe":2':
        expected = [matcher.fork().accept_bytes(token) for token in tokens]
        for _ in range(3):  # made, made ready, and read
            assert matcher.mask().tolist() == expected
        assert matcher.accept_bytes(bytes([byte]))
    assert vocabulary.core.stats()["dense_partitions"] < 6
