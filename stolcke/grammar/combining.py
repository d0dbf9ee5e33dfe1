"""Grammars made of grammars: sequences, choices and repeats, as methods of :class:`~stolcke.grammar.model.Grammar`.

A grammar that is part of another keeps its meaning: its language, its weights, what it ignores, its tallies.  Names
that two parts both use are changed in the later one; their trees are called as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from typing import TYPE_CHECKING, Any

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.patterns import Literal
from stolcke.grammar.weights import ignore_weights, is_weighted, rule_weights
from stolcke.options import Limits

if TYPE_CHECKING:
    from stolcke.grammar.building import Body
    from stolcke.grammar.model import Grammar, Rule, Symbol, Tally

__all__ = ["Combinable"]

_START = "start"
_KEPT = {"start", "rules", "terminals", "ignore", "options", "tallies", "ignore_weights", "raw_weights", "templates"}
_KEPT |= {"exact", "dropped"}
"""Fields of a grammar that a combination takes from its parts."""


class Combinable:
    """What is made of grammars; wherever a grammar is asked for, a ``str`` stands for that text.

    Parts that all ignore the same go on ignoring it, everywhere in the whole, as rules of one grammar do.  Otherwise
    each part ignores what it did, before its terminals and at its end, and nothing else; a ``str`` ignores nothing.
    """

    @classmethod
    def literal(cls, text: str | bytes) -> Grammar:
        """Make the grammar of one text.

        Raises
        ------
        GrammarError
            Where it is neither text nor bytes, or has no encoding.
        """
        from stolcke.grammar.model import Nonterminal, Rule, Terminal, TerminalDefinition

        if not isinstance(text, (str, bytes)):
            raise GrammarError(f"a literal must be str or bytes, not {type(text).__name__}")
        if isinstance(text, str) and any("\ud800" <= char < "\ue000" for char in text):
            raise GrammarError(f"the literal {text[:40]!r} holds a surrogate, which has no UTF-8 encoding")
        start, name = Nonterminal(_START), "__ANON_0"
        if not text:
            return _grammar()(_START, (Rule(start, ()),), {})
        terminals = {name: TerminalDefinition(name, Literal(text))}
        return _grammar()(_START, (Rule(start, (Terminal(name),)),), terminals)

    @classmethod
    def sequence(cls, *parts: Grammar | str) -> Grammar:
        """Make the grammar of the texts that are one text of each part, one after the other; also ``a + b``.

        Raises
        ------
        GrammarError
            Where a part is no grammar.
        """
        whole = _Whole(parts)
        whole.rule(tuple(symbol for part in whole.parts for symbol in part))
        return whole.grammar()

    @classmethod
    def choice(cls, *parts: Grammar | str, weights: Sequence[float | None] | None = None) -> Grammar:
        """Make the grammar of the texts of any part; also ``a | b``.

        Parameters
        ----------
        *parts : Grammar or str
        weights : sequence of float or None, optional
            The probability of each part; those without one share equally what the others leave.

        Raises
        ------
        GrammarError
            Where there is no part, one is no grammar, or the weights are no probabilities.
        """
        if not parts:
            raise GrammarError("no choices are given, so no text would be in the language")
        weights = [None] * len(parts) if weights is None else list(weights)
        if len(weights) != len(parts):
            raise GrammarError(f"{len(parts)} choices have {len(weights)} weights; give one for each, or None")
        whole = _Whole(parts)
        for part, weight in zip(whole.parts, weights, strict=True):
            whole.rule(part, weight)
        return whole.grammar()

    def repeat(
        self,
        least: int = 0,
        most: int | None = None,
        *,
        separator: Grammar | str | None = None,
        limits: Limits = Limits(),
    ) -> Grammar:
        """Make the grammar of ``least`` to ``most`` texts one after the other; ``None`` is no bound.

        Parameters
        ----------
        least : int
        most : int, optional
        separator : Grammar or str, optional
            What stands between each two.
        limits : Limits
            ``repeat`` and ``rules`` are met here.

        Raises
        ------
        GrammarError
            Where the bounds are none.
        LimitExceeded
        """
        for bound in (least, most):
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int) or bound < 0):
                raise GrammarError(f"a bound of a repeat must be a number from 0 on, not {bound!r}")
        if most is not None and most < least:
            raise GrammarError(f"a repeat of at least {least} and at most {most} is none; exchange the bounds")
        whole = _Whole((self,) if separator is None else (self, separator), limits)
        unit = whole.parts[0]
        if separator is None:
            whole.rule(whole.builder.repeated(unit, least, most))
        else:
            further = None if most is None else max(most - 1, 0)
            if least == 0:
                whole.rule(())
            if most != 0:
                rest = whole.builder.repeated(whole.parts[1] + unit, max(least - 1, 0), further)
                whole.rule(unit + rest)
        return whole.grammar()

    def optional(self) -> Grammar:
        """Make the grammar of the same texts and the empty one."""
        return self.repeat(0, 1)

    def __add__(self, other: Grammar | str) -> Grammar:
        return self.sequence(self, other) if _is_part(other) else NotImplemented  # type: ignore[arg-type]

    def __radd__(self, other: str) -> Grammar:
        return self.sequence(other, self) if _is_part(other) else NotImplemented  # type: ignore[arg-type]

    def __or__(self, other: Grammar | str) -> Grammar:
        return self.choice(self, other) if _is_part(other) else NotImplemented  # type: ignore[arg-type]

    def __ror__(self, other: str) -> Grammar:
        return self.choice(other, self) if _is_part(other) else NotImplemented  # type: ignore[arg-type]


def _grammar() -> type[Grammar]:
    """The class of which :class:`Combinable` is a base, and which therefore is defined later."""
    from stolcke.grammar.model import Grammar

    return Grammar


def _is_part(value: object) -> bool:
    return isinstance(value, (str, Combinable))


class _Whole:
    """A grammar in the making, which others are part of.

    Attributes
    ----------
    builder : RuleBuilder
    parts : list of tuple of Symbol
        What each part is in a rule.
    """

    def __init__(self, parts: Sequence[Any], limits: Limits = Limits()) -> None:
        from stolcke.grammar.building import RuleBuilder
        from stolcke.grammar.model import Nonterminal

        grammars = [self._checked(part) for part in parts]
        self._limits = limits
        self._start = Nonterminal(_START)
        self._taken: set[str] = {_START}
        self._raw = any(each.raw_weights for each in grammars)
        self._ignores_alike = len({_ignored(each) for each in grammars}) == 1
        self.builder = RuleBuilder(self._taken, limits, raw=self._raw)
        self.builder.owner = _START
        self._rules: list[Rule] = []
        self._fields: dict[str, dict] = {name: {} for name in ("terminals", "options", "tallies", "templates")}
        self._grammars = grammars
        self._ignored: tuple[tuple[str, ...], dict[str, float]] = (), {}
        known: dict[int, Body] = {}
        self.parts = []
        for each in grammars:
            if id(each) not in known:
                known[id(each)] = self._embed(each)
            self.parts.append(known[id(each)])

    @staticmethod
    def _checked(part: Any) -> Grammar:
        if isinstance(part, str):
            return Combinable.literal(part)
        if not isinstance(part, _grammar()):
            raise GrammarError(f"a part must be a Grammar or a str, not {type(part).__name__}")
        for field in fields(part):
            default = field.default if field.default_factory is MISSING else field.default_factory()
            if field.name not in _KEPT and getattr(part, field.name) != default:
                raise GrammarError(f"a grammar with {field.name} cannot be part of another one yet")
        return part

    def rule(self, body: Body, weight: float | None = None) -> None:
        """Add an alternative of the start."""
        self.builder.add(self._start, body, weight=weight)

    def grammar(self) -> Grammar:
        # The alternatives of the start come first, helpers after them.
        rules = sorted(self.builder.rules, key=lambda rule: rule.lhs != self._start)
        ignore, weights = self._ignored
        allowed, count = self._limits.rules, len(rules) + len(self._rules)
        if count > allowed:
            raise LimitExceeded("rules", count, allowed, "combination of grammars")
        return _grammar()(
            start=_START,
            rules=(*rules, *self._rules),
            ignore=ignore,
            ignore_weights=weights,
            raw_weights=self._raw,
            exact=all(each.exact for each in self._grammars),
            dropped=tuple(dict.fromkeys(text for each in self._grammars for text in each.dropped)),
            **self._fields,
        )

    # -- one part

    def _free(self, name: str, known: Any) -> str:
        """A name like the given one that nothing has, or only what is equal."""
        candidate, number = name, 1
        while candidate in self._taken and (known is None or self._fields["terminals"].get(candidate) != known):
            number += 1
            candidate = f"{name}_{number}"
            known = None if known is None else replace(known, name=candidate)
        self._taken.add(candidate)
        return candidate

    def _embed(self, part: Grammar) -> Body:
        """Take over the rules of a part; what stands for it in a rule is its start and what it ignores at its end."""
        from stolcke.grammar.model import Nonterminal, Rule, Terminal

        own: dict[Symbol, Symbol] = {}
        for name, definition in part.terminals.items():
            new = self._free(name, definition)
            own[Terminal(name)] = Terminal(new)
            self._fields["terminals"][new] = replace(definition, name=new)
        for name in part.nonterminals:
            new = self._free(name, None)
            own[Nonterminal(name)] = Nonterminal(new)
            if new != name or name in part.templates:
                self._fields["templates"][new] = part.templates.get(name, name)
        self._fields["options"] |= {own[Nonterminal(name)].name: value for name, value in part.options.items()}
        before = self._ignoring(part, own)

        def opened(symbols: Body) -> Body:
            return tuple(
                each for s in symbols for each in ((*before, own[s]) if isinstance(s, Terminal) else (own[s],))
            )

        # Where weights are raw, a missing one would be 1, and no share of what is left.
        shares = self._raw and not part.raw_weights
        weights = rule_weights(part).tolist() if shares else [rule.weight for rule in part.rules]
        for rule, weight in zip(part.rules, weights, strict=True):
            lhs = own[rule.lhs]
            assert isinstance(lhs, Nonterminal)
            self._rules.append(Rule(lhs, opened(rule.rhs), rule.alias, rule.location, weight))
        for name, tally in part.tallies.items():
            self._fields["tallies"][own[Nonterminal(name)].name] = _mapped(tally, opened)
        return own[Nonterminal(part.start)], *before

    def _ignoring(self, part: Grammar, own: dict[Symbol, Symbol]) -> Body:
        """What has to be written wherever a part ignores something: nothing, if all parts ignore the same."""
        from stolcke.grammar.model import Nonterminal, Rule, Terminal

        names = {name: own[Terminal(name)].name for name in part.ignore}
        if self._ignores_alike:
            weights = {names[name]: weight for name, weight in part.ignore_weights.items()}
            self._ignored = tuple(names.values()), weights
            return ()
        if not names:
            return ()
        ignored = Nonterminal(self._free("_ignored", None))
        # With raw weights, too, these are probabilities.
        is_written = self._raw or is_weighted(part)
        weights, stop = ignore_weights(part) if is_written else ([None] * len(names), None)
        self._rules.append(Rule(ignored, (), weight=stop))
        for name, weight in zip(part.ignore, weights, strict=True):
            self._rules.append(Rule(ignored, (own[Terminal(name)], ignored), weight=weight))
        return (ignored,)


def _ignored(part: Grammar) -> tuple:
    """What a grammar ignores, to compare."""
    return tuple((part.terminals[name], part.ignore_weights.get(name)) for name in part.ignore)


def _mapped(tally: Tally, opened: Any) -> Tally:
    entries = tuple(replace(entry, symbols=opened(entry.symbols)) for entry in tally.entries)
    return replace(tally, entries=entries, separator=opened(tally.separator))
