"""A grammar as GBNF or EBNF: its rules as expressions, and its terminals as rules, too.

What these notations do not have is written in their terms: ignored text stands before every terminal and at the end,
rules that begin with themselves are repeats, and automata are one rule for each state.  Weights are left out, as no
text depends on them.
"""

from __future__ import annotations

import re

from stolcke.errors import GrammarError
from stolcke.frontends.bnf.characters import character_rules
from stolcke.frontends.bnf.expressions import EMPTY, Expression, Reference
from stolcke.frontends.bnf.patterns import pattern_expression
from stolcke.frontends.bnf.printing import Notation, expression_text
from stolcke.grammar.analysis import components, productive, reachable
from stolcke.grammar.model import Grammar, Location, Symbol, Tally, Terminal, TerminalDefinition
from stolcke.grammar.naming import anonymous_name
from stolcke.grammar.patterns import Choice, Repeat, Sequence, Special
from stolcke.lexer import automaton, edge_variants
from stolcke.options import Limits

__all__ = ["bnf_text"]

_WIDTH = 100
_NOWHERE = Location(1, 1)


def bnf_text(grammar: Grammar, root: str, notation: Notation) -> str:
    """Print a grammar; see :meth:`stolcke.Grammar.to_gbnf` and :meth:`~stolcke.Grammar.to_ebnf`."""
    if grammar.guard is not None:
        raise GrammarError(f"no notation can say what a guard refuses: {', '.join(grammar.checked) or grammar.guard}")
    writer = _Writer(grammar, root, notation)
    writer.write()
    if not notation.left_recursion:
        _check_left_recursion(writer.rules)
    lines = []
    for name, expression in writer.rules.items():
        parts = expression.parts if isinstance(expression, Choice) else (expression,)
        texts = [expression_text(part, notation) for part in parts]
        text = " | ".join(texts)
        lines.append(f"{name} ::= {text if len(text) <= _WIDTH else (' |' + chr(10) + '    ').join(texts)}")
    return "\n".join(lines) + "\n"


