r"""From symbolic patterns to the nodes and fragments that are determinised.

Thompson's construction, built from the end: every pattern is given the node
that follows it and returns the node that it starts with.  A node reads a whole
character (or a whole literal) by a *fragment*, so that ``\w{1,1000}`` is a
thousand nodes over one fragment.
"""

from __future__ import annotations

from dataclasses import dataclass
from re import IGNORECASE, UNICODE
from re import _constants as op

import numpy as np

from stolcke._core import dfa
from stolcke.errors import GrammarError, LimitExceeded, RegexError
from stolcke.grammar.patterns import Choice, Counted, Literal, Machine, Regex, Repeat, Sequence, Special
from stolcke.lexer import charsets
from stolcke.lexer.charsets import Bounds, Fragment
from stolcke.lexer.regex_syntax import Behind, Characters, LazyRepeat, Node, parse_regex
from stolcke.options import Limits

__all__ = ["Nfa", "build", "encode", "words"]

# Kinds of nodes; all but the last as of stolcke._core.dfa.
READ, BRANCH, LAZY, ACCEPT, ANYTHING, BEHIND = range(6)


@dataclass(frozen=True, slots=True)
class Nfa:
    """The arguments of :func:`stolcke._core.dfa.determinize`, up to ``start``."""

    fragments: Fragment
    kind: np.ndarray
    first: np.ndarray
    second: np.ndarray
    branches: np.ndarray
    start: int


def build(pattern: Node, limits: Limits) -> Nfa:
    """Make the nodes of a pattern.

    Raises
    ------
    GrammarError
        Where the pattern has no automaton: a special terminal, text that has
        no UTF-8 encoding.
    RegexError
    LimitExceeded
    """
    pattern = _parsed(pattern, limits)
    builder = Builder(limits, by_character=False)
    start = builder.add(pattern, builder.accept, builder.accept)
    if builder.behinds:
        # What a lookbehind sees is a character: literals are read one by one.
        builder = Builder(limits, by_character=True)
        builder, start = _resolve_behinds(builder, builder.add(pattern, builder.accept, builder.accept))
    return builder.finish(start)


def encode(literal: Literal) -> bytes:
    """Give the bytes of a literal."""
    if isinstance(literal.text, bytes):
        return literal.text
    try:
        return literal.text.encode()
    except UnicodeEncodeError as error:
        raise GrammarError(
            f"the literal {literal.text!r} holds the surrogate U+{ord(literal.text[error.start]):04X}, "
            "which has no UTF-8 encoding; give bytes instead"
        ) from None


def words(literals: list[bytes]) -> Fragment:
    """Make the trie of some words."""
    literals = sorted(set(literals))
    offsets = np.zeros(len(literals) + 1, np.int64)
    np.cumsum([len(literal) for literal in literals], out=offsets[1:])
    return dfa.literal_trie(np.frombuffer(b"".join(literals), np.uint8), offsets)


def _parsed(pattern: Node, limits: Limits) -> Node:
    """Replace the regular expressions in a pattern by what they mean."""
    if isinstance(pattern, Regex):
        return parse_regex(pattern, limits)
    if isinstance(pattern, Sequence | Choice):
        parts = tuple(_parsed(part, limits) for part in pattern.parts)
        return type(pattern)(parts)  # type: ignore[arg-type]  # our own leaves
    if isinstance(pattern, Repeat):
        part = _parsed(pattern.part, limits)
        return Repeat(part, pattern.least, pattern.most)  # type: ignore[arg-type]  # our own leaves
    if isinstance(pattern, Counted):
        return _parsed(pattern.expanded(), limits)
    if isinstance(pattern, Special):
        raise GrammarError(
            f"the special terminal {pattern.name} stands for a token of the vocabulary: it has no text to match "
            "and cannot be part of another terminal"
        )
    return pattern


