r"""The front end for the EBNF of xgrammar, which SGLang and vLLM take, too: ``root ::= "a" [b-d]+ | item{2,5} # ...``.

Line breaks mean nothing, except that the name of a rule is the first thing in its line.  A lookahead assertion,
``(= ...)`` at the end of a rule, is a hint for xgrammar's caches that changes no text: it is read, and left out.
"""

from __future__ import annotations

import re

from stolcke.errors import GrammarError
from stolcke.frontends.bnf.expressions import Definition, Expression, ExpressionBuilder, Reference, Source
from stolcke.frontends.bnf.lowering import grammar_of, special_token
from stolcke.frontends.bnf.texts import Escapes, read_class, read_string
from stolcke.frontends.regex import check_regex
from stolcke.grammar.model import Grammar
from stolcke.grammar.patterns import Literal, Regex
from stolcke.options import Limits

__all__ = ["read_ebnf"]

_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "0": "\0", "e": "\x1b"}
_ESCAPES = Escapes(
    _CONTROL | {char: char for char in "\"\\/'?"},
    "^$.*+()[]{}|-",
    re.compile(r"x([0-9a-fA-F]+)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"),
    "\\n \\r \\t \\b \\f \\a \\v \\0 \\e \\\" \\\\ \\/ \\' \\? \\xH... \\uHHHH and \\UHHHHHHHH",
)
_TOKENS = re.compile(
    r"(?P<blank>(?:[ \t\r\n]|\#[^\r\n]*)+)"
    r'|"(?P<string>(?:[^"\\\r\n]|\\[^\r\n])*)"|\[(?P<class>(?:[^\]\\\r\n]|\\[^\r\n])*)\]'
    r"|(?P<define>::=)|(?P<macro>(?:TagDispatch|TokenTagDispatch|ExcludeToken|Token|Regex)\b(?![.-]))"
    r"|(?P<name>[A-Za-z_.-][A-Za-z0-9_.-]*)|(?P<operator>[*+?])|(?P<bar>\|)|(?P<ahead>\(=)|(?P<open>\()|(?P<close>\))"
    r"|\{\s*(?P<least>[0-9]+)\s*(?:(?P<comma>,)\s*(?P<most>[0-9]*|-1)\s*)?\}"
)
_HEAD = re.compile(r"(?:\[(?P<attributes>[^\]\r\n]*)\])?(?:[ \t\r\n]|\#[^\r\n]*)*::=")
_ATTRIBUTE = re.compile(r"\s*(?P<key>[a-z_]+)\s*(?:=\s*(?P<value>\"[^\"\\]*\"|[0-9.]+)\s*)?(?:,|$)")
_IDS = re.compile(r"\s*\(\s*([0-9]+(?:\s*,\s*[0-9]+)*)\s*,?\s*\)")
_REGEX = re.compile(r'\s*\(\s*"(?P<regex>(?:[^"\\\r\n]|\\[^\r\n])*)"\s*\)')
_OPERATORS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_MOST_DIGITS = 18
_REFUSED = {
    "ExcludeToken": "it stands for any other token, whatever its text, which no grammar of texts can say; "
    "write what may stand there instead, such as [^]* for any text",
    "TagDispatch": "write the free text and the tagged parts as rules",
    "TokenTagDispatch": "write the free text and the parts that Token(...) begins as rules",
}


def read_ebnf(text: str, root: str = "root", *, source: str | None = None, limits: Limits = Limits()) -> Grammar:
    """Read a grammar of xgrammar; see :meth:`stolcke.Grammar.from_ebnf`."""
    reader = _Reader(Source(text, source, limits), limits)
    return grammar_of(reader.definitions(), root, reader.source, limits, reader.hints)


