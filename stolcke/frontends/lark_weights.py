"""Weights in a Lark grammar: ``[0.7]`` after an alternative, ``{0.7}`` after an operator, ``%weights raw``.

Lark's parser knows none of them.  As with schemas, each is taken out of the text
before it reads it, and put into its tree afterwards, as nodes of two new kinds:

==============  =============================================================
``weighted``    an ``expansion``, and the token of its weight
``chance``      what an operator applies to, the operator, and the probability
==============  =============================================================

A number in brackets is never Lark, nor is one in braces: what is optional there,
or an argument of a template, begins with a name, a string or a bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

from lark import Token, Tree

from stolcke.errors import GrammarError
from stolcke.grammar.model import Location, error_at

__all__ = ["Weights", "take_weights"]

# Wider than what is right, for the sake of messages: 0,5 and 50% are no numbers, but never Lark, too.
_NUMBER = r"[+-]?\.?\d[\w.,%]*(?:(?<=[eE])[+-]\d+)?|[+-](?:inf|nan)\w*"
_RIGHT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-](?:inf|nan)", re.ASCII)
# Most texts have none of this, and are not looked at token by token.
_LIKELY = re.compile(rf"[\[{{][ \t]*(?:{_NUMBER})[ \t]*[\]}}]")
_DIRECTIVE = "%weights"
_PARTS = re.compile(
    r'"(?:\\.|[^"\\\n])*"|/(?!/)(?:\\.|[^/\\])*/|//[^\n]*|\#[^\n]*|(?P<directive>%weights\b)(?P<kind>[^\n/#]*)'
    rf"|\[[ \t]*(?P<bracketed>{_NUMBER})[ \t]*\]|\{{[ \t]*(?P<braced>{_NUMBER})[ \t]*\}}",
    re.DOTALL,
)
# A symbol that Lark can read.  The blank before keeps it apart from a name; the shortest weight has three characters.
_PLACEHOLDER = " _W"

Place = tuple[int, int]
"""Line and column, from 1."""


class Weights:
    """The weights of one text: found before Lark's parser reads it, and put into its tree afterwards.

    Parameters
    ----------
    text : str
        As it was written, to show in errors.
    source : str or None
        Name of its file.

    Attributes
    ----------
    raw : bool
        Whether it says ``%weights raw``.
    found : dict of (line, column) to Token
        By the places of the placeholders; each token, of type BRACKETED or BRACED, is the number as written, with the
        place of its bracket.
    """

    def __init__(self, text: str, source: str | None) -> None:
        self._text = text
        self._source = source
        self.raw = False
        self.found: dict[Place, Token] = {}

    def at(self, token: Any) -> Token | None:
        """The weight whose placeholder a token of Lark's is, or begins with."""
        return self.found.get((token.line, token.column))

    def error(self, reason: str, place: Token) -> GrammarError:
        return error_at(reason, Location(place.line or 1, place.column or 1, self._source, self._text))

    def add(self, kind: str, number: str, line: int, column: int) -> None:
        token = Token(kind, number, line=line, column=column)
        if not _RIGHT.fullmatch(number):
            raise self.error(f"the weight {number!r} is not a number; write it like 0.25 or 1e-3", token)
        value = float(number)
        if not isfinite(value):
            raise self.error(f"the weight {number} is not finite", token)
        if kind == "BRACED" and not 0 <= value <= 1:
            raise self.error(f"the number in braces is a probability, from 0 to 1, and not {number}", token)
        if value < 0:
            raise self.error(f"the weight {number} is negative; weights are numbers from 0 on", token)
        self.found[line, column + 1] = token

    def directive(self, kind: str, before: str, line: int, column: int) -> None:
        place = Token("WEIGHTS", kind, line=line, column=column)
        if kind.strip() != "raw":
            raise self.error("after %weights only 'raw' can follow; without it, weights are probabilities", place)
        if before.strip():
            raise self.error("%weights raw has a line of its own", place)
        self.raw = True

    # -- into the tree

    def put_into(self, tree: Tree) -> None:
        """Make the placeholders parts of the nodes that they belong to.

        Raises
        ------
        GrammarError
            Where one stands at another place than the end of an alternative, behind an operator or ``%ignore``.
        """
        left = dict(self.found)
        for node in _changeable(tree) if left else ():
            if node.data == "ignore":
                self._ignored(node, left)
            elif node.data == "expansion":
                self._expansion(node, left)
        for token in left.values():
            raise self.misplaced(token)

    def _take(self, node: Any, left: dict[Place, Token]) -> Token | None:
        """The weight that a node stands for."""
        if getattr(node, "data", "") != "value" or node.children[0].data != "terminal":
            return None
        token = node.children[0].children[0]
        # A longer one has swallowed the beginning of what follows, and so the weight stands at the wrong place.
        return left.pop((token.line, token.column), None) if token == _PLACEHOLDER.strip() else None

    def _ignored(self, statement: Tree, left: dict[Place, Token]) -> None:
        """Move braces at the end of ``%ignore`` out of its expression."""
        expansions: Any = statement.children[0]
        last = expansions.children[-1]
        weight = self._take(last.children[-1], left) if last.data == "expansion" and last.children else None
        if weight is None:
            return
        if weight.type == "BRACKETED":
            reason = f"the probability of another match of what is ignored stands in braces: {{{weight}}}"
            raise self.error(reason, weight)
        if float(weight) == 1:
            raise self.error("what is ignored would never end; write a probability below 1", weight)
        last.children.pop()
        statement.children.append(weight)

    def _expansion(self, node: Tree, left: dict[Place, Token]) -> None:
        children: list[Any] = []
        weight = None
        for child in node.children:
            found = self._take(child, left)
            if found is None and weight is None:
                children.append(child)
            elif weight is not None:
                raise self.misplaced(weight)
            elif found.type == "BRACKETED":
                weight = found
            else:
                children[-1:] = [self._chance(children[-1:], found)]
        node.children = children
        if weight is not None:
            node.data, node.children = "weighted", [Tree("expansion", children), weight]

    def _chance(self, before: list[Tree], probability: Token) -> Tree:
        """Join an operator and what it applies to with its probability."""
        kind = before[0].data if before else ""
        if kind == "maybe":
            return Tree("chance", [before[0].children[0], Token("OP", "?"), probability])
        operator: Any = before[0].children[1] if kind == "expr" else None
        if operator is None or operator.type != "OP":
            raise self.misplaced(probability)
        if operator != "?" and float(probability) == 1:
            reason = f"with the probability 1 of another one, '{operator}' would never end; write one below 1"
            raise self.error(reason, probability)
        return Tree("chance", [before[0].children[0], operator, probability])

    def misplaced(self, token: Token) -> GrammarError:
        if token.type == "BRACED":
            right = f"x?{{{token}}}"
            reason = f"the probability {{{token}}} belongs behind an operator, {right}, or ends an %ignore"
            reason += f"; before another operator it needs brackets, ({right})*"
        else:
            reason = f"the weight [{token}] belongs at the end of an alternative, before '|', ')' or '->'"
        return self.error(reason, token)


