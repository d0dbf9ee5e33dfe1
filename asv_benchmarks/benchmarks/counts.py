"""Deterministic counts of the engine's work, for the shipped grammars over fixed texts and the synthetic vocabulary.

``check_counts.py`` compares them with the baseline: one more is a change of the
code and never noise.
"""

from __future__ import annotations

from functools import cache

from stolcke import Grammar, Vocabulary, compile
from stolcke.grammar.model import Nonterminal, Rule, Tally, TallyEntry, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Literal

from . import material


@cache
def stats(name: str) -> dict[str, int]:
    """Counts after one pass over a grammar's texts."""
    compiled = material.compiled(name)
    material.run(compiled, material.token_texts(name))
    return compiled.stats()


class Run:
    """One pass over a grammar's texts, everything computed for it alone."""

    params = material.GRAMMARS
    param_names = ("grammar",)

    def track_rules(self, name: str) -> int:
        return stats(name)["rules"]

    def track_automaton_states(self, name: str) -> int:
        return stats(name)["automaton_states"]

    def track_columns(self, name: str) -> int:
        return stats(name)["columns"]

    def track_continuations(self, name: str) -> int:
        return stats(name)["continuations"]

    def track_states(self, name: str) -> int:
        return stats(name)["states"]

    def track_masks(self, name: str) -> int:
        return stats(name)["masks"]

    def track_partitions(self, name: str) -> int:
        return stats(name)["partitions"]

    def track_merged_nodes(self, name: str) -> int:
        return stats(name)["merged_nodes"]

    def track_trie_nodes_visited(self, name: str) -> int:
        return stats(name)["trie_nodes_visited"]

    def track_suffixes_evaluated(self, name: str) -> int:
        return stats(name)["suffixes_evaluated"]

    def track_table_bytes(self, name: str) -> int:
        return stats(name)["table_bytes"]

    track_table_bytes.unit = "bytes"


def track_trie_nodes() -> int:
    """Nodes of the synthetic vocabulary's own trie."""
    return stats(material.GRAMMARS[0])["trie_nodes"]


@cache
def object_stats() -> dict[str, int]:
    """Counts after an object of 60 members, of which each third is required, in two orders."""
    members = {f"M{i}": TerminalDefinition(f"M{i}", Literal(f'"member{i}":1')) for i in range(60)}
    punctuation = {name: TerminalDefinition(name, Literal(name)) for name in "{},"}
    entries = tuple(TallyEntry((Terminal(name),), once=True, required=i % 3 == 0) for i, name in enumerate(members))
    grammar = Grammar(
        "object",
        (Rule(Nonterminal("object"), (Terminal("{"), Nonterminal("members"), Terminal("}"))),),
        members | punctuation,
        tallies={"members": Tally(entries, (Terminal(","),))},
    )
    compiled = compile(grammar, Vocabulary.from_bytes())
    texts = [member.pattern.text for member in members.values()]
    for order in (texts, texts[::-1]):
        matcher = compiled.matcher()
        for value in f"{{{','.join(order)}}}".encode():
            matcher.mask()
            assert matcher.accept(value)
    return compiled.stats()


def track_tally_states() -> int:
    """States of a tally of 60 entries."""
    return object_stats()["tally_states"]


def track_tally_suffixes() -> int:
    """Remaining parts of the rules made for these states."""
    return object_stats()["suffixes"]


def track_tally_suffixes_evaluated() -> int:
    """How often a mask had to look into one."""
    return object_stats()["suffixes_evaluated"]
