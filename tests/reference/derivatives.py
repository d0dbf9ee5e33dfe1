"""Regular languages over bytes by Brzozowski's derivatives.

An expression is a tuple: ``("byte", b)``, ``("then", x, y)``, ``("many", x)``
or ``("any", frozenset)``.  The empty text is ``("many", NOTHING)``.  The smart
constructors remove what matches nothing, so an expression matches nothing if
and only if it *is* ``NOTHING``; and they flatten choices into sets, so that an
expression has finitely many derivatives.
"""

from __future__ import annotations

import re
from functools import cache, reduce

from stolcke.grammar.patterns import Choice, Counted, Literal, Nonempty, Pattern, Regex, Repeat, Sequence

NOTHING = ("any", frozenset())
EMPTY = ("many", NOTHING)


def byte(value: int) -> tuple:
    """The one-byte text."""
    return ("byte", value)


def then(left: tuple, right: tuple) -> tuple:
    """One after the other; nested to the right, so that equal products look equal."""
    if NOTHING in (left, right):
        return NOTHING
    if left == EMPTY:
        return right
    if right == EMPTY:
        return left
    if left[0] == "then":
        return then(left[1], then(left[2], right))
    return ("then", left, right)


def either(*parts: tuple) -> tuple:
    """Any of the parts."""
    flat: set[tuple] = set()
    for part in parts:
        flat |= part[1] if part[0] == "any" else {part}
    return next(iter(flat)) if len(flat) == 1 else ("any", frozenset(flat))


def many(part: tuple) -> tuple:
    """Zero times or more."""
    return part if part[0] == "many" else ("many", part)


@cache
def matches_empty(expression: tuple) -> bool:
    """Whether the empty text is in the language."""
    kind, *parts = expression
    if kind == "byte":
        return False
    if kind == "many":
        return True
    if kind == "any":
        return any(matches_empty(part) for part in parts[0])
    return matches_empty(parts[0]) and matches_empty(parts[1])


@cache
def derive(expression: tuple, value: int) -> tuple:
    """What may follow in texts that begin with the byte ``value``."""
    kind, *parts = expression
    if kind == "byte":
        return EMPTY if parts[0] == value else NOTHING
    if kind == "many":
        return then(derive(parts[0], value), expression)
    if kind == "any":
        return either(*(derive(part, value) for part in parts[0]))
    left, right = parts
    inside = then(derive(left, value), right)
    return either(inside, derive(right, value)) if matches_empty(left) else inside


@cache
def first_bytes(expression: tuple) -> frozenset[int]:
    """The bytes that some text of the language begins with."""
    kind, *parts = expression
    if kind == "byte":
        return frozenset({parts[0]})
    if kind == "many":
        return first_bytes(parts[0])
    if kind == "any":
        return frozenset().union(*(first_bytes(part) for part in parts[0]))
    left, right = parts
    return first_bytes(left) | (first_bytes(right) if matches_empty(left) else frozenset())


@cache
def expression(pattern: Pattern) -> tuple:
    """The expression of a pattern.

    A :class:`Regex` is understood only as far as tests of the engine need it:
    ASCII characters and classes, groups, ``|`` and greedy repeats, where the
    language does not depend on the order of alternatives.
    """
    match pattern:
        case Literal(text, ignore_case):
            return reduce(
                then, map(byte, text) if isinstance(text, bytes) else (_character(c, ignore_case) for c in text), EMPTY
            )
        case Sequence(parts):
            return reduce(then, map(expression, parts), EMPTY)
        case Choice(parts):
            return either(*map(expression, parts))
        case Repeat(part, least, most):
            once = expression(part)
            tail = many(once) if most is None else EMPTY
            for _ in range(0 if most is None else most - least):
                tail = either(EMPTY, then(once, tail))
            for _ in range(least):
                tail = then(once, tail)
            return tail
        case Counted():
            return expression(pattern.expanded())
        case Nonempty(part):
            whole = expression(part)
            return either(*(then(byte(first), derive(whole, first)) for first in first_bytes(whole)))
        case Regex(source, flags):
            assert not set(flags) - set("s"), f"the reference knows no flags {flags!r}"
            return _regex(re._parser.parse(source, re.DOTALL if "s" in flags else 0))
    raise AssertionError(f"not a pattern over bytes: {pattern!r}")


def _character(character: str, ignore_case: bool) -> tuple:
    """A character's UTF-8 bytes, or those of all characters that ``re`` holds equal to it."""
    alike = [character]
    if ignore_case:
        same = re.compile(re.escape(character), re.IGNORECASE)
        alike = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and same.fullmatch(chr(c))]
    return either(*(reduce(then, map(byte, c.encode()), EMPTY) for c in alike))


def _regex(items) -> tuple:
    return reduce(then, (_regex_item(str(kind), value) for kind, value in items), EMPTY)


def _regex_item(kind: str, value) -> tuple:
    if kind == "LITERAL":
        return _character(chr(value), False)
    if kind == "IN":
        assert all(str(k) in ("LITERAL", "RANGE") for k, _ in value), "the reference knows only plain classes"
        ranges = [(v, v) if str(k) == "LITERAL" else v for k, v in value]
        return either(*(byte(b) for b in range(128) if any(low <= b <= high for low, high in ranges)))
    if kind == "SUBPATTERN":
        return _regex(value[3])
    if kind == "BRANCH":
        return either(*map(_regex, value[1]))
    if kind == "MAX_REPEAT":
        least, most, inner = value
        once = _regex(inner)
        unbounded = most == re._parser.MAXREPEAT
        tail = many(once) if unbounded else EMPTY
        for _ in range(0 if unbounded else most - least):
            tail = either(EMPTY, then(once, tail))
        return reduce(lambda rest, _: then(once, rest), range(least), tail)
    raise AssertionError(f"the reference does not know {kind} in a regular expression")
