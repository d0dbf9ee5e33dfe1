"""What there is to say about a grammar without trying any text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import stolcke
from stolcke.grammar import analysis
from stolcke.grammar.model import Terminal
from stolcke.grammar.patterns import Literal, Regex, Special
from stolcke.grammar.weights import is_weighted, rule_weights
from stolcke.lexer import Automaton, CountedAutomaton
from stolcke.lexer.boolean import unreserved
from stolcke.lexer.overlap import common_text

__all__ = ["FINDINGS", "MOST_NAMED", "describe"]

# What is looked for: its key, how grave it is, and what it means.
FINDINGS = [
    ("unproductive", "warning", "rules that derive no text; whatever needs them is dropped"),
    ("unreachable", "warning", "rules that the start does not lead to"),
    ("unused_terminals", "warning", "terminals in no rule that the start leads to"),
    ("empty_terminals", "warning", "terminals that match no text at all"),
    ("duplicates", "warning", "rules with the same alternative twice"),
    ("cyclic", "warning", "rules that derive themselves alone: no harm for masks, endless trees for others"),
    ("empty", "note", "rules that derive the empty text"),
    ("right_recursion", "note", "rules that end in themselves; as cheap here as those that begin with themselves"),
    ("weighted", "note", "rules in which alternatives have weights; those without share what is left"),
    ("impossible", "note", "rules with alternatives of probability 0, which masks allow all the same"),
    ("overlaps", "note", "terminals that share a text; the parser follows each reading"),
]
# Helper rules that come from ?, *, + and the like.
HELPER = re.compile(r"_(opt|star|plus|group|repeat|upto|round|list|entry)_[0-9]+$")
# Beyond this many terminals comparing all pairs would take longer than all the rest.
MOST_COMPARED = 300
MOST_NAMED = 40


def _written(names: Iterable[str]) -> list[str]:
    """Names in order, without those that no one wrote."""
    return sorted(name for name in names if not HELPER.search(name))


def _without_bounds(machine: Automaton | CountedAutomaton) -> Automaton:
    return machine.unbounded if isinstance(machine, CountedAutomaton) else machine


def describe(grammar: stolcke.Grammar) -> dict[str, Any]:
    """Count and analyse: ``counts`` by name, ``findings`` by the keys of FINDINGS."""
    automata = {
        name: _without_bounds(unreserved(definition.pattern, definition.reserved))
        for name, definition in grammar.terminals.items()
        if not isinstance(definition.pattern, Special)
    }
    empty_terminals = sorted(name for name, found in automata.items() if found.n_states == 0)
    nonterminals = set(grammar.nonterminals)
    reachable = analysis.reachable(grammar)
    used = set(grammar.ignore)
    for rule in grammar.rules:
        if rule.lhs.name in reachable:
            used.update(symbol.name for symbol in rule.rhs if isinstance(symbol, Terminal))
    for name, tally in grammar.tallies.items():
        if name in reachable:
            used.update(symbol.name for part in tally.strings() for symbol in part if isinstance(symbol, Terminal))
    weights = rule_weights(grammar).tolist() if is_weighted(grammar) else [1] * len(grammar.rules)
    return {
        "counts": {
            "rules": len(grammar.rules),
            "nonterminals": len(nonterminals),
            "of_which_helpers": sum(bool(HELPER.search(name)) for name in nonterminals),
            "of_which_tallies": len(grammar.tallies),
            "terminals": len(grammar.terminals),
            "of_which_ignored": len(grammar.ignore),
            "of_which_special": len(grammar.terminals) - len(automata),
            "automaton_states": sum(found.n_states for found in automata.values()),
        },
        "findings": {
            "unproductive": _written(nonterminals - analysis.productive(grammar, empty_terminals)),
            "unreachable": _written(nonterminals - reachable),
            "unused_terminals": sorted(set(grammar.terminals) - used),
            "empty_terminals": empty_terminals,
            "duplicates": _written({rule.lhs.name for rule in analysis.duplicates(grammar)}),
            "cyclic": _written(analysis.cyclic(grammar)),
            "empty": _written(analysis.nullable(grammar)),
            "right_recursion": _written(analysis.right_recursive(grammar)),
            "weighted": ["%weights raw"] * grammar.raw_weights
            + _written({rule.lhs.name for rule in grammar.rules if rule.weight is not None}),
            "impossible": _written({rule.lhs.name for rule, w in zip(grammar.rules, weights, strict=True) if not w}),
            "overlaps": _overlaps({_shown(grammar, name): found for name, found in automata.items()}),
        },
    }


def _shown(grammar: stolcke.Grammar, name: str) -> str:
    """A terminal's name or, where no one gave it one, what it matches."""
    pattern = grammar.terminals[name].pattern
    if not name.startswith("__ANON_"):
        return name
    if isinstance(pattern, Literal):
        return json.dumps(pattern.text if isinstance(pattern.text, str) else repr(pattern.text), ensure_ascii=False)
    return repr(f"/{pattern.source}/")[1:-1].replace("\\\\", "\\") if isinstance(pattern, Regex) else name


def _overlaps(automata: dict[str, Automaton]) -> list[str]:
    if len(automata) > MOST_COMPARED:
        return [f"(not looked for among more than {MOST_COMPARED} terminals)"]
    found = []
    for (name, one), (other_name, other) in combinations(automata.items(), 2):
        text = common_text(one, other)
        if text is not None:
            found.append(f"{name} and {other_name} ({text.decode(errors='backslashreplace')!r})")
    return found
