"""Tallies give the masks of the rules that they stand for, and make only those states that texts lead to."""

from __future__ import annotations

import itertools
import random
import threading

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import stolcke
from stolcke.grammar.patterns import Literal, Regex
from tests.engine.laws import Engine, derives_nothing, filled, vocabulary_of
from tests.engine.test_options import SETTINGS
from tests.reference.earley import Earley
from tests.reference.tallies import written_out
from tests.strategies import EFFORT, FUSED, A, B, make_grammar, make_tally, tally_grammars, texts, vocabularies, walks

BYTES = stolcke.Vocabulary.from_bytes()
END = 256
FLAGS = [
    tuple(itertools.compress(("once", "required", "marked"), bits)) for bits in itertools.product((0, 1), repeat=3)
]
FRAMES = {
    "alone": {},
    "between": {"s": [("A", "x", "B")]},
    "left recursive": {"s": [("x", "B"), ("B",)]},
    "right recursive": {"s": [("A", "x"), ("B",)]},
}


def small_tallies(entries):
    """Two entries with all flags, with and without a separator, between all kinds of bounds."""
    bounds = [(0, None), (1, None), (2, None), (0, 1), (2, 2), (1, 3)]
    marks = [(0, None), (1, None), (0, 1), (1, 1), (2, 2)]
    for flags, other, separator in itertools.product(FLAGS, FLAGS, ((), ("B",))):
        for (least, most), (least_marked, most_marked) in itertools.product(bounds, marks):
            yield make_tally(
                [flags + entries[0], other + entries[1]],
                separator,
                least=least,
                most=most,
                least_marked=least_marked,
                most_marked=most_marked,
            )


def small_grammars(frame):
    """The small tallies within a rule; where the frame is recursive, their second entry is."""
    recursive = frame.endswith("recursive")
    for tally in small_tallies([("A",), ("s",) if recursive else ("B",)]):
        yield make_grammar(FRAMES[frame], {"A": A, "B": B}, (), {"x": tally}, "s" if FRAMES[frame] else "x")


@pytest.mark.parametrize("frame", FRAMES)
def test_small_tallies(frame):
    vocabulary = vocabulary_of(FUSED)
    step = 1 if frame == "alone" else 7
    compared = 0
    for grammar in itertools.islice(small_grammars(frame), 0, None, step):
        earley = Earley(grammar)
        if not earley.is_viable(b""):
            with pytest.raises(stolcke.GrammarError, match="derives no text"):
                stolcke.compile(grammar, vocabulary)
            continue
        engine = Engine(grammar, FUSED, vocabulary=vocabulary, earley=earley, prewarm=0)
        matcher = engine.compiled.matcher()
        for text in texts(b"ab", 3):
            if matcher.accept_bytes(text):
                engine.check(matcher, text)
                matcher.rollback()
            else:
                assert not earley.is_viable(text)
        compared += 1
    assert compared > 150


def compiled_or_none(grammar, tokens, **options) -> Engine | None:
    """The grammar beside its twin; None where it derives nothing, or has an entry that derives the empty text."""
    if derives_nothing(grammar):
        with pytest.raises(stolcke.StolckeError, match="deriv"):
            stolcke.compile(grammar, vocabulary_of(tokens))
        return None
    if holds_empty_entry(grammar):
        return None
    return Engine(grammar, tokens, **options)


def holds_empty_entry(grammar) -> bool:
    """Whether an entry derives the empty text; compile may still drop it where nothing needs it."""
    empty = Earley(written_out(grammar)).nullable
    return any(
        all(("rule", symbol.name) in empty for symbol in entry.symbols)
        for tally in grammar.tallies.values()
        for entry in tally.entries
    )


@settings(max_examples=250 * EFFORT)
@given(tally_grammars(), vocabularies(), st.sampled_from(["", *sorted(SETTINGS)]), st.data())
def test_random_tallies(grammar, tokens, name, data):
    engine = compiled_or_none(grammar, tokens, options=SETTINGS.get(name))
    assume(engine is not None)
    matcher = engine.compiled.matcher()
    text: tuple = ()
    steps = data.draw(walks(engine.earley, tokens))
    seen = []
    for token in steps:
        seen.append(engine.check_all(matcher, text))
        for other in range(len(tokens.tokens)):
            if other not in seen[-1]:
                assert not matcher.accept(other), (text, other)
        assert matcher.accept(token)
        text += tokens.symbols(token)
    engine.check_all(matcher, text)
    # Back and forth again: nothing has changed.
    for before in reversed(seen):
        matcher.rollback()
        assert filled(matcher, len(tokens.tokens)) == before
    for token in steps:
        assert matcher.accept(token)
    engine.check(matcher, text)


