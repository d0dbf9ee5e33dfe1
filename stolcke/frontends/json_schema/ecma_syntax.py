r"""Regular expressions of ECMA-262, parsed into the patterns of :mod:`stolcke.lexer`.

They are read as with the flag ``u``, by code points.  Where that reading is a
syntax error and the one without the flag is not, what validators let through
is let through too: ``\-`` and ``\_`` are the characters themselves, a brace
or bracket that closes or counts nothing is one as well, ``[\w-.]`` has a
hyphen.  Escapes of letters that mean nothing, and octal ones, stay errors:
who writes ``\Z`` means another language's.

Groups that capture are groups, since nothing refers to them; a lazy repeat is
a repeat, since only the existence of a match is asked for.
"""

from __future__ import annotations

from stolcke.errors import LimitExceeded, RegexError
from stolcke.frontends.json_schema.unicode_properties import find_property
from stolcke.grammar.patterns import Choice, Repeat, Sequence
from stolcke.lexer import charsets
from stolcke.lexer.charsets import Bounds
from stolcke.lexer.regex_syntax import END, START, Characters, Look, Node, word_boundary
from stolcke.options import Limits

__all__ = ["Parser", "Tree", "parse_ecma"]


Tree = Node

DIGITS: Bounds = (0x30, 0x3A)
WORD: Bounds = (0x30, 0x3A, 0x41, 0x5B, 0x5F, 0x60, 0x61, 0x7B)
SPACES: Bounds = (
    *(0x09, 0x0E, 0x20, 0x21, 0xA0, 0xA1, 0x1680, 0x1681, 0x2000, 0x200B),
    *(0x2028, 0x202A, 0x202F, 0x2030, 0x205F, 0x2060, 0x3000, 0x3001, 0xFEFF, 0xFF00),
)
LINE_ENDS: Bounds = (0x0A, 0x0B, 0x0D, 0x0E, 0x2028, 0x202A)

_CLASSES = {"d": DIGITS, "w": WORD, "s": SPACES}
_CLASSES |= {letter.upper(): charsets.complement(bounds) for letter, bounds in _CLASSES.items()}
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
_DECIMAL = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")

BOUNDARY = word_boundary(WORD, True)
NO_BOUNDARY = word_boundary(WORD, False)


def parse_ecma(source: str, limits: Limits) -> Tree:
    """Parse an expression.

    Parameters
    ----------
    source : str
        The expression, without delimiters or flags.
    limits : Limits
        ``nesting``, ``alternatives`` and ``repeat`` are met here.

    Returns
    -------
    Tree
        Of Characters, Sequence, Choice, Repeat and Look.

    Raises
    ------
    RegexError
        With the position of what is malformed, or is no regular language.
    LimitExceeded
    """
    return Parser(source, limits).parse()


