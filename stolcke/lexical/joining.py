"""Each terminal made one with what is ignored behind it, for masks.

In a grammar that :func:`stolcke.lexical.without_restrictions` has made, a nonterminal for what is ignored stands behind
nearly every terminal.  What both derive is a regular language again, so that one terminal can stand for the two.  The
texts are the same; how often each is derived is not, as it no longer matters where one comment ends and the next
begins, and the weights of what is ignored are lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stolcke.deadline import Deadline
from stolcke.errors import LimitExceeded
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Counted, Machine, Pattern, Repeat, Sequence, Special
from stolcke.grammar.printing import terminal_title
from stolcke.lexer import automaton
from stolcke.lexical.plain import IGNORED, Plain
from stolcke.options import Limits

__all__ = ["joined_with_ignored"]

_GROWTH = 2
"""A terminal is joined unless that takes more states than so many times those of the two."""


def joined_with_ignored(plain: Plain, limits: Limits, deadline: Deadline) -> Grammar | None:
    """Join terminals with what is ignored behind them.

    Parameters
    ----------
    plain : Plain
    limits : Limits
        ``regex_states``: a terminal that would need more stays as it is.
    deadline : Deadline

    Returns
    -------
    Grammar or None
        Of the same texts, weights aside; None where there is nothing to be joined, or no copies had to be made.
    """
    if plain.rule_of is None:
        return None
    ignored = _ignored(plain.grammar, limits)
    if not ignored:
        return None
    return _Joining(plain.grammar, ignored, limits, deadline).grammar()


def _ignored(grammar: Grammar, limits: Limits) -> dict[Nonterminal, Machine]:
    """What the nonterminals for what is ignored derive, as far as they are repeats of a choice of terminals."""
    rules: dict[Nonterminal, list[tuple[Symbol, ...]]] = {}
    for rule in grammar.rules:
        if rule.lhs.name.startswith(IGNORED):
            rules.setdefault(rule.lhs, []).append(rule.rhs)
    found: dict[Nonterminal, Machine] = {}
    for lhs, strings in rules.items():
        pattern = _repeated(lhs, strings, rules, grammar.terminals)
        if pattern is not None:
            found[lhs] = Machine("what is ignored", automaton(pattern, limits))
    return found


def _repeated(
    lhs: Nonterminal,
    strings: list[tuple[Symbol, ...]],
    rules: Mapping[Nonterminal, list[tuple[Symbol, ...]]],
    terminals: Mapping[str, TerminalDefinition],
) -> Pattern | None:
    """What a nonterminal derives whose rules are ``t rest`` or ``t``, and nothing; None where they are others."""
    written = [string for string in strings if string]
    names = {string[0].name for string in written}
    if not written or not all(_is_text(string[0], terminals) for string in written):
        return None
    one = Choice(tuple(terminals[name].pattern for name in sorted(names)))
    least = 0 if () in strings else 1
    rests = {string[1:] for string in written}
    if rests == {()}:
        return Repeat(one, least, 1)
    if len(rests) != 1:
        return None
    (rest,) = rests.pop()
    again = rules.get(rest) if isinstance(rest, Nonterminal) else None
    # What comes after each match must be any number of the same.
    if again is None or set(again) != {(), *((Terminal(name), rest) for name in names)}:
        return None
    return Repeat(one, least, None)


def _is_text(symbol: Symbol, terminals: Mapping[str, TerminalDefinition]) -> bool:
    pattern = terminals[symbol.name].pattern if isinstance(symbol, Terminal) else None
    return pattern is not None and not isinstance(pattern, (Special, Counted))


class _Joining:
    """Writes the rules anew; a pair of symbols that is met again is the same terminal."""

    def __init__(
        self, grammar: Grammar, ignored: Mapping[Nonterminal, Machine], limits: Limits, deadline: Deadline
    ) -> None:
        self._grammar = grammar
        self._ignored = ignored
        self._limits = limits
        self._deadline = deadline
        self._terminals = dict(grammar.terminals)
        self._made: dict[tuple[Symbol, Symbol], Terminal | None] = {}

    def grammar(self) -> Grammar | None:
        """The grammar, or None where nothing is joined."""
        rules = tuple(
            Rule(rule.lhs, rule.rhs if rule.lhs in self._ignored else self._string(rule.rhs))
            for rule in self._grammar.rules
        )
        tallies = {
            name: replace(
                tally,
                entries=tuple(replace(entry, symbols=self._string(entry.symbols)) for entry in tally.entries),
                separator=self._string(tally.separator),
            )
            for name, tally in self._grammar.tallies.items()
        }
        if not any(self._made.values()):
            return None
        return Grammar.made(self._grammar.start, rules, self._terminals, tallies=tallies)

    def _string(self, symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        written: list[Symbol] = []
        for symbol in symbols:
            joined = None
            if written and isinstance(written[-1], Terminal) and symbol in self._ignored:
                joined = self._pair(written[-1], symbol)
            if joined is None:
                written.append(symbol)
            else:
                written[-1] = joined
        return tuple(written)

    def _pair(self, terminal: Terminal, ignored: Symbol) -> Terminal | None:
        """The terminal that stands for two symbols, or None where they are left apart."""
        pair = terminal, ignored
        if pair not in self._made:
            self._deadline.check("joining terminals with what is ignored")
            self._made[pair] = self._joined(terminal, ignored)
        return self._made[pair]

    def _joined(self, terminal: Terminal, ignored: Symbol) -> Terminal | None:
        if not _is_text(terminal, self._terminals):
            return None
        definition, behind = self._terminals[terminal.name], self._ignored[ignored]
        title = terminal_title(definition)
        first = automaton(definition.pattern, self._limits)
        try:
            machine = automaton(Sequence((Machine(title, first), behind)), self._limits)
        except LimitExceeded:
            return None
        # Where what is ignored may look like the end of the terminal, there may be many.
        if machine.n_states > _GROWTH * (first.n_states + behind.automaton.n_states):
            return None
        name = f"{terminal.name}~{ignored.name}"
        self._terminals[name] = replace(
            definition,
            name=name,
            pattern=Machine(title, machine),
            variant_of=definition.variant_of or definition.name,
        )
        return Terminal(name)