class _Reader:
    """Goes through the tokens of a text once."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.hints: list[Expression] = []
        self._limits = limits
        self._place = 0
        self._found: re.Match | None = None
        self._repeated = False

    def definitions(self) -> list[Definition]:
        found = []
        self._next()
        while self._found is not None:
            found.append(self._rule())
        return found

    def _next(self) -> None:
        text = self.source.text
        self._found = None
        while self._place < len(text) and self._found is None:
            found = _TOKENS.match(text, self._place)
            if found is None:
                raise self._unexpected()
            self._place = found.end()
            self._found = found if found.lastgroup != "blank" else None

    def _unexpected(self) -> GrammarError:
        text, place = self.source.text, self._place
        reasons = {
            '"': 'this string has no end in its line; a line break in it is written \\n, a quote \\"',
            "[": "this character class has no end in its line; a bracket in it is written \\]",
            "{": "after '{' follow one or two counts and '}', as in {3}, {2,} and {0,5}",
            "'": 'a string stands in double quotes, "..."',
            "<": "a special token is written Token(id)",
        }
        return self.source.error(reasons.get(text[place], f"unexpected character {text[place]!r}"), place)

    def _head(self) -> re.Match | None:
        """The rest of the head of a rule, up to ``::=``, where the present token begins one."""
        found = self._found
        return None if found is None or found.lastgroup != "name" else _HEAD.match(self.source.text, found.end())

    def _rule(self) -> Definition:
        begin, head = self._found, self._head()
        assert begin is not None
        if head is None:
            reason = "a rule begins with its name and '::='"
            raise self.source.error(f"{reason}, not with {begin.group()[:40]!r}", begin.start())
        location = self.source.location(begin.start())
        if self.source.text[begin.start() - location.column + 1 : begin.start()].strip(" \t"):
            raise self.source.error("the name of a rule is the first thing in its line", begin.start())
        if head["attributes"] is not None:
            self._attributes(head["attributes"], head.start("attributes"))
        self._place = head.end()
        self._next()
        expression = self._alternatives()
        if self._found is not None and self._found.lastgroup == "ahead":
            self._ahead(self._found.start())
        return Definition(begin.group(), expression, location)

    def _attributes(self, text: str, offset: int) -> None:
        """Read the options of a rule: names for captured texts change nothing, others are refused."""
        place = 0
        while place < len(text) or not text:
            found = _ATTRIBUTE.match(text, place)
            if found is None:
                raise self.source.error("options of a rule are written [key=value, ...]", offset + place)
            if found["key"] != "capture":
                reason = f"the option {found['key']!r} of a rule is about sampling, not about texts"
                remedy = "bound it by a repetition, {0,n}" if found["key"] == "max_tokens" else "give it to the sampler"
                raise self.source.error(f"{reason}; {remedy}", offset + found.start("key"))
            place = found.end()

    def _ahead(self, offset: int) -> None:
        self._next()
        self.hints.append(self._alternatives(closing=offset))
        if self._found is not None and self._head() is None:
            reason = "a lookahead assertion ends its rule; only another rule can follow"
            raise self.source.error(reason, self._found.start())

    def _alternatives(self, closing: int | None = None) -> Expression:
        """Read up to the next rule or lookahead, or to the bracket that closes one."""
        builder = ExpressionBuilder(self.source, self._limits)
        self._repeated = False
        while self._found is not None:
            kind = self._found.lastgroup
            if kind == "close" and not builder.depth and closing is not None:
                self._complete(builder, self._found.start())
                self._next()
                return builder.finish()
            if (kind == "ahead" and not builder.depth) or self._head() is not None:
                break
            self._part(builder, self._found)
            self._next()
        end = len(self.source.text) if self._found is None else self._found.start()
        if closing is not None:
            raise self.source.error("this '(=' is not closed", closing)
        if not builder.depth:
            self._complete(builder, end)
        return builder.finish()

    def _complete(self, builder: ExpressionBuilder, offset: int) -> None:
        if not builder.current:
            raise self.source.error('here an expression must stand; the empty text is written ""', offset)

    def _part(self, builder: ExpressionBuilder, found: re.Match) -> None:
        kind, offset = found.lastgroup, found.start()
        repeated, self._repeated = self._repeated, False
        if kind == "string":
            builder.push(read_string(self.source, *found.span("string"), _ESCAPES))
        elif kind == "class":
            builder.push(read_class(self.source, *found.span("class"), _ESCAPES, any_by_none=True))
        elif kind == "name":
            if (name := found.group()) in ("true", "false"):
                raise self.source.error(f'{name!r} is no name of a rule; as a text it is "{name}"', offset)
            builder.push(Reference(found.group(), self.source.location(offset)))
        elif kind == "macro":
            builder.push(self._macro(found))
        elif kind == "bar":
            self._complete(builder, offset)
            builder.bar()
        elif kind == "open":
            builder.open(offset)
            empty = re.compile(r"\s*\)").match(self.source.text, self._place)
            if empty is not None:
                self._place = empty.end()
                builder.close(offset)
        elif kind == "close":
            if builder.depth:
                self._complete(builder, offset)
            builder.close(offset)
        elif kind in ("operator", "least", "comma", "most"):
            if repeated:
                raise self.source.error("it applies to what is repeated already; put that in brackets", offset)
            self._repeated = True
            self._repeat(builder, found)
        else:
            reason = "'(=' can only end a rule" if kind == "ahead" else "before '::=' the name of a rule must stand"
            raise self.source.error(reason, offset)

    def _repeat(self, builder: ExpressionBuilder, found: re.Match) -> None:
        if found["operator"]:
            least, most = _OPERATORS[found["operator"]]
        else:
            least = int(found["least"][:_MOST_DIGITS])
            bounded = found["most"] not in (None, "", "-1")
            most = int(found["most"][:_MOST_DIGITS]) if bounded else None if found["comma"] else least
        builder.repeat(least, most, found.start())

    def _macro(self, found: re.Match) -> Expression:
        name, offset = found.group(), found.start()
        if name in _REFUSED:
            raise self.source.error(f"{name}(...) is not supported; {_REFUSED[name]}", offset)
        arguments = (_IDS if name == "Token" else _REGEX).match(self.source.text, self._place)
        if arguments is None:
            right = "Token(id, ...), with ids of special tokens" if name == "Token" else 'Regex("...")'
            raise self.source.error(f"it is written {right}, without further arguments", offset)
        self._place = arguments.end()
        if name == "Token":
            ids = [int(digits[:_MOST_DIGITS]) for digits in re.split(r"\s*,\s*", arguments[1])]
            return special_token(tuple(sorted(set(ids))))
        text = read_string(self.source, *arguments.span("regex"), _ESCAPES)
        pattern = text.text if isinstance(text, Literal) and isinstance(text.text, str) else ""
        check_regex(pattern, "")
        return Regex(pattern)
