"""Terminal definitions of a Lark grammar: trees to patterns, and names for unnamed ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lark import Token, Tree

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.frontends.lark_modules import Body, Definition, Definitions, Scope, suggestion
from stolcke.frontends.lark_syntax import Module, read_literal
from stolcke.grammar.model import Terminal, TerminalDefinition
from stolcke.grammar.naming import anonymous_name
from stolcke.grammar.patterns import Choice, Literal, Pattern, Regex, Repeat, Sequence, Special
from stolcke.options import Limits

__all__ = ["Terminals", "read_bounds", "read_range"]


def read_bounds(module: Module, tokens: list[Token], limits: Limits) -> tuple[int, int | None]:
    """Read the operator of an ``expr`` as least and most repetitions."""
    operator, *numbers = tokens
    if operator.type == "OP":
        return {"?": (0, 1), "*": (0, None), "+": (1, None)}[str(operator)]
    for number in numbers:
        if len(number) > 18 or int(number) > limits.repeat:
            raise LimitExceeded("repeat", str(number)[:24], limits.repeat, f"~ in line {number.line}")
    least, most = int(numbers[0]), int(numbers[-1])
    if least < 0 or most < least:
        raise module.error(f"the repetition ~{'..'.join(numbers)} is not a range of counts", operator)
    return least, most


def read_range(module: Module, tokens: list[Token]) -> Regex:
    """Read ``"a".."z"`` as a character class."""
    ends = []
    for token in tokens:
        literal = read_literal(module, token)
        if not isinstance(literal, Literal) or literal.ignore_case or len(literal.text) != 1:
            raise module.error("each end of a range is one character, without flags", token)
        ends.append(str(literal.text))
    if ends[0] > ends[1]:
        raise module.error(f"the range {tokens[0]}..{tokens[1]} is empty; exchange its ends", tokens[0])
    return Regex(f"[{re.escape(ends[0])}-{re.escape(ends[1])}]")


class Terminals:
    """The terminals of a grammar: those it defines, then the unnamed ones that its rules bring.

    Parameters
    ----------
    definitions : Definitions
    limits : Limits
    """

    def __init__(self, definitions: Definitions, limits: Limits) -> None:
        self._definitions = definitions
        self._limits = limits
        self._patterns: dict[str, Pattern] = {}
        # Depth and number of leaves of each pattern written out in full: patterns
        # share parts, so that a few lines of text could stand for a huge one.
        self._depth: dict[str, int] = {}
        self._size: dict[str, int] = {}
        self._inlined: set[str] = set()
        self._count = 0
        self.by_name: dict[str, TerminalDefinition] = {}
        self._name_of: dict[Pattern, str] = {}
        for definition in definitions.by_name.values():
            if definition.is_terminal:
                self._define(definition)

    def _define(self, definition: Definition) -> None:
        pattern = self._resolve(definition)
        name, module = definition.name, definition.scope.module
        location = module.location(definition.token)
        self.by_name[name] = TerminalDefinition(name, pattern, definition.priority, location)
        visible = definition.scope.parent is None or definition.scope.aliases.get(str(definition.token)) == name
        # Only these can be written in rules, too.
        if visible and isinstance(pattern, (Literal, Regex)):
            self._name_of[pattern] = name

    def _resolve(self, definition: Definition) -> Pattern:
        """Inline the terminals that a terminal refers to, with a stack of our own."""
        path = [definition]
        on_path = {definition.name}
        waiting = [self._references(definition)]
        while path:
            found = next(waiting[-1], None)
            if found is None:
                done = path.pop()
                waiting.pop()
                on_path.discard(done.name)
                self._build(done)
                continue
            other, token, scope = found
            self._inlined.add(other.name)
            if other.name in on_path:
                names = [d.name for d in (*path[path.index(other) :], other)]
                circle = " -> ".join(names if len(names) < 10 else [*names[:8], "...", names[-1]])
                raise scope.module.error(f"terminals must not refer to themselves ({circle}); make it a rule", token)
            if other.name not in self._patterns:
                path.append(other)
                on_path.add(other.name)
                waiting.append(self._references(other))
        return self._patterns[definition.name]

    def _references(self, definition: Definition) -> Iterator[tuple[Definition, Token, Scope]]:
        if definition.name in self._patterns:
            return
        for body in definition.bodies:
            module = body.scope.module
            # From the outside in, so that an alias is met before the name in it.
            for node in body.tree.iter_subtrees_topdown():
                if node.data in ("alias", "template_usage", "weighted", "chance"):
                    raise _misplaced(module, node)
                if node.data == "json":
                    reason = f"terminal {definition.name!r} contains %json, which only rules can; make it a rule"
                    raise module.error(reason, node.children[0])
                if node.data == "nonterminal":
                    reason = f"terminal {definition.name!r} refers to a rule; only terminals can stand here"
                    raise module.error(reason, node.children[0])
                if node.data != "terminal":
                    continue
                token = node.children[0]
                other = self._definitions.by_name.get(body.scope.name(str(token)))
                if other is None:
                    known = [d.token for d in self._definitions.by_name.values() if d.is_terminal]
                    reason = f"terminal {str(token)!r} is used but not defined{suggestion(token, known)}"
                    raise module.error(reason, token)
                if not other.bodies:
                    raise module.error(f"the declared terminal {str(token)!r} cannot be part of another", token)
                yield other, token, body.scope

    def _build(self, definition: Definition) -> None:
        name = definition.name
        if name in self._patterns:
            return
        if not definition.bodies:
            self._patterns[name], self._depth[name], self._size[name] = Special(name), 1, 1
            return
        parts = [self._tree(body) for body in definition.bodies]
        pattern, self._depth[name], self._size[name] = parts[0] if len(parts) == 1 else _join(Choice, parts)
        self._patterns[name] = pattern
        if self._depth[name] > self._limits.nesting:
            raise LimitExceeded("nesting", self._depth[name], self._limits.nesting, f"terminal {name}")
        if self._size[name] > self._limits.regex_states:
            raise LimitExceeded(
                "regex_states", f"at least {self._size[name]}", self._limits.regex_states, f"terminal {name}"
            )

    def _tree(self, body: Body) -> tuple[Pattern, int, int]:
        """Build (pattern, depth, size) of an ``expansions`` tree, leaves first."""
        module = body.scope.module
        built: dict[int, tuple[Pattern, int, int]] = {}
        for node in body.tree.iter_subtrees():
            kind = node.data
            children: list[Any] = node.children
            parts = [built[id(child)] for child in children if isinstance(child, Tree)]
            if kind in ("value", "expansion", "expansions") and len(parts) == 1:
                result = parts[0]
            elif kind == "literal":
                result = read_literal(module, children[0]), 1, 1
            elif kind == "range":
                result = read_range(module, children), 1, 1
            elif kind == "terminal":
                name = body.scope.name(str(children[0]))
                result = self._patterns[name], self._depth[name], self._size[name]
            elif kind == "expansion":
                result = _join(Sequence, parts)
            elif kind == "expansions":
                if len(parts) > self._limits.alternatives:
                    raise LimitExceeded("alternatives", len(parts), self._limits.alternatives, "a terminal")
                result = _join(Choice, parts)
            else:
                tokens = [child for child in children if isinstance(child, Token)]
                bounds = read_bounds(module, tokens, self._limits) if tokens else (0, 1)
                pattern, depth, size = parts[0]
                result = Repeat(pattern, *bounds), depth + 1, size
            built[id(node)] = result
        return built[id(body.tree)]

    def of_body(self, body: Body, token: Token) -> Pattern:
        """Give the pattern of what is written like a terminal's definition, but defines none."""
        return self._resolve(Definition(f"<{len(self._patterns)}>", True, token, body.scope, [body]))

    def of_pattern(self, pattern: Pattern, module: Module, token: Token) -> Terminal:
        """Return the terminal of a literal or regular expression written in a rule, named as Lark does.

        The place of the token is kept where the pattern is met for the first time.
        """
        name = self._name_of.get(pattern)
        if name is None:
            name = anonymous_name(pattern)
            if name is None or name in self.by_name or name in self._definitions.by_name:
                name = f"__ANON_{self._count}"
                self._count += 1
            self._name_of[pattern] = name
            self.by_name[name] = TerminalDefinition(name, pattern, 0, module.location(token))
        return Terminal(name)

    def ignored(self) -> dict[str, float | None]:
        """Name the terminals of the ``%ignore`` statements, with the probabilities that are written."""
        names: dict[str, float | None] = {}
        for number, (body, probability) in enumerate(self._definitions.ignore):
            tree = body.tree
            while tree.data in ("expansions", "expansion", "value") and len(tree.children) == 1:
                tree = tree.children[0]
            if tree.data == "terminal":
                token: Any = tree.children[0]
                name = body.scope.name(str(token))
                if name not in self.by_name:
                    known = [d.token for d in self._definitions.by_name.values() if d.is_terminal]
                    reason = f"the ignored terminal {str(token)!r} is not defined{suggestion(token, known)}"
                    raise body.scope.module.error(reason, token)
            elif tree.data in ("literal", "range"):
                token = tree.children[0]
                name = self.of_pattern(self._tree(body)[0], body.scope.module, token).name
            else:
                token = next(body.tree.scan_values(lambda value: True), None)
                if token is None:
                    raise GrammarError("%ignore needs a terminal; it ignores the empty text here")
                name = f"__IGNORE_{number}"
                definition = Definition(name, True, token, body.scope, [body])
                pattern = self._resolve(definition)
                self.by_name[name] = TerminalDefinition(name, pattern, 0, body.scope.module.location(token))
            weight = None if probability is None else float(probability)
            if probability is not None:
                others = [other for key, other in names.items() if key != name and other is not None]
                if names.get(name, weight) != weight:
                    raise body.scope.module.error("it is ignored twice, with different probabilities", probability)
                if sum(others, weight) >= 1:
                    reason = "the probabilities of what is ignored add up to 1 or more, so that nothing ends it"
                    raise body.scope.module.error(f"{reason}; make them less", probability)
            names[name] = weight
        return names

    def select(self, used: Iterable[str]) -> dict[str, TerminalDefinition]:
        """Keep the used terminals, and those that nothing uses, so that they can be reported.

        What only serves other terminals is part of their patterns by now.
        """
        kept = set(used)
        for name, definition in self._definitions.by_name.items():
            imported = definition.scope.parent is not None
            if definition.is_terminal and not imported and name not in self._inlined:
                kept.add(name)
        return {name: definition for name, definition in self.by_name.items() if name in kept}


def _join(kind: type, parts: list[tuple[Pattern, int, int]]) -> tuple[Pattern, int, int]:
    depth = 1 + max((depth for _, depth, _ in parts), default=0)
    return kind(tuple(pattern for pattern, _, _ in parts)), depth, sum(size for _, _, size in parts)


def _misplaced(module: Module, node: Tree) -> GrammarError:
    token = next(node.scan_values(lambda value: isinstance(value, Token)))
    if node.data in ("weighted", "chance"):
        reason = "a terminal takes no weights; its texts get them by distributions=..., or make it a rule"
        return module.error(reason, node.children[-1])
    if node.data == "alias":
        token = list(node.scan_values(lambda value: isinstance(value, Token)))[-1]
        return module.error("a terminal cannot have an alias ('->'); move the alternative into a rule", token)
    return module.error("a template cannot be used in a terminal; only terminals can stand here", token)
