"""Definitions of a Lark grammar and of what it imports, before anything is lowered.

Lark's parser gives the trees; what its ``GrammarBuilder`` does with them is
done here by the same rules, since that loses the places of names, parses an
imported file anew each time, and writes terminals into each other in place.
Trees are shared and never changed: an imported tree keeps its own names, and
a :class:`Scope` says what they are called in the importing grammar.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any

from lark import Token, Tree

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.frontends.lark_directives import Directive
from stolcke.frontends.lark_syntax import Module, parse
from stolcke.grammar.model import RuleOptions
from stolcke.options import Limits

__all__ = ["Body", "Definition", "Definitions", "Restriction", "Scope", "load", "suggestion", "symbols_of"]


_NO_OPTIONS = RuleOptions()


@dataclass(eq=False, slots=True)
class Scope:
    """What the names of one module are called in the grammar that is being read."""

    module: Module
    prefix: str = ""
    aliases: dict[str, str] = field(default_factory=dict)
    parent: Scope | None = None

    def main(self) -> Module:
        """Return the module that is not imported."""
        return self.module if self.parent is None else self.parent.main()

    def name(self, name: str) -> str:
        """Return the name in the main grammar; a dependency of an import gets its module's prefix."""
        if self.parent is None:
            return name
        if name in self.aliases:
            return self.parent.name(self.aliases[name])
        prefix = self.prefix.upper() if name.isupper() else self.prefix.lower()
        inner = f"_{prefix}__{name[1:]}" if name[0] == "_" else f"{prefix}__{name}"
        return self.parent.name(inner)


@dataclass(frozen=True, eq=False, slots=True)
class Body:
    """An ``expansions`` tree and the scope its names are read in."""

    tree: Tree
    scope: Scope


@dataclass(eq=False, slots=True)
class Definition:
    """A rule, template or terminal; ``bodies`` is empty where it is only declared."""

    name: str
    is_terminal: bool
    token: Token
    scope: Scope
    bodies: list[Body]
    parameters: tuple[str, ...] = ()
    priority: int = 0
    options: RuleOptions = _NO_OPTIONS

    def error(self, reason: str) -> GrammarError:
        return self.scope.module.error(reason, self.token)


@dataclass(frozen=True, eq=False, slots=True)
class Restriction:
    """A directive about the neighbours or the reserved texts of terminals, and what it says of them."""

    directive: Directive
    body: Body

    @property
    def kind(self) -> str:
        """What it is about: "follow", "precede" or "reserve"."""
        return self.directive.kind

    @property
    def token(self) -> Token:
        """Its own place."""
        return self.directive.token

    @property
    def targets(self) -> list[Token]:
        """The terminals that it is about: names, and literals that rules have."""
        return self.directive.targets

    @property
    def excepted(self) -> list[Token]:
        """The rules that it leaves out."""
        return self.directive.excepted

    def concerns(self, names: Container[str], has_rules: bool) -> bool:
        """Whether it is about one of the names, or, where there are rules, about a literal."""
        return any(
            has_rules if target.type == "STRING" else self.body.scope.name(str(target)) in names
            for target in self.targets
        )


@dataclass(eq=False, slots=True)
class Definitions:
    """Everything that a text and its imports define, by final name."""

    by_name: dict[str, Definition]
    ignore: list[tuple[Body, Token | None]]
    """With the probability of another match, where it is written."""
    raw_weights: bool = False
    restrictions: list[Restriction] = field(default_factory=list)


def _children(node: Tree) -> list[Any]:
    """The children of a node, whose kind tells which of them are trees and which are tokens."""
    return node.children


def symbols_of(tree: Tree) -> frozenset[str]:
    """Names of the rules and terminals that a definition's tree mentions."""
    return frozenset(str(node.children[0]) for node in tree.iter_subtrees() if node.data in ("nonterminal", "terminal"))


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" or nothing; of very many names only some are compared, as it takes its time."""
    close = get_close_matches(name, islice(known, 2000), n=3)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


@lru_cache(maxsize=32)
def _shipped_with_lark(path: str) -> Module | None:
    """Parse a grammar out of Lark's own package, once per process."""
    try:
        data = pkgutil.get_data("lark", f"grammars/{path}")
    except OSError:
        return None
    if data is None:
        return None
    return parse(data.decode(), f"lark/grammars/{path}", None, Limits())


