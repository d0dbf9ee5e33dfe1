"""Strings whose characters are counted: the terminals are those of the language written out."""

from __future__ import annotations

import pytest

from stolcke.frontends.json_schema.ecma import pattern_language
from stolcke.frontends.json_schema.scalars import Scalars
from stolcke.frontends.json_schema.settings import Settings
from stolcke.frontends.json_schema.strings import Strings
from stolcke.grammar.patterns import Choice, Counted
from stolcke.lexer import automaton

# A pattern, and whether all of its texts of 0 to 40 characters end in a repeat.
PATTERNS = {
    r"": True,
    r"^[a-z\u00e9\u{1f600}]*$": True,
    r"^[^a]+$": True,
    r"^x-(ab|c)[\dx]*$": True,
    r"^(ab|cd[0-9]*)?$": False,
    r"^.{1,25}$": True,
    r"^[a-f]{20}$": True,
    r"^(b|[a-f]{3}[0-9]{17,19})$": False,
    r"^[a-z]{20,}$": True,
    r"^(a|bc)*\d*$": False,
    r"^(a|b[0-9]*)x?$": False,
    r"^\\\/[\n\"\\\/]*$": True,
}
BOUNDS = [(0, None), (0, 40), (3, 20), (18, 18), (30, None), (0, 2)]


@pytest.mark.parametrize(("escapes", "ascii_only"), [(True, False), (True, True), (False, False), (False, True)])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_parts_make_the_whole(pattern: str, escapes: bool, ascii_only: bool) -> None:
    scalars = Scalars(None, Settings(escapes=escapes, ascii_only=ascii_only))
    for least, most in BOUNDS:
        strings = Strings(pattern_language(pattern), least, most)
        found = [made for made, _ in scalars.patterns({"string": (strings,)})]
        parts = tuple(made.expanded() if isinstance(made, Counted) else made for made in found)
        whole = strings.as_language().json_string(escapes=escapes, ascii_only=ascii_only)
        assert automaton(Choice(parts)) == whole, (least, most)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_long_repeats_at_the_end_are_counted(pattern: str) -> None:
    parts, rest = Strings(pattern_language(pattern), 0, 40).counted()
    assert (bool(parts) and rest.is_empty) is PATTERNS[pattern]


def test_short_ones_are_not() -> None:
    for pattern, least, most in ("^[a-z]*$", 0, 9), ("^[a-z]{3,9}$", 0, None), ("^[a-z]*$", 0, None), ("", 0, None):
        parts, rest = Strings(pattern_language(pattern), least, most).counted()
        assert not parts and rest == Strings(pattern_language(pattern), least, most).as_language()


def test_a_bound_costs_nothing() -> None:
    scalars = Scalars(None, Settings())
    for pattern in "^[a-z]*$", "^data:(a|bc);[a-z]+$":
        strings = Strings(pattern_language(pattern), 5, 10**6)
        assert all(isinstance(made, Counted) for made, _ in scalars.patterns({"string": (strings,)}))