def run_all(threads: int, work) -> list:
    """``work(0)``, ``work(1)``, ... in threads that start together."""
    barrier = threading.Barrier(threads)
    results: list = [None] * threads

    def run(number: int) -> None:
        barrier.wait()
        results[number] = work(number)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results


def object_grammar(n: int, required=(), **bounds):
    """Objects of the keys k0, k1, ... in any order, whose values are numbers or objects again."""
    names = [f"K{i}" for i in range(n)]
    entries = [("once", *(("required",) if i in required else ()), name, "v") for i, name in enumerate(names)]
    terminals = {name: Literal(f'"k{i}":') for i, name in enumerate(names)}
    terminals |= {"L": Literal("{"), "R": Literal("}"), "COMMA": Literal(","), "N": Regex("[0-9]+")}
    rules = {"s": [("L", "members", "R")], "v": [("N",), ("s",)]}
    return make_grammar(rules, terminals, (), {"members": make_tally(entries, ("COMMA",), **bounds)})


def document(order, value=b"1") -> bytes:
    return b"{" + b",".join(b'"k%d":%b' % (i, value) for i in order) + b"}"


def test_eight_threads_make_the_same_states_at_once():
    grammar = object_grammar(12, required=(0, 3, 5), most=9)
    orders = [[*range(number, 12), *range(number)][:8] for number in (0, 3, 5, 7)]

    def walk(compiled, order):
        matcher, seen = compiled.matcher(), []
        for value in document(order, document((order[0], order[-1], 0, 3, 5) if 0 not in order[:1] else (3, 0, 5))):
            seen.append(matcher.mask().tobytes())
            seen.append(matcher.accept(value))
        return seen

    alone = stolcke.compile(grammar, BYTES)
    expected = [walk(alone, orders[number % 4]) for number in range(8)]
    for _ in range(5):
        shared = stolcke.compile(grammar, BYTES, prewarm=0)
        assert run_all(8, lambda number, shared=shared: walk(shared, orders[number % 4])) == expected


@pytest.mark.parametrize("seed", range(4))
def test_many_tokens_across_members(seed):
    """Tokens hold ends of values, commas, keys and more: rows equal those of the rules written out."""
    draw = random.Random(seed)
    pieces = [
        b'"',
        b"k",
        b'":',
        b",",
        b"{",
        b"}",
        b'"k1":',
        b',"k',
        b'"k0":1,"k',
        b"1,",
        b'2":3',
        b"}}",
        b'":{"',
        b"{}",
    ]
    tokens = [bytes([value]) for value in range(256)]
    tokens += [b"".join(draw.choices(pieces, k=draw.randint(1, 4))) for _ in range(600)]
    vocabulary = stolcke.Vocabulary(tokens, eos_token_ids=[])
    bounds = [{}, {"most": 3}, {"least": 2, "most": 4}, {"least": 3}][seed]
    grammar = object_grammar(5, required=(1, 2)[: seed % 3], **bounds)
    one = stolcke.compile(grammar, vocabulary).matcher()
    other = stolcke.compile(written_out(grammar), vocabulary).matcher()
    for _ in range(40):
        for _ in range(25):
            assert filled(one, len(tokens)) == filled(other, len(tokens))
            allowed = one.allowed_token_ids()
            if not allowed.size:
                break
            token = int(draw.choice(allowed))
            assert one.accept(token) and other.accept(token)
        back = draw.randint(0, one.n_accepted)
        one.rollback(back)
        other.rollback(back)


def sizes(compiled) -> dict[str, int]:
    found = compiled.stats()
    return {name: found[name] for name in ("tally_states", "suffixes", "columns", "continuations", "states")}


