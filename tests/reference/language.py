"""The language of a grammar by brute force: every text over a small alphabet up to a small length."""

from __future__ import annotations

import re
from itertools import product

from stolcke.grammar.model import Grammar, Terminal
from stolcke.grammar.patterns import Choice, Literal, Nonempty, Pattern, Regex, Repeat, Sequence, Special, Whole
from tests.reference.tallies import written_out


def all_texts(alphabet: str, length: int) -> list[str]:
    """Return every text of at most ``length`` characters, short ones first."""
    return ["".join(letters) for n in range(length + 1) for letters in product(alphabet, repeat=n)]


def join(left: set[str], right: set[str], length: int) -> set[str]:
    """Concatenate two languages, cut at ``length``."""
    return {a + b for a in left for b in right if len(a) + len(b) <= length}


def repeated(part: set[str], least: int, most: int | None, length: int) -> set[str]:
    """Repeat a language ``least`` to ``most`` times."""
    texts, exactly, count = set(), {""}, 0
    while True:
        if count >= least:
            if exactly <= texts and count > least:
                return texts
            texts |= exactly
        if count == most or (count > least + length and most is None):
            return texts
        exactly = join(exactly, part, length)
        count += 1


def pattern_texts(pattern: Pattern, alphabet: str, length: int) -> set[str]:
    """Return the texts that a pattern matches as a whole."""
    if isinstance(pattern, Literal):
        flags = re.IGNORECASE if pattern.ignore_case else 0
        return {t for t in all_texts(alphabet, length) if re.fullmatch(re.escape(pattern.text), t, flags)}
    if isinstance(pattern, Regex):
        flags = f"(?{pattern.flags})" if pattern.flags else ""
        return {t for t in all_texts(alphabet, length) if re.fullmatch(flags + pattern.source, t)}
    if isinstance(pattern, Sequence):
        texts = {""}
        for part in pattern.parts:
            texts = join(texts, pattern_texts(part, alphabet, length), length)
        return texts
    if isinstance(pattern, Choice):
        return set().union(*(pattern_texts(part, alphabet, length) for part in pattern.parts))
    if isinstance(pattern, Repeat):
        return repeated(pattern_texts(pattern.part, alphabet, length), pattern.least, pattern.most, length)
    if isinstance(pattern, Whole):
        return pattern_texts(pattern.part, alphabet, length)
    if isinstance(pattern, Nonempty):
        return pattern_texts(pattern.part, alphabet, length) - {""}
    assert isinstance(pattern, Special)
    return set()


def languages(grammar: Grammar, alphabet: str, length: int) -> dict[str, set[str]]:
    """Return the texts of each nonterminal; ignored terminals may stand before every terminal."""
    grammar = written_out(grammar)
    terminals = {name: pattern_texts(t.pattern, alphabet, length) for name, t in grammar.terminals.items()}
    ignored = repeated(set().union(*(terminals[name] for name in grammar.ignore)), 0, None, length)
    texts: dict[str, set[str]] = {rule.lhs.name: set() for rule in grammar.rules}
    changed = True
    while changed:
        changed = False
        for rule in grammar.rules:
            found = {""}
            for symbol in rule.rhs:
                if isinstance(symbol, Terminal):
                    part = join(ignored, terminals[symbol.name], length)
                else:
                    part = texts[symbol.name]
                found = join(found, part, length)
            if not found <= texts[rule.lhs.name]:
                texts[rule.lhs.name] |= found
                changed = True
    return texts


def language(grammar: Grammar, alphabet: str = "ab", length: int = 5) -> set[str]:
    """Return every text of the grammar over the alphabet, up to a length."""
    texts = languages(grammar, alphabet, length)[grammar.start]
    terminals = [pattern_texts(grammar.terminals[name].pattern, alphabet, length) for name in grammar.ignore]
    return join(texts, repeated(set().union(*terminals), 0, None, length), length)