class _Loader:
    """Reads modules, the imports of each before its own statements, as Lark does."""

    def __init__(self, import_paths: Iterable[str | os.PathLike], limits: Limits) -> None:
        self.import_paths = [os.fspath(path) for path in import_paths]
        self.limits = limits
        self.bytes_read = 0

    def count(self, text: str) -> None:
        self.bytes_read += len(text.encode("utf-8", "surrogatepass")) if not text.isascii() else len(text)
        if self.bytes_read > self.limits.grammar_bytes:
            raise LimitExceeded("grammar_bytes", self.bytes_read, self.limits.grammar_bytes, "grammar text")

    def load(self, module: Module, scope: Scope, chain: tuple[str, ...]) -> Definitions:
        definitions = Definitions({}, [], module.raw_weights)
        imports: dict[tuple[bool, tuple[str, ...]], tuple[Token, dict[str, str]]] = {}
        for statement in module.tree.children:
            if statement.data == "import":
                self._collect_import(module, statement, imports)
        for (relative, path), (token, aliases) in imports.items():
            imported, restrictions = self._import(scope, relative, path, token, aliases, chain)
            definitions.restrictions += restrictions
            for name in imported:
                if name in definitions.by_name:
                    raise module.error(f"{name!r} is imported twice; rename one with '->'", token)
            definitions.by_name.update(imported)
        for statement in module.tree.children:
            _STATEMENTS[statement.data](definitions, scope, statement)
        return definitions

    def _collect_import(self, module: Module, statement: Tree, imports: dict) -> None:
        path, *rest = _children(statement)
        tokens: list[Token] = list(path.children)
        if rest and isinstance(rest[0], Tree):
            aliases = {str(name): str(name) for name in rest[0].children}
        else:
            name = tokens.pop()
            if not tokens:
                raise module.error(f"nothing is imported from {str(name)!r}; write %import {name}.NAME", name)
            target = rest[0] if rest else name
            if name.isupper() != target.isupper():
                raise module.error(f"{str(name)!r} cannot be renamed to {str(target)!r}: one is a terminal", target)
            aliases = {str(name): str(target)}
        key = (path.data == "import_rel", tuple(map(str, tokens)))
        imports.setdefault(key, (tokens[0], {}))[1].update(aliases)

    def _import(
        self, scope: Scope, relative: bool, path: tuple, token: Token, aliases: dict, chain: tuple
    ) -> tuple[dict[str, Definition], list[Restriction]]:
        module = self._find(scope.module, relative, path, token)
        origin = str(module.source)
        if origin in chain:
            circle = " -> ".join((*chain[chain.index(origin) :], origin))
            raise scope.module.error(f"files import each other: {circle}", token)
        self.count(module.text)
        inner = Scope(module, "__".join(path), aliases, scope)
        definitions = self.load(module, inner, (*chain, origin))
        loaded = definitions.by_name
        for name in aliases:
            if inner.name(name) not in loaded:
                known = [str(d.token) for d in loaded.values() if d.scope is inner]
                raise scope.module.error(f"{origin} does not define {name!r}{suggestion(name, known)}", token)
        needed, restrictions = _needed(definitions, [inner.name(name) for name in aliases])
        if module.raw_weights and not inner.main().raw_weights and any(not d.is_terminal for d in needed.values()):
            raise scope.module.error(f"{origin} has raw weights; write %weights raw in the importing text, too", token)
        return needed, restrictions

    def _find(self, importer: Module, relative: bool, path: tuple[str, ...], token: Token) -> Module:
        file = os.path.join(*path) + ".lark"
        folders = list(self.import_paths)
        if relative and importer.folder == "":
            raise importer.error("a relative import needs source=..., the path of the importing text", token)
        if relative and importer.folder is not None:
            folders.append(importer.folder)
        for folder in folders:
            name = os.path.join(folder, file)
            try:
                with open(name, "rb") as stream:
                    # One byte more than allowed is enough to see that it is too much.
                    data = stream.read(self.limits.grammar_bytes + 1)
            except OSError:
                continue
            if len(data) > self.limits.grammar_bytes:
                raise LimitExceeded("grammar_bytes", f"at least {len(data)}", self.limits.grammar_bytes, name)
            try:
                text = data.decode("utf-8-sig").replace("\r\n", "\n")
            except UnicodeDecodeError:
                raise importer.error(f"{name} is not UTF-8", token) from None
            return parse(text, name, os.path.dirname(name), self.limits)
        module = _shipped_with_lark("/".join(path) + ".lark")
        if module is None:
            searched = ", ".join([*map(repr, folders), "Lark's own grammars"])
            raise importer.error(f"there is no {file} to import from in {searched}", token)
        return module


def _needed(definitions: Definitions, names: Iterable[str]) -> tuple[dict[str, Definition], list[Restriction]]:
    """Keep what the imported names depend on, in the order defined, and the restrictions about that."""
    loaded = definitions.by_name
    needed: set[str] = set()
    restrictions: list[Restriction] = []
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed and name in loaded:
            needed.add(name)
            for body in loaded[name].bodies:
                waiting += _mentioned(body)
        if not waiting:
            has_rules = any(not loaded[name].is_terminal for name in needed)
            more = [r for r in definitions.restrictions if r not in restrictions and r.concerns(needed, has_rules)]
            restrictions += more
            waiting += [name for restriction in more for name in _mentioned(restriction.body)]
    return {name: definition for name, definition in loaded.items() if name in needed}, restrictions


