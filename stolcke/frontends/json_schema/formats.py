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

from functools import cache

from stolcke.frontends.json_schema.ecma import pattern_language
from stolcke.frontends.json_schema.international import international_hostname, u_label_characters
from stolcke.lexer import charsets
from stolcke.lexer.language import Language

__all__ = ["format_language"]


def _whole(expression: str) -> Language:
    """Give the language of the texts that an expression matches as a whole."""
    return pattern_language(f"^(?:{expression})$")


# ---------------------------------------------------------------- RFC 3339

_YEAR = r"\d{4}"
_LEAP_YEAR = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    rf"|02-(?:0[1-9]|1\d|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_HOUR, _MINUTE = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
_FRACTION = r"(?:\.\d+)?"
_TIME = rf"{_HOUR}:{_MINUTE}:{_MINUTE}{_FRACTION}(?:[Zz]|[+-]{_HOUR}:{_MINUTE})"


_LEAP_SECOND = rf"23:59:60{_FRACTION}(?:[Zz]|[+-]00:00)"


def _time() -> str:
    leap_seconds = [_LEAP_SECOND]
    for offset in range(30, 24 * 60, 30):
        for sign, local in (r"\+", 23 * 60 + 59 + offset), ("-", 23 * 60 + 59 - offset):
            hour, minute = divmod(local % (24 * 60), 60)
            leap_seconds.append(f"{hour:02}:{minute:02}:60{_FRACTION}{sign}{offset // 60:02}:{offset % 60:02}")
    return f"{_TIME}|{'|'.join(leap_seconds)}"


def _duration() -> str:
    time = r"T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)"
    date = r"(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)"
    return f"P(?:{date}(?:{time})?|{time}|\\d+W)"


# ---------------------------------------------------------------- addresses

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"


def _ipv6(ipv4: str = _IPV4, most: int = 7) -> str:
    """Give the texts of an IPv6 address, in which at most some groups stand beside a ``::``."""
    group = "[0-9A-Fa-f]{1,4}"
    last = f"(?:{group}:{group}|{ipv4})"
    forms = [f"(?:{group}:){{6}}{last}"]
    for behind in range(most + 1):
        before = most - behind
        head = f"(?:{group}(?::{group}){{0,{before - 1}}})?" if before else ""
        tail = f"(?:{group}:){{{behind - 2}}}{last}" if behind >= 2 else group * behind
        forms.append(f"{head}::{tail}")
    return f"(?:{'|'.join(forms)})"


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
    atom = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{beyond}-]+"
    quoted = rf'"(?:[ !#-\[\]-~{beyond}]|\\[ -~])*"'
    octet = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
    ipv4 = rf"{octet}(?:\.{octet}){{3}}"
    literal = _whole(rf"\[(?:{ipv4}|[Ii][Pp][Vv]6:{_ipv6(ipv4, 6)})\]")
    return _whole(rf"(?:{atom}(?:\.{atom})*|{quoted})@") + (domain | literal)


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


def _resource(beyond: str, private: str, relative: bool) -> str:
    """Give the rule URI, or URI-reference, with characters beyond ASCII for those of IRIs."""
    plain = rf"A-Za-z0-9._~{beyond}!$&'()*+,;="
    in_host, before_colon, character = (rf"(?:[{plain}{others}-]|%[0-9A-Fa-f]{{2}})" for others in ("", "@", ":@"))
    later = r"[Vv][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+"
    authority = rf"(?:(?:{in_host}|:)*@)?(?:\[(?:{_ipv6()}|{later})\]|{in_host}*)(?::\d*)?"
    tail = rf"(?:\?(?:{character}|[/?{private}])*)?(?:#(?:{character}|[/?])*)?"
    rest = rf"(?:/{character}*)*"
    rooted = rf"//{authority}{rest}|/(?:{character}+{rest})?"
    scheme = "[A-Za-z][A-Za-z0-9+.-]*:"
    if not relative:
        return rf"{scheme}(?:{rooted}|{character}+{rest})?{tail}"
    # The longest part is written once.
    return rf"(?:(?:{scheme})?(?:{rooted})?|(?:{scheme}{character}+|{before_colon}+){rest}){tail}"


def _template() -> str:
    escaped = "%[0-9A-Fa-f]{2}"
    literal = rf"[!#$&'(-;=?-\[\]_a-z~{_BEYOND}{_PRIVATE}]|{escaped}"
    character = rf"(?:\w|{escaped})"
    variable = rf"{character}(?:\.?{character})*(?::[1-9]\d{{0,3}}|\*)?"
    return rf"(?:{literal}|\{{[+#./;?&]?{variable}(?:,{variable})*\}})*"


# ---------------------------------------------------------------- the others

_POINTER = "(?:/(?:[^/~]|~[01])*)*"


def _regex(depth: int = 3) -> str:
    r"""Give a part of the expressions of ECMA-262 with the flag ``u``.

    Left out are groups within groups, more than ``depth`` deep, and groups
    that look ahead or behind within others; groups with names, references to
    groups, properties ``\p{...}`` and ``\0``; in sets, ranges but for those that begin
    with 0, 1, a or A and end with a digit or letter of the same case, and
    ``-`` but for those; counts ``{n,m}`` with n > 1, but for n < 10 <= m.
    """
    hexadecimal = "[0-9A-Fa-f]"
    letter = rf"[dDwWsStnvfr]|c[A-Za-z]|x{hexadecimal}{{2}}|u{hexadecimal}{{4}}|u\{{{hexadecimal}{{1,5}}\}}"
    escape = rf"\\(?:[$(-+./?\[-^{{|}}]|{letter})"
    members = rf"(?:[^\\\]^-]|[01]-[1-9]|a-[a-z]|A-[A-Z]|{escape}|\\[b-])"
    one_of = rf"\[\^?(?:{members}{members.replace('^-', '-')}*)?\]"
    counts = r"\d+,?|[01],[1-9]\d{0,2}|\d,[1-9]\d{1,2}"
    repeat = rf"(?:[*+?]|\{{(?:{counts})\}})\??"
    item = rf"[^\\$()*+?\[\]^{{|}}]|{escape}|{one_of}"
    expression = rf"(?:(?:{item})(?:{repeat})?|[$^|]|\\[bB])*"
    for level in range(1, depth + 1):
        looks = rf"\(\?<?[=!]{expression}\)|" if level == depth else ""
        expression = rf"(?:(?:{item}|\((?:\?:)?{expression}\))(?:{repeat})?|{looks}[$^|]|\\[bB])*"
    return expression


# By name: what makes the language, or an expression of it.
_FORMATS = {
    "date": lambda: _DATE,
    "time": _time,
    "date-time": lambda: rf"{_DATE}[Tt]{_TIME}|{_YEAR}-(?:06-30|12-31)[Tt]{_LEAP_SECOND}",
    "duration": _duration,
    "email": _email,
    "idn-email": _international_email,
    "hostname": _hostname,
    "idn-hostname": _international_hostname,
    "ipv4": lambda: _IPV4,
    "ipv6": _ipv6,
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
