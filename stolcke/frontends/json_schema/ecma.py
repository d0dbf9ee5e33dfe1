r"""From a regular expression of ECMA-262 to the language of the texts that contain a match of it.

Expressions without assertions inside, by far the most, are determinised as
they are.  A lookbehind and a lookahead are statements about everything before
a place of the text and everything behind it, and both are regular: what is
before is followed by the deterministic automaton of the lookbehind, what is
behind is a duty that the text still has to meet, a state of the automaton of
the lookahead.  So each node of the expression is copied for each state of the
lookbehinds and each set of duties that it can be reached with, which leaves
nodes without assertions.  ``^`` and ``$`` look at whether there is any
character, ``\b`` looks at one on each side, and all of them may stand in loops.

Automata here read *classes* of characters, which no set of the expression
tells apart, so that a ``\p{L}`` costs no more than a ``\d``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from stolcke._core import dfa
from stolcke._core.languages import CharacterDfa
from stolcke._core.minimize import minimize
from stolcke.errors import LimitExceeded, RegexError
from stolcke.frontends.json_schema.ecma_syntax import END, EVERYTHING, START, Look, Tree, parse_ecma
from stolcke.grammar.patterns import Choice, Repeat, Sequence
from stolcke.lexer import charsets, nfa
from stolcke.lexer.charsets import Bounds, Fragment
from stolcke.lexer.language import Language
from stolcke.lexer.nfa import ACCEPT, ANYTHING, BRANCH, READ
from stolcke.lexer.regex_syntax import Characters
from stolcke.options import Limits

__all__ = ["pattern_language"]

# A kind of nodes beside those of stolcke.lexer.nfa: a Look, by its number.
LOOK = 6

# Positions stored while determinising, per state that is allowed.
_WORK_PER_STATE = 200

_SCALARS: Bounds = (0, 0xD800, 0xE000, 0x110000)

Arrays = tuple[np.ndarray, ...]  # of an automaton over bytes, as of stolcke.lexer.Automaton

# By lookbehind in view: its table and the state that what has been read leads to.
_History = tuple[tuple[int, int], ...]
# Each a table and its state, which must accept what is still to be read, or must not where the third is true.
_Duties = frozenset[tuple[int, int, bool]]
_Copy = tuple[int, _History, _Duties]


@lru_cache(maxsize=4096)
def pattern_language(source: str, limits: Limits = Limits()) -> Language:
    r"""Give the language of the texts in which an expression matches somewhere.

    Parameters
    ----------
    source : str
        An expression of ECMA-262, read as :mod:`.ecma_syntax` says.
    limits : Limits
        ``regex_states``, ``repeat``, ``nesting`` and ``alternatives`` are met
        here.

    Returns
    -------
    Language

    Raises
    ------
    RegexError
        With the position of what is malformed, of a backreference, or of a
        lookbehind that holds a lookahead, ``$`` or ``\b``.
    LimitExceeded
    """
    try:
        tree = _anywhere(parse_ecma(source, limits))
        alphabet = _Alphabet(tree)
        return alphabet.language(_Compiler(source, alphabet, limits).compile(tree))
    except RecursionError:
        raise LimitExceeded("nesting", "more than the stack holds", limits.nesting, "regular expression") from None


@dataclass(frozen=True, slots=True)
class _Rest:
    """Whatever follows, to the end of the text; only as the last part of a tree."""


_REST = _Rest()


def _anywhere(tree: Tree) -> Tree:
    """Let anything stand before and behind, but where a branch begins with ``^`` or ends with ``$``."""
    branches: dict[tuple[bool, bool], list[Tree]] = {}
    for parts in _branches(tree):
        begins, ends = parts[:1] == (START,), parts[-1:] == (END,)
        branches.setdefault((begins, ends), []).append(Sequence(parts[begins : len(parts) - ends]))
    return Choice(
        tuple(
            Sequence((*(() if begins else (EVERYTHING,)), Choice(tuple(group)), *(() if ends else (_REST,))))
            for (begins, ends), group in branches.items()
        )
    )


def _branches(tree: Tree) -> Iterator[tuple[Tree, ...]]:
    """The parts of each branch."""
    if isinstance(tree, Choice):
        for part in tree.parts:
            yield from _branches(part)
    else:
        yield tree.parts if isinstance(tree, Sequence) else (tree,)


def _leaves(tree: Tree) -> Iterator[Characters | Look]:
    """Each Characters and Look of a tree; what is inside of a Look comes behind it."""
    waiting = [tree]
    for part in waiting:
        if isinstance(part, Sequence | Choice):
            waiting += part.parts
        elif isinstance(part, Repeat | Look):
            waiting.append(part.part)
        if isinstance(part, Characters | Look):
            yield part


class _Alphabet:
    """The classes of characters that no set of a tree tells apart, numbered by their first characters.

    Automata read a class as one byte, or as two where there are more than 256.
    """

    def __init__(self, tree: Tree) -> None:
        sets = list({charsets.ANY: 0} | {leaf.bounds: 0 for leaf in _leaves(tree) if isinstance(leaf, Characters)})
        flips = dict.fromkeys(_SCALARS, 0)  # by code point: the sets that begin or end there, as bits
        for number, bounds in enumerate(sets):
            for bound in charsets.intersect(bounds, _SCALARS):
                flips[bound] = flips.get(bound, 0) ^ 1 << number
        ranges: dict[int, list[int]] = {}  # by the sets that hold them, as bits
        inside = 0
        for low, end in pairwise(sorted(flips)):
            inside ^= flips[low]
            if low != _SCALARS[1]:
                ranges.setdefault(inside, []).extend((low, end))
        self.classes = [charsets.union([tuple(pairs)]) for pairs in ranges.values()]
        self.width = 1 if len(self.classes) <= 256 else 2
        self.members = {
            bounds: tuple(member for member, held in enumerate(ranges) if held >> number & 1)
            for number, bounds in enumerate(sets)
        }

    def fragment(self, members: tuple[int, ...]) -> Fragment:
        """Make the automaton that reads any one of some classes."""
        return nfa.words([member.to_bytes(self.width, "big") for member in members])

    def rows(self, arrays: Arrays) -> list[dict[int, int]]:
        """By state of an automaton over these bytes: the target of each class that leads anywhere.

        States between the two bytes of a class have nothing, and nothing leads to them.
        """
        offsets, low, high, target, _ = (array.tolist() for array in arrays)
        rows: list[dict[int, int]] = []
        for begin, end in pairwise(offsets):
            rows.append({byte: target[e] for e in range(begin, end) for byte in range(low[e], high[e] + 1)})
        if self.width == 1:
            return rows
        pairs: list[dict[int, int]] = [{} for _ in rows]
        reached = dict.fromkeys([0] if rows else [])
        waiting = list(reached)
        for state in waiting:
            for first, middle in rows[state].items():
                pairs[state] |= {first << 8 | second: end for second, end in rows[middle].items()}
            new = dict.fromkeys(end for end in pairs[state].values() if end not in reached)
            reached |= new
            waiting += new
        return pairs

    def language(self, arrays: Arrays) -> Language:
        """Put the characters back in place of their classes."""
        offsets, low, high, target, accepting = arrays
        if self.width == 2:
            rows = self.rows(arrays)
            offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
            low = high = np.array([member for row in rows for member in row], np.int32)
            target = np.array([state for row in rows for state in row.values()], np.int32)
        ranges = low.astype(np.int32), high.astype(np.int32)
        return Language(CharacterDfa.of_classes(self.classes, offsets, *ranges, target, accepting))


class _Table:
    """A deterministic automaton over classes, to be followed state by state; -1 is the state without a way."""

    def __init__(self, arrays: Arrays, alphabet: _Alphabet) -> None:
        self.rows = alphabet.rows(arrays)
        self.accepting = [*arrays[-1].tolist(), 0]
        self.start = 0 if self.rows else -1
        n_classes = len(alphabet.classes)
        # Accepts all that may come; the automaton is minimal, hence there is at most one.
        self.certain = next(
            (
                state
                for state, row in enumerate(self.rows)
                if self.accepting[state] and len(row) == n_classes and set(row.values()) == {state}
            ),
            None,
        )

    def step(self, state: int, member: int) -> int:
        return self.rows[state].get(member, -1) if state >= 0 else -1

    def certainty(self, state: int) -> bool | None:
        """Whether the automaton will accept, where that does not depend on what follows."""
        return False if state < 0 else True if state == self.certain else None


class _Builder(nfa.Builder):
    """Makes nodes that read classes, and nodes of assertions."""

    def __init__(self, alphabet: _Alphabet, limits: Limits) -> None:
        super().__init__(limits, by_character=True)
        self.alphabet = alphabet
        self.looks: list[Look] = []
        self.class_starts: dict[tuple[int, ...], int] = {}
        self.members: dict[int, tuple[int, ...]] = {}  # by node, where it reads a class

    def read_characters(self, bounds: Bounds, after: int) -> int:
        return self.read_classes(self.alphabet.members[bounds], after)

    def read_classes(self, members: tuple[int, ...], after: int) -> int:
        if not members:
            return self.branch()
        node = self.node(READ, self.start_of(members), after)
        self.members[node] = members
        return node

    def start_of(self, members: tuple[int, ...]) -> int:
        """Give the start of the fragment that reads any one of some classes."""
        start = self.class_starts.get(members)
        if start is None:
            start = self.class_starts[members] = self.fragment(self.alphabet.fragment(members))
        return start

    def anything(self) -> int:
        """Give a node from which every text is accepted."""
        members = self.alphabet.members[charsets.ANY]
        node = self.node(ANYTHING, self.start_of(members), 0)
        self.members[node] = members
        return node

    def nodes_before_looks(self) -> set[int]:
        """Collect the nodes that may lead to an assertion."""
        sources: dict[int, list[int]] = {}
        for node, kind in enumerate(self.kind):
            targets = self.branches[self.first[node] : self.second[node]] if kind == BRANCH else [self.second[node]]
            for target in targets if kind in (BRANCH, READ, LOOK) else ():
                sources.setdefault(target, []).append(node)
        waiting = [node for node, kind in enumerate(self.kind) if kind == LOOK]
        found = set(waiting)
        for node in waiting:
            new = [source for source in sources.get(node, ()) if source not in found]
            found.update(new)
            waiting += new
        return found

    def add(self, pattern: Tree, empty: int, read: int) -> int:
        if isinstance(pattern, _Rest):
            return self.anything()
        if isinstance(pattern, Look):
            self.looks.append(pattern)
            return self.node(LOOK, len(self.looks) - 1, empty)
        return super().add(pattern, empty, read)


class _Compiler:
    """Compiles the tree of one expression, and those of its assertions."""

    def __init__(self, source: str, alphabet: _Alphabet, limits: Limits) -> None:
        self.source = source
        self.alphabet = alphabet
        self.limits = limits
        self.tables: list[_Table] = []
        # The table of a lookbehind, and that of a lookahead which begins in a history.
        self.behinds: dict[Look, int] = {}
        self.aheads: dict[tuple[Tree, _History], int] = {}

    def compile(self, tree: Tree) -> Arrays:
        """Compile the whole of an expression."""
        # Inner ones come last among the leaves, and must be known before those around them.
        looks = [leaf for leaf in _leaves(tree) if isinstance(leaf, Look) and not leaf.ahead]
        for look in dict.fromkeys(reversed(looks)):
            if any(isinstance(leaf, Look) and leaf.ahead for leaf in _leaves(look.part)):
                reason = "a lookbehind that holds a lookahead, '$' or '\\b' is not supported"
                raise RegexError(reason, pattern=self.source, position=look.position)
            before = Sequence((EVERYTHING, look.part))  # type: ignore[arg-type]
            self.behinds[look] = self.add_table(before, self.beginning(before))
        return self.determinize(tree, self.beginning(tree))

    def beginning(self, tree: Tree) -> _History:
        """Where the tables of a tree's lookbehinds are before the first character."""
        return tuple((number, self.tables[number].start) for number in self.followed(tree))

    def followed(self, tree: Tree) -> list[int]:
        """The tables of a tree's lookbehinds."""
        looks = (leaf for leaf in _leaves(tree) if isinstance(leaf, Look) and not leaf.ahead)
        return sorted({self.behinds[look] for look in looks})

    def add_table(self, tree: Tree, history: _History) -> int:
        self.tables.append(_Table(self.determinize(tree, history), self.alphabet))
        return len(self.tables) - 1

    def determinize(self, tree: Tree, history: _History) -> Arrays:
        """Make the minimal automaton of a tree that is to match a whole text, of which a history has been read."""
        builder = _Builder(self.alphabet, self.limits)
        start = builder.add(tree, builder.accept, builder.accept)
        if builder.looks:
            builder, start = self.resolve(builder, start, history)
        machine = builder.finish(start)
        limit = self.limits.regex_states
        try:
            arrays = dfa.determinize(
                *machine.fragments,
                machine.kind,
                machine.first,
                machine.second,
                machine.branches,
                machine.start,
                limit,
                limit * _WORK_PER_STATE,
            )
        except dfa.TooManyStates:
            raise LimitExceeded("regex_states", f"more than {limit}", limit, "regular expression") from None
        return minimize(*arrays)

    def resolve(self, builder: _Builder, start: int, history: _History) -> tuple[_Builder, int]:
        """Copy the nodes by history and duties, which decides every assertion: a way on, or none."""
        result = _Builder(self.alphabet, self.limits)
        copies: dict[_Copy, int] = {}
        waiting: list[_Copy] = []

        before_looks = builder.nodes_before_looks()

        def copy(node: int, history: _History, duties: _Duties) -> int:
            key = (node, history if node in before_looks else (), duties)
            if key not in copies:
                copies[key] = result.branch()
                waiting.append(key)
            return copies[key]

        def read(members: tuple[int, ...], node: int, history: _History, duties: _Duties) -> list[int]:
            return [
                result.read_classes(tuple(some), copy(node, *after))
                for after, some in self.steps(members, history, duties).items()
            ]

        first = copy(start, history, frozenset())
        while waiting:
            key = waiting.pop()
            node, history, duties = key
            kind = builder.kind[node]
            if kind == READ:
                targets = read(builder.members[node], builder.second[node], history, duties)
            elif kind == LOOK:
                added = self.decide(builder.looks[builder.first[node]], history)
                targets = [] if added is None else [copy(builder.second[node], history, duties | added)]
            elif kind == ANYTHING and not duties:
                targets = [result.anything()]
            elif kind in (ACCEPT, ANYTHING):
                met = all(self.tables[table].accepting[state] != negative for table, state, negative in duties)
                targets = [result.accept] if met else []
                if kind == ANYTHING:
                    targets += read(builder.members[node], node, history, duties)
            else:
                ways = builder.branches[builder.first[node] : builder.second[node]]
                targets = [copy(way, history, duties) for way in ways]
            begin = len(result.branches)
            result.branches += targets
            result.first[copies[key]], result.second[copies[key]] = begin, begin + len(targets)
            if len(result.kind) > 4 * self.limits.regex_states:
                given = f"more than {len(result.kind) // 4}"
                raise LimitExceeded("regex_states", given, self.limits.regex_states, "assertions")
        return result, first

    def steps(
        self, members: tuple[int, ...], history: _History, duties: _Duties
    ) -> dict[tuple[_History, _Duties], list[int]]:
        """Collect the classes that lead to the same history and duties; those that break a duty are left out."""
        found: dict[tuple[_History, _Duties], list[int]] = {}
        for member in members:
            left = self.advance(duties, member)
            if left is not None:
                after = tuple((number, self.tables[number].step(state, member)) for number, state in history)
                found.setdefault((after, left), []).append(member)
        return found

    def advance(self, duties: _Duties, member: int) -> _Duties | None:
        """Give what is left of duties once a class has been read; None where one cannot be met any more."""
        left = []
        for number, state, negative in duties:
            table = self.tables[number]
            state = table.step(state, member)
            certain = table.certainty(state)
            if certain is None:
                left.append((number, state, negative))
            elif certain == negative:
                return None
        return frozenset(left)

    def decide(self, look: Look, history: _History) -> _Duties | None:
        """Give the duties that an assertion adds; None where it does not hold."""
        if not look.ahead:
            number = self.behinds[look]
            return frozenset() if self.tables[number].accepting[dict(history)[number]] != look.negative else None
        ahead = Sequence((look.part, _REST))  # type: ignore[arg-type]
        followed = self.followed(ahead)
        seen = tuple(item for item in history if item[0] in followed)
        key = (look.part, seen)
        if key not in self.aheads:
            self.aheads[key] = self.add_table(ahead, seen)
        number = self.aheads[key]
        state = self.tables[number].start
        certain = self.tables[number].certainty(state)
        if certain is None:
            return frozenset({(number, state, look.negative)})
        return frozenset() if certain != look.negative else None
