r"""Host names beyond ASCII: the U-labels of RFC 5890 to 5893, as far as they are regular.

What a label may hold follows from the properties of characters by the rules of
RFC 5892.  A label must be in normal form C, and how long it may be is said of
its encoding as an A-label; neither is regular.  So characters that
normalisation may join to others or move are left out, but for viramas, and
labels beyond ASCII have at most six characters, for which no encoding is too
long: for each, Punycode writes a number below 65,536 times the label's length,
in at most six digits.  More characters, or more labels, would be regular too,
but the automaton of a JSON string is large for each of them.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import compress, groupby
from operator import eq

import numpy as np

from stolcke.lexer import charsets
from stolcke.lexer.charsets import Bounds
from stolcke.lexer.language import Language

__all__ = ["international_hostname", "u_label_characters"]

_LONGEST = 6
_LABELS = 2

_CATEGORIES = frozenset(("Ll", "Lo", "Lm", "Mn", "Mc", "Nd"))
_VIRAMA = 9
# Old Hangul, combining marks for symbols, and characters that are to be ignored.
_BARRED: Bounds = (
    *(0x034F, 0x0350, 0x1100, 0x1200, 0x17B4, 0x17B6, 0x180B, 0x1810, 0x20D0, 0x2100, 0x3164, 0x3165),
    *(0xA960, 0xA980, 0xD7B0, 0x10000),
)
_VALID_BY_EXCEPTION = "ßς۽۾་〇"
_BARRED_BY_EXCEPTION = "ـߺ〮〯〱〲〳〴〵〻"
# Each is valid in a context only.
_MIDDLE_DOT, _KERAIA, _GERESH, _GERSHAYIM, _KATAKANA_DOT = "·", "\u0375", "\u05f3", "\u05f4", "\u30fb"
_JOINERS = "\u200c\u200d"
_ARABIC_DIGITS: Bounds = (0x660, 0x66A)
_EXTENDED_DIGITS: Bounds = (0x6F0, 0x6FA)
_GREEK: Bounds = (0x370, 0x3E2, 0x3F0, 0x400, 0x1F00, 0x2000)
_HEBREW: Bounds = (0x591, 0x5F3)
_JAPANESE: Bounds = (
    *(0x3005, 0x3006, 0x3007, 0x3008, 0x3041, 0x3097, 0x309D, 0x30A0, 0x30A1, 0x30FB, 0x30FD, 0x3100),
    *(0x31F0, 0x3200, 0x3400, 0x4DC0, 0x4E00, 0xA000),
)


# Characters are looked at in blocks of so many: most have nothing that could be decomposed.
_BLOCK = 64


def _of(text: str) -> Bounds:
    codes = np.sort(np.frombuffer(text.encode("utf-32-le"), np.int32), kind="stable")
    gaps = np.flatnonzero(np.diff(codes) > 1)
    begins, ends = np.append(codes[:1], codes[gaps + 1]), np.append(codes[gaps], codes[-1:])
    return tuple(np.column_stack((begins, ends + 1)).ravel().tolist())


def _characters(bounds: Bounds) -> str:
    """List the characters of a set, without surrogates."""
    return "".join("".join(map(chr, range(bounds[i], bounds[i + 1]))) for i in range(0, len(bounds), 2))


@lru_cache(maxsize=1)
def _code_points() -> tuple[str, frozenset[str]]:
    """List the characters that are valid by their properties, and those that may join the one before."""
    text = _characters((0x80, 0xD800, 0xF900, 0x10000))
    stable, joining = [], set()
    for begin in range(0, len(text), _BLOCK):
        block = text[begin : begin + _BLOCK]
        wanted = "".join(compress(block, map(_CATEGORIES.__contains__, map(unicodedata.category, block))))
        if unicodedata.is_normalized("NFKC", wanted) and wanted.casefold() == wanted:
            stable.append(wanted)
        else:
            lines = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", "\n".join(wanted)).casefold())
            stable += compress(wanted, map(eq, wanted, lines.split("\n")))
        if not unicodedata.is_normalized("NFD", block):
            for parts in map(str.split, map(unicodedata.decomposition, block)):
                if len(parts) == 2 and not parts[0].startswith("<"):
                    joining.add(chr(int(parts[1], 16)))
    return "".join(stable), frozenset(joining)


@lru_cache(maxsize=1)
def u_label_characters() -> tuple[Bounds, Bounds]:
    """Give the characters up to U+FFFF that are valid in U-labels everywhere, and the marks among them."""
    stable, _ = _code_points()
    valid = charsets.union([_of(stable), _of(_VALID_BY_EXCEPTION), (0x2D, 0x2E, 0x30, 0x3A, 0x61, 0x7B)])
    barred = [_of(_BARRED_BY_EXCEPTION + _MIDDLE_DOT + _KERAIA + _GERESH + _GERSHAYIM + _KATAKANA_DOT), _BARRED]
    valid = charsets.intersect(valid, charsets.complement(charsets.union([*barred, _ARABIC_DIGITS, _EXTENDED_DIGITS])))
    marks = _of("".join(compress(stable, (category[0] == "M" for category in map(unicodedata.category, stable)))))
    return valid, charsets.intersect(marks, valid)


def _containing(*parts: Language) -> Language:
    """Give the texts that contain the parts, one after the other."""
    found = Language.everything()
    for part in parts:
        found = found + part + Language.everything()
    return found


def _labels() -> Language:
    """Give the U-labels, and labels in ASCII, without regard to direction."""
    stable, joining = _code_points()
    valid, marks = u_label_characters()
    moving = [c for c in stable if c in joining or unicodedata.combining(c) not in (0, _VIRAMA)]
    plain = charsets.intersect(valid, charsets.complement(_of("".join(moving))))
    viramas = _of("".join(c for c in stable if unicodedata.combining(c) == _VIRAMA))

    def one(*sets: Bounds) -> Language:
        return Language.characters(charsets.union(sets))

    def script(bounds: Bounds) -> Language:
        return one(charsets.intersect(bounds, plain))

    in_context = [
        Language.words([f"l{_MIDDLE_DOT}l"]),
        one(_of(_KERAIA)) + script(_GREEK),
        script(_HEBREW) + one(_of(_GERESH + _GERSHAYIM)),
        one(charsets.intersect(viramas, plain)) + one(_of(_JOINERS)),
    ]
    joined = one(plain, _of(_KATAKANA_DOT), _ARABIC_DIGITS, _EXTENDED_DIGITS)
    for part in in_context:
        joined = joined | part
    labels = joined.repeat(1, None)
    hyphen = Language.words(["-"])
    anything = Language.everything()
    labels = labels - ((hyphen | one(marks)) + anything) - (anything + hyphen)
    labels = labels - (Language.lengths(2, 2) + Language.words(["--"]) + anything)
    labels = labels - (_containing(one(_of(_KATAKANA_DOT))) - _containing(script(_JAPANESE)))
    labels = labels - (_containing(one(_ARABIC_DIGITS)) & _containing(one(_EXTENDED_DIGITS)))
    return labels & (Language.lengths(1, 63, (0, 0x80)) | Language.lengths(1, _LONGEST))


def _directed(labels: Language) -> tuple[Language, Language]:
    """Give the labels without a character from right to left, and those that RFC 5893 allows beside such."""
    valid, _ = u_label_characters()
    everywhere = charsets.union([valid, _ARABIC_DIGITS, _EXTENDED_DIGITS, (0xB7, 0xB8, 0x30FB, 0x30FC)])
    everywhere = charsets.union([everywhere, _of(_KERAIA + _GERESH + _GERSHAYIM + _JOINERS)])
    classes: dict[str, list[str]] = {}
    for name, run in groupby(_characters(everywhere), unicodedata.bidirectional):
        classes.setdefault(name, []).extend(run)
    sets = {name: _of("".join(members)) for name, members in classes.items()}

    def of(names: str) -> Bounds:
        return charsets.union(sets.get(name, ()) for name in names.split())

    def one(names: str) -> Language:
        return Language.characters(of(names))

    def any_of(names: str) -> Language:
        return Language.lengths(0, None, of(names))

    def rule(first: str, all_of: str, last: str) -> Language:
        begins = one(first) + Language.everything()
        ends = Language.everything() + one(last) + any_of("NSM")
        return labels & any_of(all_of) & begins & ends

    neutral = "EN ES CS ET ON BN NSM"
    rightward = rule("L", f"L {neutral}", "L EN")
    leftward = rule("R AL", f"R AL AN {neutral}", "R AL EN AN")
    leftward = leftward - (_containing(one("EN")) & _containing(one("AN")))
    return labels - _containing(one("R AL AN")), rightward | leftward


def international_hostname() -> Language:
    """Give the names of at most two labels; their dots may be ideographic, of full or of half width."""
    dot = Language.words([".", "\u3002", "\uff0e", "\uff61"])
    names = Language.nothing()
    for labels in _directed(_labels()):
        names = names | (labels + (dot + labels).repeat(0, _LABELS - 1))
    return names
