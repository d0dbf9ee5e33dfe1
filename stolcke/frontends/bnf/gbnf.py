r"""The front end for GBNF, the notation of llama.cpp: ``root ::= "a" [b-d]+ | item{2,5} # ...``.

A rule ends with its line, unless that ends with ``::=`` or ``|`` or within brackets.  ``<name>`` and ``<[id]>`` are
special tokens.
"""

from __future__ import annotations

import re

from stolcke.frontends.bnf.expressions import Definition, ExpressionBuilder, Reference, Source, character_class
from stolcke.frontends.bnf.lowering import grammar_of, special_token
from stolcke.frontends.bnf.texts import Escapes, read_class, read_string
from stolcke.grammar.model import Grammar
from stolcke.options import Limits

__all__ = ["read_gbnf"]

_ESCAPES = Escapes(
    {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "[": "[", "]": "]", "-": "-"},
    "",
    re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"),
    '\\t \\r \\n \\\\ \\" \\[ \\] \\- \\xHH \\uHHHH and \\UHHHHHHHH',
)
_TOKENS = re.compile(
    r"(?P<blank>(?:[ \t]|\#[^\r\n]*)+)|(?P<newline>[\r\n]+)"
    r'|"(?P<string>(?:[^"\\]|\\.)*)"|\[(?P<class>(?:[^\]\\]|\\.)*)\]'
    r"|(?P<define>::=)|(?P<name>[A-Za-z0-9_-]+)|(?P<operator>[*+?])|(?P<any>\.)|(?P<bar>\|)|(?P<open>\()|(?P<close>\))"
    r"|\{[ \t]*(?P<least>[0-9]+)[ \t]*(?:(?P<comma>,)[ \t]*(?P<most>[0-9]*)[ \t]*)?\}"
    r"|(?P<token>!?<(?:\[(?P<id>[0-9]+)\]|(?!\[)[^>\r\n]*)>)",
    re.DOTALL,
)
_OPERATORS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_MOST_DIGITS = 18


def read_gbnf(text: str, root: str = "root", *, source: str | None = None, limits: Limits = Limits()) -> Grammar:
    """Read a grammar of llama.cpp; see :meth:`stolcke.Grammar.from_gbnf`."""
    reader = _Reader(Source(text, source, limits), limits)
    return grammar_of(reader.definitions(), root, reader.source, limits)


class _Reader:
    """Goes through the tokens of a text once."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self._limits = limits
        self._place = 0
        self._found: re.Match | None = None

    def definitions(self) -> list[Definition]:
        found = []
        self._next(newlines=True)
        while self._found is not None:
            found.append(self._rule())
        return found

    def _next(self, *, newlines: bool) -> None:
        """Go on to the next token; behind newlines, too, where they mean nothing."""
        text = self.source.text
        while self._place < len(text):
            found = _TOKENS.match(text, self._place)
            if found is None:
                raise self._unexpected()
            self._place = found.end()
            if found.lastgroup == "blank" or (newlines and found.lastgroup == "newline"):
                continue
            self._found = found
            return
        self._found = None

    def _unexpected(self) -> Exception:
        text, place = self.source.text, self._place
        reasons = {
            '"': 'this string has no end; a quote in it is written \\"',
            "[": "this character class has no end; a bracket in it is written \\]",
            "{": "after '{' follow one or two counts and '}', as in {3}, {2,} and {0,5}",
            "<": "a token is written <its text> or <[its id]>, within one line",
            "!": "after '!' a token must follow, as in !<[5]>",
        }
        return self.source.error(reasons.get(text[place], f"unexpected character {text[place]!r}"), place)

    def _rule(self) -> Definition:
        begin = self._found
        assert begin is not None
        if begin.lastgroup != "name":
            reason = f"a rule begins with its name, not with {begin.group()[:40]!r}"
            remedy = "; to go on with the rule before, end its line with '|'" if begin.lastgroup == "bar" else ""
            raise self.source.error(reason + remedy, begin.start())
        self._next(newlines=False)
        if self._found is None or self._found.lastgroup != "define":
            at = len(self.source.text) if self._found is None else self._found.start()
            raise self.source.error(f"after the name {begin.group()[:40]!r} of a rule '::=' must follow", at)
        builder = ExpressionBuilder(self.source, self._limits)
        self._next(newlines=True)
        while self._found is not None and (self._found.lastgroup != "newline"):
            self._part(builder, self._found)
            self._next(newlines=builder.depth > 0 or self._found.lastgroup == "bar")
        if self._found is not None:
            self._next(newlines=True)
        return Definition(begin.group(), builder.finish(), self.source.location(begin.start()))

    def _part(self, builder: ExpressionBuilder, found: re.Match) -> None:
        kind, offset = found.lastgroup, found.start()
        if kind == "string":
            builder.push(read_string(self.source, *found.span("string"), _ESCAPES))
        elif kind == "class":
            builder.push(read_class(self.source, *found.span("class"), _ESCAPES, any_by_none=False))
        elif kind == "name":
            builder.push(Reference(found.group(), self.source.location(offset)))
        elif kind == "any":
            builder.push(character_class([], negated=True))
        elif kind == "operator":
            builder.repeat(*_OPERATORS[found.group()], offset)
        elif kind == "bar":
            builder.bar()
        elif kind == "open":
            builder.open(offset)
        elif kind == "close":
            builder.close(offset)
        elif kind == "define":
            raise self.source.error("a rule stands in a line of its own; break the line before its name", offset)
        elif kind == "token":
            self._token(builder, found)
        else:
            self._counted(builder, found)

    def _counted(self, builder: ExpressionBuilder, found: re.Match) -> None:
        least, most = (found[name] and int(found[name][:_MOST_DIGITS]) for name in ("least", "most"))
        builder.repeat(least, least if found["comma"] is None else most if found["most"] else None, found.start())

    def _token(self, builder: ExpressionBuilder, found: re.Match) -> None:
        text, offset = found["token"], found.start()
        if text.startswith("!"):
            reason = f"{text[:40]!r} stands for any other token, whatever its text, which no grammar of texts can say"
            raise self.source.error(f"{reason}; write what may stand there instead, such as .* for any text", offset)
        if text == "<>":
            raise self.source.error("a token has a text, <...>, or an id, <[...]>", offset)
        marker = text if found["id"] is None else int(found["id"][:_MOST_DIGITS])
        builder.push(special_token((marker,)))
