"""New rules, and the helpers that operators stand for: lists, options and counted repeats.

=============  ==========================================
``x?``         ``opt: x |``
``x*``         ``star: | star x``
``x+``         ``plus: x | plus x``
``x{2,4}``     ``x x upto``, where ``upto: | x upto_1``
               and ``upto_1: | x``
=============  ==========================================

The result grows with the text and never with products of alternatives, and every text of a repeat has as many
derivations as it has ways to be cut into its parts.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from stolcke.errors import LimitExceeded
from stolcke.grammar.model import Location, Nonterminal, Rule, Symbol
from stolcke.options import Limits

__all__ = ["Body", "RuleBuilder"]

_SYMBOLS_PER_RULE = 50
"""Symbols allowed on right-hand sides, per rule allowed: long repeats cost memory without adding rules."""

Body = tuple[Symbol, ...]


class RuleBuilder:
    """Rules in the making; equal helpers are one.

    Parameters
    ----------
    taken : container of str
        Names that helpers must not have.
    limits : Limits
        ``rules`` and ``repeat`` are met here.
    raw : bool
        Whether weights are meant as they stand; those of a counted repeat are then left out.

    Attributes
    ----------
    rules : list of Rule
    owner : str
        What new helpers are named after.
    """

    def __init__(self, taken: Container[str], limits: Limits, *, raw: bool = False) -> None:
        self.rules: list[Rule] = []
        self.owner = ""
        self._taken = taken
        self._limits = limits
        self._raw = raw
        self._symbols = 0
        self._counters: dict[str, int] = {}
        self._helpers: dict[tuple, Nonterminal] = {}

    def add(
        self, lhs: Nonterminal, rhs: Body, *, location: Location | None = None, weight: float | None = None
    ) -> None:
        """Add one rule.

        Raises
        ------
        LimitExceeded
        """
        self.rules.append(Rule(lhs, rhs, None, location, weight))
        self._symbols += len(rhs)
        allowed = self._limits.rules
        if len(self.rules) > allowed or self._symbols > allowed * _SYMBOLS_PER_RULE:
            raise LimitExceeded("rules", f"more than {allowed}", allowed, f"rule {self.owner}")

    def one(self, bodies: Iterable[Body]) -> Body:
        """Make one string of symbols of several alternatives."""
        bodies = tuple(dict.fromkeys(bodies))
        if len(bodies) == 1:
            return bodies[0]
        return (self._helper("opt" if () in bodies else "group", bodies, bodies),)

    def repeated(self, body: Body, least: int, most: int | None) -> Body:
        """Repeat a string of symbols ``least`` to ``most`` times; None is no bound.

        Raises
        ------
        LimitExceeded
        """
        for bound in (least, most or 0):
            if bound > self._limits.repeat:
                raise LimitExceeded("repeat", bound, self._limits.repeat, f"rule {self.owner}")
        if not body or most == 0:
            return ()
        if (least, most) == (0, 1):
            return self.one((body, ()))
        if most is None:
            if least == 1:
                return (self._helper("plus", body, (body, ()), recursive=True),)
            return (*self._times(body, least), self._helper("star", body, ((), ()), recursive=True))
        if least == most:
            return self._times(body, least)
        unit = body if len(body) == 1 else (self._helper("group", (body,), (body,)),)
        tail: Body = ()
        for count in range(1, most - least + 1):
            # Every number of further ones is as probable as any other; raw weights are not shared out.
            shares = None if count == 1 or self._raw else (1 / (count + 1), count / (count + 1))
            tail = (self._helper("upto", (unit, count), ((), unit + tail), shares),)
        return self._times(unit, least) + tail

    def _times(self, body: Body, count: int) -> Body:
        if count * len(body) > self._limits.rules * _SYMBOLS_PER_RULE:
            raise LimitExceeded("rules", f"more than {self._limits.rules}", self._limits.rules, f"rule {self.owner}")
        return body * count

    def _helper(
        self,
        kind: str,
        content: tuple,
        bodies: tuple[Body, ...],
        shares: tuple[float, ...] | None = None,
        *,
        recursive: bool = False,
    ) -> Nonterminal:
        found = self._helpers.get((kind, content))
        if found is None:
            found = self._helpers[kind, content] = self._new_name(kind)
            if recursive:
                # The last alternative is another round.
                bodies = (*bodies[:-1], (found, *content))
            for number, body in enumerate(bodies):
                self.add(found, body, weight=None if shares is None else shares[number])
        return found

    def _new_name(self, kind: str) -> Nonterminal:
        """Name a helper after the rule that it was met in first; the underscore keeps it out of trees."""
        base = f"_{self.owner.strip('_')}_{kind}"
        while True:
            number = self._counters.get(base, 0)
            self._counters[base] = number + 1
            if f"{base}_{number}" not in self._taken:
                return Nonterminal(f"{base}_{number}")
