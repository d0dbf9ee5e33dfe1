"""The symbolic grammar: rules over terminals and nonterminals, frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stolcke.deadline import Deadline
from stolcke.errors import GrammarError
from stolcke.grammar.combining import Combinable
from stolcke.grammar.formats import Formats
from stolcke.grammar.patterns import Pattern
from stolcke.grammar.terminals import Location, Neighbour, TerminalDefinition, check_restrictions, error_at
from stolcke.guard import Guard
from stolcke.options import Limits, Options

if TYPE_CHECKING:
    from stolcke.grammar.written import Written

__all__ = [
    "Grammar",
    "Location",
    "Neighbour",
    "Nonterminal",
    "Rule",
    "RuleOptions",
    "Symbol",
    "Tally",
    "TallyEntry",
    "Terminal",
    "TerminalDefinition",
    "error_at",
]


@dataclass(frozen=True, slots=True)
class Terminal:
    """A reference to a terminal by name."""

    name: str

    def __init__(self, name: str) -> None:
        _set_terminal_name(self, name)


@dataclass(frozen=True, slots=True)
class Nonterminal:
    """A reference to a nonterminal by name."""

    name: str

    def __init__(self, name: str) -> None:
        _set_nonterminal_name(self, name)


Symbol = Terminal | Nonterminal


@dataclass(frozen=True, slots=True)
class Rule:
    """``lhs -> rhs``; an empty right-hand side derives the empty text."""

    lhs: Nonterminal
    rhs: tuple[Symbol, ...]
    alias: str | None = None
    location: Location | None = field(default=None, compare=False)
    weight: float | None = None
    """Its probability among the rules of ``lhs``; those without one share what is left."""

    def __init__(
        self,
        lhs: Nonterminal,
        rhs: tuple[Symbol, ...],
        alias: str | None = None,
        location: Location | None = None,
        weight: float | None = None,
    ) -> None:
        _set_lhs(self, lhs)
        _set_rhs(self, rhs)
        _set_alias(self, alias)
        _set_location(self, location)
        _set_weight(self, weight)


# A grammar has thousands of these.  The constructors that a frozen dataclass is given look each field up by its name;
# writing to the slot itself takes half the time.
_set_terminal_name = Terminal.__dict__["name"].__set__
_set_nonterminal_name = Nonterminal.__dict__["name"].__set__
_set_lhs, _set_rhs, _set_alias, _set_location, _set_weight = (
    Rule.__dict__[name].__set__ for name in ("lhs", "rhs", "alias", "location", "weight")
)


@dataclass(frozen=True, slots=True)
class TallyEntry:
    """One of the things that a tally counts."""

    symbols: tuple[Symbol, ...]
    """What is written for it; must not derive the empty text."""
    once: bool = False
    """Whether it occurs at most once."""
    required: bool = False
    """Whether it occurs at least once."""
    marked: bool = False
    """Whether ``least_marked`` and ``most_marked`` count it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The texts ``entry separator entry separator ... entry``, with the entries in any order.

    A nonterminal may be a tally instead of having rules.  Written as rules,
    ``n`` entries that occur once, in any order, need ``2 ** n`` nonterminals, and
    a count up to ``m`` needs ``m``; a tally's are made while texts are read.
    """

    entries: tuple[TallyEntry, ...]
    separator: tuple[Symbol, ...] = ()
    least: int = 0
    """Least number of entries; none at all is the empty text."""
    most: int | None = None
    """Greatest number of entries; None if there is no greatest."""
    least_marked: int = 0
    most_marked: int | None = None

    def strings(self) -> Iterator[tuple[Symbol, ...]]:
        """Go through all strings of symbols that the tally mentions: its entries and its separator."""
        for entry in self.entries:
            yield entry.symbols
        yield self.separator


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """How Lark shapes the trees of one nonterminal (``?rule``, ``!rule``, priority)."""

    inline_single_child: bool = False
    keep_all_tokens: bool = False
    priority: int = 0


def _validate_tally(name: str, tally: Tally) -> None:
    """Refuse fields of the wrong kind; symbols are looked at elsewhere."""
    if not isinstance(tally, Tally) or not isinstance(tally.separator, tuple) or not isinstance(tally.entries, tuple):
        raise GrammarError(f"tallies[{name!r}] must be Tally(tuple of entries, tuple of symbols, ...), not {tally!r}")
    for entry in tally.entries:
        if not isinstance(entry, TallyEntry) or not isinstance(entry.symbols, tuple) or not entry.symbols:
            raise GrammarError(
                f"an entry of tally {name!r} must be TallyEntry(tuple of at least one symbol, ...), not {entry!r}"
            )
    for field_name in ("least", "most", "least_marked", "most_marked"):
        value = getattr(tally, field_name)
        if value is None and field_name.startswith("most"):
            continue
        if not isinstance(value, int) or value < 0:
            raise GrammarError(f"{field_name} of tally {name!r} must be a number from 0 on, not {value!r}")


@dataclass(frozen=True, repr=False)
class Grammar(Combinable, Formats):
    """A context-free grammar whose terminals are regular languages.

    ``str(grammar)`` is Lark text again, where Lark can say it.  Two grammars are equal when their
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
    tallies : mapping of str to Tally
        For nonterminals that have no rules of their own.
    ignore_weights : mapping of str to float
        How probable another match of an ignored terminal is, where it was said; the others and the end of what is
        ignored share what is left.
    raw_weights : bool
        Whether weights are meant as they stand, without adding up to one for each nonterminal.
    exact : bool
        Whether the grammar derives all the texts asked for and no others.
    dropped : tuple of str
        What the front end was allowed to leave out.
    checked : tuple of str
        What the rules do not know and the guard looks at: JSON pointers and keywords.
    guard : Guard or None
        The guard without which the grammar derives texts that it should not; :func:`stolcke.compile` puts it on.
    templates : mapping of str to str
        Of nonterminals that are instances of a template, its name: what their trees are called.

    Raises
    ------
    GrammarError
        Where a symbol is used but not defined, a field is malformed, or weights are no probabilities.
    """

    start: str
    rules: tuple[Rule, ...]
    terminals: Mapping[str, TerminalDefinition]
    ignore: tuple[str, ...] = ()
    options: Mapping[str, RuleOptions] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    ignore_weights: Mapping[str, float] = field(default_factory=dict)
    raw_weights: bool = False
    exact: bool = True
    dropped: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    guard: Guard | None = None
    templates: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", tuple(self.rules))
        object.__setattr__(self, "terminals", MappingProxyType(dict(self.terminals)))
        object.__setattr__(self, "ignore", tuple(self.ignore))
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        object.__setattr__(self, "tallies", MappingProxyType(dict(self.tallies)))
        object.__setattr__(self, "ignore_weights", MappingProxyType(dict(self.ignore_weights)))
        object.__setattr__(self, "templates", MappingProxyType(dict(self.templates)))
        self._validate()

    @classmethod
    def made(cls, start: str, rules: tuple[Rule, ...], terminals: dict[str, TerminalDefinition], **others) -> Grammar:
        """Make a grammar of what a front end has written, which is right and is given away: nothing is looked at."""
        grammar = cls.__new__(cls)
        values = {
            "ignore": (),
            "raw_weights": False,
            "exact": True,
            "dropped": (),
            "checked": (),
            "guard": None,
            **others,
        }
        mapped = ("options", "tallies", "ignore_weights", "templates")
        mappings = {name: MappingProxyType(values.get(name) or {}) for name in mapped}
        grammar.__dict__.update(values, start=start, rules=rules, terminals=MappingProxyType(terminals), **mappings)
        return grammar

    @classmethod
    def of_numbers(
        cls,
        written: Written,
        *,
        exact: bool = True,
        dropped: tuple[str, ...] = (),
        checked: tuple[str, ...] = (),
        guard: Guard | None = None,
    ) -> Grammar:
        """As :meth:`made`, of numbers, which are not changed any more.

        Its rules, terminals and tallies become symbols when someone looks at them.
        """
        grammar = cls.__new__(cls)
        none = MappingProxyType({})
        fields = {"ignore": (), "options": none, "ignore_weights": none, "raw_weights": False, "templates": none}
        fields |= {"exact": exact, "dropped": dropped, "checked": checked, "guard": guard}
        grammar.__dict__.update(fields, start=written.start_name, _written=written)
        return grammar

    @property
    def written(self) -> Written | None:
        """The same as numbers, where a front end has written those."""
        return self.__dict__.get("_written")

    def __getattr__(self, name: str) -> Any:
        # Fields are not there, and so this is called, only where they are still numbers.
        if name not in ("rules", "terminals", "tallies") or self.written is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}", name=name, obj=self)
        from stolcke.grammar.written import in_symbols

        self.__dict__.update(in_symbols(self.written))
        return self.__dict__[name]

    def _validate(self) -> None:
        """Refuse symbols without definition and fields of the wrong kind."""
        for name, definition in self.terminals.items():
            if not isinstance(definition, TerminalDefinition) or definition.name != name:
                raise GrammarError(f"terminals[{name!r}] must be a TerminalDefinition of that name, not {definition!r}")
            if not isinstance(definition.pattern, Pattern):
                raise GrammarError(f"the pattern of terminal {name!r} must be a Pattern, not {definition.pattern!r}")
            if definition.is_restricted:
                check_restrictions(definition)
        defined = set()
        for rule in self.rules:
            if not isinstance(rule, Rule) or not isinstance(rule.lhs, Nonterminal) or not isinstance(rule.rhs, tuple):
                raise GrammarError(f"a rule must be Rule(Nonterminal, tuple of symbols), not {rule!r}")
            defined.add(rule.lhs.name)
        for name in self.tallies:
            if name in defined:
                raise GrammarError(f"{name!r} is a tally and has rules, too")
        defined.update(self.tallies)
        if self.start not in defined:
            raise GrammarError(f"the start rule {self.start!r} is not defined; name another with start=...")
        for rule in self.rules:
            self._validate_symbols(rule.rhs, defined, f"rule {rule.lhs.name!r}", rule.location)
        for name, tally in self.tallies.items():
            _validate_tally(name, tally)
            for symbols in tally.strings():
                self._validate_symbols(symbols, defined, f"tally {name!r}")
        for name in self.ignore:
            if name not in self.terminals:
                raise GrammarError(f"the ignored terminal {name!r} is not defined")
        for name in self.options:
            if name not in defined:
                raise GrammarError(f"options are given for {name!r}, which has no rule")
        self._validate_weights()

    def _validate_weights(self) -> None:
        """Refuse weights that are no probabilities, where there are any."""
        from stolcke.grammar.weights import ignore_weights, is_weighted, rule_weights

        if is_weighted(self):
            rule_weights(self)
            ignore_weights(self)

    def _validate_symbols(
        self, symbols: tuple[Symbol, ...], defined: set[str], where: str, location: Location | None = None
    ) -> None:
        for symbol in symbols:
            known = self.terminals if isinstance(symbol, Terminal) else defined
            if not isinstance(symbol, Symbol) or not symbol.name or symbol.name not in known:
                raise error_at(f"{symbol!r}, used in {where}, is not defined", location)

    # What is computed once is kept beside the fields: functools.cached_property holds a lock before Python 3.12, which
    # all grammars share and which the child of a fork may find locked for ever.

    def __hash__(self) -> int:
        if "_hash" not in self.__dict__:
            terminals, options = frozenset(self.terminals.items()), frozenset(self.options.items())
            self.__dict__["_hash"] = hash(
                (self.start, self.rules, terminals, self.ignore, options, frozenset(self.tallies.items()))
            )
        return self.__dict__["_hash"]

    def __repr__(self) -> str:
        tallies = f"{len(self.tallies)} tallies, " if self.tallies else ""
        return f"<Grammar {self.start!r}: {len(self.rules)} rules, {tallies}{len(self.terminals)} terminals>"

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

    @property
    def nonterminals(self) -> tuple[str, ...]:
        """Names of all nonterminals: those that have rules, then the tallies."""
        if "_nonterminals" not in self.__dict__:
            self.__dict__["_nonterminals"] = (*self.alternatives, *self.tallies)
        return self.__dict__["_nonterminals"]

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
        json_options: Mapping[str, Any] | None = None,
        limits: Limits = Limits(),
    ) -> Grammar:
        """Read a grammar in the language of the Lark parser generator.

        Parameters
        ----------
        text : str
            The grammar.
        start : str
            The rule to start from.
        lexer : {"dynamic_complete", "contextual"}
            How texts are cut into terminals: in every way that fits, or as Lark's LALR parser does, whose lexer tries
            the terminals that are possible where it stands, and takes one at its full length.  Terminals are then
            restricted, and rules copied, so that whatever Lark accepts is accepted, and little more.
        source : path, optional
            Path of the file the text came from: named in errors, and where
            relative imports start.
        import_paths : iterable of paths
            Folders searched by ``%import`` before Lark's own grammars.
        json_options : mapping of str to object, optional
            Keywords of :meth:`from_json_schema`, for the schemas of ``%json``.
        limits : Limits
            What the text may cost.

        Raises
        ------
        GrammarError
            With line, column and remedy, where the text is wrong.
        RegexError
            Where one of its regular expressions is.
        SchemaError
            Where one of its JSON Schemas is, or cannot be honoured.
        LimitExceeded
        """
        from stolcke.frontends.lark_grammar import read_lark

        return read_lark(
            text,
            start,
            lexer=lexer,
            source=source,
            import_paths=import_paths,
            json_options=json_options,
            limits=limits,
        )

    @classmethod
    def from_json_schema(
        cls,
        schema: Any,
        *,
        property_order: str = "declared",
        whitespace: str | int = "flexible",
        max_whitespace: int | None = None,
        escapes: bool = True,
        ascii_only: bool = False,
        formats: bool = True,
        strict: bool = True,
        checked: bool = False,
        dialect: str = "2020-12",
        resources: Mapping[str, Any] | None = None,
        limits: Limits = Limits(),
        options: Options = Options(),
        timeout: float | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Grammar:
        """Make a grammar of the JSON documents that a JSON Schema allows.

        An equal schema under equal choices is read once: its grammar is remembered, as long as ``Limits.remembered``
        and ``Limits.remembered_bytes`` allow.  Equal means the same JSON, number for number and in the same order.

        Parameters
        ----------
        schema : dict, bool, str, bytes, pydantic model or type
            The schema: parsed, as JSON text, or anything pydantic can describe.
        property_order : {"declared", "any"}
            Whether the members that ``properties`` names come in that order
            (others between them), or in any.
        whitespace : {"flexible", "compact", "spaced"} or int
            Any white space; none; ``", "`` and ``": "`` as ``json.dumps`` writes
            them; or one member a line, indented by so many columns a level.
        max_whitespace : int, optional
            Longest run of white space where it is flexible.
        escapes : bool
            Whether any character of a string may be written as an escape, or
            only those that must.
        ascii_only : bool
            Whether characters beyond ASCII must be written as escapes.
        formats : bool
            Whether ``format`` restricts strings; names that are not known do not.
        strict : bool
            Whether to refuse what cannot be honoured, or to leave it out and
            list it in ``grammar.dropped``.
        checked : bool
            Whether what no grammar can promise may be looked at when a value is
            complete: a wrong one then cannot close, and generation may come to a
            dead end.  ``grammar.checked`` lists where.
        dialect : {"4", "6", "7", "2019-09", "2020-12"}
            The draft, where ``$schema`` does not say.
        resources : mapping of str to schema, optional
            Further schemas that ``$ref`` may name, by URI.
        limits : Limits
        options : Options
            ``memoise_grammars`` is met here.
        timeout : float, optional
            Seconds after which to give up.
        cancel : callable, optional
            Asked now and then; when it returns true, reading stops.

        Raises
        ------
        SchemaError
            With the JSON pointer of the place, where the schema is wrong.
        UnsupportedSchema
            Where it asks for what no grammar can promise.
        LimitExceeded
        Cancelled
        """
        from stolcke.frontends.json_schema.read import read_json_schema
        from stolcke.frontends.json_schema.settings import Settings

        return read_json_schema(
            schema,
            Settings(
                property_order=property_order,
                whitespace=whitespace,
                max_whitespace=max_whitespace,
                escapes=escapes,
                ascii_only=ascii_only,
                formats=formats,
                strict=strict,
                checked=checked,
                dialect=dialect,
                resources=resources or {},
                limits=limits,
            ),
            Deadline(timeout, cancel),
            options.memoise_grammars,
        )

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
    def from_pcfg(
        cls,
        text: str,
        start: str | None = None,
        *,
        separator: str = " ",
        source: str | Path | None = None,
        limits: Limits = Limits(),
    ) -> Grammar:
        """Read a probabilistic grammar as NLTK writes it: ``S -> NP VP [0.9] | 'go' [0.1]``.

        Parameters
        ----------
        text : str
            One nonterminal and its productions a line; what ``str`` of an NLTK grammar gives is read, too.
        start : str, optional
            If not given, what ``%start`` says, or else the first left side.
        separator : str
            What stands between two tokens of a text.  A text has no other, and none at its ends.
        source : path, optional
            Path of the file the text came from, for errors.
        limits : Limits

        Raises
        ------
        GrammarError
            With line, column and remedy, where the text is wrong; where a probability is missing, productions
            without one share the rest, and sums within NLTK's tolerance of 0.01 are made 1.
        LimitExceeded
        """
        from stolcke.frontends.pcfg import read_pcfg

        source = None if source is None else str(source)
        return read_pcfg(text, start, separator=separator, source=source, limits=limits)

    def to_pcfg(self, *, separator: str = " ") -> str:
        """Print the grammar and its probabilities as NLTK reads them.

        Parameters
        ----------
        separator : str
            A terminal of this text, which must stand between any two symbols of a rule, is left out; with ``""``
            all terminals are tokens.

        Raises
        ------
        GrammarError
            Where NLTK cannot say it: terminals that are not fixed texts, ignored ones, raw weights.
        """
        from stolcke.grammar.pcfg_text import pcfg_text

        return pcfg_text(self, separator)

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
