"""From the syntax of Python's :mod:`re` to symbolic patterns.

:mod:`re` parses; its tree is rewritten into the patterns of
:mod:`stolcke.grammar.patterns` and a few more of our own.  What is no regular
expression proper is an error with a caret.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as op

from stolcke.errors import LimitExceeded, RegexError
from stolcke.grammar.patterns import Choice, Literal, Pattern, Regex, Repeat, Sequence
from stolcke.lexer import charsets
from stolcke.lexer.charsets import Bounds
from stolcke.options import Limits

__all__ = [
    "END",
    "NEWLINE",
    "START",
    "Characters",
    "FinalEnd",
    "LazyRepeat",
    "Look",
    "Node",
    "parse_regex",
    "word_boundary",
]


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
class FinalEnd:
    """The end of the text, or a newline that ends it and lies within the match; only as the part of a Look."""


@dataclass(frozen=True, slots=True)
class Look:
    """Nothing, where ``part`` matches what is ahead, or what is behind; or where it does not, if ``negative``.

    ``source`` and ``position`` say where it was written.
    """

    part: Node | FinalEnd
    ahead: bool
    negative: bool
    source: str = field(default="", compare=False)
    position: int | None = field(default=None, compare=False)


Node = Pattern | Characters | LazyRepeat | Look

NEWLINE: Bounds = (0x0A, 0x0B)
_ANYTHING = Characters(charsets.ANY)
_IN_LINE = Characters(charsets.complement(NEWLINE))

START = Look(_ANYTHING, ahead=False, negative=True)
END = Look(_ANYTHING, ahead=True, negative=True)


def word_boundary(word: Bounds, is_boundary: bool, source: str = "", position: int | None = None) -> Choice:
    r"""Make ``\b``, between a character of a set and another, or none; or ``\B``, everywhere else."""
    character = Characters(word)

    def side(ahead: bool, is_word: bool) -> Look:
        return Look(character, ahead, not is_word, source, position)

    ways = [
        Sequence((side(False, before), side(True, before != is_boundary)))  # type: ignore[arg-type]  # our own leaves
        for before in (True, False)
    ]
    return Choice(tuple(ways))


_FLAGS = {"i": re.I, "m": re.M, "s": re.S, "x": re.X, "u": re.U, "a": re.A}
_CATEGORIES = {
    op.CATEGORY_DIGIT: ("d", False),
    op.CATEGORY_NOT_DIGIT: ("d", True),
    op.CATEGORY_SPACE: ("s", False),
    op.CATEGORY_NOT_SPACE: ("s", True),
    op.CATEGORY_WORD: ("w", False),
    op.CATEGORY_NOT_WORD: ("w", True),
}
# By assertion: how it is written.
_ANCHORS = {
    op.AT_BEGINNING: "^",
    op.AT_BEGINNING_STRING: "\\A",
    op.AT_END: "$",
    op.AT_END_STRING: "\\Z",
    op.AT_BOUNDARY: "\\b",
    op.AT_NON_BOUNDARY: "\\B",
}
_LOOKS = {(True, True): "(?=", (True, False): "(?!", (False, True): "(?<=", (False, False): "(?<!"}

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
        Of Literal, Sequence, Choice, Repeat, LazyRepeat, Characters and Look.

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
        self.met: Counter[str] = Counter()  # by spelling: the assertions so far
        self.looking = 0

    def error(self, reason: str, *spellings: str) -> RegexError:
        return RegexError(reason, pattern=self.source, position=_place(self.source, spellings))

    def place(self, spelling: str) -> int | None:
        """Where the next assertion of a spelling is written."""
        self.met[spelling] += 1
        return _place(self.source, (spelling,), self.met[spelling] - 1)

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
            # Of what is looked at only the existence of a match counts.
            if operator is op.MAX_REPEAT or bound == least or self.looking:
                return Repeat(part, int(least), bound)  # type: ignore[arg-type]  # our own leaves
            return LazyRepeat(part, int(least), bound)
        if operator in (op.ASSERT, op.ASSERT_NOT):
            direction, body = argument
            return self.look(direction > 0, operator is op.ASSERT, body, flags)
        if operator is op.AT:
            return self.anchor(argument, flags)
        if operator is op.FAILURE:  # what later versions of re make of (?!)
            return Choice(())
        raise self.unsupported(operator)

    def look(self, ahead: bool, positive: bool, body, flags: int) -> Look:
        position = self.place(_LOOKS[ahead, positive])
        self.looking += 1
        part = self.sequence(body, flags)
        self.looking -= 1
        return Look(part, ahead, not positive, self.source, position)

    def anchor(self, code, flags: int) -> Node:
        position = self.place(_ANCHORS[code])
        if code in (op.AT_BOUNDARY, op.AT_NON_BOUNDARY):
            word = charsets.category("w", bool(flags & re.A))
            return word_boundary(word, code is op.AT_BOUNDARY, self.source, position)
        if code is op.AT_END and not flags & re.M:
            return Look(FinalEnd(), True, False, self.source, position)
        by_line = code in (op.AT_BEGINNING, op.AT_END) and flags & re.M
        ahead = code in (op.AT_END, op.AT_END_STRING)
        return Look(_IN_LINE if by_line else _ANYTHING, ahead, True, self.source, position)

    def unsupported(self, operator) -> RegexError:
        """Make the error for what is not regular, or not supported."""
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
