"""Sets of values -> rules: each goal becomes a nonterminal, each simple set an alternative of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache

from stolcke._core.members import fresh, members_in_order
from stolcke.errors import LimitExceeded, UnsupportedSchema
from stolcke.frontends.json_schema import making
from stolcke.frontends.json_schema.algebra import Union
from stolcke.frontends.json_schema.checking import Checks
from stolcke.frontends.json_schema.evaluate import Evaluator
from stolcke.frontends.json_schema.formulas import Formula, Goal, Scoped, scalar_content
from stolcke.frontends.json_schema.layout import MAX_DEPTH, layout
from stolcke.frontends.json_schema.references import Node
from stolcke.frontends.json_schema.scalars import Scalars
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.write_arrays import array_rules
from stolcke.frontends.json_schema.write_objects import object_rules
from stolcke.grammar.model import Nonterminal, Rule, Symbol, Tally, Terminal, TerminalDefinition
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


@dataclass(frozen=True, slots=True)
class Structure:
    """The structural terminals of a grammar at one depth of nesting; see :class:`Layout`."""

    open_object: Terminal
    close_object: Terminal
    empty_object: Terminal
    open_array: Terminal
    close_array: Terminal
    empty_array: Terminal
    comma: Terminal


class Emitter:
    """Collects the rules of one grammar.

    Attributes
    ----------
    rules : list of Rule
    tallies : dict of str to Tally
    terminals : dict of str to TerminalDefinition
    exact : bool
    """

    def __init__(self, evaluator: Evaluator, settings: Settings) -> None:
        self.evaluator = evaluator
        self.settings = settings
        self.rules: list[Rule] = []
        self.tallies: dict[str, Tally] = {}
        self.terminals: dict[str, TerminalDefinition] = {}
        self.scalars = Scalars(evaluator, settings)
        self.checks = Checks(self) if settings.checked else None
        self.pointer: str | None = None  # of what is being written
        self.exact = True
        self._colon = layout(settings.whitespace, settings.max_whitespace, 0).colon  # the same at every depth
        self._keys: dict[Language, Terminal] = {}
        self._named_keys: dict[str, Terminal] = {}
        self._terminal_of: dict[Pattern, Terminal] = {}
        self._structures: dict[int, Structure] = {}
        self._indented = isinstance(settings.whitespace, int)
        self._symbol_of: dict[Goal | tuple[Goal, int], Symbol] = {}
        self._names: dict[str, int] = {}
        self._scalars_of: dict[Hashable, list[Terminal]] = {}
        self._patterns_of = _patterns_of(settings.escapes, settings.ascii_only, settings.formats, settings.limits)
        self._todo: list[tuple[Nonterminal, Goal, int, list]] = []

    def run(self, goal: Goal) -> str:
        """Write the rules of a document; returns the start."""
        start = making.nonterminal(self.name("document"))
        document = self.value(goal, 0)
        outer = layout(self.settings.whitespace, self.settings.max_whitespace, 0).outer
        if outer is None:
            self.rule(start, document)
        else:
            space = making.nonterminal(self.name("outer_space"))
            self.rule(space)
            self.rule(space, self.terminal(outer, "white space"))
            self.rule(start, space, document, space)
        while self._todo:
            self.evaluator.deadline.check("writing rules")
            self._write(*self._todo.pop())
        if self.checks is not None:
            self.checks.finish()
        return start.name

    # --- for those who write rules -------------------------------------------------------------------------------

    def rule(self, lhs: Nonterminal, *rhs: Symbol) -> None:
        """Add a rule."""
        self.rules.append(making.rule(lhs, rhs))

    def members_in_order(
        self,
        lhs: Nonterminal,
        structure: tuple[Terminal, Terminal, Terminal, Terminal],
        members: list[tuple[Symbol, Symbol, bool]],
        others: list[tuple[Symbol, Symbol]],
        may_be_empty: bool,
    ) -> None:
        """Add the rules of an object; see :func:`stolcke._core.members.members_in_order`."""
        makers = making.RULES, making.NONTERMINALS
        members_in_order(self.rules, self._names, *makers, lhs, structure, members, others, may_be_empty)

    def name(self, wanted: str) -> str:
        """A name that is not in use."""
        return fresh(self._names, wanted)

    def terminal(self, pattern: Pattern, title: str) -> Terminal:
        """The terminal of a pattern."""
        found = self._terminal_of.get(pattern)
        if found is None:
            found = self._terminal_of[pattern] = self._new_terminal(pattern, title)
        return found

    def _new_terminal(self, pattern: Pattern, title: str) -> Terminal:
        name = self.name(title)
        self.terminals[name] = making.definition(name, pattern)
        return making.terminal(name)

    def key(self, keys: Language, title: str) -> Terminal:
        """The terminal of a member's name out of some, with the colon after it."""
        found = self._keys.get(keys)
        if found is None:
            words = keys.finite_words(1)
            if words:
                return self.named_key(words[0])
            found = self._keys[keys] = self._new_terminal(*self.scalars.key(keys, title, self._colon))
        return found

    def named_key(self, name: str) -> Terminal:
        """The terminal of one name, with the colon after it."""
        found = self._named_keys.get(name)
        if found is None:
            found = self._named_keys[name] = self._new_terminal(*self.scalars.named_key(name))
        return found

    def structure(self, depth: int) -> Structure:
        """The structural terminals at a depth."""
        if not self._indented:
            depth = 0
        found = self._structures.get(depth)
        if found is None:
            parts = layout(self.settings.whitespace, self.settings.max_whitespace, depth)
            # Without indents there is one structure, whose terminals are all different: nobody has to look for them.
            terminal = self.terminal if self._indented else self._new_terminal
            terminals = [terminal(getattr(parts, name), title) for name, title in _TITLES.items()]
            found = self._structures[depth] = Structure(*terminals)
        return found

    def value(self, goal: Goal, depth: int) -> Symbol:
        """The symbol that derives the values of a goal, at a depth of nesting."""
        key = (goal, depth) if self._indented else goal
        symbol = self._symbol_of.get(key)
        if symbol is None:
            symbol = self._symbol_of[key] = self._start(goal, depth)
        return symbol

    # --- goals ---------------------------------------------------------------------------------------------------

    def _start(self, goal: Goal, depth: int) -> Symbol:
        """Make the symbol of a goal; its rules are written later, unless one terminal is all there is."""
        # What is dropped is noted with its place, so that places of equal content are then looked at one by one.
        content = scalar_content(goal) if self.settings.strict and self.checks is None else None
        scalars, structured, tested = self._scalars_of.get(content), [], []
        if scalars is None:
            patterns = None if content is None else self._patterns_of.get(content)
            if patterns is None:
                found = {kind: self.evaluator.alternatives(goal, kind) for kind in self.evaluator.kinds(goal)}
                structured = [(kind, simple) for kind in ("array", "object") for simple in found.get(kind, ())]
                patterns, tested = self._patterns(goal, found)
            scalars = [self.terminal(*each) for each in patterns]
            if content is not None:
                self._scalars_of[content] = scalars
                _remember(self._patterns_of, content, patterns)
        if len(scalars) == 1 and not structured and not tested:
            return scalars[0]
        lhs = making.nonterminal(self.name(_title(goal)))
        for parts in tested:
            self.rule(lhs, *parts)
        for terminal in scalars:
            self.rule(lhs, terminal)
        if depth >= MAX_DEPTH and self._indented:
            structured = []
        if structured:
            self._todo.append((lhs, goal, depth, structured))
        elif not scalars and not tested:
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

    def _write(self, lhs: Nonterminal, goal: Goal, depth: int, structured: list) -> None:
        before = len(self.rules)
        if self.checks is not None:
            self.pointer = _pointer(goal)
        for kind, simple in structured:
            write: Callable = array_rules if kind == "array" else object_rules
            try:
                write(self, lhs, simple, depth)
            except UnsupportedSchema as error:
                raise UnsupportedSchema(error.reason, pointer=error.pointer or _pointer(goal)) from error
            if len(self.rules) > self.settings.limits.rules:
                raise LimitExceeded("rules", f"at least {len(self.rules)}", self.settings.limits.rules, "JSON Schema")
        if len(self.rules) == before:
            self.rule(lhs, lhs)


@lru_cache(maxsize=8)
def _patterns_of(
    escapes: bool, ascii_only: bool, formats: bool, limits: Limits
) -> dict[Hashable, list[tuple[Pattern, str]]]:
    """The patterns of all schemas' scalars so far, by all that they depend on beside these choices."""
    return {}


def _remember(
    known: dict[Hashable, list[tuple[Pattern, str]]], content: Hashable, patterns: list[tuple[Pattern, str]]
) -> None:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    if all(type(each) is not Machine or each.automaton.n_states <= _SMALL for each, _ in patterns):
        known[content] = patterns


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
