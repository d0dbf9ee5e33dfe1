"""Every sentence of a grammar up to a length: even dumber than parsing.

Languages are finite sets of short texts; a rule's language is computed from
those of its symbols until nothing is added.
"""

from __future__ import annotations

from stolcke.grammar.model import Grammar, Terminal
from stolcke.grammar.patterns import Choice, Literal, Pattern, Repeat, Sequence, Special

Texts = frozenset[tuple]
EMPTY: Texts = frozenset({()})


def concatenations(left: Texts, right: Texts, longest: int) -> Texts:
    """All texts of ``left`` followed by one of ``right``, up to a length."""
    return frozenset(x + y for x in left for y in right if len(x) + len(y) <= longest)


def repetitions(texts: Texts, longest: int) -> Texts:
    """Zero or more texts one after the other, up to a length."""
    result = EMPTY
    while (more := result | concatenations(result, texts, longest)) != result:
        result = more
    return result


def matched_texts(pattern: Pattern, longest: int) -> Texts:
    """The texts that a pattern matches, up to a length; no regular expressions, no folding of case."""
    match pattern:
        case Literal(text, False):
            value = tuple(text if isinstance(text, bytes) else text.encode())
            return frozenset({value} if len(value) <= longest else ())
        case Special():
            return frozenset({(pattern,)} if longest else ())
        case Sequence(parts):
            result = EMPTY
            for part in parts:
                result = concatenations(result, matched_texts(part, longest), longest)
            return result
        case Choice(parts):
            return frozenset().union(*(matched_texts(part, longest) for part in parts))
        case Repeat(part, least, most):
            texts = matched_texts(part, longest)
            result = EMPTY
            for _ in range(least):
                result = concatenations(result, texts, longest)
            if most is None:
                return concatenations(result, repetitions(texts, longest), longest)
            for _ in range(most - least):
                result |= concatenations(result, texts, longest)
            return result
    raise AssertionError(f"cannot enumerate {pattern!r}")


def sentences(grammar: Grammar, longest: int) -> Texts:
    """All sentences of at most ``longest`` bytes and special tokens."""
    ignored = repetitions(
        frozenset().union(*(matched_texts(grammar.terminals[name].pattern, longest) for name in grammar.ignore)),
        longest,
    )
    terminals = {
        name: concatenations(ignored, matched_texts(definition.pattern, longest), longest)
        for name, definition in grammar.terminals.items()
    }
    languages: dict[str, Texts] = {}
    changed = True
    while changed:
        changed = False
        for rule in grammar.rules:
            texts = EMPTY
            for symbol in rule.rhs:
                known = terminals if isinstance(symbol, Terminal) else languages
                texts = concatenations(texts, known.get(symbol.name, frozenset()), longest)
            before = languages.get(rule.lhs.name, frozenset())
            if not texts <= before:
                languages[rule.lhs.name] = before | texts
                changed = True
    return concatenations(languages.get(grammar.start, frozenset()), ignored, longest)
