"""From llguidance's dialect to Lark's own language, in which what that lacks stands as names and marks.

=======================  ===========================================================================
``x{2,5}``, ``x{2,}``    ``x~2..5``, ``(x~2 x*)``
``a-name``               a name without dashes
``<token>``, ``<[7]>``   the name of a declared terminal
``%regex {...}``         a string that stands for it
``A & B``, ``~A``        a sequence with a string for the operator: ``A "&" B`` and ``("~" A)``
``r[lazy]: ...``         a terminal, and a rule that is this terminal
=======================  ===========================================================================
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

from stolcke.errors import GrammarError
from stolcke.frontends.bnf.expressions import Source

__all__ = ["AND", "MARK", "NOT", "Lazy", "Translation", "translate"]

# Strings that no one writes: from the private use area.
MARK = "\U0010fffd"
AND, NOT = f"{MARK}&", f"{MARK}~"

_STRING = r'"(?:\\.|[^"\\\n])*"i?'
_REGEX = r"/(?!/)(?:\\.|[^/\\\n])*/[imslux]*"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*"
_TOKENS = re.compile(
    rf"(?P<comment>//[^\n]*|\#[^\n]*)|(?P<string>{_STRING})|(?P<regex>{_REGEX})|(?P<arrow>->)|(?P<name>{_NAME})"
    r"|(?P<json>%json\b)|(?P<structured>%regex\b)|(?P<options>%llguidance\b)|(?P<directive>%\w+)"
    r"|(?P<token><[^<>\s]+>)|(?P<and>&)|(?P<range>~\s*-?[0-9]+(?:\s*\.\.\s*[0-9]+)?)|(?P<not>~)"
    r"|(?P<counts>\{\s*[0-9]*\s*(?:,\s*[0-9]*\s*)?\})|(?P<operator>[*+?](?![a-z_]))|(?P<grammar>@[\w-]*)"
    r"|(?P<open>[(\[])|(?P<close>[)\]])|(?P<blank>[ \t\r]+)|(?P<newline>\n)|(?P<other>.)",
    re.DOTALL,
)
_HEAD = re.compile(rf"[ \t]*[?!]*(?P<name>{_NAME})[ \t]*(?P<attributes>\[)?")
_ATTRIBUTE = re.compile(
    rf"\s*(?P<key>[a-z_]+)\s*(?:=\s*(?P<value>{_STRING}|{_REGEX}|[0-9.]+|{_NAME}))?\s*(?P<end>[,\]])"
)
_IDS = re.compile(r"<\[(?P<ids>[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)\]>")
_MOST_IDS = 100_000
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Lazy:
    """A rule that matches as little as it can."""

    rule: str
    terminal: str


@dataclass
class Translation:
    """A text for Lark, and what its marks stand for.

    Attributes
    ----------
    text : str
    tokens : dict of str to tuple
        By declared terminal: how a special token is written, and its text or ids.
    structured : dict of str to object
        By the string that stands for it: what follows ``%regex``.
    lazy : dict of str to Lazy
        By terminal.
    """

    text: str = ""
    tokens: dict[str, tuple[str, tuple[str | int, ...]]] = field(default_factory=dict)
    structured: dict[str, Any] = field(default_factory=dict)
    lazy: dict[str, Lazy] = field(default_factory=dict)
    _places: list[tuple[int, int]] = field(default_factory=list)

    def original(self, offset: int) -> int:
        """Where in the dialect's text a place of the translated one comes from."""
        low, high = 0, len(self._places)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._places[middle][0] <= offset else (low, middle)
        if not self._places:
            return 0
        begin, source = self._places[low]
        follow = self._places[low + 1][1] if low + 1 < len(self._places) else source + offset - begin
        return min(source + offset - begin, max(follow, source))


def translate(source: Source) -> Translation:
    """Translate a text.

    Raises
    ------
    GrammarError
        With the place, where the text says what cannot be kept.
    """
    return _Translator(source).run()


