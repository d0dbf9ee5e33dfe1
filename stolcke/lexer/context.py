"""What an expression with assertions matches, and between which characters.

All matches of an expression, each within a text, are one regular language: of
the texts ``before OPEN match CLOSE after END FINAL``, in letters.  In its
minimal automaton the state behind OPEN says all that matters of what stands
before, and the state behind CLOSE all that matters of what comes after.  Where
either depends on one character alone, the expression is a choice of automata
without assertions, each with restrictions on its neighbours.  A text and its
neighbours fit one of them at most.

A match by which a lazy repeat has already ended voids longer ones; if it has
duties of its own, it voids them as soon as these are met.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from stolcke._core.minimize import minimize
from stolcke.errors import GrammarError, LimitExceeded, RegexError
from stolcke.grammar.model import Neighbour
from stolcke.grammar.patterns import (
    Choice,
    Counted,
    Literal,
    Machine,
    Nonempty,
    Pattern,
    Regex,
    Repeat,
    Sequence,
    Special,
)
from stolcke.lexer import charsets, nfa
from stolcke.lexer.charsets import Bounds
from stolcke.lexer.classes import FINAL, Alphabet, Table, leaves
from stolcke.lexer.lookaround import NO_DUTIES, Assertions, Duties, History, Product, n_outputs
from stolcke.lexer.regex_syntax import Characters, FinalEnd, LazyRepeat, Look, Node
from stolcke.options import Limits

__all__ = ["Context", "holds_assertions", "in_context", "may_assert"]

# What an expression with assertions holds, and some without.
_ASSERTION = re.compile(r"[$^]|\\[bBAZ]|\(\?<?[=!]")

_SURROGATES: Bounds = (0xD800, 0xE000)

# Nodes beside those of an expression: before the match, behind it, and after what voids longer matches.
_BEFORE, _AFTER, _VOID = -1, -2, -3
_PLAIN = {Literal, Machine, Special}


@lru_cache(maxsize=1024)
def may_assert(pattern: Pattern) -> bool:
    """Say whether a pattern may hold assertions, without reading its expressions."""
    waiting = [pattern]
    for part in waiting:
        kind = type(part)
        if kind in _PLAIN:
            continue
        if kind is Sequence or kind is Choice:
            waiting += part.parts
        elif kind is Counted:
            waiting += (part.before, part.unit, part.after)
        elif kind is Repeat or kind is Nonempty:
            waiting.append(part.part)
        elif kind is Regex and _ASSERTION.search(part.source):
            return True
    return False


def holds_assertions(pattern: Pattern, limits: Limits = Limits()) -> bool:
    """Say whether a pattern holds assertions.

    Raises
    ------
    RegexError, GrammarError, LimitExceeded
    """
    if not may_assert(pattern):
        return False
    try:
        return any(isinstance(leaf, Look) for leaf in leaves(nfa.parsed(pattern, limits)))
    except RecursionError:
        raise LimitExceeded("nesting", "more than the interpreter's stack holds", limits.nesting, "pattern") from None


@lru_cache(maxsize=256)
def in_context(pattern: Pattern, limits: Limits) -> Context | None:
    """Give the matches of a pattern in their contexts; ``None`` where it holds no assertion.

    Raises
    ------
    RegexError, GrammarError, LimitExceeded
    """
    tree = nfa.parsed(pattern, limits)
    if not any(isinstance(leaf, Look) for leaf in leaves(tree)):
        return None
    return Context(_by_character(tree), limits)


def _by_character(tree: Node | FinalEnd) -> Node | FinalEnd:
    """Take literals apart: an assertion may tell their characters apart."""
    if isinstance(tree, Literal):
        if isinstance(tree.text, bytes):
            if not tree.text.isascii() or tree.ignore_case:
                raise GrammarError(f"assertions in a pattern with the bytes {tree.text!r} are not supported; give text")
            return _by_character(Literal(tree.text.decode()))
        nfa.encode(tree)
        sets = [nfa.folded(c) if tree.ignore_case else (ord(c), ord(c) + 1) for c in tree.text]
        return Sequence(tuple(map(Characters, sets)))  # type: ignore[arg-type]  # leaves of our own
    if isinstance(tree, Machine):
        raise GrammarError(f"assertions in a pattern with a ready automaton, {tree.title}, are not supported")
    if isinstance(tree, Sequence | Choice):
        return type(tree)(tuple(map(_by_character, tree.parts)))  # type: ignore[arg-type]
    if isinstance(tree, Repeat | LazyRepeat):
        return type(tree)(_by_character(tree.part), tree.least, tree.most)  # type: ignore[arg-type]
    if isinstance(tree, Look):
        return Look(_by_character(tree.part), tree.ahead, tree.negative, tree.source, tree.position)
    return tree


class _InContext(Product):
    """The nodes of an expression and of the text around its match."""

    def __init__(self, assertions: Assertions, tree: Node) -> None:
        super().__init__(assertions, tree)
        self.characters = self.alphabet.members[charsets.ANY]
        self.is_lazy = self.builder.has_lazy(tree)

    def looks_back(self, node: int) -> bool:
        return node == _BEFORE or super().looks_back(node)

    def pass_close(self, node: int, history: History, duties: Duties) -> list[int]:
        return []

    def targets(self, node: int, history: History, duties: Duties) -> list[int]:
        result = self.result
        if node == _BEFORE:
            opened = result.read_letters((self.alphabet.open,), self.copy(self.start, history, duties))
            return [opened, *self.read(self.characters, node, history, duties)]
        if node == _AFTER:
            further = self.read(self.characters, node, (), duties)
            return [self.end(self.final()), *further] if self.assertions.are_met(duties) else further
        if node == _VOID:
            if not duties:
                return [result.accept]
            further = self.read((*self.characters, self.alphabet.close), node, (), duties)
            return [self.end(result.accept), *further] if self.assertions.are_met(duties) else further
        return super().targets(node, history, duties)

    def accept(self, duties: Duties) -> list[int]:
        void = self.read(self.characters, _VOID, (), duties) if self.is_lazy else []
        return [*self.read((self.alphabet.close,), _AFTER, (), duties), *void]

    def end(self, after: int) -> int:
        return self.result.read_letters((self.alphabet.end,), after)

    def final(self) -> int:
        """Read FINAL, any number of times: what comes then is no state that something else leads to."""
        last = self.result.branch(0, 0)
        read = self.result.read_letters((FINAL,), last)
        begin = self.result.first[last]
        self.result.branches[begin : begin + 2] = [self.result.accept, read]
        return read


class Context:
    """The matches of an expression, each with the text around it.

    Parameters
    ----------
    tree : Node
        Of Characters, Sequence, Choice, Repeat, LazyRepeat and Look.
    limits : Limits

    Raises
    ------
    LimitExceeded
    """

    def __init__(self, tree: Node, limits: Limits) -> None:
        self.tree = tree
        self.limits = limits
        self.alphabet = Alphabet(tree, n_outputs(tree))
        self.assertions = Assertions(tree, self.alphabet, limits)
        product = _InContext(self.assertions, tree)
        first = (_BEFORE, self.assertions.beginning(tree), NO_DUTIES)
        arrays = minimize(*self.alphabet.ends(self.assertions.arrays_of(*product.copied(first))))
        self.table = Table(self.alphabet.rows(arrays), arrays[-1].tolist(), self.alphabet, reads_close=True)
        self.characters = range(len(self.alphabet.classes))

    def alone(self) -> nfa.Nfa:
        """Give the nodes of what is matched as the whole of a text."""
        table, close, end = self.table, self.alphabet.close, self.alphabet.end
        start = table.step(table.start, self.alphabet.open)
        ways = self.explored((start,))
        accepting = {state for state in ways if table.step(table.step(state[0], close), end) >= 0}
        return self.nodes(ways, accepting)

    def variants(self) -> list[tuple[nfa.Nfa, Neighbour | None, Neighbour | None]]:
        """List nodes, and what may stand before and behind what they match; no two fit the same text in one place.

        Raises
        ------
        RegexError
            Where more than one character before or behind the match is looked at.
        LimitExceeded
        """
        openings = self.openings()
        ways = self.explored(tuple(openings))
        before = list(openings.values())
        found: dict[tuple[frozenset[int], frozenset[int]], set[tuple[int, ...]]] = {}
        closed: dict[int, frozenset[int]] = {}  # what may follow, by state behind CLOSE
        for states in ways:
            # By what may follow: before what.
            sides: dict[frozenset[int], frozenset[int]] = {}
            for state, letters in zip(states, before, strict=True):
                behind = self.table.step(state, self.alphabet.close)
                if behind >= 0:
                    if behind not in closed:
                        closed[behind] = self.following(behind)
                    sides[closed[behind]] = sides.get(closed[behind], frozenset()) | letters
            for follow, precede in sides.items():
                found.setdefault((precede, follow), set()).add(states)
        return [
            (self.nodes(ways, accepting), self.neighbour(precede), self.neighbour(follow))
            for (precede, follow), accepting in found.items()
        ]

    def openings(self) -> dict[int, frozenset[int]]:
        """Collect the letters that may stand before a match, END for none, by the state behind OPEN."""
        table, end = self.table, self.alphabet.end
        opened: dict[int, set[int]] = {table.step(table.start, self.alphabet.open): {end}}
        by_letter: dict[int, int] = {}
        reached = {table.start: 0}
        waiting = [table.start]
        for state in waiting:
            for letter in self.characters:
                after = table.step(state, letter)
                behind = table.step(after, self.alphabet.open)
                if by_letter.setdefault(letter, behind) != behind:
                    raise self.looks_too_far(ahead=False)
                if after not in reached:
                    reached[after] = 0
                    waiting.append(after)
        for letter, behind in by_letter.items():
            opened.setdefault(behind, set()).add(letter)
        return {state: frozenset(letters) for state, letters in opened.items() if state >= 0}

    def following(self, state: int) -> frozenset[int]:
        """Collect the letters that may come in a state behind CLOSE, END among them, whatever comes after them."""
        table, end = self.table, self.alphabet.end
        allowed = {end} if table.step(state, end) >= 0 else set()
        for letter in self.characters:
            after = table.step(state, letter)
            if after >= 0:
                if table.step(after, end) < 0 or any(table.step(after, other) != after for other in self.characters):
                    raise self.looks_too_far(ahead=True)
                allowed.add(letter)
        return frozenset(allowed)

    def explored(self, start: tuple[int, ...]) -> dict[tuple[int, ...], dict[tuple[int, ...], list[int]]]:
        """Follow states side by side through the match: by states, the classes that lead to others, the first first."""
        ways: dict[tuple[int, ...], dict[tuple[int, ...], list[int]]] = {start: {}}
        waiting = [start]
        for states in waiting:
            for letter in self.characters:
                after = tuple(self.table.step(state, letter) for state in states)
                if max(after, default=-1) < 0:
                    continue
                ways[states].setdefault(after, []).append(letter)
                if after not in ways:
                    ways[after] = {}
                    waiting.append(after)
                    if len(waiting) > self.limits.regex_states:
                        raise self.assertions.blame()
        return ways

    def nodes(self, ways: dict[tuple[int, ...], dict[tuple[int, ...], list[int]]], accepting: set) -> nfa.Nfa:
        """Make nodes that read characters along the ways."""
        builder = nfa.Builder(self.limits)
        made = {states: builder.branch() for states in ways}
        for states, node in made.items():
            targets = [
                builder.read_characters(self.bounds(letters), made[after]) for after, letters in ways[states].items()
            ]
            targets += [builder.accept] if states in accepting else []
            begin = len(builder.branches)
            builder.branches += targets
            builder.first[node], builder.second[node] = begin, begin + len(targets)
        return builder.finish(next(iter(made.values())))

    def bounds(self, letters: Iterable[int]) -> Bounds:
        return charsets.union(self.alphabet.classes[letter] for letter in letters)

    def neighbour(self, letters: frozenset[int]) -> Neighbour | None:
        """Say which characters are meant by letters; ``None`` for all, and the end of the text."""
        edge = self.alphabet.end in letters
        if edge and len(letters) > len(self.characters):
            return None
        bounds = self.bounds(letters - {self.alphabet.end})
        # Surrogates are no characters: they belong to what is around them.
        if {0xD800, 0xE000} <= set(bounds):
            bounds = charsets.union((bounds, _SURROGATES))
        return Neighbour(bounds, edge)

    def looks_too_far(self, ahead: bool) -> RegexError:
        """Make the error of an expression that no neighbours of one character can stand for."""
        where = "behind" if ahead else "before"
        return self.error(
            f"this looks further than at the one character {where} the match, which is all that a terminal can ask for;"
            " make more of the text part of the match, as \\b at its end may, or let a rule say what stands beside it",
            ahead,
        )

    def error(self, reason: str, ahead: bool | None = None) -> RegexError:
        """Make an error with the place of an assertion, the most suspicious one."""
        looks = [leaf for leaf in leaves(self.tree) if isinstance(leaf, Look)]
        looks.sort(key=lambda look: (look.ahead != ahead, isinstance(look.part, Characters | FinalEnd)))
        return RegexError(reason, pattern=looks[0].source, position=looks[0].position)
