"""Any sequence of calls leaves a matcher as a fresh one that replays what is left of it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import stolcke
from stolcke.grammar.patterns import Choice, Literal, Repeat, Special
from tests.engine.laws import Engine, filled
from tests.reference.masks import Tokens
from tests.strategies import EFFORT, A, B, C, make_grammar

TOKENS = Tokens(
    tokens=[b"a", b"b", b"c", b"ab", b"aab", b"bc", b"", b"<end>", b"<tool>", b"aa", b"abab", b"<eos>", b"cc", b"ba"],
    ends=(7, 11),
    special_ids=(8,),
    special={"TOOL": 8},
)
PATTERNS = {"A": A, "B": B, "C": C, "AS": Repeat(A, 1, None), "W": Repeat(Choice((A, Literal("ab"))), 1, None)}
GRAMMARS = {
    "nested": {"s": [("A", "s", "B"), ("C",)]},
    "ambiguous": {"s": [("s", "s"), ("A",), ("B",), ()]},
    "hidden left": {"s": [("x", "s", "B"), ("A",)], "x": [(), ("C",)]},
    "right": {"s": [("A", "s"), ("W", "C")]},
    "indirect": {"s": [("x", "A"), ("B",)], "x": [("s", "B"), ("s",), ("AS",)]},
    "special": {"s": [("x", "TOOL", "s"), ("x",)], "x": [("AS",), ("B", "x")]},
}


@cache
def engine(name: str) -> Engine:
    """Compiled once: the machines share its caches, as requests to a server do."""
    patterns = PATTERNS | ({"TOOL": Special("TOOL")} if name == "special" else {})
    return Engine(make_grammar(GRAMMARS[name], patterns), TOKENS)


class Calls(RuleBasedStateMachine):
    """Several matchers of one compiled grammar, each beside the list of calls that made it."""

    @initialize(name=st.sampled_from(sorted(GRAMMARS)))
    def start(self, name: str) -> None:
        self.engine = engine(name)
        self.matchers = [(self.engine.compiled.matcher(), [])]

    def text(self, history: list) -> tuple:
        """What the accepted calls of a history add up to."""
        return tuple(s for call in history for s in (call if isinstance(call, bytes) else TOKENS.symbols(call)))

    def ended(self, history: list) -> bool:
        return bool(history) and history[-1] in TOKENS.ends

    @rule(which=st.integers(0, 9), token=st.integers(0, len(TOKENS.tokens) - 1))
    def accept(self, which: int, token: int) -> None:
        matcher, history = self.matchers[which % len(self.matchers)]
        allowed = not self.ended(history) and token in self.engine.allowed(self.text(history))
        assert matcher.accept(token) == allowed, (token, history)
        if allowed:
            history.append(token)

    @rule(which=st.integers(0, 9), choice=st.integers(0, 99))
    def accept_allowed(self, which: int, choice: int) -> None:
        matcher, history = self.matchers[which % len(self.matchers)]
        allowed = [] if self.ended(history) else self.engine.allowed(self.text(history))
        if allowed:
            history.append(allowed[choice % len(allowed)])
            assert matcher.accept(history[-1]), history

    @rule(which=st.integers(0, 9), data=st.lists(st.sampled_from(b"abc"), max_size=4).map(bytes))
    def accept_bytes(self, which: int, data: bytes) -> None:
        matcher, history = self.matchers[which % len(self.matchers)]
        fits = not self.ended(history) and self.engine.earley.is_viable(self.text(history) + tuple(data))
        if self.ended(history) and not data:
            return  # nothing after the end: not promised either way
        assert matcher.accept_bytes(data) == fits, (data, history)
        if fits:
            history.append(data)

    @rule(which=st.integers(0, 9), choice=st.integers(0, 99))
    def rollback(self, which: int, choice: int) -> None:
        matcher, history = self.matchers[which % len(self.matchers)]
        count = choice % (len(history) + 1)
        matcher.rollback(count)
        del history[len(history) - count :]

    @rule(which=st.integers(0, 9))
    def rollback_too_far(self, which: int) -> None:
        matcher, history = self.matchers[which % len(self.matchers)]
        with pytest.raises(ValueError, match="roll"):
            matcher.rollback(len(history) + 1)

    @precondition(lambda self: len(self.matchers) < 4)
    @rule(which=st.integers(0, 9))
    def fork(self, which: int) -> None:
        matcher, history = self.matchers[which % len(self.matchers)]
        self.matchers.append((matcher.fork(), list(history)))

    @precondition(lambda self: len(self.matchers) > 1)
    @rule(which=st.integers(0, 9))
    def drop(self, which: int) -> None:
        """A fork must not depend on its origin being alive."""
        del self.matchers[which % len(self.matchers)]

    @rule(which=st.integers(0, 9))
    def reset(self, which: int) -> None:
        matcher, history = self.matchers[which % len(self.matchers)]
        matcher.reset()
        history.clear()

    @invariant()
    def equals_replay(self) -> None:
        for matcher, history in getattr(self, "matchers", ()):
            replay = self.engine.compiled.matcher()
            for call in history:
                assert (replay.accept_bytes if isinstance(call, bytes) else replay.accept)(call), history
            given = filled(matcher, len(TOKENS.tokens))
            assert given == filled(replay, len(TOKENS.tokens)), history
            assert given == ([] if self.ended(history) else self.engine.allowed(self.text(history))), history
            assert matcher.is_finished == replay.is_finished == self.ended(history), history
            assert matcher.is_accepting == replay.is_accepting, history
            assert matcher.forced_bytes() == replay.forced_bytes(), history


def test_calls_equal_replay():
    run_state_machine_as_test(Calls, settings=settings(max_examples=150 * EFFORT, stateful_step_count=30))


def test_rolling_back_far_and_going_elsewhere():
    """Checkpoints a thousand calls deep, each way on again compared with a fresh matcher."""
    compiled = engine("nested").compiled
    matcher = compiled.matcher()
    for _ in range(1000):
        assert matcher.accept(0)
    for depth in (999, 500, 1):
        matcher.rollback(1000 - depth)
        assert matcher.accept_bytes(b"c" + b"b" * depth)
        assert matcher.is_accepting
        assert not matcher.accept_bytes(b"b")
        matcher.rollback(1)
        for _ in range(1000 - depth):
            assert matcher.accept(0)


def test_a_fork_outlives_everything_else():
    matcher = stolcke.compile(engine("right").grammar, engine("right").vocabulary).matcher().fork().fork()
    assert matcher.accept_bytes(b"aaab")
    assert filled(matcher, len(TOKENS.tokens)) == engine("right").allowed(b"aaab")
