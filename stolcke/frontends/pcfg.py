"""The front end for probabilistic grammars as NLTK writes them: ``S -> NP VP [0.9] | 'go' [0.1]``.

A text there is a sequence of tokens.  Here it is characters: the tokens with a
separator between them.  Rules are given that separator between any two of their
symbols, so that probabilities stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.analysis import nullable
from stolcke.grammar.model import (
    Grammar,
    Location,
    Nonterminal,
    Rule,
    Symbol,
    Terminal,
    TerminalDefinition,
    error_at,
)
from stolcke.grammar.naming import anonymous_name
from stolcke.grammar.patterns import Literal
from stolcke.options import Limits

__all__ = ["read_pcfg"]

_PARTS = re.compile(
    r"(?P<blank>(?:[^\S\n]|\\[^\S\n]*\n)+)|(?P<end>\n)|(?P<comment>\#[^\n]*)|(?P<start>%start(?!\w))|(?P<arrow>->)"
    r"|(?P<header>Grammar[ ]with[ ]\d+[ ]productions[ ]\(start[ ]state[ ]=[ ](?P<state>[^)\n]*)\))"
    r"|(?P<name>[\w/][\w/^<>-]*)|(?P<token>\"[^\"\n]*\"|'[^'\n]*')|(?P<bar>\|)|\[[^\S\n]*(?P<weight>[^\]\s]*)[^\S\n]*\]"
)
_WEIGHT = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TOLERANCE = 0.01
"""How far from 1 NLTK lets the probabilities of a nonterminal add up; it prints six digits of each."""


class _Part(NamedTuple):
    kind: str
    text: str
    location: Location


def read_pcfg(
    text: str, start: str | None = None, *, separator: str = " ", source: str | None = None, limits: Limits = Limits()
) -> Grammar:
    """Read a probabilistic grammar; see :meth:`stolcke.Grammar.from_pcfg`."""
    for what, value in (("a grammar text", text), ("the separator", separator)):
        if not isinstance(value, str):
            raise GrammarError(f"{what} must be str, not {type(value).__name__}")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limits.grammar_bytes:
        raise LimitExceeded("grammar_bytes", size, limits.grammar_bytes, "grammar text")
    reader = _Reader(separator, limits)
    line: list[_Part] = []
    for part in _parts(text, source):
        if part.kind == "end":
            reader.line(line)
            line = []
        else:
            line.append(part)
    if not reader.rules:
        raise GrammarError("there is no production in the grammar; write one like S -> 'a' [1.0]")
    start = start or reader.start or reader.rules[0].lhs.name
    grammar = Grammar(start, tuple(_normalised(reader.rules)), reader.terminals)
    return grammar if not separator else _separated(grammar, separator)


def _parts(text: str, source: str | None) -> Iterator[_Part]:
    """Cut a text into its parts, the end of each line among them."""
    place, line, line_begin = 0, 1, 0
    while place <= len(text):
        location = Location(line, place - line_begin + 1, source, text)
        found = _PARTS.match(text, place)
        if found is None:
            if place < len(text):
                raise error_at(f"unexpected {text[place]!r}; tokens stand in quotes, probabilities in [ ]", location)
            yield _Part("end", "", location)
            return
        kind = found.lastgroup or ""
        if kind == "header":
            # What NLTK prints before the productions of a grammar; it names the start.
            yield _Part("start", "", location)
            yield _Part("name", found["state"], location)
        elif kind not in ("blank", "comment"):
            yield _Part(kind, found[kind], location)
        place = found.end()
        newlines = found.group().count("\n")
        if newlines:
            line, line_begin = line + newlines, text.rfind("\n", 0, place) + 1


class _Reader:
    """Makes rules of lines.

    Parameters
    ----------
    separator : str
        No token may be that.
    limits : Limits
    """

    def __init__(self, separator: str, limits: Limits) -> None:
        self._separator = separator
        self._limits = limits
        self._names: dict[str, str] = {}
        self.rules: list[Rule] = []
        self.terminals: dict[str, TerminalDefinition] = {}
        self.start: str | None = None

    def line(self, parts: list[_Part]) -> None:
        """Read ``lhs -> rhs | rhs``, ``%start name`` or nothing."""
        if not parts:
            return
        first, *rest = parts
        if first.kind == "start":
            if [part.kind for part in rest] != ["name"]:
                raise error_at("after %start one nonterminal follows", first.location)
            self.start = rest[0].text
            return
        if first.kind != "name":
            raise error_at(f"a line begins with a nonterminal, not with {first.text!r}", first.location)
        if not rest or rest[0].kind != "arrow":
            raise error_at("after the nonterminal '->' follows, with blanks around it", first.location)
        alternative: list[_Part] = []
        for part in [*rest[1:], _Part("bar", "", rest[0].location)]:
            if part.kind != "bar":
                alternative.append(part)
                continue
            self._rule(first, alternative)
            alternative = []

    def _rule(self, lhs: _Part, parts: list[_Part]) -> None:
        if len(self.rules) >= self._limits.rules:
            raise LimitExceeded("rules", f"more than {self._limits.rules}", self._limits.rules, "productions")
        location = parts[0].location if parts else lhs.location
        weight = None
        symbols: list[Symbol] = []
        for part in parts:
            if weight is not None:
                raise error_at("a probability ends its production; only '|' can follow", part.location)
            if part.kind == "weight":
                weight = _probability(part)
            elif part.kind == "name":
                symbols.append(Nonterminal(part.text))
            elif part.kind == "token":
                symbols.append(self._token(part))
            else:
                raise error_at(f"{part.text!r} cannot stand in a production", part.location)
        self.rules.append(Rule(Nonterminal(lhs.text), tuple(symbols), None, location, weight))

    def _token(self, part: _Part) -> Terminal:
        text = part.text[1:-1]
        if not text:
            raise error_at("a token is not empty; leave it out, and the production is", part.location)
        if text == self._separator:
            raise error_at(f"a token is the separator {text!r}; choose another with separator=...", part.location)
        if text not in self._names:
            pattern = Literal(text)
            name = anonymous_name(pattern)
            if name is None or name in self.terminals:
                name = f"__ANON_{len(self.terminals)}"
            self._names[text] = name
            self.terminals[name] = TerminalDefinition(name, pattern, 0, part.location)
        return Terminal(self._names[text])


def _probability(part: _Part) -> float:
    if not _WEIGHT.fullmatch(part.text):
        raise error_at(f"the probability {part.text!r} is not a number from 0 to 1", part.location)
    value = float(part.text)
    if value > 1:
        raise error_at(f"the probability {part.text} is greater than 1", part.location)
    return value


def _normalised(rules: list[Rule]) -> Iterator[Rule]:
    """Divide the probabilities of a nonterminal by their sum, where that is nearly 1."""
    sums: dict[str, float] = {}
    open_names = {rule.lhs.name for rule in rules if rule.weight is None}
    for rule in rules:
        sums[rule.lhs.name] = sums.get(rule.lhs.name, 0.0) + (rule.weight or 0.0)
    for rule in rules:
        total = sums[rule.lhs.name]
        if rule.lhs.name in open_names or not 1e-12 < abs(total - 1) <= _TOLERANCE:
            yield rule
        else:
            yield Rule(rule.lhs, rule.rhs, None, rule.location, rule.weight / total)


def _separated(grammar: Grammar, separator: str) -> Grammar:
    """Write a separator between any two symbols of each rule."""
    empty = nullable(grammar)
    for rule in grammar.rules:
        names = [symbol.name for symbol in rule.rhs if isinstance(symbol, Nonterminal) and symbol.name in empty]
        if names and len(rule.rhs) > 1:
            reason = f"{names[0]!r} may be empty, so that a separator beside it would stand alone"
            raise error_at(f'{reason}; read it with separator="", or give {names[0]!r} no empty text', rule.location)
    pattern = Literal(separator)
    name = anonymous_name(pattern)
    if name is None or name in grammar.terminals:
        name = "SEPARATOR"
        while name in grammar.terminals:
            name += "_"
    mark = Terminal(name)

    def written(rule: Rule) -> Rule:
        rhs = tuple(part for symbol in rule.rhs for part in (mark, symbol))[1:]
        return Rule(rule.lhs, rhs, None, rule.location, rule.weight)

    terminals = {**grammar.terminals, name: TerminalDefinition(name, pattern)}
    return Grammar(grammar.start, tuple(map(written, grammar.rules)), terminals)
