"""Sets of values -> rules: each goal becomes a nonterminal, each simple set an alternative of it."""

from __future__ import annotations

from collections.abc import Callable

from stolcke.errors import LimitExceeded
from stolcke.frontends.json_schema.evaluate import Evaluator
from stolcke.frontends.json_schema.formulas import ANYTHING, Constant, Formula, Goal, Scoped
from stolcke.frontends.json_schema.keywords import TYPES
from stolcke.frontends.json_schema.layout import MAX_DEPTH, Layout, layout
from stolcke.frontends.json_schema.references import Node
from stolcke.frontends.json_schema.scalars import Scalars
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.write_arrays import array_rules
from stolcke.frontends.json_schema.write_objects import object_rules
from stolcke.grammar.model import Nonterminal, Rule, Symbol, Tally, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Pattern
from stolcke.lexer.language import Language

__all__ = ["Emitter"]


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
        self.exact = True
        self._keys: dict[tuple[Language, Pattern], Terminal] = {}
        self._terminal_of: dict[Pattern, Terminal] = {}
        self._symbol_of: dict[tuple[Goal, int], Symbol] = {}
        self._layouts: dict[int, Layout] = {}
        self._names: dict[str, int] = {}
        self._todo: list[tuple[Nonterminal, Goal, int, list]] = []

    def run(self, goal: Goal) -> str:
        """Write the rules of a document; returns the start."""
        start = Nonterminal(self.name("document"))
        document = self.value(goal, 0)
        outer = self.layout(0).outer
        if outer is None:
            self.rule(start, document)
        else:
            space = Nonterminal(self.name("outer_space"))
            self.rule(space)
            self.rule(space, self.terminal(outer, "white space"))
            self.rule(start, space, document, space)
        while self._todo:
            self._write(*self._todo.pop())
        return start.name

    # --- for those who write rules -------------------------------------------------------------------------------

    def rule(self, lhs: Nonterminal, *rhs: Symbol) -> None:
        """Add a rule."""
        if len(self.rules) >= self.settings.limits.rules:
            raise LimitExceeded("rules", f"more than {len(self.rules)}", self.settings.limits.rules, "JSON Schema")
        self.rules.append(Rule(lhs, rhs))

    def name(self, wanted: str) -> str:
        """A name that is not in use."""
        count = self._names.get(wanted, 0)
        self._names[wanted] = count + 1
        return f"{wanted}_{count}" if count else wanted

    def terminal(self, pattern: Pattern, title: str) -> Terminal:
        """The terminal of a pattern."""
        found = self._terminal_of.get(pattern)
        if found is None:
            found = self._terminal_of[pattern] = Terminal(self.name(title))
            self.terminals[found.name] = TerminalDefinition(found.name, pattern)
        return found

    def key(self, keys: Language, title: str, colon: Pattern) -> Terminal:
        """The terminal of a member's name out of some, with the colon after it."""
        found = self._keys.get((keys, colon))
        if found is None:
            found = self._keys[keys, colon] = self.terminal(*self.scalars.key(keys, title, colon))
        return found

    def layout(self, depth: int) -> Layout:
        """The structural terminals at a depth."""
        if not isinstance(self.settings.whitespace, int):
            depth = 0
        if depth not in self._layouts:
            self._layouts[depth] = layout(self.settings, depth)
        return self._layouts[depth]

    def value(self, goal: Goal, depth: int) -> Symbol:
        """The symbol that derives the values of a goal, at a depth of nesting."""
        key = (goal, depth if isinstance(self.settings.whitespace, int) else 0)
        symbol = self._symbol_of.get(key)
        if symbol is None:
            symbol = self._symbol_of[key] = self._start(goal, depth)
        return symbol

    # --- goals ---------------------------------------------------------------------------------------------------

    def _start(self, goal: Goal, depth: int) -> Symbol:
        """Make the symbol of a goal; its rules are written later, unless one terminal is all there is."""
        found = {kind: self.evaluator.alternatives(goal, kind) for kind in TYPES}
        scalars = self.scalars.patterns(found)
        structured = [(kind, simple) for kind in ("array", "object") for simple in found[kind]]
        if len(scalars) == 1 and not structured:
            return self.terminal(*scalars[0])
        lhs = Nonterminal(self.name(_title(goal)))
        for pattern, title in scalars:
            self.rule(lhs, self.terminal(pattern, title))
        if depth >= MAX_DEPTH and isinstance(self.settings.whitespace, int):
            structured = []
        if structured:
            self._todo.append((lhs, goal, depth, structured))
        elif not scalars:
            self.rule(lhs, lhs)  # derives nothing; the compiler trims it, and what needs it
        return lhs

    def _write(self, lhs: Nonterminal, goal: Goal, depth: int, structured: list) -> None:
        before = len(self.rules)
        for kind, simple in structured:
            write: Callable = array_rules if kind == "array" else object_rules
            write(self, lhs, simple, depth)
        if len(self.rules) == before:
            self.rule(lhs, lhs)


def _title(goal: Goal) -> str:
    """A name for the nonterminal of a goal: where its schema stands."""
    if goal is ANYTHING or not goal:
        return "value"
    formula: Formula = min(goal, key=_pointer)
    return _pointer(formula).strip("#/").replace("/", "_") or "root"


def _pointer(formula: Formula) -> str:
    if isinstance(formula, Scoped):
        formula = formula.node
    if isinstance(formula, Node):
        return formula.pointer
    return "constant" if isinstance(formula, Constant) else "values"