class _Writer:
    """Makes an expression of each rule and terminal.

    Attributes
    ----------
    rules : dict of str to Expression
        By their names in the text, the start first.
    """

    def __init__(self, grammar: Grammar, root: str, notation: Notation) -> None:
        if not notation.name.fullmatch(root):
            raise GrammarError(f"{root!r} cannot be the name of a rule; choose one of letters, digits and dashes")
        self._grammar = grammar
        self._notation = notation
        self._limits = Limits()
        self._names: dict[tuple[str, str], str] = {("rule", grammar.start): root}
        self._taken = {root}
        self._waiting: list[TerminalDefinition] = []
        self.rules: dict[str, Expression] = {}

    def write(self) -> None:
        """Write the rules that the start leads to, and then the terminals that they use.

        Raises
        ------
        GrammarError
            Where the notation has no way to say it.
        """
        grammar = self._grammar
        specials = {name for name, each in grammar.terminals.items() if isinstance(each.pattern, Special)}
        empty = {
            name
            for name, each in grammar.terminals.items()
            if name not in specials and not _asks(each) and not automaton(each.pattern, self._limits).n_states
        }
        fine = productive(grammar, empty)
        if grammar.start not in fine:
            raise GrammarError(f"the start {grammar.start!r} derives no text, which no rule can say")
        found = reachable(grammar) & fine
        self._ignored = self._ignoring([grammar.terminals[name] for name in grammar.ignore if name not in empty])

        def is_fine(symbol: Symbol) -> bool:
            return symbol.name not in empty if isinstance(symbol, Terminal) else symbol.name in fine

        for name in [grammar.start, *(each for each in grammar.nonterminals if each in found - {grammar.start})]:
            if name in grammar.tallies:
                expression = self._tally(name, grammar.tallies[name], is_fine)
            else:
                bodies = [rule.rhs for rule in grammar.alternatives[name] if all(map(is_fine, rule.rhs))]
                expression = self._alternatives(name, bodies)
            if name == grammar.start and self._ignored:
                expression = self._with_end(name, expression)
            self.rules[self._rule_name(name)] = expression
        for definition in self._waiting:
            self._terminal(definition)

    def _with_end(self, start: str, expression: Expression) -> Expression:
        """What is ignored at the end of a text stands behind the start, which therefore is a rule of its own."""
        root = self._names["rule", start]
        inner = self._free(start)
        self._names["rule", start] = inner
        self.rules = {root: Sequence((Reference(inner, _NOWHERE), *self._ignored)), **self.rules}  # type: ignore[arg-type]
        return _renamed(expression, root, inner)

    # -- names

    def _free(self, name: str) -> str:
        base = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
        base = base if self._notation.name.fullmatch(base) else f"rule-{base}".rstrip("-")
        candidate, number = base, 1
        while candidate in self._taken:
            number += 1
            candidate = f"{base}-{number}"
        self._taken.add(candidate)
        return candidate

    def _rule_name(self, name: str, kind: str = "rule") -> str:
        if (kind, name) not in self._names:
            self._names[kind, name] = self._free(name)
        return self._names[kind, name]

    # -- rules

    def _ignoring(self, definitions: list[TerminalDefinition]) -> tuple[Expression, ...]:
        if not definitions:
            return ()
        name = self._free("ignored")
        part = _choice([self._used(each) for each in definitions])
        part = part.part if isinstance(part, Repeat) and (part.least, part.most) == (1, None) else part
        self.rules[name] = Repeat(part, 0, None)  # type: ignore[arg-type]  # references are our own leaves
        return (Reference(name, _NOWHERE),)

    def _body(self, symbols: tuple[Symbol, ...]) -> Expression:
        parts: list[Expression] = []
        for symbol in symbols:
            if isinstance(symbol, Terminal):
                parts += [*self._ignored, self._used(self._grammar.terminals[symbol.name])]
            else:
                parts.append(Reference(self._rule_name(symbol.name), _NOWHERE))
        return _sequence(parts)

    def _alternatives(self, name: str, bodies: list[tuple[Symbol, ...]]) -> Expression:
        """Write the rules of a nonterminal; those that begin with it are a repeat behind the others."""

        def begins(body: tuple[Symbol, ...]) -> bool:
            return bool(body) and not isinstance(body[0], Terminal) and body[0].name == name

        first = [self._body(body) for body in bodies if not begins(body)]
        further = [self._body(body[1:]) for body in bodies if begins(body) and len(body) > 1]
        if not further:
            return _choice(first)
        if first == further:
            return Repeat(_choice(first), 1, None)  # type: ignore[arg-type]  # references are our own leaves
        return _sequence([_choice(first), Repeat(_choice(further), 0, None)])  # type: ignore[arg-type]

    def _tally(self, name: str, tally: Tally, is_fine) -> Expression:
        """Write a tally that only counts its entries."""
        entries = [entry for entry in tally.entries if all(map(is_fine, entry.symbols))]
        plain = not any(entry.once or entry.required or entry.marked for entry in tally.entries)
        most = tally.most if entries else 0
        if not all(map(is_fine, tally.separator)):
            most = 1 if most is None else min(most, 1)
        if not plain or tally.least_marked or (most is not None and tally.least > most):
            what = f"{name!r}, a tally that does more than count its entries"
            raise GrammarError(f"{self._notation.title} cannot express {what}")
        if most == 0:
            return EMPTY
        entry = _choice([self._body(each.symbols) for each in entries])
        least = max(tally.least, 1)
        if not tally.separator:
            return Repeat(entry, tally.least, most)  # type: ignore[arg-type]
        further = _sequence([self._body(tally.separator), entry]) if most != 1 else EMPTY
        whole = _sequence([entry, Repeat(further, least - 1, None if most is None else most - 1)])  # type: ignore[arg-type]
        return whole if tally.least else Repeat(whole, 0, 1)  # type: ignore[arg-type]

    # -- terminals

    def _used(self, definition: TerminalDefinition) -> Expression:
        """A terminal where it is used: in place, if nobody has named it, or by its name."""
        if isinstance(definition.pattern, Special):
            return self._special(definition)
        unnamed = definition.name.startswith("__") or definition.name == anonymous_name(definition.pattern)
        if unnamed and not _asks(definition):
            expression = pattern_expression(definition.pattern, self._limits)
            if expression is not None:
                return expression
        if ("terminal", definition.name) not in self._names:
            self._waiting.append(definition)
        return Reference(self._rule_name(definition.name, "terminal"), _NOWHERE)

    def _special(self, definition: TerminalDefinition) -> Special:
        pattern = definition.pattern
        assert isinstance(pattern, Special)
        if not pattern.markers:
            what = f"the declared terminal {definition.name!r}, as it does not say which token it stands for"
            raise GrammarError(f"{self._notation.title} cannot express {what}")
        return pattern

    def _terminal(self, definition: TerminalDefinition) -> None:
        if _asks(definition):
            what = f"what terminal {definition.name!r} asks of its neighbours, or leaves to reserved words"
            raise GrammarError(f"{self._notation.title} cannot express {what}")
        name = self._rule_name(definition.name, "terminal")
        expression = pattern_expression(definition.pattern, self._limits)
        if expression is not None:
            self.rules[name] = expression
            return
        try:
            self.rules |= character_rules(automaton(definition.pattern, self._limits), name, self._free)
        except GrammarError as error:
            what = f"terminal {definition.name!r}: {error.reason}"
            raise GrammarError(f"{self._notation.title} cannot express {what}") from None


