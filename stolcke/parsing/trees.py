"""Derivations as the trees that Lark makes of them.

A nonterminal becomes a :class:`lark.Tree` under its name, its template's, or the alias of its alternative.  One whose
name begins with an underscore, such as the helpers that operators become, leaves its children to the node above it;
``?rule`` does where it has a single child and no alias.  Punctuation written in a rule is left out, and so are
terminals whose names begin with an underscore, unless the rule is a ``!rule``.  ``[x]`` is ``x?``: what is not there
leaves no ``None``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from lark import Token, Tree

from stolcke.grammar.model import Grammar, RuleOptions, TerminalDefinition
from stolcke.grammar.naming import anonymous_name
from stolcke.grammar.patterns import Literal
from stolcke.parsing.derivations import Choice
from stolcke.parsing.graph import Graph
from stolcke.parsing.places import Places
from stolcke.parsing.tables import Tables

__all__ = ["Shape", "Shapes", "is_in_place", "is_left_out", "tree_of"]


class Chooser(Protocol):
    """Says which alternative of a node a derivation takes."""

    def choice(self, node: int, rank: int) -> Choice: ...


class Shape(NamedTuple):
    """What becomes of a rule."""

    name: str
    is_inlined: bool
    keeps_tokens: bool
    expands_single_child: bool


_MADE = Shape("", True, False, False)
"""What becomes of rules that nobody wrote."""


class Shapes:
    """What becomes of each rule and terminal of a grammar in trees.

    Attributes
    ----------
    of_rule : list of Shape
        In the order of ``grammar.rules``.
    of_tally : dict of int to Shape
        Of the symbols of tallies, which have no rules there.
    left_out : list of bool
        Whether each terminal is, in rules that do not keep all tokens; in the order of ``tables.names``.

    Parameters
    ----------
    grammar : Grammar
        Without restrictions.
    tables : Tables
    original : mapping of str to str
        What symbols are called that are copies of others.
    """

    def __init__(self, grammar: Grammar, tables: Tables, original: Mapping[str, str]) -> None:
        self.of_rule = [_shape(grammar, rule.lhs.name, rule.alias, original) for rule in grammar.rules]
        self.of_tally = {
            tables.number[name]: _shape(grammar, name, None, original)
            for name in grammar.tallies
            if name in tables.number
        }
        self.left_out = [is_left_out(definition) for definition in grammar.terminals.values()]

    def of(self, tables: Tables, symbol: int, rule: int) -> Shape:
        """What becomes of a symbol that is derived by a rule of the tables."""
        source = tables.source[rule]
        return self.of_rule[source] if source >= 0 else self.of_tally.get(symbol, _MADE)


def _shape(grammar: Grammar, name: str, alias: str | None, original: Mapping[str, str]) -> Shape:
    options = grammar.options.get(name, RuleOptions())
    expands = options.inline_single_child and alias is None
    shown = alias or grammar.templates.get(name, original.get(name, name))
    return Shape(shown, name.startswith(("_", "%")), options.keep_all_tokens, expands)


def is_left_out(terminal: TerminalDefinition) -> bool:
    """Whether the tokens of a terminal are: literals written in a rule, and names that begin with an underscore."""
    return isinstance(terminal.pattern, Literal) if is_in_place(terminal) else terminal.name.startswith("_")


def is_in_place(terminal: TerminalDefinition) -> bool:
    """Whether a terminal was written where it is used, without a name."""
    place, name = terminal.location, terminal.name
    if place is not None and place.text is not None:
        line = place.text.split("\n", place.line)[place.line - 1]
        return line[place.column - 1 : place.column] in ('"', "/")
    return name.startswith("__") or name == anonymous_name(terminal.pattern)


def tree_of(graph: Graph, chooser: Chooser, rank: int, tables: Tables, shapes: Shapes, places: Places) -> Tree | Token:
    """The tree of one derivation of the root, without recursion.

    The root is a tree even if its name begins with an underscore.
    """
    keys = graph.keys
    top: list = []
    nowhere: list = []
    # What is still to be done, the next thing last: nodes (node, rank, children of the tree above, whether it keeps
    # tokens), and trees to be closed (shape, its children, the children of the tree above it).
    waiting: list[tuple] = [(0, rank, top, False)]
    while waiting:
        task = waiting.pop()
        if len(task) == 3:
            shape, children, above = task
            single = shape.expands_single_child and len(children) == 1
            above.append(children[0] if single else Tree(shape.name, children))
            continue
        node, rank, children, keeps = task
        symbol, begin, end = keys[node]
        (_, left, right, rule), left_rank, right_rank = chooser.choice(node, rank)
        if symbol >= tables.n_terminals:
            shape = shapes.of(tables, symbol, rule)
            keeps = shape.keeps_tokens
            if symbol in tables.silent:
                children = nowhere
            elif not shape.is_inlined or (children is top and symbol == tables.root):
                inner: list = []
                waiting.append((shape, inner, children))
                children = inner
        elif symbol >= 0:
            if children is not nowhere and (keeps or not shapes.left_out[symbol]):
                children.append(_token(tables.names[symbol], begin, end, places))
            continue
        if right >= 0:
            waiting.append((right, right_rank, children, keeps))
        if left >= 0:
            waiting.append((left, left_rank, children, keeps))
    return top[0]


def _token(name: str, begin: int, end: int, places: Places) -> Token:
    line, column = places.line_and_column(begin)
    end_line, end_column = places.line_and_column(end)
    value = places.text(begin, end)
    return Token(name, value, places.position(begin), line, column, end_line, end_column, places.position(end))
