r"""The sets of characters behind ``\p{...}``: general categories and what else :mod:`unicodedata` knows."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby

from stolcke.lexer import charsets
from stolcke.lexer.charsets import Bounds

__all__ = ["find_property"]

# By category: its long names, as of Unicode's PropertyValueAliases.  A category
# of one letter unites those that begin with it; LC unites Lu, Ll and Lt.
_NAMES = """
C Other           Cc Control cntrl   Cf Format          Cn Unassigned           Co Private_Use
L Letter          LC Cased_Letter    Ll Lowercase_Letter Lm Modifier_Letter     Lo Other_Letter
Lt Titlecase_Letter Lu Uppercase_Letter
M Mark Combining_Mark Mc Spacing_Mark Me Enclosing_Mark Mn Nonspacing_Mark
N Number          Nd Decimal_Number digit Nl Letter_Number No Other_Number
P Punctuation punct Pc Connector_Punctuation Pd Dash_Punctuation Pe Close_Punctuation
Pf Final_Punctuation Pi Initial_Punctuation Po Other_Punctuation Ps Open_Punctuation
S Symbol          Sc Currency_Symbol Sk Modifier_Symbol Sm Math_Symbol So Other_Symbol
Z Separator       Zl Line_Separator  Zp Paragraph_Separator Zs Space_Separator
"""

# Beyond, every character is unassigned, but for tags and variation selectors in
# plane 14 and private use in planes 15 and 16.  A test asks about all of them.
_LOW, _TAGS, _TAGS_END = 0x40000, 0xE0000, 0xE0200
_PRIVATE = (0xF0000, 0xFFFFE, 0x100000, 0x10FFFE)


def _aliases() -> dict[str, str]:
    found: dict[str, str] = {}
    category = ""
    for name in _NAMES.split():
        if len(name) <= 2:
            category = name
        found[name] = category
    return found


_ALIASES = _aliases()


@lru_cache(maxsize=1)
def _categories() -> dict[str, Bounds]:
    """Scan all characters once; by category of two letters.  Surrogates, Cs, denote no character."""
    bounds: dict[str, list[int]] = {name: [] for name in _ALIASES if len(name) == 2}
    for first, last in ((0, 0xD800), (0xE000, _LOW), (_TAGS, _TAGS_END)):
        at = first
        for category, run in groupby(map(unicodedata.category, map(chr, range(first, last)))):
            end = at + sum(1 for _ in run)
            bounds[category] += (at, end)
            at = end
    bounds["Co"] += _PRIVATE
    bounds["Cn"] += (_LOW, _TAGS, _TAGS_END, _PRIVATE[0], *_PRIVATE[1:-1], _PRIVATE[-1], 0x110000)
    return {category: charsets.union([tuple(pairs)]) for category, pairs in bounds.items()}


def _category(name: str) -> Bounds:
    if name == "LC":
        return charsets.union(_categories()[part] for part in ("Lu", "Ll", "Lt"))
    return charsets.union(pairs for part, pairs in _categories().items() if part.startswith(name) and part != "LC")


def _of_cased(test) -> Bounds:
    """Unite the characters that are cased as ``test``, a method of :class:`str`, asks of one character."""
    inside = [code for code in range(_LOW) if test(chr(code))]
    return charsets.union((code, code + 1) for code in inside)


_HEX: Bounds = (0x30, 0x3A, 0x41, 0x47, 0x61, 0x67)
_SPACES: Bounds = (
    *(0x09, 0x0E, 0x20, 0x21, 0x85, 0x86, 0xA0, 0xA1, 0x1680, 0x1681, 0x2000, 0x200B),
    *(0x2028, 0x202A, 0x202F, 0x2030, 0x205F, 0x2060, 0x3000, 0x3001),
)
_BINARY = {
    "Any": lambda: charsets.ANY,
    "ASCII": lambda: (0, 0x80),
    "Assigned": lambda: charsets.complement(_category("Cn")),
    "ASCII_Hex_Digit": lambda: _HEX,
    "AHex": lambda: _HEX,
    "Uppercase": lambda: _of_cased(str.isupper),
    "Upper": lambda: _of_cased(str.isupper),
    "Lowercase": lambda: _of_cased(str.islower),
    "Lower": lambda: _of_cased(str.islower),
    "White_Space": lambda: _SPACES,
}


@lru_cache(maxsize=64)
def find_property(name: str) -> Bounds | None:
    r"""Find the set of a property, as named between the braces of ``\p{...}``.

    Parameters
    ----------
    name : str
        ``Letter``, ``L``, ``gc=L``, ``General_Category=Letter``, or one of a
        few binary properties.

    Returns
    -------
    Bounds or None
        ``None`` where the name is unknown, or asks for a script or for another
        property that :mod:`unicodedata` does not hold.
    """
    key, equals, value = name.partition("=")
    if equals:
        return _category(_ALIASES[value]) if key in ("gc", "General_Category") and value in _ALIASES else None
    if name in _BINARY:
        return _BINARY[name]()
    return _category(_ALIASES[name]) if name in _ALIASES else None
