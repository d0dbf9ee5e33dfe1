"""Masks along a draft are those of forks that take its tokens one by one; the matcher stays where it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stolcke
from tests.batches.kinds import END, TOKENS, compiled, dirty, kinds, one_by_one, vocabulary, walked
from tests.strategies import EFFORT

KINDS = sorted(kinds(compiled()))


@pytest.fixture(scope="module", params=["remembering", "forgetful"])
def makers(request):
    return kinds(compiled(request.param))


def by_forks(matcher: stolcke.Matcher, tokens: list[int], parents: list[int]) -> tuple[list[bool], np.ndarray]:
    """The slow twin: a fork for each token of the draft."""
    rows = dirty(len(tokens) + 1)
    nodes: list[stolcke.Matcher | None] = [matcher.fork()]
    for token, parent in zip(tokens, parents, strict=True):
        ahead = nodes[parent + 1]
        ahead = ahead and ahead.fork()
        nodes.append(ahead if ahead is not None and ahead.accept(token) else None)
    for node, row in zip(nodes, rows, strict=True):
        row[:] = 0
        if node is not None:
            node.fill_mask(row)
    return [node is not None for node in nodes[1:]], rows


@st.composite
def drafts(draw, matcher: stolcke.Matcher) -> tuple[list[int], list[int] | None]:
    """A chain or a tree, mostly of allowed tokens, which ends now and then, and goes on behind what is refused."""
    n = draw(st.integers(0, 12))
    is_chain = draw(st.booleans())
    tokens: list[int] = []
    parents: list[int] = []
    nodes = [matcher.fork()]
    for i in range(n):
        parent = i - 1 if is_chain else draw(st.integers(-1, i - 1))
        ahead = nodes[parent + 1].fork()
        allowed = ahead.allowed_token_ids()
        if allowed.size and draw(st.integers(0, 9)):
            token = int(allowed[draw(st.integers(0, allowed.size - 1))])
        else:
            token = draw(st.sampled_from([END, *range(len(TOKENS))]))
        ahead.accept(token)
        tokens.append(token)
        parents.append(parent)
        nodes.append(ahead)
    return tokens, None if is_chain and draw(st.booleans()) else parents


def as_parents(tokens: list[int], parents: list[int] | None) -> list[int]:
    return list(range(-1, len(tokens) - 1)) if parents is None else parents


@settings(max_examples=150 * EFFORT, deadline=None)
@given(data=st.data(), kind=st.sampled_from(KINDS), seed=st.integers(0, 1000), steps=st.integers(0, 10))
def test_one_draft(makers, data, kind, seed, steps):
    matcher = walked(makers[kind], seed, steps)
    tokens, parents = data.draw(drafts(matcher))
    before = matcher.state, matcher.n_accepted, matcher.mask().tobytes()
    allowed, expected = by_forks(matcher, tokens, as_parents(tokens, parents))
    rows = dirty(len(tokens) + 1)
    accepted = matcher.fill_draft_masks(tokens, rows, parents)
    assert accepted.dtype == bool and accepted.tolist() == allowed
    assert np.array_equal(rows, expected)
    assert (matcher.state, matcher.n_accepted, matcher.mask().tobytes()) == before


@settings(max_examples=60 * EFFORT, deadline=None)
@given(
    data=st.data(),
    places=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 99), st.integers(0, 6)), max_size=8),
    threads=st.integers(1, 4),
    waits=st.booleans(),
)
def test_many_drafts(makers, data, places, threads, waits):
    matchers = [walked(makers[kind], seed, steps) for kind, seed, steps in places]
    given_drafts = [data.draw(drafts(matcher)) for matcher in matchers]
    twins = [by_forks(m, t, as_parents(t, p)) for m, (t, p) in zip(matchers, given_drafts, strict=True)]
    tokens, parents = [t for t, _ in given_drafts], [p for _, p in given_drafts]
    rows = dirty(len(matchers) + sum(map(len, tokens)))
    with stolcke.MaskFiller(threads) as filler:
        if waits:
            accepted = filler.fill_drafts(matchers, tokens, rows, parents)
        else:
            pending = filler.start_drafts(matchers, tokens, rows, parents)
            accepted = pending.accepted
            assert pending.wait() is accepted
    assert [one.tolist() for one in accepted] == [allowed for allowed, _ in twins]
    assert np.array_equal(rows, np.concatenate([dirty(0), *(expected for _, expected in twins)]))


def test_behind_the_end_nothing_comes(makers):
    matcher = makers["nested"]()
    rows = dirty(5)
    accepted = matcher.fill_draft_masks([97, END, 97, END], rows, [-1, 0, 1, 1])
    assert accepted.tolist() == [True, True, False, False]
    assert rows[1].any() and not rows[2:].any()
    assert not matcher.is_finished
    assert matcher.accept_tokens([97, END]) == 2
    accepted = matcher.fill_draft_masks([97], rows[:2])
    assert accepted.tolist() == [False] and not rows[:2].any()


@settings(max_examples=60 * EFFORT, deadline=None)
@given(data=st.data(), kind=st.sampled_from(KINDS), seed=st.integers(0, 99), steps=st.integers(0, 6))
def test_what_is_kept_of_a_draft_is_a_replay(makers, data, kind, seed, steps):
    """A host takes the draft, fills masks, keeps what its model likes, and takes the rest back."""
    matcher = walked(makers[kind], seed, steps)
    twin = matcher.fork()
    for _ in range(3):
        tokens, _ = data.draw(drafts(matcher))
        rows = dirty(len(tokens) + 1)
        accepted = matcher.fill_draft_masks(tokens, rows)
        taken = matcher.accept_tokens(tokens)
        assert taken == accepted.sum() and accepted[:taken].all()
        kept = data.draw(st.integers(0, taken))
        matcher.rollback(taken - kept)
        assert twin.accept_tokens(tokens[:kept]) == kept
        assert (matcher.state, matcher.n_accepted) == (twin.state, twin.n_accepted)
        assert np.array_equal(one_by_one([matcher])[0], one_by_one([twin])[0])
        assert np.array_equal(one_by_one([matcher])[0], rows[kept])


def test_forced_tokens_and_trees():
    """Each leaf of a draft goes on by what is forced there: one call has the masks of all that, too."""
    grammar = stolcke.Grammar.from_lark('start: "(" ("ab" "12" | "abc" "true") "))"')
    made = stolcke.compile(grammar, vocabulary())
    matcher = made.matcher()
    names = {text: token for token, text in enumerate(TOKENS)}
    tokens, parents = [names[b"("], names[b"ab"], names[b"abc"]], [-1, 0, 0]
    for leaf, path in ((1, [0, 1]), (2, [0, 2])):
        ahead = matcher.fork()
        assert ahead.accept_tokens([tokens[node] for node in path]) == 2
        for token in ahead.forced_tokens(lambda text: [names[c.encode()] for c in text]):
            tokens.append(token)
            parents.append(leaf)
            leaf = len(tokens) - 1
    rows = dirty(len(tokens) + 1)
    accepted = matcher.fill_draft_masks(tokens, rows, parents)
    allowed, expected = by_forks(matcher, tokens, parents)
    assert accepted.tolist() == allowed and len(tokens) > 3
    assert np.array_equal(rows, expected)


def test_canonical_tokens():
    hf = pytest.importorskip("tokenizers")
    ids = {"a": 0, "b": 1, "c": 2, "bc": 3, "abc": 4, "ab": 5, "</s>": 6}
    tokenizer = hf.Tokenizer(hf.models.BPE(ids, [("b", "c"), ("a", "bc"), ("a", "b")]))
    tokenizer.add_special_tokens(["</s>"])
    words = stolcke.Vocabulary([piece.encode() for piece in ids], 6)
    made = stolcke.compile(stolcke.Grammar.from_lark("start: /[abc]+/"), words)
    matcher = made.matcher(canonical=stolcke.Canonical(tokenizer, words))
    assert matcher.accept(2)
    tokens, parents = [0, 2, 1, 3, 0, 6, 4], [-1, 0, 0, -1, 3, 4, 5]
    allowed, expected = by_forks(matcher, tokens, parents)
    rows = np.full((8, len(expected[0])), -1, np.int32)
    assert matcher.fill_draft_masks(tokens, rows, parents).tolist() == allowed == [True] * 6 + [False]
    assert np.array_equal(rows, expected)
    assert rows[1, 0] == 0b1110101  # behind a, neither b nor bc
    assert matcher.n_accepted == 1 and matcher.last_token == 2
    rows[:] = -1
    with stolcke.MaskFiller(2) as filler:
        filler.fill_drafts([matcher], [tokens], rows, [parents])
        assert np.array_equal(rows, expected)
        filler.fill([matcher, matcher.fork()], rows[:2])
    assert np.array_equal(rows[:2], expected[[0, 0]])


# --- errors ----------------------------------------------------------------------------------------------------------


def test_a_limit_within_a_draft():
    """Threads alive at one byte are bounded: behind ``((`` of the poor grammar there are too many."""
    text = 'start: "(" (/a+/ | /[ab]+/ | /[abc]+/ | /a[a-z]*/) | "a"'
    poor = stolcke.compile(stolcke.Grammar.from_lark(text), vocabulary(), limits=stolcke.Limits(live_threads=3))
    matcher, good = poor.matcher(), compiled()["nested"].matcher()
    with pytest.raises(stolcke.LimitExceeded, match="live_threads"):
        matcher.fill_draft_masks([40, 97], dirty(3))
    assert matcher.n_accepted == 0
    rows = dirty(8)
    drafts_given = [[97], [40, 97, 97], [40]]
    with stolcke.MaskFiller(2) as filler:
        pending = filler.start_drafts([good, matcher, good.fork()], drafts_given, rows[: 3 + 5])
        assert [one.tolist() for one in pending.accepted] == [[True], [True, False, False], [True]]
        with pytest.raises(stolcke.BatchError) as one:
            pending.wait()
    assert {row: error.limit for row, error in one.value.errors.items()} == {4: "live_threads"}
    assert not rows[4].any() and not rows[5].any()
    assert np.array_equal(
        rows[[0, 1, 6, 7]], np.concatenate([by_forks(good, [97], [-1])[1], by_forks(good, [40], [-1])[1]])
    )


@pytest.mark.parametrize(
    ("tokens", "n_rows", "parents"),
    [
        ([97], 3, None),
        ([97], 1, None),
        ([len(TOKENS)], 2, None),
        ([-1], 2, None),
        (["a"], 2, None),
        ([97, 97], 3, [-1]),
        ([97, 97], 3, [-1, 1]),
        ([97, 97], 3, [0, -1]),
        ([97, 97], 3, [-1, -2]),
        ([97, 97], 3, [-1, 2**40]),
        ([97, 97], 3, [-1, 0.0]),
        ([97, 97], 3, [[-1], [0]]),
    ],
)
def test_drafts_that_do_not_fit(makers, tokens, n_rows, parents):
    rows = dirty(n_rows)
    with pytest.raises(stolcke.VocabularyError):
        makers["nested"]().fill_draft_masks(tokens, rows, parents)
    assert np.array_equal(rows, dirty(n_rows))


def test_batches_that_do_not_fit(makers):
    matcher = makers["nested"]()
    with stolcke.MaskFiller(1) as filler:
        for matchers, tokens, parents in (([matcher], [], None), ([matcher], [[97]], []), ([None], [[97]], None)):
            with pytest.raises(stolcke.VocabularyError):
                filler.fill_drafts(matchers, tokens, dirty(2), parents)
        assert filler.fill_drafts([], [], dirty(0)) == []
