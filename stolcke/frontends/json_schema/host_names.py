"""Whether a text is a host name, A-labels and all: RFC 1123, and RFC 5890 to 5893.

:mod:`.international` says as much of this as is regular; here a name that is complete is judged, and nothing is left
out but one thing: which letters join, as U+200C between them has it, Python does not know beyond the Arabic block.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["is_host_name", "is_international_host_name"]

_LONGEST_NAME, _LONGEST_LABEL = 253, 63
_LDH = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?\Z")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_VALID = frozenset("ßς۽۾་〇")
_BARRED = frozenset("ـߺ〮〯〱〲〳〴〵〻")
_CATEGORIES = frozenset(("Ll", "Lu", "Lo", "Lm", "Mn", "Mc", "Nd"))
_VIRAMA = 9
_ARABIC_DIGITS = frozenset(map(chr, range(0x660, 0x66A)))
_EXTENDED_DIGITS = frozenset(map(chr, range(0x6F0, 0x6FA)))
# Old Hangul, combining marks for symbols, musical symbols, and what is to be ignored.
_BARRED_RANGES = (
    *((0x034F, 0x0350), (0x1100, 0x1200), (0x17B4, 0x17B6), (0x180B, 0x1810), (0x20D0, 0x2100), (0x3164, 0x3165)),
    *((0xA960, 0xA980), (0xD7B0, 0xD800), (0xFE00, 0xFE10), (0x1D100, 0x1D250), (0xE0000, 0xE1000)),
)
# Of the Arabic block: letters that join only the one before, and those that join none.
_JOIN_BEFORE = frozenset(
    "\u0622\u0623\u0624\u0625\u0627\u0629\u062f\u0630\u0631\u0632\u0648\u0671\u0672\u0673\u0675\u0676\u0677\u06c0"
    "\u06c3\u06c4\u06c5\u06c6\u06c7\u06c8\u06c9\u06ca\u06cb\u06cd\u06cf\u06d2\u06d3\u06d5\u06ee\u06ef"
) | frozenset(map(chr, range(0x0688, 0x069A)))
_JOIN_NOTHING = frozenset("\u0621\u0674")


def is_host_name(text: str) -> bool:
    """Whether a text is a name of letters, digits and hyphens, of which labels may be A-labels."""
    return text.isascii() and len(text) <= _LONGEST_NAME and _are_labels(text.split("."))


def is_international_host_name(text: str) -> bool:
    """Whether a text is a name of U-labels, A-labels and labels in small ASCII letters."""
    labels = _DOTS.split(text)
    if any(label != label.lower() and label.isascii() for label in labels):
        return False
    if any(label[2:4] == "--" and label[:2] != "xn" for label in labels):
        return False
    if sum(len(_encoded(label)) + 1 for label in labels) - 1 > _LONGEST_NAME:
        return False
    return _are_labels(labels)


def _are_labels(labels: list[str]) -> bool:
    decoded = []
    for label in labels:
        if label.isascii():
            if len(label) > _LONGEST_LABEL or not _LDH.match(label):
                return False
            if label[:4].lower() != "xn--":
                decoded.append(label)
                continue
            unicode = _decoded(label.lower())
            if unicode is None:
                return False
            label = unicode
        if not _is_u_label(label):
            return False
        decoded.append(label)
    is_leftward = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for label in decoded for c in label)
    return not is_leftward or all(map(_keeps_direction, decoded))


def _encoded(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _decoded(label: str) -> str | None:
    """The U-label of an A-label in small letters, if it is one."""
    try:
        found = label[4:].encode("ascii").decode("punycode")
        return None if found.isascii() or _encoded(found) != label else found
    except (UnicodeError, ValueError, OverflowError):
        return None


def _is_u_label(label: str) -> bool:
    if unicodedata.normalize("NFC", label) != label or len(_encoded(label)) > _LONGEST_LABEL:
        return False
    if label[0] == "-" or label[-1] == "-" or label[2:4] == "--" or unicodedata.category(label[0])[0] == "M":
        return False
    if not _ARABIC_DIGITS.isdisjoint(label) and not _EXTENDED_DIGITS.isdisjoint(label):
        return False
    return all(_is_valid(c) or _fits(label, i) for i, c in enumerate(label))


@lru_cache(maxsize=4096)
def _is_valid(c: str) -> bool:
    """Whether a character is valid wherever it stands: PVALID in RFC 5892, and digits of Arabic."""
    if c in _VALID or c in _ARABIC_DIGITS or c in _EXTENDED_DIGITS:
        return True
    if c.isascii():
        return c == "-" or c.isdigit() or c.islower()
    if c in _BARRED or any(low <= ord(c) < high for low, high in _BARRED_RANGES):
        return False
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", c).casefold())
    return folded == c and unicodedata.category(c) in _CATEGORIES


def _fits(label: str, i: int) -> bool:
    """Whether a character is one that is valid where it stands: CONTEXTJ and CONTEXTO in RFC 5892."""
    c, before, behind = label[i], label[:i][-1:], label[i + 1 : i + 2]
    if c == "·":
        return before == behind == "l"
    if c == "\u0375":
        return unicodedata.name(behind or " ").startswith("GREEK")
    if c in "\u05f3\u05f4":
        return unicodedata.name(before or " ").startswith("HEBREW")
    if c == "\u30fb":
        return any(unicodedata.name(other, "").startswith(_JAPANESE) and other != c for other in label)
    if c not in "\u200c\u200d":
        return False
    if before and unicodedata.combining(before) == _VIRAMA:
        return True
    return c == "\u200c" and _joins(label[:i][::-1], after=True) and _joins(label[i + 1 :], after=False)


_JAPANESE = ("HIRAGANA", "KATAKANA", "CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC ITERATION", "〇")


def _joins(side: str, *, after: bool) -> bool:
    """Whether the next letter on a side, marks apart, joins the one after it, or the one before."""
    letter = next((c for c in side if unicodedata.category(c) not in ("Mn", "Me", "Cf")), "")
    is_letter = "\u0620" <= letter <= "\u06ff" and unicodedata.category(letter) == "Lo"
    if not is_letter or letter in _JOIN_NOTHING:
        return False
    return not after or letter not in _JOIN_BEFORE


def _keeps_direction(label: str) -> bool:
    """The rule of RFC 5893, section 2."""
    classes = [unicodedata.bidirectional(c) for c in label]
    ends = [each for each in classes if each != "NSM"][-1:]
    neutral = {"EN", "ES", "CS", "ET", "ON", "BN", "NSM"}
    if classes[0] == "L":
        return set(classes) <= neutral | {"L"} and ends[0] in ("L", "EN")
    if classes[0] not in ("R", "AL") or {"EN", "AN"} <= set(classes):
        return False
    return set(classes) <= neutral | {"R", "AL", "AN"} and ends[0] in ("R", "AL", "EN", "AN")