class _Translator:
    """Goes through the tokens of a text once; pieces are what has been written, with their places."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._place = 0
        self._pieces: list[tuple[str, int]] = []
        self._result = Translation()
        self._names = {found.replace("-", "_"): found for found in re.findall(_NAME, self._text) if "-" in found}
        self._written = set(re.findall(r"[A-Za-z_]\w*", self._text)) if self._names else set()
        # Where the last thing that can be repeated begins among the pieces, and the groups that are open.
        self._atom: int | None = None
        self._groups: list[tuple[int, bool]] = []
        self._negated = False
        self._in_terminal = False
        self._closing = ""
        self._later: list[tuple[str, int]] = []

    def run(self) -> Translation:
        self._statement()
        while self._place < len(self._text):
            found = _TOKENS.match(self._text, self._place)
            assert found is not None
            self._place = found.end()
            kind = found.lastgroup or ""
            handler = getattr(self, f"_on_{kind}", None)
            if handler is not None:
                handler(found)
            else:
                self._write(found.group(), found.start())
                if kind in ("blank", "comment"):
                    continue
                self._atom = None
        self._end_statement()
        result = self._result
        if result.tokens:
            self._later.append((f"\n%declare {' '.join(result.tokens)}", len(self._text)))
        self._pieces += self._later
        length = 0
        for text, place in self._pieces:
            result._places.append((length, place))
            length += len(text)
        result.text = "".join(text for text, _ in self._pieces)
        return result

    def _write(self, text: str, place: int) -> None:
        self._pieces.append((text, place))

    def _error(self, reason: str, place: int) -> GrammarError:
        return self._source.error(reason, place)

    # -- statements

    def _on_newline(self, found: re.Match) -> None:
        self._write("\n", found.start())
        if not self._groups:
            self._statement()

    def _statement(self) -> None:
        """Read the head of a definition, where one begins."""
        head = _HEAD.match(self._text, self._place)
        if head is None:
            if re.compile(r"[ \t]*%").match(self._text, self._place):
                self._end_statement()
                self._in_terminal = re.compile(r"[ \t]*%ignore").match(self._text, self._place) is not None
            return
        attributes: dict[str, tuple[str | None, int]] = {}
        end = head.end("name")
        if head["attributes"]:
            attributes, end = self._attributes(head.end())
        rest = re.compile(r"[ \t]*(?:\.[ \t]*-?[0-9]+|\{[^{}\n]*\})*[ \t]*:").match(self._text, end)
        if rest is None:
            return
        self._end_statement()
        self._atom = None
        name = head["name"]
        self._in_terminal = name.strip("_")[:1].isupper()
        lazily = {key: attributes[key] for key in ("lazy", "suffix") if key in attributes}
        if not lazily:
            self._write(self._text[self._place : head.start("name")] + self._own(name, head.start("name")), self._place)
            self._write(self._text[end : rest.end()], end)
            self._place = rest.end()
            return
        if self._in_terminal:
            raise self._error("options in brackets are for rules, whose names are in lower case", head.end("name"))
        terminal = f"LLG_LAZY_{len(self._result.lazy)}"
        self._result.lazy[terminal] = Lazy(name, terminal)
        at = head.start("name")
        self._later += [("\n", at), (f"{self._own(name, at)}: {terminal}", at)]
        self._in_terminal = True
        self._write(terminal, head.start("name"))
        self._write(": (", end)
        suffix = lazily.get("suffix", ("", 0))[0]
        self._closing = f") ({suffix})" if suffix else ")"
        self._place = rest.end()

    def _end_statement(self) -> None:
        """Close what the statement before has opened, at its end."""
        if self._closing:
            last = len(self._pieces)
            # Behind the last token, and before line breaks and comments.
            while last and (not self._pieces[last - 1][0].strip() or self._pieces[last - 1][0].startswith(("//", "#"))):
                last -= 1
            self._pieces.insert(last, (self._closing, self._place))
            self._closing = ""

    def _attributes(self, place: int) -> tuple[dict[str, tuple[str | None, int]], int]:
        """Read ``key=value, ...]``; what is about captured texts changes none, and the rest is refused."""
        found: dict[str, tuple[str | None, int]] = {}
        while True:
            each = _ATTRIBUTE.match(self._text, place)
            if each is None:
                return {}, place  # no options at all, as Lark's own brackets
            key, at = each["key"], each.start("key")
            remedies = {
                "stop": "the text of a stop would be taken back; write suffix=..., which keeps it",
                "max_tokens": "no grammar of texts counts tokens; bound the text by a repetition, x{0,n}",
                "temperature": "give it to the sampler",
            }
            if key in remedies:
                raise self._error(f"the option {key!r} is not supported: {remedies[key]}", at)
            if key not in ("capture", "stop_capture", "lazy", "suffix"):
                raise self._error(f"unknown option {key!r} of a rule", at)
            if key == "suffix" and each["value"] in (None, '""'):
                raise self._error('after suffix= a text follows that is not empty, as in suffix="."', at)
            found[key] = each["value"], at
            place = each.end()
            if each["end"] == "]":
                return found, place

    # -- names

    def _own(self, name: str, place: int) -> str:
        own = name.replace("-", "_")
        if own != name and (own in self._written or self._names.get(own) != name):
            raise self._error(f"the names {name!r} and {own!r} are one without dashes; rename one of them", place)
        return own

    def _on_name(self, found: re.Match) -> None:
        self._begin_atom()
        self._write(self._own(found.group(), found.start()), found.start())
        self._end_atom()

    def _on_arrow(self, found: re.Match) -> None:
        # A name that follows is no symbol.
        self._write("->", found.start())
        self._atom = None

    def _on_grammar(self, found: re.Match) -> None:
        reason = f"the grammar {found.group()!r} is not part of this text"
        raise self._error(f"{reason}; write %json or a rule, or combine grammars in Python", found.start())

    # -- what can be repeated

    def _begin_atom(self) -> None:
        self._atom = len(self._pieces)

    def _end_atom(self) -> None:
        if self._negated:
            begin = self._atom
            assert begin is not None
            self._pieces.insert(begin, (f'("{NOT}" ', self._pieces[begin][1]))
            self._write(")", self._place)
            self._negated = False

    def _on_string(self, found: re.Match) -> None:
        if MARK in found.group():
            raise self._error(
                "the character U+10FFFD is used for marks here; write it as a regular expression", found.start()
            )
        self._begin_atom()
        self._write(found.group(), found.start())
        self._end_atom()

    def _on_regex(self, found: re.Match) -> None:
        text = found.group()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", FutureWarning)
                re.compile(text[1 : text.rindex("/")].replace("\\/", "/"))
        except FutureWarning:
            reason = "in a set, '[' and the doubled '&&', '--', '~~' mean something else to llguidance"
            raise self._error(f"{reason}; escape them, or write the set out", found.start()) from None
        except (re.error, RecursionError, OverflowError):
            pass  # which Lark's reader says better
        self._begin_atom()
        self._write(text, found.start())
        self._end_atom()

    def _on_open(self, found: re.Match) -> None:
        self._groups.append((len(self._pieces), self._negated))
        self._negated = False
        self._write(found.group(), found.start())
        self._atom = None

    def _on_close(self, found: re.Match) -> None:
        self._write(found.group(), found.start())
        self._atom = None
        if self._groups:
            self._atom, self._negated = self._groups.pop()
            self._end_atom()

    def _on_counts(self, found: re.Match) -> None:
        """Write a repetition as Lark does; without an upper bound it takes two."""
        numbers = re.findall(r"[0-9]+", found.group())
        if self._atom is None or not numbers:
            self._write(found.group(), found.start())
            return
        least, _, most = found.group()[1:-1].replace(" ", "").partition(",")
        is_range = "," in found.group()
        if not is_range or most:
            self._write(f"~{least or 0}..{most if is_range else least}", found.start())
        elif int(least[:18]) < 2:
            self._write("*" if int(least) == 0 else "+", found.start())
        else:
            again = self._pieces[self._atom :]
            self._pieces.insert(self._atom, ("(", again[0][1]))
            self._pieces += [(f"~{least} ", found.start()), *again, ("*)", found.start())]
        self._atom = None

    # -- special tokens

    def _on_token(self, found: re.Match) -> None:
        text, place = found.group(), found.start()
        if self._in_terminal:
            raise self._error("a special token can stand in rules only, not in a terminal", place)
        markers: tuple[str | int, ...] = (text,)
        if text.startswith("<["):
            ids = _IDS.fullmatch(text)
            if ids is None:
                reason = "other tokens than some, or all, which no grammar of texts can say"
                remedy = "write what may stand there instead, such as /(?s:.*)/ for any text"
                raise self._error(f"{text[:40]!r} stands for {reason}; {remedy}", place)
            markers = tuple(self._ids(ids["ids"], place))
        name = next((name for name, (written, _) in self._result.tokens.items() if written == text), None)
        if name is None:
            name = f"LLG_TOKEN_{len(self._result.tokens)}"
            self._result.tokens[name] = text, markers
        self._begin_atom()
        self._write(f" {name} ", place)

    def _ids(self, text: str, place: int) -> list[int]:
        ids: set[int] = set()
        for part in text.split(","):
            first, _, last = part.partition("-")
            low, high = int(first[:18]), int((last or first)[:18])
            if high < low or high - low + len(ids) >= _MOST_IDS:
                raise self._error(f"the range of tokens {part[:40]} is empty, or has more than {_MOST_IDS:,}", place)
            ids.update(range(low, high + 1))
        return sorted(ids)

    # -- operators on terminals

    def _on_and(self, found: re.Match) -> None:
        self._only_in_terminals("&", found.start())
        self._write(f' "{AND}" ', found.start())
        self._atom = None

    def _on_not(self, found: re.Match) -> None:
        self._only_in_terminals("~", found.start())
        if self._negated:
            raise self._error("'~~' says the same as nothing; leave it out", found.start())
        self._negated = True

    def _only_in_terminals(self, operator: str, place: int) -> None:
        if not self._in_terminal:
            reason = f"{operator!r} applies to terminals; give the expression a name in upper case"
            raise self._error(reason, place)

    # -- JSON

    def _value(self, place: int) -> tuple[Any, int]:
        begin = re.compile(r"\s*").match(self._text, place)
        assert begin is not None
        try:
            value, end = _DECODER.raw_decode(self._text, begin.end())
        except json.JSONDecodeError as error:
            raise self._error(f"here JSON must follow: {error.msg[:1].lower()}{error.msg[1:]}", error.pos) from None
        except (ValueError, RecursionError):
            raise self._error("the JSON has a number that is too long, or is nested too deep", place) from None
        return value, end

    def _on_json(self, found: re.Match) -> None:
        _, end = self._value(found.end())
        self._write(self._text[found.start() : end], found.start())
        self._place = end
        self._atom = None

    def _on_structured(self, found: re.Match) -> None:
        value, end = self._value(found.end())
        mark = f"{MARK}{len(self._result.structured)}"
        self._result.structured[mark] = self._chunks(value, found.start())
        self._place = end
        self._begin_atom()
        self._write(f' "{mark}" ', found.start())
        self._end_atom()

    def _chunks(self, value: Any, place: int) -> list[str]:
        """What any run of is a match."""
        keys = ("substring_chunks", "substring_words", "substring_chars")
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in keys:
            raise self._error(f"after %regex an object with one of the keys {', '.join(keys)} must follow", place)
        ((key, content),) = value.items()
        if key == "substring_chunks":
            if not isinstance(content, list) or not all(isinstance(each, str) for each in content):
                raise self._error("substring_chunks is a list of strings", place)
            return content
        if not isinstance(content, str):
            raise self._error(f"{key} is a string", place)
        return list(content) if key == "substring_chars" else re.findall(r"\w+|\s+|[^\w\s]", content)

    def _on_options(self, found: re.Match) -> None:
        value, end = self._value(found.end())
        if not isinstance(value, dict):
            raise self._error("after %llguidance a JSON object must follow", found.start())
        for key, setting in value.items():
            # These change no text, or are what holds here anyway.
            if key == "no_forcing" or (key, setting) in (
                ("allow_initial_skip", True),
                ("allow_invalid_utf8", False),
                ("skip_repetition", "many"),
            ):
                continue
            raise self._error(
                f"the option {key!r}: {json.dumps(setting)[:40]} is not supported; leave it out", found.start()
            )
        self._write("\n" * self._text.count("\n", found.start(), end), found.start())
        self._place = end
