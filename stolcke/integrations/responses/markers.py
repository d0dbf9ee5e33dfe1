"""Texts and special tokens that stand around regions, and free text between them, as grammars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Literal, Machine, Nonempty, Pattern, Regex, Repeat, Sequence, Special
from stolcke.lexer import Automaton, automaton
from stolcke.lexer.boolean import difference
from stolcke.vocabulary import Vocabulary

__all__ = ["Marker", "SpecialToken", "free_text", "literal", "marker_in", "minimal", "text_until", "texts_apart"]

_ANY = Regex(".", "s")
_ANYTHING = Repeat(_ANY, 0, None)
_SOMETHING = Repeat(_ANY, 1, None)


@dataclass(frozen=True, slots=True)
class SpecialToken:
    """A special token of the vocabulary, by its text or its id; text that spells it is no such token."""

    token: str | int


Marker = str | SpecialToken | tuple["str | SpecialToken", ...]
"""What opens, separates or closes: a text, a special token, or several one after the other."""


def marker_in(vocabulary: Vocabulary, text: str) -> str | SpecialToken:
    """Give a marker as a vocabulary has it: its special token of that text, if there is one, or else the text."""
    data = text.encode()
    is_special = any(vocabulary.tokens[token] == data for token in vocabulary.special_token_ids)
    return SpecialToken(text) if text and is_special else text


@lru_cache(maxsize=1024)
def literal(marker: Marker) -> Grammar:
    """Make the grammar of a marker."""
    if isinstance(marker, tuple):
        return Grammar.sequence(*map(literal, marker))
    if isinstance(marker, str):
        return Grammar.literal(marker)
    if not isinstance(marker, SpecialToken):
        raise GrammarError(f"a marker must be str, SpecialToken or a tuple of them, not {type(marker).__name__}")
    name = f"<{marker.token}>"
    pattern = Special(name, (marker.token,))
    start = Nonterminal("start")
    return Grammar("start", (Rule(start, (Terminal(name),)),), {name: TerminalDefinition(name, pattern)})


@lru_cache(maxsize=256)
def free_text(excluded: tuple[str, ...] = ()) -> Grammar:
    """Make the grammar of all texts that hold none of some others."""
    return _one_terminal(_free(excluded), "free text")


@lru_cache(maxsize=256)
def text_until(stop: str, stops: tuple[str, ...], excluded: tuple[str, ...] = ()) -> Grammar | None:
    """Make the grammar of the texts that end with ``stop``, where the first of ``stops`` ends; None: there are none.

    Parameters
    ----------
    stop : str
    stops : tuple of str
        All texts that end free text, ``stop`` among them.
    excluded : tuple of str
        What must not stand in it anywhere.
    """
    ends = Sequence((_ANYTHING, Literal(stop)))
    # What goes on behind one of them has ended before.
    earlier = Sequence((_ANYTHING, _any_of((*stops, *excluded)), _SOMETHING))
    machine = difference(automaton(ends), automaton(earlier))
    if excluded:
        machine = difference(machine, automaton(Sequence((_ANYTHING, _any_of(excluded)))))
    return _one_terminal(machine, f"text until {stop!r}") if machine.n_states else None


@lru_cache(maxsize=64)
def texts_apart(beginning: str) -> Grammar:
    """Make the grammar of the texts of which no beginning matches a regular expression."""
    others = automaton(Sequence((Regex(beginning), _ANYTHING)))
    return _one_terminal(difference(automaton(_ANYTHING), others), "free text")


def minimal(texts: Iterable[str]) -> list[str]:
    """Leave out those texts that begin with another one."""
    found: list[str] = []
    for text in sorted(set(texts)):
        if not (found and text.startswith(found[-1])):
            found.append(text)
    return found


def _any_of(texts: tuple[str, ...]) -> Pattern:
    return Choice(tuple(map(Literal, texts)))


def _free(excluded: tuple[str, ...]) -> Automaton:
    if not excluded:
        return automaton(_ANYTHING)
    return difference(automaton(_ANYTHING), automaton(Sequence((_ANYTHING, _any_of(excluded), _ANYTHING))))


def _one_terminal(machine: Automaton, title: str) -> Grammar:
    start, name = Nonterminal("start"), "TEXT"
    rules = [Rule(start, (Terminal(name),))]
    if machine.matches_empty:
        # No terminal may match the empty text, so a rule does.
        rules.append(Rule(start, ()))
    pattern: Pattern = Machine(title, machine)
    if machine.matches_empty:
        pattern = Nonempty(pattern)
    return Grammar("start", tuple(rules), {name: TerminalDefinition(name, pattern)})