def _changeable(tree: Tree) -> Iterator[Tree]:
    """Statements that ignore, then all nodes, inner ones first; they may be changed as they come."""
    yield from (node for node in tree.children if isinstance(node, Tree) and node.data == "ignore")
    yield from (node for node in tree.iter_subtrees() if node.data != "ignore")


def take_weights(readable: str, text: str, source: str | None) -> tuple[str, Weights]:
    """Replace each weight by a symbol that Lark can read.

    Parameters
    ----------
    readable : str
        What Lark is to read.
    text : str
        The same as it was written, line by line and column by column.
    source : str or None

    Returns
    -------
    readable : str
        In it, everything else has the line and column that it had.
    weights : Weights

    Raises
    ------
    GrammarError
        Where a number is none, or not one that a weight can be.
    """
    weights = Weights(text, source)
    if _LIKELY.search(readable) is None and _DIRECTIVE not in readable:
        return readable, weights
    pieces = []
    copied = seen = line_begin = 0
    line = 1
    for found in _PARTS.finditer(readable):
        kind = found.lastgroup
        if kind is None:
            continue
        begin, end = found.span()
        # Never further back than to the one before: many may stand in one line.
        passed = readable.count("\n", seen, begin)
        if passed:
            line, line_begin = line + passed, readable.rfind("\n", seen, begin) + 1
        seen = begin
        column = begin - line_begin + 1
        pieces.append(readable[copied:begin])
        if found["directive"]:
            weights.directive(found["kind"], readable[line_begin:begin], line, column)
            pieces.append(" " * (end - begin))
        else:
            weights.add(kind.upper(), found[kind], line, column)
            pieces.append(_PLACEHOLDER.ljust(end - begin))
        copied = end
    return "".join(pieces) + readable[copied:], weights