class Parser:
    """Reads one expression, from left to right."""

    def __init__(self, source: str, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.at = 0
        self.depth = 0
        self.names: set[str] = set()

    def error(self, reason: str, position: int) -> RegexError:
        return RegexError(reason, pattern=self.source, position=position)

    def peek(self, ahead: int = 0) -> str:
        """The character at the position, or the empty text at the end."""
        return self.source[self.at + ahead : self.at + ahead + 1]

    def skip(self, text: str) -> bool:
        """Step over a text, if it comes next."""
        found = self.source.startswith(text, self.at)
        if found:
            self.at += len(text)
        return found

    def parse(self) -> Tree:
        tree = self.choice()
        if self.at < len(self.source):
            raise self.error("this parenthesis closes no group", self.at)
        return tree

    def choice(self) -> Tree:
        branches = [self.sequence()]
        while self.skip("|"):
            branches.append(self.sequence())
            if len(branches) > self.limits.alternatives:
                raise LimitExceeded("alternatives", len(branches), self.limits.alternatives, "regular expression")
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))  # type: ignore[arg-type]

    def sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.peek() not in ("", "|", ")"):
            part = self.repeat(self.at)
            parts += part.parts if isinstance(part, Sequence) else (part,)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))  # type: ignore[arg-type]

    def repeat(self, begin: int) -> Tree:
        """Read an item and the quantifier behind it, if any."""
        item = self.item()
        where = self.at
        counts = self.quantifier()
        if counts is None:
            return item
        least, most = counts
        if most is not None and most < least:
            raise self.error("the numbers of the quantifier are out of order", where)
        for bound in (least, most or 0):
            if bound > self.limits.repeat:
                raise LimitExceeded("repeat", bound, self.limits.repeat, "regular expression")
        if self.source.startswith(("^", "$", "\\b", "\\B", "(?<=", "(?<!"), begin):
            raise self.error("there is nothing to repeat", where)
        self.skip("?")
        return Repeat(item, least, most)  # type: ignore[arg-type]

    def quantifier(self) -> tuple[int, int | None] | None:
        """Read ``*``, ``+``, ``?`` or counts in braces; a brace that holds no counts is left to be a character."""
        for sign, counts in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.skip(sign):
                return counts
        begin = self.at
        if self.skip("{"):
            least = self.number()
            most = self.number() if least is not None and self.skip(",") else least
            bounded = self.source[self.at - 1] != ","
            if least is not None and self.skip("}"):
                return least, most if bounded else None
        self.at = begin
        return None

    def number(self) -> int | None:
        begin = self.at
        while self.peek() in _DECIMAL:
            self.at += 1
        digits = self.source[begin : self.at]
        if len(digits) > 100:
            raise LimitExceeded("repeat", f"a number of {len(digits)} digits", self.limits.repeat, "regular expression")
        return int(digits) if digits else None

    def item(self) -> Tree:
        begin = self.at
        character = self.peek()
        self.at += 1
        if character == "\\":
            return self.escape(begin)
        if character == "[":
            return Characters(self.set(begin))
        if character == "(":
            return self.group(begin)
        if character == "^":
            return START
        if character == "$":
            return END
        if character == ".":
            return Characters(charsets.complement(LINE_ENDS))
        if character in "*+?":
            raise self.error("there is nothing to repeat", begin)
        if character == "{":
            self.at = begin
            if self.quantifier() is not None:
                raise self.error("there is nothing to repeat", begin)
            self.at = begin + 1
        return Characters(_one(ord(character)))

    def group(self, begin: int) -> Tree:
        look = None
        if self.skip("?"):
            if self.skip("<="):
                look = (False, False)
            elif self.skip("<!"):
                look = (False, True)
            elif self.skip("="):
                look = (True, False)
            elif self.skip("!"):
                look = (True, True)
            elif self.skip("<"):
                self.name(begin)
            elif not self.skip(":"):
                raise self.error("no group of ECMA-262 begins like this", begin)
        self.depth += 1
        if self.depth > self.limits.nesting:
            raise LimitExceeded("nesting", self.depth, self.limits.nesting, "regular expression")
        tree = self.choice()
        self.depth -= 1
        if not self.skip(")"):
            raise self.error("this group is not closed", begin)
        return tree if look is None else Look(tree, *look, self.source, begin)

    def name(self, begin: int) -> None:
        end = self.source.find(">", self.at)
        name = self.source[self.at : end] if end >= 0 else ""
        if not name.replace("$", "_").isidentifier():
            raise self.error("this group's name is no identifier", begin)
        if name in self.names:
            raise self.error(f"a group before has the name {name!r}", begin)
        self.names.add(name)
        self.at = end + 1

    # ------------------------------------------------------------ escapes

    def escape(self, begin: int) -> Tree:
        letter = self.peek()
        if letter == "b" or letter == "B":
            self.at += 1
            return BOUNDARY if letter == "b" else NO_BOUNDARY
        if letter == "k" or (letter and letter in "123456789"):
            raise self.error("a backreference is not a regular expression proper", begin)
        return Characters(self.character_escape(begin))

    def character_escape(self, begin: int) -> Bounds:
        """Read what may stand behind a backslash within and outside of brackets."""
        letter = self.peek()
        self.at += 1
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in _CONTROLS:
            return _one(_CONTROLS[letter])
        if letter == "p" or letter == "P":
            bounds = self.property(begin)
            return bounds if letter == "p" else charsets.complement(bounds)
        if letter == "c" and self.peek().isascii() and self.peek().isalpha():
            self.at += 1
            return _one(ord(self.source[self.at - 1]) % 32)
        if letter == "0" and self.peek() not in _DECIMAL:
            return _one(0)
        if letter == "x":
            return _one(self.hexadecimal(2, begin))
        if letter == "u":
            return _one(self.unicode(begin))
        if letter.isascii() and letter.isalnum():
            raise self.error(f"\\{letter} is no escape of ECMA-262", begin)
        if not letter:
            raise self.error("a backslash ends the expression", begin)
        return _one(ord(letter))

    def property(self, begin: int) -> Bounds:
        end = self.source.find("}", self.at)
        if not self.skip("{") or end < 0:
            raise self.error("a property's name stands in braces, as in \\p{L}", begin)
        name = self.source[self.at : end]
        self.at = end + 1
        bounds = find_property(name)
        if bounds is None:
            raise self.error(f"the property {name!r} is unknown, or is not supported", begin)
        return bounds

    def hexadecimal(self, digits: int, begin: int) -> int:
        text = self.source[self.at : self.at + digits]
        if len(text) < digits or not _HEX.issuperset(text):
            raise self.error(f"{digits} hexadecimal digits are missing here", begin)
        self.at += digits
        return int(text, 16)

    def unicode(self, begin: int) -> int:
        """Read the code point of ``\\u{...}``, ``\\uXXXX``, or of two of these that make a surrogate pair."""
        if self.skip("{"):
            end = self.source.find("}", self.at)
            text = self.source[self.at : end] if end >= 0 else ""
            if not text or not _HEX.issuperset(text) or len(text.lstrip("0")) > 6 or int(text, 16) > 0x10FFFF:
                raise self.error("this is no code point", begin)
            self.at = end + 1
            return int(text, 16)
        high = self.hexadecimal(4, begin)
        behind = self.at
        if 0xD800 <= high < 0xDC00 and self.source.startswith("\\u", behind) and self.peek(2) != "{":
            self.at += 2
            low = self.hexadecimal(4, behind)
            if 0xDC00 <= low < 0xE000:
                return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
            self.at = behind
        return high

    # ------------------------------------------------------------ sets

    def set(self, begin: int) -> Bounds:
        """Read what stands in brackets, behind the first."""
        negative = self.skip("^")
        parts: list[Bounds] = []
        while not self.skip("]"):
            where = self.at
            low = self.member(begin)
            if self.peek() == "-" and self.peek(1) not in ("]", ""):
                self.at += 1
                high = self.member(begin)
                if _is_one(low) and _is_one(high):
                    if low[0] > high[0]:
                        raise self.error("this range is out of order", where)
                    parts.append((low[0], high[1]))
                    continue
                parts += (_one(ord("-")), high)
            parts.append(low)
        bounds = charsets.union(parts)
        return charsets.complement(bounds) if negative else bounds

    def member(self, begin: int) -> Bounds:
        where = self.at
        character = self.peek()
        self.at += 1
        if not character:
            raise self.error("this set is not closed", begin)
        if character != "\\":
            return _one(ord(character))
        if self.skip("b"):
            return _one(0x08)
        return self.character_escape(where)


def _one(code: int) -> Bounds:
    return (code, code + 1)


def _is_one(bounds: Bounds) -> bool:
    return len(bounds) == 2 and bounds[1] == bounds[0] + 1
