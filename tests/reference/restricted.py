"""What restrictions mean: a text is in the language if some way to cut it into terminals keeps them all."""

from __future__ import annotations

from stolcke.grammar.model import Grammar, Neighbour, Nonterminal, Rule, Symbol, Terminal
from stolcke.grammar.terminals import TerminalDefinition
from tests.reference.language import all_texts, pattern_texts


def is_allowed(neighbour: Neighbour | None, character: str) -> bool:
    """Whether a character, or "" for the end of the text, may stand beside a terminal."""
    if neighbour is None:
        return True
    if not character:
        return neighbour.edge
    bounds = neighbour.characters
    ranges = zip(bounds[::2], bounds[1::2], strict=True)
    return any(low <= ord(character) < end for low, end in ranges)


class Restricted:
    """Says whether texts of some length over an alphabet are in the language of a grammar without tallies."""

    def __init__(self, grammar: Grammar, alphabet: str, length: int) -> None:
        self.texts = {name: self._texts(t, alphabet, length) for name, t in grammar.terminals.items()}
        self.terminals = grammar.terminals
        skip, start = Nonterminal("<skip>"), Nonterminal("<start>")
        self.rules = [Rule(rule.lhs, self._opened(rule.rhs, skip)) for rule in grammar.rules]
        self.rules += [Rule(start, (Nonterminal(grammar.start), skip)), Rule(skip, ())]
        self.rules += [Rule(skip, (skip, Terminal(name))) for name in grammar.ignore]

    @staticmethod
    def _texts(terminal: TerminalDefinition, alphabet: str, length: int) -> set[str]:
        reserved = [pattern_texts(pattern, alphabet, length) for pattern in terminal.reserved]
        return pattern_texts(terminal.pattern, alphabet, length).difference(*reserved)

    @staticmethod
    def _opened(symbols: tuple[Symbol, ...], skip: Nonterminal) -> tuple[Symbol, ...]:
        return tuple(each for s in symbols for each in ((skip, s) if isinstance(s, Terminal) else (s,)))

    def matches(self, name: str, text: str, begin: int, end: int) -> bool:
        """Whether a terminal may match a part of a text."""
        terminal = self.terminals[name]
        before, behind = text[begin - 1 : begin] if begin else "", text[end : end + 1]
        return (
            text[begin:end] in self.texts[name]
            and is_allowed(terminal.precede, before)
            and is_allowed(terminal.follow, behind)
        )

    def accepts(self, text: str) -> bool:
        """Whether a text is in the language: what derives which part of it, until nothing more is found."""
        n = len(text)
        found: dict[str, set[tuple[int, int]]] = {rule.lhs.name: set() for rule in self.rules}
        spans = {
            name: {(i, k) for i in range(n) for k in range(i + 1, n + 1) if self.matches(name, text, i, k)}
            for name in self.terminals
        }
        changed = True
        while changed:
            changed = False
            for rule in self.rules:
                reached = {(i, i) for i in range(n + 1)}
                for symbol in rule.rhs:
                    parts = spans[symbol.name] if isinstance(symbol, Terminal) else found[symbol.name]
                    reached = {(i, end) for i, k in reached for begin, end in parts if k == begin}
                if not reached <= found[rule.lhs.name]:
                    found[rule.lhs.name] |= reached
                    changed = True
        return (0, n) in found["<start>"]


def restricted_language(grammar: Grammar, alphabet: str, length: int) -> set[str]:
    """All texts of a grammar over an alphabet, up to a length."""
    reference = Restricted(grammar, alphabet, length)
    return {text for text in all_texts(alphabet, length) if reference.accepts(text)}
