r"""Assertions inside of regular expressions, made part of the automaton.

A lookbehind and a lookahead are statements about everything before a place of
the text and everything behind it, and both are regular: what is before is
followed by the deterministic automaton of the lookbehind, what is behind is a
*duty* that the text still has to meet, a state of the automaton of the
lookahead.  So each node of an expression is copied for each state of the
lookbehinds (its *history*) and each set of duties that it can be reached with,
which leaves nodes without assertions.  ``^`` and ``$`` look at whether there
is any character, ``\b`` looks at one on each side, and all of them may stand
in loops and in each other.

A lookbehind that holds lookaheads matches on condition: where its automaton
stands, letters of output say which duties would each make it hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from stolcke._core import dfa
from stolcke._core.minimize import minimize
from stolcke.errors import LimitExceeded, RegexError
from stolcke.grammar.patterns import Choice, Repeat, Sequence
from stolcke.lexer import charsets, nfa
from stolcke.lexer.classes import Alphabet, Arrays, Table, leaves
from stolcke.lexer.nfa import ACCEPT, ANYTHING, BRANCH, LAZY, READ
from stolcke.lexer.regex_syntax import NEWLINE, Characters, FinalEnd, LazyRepeat, Look, Node
from stolcke.options import Limits

__all__ = ["EVERYTHING", "NO_DUTIES", "REST", "Assertions", "Duties", "History", "Product", "n_outputs"]

# A kind of nodes beside those of stolcke.lexer.nfa: a Look, by its number.
LOOK = 6

# Positions stored while determinising, per state that is allowed.
_WORK_PER_STATE = 200
# Steps of duties, one letter each, per state that is allowed.
_STEPS_PER_STATE = 40
# Letters for what lookbehinds that hold lookaheads depend on, where there are such.
_OUTPUTS = 60_000
# Ways in which such a lookbehind may fail to hold.
_WAYS = 1_000

# By lookbehind in view: its table and the state that what has been read leads to.
History = tuple[tuple[int, int], ...]
# Each a table and its state, which must accept what is still to be read, or must not where the third is true.
Duties = frozenset[tuple[int, int, bool]]
# A node, and with what it is reached.
Key = tuple[int, History, Duties]

NO_DUTIES: Duties = frozenset()


class Rest:
    """Whatever follows, to the end of the text; only as the last part of a tree."""


REST = Rest()
EVERYTHING = Repeat(Characters(charsets.ANY), 0, None)  # type: ignore[arg-type]  # a leaf of our own


def n_outputs(tree: Node) -> int:
    """Give the number of letters of output that the alphabet of a tree has to have."""
    behinds = (leaf for leaf in leaves(tree) if isinstance(leaf, Look) and not leaf.ahead)
    return _OUTPUTS if any(map(_holds_aheads, behinds)) else 0


def _holds_aheads(look: Look) -> bool:
    return any(isinstance(leaf, Look) and leaf.ahead for leaf in leaves(look.part))


def _in_view(tree: Node | FinalEnd) -> Iterator[Look]:
    """The lookbehinds of a tree but those inside of other lookbehinds."""
    waiting = [tree]
    for part in waiting:
        if isinstance(part, Sequence | Choice):
            waiting += part.parts
        elif isinstance(part, Look) and not part.ahead:
            yield part
        elif isinstance(part, Repeat | LazyRepeat | Look):
            waiting.append(part.part)


class _Builder(nfa.Builder):
    """Makes nodes that read letters, and nodes of assertions."""

    def __init__(self, alphabet: Alphabet, limits: Limits) -> None:
        super().__init__(limits)
        self.alphabet = alphabet
        self.looks: list[Look] = []
        self.letter_starts: dict[tuple[int, ...], int] = {}
        self.letters: dict[int, tuple[int, ...]] = {}  # by node, where it reads a letter

    def read_characters(self, bounds, after: int) -> int:
        return self.read_letters(self.alphabet.members[bounds], after)

    def read_letters(self, letters: tuple[int, ...], after: int) -> int:
        if not letters:
            return self.branch()
        node = self.node(READ, self.start_of(letters), after)
        self.letters[node] = letters
        return node

    def start_of(self, letters: tuple[int, ...]) -> int:
        """Give the start of the fragment that reads any one of some letters."""
        start = self.letter_starts.get(letters)
        if start is None:
            start = self.letter_starts[letters] = self.fragment(self.alphabet.fragment(letters))
        return start

    def anything(self, letters: tuple[int, ...]) -> int:
        """Give a node from which every text of some letters is accepted."""
        node = self.node(ANYTHING, self.start_of(letters), 0)
        self.letters[node] = letters
        return node

    def nodes_before_looks(self) -> set[int]:
        """Collect the nodes that may lead to an assertion."""
        sources: dict[int, list[int]] = {}
        for node, kind in enumerate(self.kind):
            forks = kind in (BRANCH, LAZY)
            targets = self.branches[self.first[node] : self.second[node]] if forks else [self.second[node]]
            for target in targets if forks or kind in (READ, LOOK) else ():
                sources.setdefault(target, []).append(node)
        waiting = [node for node, kind in enumerate(self.kind) if kind == LOOK]
        found = set(waiting)
        for node in waiting:
            new = [source for source in sources.get(node, ()) if source not in found]
            found.update(new)
            waiting += new
        return found

    def add(self, pattern: Node | Rest, empty: int, read: int) -> int:
        if isinstance(pattern, Rest):
            return self.anything(self.alphabet.members[charsets.ANY])
        if isinstance(pattern, Look):
            self.looks.append(pattern)
            return self.node(LOOK, len(self.looks) - 1, empty)
        return super().add(pattern, empty, read)


class Assertions:
    """The automata of the assertions of one tree, made as they are met.

    Parameters
    ----------
    tree : Node
        Of Characters, Sequence, Choice, Repeat, LazyRepeat and Look; a lazy repeat only outside of assertions.
    alphabet : Alphabet
        That of the tree.
    limits : Limits

    Raises
    ------
    LimitExceeded
        Here and in every method, where an automaton, or a product, has more states than ``limits.regex_states``.
    """

    def __init__(self, tree: Node, alphabet: Alphabet, limits: Limits) -> None:
        self.tree = tree
        self.alphabet = alphabet
        self.limits = limits
        self.steps_left = limits.regex_states * _STEPS_PER_STATE
        self.tables: list[Table] = []
        self.outputs: dict[Duties, int] = {}  # to their letters
        self.duties_of: dict[int, Duties] = {}
        # The table of a lookbehind, and that of a lookahead which begins in a history.
        self.behinds: dict[Look, int] = {}
        self.aheads: dict[tuple[Node | FinalEnd, History], int] = {}
        # Inner ones come last among the leaves, and must be known before those around them.
        looks = [leaf for leaf in leaves(tree) if isinstance(leaf, Look) and not leaf.ahead]
        for look in dict.fromkeys(reversed(looks)):
            before = Sequence((EVERYTHING, look.part))  # type: ignore[arg-type]
            self.behinds[look] = self.add_table(_Behind(self, before), self.beginning(before))

    def blame(self) -> LimitExceeded:
        """Make the error of a product that has grown too large, with the place of the first assertion."""
        look = next(leaf for leaf in leaves(self.tree) if isinstance(leaf, Look))
        limit = self.limits.regex_states
        at = RegexError("", pattern=look.source, position=look.position)
        place = {"line": at.line, "column": at.column, "text_line": at.text_line, "source": at.source}
        return LimitExceeded("regex_states", f"more than {limit}", limit, "assertions", **place)

    def beginning(self, tree: Node) -> History:
        """Where the tables of a tree's lookbehinds are before the first character."""
        return tuple((number, self.tables[number].start) for number in self.followed(tree))

    def followed(self, tree: Node) -> list[int]:
        """The tables of a tree's lookbehinds."""
        return sorted({self.behinds[look] for look in _in_view(tree)})

    def add_table(self, product: Product, history: History) -> int:
        arrays = self.determinize(product, history)
        accepting = arrays[-1].tolist()
        self.tables.append(Table(self.alphabet.rows(arrays), accepting, self.alphabet, product.reads_close))
        return len(self.tables) - 1

    def add_final_end(self) -> int:
        """Add the table of a :class:`FinalEnd`: a newline, if any, then the match's end, if that is ahead."""
        close = self.alphabet.close
        rows = [{self.alphabet.members[NEWLINE][0]: 1, close: 2}, {close: 2}, {}]
        self.tables.append(Table(rows, (1, 1, 1), self.alphabet, reads_close=True))
        return len(self.tables) - 1

    def determinize(self, product: Product, history: History) -> Arrays:
        """Make the minimal automaton of what is to match a whole text, of which a history has been read."""
        return minimize(*self.arrays_of(*product.resolved(history)))

    def arrays_of(self, builder: nfa.Builder, start: int) -> Arrays:
        """Determinise nodes."""
        machine = builder.finish(start)
        limit = self.limits.regex_states
        try:
            return dfa.determinize(
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
            if any(isinstance(leaf, Look) for leaf in leaves(self.tree)):
                raise self.blame() from None
            raise LimitExceeded("regex_states", f"more than {limit}", limit, "regular expression") from None

    def output(self, duties: Duties) -> int:
        """Give the letter that stands for some duties."""
        letter = self.outputs.setdefault(duties, self.alphabet.first_output + len(self.outputs))
        if len(self.outputs) > self.alphabet.outputs:
            raise self.blame()
        self.duties_of[letter] = duties
        return letter

    # ------------------------------------------------------------ reading

    def past(self, history: History, letter: int) -> History:
        """Give the history once a letter has been read."""
        return tuple((number, self.tables[number].step(state, letter)) for number, state in history)

    def steps(
        self, letters: tuple[int, ...], history: History, duties: Duties
    ) -> dict[tuple[History, Duties], list[int]]:
        """Collect the letters that lead to the same history and duties; those that break a duty are left out."""
        found: dict[tuple[History, Duties], list[int]] = {}
        for letter in letters:
            left = self.advance(duties, letter)
            if left is not None:
                found.setdefault((self.past(history, letter), left), []).append(letter)
        return found

    def advance(self, duties: Duties, letter: int) -> Duties | None:
        """Give what is left of duties once a letter has been read; None where one cannot be met any more."""
        left = []
        self.steps_left -= len(duties)
        if self.steps_left < 0:
            raise self.blame()
        for number, state, negative in duties:
            table = self.tables[number]
            state = table.step(state, letter)
            certain = table.certainty(state)
            if certain is None:
                left.append((number, state, negative))
            elif certain == negative:
                return None
        return frozenset(left)

    def are_met(self, duties: Duties) -> bool:
        """Whether duties are met where the text ends."""
        return all(self.tables[table].accepting[state] != negative for table, state, negative in duties)

    # ------------------------------------------------------------ deciding

    def decide(self, look: Look, history: History) -> list[Duties]:
        """List the duties of which each makes an assertion hold; none where it does not hold."""
        if not look.ahead:
            return self.decide_behind(look, dict(history)[self.behinds[look]])
        number = self.ahead_table(look.part, history)
        state = self.tables[number].start
        certain = self.tables[number].certainty(state)
        if certain is None:
            return [frozenset({(number, state, look.negative)})]
        return [NO_DUTIES] if certain != look.negative else []

    def ahead_table(self, part: Node | FinalEnd, history: History) -> int:
        """Find or make the table of a lookahead that begins in a history."""
        if isinstance(part, FinalEnd):
            if (part, ()) not in self.aheads:
                self.aheads[part, ()] = self.add_final_end()
            return self.aheads[part, ()]
        ahead = Sequence((part, REST))  # type: ignore[arg-type]
        followed = self.followed(part)
        key = (part, tuple(item for item in history if item[0] in followed))
        if key not in self.aheads:
            self.aheads[key] = self.add_table(Product(self, ahead), key[1])
        return self.aheads[key]

    def decide_behind(self, look: Look, state: int) -> list[Duties]:
        table = self.tables[self.behinds[look]]
        if table.accepting[state]:
            return [] if look.negative else [NO_DUTIES]
        letters = [] if state < 0 else [letter for letter in table.rows[state] if letter in self.duties_of]
        conditions = [self.duties_of[letter] for letter in letters]
        if not look.negative:
            return conditions
        # Of each condition one duty has to be broken.
        ways = {NO_DUTIES}
        for condition in conditions:
            broken = [(table, state, not negative) for table, state, negative in condition]
            ways = {way | {duty} for way, duty in product(ways, broken)}
            if len(ways) > _WAYS:
                raise self.blame()
        return sorted(ways, key=sorted)


class Product:
    """The nodes of a tree, copied by history and duties.

    Parameters
    ----------
    assertions : Assertions
    tree : Node
        What is to match.
    """

    def __init__(self, assertions: Assertions, tree: Node) -> None:
        self.assertions = assertions
        self.alphabet = assertions.alphabet
        self.limits = assertions.limits
        self.builder = _Builder(self.alphabet, self.limits)
        self.start = self.builder.add(tree, self.builder.accept, self.builder.accept)
        self.reads_close = any(isinstance(leaf, FinalEnd) for look in self.builder.looks for leaf in leaves(look))

    def resolved(self, history: History) -> tuple[nfa.Builder, int]:
        """Give nodes without assertions, and where they start."""
        if not self.builder.looks:
            return self.builder, self.start
        return self.copied((self.start, history, NO_DUTIES))

    def copied(self, first: Key) -> tuple[nfa.Builder, int]:
        """Copy all nodes that one leads to."""
        self.result = _Builder(self.alphabet, self.limits)
        self.before_looks = self.builder.nodes_before_looks()
        self.copies: dict[Key, int] = {}
        self.waiting: list[Key] = []
        start = self.copy(*first)
        while self.waiting:
            key = self.waiting.pop()
            targets = self.targets(*key)
            begin = len(self.result.branches)
            self.result.branches += targets
            copy = self.copies[key]
            self.result.first[copy], self.result.second[copy] = begin, begin + len(targets)
            if len(self.result.kind) > 4 * self.limits.regex_states:
                raise self.assertions.blame()
        return self.result, start

    def copy(self, node: int, history: History, duties: Duties) -> int:
        """Find or make the copy of a node."""
        key = (node, history if self.looks_back(node) else (), duties)
        if key not in self.copies:
            is_lazy = node >= 0 and self.builder.kind[node] == LAZY
            self.copies[key] = self.result.branch(kind=LAZY if is_lazy else BRANCH)
            self.waiting.append(key)
        return self.copies[key]

    def looks_back(self, node: int) -> bool:
        """Whether what follows a node may depend on its history."""
        return node in self.before_looks

    def read(self, letters: tuple[int, ...], node: int, history: History, duties: Duties) -> list[int]:
        """Make the nodes that read a letter and lead to copies of a node."""
        return [
            self.result.read_letters(tuple(some), self.copy(node, *after))
            for after, some in self.assertions.steps(letters, history, duties).items()
        ]

    def targets(self, node: int, history: History, duties: Duties) -> list[int]:
        """Make the ways that lead on from the copy of a node."""
        builder = self.builder
        kind = builder.kind[node]
        if kind in (BRANCH, LAZY):
            ways = builder.branches[builder.first[node] : builder.second[node]]
            return [self.copy(way, history, duties) for way in ways]
        if kind == LOOK:
            ways = self.assertions.decide(builder.looks[builder.first[node]], history)
            return [self.copy(builder.second[node], history, duties | added) for added in ways]
        targets = self.pass_close(node, history, duties)
        if kind == READ:
            return targets + self.read(builder.letters[node], builder.second[node], history, duties)
        if kind == ACCEPT:
            return targets + self.accept(duties)
        # The kind is ANYTHING.
        letters = builder.letters[node]
        if not duties:
            return [self.result.anything((*letters, self.alphabet.close) if self.reads_close else letters)]
        met = [self.result.accept] if self.assertions.are_met(duties) else []
        return targets + met + self.read(letters, node, history, duties)

    def pass_close(self, node: int, history: History, duties: Duties) -> list[int]:
        """Let the match's end lie here, where that makes a difference."""
        return self.read((self.alphabet.close,), node, history, duties) if self.reads_close else []

    def accept(self, duties: Duties) -> list[int]:
        """Make the ways that lead on from where the tree has matched."""
        if self.assertions.are_met(duties):
            return [self.result.accept]
        return []


class _Behind(Product):
    """What a lookbehind looks for, to match all that has been read: at once, or on condition."""

    def accept(self, duties: Duties) -> list[int]:
        if not duties:
            return [self.result.accept]
        return [self.result.read_letters((self.assertions.output(duties),), self.result.accept)]
