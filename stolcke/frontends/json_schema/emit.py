"""Sets of values -> rules: each goal becomes a nonterminal, each simple set an alternative of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import NamedTuple

from stolcke._core.schema_walk import SchemaWalk
from stolcke._core.written import WrittenRules
from stolcke.errors import LimitExceeded, UnsupportedSchema
from stolcke.frontends.json_schema.algebra import Union
from stolcke.frontends.json_schema.checking import Checks
from stolcke.frontends.json_schema.dialects import DIALECTS
from stolcke.frontends.json_schema.evaluate import ASKED, Evaluator
from stolcke.frontends.json_schema.formulas import Formula, Goal, Scoped
from stolcke.frontends.json_schema.keywords import EVERYTHING
from stolcke.frontends.json_schema.layout import MAX_DEPTH, layout
from stolcke.frontends.json_schema.references import Node
from stolcke.frontends.json_schema.scalars import Scalars
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.write_arrays import array_rules
from stolcke.frontends.json_schema.write_objects import object_rules
from stolcke.grammar.patterns import Machine, Pattern
from stolcke.lexer.language import Language
from stolcke.options import Limits

__all__ = ["Emitter"]


_TITLES = {
    "open_object": "{",
    "close_object": "}",
    "empty_object": "{}",
    "open_array": "[",
    "close_array": "]",
    "empty_array": "[]",
    "comma": ",",
}


# Patterns remembered from one schema to the next, and the states that one of them may have.
_MOST_REMEMBERED = 1024
_SMALL = 256
# Characters of what they depend on; and dialects that are the same in all documents.
_SMALL_CONTENT = 4096
_DIALECTS = frozenset(DIALECTS.values())


class Structure(NamedTuple):
    """The structural terminals of a grammar at one depth of nesting; see :class:`Layout`."""

    open_object: int
    close_object: int
    empty_object: int
    open_array: int
    close_array: int
    empty_array: int
    comma: int


class Emitter:
    """Writes the rules of one grammar.

    Symbols are numbers; see :class:`stolcke._core.written.WrittenRules`.

    Attributes
    ----------
    written : WrittenRules
    exact : bool
    """

    def __init__(self, evaluator: Evaluator, settings: Settings) -> None:
        self.evaluator = evaluator
        self.settings = settings
        self.written = WrittenRules()
        self.rule = self.written.rule
        self.scalars = Scalars(evaluator, settings)
        self.checks = Checks(self) if settings.checked else None
        self.pointer: str | None = None  # of what is being written
        self.exact = True
        self._colon = layout(settings.whitespace, settings.max_whitespace, 0).colon  # the same at every depth
        self._keys: dict[Language, int] = {}
        self._named_keys: dict[str, int] = {}
        self._other_names: dict[frozenset[str], int] = {}
        self._terminal_of: dict[Pattern, int] = {}
        self._structures: dict[int, Structure] = {}
        self._indented = isinstance(settings.whitespace, int)
        self._symbol_of: dict[Goal | tuple[Goal, int], int] = {}
        self._patterns_of = _patterns_of(settings.escapes, settings.ascii_only, settings.formats, settings.limits)
        self._todo: list[tuple[int, Goal, int, list]] = []
        # Where lines are indented, a place has other rules at each depth. What is dropped or checked is noted with its
        # place, so that places of equal content are then looked at one by one.
        self._walk: SchemaWalk | None = None
        if settings.strict and not settings.checked and not self._indented:
            self._walk = SchemaWalk(
                self.written, self, ASKED["object"], ASKED["array"], settings.property_order == "declared"
            )

    def run(self, goal: Goal) -> None:
        """Write the rules of a document."""
        start = self.written.nonterminal("document")
        document = self.value(goal, 0)
        outer = layout(self.settings.whitespace, self.settings.max_whitespace, 0).outer
        if outer is None:
            self.rule(start, document)
        else:
            space = self.written.nonterminal("outer_space")
            self.rule(space)
            self.rule(space, self.terminal(outer, "white space"))
            self.rule(start, space, document, space)
        while True:
            self.check()
            if self._todo:
                self._write(*self._todo.pop())
            elif self._walk is None or not self._walk.write():
                break
        if self.checks is not None:
            self.checks.finish()

    # --- for those who write rules -------------------------------------------------------------------------------

    def check(self, more: int = 0) -> None:
        """Look at the clock, and at how many rules there are, or will be at least."""
        self.evaluator.deadline.check("writing rules")
        n_rules, limit = self.written.n_rules + more, self.settings.limits.rules
        if n_rules > limit:
            raise LimitExceeded("rules", f"at least {n_rules}", limit, "JSON Schema")

    def terminal(self, pattern: Pattern, title: str) -> int:
        """The terminal of a pattern."""
        found = self._terminal_of.get(pattern)
        if found is None:
            found = self._terminal_of[pattern] = self.written.terminal(pattern, title)
        return found

    def key(self, keys: Language, title: str) -> int:
        """The terminal of a member's name out of some, with the colon after it."""
        if keys is Language.everything():
            return self.other_names(())
        found = self._keys.get(keys)
        if found is None:
            words = keys.finite_words(1)
            if words:
                return self.named_key(words[0])
            found = self._keys[keys] = self.written.terminal(*self.scalars.key(keys, title, self._colon))
        return found

    def other_names(self, names: tuple[str, ...]) -> int:
        """The terminal of all names but some, with the colon after it."""
        key = frozenset(names)
        found = self._other_names.get(key)
        if found is None:
            found = self._other_names[key] = self.written.terminal(*self.scalars.other_names(names, "other name:"))
        return found

    def named_key(self, name: str) -> int:
        """The terminal of one name, with the colon after it."""
        found = self._named_keys.get(name)
        if found is None:
            found = self._named_keys[name] = self.written.terminal(*self.scalars.named_key(name))
        return found

    def structure(self, depth: int) -> Structure:
        """The structural terminals at a depth."""
        if not self._indented:
            depth = 0
        found = self._structures.get(depth)
        if found is None:
            parts = layout(self.settings.whitespace, self.settings.max_whitespace, depth)
            # Without indents there is one structure, whose terminals are all different: nobody has to look for them.
            terminal = self.terminal if self._indented else self.written.terminal
            terminals = [terminal(getattr(parts, name), title) for name, title in _TITLES.items()]
            found = self._structures[depth] = Structure(*terminals)
        return found

    def value(self, goal: Goal, depth: int) -> int:
        """The symbol that derives the values of a goal, at a depth of nesting."""
        if self._walk is not None and len(goal) <= 1:
            if not goal:
                return self._walk.anything()
            (formula,) = goal
            if type(formula) is Node:
                return self._walk.value(formula)
        key = (goal, depth) if self._indented else goal
        symbol = self._symbol_of.get(key)
        if symbol is None:
            symbol = self._symbol_of[key] = self._start(goal, depth)
        return symbol

    # --- for those who walk through plain schemas ----------------------------------------------------------------

    def structural(self) -> Structure:
        """The structural terminals."""
        return self.structure(0)

    def all_scalars(self) -> list[int]:
        """The terminals of all values that are neither arrays nor objects."""
        return [self.terminal(*each) for each in self.scalars.patterns(EVERYTHING)]

    def value_of(self, node: Node) -> int:
        """The symbol of the values of a place, which may be a reference."""
        return self.value(self.evaluator.goal(node, ()), 0)

    def combined(self, node: Node) -> int:
        """The symbol of a place whose set of values has to be worked out."""
        return self._start(frozenset([node]), 0)

    def scalar(self, node: Node, content: tuple) -> int:
        """The symbol of a place that allows only scalars, all that depend on some content."""
        patterns = self._patterns_of.get(content)
        goal = frozenset([node])
        if patterns is None:
            patterns, _ = self._patterns(goal, self._sets(goal))
            _remember(self._patterns_of, content, patterns)
        return self._symbol(goal, patterns)

    # --- goals ---------------------------------------------------------------------------------------------------

    def _sets(self, goal: Goal) -> dict[str, Union]:
        """The values of a goal, by type."""
        return {kind: self.evaluator.alternatives(goal, kind) for kind in self.evaluator.kinds(goal)}

    def _start(self, goal: Goal, depth: int) -> int:
        """Make the symbol of a goal; its rules are written later, unless one terminal is all there is."""
        found = self._sets(goal)
        structured = [(kind, simple) for kind in ("array", "object") for simple in found.get(kind, ())]
        if depth >= MAX_DEPTH and self._indented:
            structured = []
        patterns, tested = self._patterns(goal, found)
        if not structured and not tested:
            return self._symbol(goal, patterns)
        lhs = self.written.nonterminal(_title(goal))
        for parts in tested:
            self.rule(lhs, *parts)
        for each in patterns:
            self.rule(lhs, self.terminal(*each))
        if structured:
            self._todo.append((lhs, goal, depth, structured))
        return lhs

    def _symbol(self, goal: Goal, patterns: list[tuple[Pattern, str]]) -> int:
        """The symbol of some terminals."""
        if len(patterns) == 1:
            return self.terminal(*patterns[0])
        lhs = self.written.nonterminal(_title(goal))
        for each in patterns:
            self.rule(lhs, self.terminal(*each))
        if not patterns:
            self.rule(lhs, lhs)  # derives nothing; the compiler trims it, and what needs it
        return lhs

    def _patterns(self, goal: Goal, found: dict[str, Union]) -> tuple[list[tuple[Pattern, str]], list]:
        """The patterns of the scalars among the values of a goal, with titles; and parts of strings that are tested."""
        try:
            if self.checks is not None:
                return self.checks.patterns(found, self.scalars.patterns, lambda: _pointer(goal))
            return self.scalars.patterns(found), []
        except LimitExceeded as error:
            where = _pointer(goal)
            raise error if where is None else LimitExceeded(error.limit, error.given, error.allowed, where) from error

    def _write(self, lhs: int, goal: Goal, depth: int, structured: list) -> None:
        before = self.written.n_rules
        if self.checks is not None:
            self.pointer = _pointer(goal)
        for kind, simple in structured:
            write: Callable = array_rules if kind == "array" else object_rules
            try:
                write(self, lhs, simple, depth)
            except UnsupportedSchema as error:
                raise UnsupportedSchema(error.reason, pointer=error.pointer or _pointer(goal)) from error
            if self.written.n_rules > self.settings.limits.rules:
                break
        if self.written.n_rules == before:
            self.rule(lhs, lhs)


