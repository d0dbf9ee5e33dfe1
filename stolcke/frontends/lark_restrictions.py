"""``%follow``, ``%precede`` and ``%reserve`` in a Lark grammar: what may stand beside a terminal, and reserved words.

Lark's parser knows none of them.  Each reads like the definition of a terminal, so its head is replaced by a name
before that parser sees it, and what stands behind the colon is read as any terminal is:

``%follow NAME, "if": /[a-z]/``
    None of these characters stands directly behind a match.
``%precede NAME: /[a-z]/``
    None stands directly before one.
``%reserve NAME: KEYWORDS -> except key``
    NAME matches none of these texts, except where the rule ``key`` has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lark import Token, Tree

from stolcke.frontends.lark_modules import Body, Definitions, Restriction, suggestion, symbols_of
from stolcke.frontends.lark_syntax import Module, read_literal
from stolcke.frontends.lark_terminals import Terminals
from stolcke.grammar.model import Neighbour, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal, Pattern, Regex, Sequence
from stolcke.lexer import charsets
from stolcke.lexer.charsets import Bounds
from stolcke.lexer.regex_syntax import Characters, Node, parse_regex
from stolcke.options import Limits

__all__ = ["Restrictions"]


@dataclass(slots=True)
class _Reservation:
    """Texts that a terminal leaves to others, but in some rules."""

    patterns: tuple[Pattern, ...]
    excepted: frozenset[str]


@dataclass(slots=True)
class _Asked:
    """What is asked of the neighbours of one terminal: which characters may stand there, and whether none may."""

    follow: list[Neighbour] = field(default_factory=list)
    precede: list[Neighbour] = field(default_factory=list)


class Restrictions:
    """The restrictions of one grammar.

    Parameters
    ----------
    definitions : Definitions
    terminals : Terminals
        Gains terminals for the rules that reservations except.
    limits : Limits

    Attributes
    ----------
    unreserved : dict of str to dict of str to Terminal
        Of rules that are excepted, what stands there for each of some terminals.

    Raises
    ------
    GrammarError
        With the place, where a directive names what is not there or asks for more than one character.
    """

    def __init__(self, definitions: Definitions, terminals: Terminals, limits: Limits) -> None:
        self._definitions = definitions
        self._terminals = terminals
        self._limits = limits
        self._asked: dict[str, _Asked] = {}
        self._literals: list[tuple[Restriction, Token, Literal, Neighbour]] = []
        reserved: dict[str, list[_Reservation]] = {}
        for restriction in definitions.restrictions:
            if restriction.kind == "reserve":
                for name, reservation in self._reservations(restriction):
                    reserved.setdefault(name, []).append(reservation)
            else:
                self._neighbours(restriction)
        self.unreserved: dict[str, dict[str, Terminal]] = {}
        for name, several in reserved.items():
            self._reserve(name, several)

    # --- reserved words ------------------------------------------------------------------------------------------

    def _reservations(self, restriction: Restriction) -> Iterable[tuple[str, _Reservation]]:
        module = restriction.body.scope.module
        patterns = _choices(self._terminals.of_body(restriction.body, restriction.token))
        if all(pattern == Sequence(()) for pattern in patterns):
            raise module.error("nothing is reserved: name the words behind the colon", restriction.token)
        excepted = [self._excepted(restriction, token) for token in restriction.excepted]
        for token in restriction.targets:
            if token.type == "STRING":
                reason = f"{token} matches one text only; %reserve takes texts from a named terminal"
                raise module.error(reason, token)
            name = self._target(restriction, token)
            for rule, place in zip(excepted, restriction.excepted, strict=True):
                bodies = self._definitions.by_name[rule].bodies if rule in self._definitions.by_name else ()
                if bodies and not any(name in map(body.scope.name, symbols_of(body.tree)) for body in bodies):
                    raise module.error(f"rule {str(place)!r} does not mention {token}; leave it out", place)
            yield name, _Reservation(patterns, frozenset(excepted))

    def _excepted(self, restriction: Restriction, token: Token) -> str:
        name = restriction.body.scope.name(str(token))
        definition = self._definitions.by_name.get(name)
        # What an import leaves behind is not there, but was.
        if definition is None and restriction.body.scope.parent is None:
            known = [str(d.token) for d in self._definitions.by_name.values() if not d.is_terminal]
            reason = f"rule {str(token)!r} is excepted but not defined{suggestion(token, known)}"
            raise restriction.body.scope.module.error(reason, token)
        return name

    def _reserve(self, name: str, several: list[_Reservation]) -> None:
        """Let a terminal match no reserved text; where rules are excepted, another one stands for it there."""
        definition = self._terminals.by_name[name]
        base = tuple(dict.fromkeys(pattern for each in several for pattern in each.patterns))
        self._terminals.by_name[name] = replace(definition, reserved=base)
        made: dict[tuple[Pattern, ...], Terminal] = {}
        for rule in sorted(frozenset().union(*(each.excepted for each in several))):
            left = tuple(dict.fromkeys(p for each in several if rule not in each.excepted for p in each.patterns))
            if left not in made:
                # No one can write such a name in Lark.
                made[left] = Terminal(f"{name}/{len(made) + 1}")
                self._terminals.by_name[made[left].name] = replace(
                    definition, name=made[left].name, reserved=left, variant_of=name
                )
            self.unreserved.setdefault(rule, {})[name] = made[left]

    # --- neighbours ----------------------------------------------------------------------------------------------

    def _neighbours(self, restriction: Restriction) -> None:
        wrong, edge = self._characters(restriction)
        neighbour = Neighbour(charsets.complement(wrong), edge)
        for token in restriction.targets:
            if token.type == "STRING":
                literal = read_literal(restriction.body.scope.module, token)
                assert isinstance(literal, Literal)
                self._literals.append((restriction, token, literal, neighbour))
                continue
            name = self._target(restriction, token)
            getattr(self._asked.setdefault(name, _Asked()), restriction.kind).append(neighbour)

    def _characters(self, restriction: Restriction) -> tuple[Bounds, bool]:
        """The characters that may not stand there, and whether the end of the text may."""
        scope = restriction.body.scope
        module, tree = scope.module, restriction.body.tree
        sets, edge = [], True
        for alternative in tree.children if tree.data == "expansions" else [tree]:
            token = _only_token(alternative)
            if token is not None and token.type == "REGEXP":
                without = _without_edge(token, restriction.kind)
                edge = edge and without == token
                if without is not None:
                    sets.append(self._one_character(read_literal(module, without), module, token))
            else:
                place = token or next(alternative.scan_values(lambda value: True), restriction.token)
                pattern = self._terminals.of_body(Body(Tree("expansions", [alternative]), scope), place)
                sets.append(self._one_character(pattern, module, place))
        return charsets.union(sets), edge

    def _one_character(self, pattern: Pattern, module: Module, token: Token) -> Bounds:
        bounds = _bounds(parse_regex(pattern, self._limits) if isinstance(pattern, Regex) else pattern, self._limits)
        if bounds is None:
            reason = f"{str(token)[:40]} is more than one character; beside a terminal stands one, as in /[a-z]/"
            raise module.error(reason, token)
        return bounds

    def _target(self, restriction: Restriction, token: Token) -> str:
        """The terminal that a directive is about."""
        scope = restriction.body.scope
        name = scope.name(str(token))
        definition = self._definitions.by_name.get(name)
        if definition is None:
            known = [d.token for d in self._definitions.by_name.values() if d.is_terminal]
            reason = f"terminal {str(token)!r} is not defined{suggestion(token, known)}"
            raise scope.module.error(reason, token)
        if not definition.bodies:
            reason = f"the declared terminal {str(token)!r} is a special token, which is no text; leave it out"
            raise scope.module.error(reason, token)
        return name

    def apply(self) -> None:
        """Put what is asked into the terminals, once all that rules mention are known.

        A terminal that is a choice of literals stands for each of them, too.
        """
        of_pattern = {definition.pattern: name for name, definition in self._terminals.by_name.items()}
        for restriction, token, literal, neighbour in self._literals:
            name = of_pattern.get(literal)
            if name is None:
                reason = f"no rule has {token}; leave it out, or write it as the rules do"
                raise restriction.body.scope.module.error(reason, token)
            getattr(self._asked.setdefault(name, _Asked()), restriction.kind).append(neighbour)
        for name, asked in list(self._asked.items()):
            for pattern in _choices(self._terminals.by_name[name].pattern):
                other = of_pattern.get(pattern) if isinstance(pattern, Literal) else None
                if other is not None and other != name:
                    each = self._asked.setdefault(other, _Asked())
                    each.follow += asked.follow
                    each.precede += asked.precede
        for name, definition in self._terminals.by_name.items():
            asked = self._asked.get(definition.variant_of or name)
            if asked is not None:
                self._terminals.by_name[name] = _restricted(definition, asked)


def _restricted(definition: TerminalDefinition, asked: _Asked) -> TerminalDefinition:
    return replace(definition, follow=_all_of(asked.follow), precede=_all_of(asked.precede))


def _all_of(neighbours: list[Neighbour]) -> Neighbour | None:
    """What several directives leave."""
    if not neighbours:
        return None
    characters, edge = charsets.ANY, True
    for each in neighbours:
        characters, edge = charsets.intersect(characters, each.characters), edge and each.edge
    return Neighbour(characters, edge)


def _choices(pattern: Pattern) -> tuple[Pattern, ...]:
    """What a pattern is a choice of."""
    if isinstance(pattern, Choice):
        return tuple(each for part in pattern.parts for each in _choices(part))
    return (pattern,)


def _only_token(tree: Tree | Token) -> Token | None:
    """The one token that a tree of an alternative comes to."""
    while isinstance(tree, Tree) and len(tree.children) == 1:
        tree = tree.children[0]
    return tree if isinstance(tree, Token) else None


def _without_edge(token: Token, kind: str) -> Token | None:
    """A regular expression without ``$`` at its end, or ``^`` at its beginning, as one of its alternatives."""
    end = token.rindex("/")
    source, flags = token[1:end], token[end:]
    if kind == "follow" and re.search(r"(?<!\\)(?:\\\\)*(?:^|\|)\$\Z", source):
        source = source[:-2] if len(source) > 1 else ""
    elif kind == "precede" and re.match(r"\^(?:\||\Z)", source):
        source = source[2:]
    else:
        return token
    return Token(token.type, f"/{source}{flags}", line=token.line, column=token.column) if source else None


def _bounds(node: Node, limits: Limits) -> Bounds | None:
    """The characters that a pattern is a choice of, or None where it is more."""
    if isinstance(node, Characters):
        return node.bounds
    if isinstance(node, Regex):
        return _bounds(parse_regex(node, limits), limits)
    if isinstance(node, Literal) and isinstance(node.text, str) and len(node.text) == 1 and not node.ignore_case:
        return ord(node.text), ord(node.text) + 1
    if isinstance(node, Choice) and node.parts:
        parts = [_bounds(part, limits) for part in node.parts]
        return None if None in parts else charsets.union(part for part in parts if part is not None)
    return None
