"""Definitions to rules and terminals.

In these notations everything is characters, and there is no lexer.  What is regular becomes terminals all the same:
a rule that leads to no recursion, and between references to other rules whatever stands side by side.  That changes
no text, and one state of an automaton is much less work than one rule for each character.  Where an automaton would
be large, its parts are rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from itertools import groupby, islice
from typing import NamedTuple

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.frontends.bnf.expressions import EMPTY, Definition, Expression, Reference, Source
from stolcke.grammar.analysis import components
from stolcke.grammar.building import Body, RuleBuilder
from stolcke.grammar.model import Grammar, Location, Nonterminal, Terminal, TerminalDefinition, error_at
from stolcke.grammar.naming import anonymous_name
from stolcke.grammar.patterns import Choice, Literal, Nonempty, Pattern, Regex, Repeat, Sequence, Special
from stolcke.lexer import Automaton, automaton
from stolcke.options import Limits

__all__ = ["grammar_of", "special_token"]

_LARGEST = 1_000
"""States of a terminal, and characters of its pattern with all repeats written out."""
_DEEPEST = 40
"""Depth of a terminal's pattern."""
_WORDIEST = 40
"""Literals and classes of a terminal that was several rules: with more it says too little in messages and trees."""


class _Measure(NamedTuple):
    """How large the pattern of an expression would be."""

    size: int
    """Characters, with repeats written out."""
    depth: int
    leaves: int
    """Literals and character classes."""


def special_token(markers: tuple[str | int, ...]) -> Special:
    """Make the leaf of an expression that stands for one of some special tokens, by their texts or ids."""
    return Special("<" + ",".join(map(str, markers)) + ">", markers)


def grammar_of(
    definitions: list[Definition], root: str, source: Source, limits: Limits, hints: Iterable[Expression] = ()
) -> Grammar:
    """Make a grammar of the rules of a text.

    Parameters
    ----------
    definitions : list of Definition
    root : str
        The rule to start from.
    source : Source
    limits : Limits
    hints : iterable of Expression
        What only has to be right.

    Raises
    ------
    GrammarError, RegexError, LimitExceeded
    """
    by_name: dict[str, Definition] = {}
    for definition in definitions:
        before = by_name.setdefault(definition.name, definition)
        if before is not definition:
            reason = f"rule {definition.name!r} is already defined, in line {before.location.line}"
            raise error_at(f"{reason}; join the two by '|'", definition.location)
    if root not in by_name:
        close = get_close_matches(root, islice(by_name, 2000), n=3)
        known = f"did you mean {' or '.join(map(repr, close))}?"
        if not close:
            known = f"defined are {', '.join(list(by_name)[:10])}"
        what = f"; {known}; choose one with root=..." if by_name else "; the text has no rule"
        raise GrammarError(f"the rule {root!r} to start from is not defined{what}")
    references = {name: _references(each.expression) for name, each in by_name.items()}
    _check_defined(by_name, [*references.values(), *map(_references, hints)])
    lowering = _Lowering(by_name, references, limits)
    lowering.run(root)
    return Grammar(root, tuple(lowering.builder.rules), lowering.terminals)


def _parts(node: Expression) -> list[Expression]:
    return [node.part] if isinstance(node, Repeat) else list(node.parts) if isinstance(node, Sequence | Choice) else []


def _inner_first(expression: Expression) -> list[Expression]:
    """All nodes of an expression, each after its parts."""
    found, waiting = [], [expression]
    while waiting:
        found.append(waiting.pop())
        waiting += _parts(found[-1])
    return found[::-1]


def _references(expression: Expression) -> list[Reference]:
    return [node for node in _inner_first(expression) if isinstance(node, Reference)]


def _check_defined(by_name: dict[str, Definition], uses: Iterable[list[Reference]]) -> None:
    missing = {use.name: use for found in reversed(list(uses)) for use in reversed(found) if use.name not in by_name}
    if missing:
        *others, first = missing.values()
        close = get_close_matches(first.name, islice(by_name, 2000), n=3)
        reason = f"rule {first.name!r} is used but not defined"
        reason += f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        if others:
            names = [use.name for use in reversed(others)]
            reason += f"; also not defined: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"
        raise error_at(reason, first.location)