class Builder:
    """Nodes and fragments under construction."""

    def __init__(self, limits: Limits, by_character: bool = False) -> None:
        self.limits = limits
        self.by_character = by_character
        self.kind: list[int] = []
        self.first: list[int] = []
        self.second: list[int] = []
        self.branches: list[int] = []
        self.fragments: list[Fragment] = []
        self.fragment_states = 0
        self.starts: dict[Bounds | bytes | Machine, int] = {}  # of the fragments that are used again
        self.bounds: dict[int, Bounds] = {}  # by node, where it reads one character
        self.behinds: list[Behind] = []
        self.accept = self.node(ACCEPT, 0, 0)

    def node(self, kind: int, first: int, second: int) -> int:
        self.kind.append(kind)
        self.first.append(first)
        self.second.append(second)
        return len(self.kind) - 1

    def branch(self, *targets: int, kind: int = BRANCH) -> int:
        begin = len(self.branches)
        self.branches += targets
        return self.node(kind, begin, begin + len(targets))

    def fragment(self, fragment: Fragment) -> int:
        """Add a fragment and give the number of its start."""
        start = self.fragment_states
        self.fragments.append(fragment)
        self.fragment_states += len(fragment[-1])
        return start

    def read_characters(self, bounds: Bounds, after: int) -> int:
        start = self.starts.get(bounds)
        if start is None:
            start = self.starts[bounds] = self.fragment(charsets.utf8(bounds))
        node = self.node(READ, start, after)
        self.bounds[node] = bounds
        return node

    def read_bytes(self, data: bytes, after: int) -> int:
        if not data:
            return after
        start = self.starts.get(data)
        if start is None:
            start = self.starts[data] = self.fragment(words([data]))
        return self.node(READ, start, after)

    def add(self, pattern: Node, empty: int, read: int) -> int:
        """Add a pattern and give the node that it starts with.

        ``read`` is the node that follows, and ``empty`` the one that follows
        where nothing has been read since the round of an enclosing repeat
        began; outside of repeats that need to know, the two are the same.
        """
        if isinstance(pattern, Characters):
            return self.read_characters(pattern.bounds, read)
        if isinstance(pattern, Literal):
            return self.literal(pattern, read) if pattern.text else empty
        if isinstance(pattern, Sequence):
            for part in reversed(pattern.parts):
                following = self.add(part, read, read)
                empty = following if empty == read else self.add(part, empty, read)
                read = following
            return empty
        if isinstance(pattern, Choice):
            return self.choice(pattern, empty, read)
        if isinstance(pattern, Repeat):
            return self.repeat(pattern, empty, read, BRANCH)
        if isinstance(pattern, LazyRepeat):
            return self.repeat(pattern, empty, read, LAZY)
        if isinstance(pattern, Machine):
            return self.machine(pattern, empty, read)
        if isinstance(pattern, Behind):
            self.behinds.append(pattern)
            return self.node(BEHIND, len(self.behinds) - 1, empty)
        raise TypeError(f"not a pattern: {pattern!r}")

    def literal(self, literal: Literal, after: int) -> int:
        data = encode(literal)
        if not literal.ignore_case and not self.by_character:
            return self.read_bytes(data, after)
        if isinstance(literal.text, bytes) and literal.ignore_case:
            # As re does on bytes: only the letters of ASCII have two cases.
            for byte in reversed(data):
                both = sorted({bytes([byte]).lower(), bytes([byte]).upper()})
                after = self.node(READ, self.fragment(words(both)), after)
            return after
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise GrammarError(f"lookbehind next to {data!r}, which is not UTF-8, is not supported") from None
        for character in reversed(text):
            bounds: Bounds = (ord(character), ord(character) + 1)
            if literal.ignore_case:
                bounds = charsets.fold(bounds, (op.LITERAL, ord(character)), IGNORECASE | UNICODE)
            after = self.read_characters(bounds, after)
        return after

    def machine(self, pattern: Machine, empty: int, read: int) -> int:
        ways = [empty] if pattern.automaton.matches_empty else []
        if pattern not in self.starts:
            reading = pattern.automaton.without_empty()
            self.starts[pattern] = self.fragment(reading.arrays()) if reading.n_states else -1
        if self.starts[pattern] >= 0:
            ways.append(self.node(READ, self.starts[pattern], read))
        return self.branch(*ways)

    def choice(self, choice: Choice, empty: int, read: int) -> int:
        if len(choice.parts) > self.limits.alternatives:
            raise LimitExceeded("alternatives", len(choice.parts), self.limits.alternatives, "choice of a terminal")
        plain = [part for part in choice.parts if isinstance(part, Literal) and not part.ignore_case and part.text]
        if self.by_character or len(plain) < 2:
            return self.branch(*[self.add(part, empty, read) for part in choice.parts])
        # One fragment for all words: ten thousand keywords are one node.
        targets = [self.node(READ, self.fragment(words([encode(part) for part in plain])), read)]
        others = [part for part in choice.parts if not isinstance(part, Literal) or part.ignore_case or not part.text]
        return self.branch(*targets, *[self.add(part, empty, read) for part in others])

    def repeat(self, repeat: Repeat | LazyRepeat, empty: int, read: int, kind: int) -> int:
        """Add a repeat: its required rounds, one after the other, and then a loop or nested optional rounds.

        As in every engine that backtracks, an optional round that reads
        nothing is the last.  For the language of a round without lazy repeats
        this makes no difference, and no copy is made for it.
        """
        part, least, most = repeat.part, repeat.least, repeat.most
        for bound in (least, most or 0):
            if bound > self.limits.repeat:
                raise LimitExceeded("repeat", bound, self.limits.repeat, "repeat in a terminal")
        watched = self.has_lazy(part) and self.is_nullable(part)
        before = len(self.kind)

        def option(round_start: int, after: int, target: int | None = None) -> int:
            targets = (after, round_start) if kind == LAZY else (round_start, after)
            if target is None:
                return self.branch(*targets, kind=kind)
            begin = self.first[target]
            self.branches[begin : begin + 2] = targets
            return target

        if most is None:
            # The loop comes back to a branch of two, which is filled in when its round is known.
            loop = self.branch(read, read, kind=kind)
            body = self.add(part, read if watched else loop, loop)
            option(body, read, loop)
            if least and not watched:
                # The last required round is the loop's own.
                least -= 1
                following = body
                start = body if empty == read else self.add(part, option(self.add(part, loop, loop), empty), loop)
            else:
                following = loop
                start = loop if empty == read else option(self.add(part, empty if watched else loop, loop), empty)
        else:
            following = start = read
            for number in range(most - least):
                nearest = number == most - least - 1
                if nearest and empty != read:
                    start = option(self.add(part, empty if watched else following, following), empty)
                following = option(self.add(part, read if watched else following, following), read)
                self.check_growth(before)
            if empty == read:
                start = following
            elif most == least:
                start = empty
        for _ in range(least):
            start_read = self.add(part, following, following)
            start = start_read if start == following else self.add(part, start, following)
            following = start_read
            self.check_growth(before)
        return start

    def has_lazy(self, pattern: Node) -> bool:
        """Say whether a lazy repeat is part of a pattern."""
        if isinstance(pattern, LazyRepeat):
            return True
        if isinstance(pattern, Sequence | Choice):
            return any(map(self.has_lazy, pattern.parts))
        return isinstance(pattern, Repeat) and self.has_lazy(pattern.part)

    def is_nullable(self, pattern: Node) -> bool:
        """Say whether a pattern may read nothing."""
        if isinstance(pattern, Literal):
            return not pattern.text
        if isinstance(pattern, Sequence):
            return all(map(self.is_nullable, pattern.parts))
        if isinstance(pattern, Choice):
            return any(map(self.is_nullable, pattern.parts))
        if isinstance(pattern, Repeat | LazyRepeat):
            return pattern.least == 0 or self.is_nullable(pattern.part)
        if isinstance(pattern, Machine):
            return pattern.automaton.matches_empty
        return isinstance(pattern, Behind)

    def check_growth(self, before: int) -> None:
        """Stop nested counts before they take long."""
        grown = len(self.kind) - before
        if grown > 2 * self.limits.regex_states:
            raise LimitExceeded("regex_states", f"at least {grown // 2}", self.limits.regex_states, "counted repeat")

    def finish(self, start: int) -> Nfa:
        offsets, low, high, target, final = zip(*self.fragments, strict=True) if self.fragments else ((),) * 5
        edges = states = 0
        shifted_offsets, shifted_target = [np.zeros(1, np.int32)], []
        for i in range(len(self.fragments)):
            shifted_offsets.append(offsets[i][1:] + np.int32(edges))
            shifted_target.append(target[i] + np.int32(states))
            edges += len(low[i])
            states += len(final[i])
        return Nfa(
            (
                np.concatenate(shifted_offsets),
                _joined(low, np.uint8),
                _joined(high, np.uint8),
                _joined(shifted_target, np.int32),
                _joined(final, np.uint8),
            ),
            np.array(self.kind, np.uint8),
            np.array(self.first, np.int32),
            np.array(self.second, np.int32),
            np.array(self.branches, np.int32),
            start,
        )


