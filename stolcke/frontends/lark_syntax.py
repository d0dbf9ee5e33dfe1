"""Lark text to Lark's own parse tree, with sizes checked before and places in every error."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field, replace
from functools import lru_cache

from lark import Token, Tree
from lark.exceptions import GrammarError as LarkGrammarError
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from lark.lexer import PatternStr
from lark.load_grammar import _literal_to_pattern

from stolcke.errors import GrammarError, LimitExceeded, RegexError
from stolcke.frontends.lark_directives import Directive, Place, mark_directives, take_directives
from stolcke.frontends.lark_json import EmbeddedSchema, mark_schemas, take_schemas
from stolcke.frontends.lark_parser import parse_grammar
from stolcke.frontends.lark_weights import take_weights
from stolcke.frontends.regex import check_regex
from stolcke.grammar.model import Location, error_at
from stolcke.grammar.patterns import Literal, Regex
from stolcke.options import Limits

__all__ = ["Module", "check_sizes", "parse", "read_literal"]

_TOKENS = re.compile(
    r'"(?:\\.|[^"\\\n])*"|/(?!/)(?P<regex>(?:\\.|[^/\\])*)/|//[^\n]*|\#[^\n]*'
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<bar>\|)|(?P<end>\n(?!\s*\|))",
    re.DOTALL,
)
_REGEX_GROUPS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\()|(?P<close>\))", re.DOTALL)


@dataclass(eq=False, slots=True)
class Module:
    """One parsed grammar text.

    ``folder`` is where its relative imports start: a path, or ``None`` for a
    grammar shipped with Lark, or ``""`` for a text of unknown origin.
    """

    text: str
    source: str | None
    folder: str | None
    tree: Tree
    schemas: dict[tuple[int, int], EmbeddedSchema] = field(default_factory=dict)
    """What follows each ``%json``, by the line and column of that."""
    is_weighted: bool = False
    """Whether the tree has nodes of weights."""
    raw_weights: bool = False
    directives: dict[Place, Directive] = field(default_factory=dict)
    """About restrictions, by their places."""
    names: dict[int, frozenset[str]] = field(default_factory=dict)
    """Symbols used by a definition, by the id of its tree; a cache of the importer."""

    def location(self, token: Token) -> Location:
        return Location(token.line or 1, token.column or 1, self.source, self.text)

    def error(self, reason: str, token: Token) -> GrammarError:
        """Make the error that shows a token with a caret."""
        return error_at(reason, self.location(token))


def check_sizes(text: str, limits: Limits) -> None:
    """Refuse groups nested too deeply, in the grammar and within its regular expressions, and too many alternatives.

    Only a scan for brackets and bars, as it guards the slower and partly
    recursive code that follows it.
    """
    brackets = text.count("(") + text.count("[") + text.count("{")
    if brackets <= limits.nesting and text.count("|") < limits.alternatives:
        return
    bars = [0]
    for token in _TOKENS.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            bars.append(0)
            if len(bars) > limits.nesting + 1:
                raise LimitExceeded("nesting", f"at least {len(bars) - 1}", limits.nesting, "brackets of the grammar")
        elif kind == "close" and len(bars) > 1:
            bars.pop()
        elif kind == "bar":
            bars[-1] += 1
            if bars[-1] >= limits.alternatives:
                raise LimitExceeded("alternatives", f"at least {bars[-1] + 1}", limits.alternatives, "a rule or group")
        elif kind == "end":
            bars = [0]
        elif kind == "regex" and token["regex"].count("(") > limits.nesting:
            _check_groups(token["regex"], limits)


def _check_groups(regex: str, limits: Limits) -> None:
    depth = 0
    for token in _REGEX_GROUPS.finditer(regex):
        depth += {"open": 1, "close": -1, None: 0}[token.lastgroup]
        if depth > limits.nesting:
            raise LimitExceeded("nesting", f"at least {depth}", limits.nesting, "groups of a regular expression")


def parse(text: str, source: str | None, folder: str | None, limits: Limits) -> Module:
    """Parse a grammar text whose length is already checked.

    Raises
    ------
    GrammarError, LimitExceeded
    """
    readable, schemas = take_schemas(text, source)
    readable, weights = take_weights(readable, text, source)
    readable, directives = take_directives(readable, text, source)
    check_sizes(readable, limits)
    try:
        tree = parse_grammar(readable + "\n")
    except UnexpectedCharacters as error:
        reason = f"unexpected character {error.char!r}"
        raise error_at(reason, Location(error.line, error.column, source, text)) from None
    except UnexpectedToken as error:
        weight = weights.at(error.token)
        if weight is not None:
            raise weights.misplaced(weight) from None
        reason = _explain(readable, error, schemas)
        place = Location(error.token.line or 1, error.token.column or 1, source, text)
        raise error_at(reason, place) from None
    mark_schemas(tree, schemas)
    weights.put_into(tree)
    mark_directives(tree, directives)
    return Module(text, source, folder, tree, schemas, bool(weights.found), weights.raw, directives)


_TOKEN_WORDS = {
    "RULE": "a rule name",
    "TERMINAL": "a terminal name",
    "STRING": "a string",
    "REGEXP": "a regular expression",
    "NUMBER": "a number",
    "_NL": "the end of the line",
    "_NL_OR": "'|' on a new line",
    "_LPAR": "'('",
    "_RPAR": "')'",
    "_LBRA": "'['",
    "_RBRA": "']'",
    "_LBRACE": "'{'",
    "_RBRACE": "'}'",
    "_COLON": "':'",
    "_COMMA": "','",
    "_OR": "'|'",
    "_DOT": "'.'",
    "_DOTDOT": "'..'",
    "_TO": "'->'",
    "OP": "an operator (? * +)",
    "TILDE": "'~'",
    "RULE_MODIFIERS": "'?' or '!'",
    "$END": "the end of the text",
}


_EXPRESSION = {"RULE", "TERMINAL", "STRING", "REGEXP", "_LPAR", "_LBRA"}


def _explain(text: str, error: UnexpectedToken, schemas: Container[tuple[int | None, int | None]]) -> str:
    """Say what was found and what could have stood there."""
    token, expected = error.token, set(error.expected)
    found = _TOKEN_WORDS.get(token.type, repr(str(token)))
    if token.type in ("RULE", "TERMINAL", "STRING", "REGEXP", "NUMBER", "OP"):
        found = "%json" if (token.line, token.column) in schemas else f"{found} {str(token)[:40]!r}"
    words = ["an expression"] if expected >= _EXPRESSION else []
    if words:
        expected -= _EXPRESSION
    words += sorted(_TOKEN_WORDS.get(name, name.replace("_", "%", 1).lower()) for name in expected)
    reason = f"found {found}, but expected {' or '.join(words)}"
    if token.type in ("RULE", "TERMINAL") and token.start_pos and text[token.start_pos - 1].isalnum():
        reason += "; a name is all lower case (a rule) or all upper case (a terminal)"
    if token.type == "_LBRACE" and token.start_pos and text[: token.start_pos].rstrip().endswith(("?", "*", "+")):
        reason += "; braces behind an operator hold a probability, as in x?{0.2}"
    return reason


@lru_cache(maxsize=4096)
def _unescape(kind: str, value: str) -> tuple[bool, str, tuple[str, ...] | str]:
    pattern = _literal_to_pattern(Token(kind, value))
    return isinstance(pattern, PatternStr), pattern.value, pattern.flags


def read_literal(module: Module, token: Token) -> Literal | Regex:
    """Turn a STRING or REGEXP token into a pattern, unescaped as Lark does.

    Raises
    ------
    GrammarError, RegexError
    """
    try:
        is_string, value, flags = _unescape(token.type, str(token))
    except (LarkGrammarError, ValueError, SyntaxError) as error:
        reason = str(error.args[0]) if isinstance(error, LarkGrammarError) else str(error)
        if reason == token[1 : token.rindex(token[0])]:
            reason = "malformed escape sequence; write a backslash itself as \\\\"
        raise module.error(reason, token) from None
    if is_string:
        return Literal(value, "i" in flags)
    flags = "".join(sorted(set(flags)))
    try:
        check_regex(value, flags)
    except RegexError as error:
        column = token.column or 1
        if error.position is not None and "\n" not in value and token.startswith(f"/{value}/"):
            column += 1 + error.position
        place = replace(module.location(token), column=column).place()
        raise RegexError(error.reason, pattern=value, position=error.position, **place) from None
    return Regex(value, flags)