class _Lowering:
    """Lowers the rules of one text.

    Attributes
    ----------
    builder : RuleBuilder
    terminals : dict of str to TerminalDefinition
    """

    def __init__(self, by_name: dict[str, Definition], references: dict[str, list[Reference]], limits: Limits) -> None:
        self._by_name = by_name
        self._references = references
        self._limits = limits
        self._small = replace(limits, regex_states=min(_LARGEST, limits.regex_states))
        self._regular: dict[str, Pattern] = {}
        self._measures: dict[str, _Measure] = {}
        self._measured: dict[int, tuple[Expression, _Measure | None]] = {}
        self._name_of: dict[Pattern, str] = {}
        self._location: Location | None = None
        self.builder = RuleBuilder(by_name, limits)
        self.terminals: dict[str, TerminalDefinition] = {}

    def run(self, root: str) -> None:
        graph = {name: [use.name for use in uses] for name, uses in self._references.items()}
        for names in components(graph):
            if len(names) == 1 and names[0] not in graph[names[0]]:
                self._note_regular(names[0])
        written = {root, *(graph.keys() - {name for used in graph.values() for name in used})}
        waiting = list(written)
        while waiting:
            name = waiting.pop()
            for used in [] if name in self._regular else graph[name]:
                if used not in written:
                    written.add(used)
                    waiting.append(used)
        for name, definition in self._by_name.items():
            if name in written:
                self._rule(name, definition)

    def _rule(self, name: str, definition: Definition) -> None:
        self.builder.owner, self._location = name, definition.location
        before = len(self.builder.rules)
        if name in self._regular:
            bodies = self._matched(self._regular[name], name)
        else:
            bodies = self._alternatives(definition.expression)
        helpers = self.builder.rules[before:]
        del self.builder.rules[before:]
        for body in dict.fromkeys(bodies):
            self.builder.add(Nonterminal(name), body, location=definition.location)
        self.builder.rules += helpers

    # -- what is regular

    def _note_regular(self, name: str) -> None:
        """Find the pattern of a rule, if it has one that is small."""
        expression = self._by_name[name].expression
        measure = self._measure(expression)
        if measure is None or (measure.leaves > _WORDIEST and self._references[name]):
            return
        pattern = self._inlined(expression)
        if self._automaton(pattern) is not None:
            self._regular[name], self._measures[name] = pattern, measure

    def _measure(self, expression: Expression) -> _Measure | None:
        """Measure an expression; None where it is too large, or not regular."""
        for node in _inner_first(expression) if id(expression) not in self._measured else ():
            if id(node) not in self._measured:
                self._measured[id(node)] = node, self._measure_of(node)
        return self._measured[id(expression)][1]

    def _measure_of(self, node: Expression) -> _Measure | None:
        if isinstance(node, Reference):
            return self._measures.get(node.name)
        if isinstance(node, Special):
            return None
        if not isinstance(node, Repeat | Sequence | Choice):
            return _Measure(len(node.text) if isinstance(node, Literal) else 1, 0, 1)
        times = max(node.least, node.most or 1) if isinstance(node, Repeat) else 1
        size = depth = leaves = 0
        for part in _parts(node):
            measure = self._measured[id(part)][1]
            if measure is None:
                return None
            size, depth, leaves = size + measure.size * times, max(depth, measure.depth + 1), leaves + measure.leaves
        return _Measure(size, depth, leaves) if size <= _LARGEST and depth <= _DEEPEST else None

    def _inlined(self, node: Expression) -> Pattern:
        """Write the patterns of rules in place of their names."""
        if isinstance(node, Reference):
            return self._regular[node.name]
        if isinstance(node, Sequence | Choice):
            return type(node)(tuple(map(self._inlined, node.parts)))
        return Repeat(self._inlined(node.part), node.least, node.most) if isinstance(node, Repeat) else node

    def _automaton(self, pattern: Pattern) -> Automaton | None:
        """The automaton of a pattern, unless it is large."""
        try:
            return automaton(pattern, self._small)
        except LimitExceeded:
            return None

    # -- what is not

    def _matched(self, pattern: Pattern, name: str | None = None) -> list[Body]:
        """Alternatives that match what a pattern does; a rule does where that is the empty text, as no terminal may."""
        machine = automaton(pattern, self._small)
        if not machine.matches_empty:
            return [(self._terminal(pattern, name),)]
        if machine.n_states == 1 and not machine.low.size:
            return [()]
        return [(self._terminal(self._nonempty(pattern), name),), ()]

    def _nonempty(self, pattern: Pattern) -> Pattern:
        """Leave out the empty text, in words of a regular expression where that is easy."""
        if not automaton(pattern, self._small).matches_empty:
            return pattern
        if isinstance(pattern, Repeat) and not automaton(pattern.part, self._small).matches_empty:
            return pattern.part if pattern.most == 1 else Repeat(pattern.part, 1, pattern.most)
        if isinstance(pattern, Choice):
            parts = [part for part in pattern.parts if automaton(part, self._small) != automaton(EMPTY, self._small)]
            return Choice(tuple(map(self._nonempty, parts))) if len(parts) > 1 else self._nonempty(parts[0])
        return Nonempty(pattern)

    def _terminal(self, pattern: Pattern, rule: str | None) -> Terminal:
        name = self._name_of.get(pattern)
        if name is None:
            base = anonymous_name(pattern) or (f"__ANON_{len(self.terminals)}" if rule is None else rule.upper())
            name, number = base, 0
            while name in self.terminals or name in self._by_name:
                number += 1
                name = f"{base}_{number}"
            self._name_of[pattern] = name
            self.terminals[name] = TerminalDefinition(name, pattern, 0, self._location)
        return Terminal(name)

    def _alternatives(self, expression: Expression) -> list[Body]:
        """Lower the expression of a rule: the alternatives of each node after those of its parts."""
        parts: dict[int, list[Expression]] = {}
        order = [expression]
        for node in order:
            parts[id(node)] = [] if self._is_pattern(node) else self._joined(node)
            order += parts[id(node)]
        found: dict[int, list[Body]] = {}
        for node in reversed(order):
            found[id(node)] = self._lowered(node, [found[id(part)] for part in parts[id(node)]])
        return found[id(expression)]

    def _lowered(self, node: Expression, parts: list[list[Body]]) -> list[Body]:
        if isinstance(node, Reference):
            return [(Nonterminal(node.name),)]
        if isinstance(node, Special):
            return [(self._special(node),)]
        if isinstance(node, Choice) and parts:
            return [body for alternatives in parts for body in alternatives]
        if isinstance(node, Sequence) and parts:
            return [tuple(symbol for alternatives in parts for symbol in self.builder.one(alternatives))]
        if isinstance(node, Repeat) and parts:
            return [self.builder.repeated(self.builder.one(parts[0]), node.least, node.most)]
        return self._matched(node)

    def _joined(self, node: Expression) -> list[Expression]:
        """The parts of a node; those of a sequence that stand side by side and are small patterns are one."""
        if not isinstance(node, Sequence):
            return _parts(node)
        parts: list[Expression] = []
        for is_pattern, run in groupby(node.parts, self._is_pattern):
            found = list(run)
            whole = Sequence(tuple(found))
            if is_pattern and len(found) > 1 and self._is_pattern(whole):
                found = [whole]
            parts += found
        return parts

    def _is_pattern(self, node: Expression) -> bool:
        """Whether an expression holds no references and makes a terminal that is small, or has no smaller parts."""
        if isinstance(node, Reference | Special):
            return False
        if isinstance(node, Literal | Regex):
            return True
        return self._measure(node) is not None and not _references(node) and self._automaton(node) is not None

    def _special(self, special: Special) -> Terminal:
        name = special.name
        if name not in self.terminals:
            self.terminals[name] = TerminalDefinition(name, special, 0, self._location)
        return Terminal(name)