def _mentioned(body: Body) -> Iterable[str]:
    """The final names of what a definition mentions."""
    cache = body.scope.module.names
    if id(body.tree) not in cache:
        cache[id(body.tree)] = symbols_of(body.tree)
    return map(body.scope.name, cache[id(body.tree)])


def _unpack(scope: Scope, statement: Tree) -> Definition:
    """Read a ``rule`` or ``term`` statement."""
    children = _children(statement)
    parameters: tuple[str, ...] = ()
    options = RuleOptions()
    if statement.data == "term":
        priority = _priority(scope, children[1]) if len(children) == 3 else 0
        token = children[0]
    else:
        modifiers, token, template, rank, _ = children
        marks = modifiers.children[0] if modifiers.children else ""
        if "?" in marks and token.startswith("_"):
            raise scope.module.error("a rule whose name begins with '_' is always inlined; leave out the '?'", token)
        priority = _priority(scope, rank.children[0]) if rank.children else 0
        options = RuleOptions("?" in marks, "!" in marks, priority)
        parameters = tuple(map(str, template.children)) if template is not None else ()
        if len(set(parameters)) < len(parameters):
            raise scope.module.error(f"template {str(token)!r} has two parameters of one name", token)
    body = Body(children[-1], scope)
    is_terminal = statement.data == "term"
    return Definition(scope.name(str(token)), is_terminal, token, scope, [body], parameters, priority, options)


def _priority(scope: Scope, token: Token) -> int:
    if len(token) > 9:
        raise scope.module.error("a priority has at most nine digits", token)
    return int(token)


def _define(definitions: Definitions, scope: Scope, statement: Tree) -> None:
    new = _unpack(scope, statement)
    old = definitions.by_name.get(new.name)
    if old is not None:
        where = f"in line {old.token.line}" if old.scope is scope else f"imported from {old.scope.module.source}"
        raise new.error(f"{str(new.token)!r} is already defined ({where}); write %override or %extend to change it")
    definitions.by_name[new.name] = new


def _override(definitions: Definitions, scope: Scope, statement: Tree) -> None:
    new = _unpack(scope, statement.children[0])
    if new.name not in definitions.by_name:
        known = [str(d.token) for d in definitions.by_name.values()]
        raise new.error(f"%override of {str(new.token)!r}, which is not defined{suggestion(new.token, known)}")
    definitions.by_name[new.name] = new


def _extend(definitions: Definitions, scope: Scope, statement: Tree) -> None:
    new = _unpack(scope, statement.children[0])
    old = definitions.by_name.get(new.name)
    if old is None:
        known = [str(d.token) for d in definitions.by_name.values()]
        raise new.error(f"%extend of {str(new.token)!r}, which is not defined{suggestion(new.token, known)}")
    if not old.bodies:
        raise new.error(f"%extend of {str(new.token)!r}, which is only declared; use %override")
    if old.parameters != new.parameters:
        raise new.error(f"%extend of {str(new.token)!r} with other parameters than {old.parameters}")
    # Lark puts the new alternatives first.  The definition is copied, as others may share it.
    definitions.by_name[new.name] = Definition(
        old.name,
        old.is_terminal,
        old.token,
        old.scope,
        new.bodies + old.bodies,
        old.parameters,
        old.priority,
        old.options,
    )


def _declare(definitions: Definitions, scope: Scope, statement: Tree) -> None:
    for symbol in _children(statement):
        token = symbol.children[0]
        name = scope.name(str(token))
        if name in definitions.by_name:
            raise scope.module.error(f"{str(token)!r} is already defined", token)
        definitions.by_name[name] = Definition(name, symbol.data == "terminal", token, scope, [])


def _ignore(definitions: Definitions, scope: Scope, statement: Tree) -> None:
    # Lark, too, leaves out what an imported grammar ignores.
    if scope.parent is None:
        children = statement.children
        definitions.ignore.append((Body(children[0], scope), children[1] if len(children) > 1 else None))


def _restrict(definitions: Definitions, scope: Scope, statement: Tree) -> None:
    token, tree = _children(statement)
    directive = scope.module.directives[token.line, token.column]
    definitions.restrictions.append(Restriction(directive, Body(tree, scope)))


def _skip(definitions: Definitions, scope: Scope, statement: Tree) -> None:
    """Imports were read first."""


_STATEMENTS = {
    "rule": _define,
    "term": _define,
    "override": _override,
    "extend": _extend,
    "declare": _declare,
    "ignore": _ignore,
    "restrict": _restrict,
    "import": _skip,
}


def load(text: str, source: str | None, import_paths: Iterable[str | os.PathLike], limits: Limits) -> Definitions:
    """Parse a text and everything it imports.

    Raises
    ------
    GrammarError, LimitExceeded
    """
    loader = _Loader(import_paths, limits)
    loader.count(text)
    folder = "" if source is None else os.path.dirname(os.path.abspath(source))
    module = parse(text, source, folder, limits)
    return loader.load(
        module, Scope(module), () if source is None else (os.path.join(folder, os.path.basename(source)),)
    )