@lru_cache(maxsize=8)
def _patterns_of(
    escapes: bool, ascii_only: bool, formats: bool, limits: Limits
) -> dict[Hashable, list[tuple[Pattern, str]]]:
    """The patterns of all schemas' scalars so far, by all that they depend on beside these choices."""
    return {}


def _remember(
    known: dict[Hashable, list[tuple[Pattern, str]]], content: tuple, patterns: list[tuple[Pattern, str]]
) -> None:
    """Keep the patterns for other schemas, if both they and what they depend on are small."""
    dialect, _, *asked = content
    if dialect not in _DIALECTS or sum(map(_size, asked)) > _SMALL_CONTENT:
        return
    if all(type(each) is not Machine or each.automaton.n_states <= _SMALL for each, _ in patterns):
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        known[content] = patterns


def _size(asked: tuple) -> int:
    """About the characters of a keyword's value, or of those that it lists."""
    _, *rest = asked
    values = rest[0] if len(rest) == 1 else [rest]
    return sum(8 + len(value) if type(value) is str else 8 for _, value in values)


def _title(goal: Goal) -> str:
    """A name for the nonterminal of a goal: that of its schema, or of one of them."""
    names = [node.name for formula in goal if (node := _schema_of(formula)) is not None]
    return min(names, default="") or "value"


def _pointer(goal: Goal) -> str | None:
    """The place of a goal's schema, or of one of them."""
    return next((node.pointer for formula in goal if (node := _schema_of(formula)) is not None), None)


def _schema_of(formula: Formula) -> Node | None:
    if isinstance(formula, Scoped):
        return formula.node
    return formula if isinstance(formula, Node) else None
