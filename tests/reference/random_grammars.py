"""Random grammars: small, and with every nasty feature sooner or later."""

from __future__ import annotations

from random import Random

from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal

_TERMINALS = {
    "A": Literal("a"),
    "B": Literal("b"),
    "AB": Literal("ab"),
    "AA": Choice((Literal("a"), Literal("aa"))),
}


def random_grammar(random: Random, *, nonterminals: int = 4, ignore: bool = False) -> Grammar:
    """Draw a grammar with empty rules, cycles, all kinds of recursion, unproductive and unreachable symbols.

    About half of the nonterminals are lists (``s: | s b`` or ``s: b | s b``).
    """
    names = [f"n{index}" for index in range(random.randint(1, nonterminals))]

    def symbols(most: int) -> tuple:
        pool = [*map(Nonterminal, names), *map(Terminal, _TERMINALS)]
        return tuple(random.choice(pool) for _ in range(random.randint(0, most)))

    rules = []
    for name in names:
        lhs = Nonterminal(name)
        if random.random() < 0.4:
            rounds = [symbols(2) or (Terminal("A"),) for _ in range(random.randint(1, 2))]
            rules += [Rule(lhs, part) for part in rounds] if random.random() < 0.5 else [Rule(lhs, ())]
            rules += [Rule(lhs, (lhs, *part)) for part in rounds]
        else:
            rules += [Rule(lhs, symbols(4)) for _ in range(random.randint(1, 3))]
    terminals = {name: TerminalDefinition(name, pattern) for name, pattern in _TERMINALS.items()}
    ignored = ()
    if ignore:
        terminals["SPACE"] = TerminalDefinition("SPACE", Literal(" "))
        ignored = ("SPACE", "B") if random.random() < 0.3 else ("SPACE",)
    return Grammar("n0", tuple(rules), terminals, ignored)
