"""A grammar from a list of texts."""

from __future__ import annotations

from collections.abc import Iterable

from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal

__all__ = ["read_choices"]


def read_choices(choices: Iterable[str | bytes]) -> Grammar:
    """Make the grammar of exactly the given texts; see :meth:`Grammar.from_choices`.

    All texts together are one terminal, so that common beginnings are shared
    by its automaton; the empty text is a rule, as no terminal may match it.
    """
    if isinstance(choices, (str, bytes)):
        raise GrammarError("choices must be a list of texts, not one text")
    texts: dict[str | bytes, None] = {}
    for text in choices:
        if not isinstance(text, (str, bytes)):
            raise GrammarError(f"a choice must be str or bytes, not {type(text).__name__}")
        texts[text] = None
    if not texts:
        raise GrammarError("no choices are given, so no text would be in the language")
    start = Nonterminal("start")
    rules, terminals = [], {}
    literals = tuple(Literal(text) for text in texts if text)
    if literals:
        terminals["CHOICE"] = TerminalDefinition("CHOICE", literals[0] if len(literals) == 1 else Choice(literals))
        rules.append(Rule(start, (Terminal("CHOICE"),)))
    if len(literals) < len(texts):
        rules.append(Rule(start, ()))
    return Grammar("start", tuple(rules), terminals)
