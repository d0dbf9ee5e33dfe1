"""What a string has to satisfy that is looked at when it is complete: plain tuples, which can be written to files."""

from __future__ import annotations

from stolcke.frontends.json_schema.checked_formats import has_format

__all__ = ["Test", "has_length", "is_of_format", "opposite", "passes"]

Test = tuple[str, bool, str | int, int | None]
"""What is asked, whether it must be so or must not, and what it is asked about: a name, or two bounds."""


def is_of_format(name: str) -> Test:
    """Ask for a format, beyond its regular part."""
    return "format", True, name, None


def has_length(least: int, most: int | None) -> Test:
    """Ask for ``least`` to ``most`` characters."""
    return "length", True, least, most


def opposite(test: Test) -> Test:
    """Ask that a test fails."""
    return test[0], not test[1], test[2], test[3]


def passes(test: Test, text: str) -> bool:
    """Whether a text satisfies a test."""
    kind, wanted, first, second = test
    if kind == "format":
        return has_format(str(first), text) is wanted
    return (int(first) <= len(text) and (second is None or len(text) <= second)) is wanted
