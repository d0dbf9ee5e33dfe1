"""The symbolic grammar: rules over terminals and nonterminals, frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stolcke.errors import GrammarError
from stolcke.grammar.patterns import Pattern
from stolcke.options import Limits

__all__ = [
    "Grammar",
    "Location",
    "Nonterminal",
    "Rule",
    "RuleOptions",
    "Symbol",
    "Terminal",
    "TerminalDefinition",
    "error_at",
]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a grammar text, counted from 1."""

    line: int
    column: int
    source: str | None = None
    text: str | None = field(default=None, repr=False, compare=False)
    """The whole text, so that errors can show the line."""

    def place(self) -> dict[str, Any]:
        """Make the arguments that tell a :class:`GrammarError` where it is."""
        lines = [] if self.text is None else self.text.split("\n", self.line)
        text_line = lines[self.line - 1] if self.line <= len(lines) else None
        return {"line": self.line, "column": self.column, "text_line": text_line, "source": self.source}


def error_at(reason: str, location: Location | None) -> GrammarError:
    """Make an error about a place, where one is known."""
    return GrammarError(reason, **(location.place() if location else {}))


@dataclass(frozen=True, slots=True)
class Terminal:
    """A reference to a terminal by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Nonterminal:
    """A reference to a nonterminal by name."""

    name: str


Symbol = Terminal | Nonterminal


@dataclass(frozen=True, slots=True)
class TerminalDefinition:
    """A terminal's pattern and how it was written."""

    name: str
    pattern: Pattern
    priority: int = 0
    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """``lhs -> rhs``; an empty right-hand side derives the empty text."""

    lhs: Nonterminal
    rhs: tuple[Symbol, ...]
    alias: str | None = None
    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """How Lark shapes the trees of one nonterminal (``?rule``, ``!rule``, priority)."""

    inline_single_child: bool = False
    keep_all_tokens: bool = False
    priority: int = 0


