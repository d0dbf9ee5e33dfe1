"""``%json {...}`` in a Lark grammar: a JSON Schema as a symbol of a rule.

Lark's parser knows no such symbol, so each schema is taken out of the text before it
reads it.  The rules of the schema join those of the grammar when these are complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lark import Tree

from stolcke.errors import GrammarError, SchemaError
from stolcke.frontends.json_schema.sources import DECODER
from stolcke.grammar.model import (
    Grammar,
    Location,
    Nonterminal,
    Rule,
    Symbol,
    Tally,
    Terminal,
    TerminalDefinition,
    error_at,
)
from stolcke.grammar.patterns import Literal
from stolcke.grammar.weights import ignore_weights, is_weighted, rule_weights
from stolcke.options import Limits

__all__ = ["EmbeddedSchema", "Schemas", "mark_schemas", "take_schemas"]

_PLACEHOLDER = "_JSON"
_KEYWORD = "%json"
_PARTS = re.compile(
    r'"(?:\\.|[^"\\\n])*"|/(?!/)(?:\\.|[^/\\])*/|//[^\n]*|\#[^\n]*|(?P<keyword>%json\b)(?P<space>\s*)', re.DOTALL
)

# Any number of ignored terminals; named like a helper, which reports leave out.
_IGNORED = Nonterminal("%ignored_list_0")

Place = tuple[int, int]
"""Line and column."""


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedSchema:
    """A schema, as it was written and parsed, and where its ``%json`` stands."""

    text: str
    schema: Any
    location: Location


def take_schemas(text: str, source: str | None) -> tuple[str, dict[Place, EmbeddedSchema]]:
    """Replace each ``%json`` and its schema by a symbol that Lark can read.

    Returns
    -------
    text : str
        In it, everything else has the line and column that it had.
    schemas : dict of (line, column) to EmbeddedSchema

    Raises
    ------
    GrammarError
        Where no JSON follows.
    """
    if _KEYWORD not in text:
        return text, {}
    schemas: dict[Place, EmbeddedSchema] = {}
    pieces = []
    copied = place = 0
    while (found := _PARTS.search(text, place)) is not None:
        place = found.end()
        if found["keyword"] is None:
            continue
        begin = found.start()
        line, column = text.count("\n", 0, begin) + 1, begin - text.rfind("\n", 0, begin)
        location = Location(line, column, source, text)
        schema, end = _decoded(text, place, location)
        schemas[line, column] = EmbeddedSchema(text[place:end], schema, location)
        place = end
        # A backslash before a line break hides it from Lark, which still counts it.
        blank = "\\\n".join(" " * len(line) for line in text[begin + len(_KEYWORD) : place].split("\n"))
        pieces += [text[copied:begin], _PLACEHOLDER, blank]
        copied = place
    return "".join(pieces) + text[copied:], schemas


def _decoded(text: str, place: int, location: Location) -> tuple[Any, int]:
    """Parse the JSON value at a place; returns it, and where it ends."""
    try:
        schema, end = DECODER.raw_decode(text, place)
    except json.JSONDecodeError as error:
        reason = f"after %json a JSON Schema must follow: {error.msg[:1].lower()}{error.msg[1:]}"
        raise error_at(reason, replace(location, line=error.lineno, column=error.colno)) from None
    except SchemaError as error:
        raise SchemaError(error.reason, **location.place()) from None
    except (ValueError, RecursionError):
        raise error_at(
            "the schema cannot be parsed: a number is too long, or it is nested too deep", location
        ) from None
    if not isinstance(schema, (dict, bool)):
        raise error_at("a JSON Schema is an object, true or false", location)
    return schema, end


def mark_schemas(tree: Tree, schemas: Mapping[Place, EmbeddedSchema]) -> None:
    """Make the placeholders in Lark's tree nodes of a kind of their own, ``json``.

    Raises
    ------
    GrammarError
        Where one stands at another place than a symbol of a rule or terminal.
    """
    left = dict(schemas)
    for node in tree.iter_subtrees() if schemas else ():
        child: Any = node.children[0] if node.data == "value" else None
        if isinstance(child, Tree) and child.data == "terminal":
            token: Any = child.children[0]
            if left.pop((token.line, token.column), None) is not None:
                node.children[0] = Tree("json", [token])
    for schema in left.values():
        raise error_at("%json cannot stand here, only where a symbol of a rule can", schema.location)


class Schemas:
    """The schemas of one grammar; equal texts are one.

    Until the rules are complete, a schema is a terminal: ``%ignore`` means the same for both.

    Parameters
    ----------
    options : mapping of str to object
        Keywords of :meth:`stolcke.Grammar.from_json_schema`, for all of them.
    limits : Limits
    """

    def __init__(self, options: Mapping[str, Any], limits: Limits) -> None:
        self._options = options
        self._limits = limits
        self._by_text: dict[str, tuple[Terminal, EmbeddedSchema]] = {}

    def symbol(self, schema: EmbeddedSchema) -> Terminal:
        """What stands for a schema in rules."""
        found = self._by_text.get(schema.text)
        if found is None:
            # No one else can write such a name.
            found = self._by_text[schema.text] = Terminal(f"{_KEYWORD}_{len(self._by_text)}"), schema
        return found[0]

    def terminals(self) -> dict[str, TerminalDefinition]:
        """Definitions of the symbols, which only have to be there."""
        names = [terminal.name for terminal, _ in self._by_text.values()]
        return {name: TerminalDefinition(name, Literal(_KEYWORD)) for name in names}

    def put_into(self, grammar: Grammar) -> Grammar:
        """Replace the symbols by nonterminals, and add their rules.

        Raises
        ------
        SchemaError, UnsupportedSchema
            With the place of the ``%json``.
        LimitExceeded
        """
        if not self._by_text:
            return grammar
        joined = _Joined(grammar, set(self.terminals()))
        for terminal, schema in self._by_text.values():
            joined.add(terminal.name, self._read(schema))
        return joined.grammar()

    def _read(self, embedded: EmbeddedSchema) -> Grammar:
        if self._options.get("checked"):
            raise GrammarError(
                "checked= is not possible among json_options: a schema within a grammar has no guard yet"
            )
        try:
            return Grammar.from_json_schema(embedded.schema, limits=self._limits, **self._options)
        except SchemaError as error:
            place = embedded.location.place()
            raise type(error)(error.reason, pointer=error.pointer, **place) from error
        except TypeError as error:
            raise GrammarError(f"json_options are keywords of Grammar.from_json_schema: {error}") from None


class _Joined:
    """A grammar in the making: one in which some terminals become nonterminals of others.

    What is ignored is written out as rules here, since it may stand before a schema's
    text and not in it; for ``%ignore``, all rules of a grammar are alike.
    """

    def __init__(self, grammar: Grammar, schemas: set[str]) -> None:
        self.outer = grammar
        self.start = grammar.start
        self.rules = [replace(rule, rhs=self._opened(rule.rhs)) for rule in grammar.rules]
        if grammar.ignore:
            # Neither name can be written in Lark.
            self.start = f"%{grammar.start}"
            self.rules.append(Rule(Nonterminal(self.start), (Nonterminal(grammar.start), _IGNORED)))
            weights, stop = ignore_weights(grammar) if is_weighted(grammar) else ([None] * len(grammar.ignore), None)
            self.rules.append(Rule(_IGNORED, (), weight=stop))
            for name, weight in zip(grammar.ignore, weights, strict=True):
                self.rules.append(Rule(_IGNORED, (Terminal(name), _IGNORED), weight=weight))
        self.terminals = {name: kept for name, kept in grammar.terminals.items() if name not in schemas}
        self.tallies = dict(grammar.tallies)
        self.exact = grammar.exact
        self.dropped = list(grammar.dropped)

    def _opened(self, symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        opened: list[Symbol] = []
        for symbol in symbols:
            if isinstance(symbol, Terminal):
                opened += [_IGNORED] if self.outer.ignore else []
                symbol = Nonterminal(symbol.name) if symbol.name.startswith(_KEYWORD) else symbol
            opened.append(symbol)
        return tuple(opened)

    def add(self, name: str, inner: Grammar) -> None:
        """Add the rules of a schema below a nonterminal."""
        # White space around the document is the business of the grammar around it.
        (start,) = inner.alternatives[inner.start]
        document = start.rhs[len(start.rhs) // 2]
        around = {inner.start, *(symbol.name for symbol in start.rhs if symbol != document)}
        renamed: dict[Symbol, Symbol] = {}

        def own(symbol: Symbol) -> Symbol:
            if symbol not in renamed:
                if isinstance(symbol, Terminal):
                    renamed[symbol] = self._terminal(inner.terminals[symbol.name])
                else:
                    renamed[symbol] = Nonterminal(f"{name}/{symbol.name}")
            return renamed[symbol]

        self.rules.append(Rule(Nonterminal(name), (own(document),)))
        # A schema says nothing of weights: its rules share equally, also where a missing weight would be 1.
        shares = rule_weights(inner).tolist() if self.outer.raw_weights else [None] * len(inner.rules)
        for rule, weight in zip(inner.rules, shares, strict=True):
            if rule.lhs.name not in around:
                lhs = Nonterminal(f"{name}/{rule.lhs.name}")
                self.rules.append(Rule(lhs, tuple(map(own, rule.rhs)), weight=weight))
        for tally_name, tally in inner.tallies.items():
            self.tallies[f"{name}/{tally_name}"] = _mapped(tally, own)
        self.exact = self.exact and inner.exact
        self.dropped += inner.dropped

    def _terminal(self, definition: TerminalDefinition) -> Terminal:
        """The terminal of a pattern, under its own name where another pattern does not have it already."""
        name, number = definition.name, 0
        while name in self.terminals and self.terminals[name] != replace(definition, name=name):
            number += 1
            name = f"{definition.name}_{number}"
        self.terminals.setdefault(name, replace(definition, name=name))
        return Terminal(name)

    def grammar(self) -> Grammar:
        return replace(
            self.outer,
            start=self.start,
            ignore=(),
            ignore_weights={},
            rules=tuple(self.rules),
            terminals=self.terminals,
            tallies=self.tallies,
            exact=self.exact,
            dropped=tuple(self.dropped),
        )


def _mapped(tally: Tally, own: Any) -> Tally:
    entries = tuple(replace(entry, symbols=tuple(map(own, entry.symbols))) for entry in tally.entries)
    return replace(tally, entries=entries, separator=tuple(map(own, tally.separator)))
