"""A matcher that must write some bytes before the grammar begins, and the healing of prompts that this is for."""

from __future__ import annotations

from functools import cache
from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stolcke
from stolcke import LimitExceeded, Pruning, VocabularyError
from stolcke.grammar.patterns import Special
from tests.engine.laws import Engine, derives_nothing, filled
from tests.reference.masks import Tokens
from tests.strategies import PALETTES, make_grammar, small_rules

TOKENS = Tokens(
    tokens=[b"a", b"b", b"", b"ab", b"ba", b"aa", b"aab", b"abb", b"aba", b"</s>", b"ab", b"<x>", b"c", b"bab"],
    ends=(9,),
    special_ids=(11,),
)
PREFIXES = [b"a", b"b", b"ab", b"aa", b"ba", b"aba", b"abab", b"bc", b"d"]


def allowed_behind(engine: Engine, rest: bytes) -> list[int]:
    """The ids that may come where ``rest`` is still to be written."""
    found = []
    for token, text in enumerate(engine.tokens.tokens):
        if token in (*engine.tokens.ends, *engine.tokens.special_ids) or not text:
            continue
        if rest.startswith(text) or (text.startswith(rest) and engine.earley.is_viable(tuple(text[len(rest) :]))):
            found.append(token)
    return found


def check(engine: Engine, matcher: stolcke.Matcher, rest: bytes, depth: int) -> None:
    """The mask, and what comes after each token, against the twin."""
    expected = allowed_behind(engine, rest)
    where = f"before {rest!r} and\n{engine.grammar}"
    assert matcher.prefix_left == rest
    assert filled(matcher, len(engine.tokens.tokens)) == expected, where
    assert [t for t in range(len(engine.tokens.tokens)) if matcher.allows(t)] == expected, where
    assert not matcher.is_accepting
    assert not matcher.is_opening
    for token in expected if depth else []:
        text = engine.tokens.tokens[token]
        assert matcher.accept(token)
        if len(text) < len(rest):
            check(engine, matcher, rest[len(text) :], depth - 1)
        else:
            assert matcher.prefix_left == b""
            engine.check(matcher, text[len(rest) :])
        matcher.rollback()
    assert matcher.prefix_left == rest


@pytest.mark.parametrize("shard", range(4))
def test_every_small_grammar(shard):
    compared = 0
    for number, (rules, (terminals, ignore)) in enumerate(islice(product(small_rules(5), PALETTES), shard, None, 4)):
        grammar = make_grammar(rules, terminals, ignore)
        if derives_nothing(grammar):
            continue
        engine = Engine(grammar, TOKENS, prewarm=0)
        for prefix in PREFIXES[number % 3 :: 3]:
            check(engine, engine.compiled.matcher(prefix=prefix), prefix, depth=2)
        engine.check(engine.compiled.matcher(), b"")
        compared += 1
    assert compared > 50, "the generator yields too little to prove anything"


@cache
def sums() -> stolcke.CompiledGrammar:
    grammar = stolcke.Grammar.from_lark('start: item ("b" item)*{0.3} | [0.1]\nitem: "a" [0.6] | "ab" [0.4]')
    return stolcke.compile(grammar, stolcke.Vocabulary(list(TOKENS.tokens), 9, [11]))