@dataclass(frozen=True, repr=False)
class Grammar:
    """A context-free grammar whose terminals are regular languages.

    ``str(grammar)`` is Lark text again.  Two grammars are equal when their
    fields are; places in texts do not count.

    Parameters
    ----------
    start : str
        Name of the start nonterminal.
    rules : tuple of Rule
        In the order written; EBNF operators already lowered to helper rules.
    terminals : mapping of str to TerminalDefinition
    ignore : tuple of str
        Terminals that may stand, repeated, before every terminal and at the end.
    options : mapping of str to RuleOptions
        For the nonterminals that have any.

    Raises
    ------
    GrammarError
        Where a symbol is used but not defined, or a field is malformed.
    """

    start: str
    rules: tuple[Rule, ...]
    terminals: Mapping[str, TerminalDefinition]
    ignore: tuple[str, ...] = ()
    options: Mapping[str, RuleOptions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", tuple(self.rules))
        object.__setattr__(self, "terminals", MappingProxyType(dict(self.terminals)))
        object.__setattr__(self, "ignore", tuple(self.ignore))
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        self._validate()

    def _validate(self) -> None:
        """Refuse symbols without definition and fields of the wrong kind."""
        for name, definition in self.terminals.items():
            if not isinstance(definition, TerminalDefinition) or definition.name != name:
                raise GrammarError(f"terminals[{name!r}] must be a TerminalDefinition of that name, not {definition!r}")
            if not isinstance(definition.pattern, Pattern):
                raise GrammarError(f"the pattern of terminal {name!r} must be a Pattern, not {definition.pattern!r}")
        defined = set()
        for rule in self.rules:
            if not isinstance(rule, Rule) or not isinstance(rule.lhs, Nonterminal) or not isinstance(rule.rhs, tuple):
                raise GrammarError(f"a rule must be Rule(Nonterminal, tuple of symbols), not {rule!r}")
            defined.add(rule.lhs.name)
        if self.start not in defined:
            raise GrammarError(f"the start rule {self.start!r} is not defined; name another with start=...")
        for rule in self.rules:
            for symbol in rule.rhs:
                known = self.terminals if isinstance(symbol, Terminal) else defined
                if not isinstance(symbol, Symbol) or not symbol.name or symbol.name not in known:
                    reason = f"{symbol!r}, used in rule {rule.lhs.name!r}, is not defined"
                    raise error_at(reason, rule.location)
        for name in self.ignore:
            if name not in self.terminals:
                raise GrammarError(f"the ignored terminal {name!r} is not defined")
        for name in self.options:
            if name not in defined:
                raise GrammarError(f"options are given for {name!r}, which has no rule")

    # What is computed once is kept beside the fields: functools.cached_property holds a lock before Python 3.12, which
    # all grammars share and which the child of a fork may find locked for ever.

    def __hash__(self) -> int:
        if "_hash" not in self.__dict__:
            terminals, options = frozenset(self.terminals.items()), frozenset(self.options.items())
            self.__dict__["_hash"] = hash((self.start, self.rules, terminals, self.ignore, options))
        return self.__dict__["_hash"]

    def __repr__(self) -> str:
        return f"<Grammar {self.start!r}: {len(self.rules)} rules, {len(self.terminals)} terminals>"

    def __str__(self) -> str:
        from stolcke.grammar.printing import lark_text

        return lark_text(self)

    @property
    def alternatives(self) -> Mapping[str, tuple[Rule, ...]]:
        """The rules of each nonterminal, both in the order written."""
        if "_alternatives" not in self.__dict__:
            grouped: dict[str, list[Rule]] = {}
            for rule in self.rules:
                grouped.setdefault(rule.lhs.name, []).append(rule)
            self.__dict__["_alternatives"] = MappingProxyType({name: tuple(rules) for name, rules in grouped.items()})
        return self.__dict__["_alternatives"]

    # The constructors below are the one place where this floor reaches up to the front ends.

    @classmethod
    def from_lark(
        cls,
        text: str,
        start: str = "start",
        *,
        lexer: str = "dynamic_complete",
        source: str | Path | None = None,
        import_paths: Iterable[str | Path] = (),
        limits: Limits = Limits(),
    ) -> Grammar:
        """Read a grammar in the language of the Lark parser generator.

        Parameters
        ----------
        text : str
            The grammar.
        start : str
            The rule to start from.
        lexer : {"dynamic_complete"}
            How texts are cut into terminals: in every way that fits.
        source : path, optional
            Path of the file the text came from: named in errors, and where
            relative imports start.
        import_paths : iterable of paths
            Folders searched by ``%import`` before Lark's own grammars.
        limits : Limits
            What the text may cost.

        Raises
        ------
        GrammarError
            With line, column and remedy, where the text is wrong.
        RegexError
            Where one of its regular expressions is.
        LimitExceeded
        """
        from stolcke.frontends.lark_grammar import read_lark

        return read_lark(text, start, lexer=lexer, source=source, import_paths=import_paths, limits=limits)

    @classmethod
    def from_file(cls, path: str | Path, start: str = "start", **keywords) -> Grammar:
        """Read a grammar file; keywords as for :meth:`from_lark`.

        Raises
        ------
        OSError
            Where the file cannot be read.
        GrammarError, LimitExceeded
        """
        data = Path(path).read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
            raise GrammarError("the file is not UTF-8", line=line, column=column, source=str(path)) from None
        return cls.from_lark(text, start, **{"source": str(path), **keywords})

    @classmethod
    def from_regex(cls, pattern: str, flags: str = "") -> Grammar:
        """Make a grammar of the texts that a regular expression matches as a whole.

        Raises
        ------
        RegexError
        """
        from stolcke.frontends.regex import read_regex

        return read_regex(pattern, flags)

    @classmethod
    def from_choices(cls, choices: Iterable[str | bytes]) -> Grammar:
        """Make a grammar of exactly the given texts; one of them may be empty.

        Raises
        ------
        GrammarError
            Where there is no choice at all.
        """
        from stolcke.frontends.choices import read_choices

        return read_choices(choices)
