"""Lower the rules of a Lark grammar: templates instantiated, EBNF turned into plain rules.

Each operator becomes one helper nonterminal, so the result grows with the
text and never with products of alternatives:

=============  ==========================================
``x?``, [x]    ``_r_opt_0: x |``
``x*``         ``_r_star_0: | _r_star_0 x``
``x+``         ``_r_plus_0: x | _r_plus_0 x``
``(x | y)``    ``_r_group_0: x | y``
``x~2..4``     ``_r_repeat_0: x x _r_upto_0``, where
               ``_r_upto_0: | x _r_upto_1`` and
               ``_r_upto_1: | x``
=============  ==========================================

Braces give the rules of a helper weights, as in ``_r_star_0: [0.2] | _r_star_0 x [0.8]``
of ``x*{0.8}``, and so do ranges, each count of which is as probable as any other.
What has weights inside becomes a helper of its own wherever it is not all of a rule.

Equal expressions share a helper.  Every text of ``x~n..m`` has one derivation
if it has one as a sequence of ``x``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from itertools import repeat
from typing import Any, NamedTuple

from lark import Token, Tree

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.frontends.lark_json import Schemas
from stolcke.frontends.lark_modules import Body, Definition, Definitions, suggestion
from stolcke.frontends.lark_syntax import Module, read_literal
from stolcke.frontends.lark_terminals import Terminals, read_bounds, read_range
from stolcke.grammar.model import Location, Nonterminal, Rule, RuleOptions, Symbol, Terminal
from stolcke.options import Limits

__all__ = ["Lowering"]

_SYMBOLS_PER_RULE = 50
"""Symbols allowed on right-hand sides, per rule allowed: long repeats cost memory without adding rules."""

_HOLDERS = {"expansions", "expansion", "weighted", "alias", "expr", "chance", "maybe", "template_usage"}
"""Kinds of nodes that hold others to be lowered; a ``value`` is one where it is the use of a template."""

_NESTED = {
    ("star", "opt"): "star",
    ("star", "star"): "star",
    ("star", "plus"): "star",
    ("plus", "opt"): "star",
    ("plus", "star"): "star",
    ("plus", "plus"): "plus",
}
"""What an operator around another amounts to: (inner, outer) -> both; otherwise texts gain derivations."""


class Alternative(NamedTuple):
    """One way to write an expression; ``token`` is its first one, for reports."""

    symbols: tuple[Symbol, ...]
    alias: Token | None = None
    token: Token | None = None
    weight: float | None = None


Alternatives = tuple[Alternative, ...]
Shares = tuple[float | None, ...] | None
"""The weights of so many alternatives; None where none has any."""
Results = dict[int, Alternatives]
"""Of the nodes lowered so far, by their ids."""


class Lowering:
    """Lowers one grammar; afterwards ``rules``, ``options`` and ``templates`` hold the result.

    Parameters
    ----------
    definitions : Definitions
    terminals : Terminals
        Gains the unnamed literals of the rules.
    schemas : Schemas
        Gains those of the rules.
    unreserved : mapping of str to mapping of str to Terminal
        Of some rules, what stands there for some terminals.
    limits : Limits
    """

    def __init__(
        self,
        definitions: Definitions,
        terminals: Terminals,
        schemas: Schemas,
        unreserved: Mapping[str, Mapping[str, Terminal]],
        limits: Limits,
    ) -> None:
        self._definitions = definitions.by_name
        self._raw = definitions.raw_weights
        self._terminals = terminals
        self._schemas = schemas
        self._unreserved = unreserved
        self._limits = limits
        self.rules: list[Rule] = []
        self.options: dict[str, RuleOptions] = {}
        self.templates: dict[str, str] = {}
        self._rules = 0
        self._symbols = 0
        self._simplified = False
        self._helpers: dict[tuple, Nonterminal] = {}
        self._made: dict[str, tuple[str, tuple[tuple[Symbol, ...], ...]]] = {}
        self._counters: dict[str, int] = {}
        self._pending: list[tuple[str, tuple[tuple[Symbol, ...], ...], Shares, Location | None]] = []
        self._instances: dict[tuple[str, tuple[Symbol, ...]], Nonterminal] = {}
        self._waiting: deque[tuple[Definition, str, dict[str, Symbol]]] = deque()
        self._undefined: dict[str, tuple[Token, Module]] = {}
        self._named: dict[str, Symbol] = {}
        self._literals: dict[str, Terminal] = {}
        # What is being lowered: its name, module, bound parameters and options.
        self._owner = ""
        self._instead: Mapping[str, Terminal] = {}
        self._body: Body
        self._bound: dict[str, Symbol] = {}
        self._keep_all = False
        self._is_weighted = False
        self._handlers = {
            "expansions": self._expansions,
            "expansion": self._expansion,
            "weighted": self._weighted,
            "alias": self._alias,
            "expr": self._expr,
            "chance": self._chance,
            "maybe": self._maybe,
            "value": self._value,
            "template_usage": self._template_usage,
        }

    def run(self) -> None:
        """Lower every rule, and every instance of a template that they need.

        Raises
        ------
        GrammarError, LimitExceeded
        """
        unused = []
        for definition in self._definitions.values():
            if definition.is_terminal:
                continue
            if definition.parameters:
                unused.append(definition)
                self._check_parameters(definition)
            else:
                self._lower(definition, definition.name, {})
            self._instantiate()
        used = {name for name, _ in self._instances}
        for definition in unused:
            if definition.name not in used:
                self._check_names(definition)
        if self._simplified:
            self._drop_unused_helpers()
        if self._undefined:
            raise self._undefined_error()

    def _drop_unused_helpers(self) -> None:
        """Remove helpers that a simplification left behind, which nobody wrote."""
        found: set[str] = set()
        by_name: dict[str, list[Rule]] = {}
        for rule in self.rules:
            by_name.setdefault(rule.lhs.name, []).append(rule)
        waiting = [name for name in by_name if name not in self._made]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [symbol.name for rule in by_name.get(name, ()) for symbol in rule.rhs]
        self.rules = [rule for rule in self.rules if rule.lhs.name in found]
        self.options = {name: options for name, options in self.options.items() if name in found}

    # -- one rule

    def _instantiate(self) -> None:
        while self._waiting:
            self._lower(*self._waiting.popleft())

    def _lower(self, definition: Definition, name: str, bound: dict[str, Symbol]) -> None:
        if not definition.bodies:
            raise definition.error(f"rule {name!r} is declared but never defined; give it with %override")
        self._owner, self._bound, self._keep_all = name, bound, definition.options.keep_all_tokens
        self._instead = self._unreserved.get(definition.name, {})
        lhs = Nonterminal(name)
        count = 0
        for body in definition.bodies:
            self._body = body
            module = body.scope.module
            self._is_weighted = module.is_weighted
            for symbols, alias, token, weight in self._tree(body.tree):
                count += 1
                if alias is not None and name.startswith("_"):
                    reason = f"rule {name!r} is inlined ('_') and cannot have the alias {str(alias)!r}"
                    raise module.error(reason, alias)
                location = module.location(token if token is not None else definition.token)
                self._emit(lhs, symbols, None if alias is None else str(alias), location, weight)
        self._check_alternatives(count, f"rule {name}")
        self._account(count, 0)
        if definition.options != RuleOptions():
            self.options[name] = definition.options
        location = definition.scope.module.location(definition.token)
        for helper, alternatives, weights, place in self._pending:
            for symbols, weight in zip(alternatives, weights or repeat(None), strict=False):
                self._emit(Nonterminal(helper), symbols, None, place or location, weight)
            if self._keep_all:
                self.options[helper] = RuleOptions(keep_all_tokens=True)
        self._pending.clear()

    def _emit(
        self, lhs: Nonterminal, symbols: tuple[Symbol, ...], alias: str | None, location: Location, weight: float | None
    ) -> None:
        self.rules.append(Rule(lhs, symbols, alias, location, weight))

    def _account(self, rules: int, symbols: int) -> None:
        """Stop before memory is spent: helpers count when they are made."""
        self._rules += rules
        self._symbols += symbols
        allowed = self._limits.rules
        if self._rules > allowed or self._symbols > allowed * _SYMBOLS_PER_RULE:
            raise LimitExceeded("rules", f"more than {allowed}", allowed, f"lowering rule {self._owner}")

    def _check_alternatives(self, count: int, what: str) -> None:
        if count > self._limits.alternatives:
            raise LimitExceeded("alternatives", count, self._limits.alternatives, what)

    # -- expressions, leaves first

    def _tree(self, tree: Tree) -> Alternatives:
        """Lower a tree without recursion: the result of each node, then of those that hold it."""
        results: Results = {}
        for node in _inner_nodes(tree):
            results[id(node)] = self._handlers[node.data](node.children, results)
        return results[id(tree)]

    @property
    def _module(self) -> Module:
        return self._body.scope.module

    def _part(self, node: Tree, results: Results) -> Alternatives:
        leaf = self._leaf(node)
        return results[id(node)] if leaf is None else (Alternative((leaf[0],), None, leaf[1]),)

    def _leaf(self, node: Tree) -> tuple[Symbol, Token] | None:
        """The symbol and the first token of a ``value``; None for other nodes, and uses of templates."""
        if node.data != "value":
            return None
        inner: Any = node.children[0]
        token = inner.children[0]
        kind = inner.data
        if kind == "nonterminal" or kind == "terminal":
            return self._symbol(token), token
        if kind == "literal":
            return self._literal(token), token
        if kind == "range":
            return self._terminals.of_pattern(read_range(self._module, inner.children), self._module, token), token
        if kind == "json":
            return self._schemas.symbol(self._module.schemas[token.line, token.column]), token
        return None

    def _literal(self, token: Token) -> Terminal:
        found = self._literals.get(token.value)
        if found is None:
            found = self._terminals.of_pattern(read_literal(self._module, token), self._module, token)
            self._literals[token.value] = found
        return found

    def _symbol(self, token: Token) -> Symbol:
        """Resolve a name: a parameter of the template, or something defined."""
        bound = self._bound.get(token.value)
        if bound is not None:
            return bound
        name = self._body.scope.name(token.value)
        found = self._instead.get(name) or self._named.get(name)
        if found is None:
            found = Terminal(name) if token.type == "TERMINAL" else Nonterminal(name)
            if name in self._definitions:
                self._named[name] = found
            else:
                self._note_undefined(token, self._body)
        return found

    def _note_undefined(self, token: Token, body: Body) -> None:
        self._undefined.setdefault(str(token), (token, body.scope.module))

    def _undefined_error(self) -> GrammarError:
        """Make one error for all names that are used but not defined."""
        (token, module), *others = self._undefined.values()
        known = (str(d.token) for d in self._definitions.values())
        what = "terminal" if token.type == "TERMINAL" else "rule"
        reason = f"{what} {str(token)!r} is used but not defined{suggestion(token, known)}"
        if others:
            names = [str(other) for other, _ in others]
            reason += f"; also not defined: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"
        return module.error(reason, token)

    def _expansion(self, children: list, results: Results) -> Alternatives:
        if len(children) == 1:
            return self._part(children[0], results)
        symbols: list[Symbol] = []
        first = None
        for child in children:
            leaf = self._leaf(child)
            if leaf is not None:
                symbol, token = leaf
                symbols.append(symbol)
            else:
                alternatives = results[id(child)]
                symbols += self._as_symbols(alternatives)
                token = alternatives[0].token
            first = first or token
        self._account(0, len(symbols))
        return (Alternative(tuple(symbols), None, first),)

    def _expansions(self, children: list, results: Results) -> Alternatives:
        if len(children) == 1:
            return results[id(children[0])]
        return tuple(alternative for child in children for alternative in self._alone(child, results))

    def _weighted(self, children: list, results: Results) -> Alternatives:
        (alternative,) = self._folded(results[id(children[0])])
        token = children[1]
        return (Alternative(alternative.symbols, alternative.alias, alternative.token or token, float(token)),)

    def _alone(self, node: Tree, results: Results) -> Alternatives:
        """Alternatives that may stand beside others: weights inside of one are not of the others' kind."""
        found = results[id(node)]
        if self._shares(found) is None or node.data == "weighted":
            return found
        return found if node.data == "alias" else self._folded(found)

    def _folded(self, alternatives: Alternatives) -> Alternatives:
        """Make one alternative of several, or of one that has a weight, by a helper."""
        if len(alternatives) == 1 and alternatives[0].weight is None:
            return alternatives
        return (Alternative(self._as_symbols(alternatives), None, alternatives[0].token),)

    def _alias(self, children: list, results: Results) -> Alternatives:
        alternatives, alias = self._alone(children[0], results), children[1].children[0]
        for alternative in alternatives:
            if alternative.alias is not None:
                raise self._module.error("an alternative has two aliases ('->'); leave one out", alias)
        return tuple(alternative._replace(alias=alias) for alternative in alternatives)

    def _maybe(self, children: list, results: Results) -> Alternatives:
        return self._operator("opt", results[id(children[0])])

    def _expr(self, children: list, results: Results) -> Alternatives:
        inner, tokens = self._part(children[0], results), children[1:]
        least, most = read_bounds(self._module, tokens, self._limits)
        if most is None or tokens[0].type == "OP":
            return self._operator({(0, 1): "opt", (0, None): "star", (1, None): "plus"}[least, most], inner)
        if most == 1:
            return inner if least == 1 else self._operator("opt", inner)
        return self._repeat(inner, least, most)

    def _chance(self, children: list, results: Results) -> Alternatives:
        """Lower an operator that has a probability: nothing of it is simplified, which would lose that."""
        node, operator, probability = children
        inner = self._part(node, results)
        symbols = self._as_symbols(inner)
        if not symbols:
            return (Alternative(()),)
        # Of the decimal fraction, so that 0.8 leaves 0.2.
        weight, rest = float(probability), float(1 - Decimal(str(probability)))
        token = inner[0].token or probability
        if operator == "?":
            return Alternative(symbols, None, token, weight), Alternative((), None, token, rest)
        kind, first = ("star", ()) if operator == "*" else ("plus", symbols)
        name = self._key(kind, (symbols, weight))
        if name is None:
            name = self._new_name(kind)
            self._add(kind, (symbols, weight), name, (first, (name, *symbols)), (rest, weight))
        return (Alternative((name,), None, token),)

    def _value(self, children: list, results: Results) -> Alternatives:
        return results[id(children[0])]

    # -- helpers

    def _bodies(self, alternatives: Alternatives) -> tuple[tuple[Symbol, ...], ...]:
        """Strip places; an alias inside of an expression has no node to name."""
        for alternative in alternatives:
            if alternative.alias is not None:
                reason = "an alias ('->') can only end a whole alternative of a rule; give the group a rule of its own"
                raise self._module.error(reason, alternative.alias)
        return tuple(alternative.symbols for alternative in alternatives)

    def _shares(self, alternatives: Alternatives) -> Shares:
        """The weights that alternatives have in the text."""
        if not self._is_weighted:
            return None
        weights = tuple([alternative.weight for alternative in alternatives])
        return weights if any(weight is not None for weight in weights) else None

    def _as_symbols(self, alternatives: Alternatives) -> tuple[Symbol, ...]:
        """Make an expression part of a sequence: what has several alternatives needs a helper."""
        bodies, weights = self._bodies(alternatives), self._shares(alternatives)
        kind = "opt" if () in bodies else "group"
        if weights is not None:
            place = next((self._module.location(a.token) for a in alternatives if a.token is not None), None)
            return (self._helper(kind, (bodies, weights), bodies, weights, place),)
        return bodies[0] if len(bodies) == 1 else (self._helper(kind, bodies, bodies),)

    def _operator(self, kind: str, inner: Alternatives) -> Alternatives:
        if self._shares(inner) is not None:
            inner = self._folded(inner)
        bodies = self._bodies(inner)
        while len(bodies) == 1 and len(bodies[0]) == 1 and bodies[0][0].name in self._made:
            under, its_bodies = self._made[bodies[0][0].name]
            if (under, kind) not in _NESTED:
                break
            kind, bodies = _NESTED[under, kind], its_bodies
            self._simplified = True
        if () in bodies:
            # The empty alternative adds nothing but a second derivation of the empty text.
            bodies = tuple(body for body in bodies if body)
            kind = "star" if kind == "plus" else kind
        if not bodies:
            return (Alternative(()),)
        if kind == "opt":
            # No helper yet: a rule that is nothing else takes these alternatives as its own.
            token = inner[0].token
            return (*(Alternative(body, None, token) for body in bodies), Alternative((), None, token))
        name = self._key(kind, bodies)
        if name is None:
            name = self._new_name(kind)
            recursive = tuple((name, *body) for body in bodies)
            self._add(kind, bodies, name, (((),) if kind == "star" else bodies) + recursive)
        return (Alternative((name,), None, inner[0].token),)

    def _repeat(self, inner: Alternatives, least: int, most: int) -> Alternatives:
        unit = self._as_symbols(inner) if most else ()
        if not unit:
            return (Alternative(()),)
        if len(unit) > 1:
            unit = (self._helper("group", (unit,), (unit,)),)
        tail: tuple[Symbol, ...] = ()
        for count in range(1, most - least + 1):
            # Raw weights are not shared out: each count weighs as much as what it is made of.
            stops = None if count == 1 or self._raw else (1 / (count + 1), count / (count + 1))
            tail = (self._helper("upto", (unit, count), ((), unit + tail), stops),)
        name = self._helper("repeat", (unit, least, most), (unit * least + tail,)) if least else tail[0]
        return (Alternative((name,), None, inner[0].token),)

    def _helper(
        self,
        kind: str,
        content: tuple,
        alternatives: tuple[tuple[Symbol, ...], ...],
        weights: Shares = None,
        place: Location | None = None,
    ) -> Nonterminal:
        name = self._key(kind, content)
        if name is None:
            name = self._new_name(kind)
            self._add(kind, content, name, alternatives, weights, place)
        return name

    def _key(self, kind: str, content: tuple) -> Nonterminal | None:
        return self._helpers.get((kind, self._keep_all, content))

    def _add(
        self,
        kind: str,
        content: tuple,
        name: Nonterminal,
        alternatives: tuple[tuple[Symbol, ...], ...],
        weights: Shares = None,
        place: Location | None = None,
    ) -> None:
        self._check_alternatives(len(alternatives), f"a group in rule {self._owner}")
        self._account(len(alternatives), sum(map(len, alternatives)))
        self._helpers[kind, self._keep_all, content] = name
        # An operator around one with weights stays one around it.
        self._made[name.name] = kind if weights is None else "weighted", content
        self._pending.append((name.name, alternatives, weights, place))

    def _new_name(self, kind: str) -> Nonterminal:
        """Name a helper after the rule that it was met in first; the underscore keeps it out of trees."""
        return Nonterminal(self._free_name(f"_{self._owner.strip('_')}_{kind}"))

    def _free_name(self, base: str) -> str:
        while True:
            number = self._counters.get(base, 0)
            self._counters[base] = number + 1
            name = f"{base}_{number}"
            if name not in self._definitions:
                return name

    # -- templates

    def _template_usage(self, children: list, results: Results) -> Alternatives:
        token = children[0].children[0]
        arguments: list[Symbol] = []
        for child in children[1:]:
            arguments += self._as_symbols(self._part(child, results))
        bound = self._bound.get(str(token))
        name = self._body.scope.name(str(token)) if bound is None else bound.name
        template = self._definitions.get(name)
        if template is None:
            self._note_undefined(token, self._body)
            return (Alternative((), None, token),)
        if len(template.parameters) != len(arguments):
            wanted = f"takes {len(template.parameters)} arguments" if template.parameters else "is not a template"
            raise self._module.error(f"{name!r} {wanted}, but {len(arguments)} are given", token)
        key = name, tuple(arguments)
        instance = self._instances.get(key)
        if instance is None:
            instance = self._instances[key] = Nonterminal(self._free_name(name))
            if len(self._instances) > self._limits.template_instances:
                allowed = self._limits.template_instances
                raise LimitExceeded("template_instances", f"more than {allowed}", allowed, f"template {name}")
            self.templates[instance.name] = name
            self._waiting.append((template, instance.name, dict(zip(template.parameters, arguments, strict=True))))
        return (Alternative((instance,), None, token),)

    def _check_parameters(self, template: Definition) -> None:
        for parameter in template.parameters:
            if template.scope.name(parameter) in self._definitions:
                raise template.error(f"the parameter {parameter!r} of template {template.name!r} is a rule's name, too")

    def _check_names(self, template: Definition) -> None:
        """Report undefined names in a template that nothing uses, which is never lowered."""
        for body in template.bodies:
            # The name of an alias is no use of a symbol.
            aliases = {id(node.children[1]) for node in body.tree.find_data("alias")}
            for node in body.tree.iter_subtrees():
                if node.data in ("nonterminal", "terminal") and id(node) not in aliases:
                    token: Any = node.children[0]
                    if str(token) not in template.parameters and body.scope.name(token) not in self._definitions:
                        self._note_undefined(token, body)


def _inner_nodes(tree: Tree) -> list[Tree]:
    """All nodes but symbols, each after those within it, from left to right."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        for child in node.children:
            kind = getattr(child, "data", "")
            if kind in _HOLDERS or (kind == "value" and child.children[0].data == "template_usage"):
                waiting.append(child)
    found.reverse()
    return found