def _joined(arrays, dtype) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)


def _resolve_behinds(builder: Builder, start: int) -> tuple[Builder, int]:
    """Make lookbehinds part of the nodes.

    The characters fall into groups that no lookbehind tells apart; each node
    is copied for each group that the last character can be of, and then a
    lookbehind is decided: a way on, or none.
    """
    groups: list[tuple[Bounds, frozenset[Bounds]]] = [(charsets.ANY, frozenset())]
    for bounds in {behind.bounds for behind in builder.behinds}:
        split: list[tuple[Bounds, frozenset[Bounds]]] = []
        for members, sets in groups:
            split.append((charsets.intersect(members, bounds), sets | {bounds}))
            split.append((charsets.intersect(members, charsets.complement(bounds)), sets))
        groups = [(members, sets) for members, sets in split if members]
    result = Builder(builder.limits, by_character=True)
    copies: dict[tuple[int, int], int] = {(builder.accept, group): result.accept for group in range(-1, len(groups))}
    todo: list[tuple[int, int]] = []

    def copy(node: int, group: int) -> int:
        """Find or make the copy of a node after a character of a group; -1 stands for no character yet."""
        key = (node, group)
        if key not in copies:
            copies[key] = result.node(BRANCH, 0, 0)
            todo.append(key)
        return copies[key]

    copy_of_start = copy(start, -1)
    while todo:
        key = todo.pop()
        node, group = key
        kind, first, second = builder.kind[node], builder.first[node], builder.second[node]
        if kind == READ:
            if node not in builder.bounds:
                raise GrammarError("lookbehind next to bytes that ignore case, or to an automaton, is not supported")
            targets = [
                result.read_characters(common, copy(second, i))
                for i, (members, _) in enumerate(groups)
                if (common := charsets.intersect(builder.bounds[node], members))
            ]
        elif kind == BEHIND:
            behind = builder.behinds[first]
            if group < 0:
                raise RegexError(
                    "lookbehind at the start of a terminal is not supported yet: it would look at what stands before",
                    pattern=behind.source,
                    position=behind.position,
                )
            targets = [copy(second, group)] if behind.bounds in groups[group][1] else []
        else:
            targets = [copy(target, group) for target in builder.branches[first:second]]
        result.kind[copies[key]] = LAZY if kind == LAZY else BRANCH
        result.first[copies[key]] = len(result.branches)
        result.branches += targets
        result.second[copies[key]] = len(result.branches)
        if len(result.kind) > 4 * builder.limits.regex_states:
            raise LimitExceeded("regex_states", len(result.kind), builder.limits.regex_states, "lookbehind")
    return result, copy_of_start
