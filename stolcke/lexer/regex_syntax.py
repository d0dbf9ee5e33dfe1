"""From the syntax of Python's :mod:`re` to symbolic patterns.

:mod:`re` parses; its tree is rewritten into the patterns of
:mod:`stolcke.grammar.patterns` and three more leaves of our own.  What a
regular expression over whole lexemes cannot mean is an error with a caret.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as op

from stolcke.errors import LimitExceeded, RegexError
from stolcke.grammar.patterns import Choice, Literal, Pattern, Regex, Repeat, Sequence
from stolcke.lexer import charsets
from stolcke.lexer.charsets import Bounds
from stolcke.options import Limits

__all__ = ["Behind", "Characters", "LazyRepeat", "Node", "parse_regex"]


@dataclass(frozen=True, slots=True)
class Characters:
    """One character of a set."""

    bounds: Bounds


@dataclass(frozen=True, slots=True)
class LazyRepeat:
    """A pattern ``least`` to ``most`` times, no more often than what follows needs."""

    part: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Behind:
    """Nothing, where the character before is in a set; ``source`` and ``position`` say where it was written."""

    bounds: Bounds
    source: str
    position: int | None


Node = Pattern | Characters | LazyRepeat | Behind

_FLAGS = {"i": re.I, "m": re.M, "s": re.S, "x": re.X, "u": re.U, "a": re.A}
_CATEGORIES = {
    op.CATEGORY_DIGIT: ("d", False),
    op.CATEGORY_NOT_DIGIT: ("d", True),
    op.CATEGORY_SPACE: ("s", False),
    op.CATEGORY_NOT_SPACE: ("s", True),
    op.CATEGORY_WORD: ("w", False),
    op.CATEGORY_NOT_WORD: ("w", True),
}
_LATER = "is not supported yet"
_ANCHORS = {
    op.AT_BEGINNING: ("^", f"'^' {_LATER}, neither inside a terminal nor at its start"),
    op.AT_BEGINNING_STRING: ("\\A", f"'\\A' {_LATER}, neither inside a terminal nor at its start"),
    op.AT_END: ("$", f"'$' {_LATER}, neither inside a terminal nor at its end"),
    op.AT_END_STRING: ("\\Z", f"'\\Z' {_LATER}, neither inside a terminal nor at its end"),
    op.AT_BOUNDARY: ("\\b", f"the word boundary '\\b' {_LATER}"),
    op.AT_NON_BOUNDARY: ("\\B", f"'\\B' {_LATER}"),
}

# What may be in a regular expression, coarsely: enough to find where a construct is written.
_LEXEME = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<comment>\(\?\#[^)]*\))"
    r"|(?P<open>\((?:\?(?:P[<=]|<[=!]|[=!>(:]|[a-zA-Z-]+[:)]))?)"
    r"|(?P<counted>\{[0-9]*,?[0-9]*\}[+]?)|(?P<repeat>[*+?]\+)|(?P<other>.)",
    re.DOTALL,
)


def _constructs(source: str):
    """Each construct of an expression, as (text without its content, position)."""
    for lexeme in _LEXEME.finditer(source):
        yield lexeme.group(), lexeme.start(), lexeme.lastgroup


def _place(source: str, wanted: tuple[str, ...], nth: int = 0) -> int | None:
    """Where the ``nth`` construct that is spelled in one of the wanted ways is written."""
    places = [at for text, at, kind in _constructs(source) if kind != "set" and text.startswith(wanted)]
    return places[nth] if nth < len(places) else None


def _check_size(source: str, limits: Limits) -> None:
    """Refuse what would keep :mod:`re` busy, before it sees the expression."""
    depth = deepest = 0
    bars = Counter({0: 1})
    for text, _, kind in _constructs(source):
        if kind == "open" and text[-1] != ")":
            depth += 1
            bars[depth] = 1
            deepest = max(deepest, depth)
        elif kind == "other" and text == ")":
            depth = max(0, depth - 1)
        elif kind == "other" and text == "|":
            bars[depth] += 1
            if bars[depth] > limits.alternatives:
                raise LimitExceeded("alternatives", bars[depth], limits.alternatives, "regular expression")
    if deepest > limits.nesting:
        raise LimitExceeded("nesting", deepest, limits.nesting, "regular expression")


def parse_regex(regex: Regex, limits: Limits) -> Node:
    """Parse a regular expression.

    Parameters
    ----------
    regex : Regex
        The expression and its flags.
    limits : Limits
        ``nesting``, ``alternatives`` and ``repeat`` are met here.

    Returns
    -------
    Node
        Of Literal, Sequence, Choice, Repeat, LazyRepeat, Characters and Behind.

    Raises
    ------
    RegexError
        Where :mod:`re` refuses the expression or it means more than a
        regular language can.
    LimitExceeded
    """
    source = regex.source
    flags = 0
    for letter in regex.flags:
        if letter not in _FLAGS:
            raise RegexError(f"unknown flag {letter!r}; the flags are i, m, s, x, u and a", pattern=source)
        flags |= _FLAGS[letter]
    _check_size(source, limits)
    try:
        tree = _parser.parse(source, flags)
        _compiler.compile(tree, flags)
    except re.error as error:
        raise RegexError(error.msg, pattern=source, position=error.pos) from None
    except OverflowError:
        given = max((int(n) for n in re.findall(r"[0-9]+", source) if len(n) < 4000), default=0)
        raise LimitExceeded("repeat", given, limits.repeat, "regular expression") from None
    except (RuntimeError, ValueError) as error:
        raise RegexError(str(error), pattern=source) from None
    return _Reader(source, limits).sequence(tree, tree.state.flags)


class _Reader:
    """Rewrites one parsed expression."""

    def __init__(self, source: str, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.behinds = 0

    def error(self, reason: str, *spellings: str, nth: int = 0) -> RegexError:
        return RegexError(reason, pattern=self.source, position=_place(self.source, spellings, nth))

    def sequence(self, items, flags: int) -> Node:
        parts: list[Node] = []
        for is_text, run in groupby(items, lambda item: _literal_text(item, flags) != ""):
            if is_text:
                parts.append(Literal("".join(_literal_text(item, flags) for item in run)))
            else:
                parts += [self.item(item, flags) for item in run]
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))  # type: ignore[arg-type]  # our own leaves

    def item(self, item: tuple, flags: int) -> Node:
        operator, argument = item
        if operator in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            return Characters(_characters(item, flags))
        if operator is op.BRANCH:
            branches = [self.sequence(branch, flags) for branch in argument[1]]
            return Choice(tuple(branches))  # type: ignore[arg-type]  # our own leaves
        if operator is op.SUBPATTERN:
            _, added, removed, body = argument
            if added & _parser.TYPE_FLAGS:
                flags &= ~_parser.TYPE_FLAGS
            return self.sequence(body, (flags | added) & ~removed)
        if operator in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, body = argument
            for bound in (least, most):
                if bound is not op.MAXREPEAT and bound > self.limits.repeat:
                    raise LimitExceeded("repeat", int(bound), self.limits.repeat, "regular expression")
            part = self.sequence(body, flags)
            bound = None if most is op.MAXREPEAT else int(most)
            if operator is op.MAX_REPEAT or bound == least:
                return Repeat(part, int(least), bound)  # type: ignore[arg-type]  # our own leaves
            return LazyRepeat(part, int(least), bound)
        if operator in (op.ASSERT, op.ASSERT_NOT):
            direction, body = argument
            return self.assertion(operator is op.ASSERT, direction, body, flags)
        if operator is op.FAILURE:  # what later versions of re make of (?!)
            return Choice(())
        raise self.unsupported(operator, argument)

    def assertion(self, positive: bool, direction: int, body, flags: int) -> Node:
        if not body:
            # Nothing is everywhere ahead and behind.
            return Sequence(()) if positive else Choice(())
        if direction > 0:
            raise self.error(f"lookahead {_LATER}", "(?=", "(?!")
        body = list(body)
        while len(body) == 1 and body[0][0] is op.SUBPATTERN and not any(body[0][1][1:3]):
            body = list(body[0][1][3])
        nth = self.behinds
        self.behinds += 1
        if len(body) != 1 or body[0][0] not in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            raise self.error(f"lookbehind at anything but one character {_LATER}", "(?<=", "(?<!", nth=nth)
        bounds = _characters(body[0], flags)
        position = _place(self.source, ("(?<=", "(?<!"), nth)
        return Behind(bounds if positive else charsets.complement(bounds), self.source, position)

    def unsupported(self, operator, argument) -> RegexError:
        """Make the error for what is not regular, or not yet supported."""
        if operator is op.AT:
            spelling, reason = _ANCHORS[argument]
            return self.error(reason, spelling)
        if operator is op.GROUPREF:
            digits = tuple(f"\\{digit}" for digit in range(1, 10))
            return self.error("a backreference is not a regular expression proper", "(?P=", *digits)
        if operator is op.GROUPREF_EXISTS:
            return self.error("a condition on a group is not a regular expression proper", "(?(")
        if operator is op.ATOMIC_GROUP:
            return self.error("atomic groups are not supported", "(?>")
        if operator is op.POSSESSIVE_REPEAT:
            place = next(
                (
                    at
                    for text, at, kind in _constructs(self.source)
                    if kind in ("repeat", "counted") and len(text) > 1 and text[-1] == "+"
                ),
                None,
            )
            return RegexError("possessive repeats are not supported", pattern=self.source, position=place)
        return RegexError(f"{str(operator).lower()} is not supported", pattern=self.source)


def _literal_text(item: tuple, flags: int) -> str:
    """Give the one text that an item matches; empty where there are more, or none that UTF-8 can hold."""
    operator, argument = item
    if operator is op.LITERAL and not flags & re.I and not 0xD800 <= argument < 0xE000:
        return chr(argument)
    return ""


def _characters(item: tuple, flags: int) -> Bounds:
    """Find the set of characters that an item of one character matches."""
    operator, argument = item
    if operator is op.ANY:
        return charsets.ANY if flags & re.S else charsets.complement((0x0A, 0x0B))
    if operator is op.IN:
        argument = tuple(argument)
        bounds = _set(argument, bool(flags & re.A))
    else:
        bounds = (argument, argument + 1)
        if operator is op.NOT_LITERAL:
            bounds = charsets.complement(bounds)
    if flags & re.I:
        bounds = charsets.fold(bounds, (operator, argument), flags & (re.I | re.A | re.U))
    return bounds


def _set(items: tuple, ascii_only: bool) -> Bounds:
    """Unite the items of ``[...]``, and complement the set where it is negated."""
    parts: list[Bounds] = []
    negated = False
    for operator, argument in items:
        if operator is op.NEGATE:
            negated = True
        elif operator is op.LITERAL:
            parts.append((argument, argument + 1))
        elif operator is op.RANGE:
            parts.append((argument[0], argument[1] + 1))
        else:
            letter, inverse = _CATEGORIES[argument]
            bounds = charsets.category(letter, ascii_only)
            parts.append(charsets.complement(bounds) if inverse else bounds)
    bounds = charsets.union(parts) if len(parts) != 1 else parts[0]
    return charsets.complement(bounds) if negated else bounds
