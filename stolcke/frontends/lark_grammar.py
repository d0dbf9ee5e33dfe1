"""The front end for Lark grammars: text -> definitions -> rules over terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from stolcke.errors import GrammarError
from stolcke.frontends.lark_contextual import as_contextual
from stolcke.frontends.lark_json import Schemas
from stolcke.frontends.lark_modules import Definitions, load, suggestion
from stolcke.frontends.lark_restrictions import Restrictions
from stolcke.frontends.lark_rules import Lowering
from stolcke.frontends.lark_terminals import Terminals
from stolcke.grammar.model import Grammar, Rule, Terminal, error_at
from stolcke.options import Limits

__all__ = ["read_lark"]


def read_lark(
    text: str,
    start: str = "start",
    *,
    lexer: str = "dynamic_complete",
    source: str | PathLike | None = None,
    import_paths: Iterable[str | PathLike] = (),
    json_options: Mapping[str, Any] | None = None,
    limits: Limits = Limits(),
) -> Grammar:
    """Read a Lark grammar; see :meth:`stolcke.Grammar.from_lark`."""
    if lexer not in ("dynamic_complete", "contextual"):
        raise GrammarError(f'unknown lexer {lexer!r}; use "dynamic_complete" or "contextual"')
    if not isinstance(text, str):
        raise GrammarError(f"a grammar text must be str, not {type(text).__name__}")
    if isinstance(import_paths, (str, bytes, PathLike)):
        import_paths = (import_paths,)
    definitions = load(text, None if source is None else fspath(source), import_paths, limits)
    _check_start(definitions, start)
    terminals = Terminals(definitions, limits)
    schemas = Schemas(json_options or {}, limits)
    restrictions = Restrictions(definitions, terminals, limits)
    lowering = Lowering(definitions, terminals, schemas, restrictions.unreserved, limits)
    lowering.run()
    ignored = terminals.ignored()
    restrictions.apply()
    used = {symbol.name for rule in lowering.rules for symbol in rule.rhs if isinstance(symbol, Terminal)}
    _check_templates(definitions, lowering)
    grammar = Grammar(
        start,
        tuple(lowering.rules),
        terminals.select(used.union(ignored)) | schemas.terminals(),
        tuple(ignored),
        lowering.options,
        ignore_weights={name: weight for name, weight in ignored.items() if weight is not None},
        raw_weights=definitions.raw_weights,
        templates=lowering.templates,
    )
    if lexer == "contextual":
        _check_contextual(schemas, lowering.rules)
        return as_contextual(grammar, limits)
    return schemas.put_into(grammar)


def _check_contextual(schemas: Schemas, rules: Iterable[Rule]) -> None:
    names = schemas.terminals()
    for rule in rules if names else ():
        if any(symbol.name in names for symbol in rule.rhs):
            reason = 'lexer="contextual" knows no terminals in %json; use "dynamic_complete"'
            raise error_at(reason, rule.location)


def _check_start(definitions: Definitions, start: str) -> None:
    definition = definitions.by_name.get(start)
    if definition is None:
        rules = [d.name for d in definitions.by_name.values() if not d.is_terminal and not d.parameters]
        close = suggestion(start, rules) or (
            f"; defined are {', '.join(rules[:10])}" if rules else "; there is no rule"
        )
        raise GrammarError(f"the start rule {start!r} is not defined{close}; choose one with start=...")
    if definition.is_terminal or definition.parameters:
        what = "terminal" if definition.is_terminal else "template"
        raise definition.error(f"the start {start!r} is a {what}; it must be a rule")


def _check_templates(definitions: Definitions, lowering: Lowering) -> None:
    """Refuse a template's name where a rule is needed; as an argument it is fine."""
    templates = {d.name for d in definitions.by_name.values() if d.parameters}
    for rule in lowering.rules if templates else ():
        for symbol in rule.rhs:
            if symbol.name in templates:
                reason = f"template {symbol.name!r} is used without arguments; write {symbol.name}{{...}}"
                raise error_at(reason, rule.location)
