"""Tallies written out as plain rules: a nonterminal for each set of entries that have occurred and each count."""

from __future__ import annotations

from dataclasses import replace

from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, Tally

Seen = tuple[frozenset[int], int, int]
"""Entries that have occurred, and how many entries and marked entries there were."""


def written_out(grammar: Grammar) -> Grammar:
    """The same language without tallies; states from which nothing can be completed are not left out."""
    rules = list(grammar.rules)
    for name, tally in grammar.tallies.items():
        rules += _rules(name, tally)
    return replace(grammar, rules=tuple(rules), tallies={})


def _rules(name: str, tally: Tally) -> list[Rule]:
    start: Seen = (frozenset(), 0, 0)
    rules, pending, done = [], [start], set()
    while pending:
        state = pending.pop()
        if state in done:
            continue
        done.add(state)
        seen, count, marked = state
        lhs = _nonterminal(name, state)
        required = {k for k, entry in enumerate(tally.entries) if entry.required}
        if required <= seen and count >= tally.least and marked >= tally.least_marked:
            rules.append(Rule(lhs, ()))
        for k, entry in enumerate(tally.entries):
            following = (seen | {k}, count + 1, marked + entry.marked)
            if (
                (entry.once and k in seen)
                or _above(following[1], tally.most)
                or _above(following[2], tally.most_marked)
            ):
                continue
            following = (
                following[0],
                following[1] if tally.most is not None else min(following[1], max(tally.least, 1)),
                following[2] if tally.most_marked is not None else min(following[2], tally.least_marked),
            )
            between: tuple[Symbol, ...] = tally.separator if count else ()
            rules.append(Rule(lhs, (*between, *entry.symbols, _nonterminal(name, following))))
            pending.append(following)
    # Even where there is no rule: a tally that derives nothing needs itself.
    return [*rules, Rule(Nonterminal(name), (_nonterminal(name, start),)), *(_never(name, s) for s in done)]


def _never(name: str, state: Seen) -> Rule:
    """A rule that derives nothing new, so that each state has one."""
    return Rule(_nonterminal(name, state), (_nonterminal(name, state),))


def _above(count: int, most: int | None) -> bool:
    return most is not None and count > most


def _nonterminal(name: str, state: Seen) -> Nonterminal:
    seen, count, marked = state
    return Nonterminal(f"{name}/{'.'.join(map(str, sorted(seen)))}/{count}/{marked}")
