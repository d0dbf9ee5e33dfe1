"""A grammar as NLTK writes probabilistic ones, where all its terminals are fixed texts."""

from __future__ import annotations

import re
from decimal import Decimal

from stolcke.errors import GrammarError
from stolcke.grammar.analysis import nullable
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, Terminal, error_at
from stolcke.grammar.naming import legal_names
from stolcke.grammar.patterns import Literal
from stolcke.grammar.weights import rule_weights

__all__ = ["pcfg_text"]

_NAME = re.compile(r"[\w/][\w/^<>-]*")


def pcfg_text(grammar: Grammar, separator: str) -> str:
    """Print a grammar; see :meth:`stolcke.Grammar.to_pcfg`."""
    if grammar.raw_weights:
        raise GrammarError("raw weights are no probabilities, which NLTK wants; leave out %weights raw")
    if grammar.ignore:
        raise GrammarError(f"NLTK ignores nothing, and this grammar {grammar.ignore[0]!r}; leave out %ignore")
    for name in grammar.tallies:
        raise GrammarError(f"NLTK has no tallies such as {name!r}")
    names = legal_names(grammar.alternatives, _NAME, "rule_", str)
    tokens = {name: _token(grammar, name) for name in grammar.terminals}
    empty = nullable(grammar) if separator else frozenset()
    lines = []
    if grammar.rules[0].lhs.name != grammar.start:
        lines.append(f"%start {names[grammar.start]}")
    by_name: dict[str, list[str]] = {}
    for rule, weight in zip(grammar.rules, rule_weights(grammar).tolist(), strict=True):
        parts = []
        for symbol in _without_separators(rule, tokens, separator, empty):
            parts.append(names[symbol.name] if isinstance(symbol, Nonterminal) else _quoted(tokens[symbol.name], rule))
        # NLTK reads digits and a point, no exponent.
        by_name.setdefault(rule.lhs.name, []).append(" ".join([*parts, f"[{Decimal(repr(weight)):f}]"]))
    lines += [f"{names[name]} -> {' | '.join(alternatives)}" for name, alternatives in by_name.items()]
    return "\n".join(lines) + "\n"


def _token(grammar: Grammar, name: str) -> str | None:
    """The text of a terminal, None where it is not a fixed one."""
    pattern = grammar.terminals[name].pattern
    if not isinstance(pattern, Literal) or pattern.ignore_case or not isinstance(pattern.text, str):
        return None
    return pattern.text


def _without_separators(
    rule: Rule, tokens: dict[str, str | None], separator: str, empty: frozenset[str]
) -> tuple[Symbol, ...]:
    """What a separator stands between, without it."""
    if not separator:
        return rule.rhs

    def separates(symbol: Symbol) -> bool:
        return isinstance(symbol, Terminal) and tokens[symbol.name] == separator

    kept = rule.rhs[::2]
    if rule.rhs and (len(rule.rhs) % 2 == 0 or not all(map(separates, rule.rhs[1::2])) or any(map(separates, kept))):
        reason = f"between the symbols of a rule for {rule.lhs.name!r} there is not always one separator {separator!r}"
        raise error_at(f'{reason}; with separator="" every terminal is a token', rule.location)
    for symbol in kept if len(kept) > 1 else ():
        if symbol.name in empty and isinstance(symbol, Nonterminal):
            reason = f"{symbol.name!r} may be empty, so that separators would stand alone"
            raise error_at(f'{reason}; with separator="" every terminal is a token', rule.location)
    return kept


def _quoted(text: str | None, rule: Rule) -> str:
    if text is None:
        reason = f"a terminal in a rule for {rule.lhs.name!r} is not a fixed text, as NLTK's tokens are"
        raise error_at(f"{reason}; make it a rule with one alternative for each text", rule.location)
    quote = '"' if "'" in text else "'"
    if quote in text or "\n" in text:
        raise error_at(f"NLTK cannot write the token {text!r}", rule.location)
    return f"{quote}{text}{quote}"
