"""Regular expressions as front ends meet them: checked by Python's own compiler."""

from __future__ import annotations

import re

from stolcke.errors import RegexError
from stolcke.grammar.model import Grammar, Nonterminal, Rule, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Nonempty, Pattern, Regex, Whole
from stolcke.lexer.context import holds_assertions

__all__ = ["check_regex", "read_regex"]

_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "u": re.UNICODE}


def check_regex(pattern: str, flags: str) -> re.Pattern:
    """Compile an expression with :mod:`re`; what Python refuses is a :class:`RegexError`."""
    value = 0
    for letter in flags:
        if letter not in _FLAGS:
            raise RegexError(f"the flag {letter!r} is not supported, only i m s x u", pattern=pattern)
        value |= _FLAGS[letter]
    try:
        return re.compile(pattern, value)
    except re.error as error:
        raise RegexError(f"malformed regular expression: {error.msg}", pattern=pattern, position=error.pos) from None
    except (OverflowError, RecursionError, ValueError) as error:
        raise RegexError(f"malformed regular expression: {error}", pattern=pattern) from None


def read_regex(pattern: str, flags: str = "") -> Grammar:
    """Make the grammar of the texts that an expression matches whole; see :meth:`Grammar.from_regex`."""
    start, name = Nonterminal("start"), "REGEX"
    if not isinstance(pattern, str):
        raise RegexError(f"the regular expression must be str, not {type(pattern).__name__}", pattern=repr(pattern))
    compiled = check_regex(pattern, flags)
    expression: Pattern = Regex(pattern, "".join(sorted(set(flags))))
    rules = [Rule(start, (Terminal(name),))]
    matches_empty = compiled.fullmatch("") is not None
    if matches_empty:
        # No terminal may match the empty text, so a rule does.
        rules.append(Rule(start, ()))
    asserts = holds_assertions(expression)
    if asserts:
        # They see the text's ends where the match ends.
        expression = Whole(expression)
    if matches_empty or asserts:  # versions of re differ on \B in the empty text
        expression = Nonempty(expression)
    return Grammar("start", tuple(rules), {name: TerminalDefinition(name, expression)})