@pytest.mark.parametrize("prefix", PREFIXES[:7])
def test_the_prefix_is_certain(prefix):
    compiled = sums()
    matcher = compiled.matcher(prefix=prefix)
    plain = compiled.matcher()
    assert matcher.prefix_logprob == 0
    assert matcher.eos_logprob == matcher.sentence_logprob == -np.inf
    bytes_next = matcher.next_byte_logprobs()
    assert (bytes_next[prefix[0]], np.isfinite(bytes_next).sum()) == (0, 1)
    expected = np.full(len(TOKENS.tokens), -np.inf)
    for token in matcher.allowed_token_ids().tolist():
        text = TOKENS.tokens[token]
        behind = text[len(prefix) :]
        plain.reset()
        assert plain.accept_bytes(behind)
        expected[token] = plain.prefix_logprob
        assert matcher.accept(token)
        assert matcher.prefix_logprob == pytest.approx(plain.prefix_logprob, abs=1e-12)
        if len(text) >= len(prefix):
            every = range(len(TOKENS.tokens))
            assert matcher.logprobs(every) == pytest.approx(plain.logprobs(every), abs=1e-12)
            assert matcher.next_byte_logprobs() == pytest.approx(plain.next_byte_logprobs())
            assert matcher.eos_logprob == pytest.approx(plain.eos_logprob)
        matcher.rollback()
    assert (expected == 0).any() and np.isfinite(expected).sum() >= 2
    row = np.zeros(len(expected) + 2, np.float32)
    matcher.fill_logprobs(row)
    assert row[:-2] == pytest.approx(expected, abs=1e-6)
    assert (row[-2:] == -np.inf).all()
    assert matcher.logprobs(range(len(expected))) == pytest.approx(expected, abs=1e-12)
    group, value = matcher.compact_logprobs()
    assert value[group] == pytest.approx(row[:-2])
    matcher.fill_logprobs(row, normalize=True)
    assert np.exp(row[:-2].astype(float)).sum() == pytest.approx(1, abs=1e-6)


def test_bytes_through_the_prefix():
    matcher, plain = sums().matcher(prefix=b"ab"), sums().matcher()
    assert not matcher.accept_bytes(b"b")
    assert matcher.accept_bytes(b"")
    assert matcher.accept_bytes(b"a")
    assert matcher.prefix_left == b"b"
    assert matcher.accept_bytes(b"bab")
    assert plain.accept_bytes(b"ab")
    assert matcher.prefix_logprob == pytest.approx(plain.prefix_logprob)
    assert (matcher.mask() == plain.mask()).all()
    assert matcher.sample(3) == plain.sample(3)
    assert sums().matcher(prefix=b"ba").sample(5)[:2] == b"ba"


def test_rollback_reset_and_fork():
    matcher = sums().matcher(prefix=b"ab")
    first = matcher.mask()
    assert matcher.prefix_logprob == 0
    assert matcher.accept_tokens([0, 1, 0, 1]) == 4
    assert matcher.last_token == 1
    fork = matcher.fork()
    matcher.rollback(3)
    assert matcher.prefix_left == b"b"
    assert matcher.expected() == ["the rest of the prompt, b'b'"]
    assert "b'b'" in matcher.dump()
    matcher.reset()
    assert (matcher.prefix_left, matcher.n_accepted, matcher.last_token) == (b"ab", 0, None)
    assert (matcher.mask() == first).all()
    assert fork.prefix_left == b""
    assert fork.accept_bytes(b"a")
    fork.reset()
    assert fork.prefix_left == b"ab"
    assert matcher.fork().prefix_left == b"ab"


def test_other_ways_to_ask():
    compiled = sums()
    matcher = compiled.matcher(prefix=b"ab", pruning=Pruning(prune_mask=True))
    assert (matcher.mask() == compiled.matcher(prefix=b"ab").mask()).all()
    only = stolcke.compile(stolcke.Grammar.from_lark('start: "bab"'), compiled.vocabulary)
    certain = only.matcher(prefix=b"c")
    assert certain.forced_bytes() == b"cbab"
    assert certain.forced_tokens(lambda text: [12, 13] if text == "cbab" else []) == [12, 13]
    rows = np.zeros((2, 1), np.int32)
    stolcke.fill_masks([certain, matcher], rows)
    assert rows[0, 0] == 1 << 12
    assert np.flatnonzero(matcher.mask()).tolist() == [i for i in range(32) if rows[1, 0] >> i & 1]


def test_a_special_token_comes_behind_the_prefix():
    grammar = make_grammar({"s": [("X",)]}, {"X": Special("X")})
    tokens = Tokens(TOKENS.tokens, TOKENS.ends, TOKENS.special_ids, {"X": 11})
    matcher = Engine(grammar, tokens).compiled.matcher(prefix=b"ab")
    assert matcher.allowed_token_ids().tolist() == [0, 3, 10]
    assert not matcher.accept(11)
    assert matcher.accept_tokens([3, 11, 9]) == 3


