r"""The languages of ``format``: what RFC 3339, 3986 and the others say, as far as it is regular.

===========================  =======  ==========================================================================
format                       in full  what is left out, where not in full
===========================  =======  ==========================================================================
``date``                     yes
``date-time``                no       leap seconds at offsets from UTC; those of UTC are at the end of June and
                                      December
``time``                     no       leap seconds at offsets of other than whole and half hours
``duration``                 yes
``email``                    yes      (the rule ``Mailbox``, which bounds no lengths)
``idn-email``                no       of domains: what is left out of ``idn-hostname`` by character; its rules
                                      on Unicode's normal form, direction and length are not part of this format
``hostname``                 no       A-labels (``xn--...``); names of more than 63 characters behind the first dot
``idn-hostname``             no       A-labels; beyond ASCII, names of more than two labels or with labels of more than
                                      6 characters, characters beyond U+FFFF, those that normalisation may join or
                                      move, U+200C but for that behind a virama; otherwise as ``hostname``
``ipv4``, ``ipv6``           yes      (no zone)
``uri``, ``uri-reference``   yes
``iri``, ``iri-reference``   yes
``uri-template``             no       the operators reserved for extensions
``json-pointer``             yes
``relative-json-pointer``    no       index manipulation, ``0+1``
``regex``                    no       see :func:`_regex`
``uuid``                     yes
===========================  =======  ==========================================================================

What is left out makes each language smaller than the format, never larger.
Letters of case that a rule ignores are taken in either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from stolcke.frontends.json_schema.ecma import pattern_language
from stolcke.frontends.json_schema.international import international_hostname, u_label_characters
from stolcke.lexer import charsets
from stolcke.lexer.language import Language

__all__ = ["format_language"]


def _whole(expression: str) -> Language:
    """Give the language of the texts that an expression matches as a whole."""
    return pattern_language(f"^(?:{expression})$")


def _composed(expression: str, **parts: Language) -> Language:
    """Give the language of an expression in which ``<name>`` stands for a text, not empty, of the part of that name.

    A part is compiled once, however often it occurs.  The names become characters of private use; sets that hold
    these belong into parts.
    """
    letters = {}
    for number, (name, part) in enumerate(parts.items()):
        letter = chr(0xE000 + number)
        expression = expression.replace(f"<{name}>", letter)
        letters[letter] = part
    return _whole(expression).replace(letters)


def _numbers(end: int) -> Language:
    """Give the numbers below ``end``, in two digits."""
    return Language.words(f"{number:02}" for number in range(end))


_DIGIT: charsets.Bounds = (0x30, 0x3A)
_HEX: charsets.Bounds = (0x30, 0x3A, 0x41, 0x47, 0x61, 0x67)

# ---------------------------------------------------------------- RFC 3339

_DAYS = {month: 28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in range(1, 13)}
_DAY_TIME = "<hour>:<minute>:<minute><fraction>?(?:[Zz]|[+-]<hour>:<minute>)"


def _time_parts() -> dict[str, Language]:
    return {
        "hour": _numbers(24),
        "minute": _numbers(60),
        "fraction": Language.words(["."]) + Language.lengths(1, None, _DIGIT),
    }


def _date() -> Language:
    return _composed(
        r"\d{4}-<day>|(?:\d\d<fourth>|<century>00)-02-29",
        day=Language.words(f"{month:02}-{day:02}" for month, days in _DAYS.items() for day in range(1, days + 1)),
        fourth=Language.words(f"{year:02}" for year in range(4, 100, 4)),
        century=Language.words(f"{year:02}" for year in range(0, 100, 4)),
    )


def _time() -> Language:
    leap_seconds = [
        f"23:59:60{fraction}{offset}" for fraction in ("", "F") for offset in ("Z", "z", "+00:00", "-00:00")
    ]
    for offset in range(30, 24 * 60, 30):
        for sign, local in ("+", 23 * 60 + 59 + offset), ("-", 23 * 60 + 59 - offset):
            hour, minute = divmod(local % (24 * 60), 60)
            for fraction in ("", "F"):
                leap_seconds.append(f"{hour:02}:{minute:02}:60{fraction}{sign}{offset // 60:02}:{offset % 60:02}")
    parts = _time_parts()
    return _composed(_DAY_TIME, **parts) | Language.words(leap_seconds).replace({"F": parts["fraction"]})


def _date_time() -> Language:
    leap_second = r"23:59:60<fraction>?(?:[Zz]|[+-]00:00)"
    expression = rf"<date>[Tt]{_DAY_TIME}|\d{{4}}-(?:06-30|12-31)[Tt]{leap_second}"
    return _composed(expression, date=_date(), **_time_parts())


def _duration() -> Language:
    # The units that stand together are neighbours.
    dates = ["nYnMnD"[begin:end] for begin in range(0, 6, 2) for end in range(begin + 2, 7, 2)]
    times = ["TnHnMnS"[:1] + "nHnMnS"[begin:end] for begin in range(0, 6, 2) for end in range(begin + 2, 7, 2)]
    forms = ["PnW", *(f"P{date}{time}" for date in ("", *dates) for time in ("", *times) if date or time)]
    return Language.words(forms).replace({"n": Language.lengths(1, None, _DIGIT)})


# ---------------------------------------------------------------- addresses


_OCTETS = tuple(map(str, range(256)))


def _ipv4(octets: Iterable[str] = _OCTETS) -> Language:
    return Language.words(["O.O.O.O"]).replace({"O": Language.words(octets)})


def _ipv6(ipv4: Language, most: int = 7) -> Language:
    """Give the texts of an IPv6 address, in which at most some groups stand beside a ``::``."""

    def groups(count: int) -> list[str]:
        """So many groups, of which the last two may be an IPv4 address."""
        last = [["G", "G"], ["I"]] if count >= 2 else [["G"] * count]
        return [":".join(["G"] * (count - 2) + end) for end in last]

    forms = groups(8)
    for behind in range(most + 1):
        heads = [":".join("G" * before) for before in range(most - behind + 1)]
        forms += [f"{head}::{tail}" for head in heads for tail in groups(behind)]
    return Language.words(forms).replace({"G": Language.lengths(1, 4, _HEX), "I": ipv4})


# ---------------------------------------------------------------- host names and mail

_LABEL = r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?"


def _hostname() -> Language:
    label = _whole(_LABEL) - _whole("[Xx][Nn]--.*")
    behind = (Language.words(["."]) + label).repeat(0, None) & Language.lengths(0, 64)
    return (label & Language.lengths(1, 63)) + behind


def _international_hostname() -> Language:
    reserved = _whole(r"(?:.*\.)?[^.]{2}--.*|.*[A-Z].*")
    return international_hostname() | (_hostname() - reserved)


def _mailbox(beyond: str, domain: Language) -> Language:
    """Give the rule Mailbox of RFC 5321, with the characters beyond ASCII that RFC 6531 adds."""
    ipv4 = _ipv4(f"{number:0{width}}" for width in (1, 2, 3) for number in range(256))
    return _composed(
        r'(?:<atom>(?:\.<atom>)*|"(?:<quoted>|\\[ -~])*")'
        r"@(?:<domain>|\[(?:<ipv4>|[Ii][Pp][Vv]6:<ipv6>)\])",
        atom=_whole(rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{beyond}-]+"),
        quoted=_whole(rf"[ !#-\[\]-~{beyond}]"),
        domain=domain,
        ipv4=ipv4,
        ipv6=_ipv6(ipv4, 6),
    )


def _email() -> Language:
    return _mailbox("", _whole(rf"{_LABEL}(?:\.{_LABEL})*"))


def _international_email() -> Language:
    valid, marks = u_label_characters()
    valid = charsets.union([valid, (0x41, 0x5B)])
    inside = Language.lengths(0, None, valid)
    outer = charsets.intersect(valid, charsets.complement((0x2D, 0x2E)))
    first = charsets.intersect(outer, charsets.complement(marks))
    label = (Language.characters(first) + inside) & (inside + Language.characters(outer))
    label = label - (Language.lengths(2, 2) + Language.words(["--"]) + Language.everything())
    ascii_label = _whole(_LABEL) - _whole("[Xx][Nn]--.*")
    label = label | ascii_label
    return _mailbox(r"\u{80}-\u{10FFFF}", label + (Language.words(["."]) + label).repeat(0, None))


# ---------------------------------------------------------------- RFC 3986, 3987 and 6570

_BEYOND = r"\u{A0}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFEF}" + "".join(
    rf"\u{{{plane:X}0000}}-\u{{{plane:X}FFFD}}" for plane in range(1, 15)
).replace(r"\u{E0000}", r"\u{E1000}")
_PRIVATE = r"\u{E000}-\u{F8FF}\u{F0000}-\u{FFFFD}\u{100000}-\u{10FFFD}"


def _resource(beyond: str, private: str, relative: bool) -> Language:
    """Give the rule URI, or URI-reference, with characters beyond ASCII for those of IRIs."""
    plain = rf"A-Za-z0-9._~{beyond}!$&'()*+,;="
    in_host, before_colon, character = (_whole(rf"[{plain}{others}-]|%[0-9A-Fa-f]{{2}}") for others in ("", "@", ":@"))
    later = r"[Vv][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+"
    authority = rf"(?:(?:<host>|:)*@)?(?:\[(?:<ipv6>|{later})\]|<host>*)(?::\d*)?"
    tail = r"(?:\?(?:<any>|<query>)*)?(?:#(?:<any>|[/?])*)?"
    rest = "(?:/<any>*)*"
    rooted = rf"//{authority}{rest}|/(?:<any>+{rest})?"
    scheme = "[A-Za-z][A-Za-z0-9+.-]*:"
    if relative:
        # The longest part is written once.
        expression = rf"(?:(?:{scheme})?(?:{rooted})?|(?:{scheme}<any>+|<first>+){rest}){tail}"
    else:
        expression = rf"{scheme}(?:{rooted}|<any>+{rest})?{tail}"
    parts = {"host": in_host, "first": before_colon, "any": character, "query": _whole(rf"[/?{private}]")}
    return _composed(expression, ipv6=_ipv6(_ipv4()), **parts)


def _template() -> str:
    escaped = "%[0-9A-Fa-f]{2}"
    literal = rf"[!#$&'(-;=?-\[\]_a-z~{_BEYOND}{_PRIVATE}]|{escaped}"
    character = rf"(?:\w|{escaped})"
    variable = rf"{character}(?:\.?{character})*(?::[1-9]\d{{0,3}}|\*)?"
    return rf"(?:{literal}|\{{[+#./;?&]?{variable}(?:,{variable})*\}})*"


# ---------------------------------------------------------------- the others

_POINTER = "(?:/(?:[^/~]|~[01])*)*"


def _regex(depth: int = 3) -> Language:
    r"""Give a part of the expressions of ECMA-262 with the flag ``u``.

    Left out are groups within groups, more than ``depth`` deep, and groups
    that look ahead or behind within others; groups with names, references to
    groups, properties ``\p{...}`` and ``\0``; in sets, ranges but for those that begin
    with 0, 1, a or A and end with a digit or letter of the same case, and
    ``-`` but for those; counts ``{n,m}`` with n > 1, but for n < 10 <= m.
    """
    letter = r"[dDwWsStnvfr]|c[A-Za-z]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,5}\}"
    escape = _whole(rf"\\(?:[$(-+./?\[-^{{|}}]|{letter})")
    member = r"[01]-[1-9]|a-[a-z]|A-[A-Z]|<escape>|\\[b-]"
    one_of = _composed(
        rf"\[\^?(?:(?:<first>|{member})(?:<later>|{member})*)?\]",
        escape=escape,
        first=_whole(r"[^\\\]^-]"),
        later=_whole(r"[^\\\]-]"),
    )
    parts = {
        "item": _whole(r"[^\\$()*+?\[\]^{|}]") | escape | one_of,
        "repeat": _whole(r"(?:[*+?]|\{(?:\d+,?|[01],[1-9]\d{0,2}|\d,[1-9]\d{1,2})\})\??"),
    }
    expression = _composed(r"(?:<item><repeat>?|[$^|]|\\[bB])+", **parts)
    for level in range(1, depth + 1):
        looks = r"|\(\?<?[=!]<inner>?\)" if level == depth else ""
        group = rf"(?:(?:<item>|\((?:\?:)?<inner>?\))<repeat>?{looks}|[$^|]|\\[bB])+"
        expression = _composed(group, inner=expression, **parts)
    return expression | Language.words([""])


# By name: what makes the language, or an expression of it.
_FORMATS: dict[str, Callable[[], Language | str]] = {
    "date": _date,
    "time": _time,
    "date-time": _date_time,
    "duration": _duration,
    "email": _email,
    "idn-email": _international_email,
    "hostname": _hostname,
    "idn-hostname": _international_hostname,
    "ipv4": _ipv4,
    "ipv6": lambda: _ipv6(_ipv4()),
    "uri": lambda: _resource("", "", relative=False),
    "uri-reference": lambda: _resource("", "", relative=True),
    "iri": lambda: _resource(_BEYOND, _PRIVATE, relative=False),
    "iri-reference": lambda: _resource(_BEYOND, _PRIVATE, relative=True),
    "uri-template": _template,
    "json-pointer": lambda: _POINTER,
    "relative-json-pointer": lambda: rf"(?:0|[1-9]\d*)(?:#|{_POINTER})",
    "regex": _regex,
    "uuid": lambda: "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}


@cache
def format_language(name: str) -> Language | None:
    """Give the language of a format; ``None`` where the name is unknown."""
    make = _FORMATS.get(name)
    language = make() if make is not None else None
    return _whole(language) if isinstance(language, str) else language