def _asks(definition: TerminalDefinition) -> bool:
    """Whether the pattern of a terminal is not all that there is to say."""
    return definition.is_restricted or any(asked for _, *each in edge_variants(definition.pattern) for asked in each)


def _sequence(parts: list[Expression]) -> Expression:
    parts = [part for part in parts if part != EMPTY]
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts)) if parts else EMPTY  # type: ignore[arg-type]


def _choice(parts: list[Expression]) -> Expression:
    parts = list(dict.fromkeys(parts))
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))  # type: ignore[arg-type]


def _renamed(node: Expression, old: str, new: str) -> Expression:
    if isinstance(node, Reference):
        return Reference(new, node.location) if node.name == old else node
    if isinstance(node, Repeat):
        return Repeat(_renamed(node.part, old, new), node.least, node.most)  # type: ignore[arg-type]
    if isinstance(node, Sequence | Choice):
        return type(node)(tuple(_renamed(part, old, new) for part in node.parts))  # type: ignore[misc]
    return node


# -- left recursion


def _check_left_recursion(rules: dict[str, Expression]) -> None:
    """Refuse rules that begin with themselves, on the way or behind what may be empty."""
    empty: set[str] = set()
    while found := {name for name, each in rules.items() if name not in empty and _is_empty(each, empty)}:
        empty |= found
    graph = {name: list(_firsts(expression, empty, name)) for name, expression in rules.items()}
    for names in components(graph):
        if len(names) > 1 or names[0] in graph[names[0]]:
            circle = " and ".join(map(repr, sorted(names)[:10]))
            reason = f"a rule that begins with itself, as {circle} can"
            raise GrammarError(f"GBNF cannot express {reason}; write it as a repeat, or take to_ebnf()")


def _is_empty(node: Expression, empty: set[str]) -> bool:
    """Whether an expression may be the empty text."""
    if isinstance(node, Reference):
        return node.name in empty
    if isinstance(node, Repeat):
        return node.least == 0 or _is_empty(node.part, empty)
    if isinstance(node, Sequence | Choice):
        return (all if isinstance(node, Sequence) else any)(_is_empty(part, empty) for part in node.parts)
    return False


def _firsts(node: Expression, empty: set[str], owner: str) -> set[str]:
    """The rules that an expression may begin with; what repeats itself without a text counts as its owner."""
    if isinstance(node, Reference):
        return {node.name}
    if isinstance(node, Repeat):
        again = {owner} if (node.most is None or node.most > 1) and _is_empty(node.part, empty) else set()
        return _firsts(node.part, empty, owner) | again
    found: set[str] = set()
    if isinstance(node, Choice):
        found.update(*(_firsts(part, empty, owner) for part in node.parts))
    elif isinstance(node, Sequence):
        for part in node.parts:
            found |= _firsts(part, empty, owner)
            if not _is_empty(part, empty):
                break
    return found