def test_prefixes_that_are_refused():
    with pytest.raises(VocabularyError, match="a prefix is bytes, not str"):
        sums().matcher(prefix="ab")
    with pytest.raises(LimitExceeded, match="the prefix of a matcher"):
        sums().matcher(prefix=b"a" * 2000)
    vocabulary = stolcke.Vocabulary([b"a", b" "], [], strips_first_space=True)
    compiled = stolcke.compile(stolcke.Grammar.from_lark('start: "a"'), vocabulary)
    with pytest.raises(VocabularyError, match="leave strip_first_space out"):
        compiled.matcher(prefix=b"a", strip_first_space=True)


# -- healing --------------------------------------------------------------------------------------------------------

WORDS = stolcke.Vocabulary(
    [b"http", b":", b"://", b"//", b"/", b"x", b"s", b"ttp", b"h", b"tp:", b"<s>", b"p:/", b"", b"</s>", b"s:"],
    13,
    [10],
)


@pytest.mark.parametrize(
    ("rules", "prompt", "kept", "prefix"),
    [
        ('start: "//x"', [0, 1], [], b"http:"),  # p:/ begins within the first token
        ('start: "//x"', [10, 6, 1], [10, 6], b":"),
        ('start: "x"', [10, 6, 1], [10, 6, 1], b""),  # no token goes on with an x
        ('start: "/x" | "x"', [6, 1], [6, 1], b""),  # :// would need a second /
        ('start: ":"', [5, 8, 7], [5, 8], b"ttp"),
        ('start: ":"', [5, 10, 6], [5, 10], b"s"),
        ('start: ":"', [6, 10], [6, 10], b""),  # nothing is taken away before a special token
        ('start: ":"', [], [], b""),
        ('start: "ttpx"', [12, 8], [12], b"h"),
    ],
)
def test_what_healing_takes_away(rules, prompt, kept, prefix):
    compiled = stolcke.compile(stolcke.Grammar.from_lark(rules), WORDS)
    assert stolcke.heal(compiled, prompt) == stolcke.Healed(kept, prefix)


@given(prompt=st.lists(st.integers(0, 14), max_size=5), rules=st.sampled_from(['"/"', '"//"', '":x"', "/[:\\/ps]+/"]))
def test_every_token_across_the_end_of_a_prompt_can_come(prompt, rules):
    """By trying each token at each place before the end."""
    compiled = stolcke.compile(stolcke.Grammar.from_lark("start: " + rules), WORDS)
    healed = stolcke.heal(compiled, iter(prompt))
    assert healed.token_ids == prompt[: len(healed.token_ids)]
    taken = prompt[len(healed.token_ids) :]
    assert healed.prefix == b"".join(WORDS.tokens[i] for i in taken)
    assert not any(WORDS.skip[i] for i in taken)
    ordinary = next((n for n, i in enumerate(reversed(prompt)) if WORDS.skip[i]), len(prompt))
    text = b"".join(WORDS.tokens[i] for i in prompt[len(prompt) - ordinary :])
    needed = 0
    for token, piece in enumerate(WORDS.tokens):
        for length in range(1, min(len(piece), len(text) + 1)):
            crosses = not WORDS.skip[token] and text.endswith(piece[:length])
            if crosses and compiled.matcher().accept_bytes(piece[length:]):
                needed = max(needed, length)
    assert len(healed.prefix) >= needed
    # And no token more than that takes.
    shorter = len(WORDS.tokens[taken[0]]) if taken else 0
    assert len(healed.prefix) - shorter < max(needed, 1)


def test_healing_refuses_what_is_no_token():
    with pytest.raises(VocabularyError, match="outside the vocabulary of 15"):
        stolcke.heal(stolcke.compile(stolcke.Grammar.from_lark('start: "x"'), WORDS), [3, 15])