def test_sixty_keys_in_any_order():
    """2^60 sets of keys; a document meets one for each of its keys, and each key makes a rule or two of them."""
    compiled = stolcke.compile(object_grammar(60, required=range(0, 60, 3)), BYTES, prewarm=0)
    assert sizes(compiled)["tally_states"] == 1
    assert sizes(compiled)["suffixes"] < 4 * 60
    matcher = compiled.matcher()
    assert matcher.accept_bytes(document(range(60)))
    assert matcher.is_accepting
    first = sizes(compiled)
    assert first["tally_states"] == 61
    assert first["columns"] < 4 * 60
    assert first["suffixes"] < 3 * 60 * 60 // 2
    other = compiled.matcher()
    assert other.accept_bytes(document(reversed(range(60))))
    assert other.is_accepting
    assert sizes(compiled)["tally_states"] <= 2 * 61
    # A third one, of keys met before in another order, comes back to a state that is known.
    again = compiled.matcher()
    assert again.accept_bytes(b'{"k1":1,"k0":1,')
    before = sizes(compiled)
    assert again.accept_bytes(document(range(2, 60))[1:])
    assert sizes(compiled)["tally_states"] == before["tally_states"]


def test_the_last_places_are_kept_for_required_keys():
    compiled = stolcke.compile(object_grammar(5, required=(3, 4), most=3), BYTES)
    for order, fits in [((0, 3, 4), True), ((3, 4), True), ((0, 3), False), ((3, 0, 4), True)]:
        matcher = compiled.matcher()
        assert matcher.accept_bytes(document(order)) == fits, order
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b'{"k0":1,"k')
    assert filled(matcher, 257) == [*b"34"]
    assert matcher.accept_bytes(b'4":1,')
    assert matcher.forced_bytes() == b'"k3":'
    assert matcher.accept_bytes(b'"k3":12')
    assert filled(matcher, 257) == [*b"0123456789}"]


def counted(**bounds):
    terminals = {"L": Literal("["), "R": Literal("]"), "COMMA": Literal(","), "N": Regex("[0-9]+")}
    tally = make_tally([("N",)], ("COMMA",), **bounds)
    return stolcke.compile(make_grammar({"s": [("L", "x", "R")]}, terminals, (), {"x": tally}), BYTES, prewarm=0)


def test_a_list_of_a_million():
    """A count is a state only when a text gets there."""
    compiled = counted(least=999_998, most=1_000_000)
    assert sizes(compiled)["suffixes"] < 10
    for n in (1000, 2000):
        matcher = compiled.matcher()
        assert matcher.accept_bytes(b"[" + b"1," * n)
        assert filled(matcher, 257) == [*b"0123456789"]
        assert sizes(compiled)["tally_states"] <= n + 2
        assert sizes(compiled)["columns"] <= 2 * n + 10


@pytest.mark.parametrize("least", [0, 1, 5])
def test_a_list_without_end_is_not_counted(least):
    few, many = counted(least=least), counted(least=least)
    assert few.matcher().accept_bytes(b"[" + b"1," * 20 + b"1]")
    assert many.matcher().accept_bytes(b"[" + b"1," * 20_000 + b"1]")
    assert sizes(few) == sizes(many)
    assert sizes(many)["tally_states"] <= least + 2
    assert sizes(many)["columns"] <= 3 * least + 8


def test_repeated_entries_make_no_states():
    """Keys that may be repeated, beside one that must come once: two states, whatever the document."""
    names = [f"K{i}" for i in range(40)]
    terminals = {name: Literal(f"k{i};") for i, name in enumerate(names)}
    tally = make_tally([("once", "required", "K0"), *((name,) for name in names[1:])])
    compiled = stolcke.compile(make_grammar({"s": [("x",)]}, terminals, (), {"x": tally}), BYTES)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"".join(b"k%d;" % (i * 7 % 40) for i in range(1, 1000) if i % 40))
    assert not matcher.is_accepting
    assert matcher.accept_bytes(b"k0;k1;")
    assert matcher.is_accepting
    assert not matcher.accept_bytes(b"k0;")
    assert sizes(compiled)["tally_states"] == 2


def test_unique_values_and_at_least_some_of_them():
    """Each value once, two to four of them, and at least two from the first three."""
    entries = [("once", *(("marked",) if i < 3 else ()), f"V{i}") for i in range(6)]
    terminals = {f"V{i}": Literal(f"v{i}") for i in range(6)} | {"COMMA": Literal(",")}
    tally = make_tally(entries, ("COMMA",), least=2, most=4, least_marked=2)
    compiled = stolcke.compile(make_grammar({"s": [("x",)]}, terminals, (), {"x": tally}), BYTES)
    for n in range(1, 6):
        for order in itertools.permutations(range(6), n):
            matcher = compiled.matcher()
            accepted = matcher.accept_bytes(b",".join(b"v%d" % i for i in order)) and matcher.is_accepting
            assert accepted == (2 <= n <= 4 and sum(i < 3 for i in order) >= 2), order
    assert sizes(compiled)["tally_states"] <= 2**6


