"""Canonical states: equal id where, and only where, the same bytes lead to acceptance."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke
from stolcke._core.minimize import minimize
from stolcke.grammar.model import Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal, Machine, Pattern, Regex, Sequence
from stolcke.lexer import Automaton, automaton
from stolcke.lexer.language import Language

COLON = Regex(r"[ \n]{0,3}:[ \n]{0,3}")
NAMES = ["", "a", "ab", "b", "id", "Id", "é", "\U0001f600", '"\\/', "\n\x01"]


def machines() -> list[Pattern]:
    """Terminals that share much of what remains of them, with and without loops."""
    literals = [Language.words([name]) for name in NAMES]
    literals += [Language.words(NAMES), ~Language.words(NAMES), ~Language.words(["a"]), Language.lengths(0, 2)]
    joined: list[Pattern] = [Sequence((Machine("name", each.json_string()), COLON)) for each in literals]
    plain = ["(ab)*c", "b(ab)*c", "(a|b)*c", "a*b*c", "[^a]+", "[a-y]{2}", "(a[^b]|c)+:", "([acegikm]x|[bdfh]y)*z"]
    return [*joined, COLON, *map(Regex, plain), Literal('d"'), Literal('"')]


def residual(machine: Automaton, start: int) -> Automaton:
    """What remains of an automaton from one of its states on, minimised afresh."""
    order = [start, *(state for state in range(machine.n_states) if state != start)]
    number = {state: index for index, state in enumerate(order)}
    edges = [range(machine.offsets[state], machine.offsets[state + 1]) for state in order]
    chosen = np.array([edge for each in edges for edge in each], np.int64)
    return Automaton(
        *minimize(
            np.cumsum([0, *map(len, edges)]).astype(np.int32),
            machine.low[chosen],
            machine.high[chosen],
            np.array([number[target] for target in machine.target[chosen].tolist()], np.int32),
            machine.accepting[order],
        )
    )


def test_equal_ids_are_equal_languages():
    """Whatever comes first, each language that remains has one state, and each state one language."""
    found = [automaton(pattern) for pattern in machines()]
    remains = {residual(machine, state) for machine in found for state in range(machine.n_states)}
    for order in (found, found[::-1], sorted(remains, key=lambda each: each.n_states)):
        core = stolcke.Vocabulary.from_bytes().core
        for machine in order:
            core.add_automaton(machine.machine)
        assert core.stats()["automaton_states"] == len(remains)
        ids = {core.add_automaton(machine.machine) for machine in remains}
        assert ids == set(range(len(remains)))
        assert core.stats()["automaton_states"] == len(remains)


@pytest.mark.parametrize("ways", [1, 4, 5, 200, 255, 256])
def test_states_of_many_edges(ways):
    """Bytes below ``ways`` lead to two states by turns, and others nowhere."""
    edges = np.arange(ways)
    offsets = np.array([0, ways, ways + 1, ways + 2, ways + 2], np.int32)
    bounds = np.concatenate([edges, [ord("x"), ord("y")]]).astype(np.uint8)
    target = np.concatenate([1 + edges % 2, [3, 3]]).astype(np.int32)
    machine = Automaton(*minimize(offsets, bounds, bounds, target, np.array([0, 0, 0, 1], np.uint8)))
    terminal = TerminalDefinition("T", Machine("turns", machine))
    grammar = stolcke.Grammar("s", (Rule(Nonterminal("s"), (Terminal("T"),)),), {"T": terminal})
    compiled = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes(), prewarm=0)
    assert np.flatnonzero(compiled.matcher().mask()).tolist() == edges.tolist()
    for byte in range(256):
        matcher = compiled.matcher()
        assert matcher.accept_bytes(bytes([byte])) == (byte < ways)
        if byte < ways:
            assert np.flatnonzero(matcher.mask()).tolist() == [b"xy"[byte % 2]]