def test_deep_recursion_through_a_tally():
    """Objects within objects: a level is a few columns, and the way back is remembered."""
    counts = {}
    for depth in (100, 200, 20_000):
        compiled = stolcke.compile(object_grammar(3), BYTES, prewarm=0)
        matcher = compiled.matcher()
        assert matcher.accept_bytes(b'{"k1":' * depth + b"7")
        assert matcher.accept_bytes(b"}" * depth)
        assert matcher.is_accepting
        counts[depth] = sizes(compiled)
    per_level = (counts[200]["columns"] - counts[100]["columns"]) / 100
    assert per_level <= 4
    assert counts[20_000]["columns"] <= per_level * 20_000 + counts[100]["columns"]
    assert len({count["tally_states"] for count in counts.values()}) == 1


def test_right_recursion_through_a_tally_is_flat():
    tally = make_tally([("A", "s"), ("B",)], least=1, most=1)
    grammar = make_grammar({"s": [("x",)]}, {"A": A, "B": B}, (), {"x": tally})
    few, many = stolcke.compile(grammar, BYTES, prewarm=0), stolcke.compile(grammar, BYTES, prewarm=0)
    assert few.matcher().accept_bytes(b"a" * 100 + b"b")
    assert many.matcher().accept_bytes(b"a" * 10_000 + b"b")
    assert sizes(few) == sizes(many)


def test_an_ambiguous_tally_costs_no_more_than_its_rules():
    """Sums of sums, cut in every way: as many columns, items and states as without tallies."""
    terminals = {"N": Regex("[0-9]"), "PLUS": Literal("+")}
    grammar = make_grammar({"s": [("x",), ("N",)]}, terminals, (), {"x": make_tally([("s",)], ("PLUS",), least=2)})
    counts = []
    for given_grammar in (grammar, written_out(grammar)):
        compiled = stolcke.compile(given_grammar, BYTES, prewarm=0)
        matcher = compiled.matcher()
        assert matcher.accept_bytes(b"1" + b"+1" * 30)
        assert filled(matcher, 257) == [*b"+", END]
        found = compiled.stats()
        counts.append([found[name] for name in ("columns", "items", "states")])
    assert counts[0] == counts[1]


def test_memory_is_bounded():
    grammar = object_grammar(2000)
    limits = stolcke.Limits(cache_bytes=4_000_000)
    matcher = stolcke.compile(grammar, BYTES, limits=limits, prewarm=0).matcher()
    with pytest.raises(stolcke.LimitExceeded) as raised:
        matcher.accept_bytes(document(range(2000)))
    assert raised.value.limit == "cache_bytes"


def test_too_many_entries():
    grammar = object_grammar(20)
    with pytest.raises(stolcke.LimitExceeded) as raised:
        stolcke.compile(grammar, BYTES, limits=stolcke.Limits(tally_entries=19))
    assert (raised.value.limit, raised.value.given, raised.value.allowed) == ("tally_entries", 20, 19)


@pytest.mark.parametrize("entry", [("s",), ("e",), ("e", "e"), ("required", "t")])
def test_entries_that_derive_the_empty_text_are_refused(entry):
    rules = {"s": [("x",), ()], "e": [(), ("A",)], "t": [("e",)]}
    grammar = make_grammar(rules, {"A": A}, (), {"x": make_tally([("A",), entry])})
    with pytest.raises(stolcke.GrammarError, match="entry 1 of tally 'x' derives the empty text"):
        stolcke.compile(grammar, BYTES)


def test_bounds_beyond_all_texts():
    compiled = counted(least=2, most=10**30)
    assert compiled.matcher().accept_bytes(b"[1,2,3,4]")
    compiled = counted(least=10**29, most=10**30)
    matcher = compiled.matcher()
    assert matcher.accept_bytes(b"[1,2,3")
    assert filled(matcher, 257) == [*b",0123456789"]
