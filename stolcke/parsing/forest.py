"""All derivations of one text, shared where they agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import exp, inf, log
from typing import NamedTuple

import numpy as np
from lark import Token, Tree

from stolcke.parsing.chart import Chart
from stolcke.parsing.derivations import BestFirst, Sampler
from stolcke.parsing.drawing import Picture, to_dot, to_svg, tree_picture
from stolcke.parsing.forest_picture import forest_picture
from stolcke.parsing.graph import NO_NODE, Graph, RawAlternative
from stolcke.parsing.matching import log_weight_of
from stolcke.parsing.places import Places
from stolcke.parsing.trees import Shapes, tree_of

__all__ = ["Derivation", "Forest", "Span"]

Key = tuple[int, int, int]
"""Of a node: symbol, begin and end in bytes; for the beginning of a right-hand side -1 - dot instead of a symbol."""


class Derivation(NamedTuple):
    """One derivation of a text.

    Attributes
    ----------
    tree : lark.Tree or lark.Token
        As Lark would shape it; a token where ``?start`` leaves nothing else.  Several derivations may share a tree.
    logprob : float
        Natural logarithm of its probability.
    posterior : float
        Its probability among all derivations of the text.
    """

    tree: Tree | Token
    logprob: float
    posterior: float

    def to_svg(self) -> str:
        """Draw the tree."""
        return to_svg(self._picture())

    def to_dot(self) -> str:
        """Describe the drawing of the tree in Graphviz' language."""
        return to_dot(self._picture())

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _picture(self) -> Picture:
        return tree_picture(self.tree, f"log-probability {self.logprob:.4g}, posterior {self.posterior:.4g}")


class Span(NamedTuple):
    """A symbol with its place in a text, where it is part of some derivation of the whole.

    Attributes
    ----------
    symbol : str
    begin, end : int
        In characters, or in bytes where these were parsed.  What is ignored belongs to the terminal after it.
    inside : float
        Natural logarithm of the probability that the symbol derives this part of the text.
    outer : float
        Natural logarithm of the sum of the weights of all derivations of the text in which the symbol stands there, not
        yet derived.
    posterior : float
        How often it stands there in a derivation of the text, on average; at most 1 unless it derives itself.
    """

    symbol: str
    begin: int
    end: int
    inside: float
    outer: float
    posterior: float


class Forest:
    """All derivations of one text, as :meth:`Parser.parse` finds them.

    Iterating over a forest gives its derivations from the most probable on; where rules go in circles there is no end.

    Attributes
    ----------
    logprob : float
        Natural logarithm of the probability of the text: the sum over all its derivations.
    """

    def __init__(
        self, chart: Chart, places: Places, shapes: Shapes, n_rules: int, rule_of: Sequence[int] | None = None
    ) -> None:
        self._tables = chart.tables
        self._places = places
        self._shapes = shapes
        self._n_rules = n_rules
        self._rule_of = rule_of
        self._graph = Graph((chart.tables.start, 0, len(places.data)), partial(_expand, chart))
        self._ranked: BestFirst | None = None
        self._known_uses: list[float] | None = None
        self.logprob: float = self._graph.inside[0]

    def __repr__(self) -> str:
        return f"<Forest: {_number(self.n_derivations)}, log-probability {self.logprob:.6g}>"

    # --- derivations ---------------------------------------------------------------------------------------------

    @property
    def n_derivations(self) -> int | float:
        """Number of derivations; infinite where rules go in circles."""
        return self._graph.count()

    @property
    def best(self) -> Derivation:
        """The most probable derivation."""
        return self.k_best(1)[0]

    def k_best(self, k: int) -> list[Derivation]:
        """The ``k`` most probable derivations, the best one first; fewer where there are no more.

        Raises
        ------
        ParseError
            Where raw weights make a derivation ever more probable by going in circles.
        """
        return [derivation for _, derivation in zip(range(k), self, strict=False)]

    def __iter__(self) -> Iterator[Derivation]:
        if self._ranked is None:
            self._ranked = BestFirst(self._graph)
        rank = 0
        while self._ranked.find(rank):
            tree = tree_of(self._graph, self._ranked, rank, self._tables, self._shapes, self._places)
            yield self._derivation(tree, self._ranked.score(rank))
            rank += 1

    def sample(self, rng: np.random.Generator, n: int) -> list[Derivation]:
        """Draw derivations of the text, independently, each as often as its posterior says.

        Parameters
        ----------
        rng : numpy.random.Generator
            Equal states of it draw equal derivations.
        n : int
        """
        sampler = Sampler(self._graph, rng)
        found = []
        for _ in range(n):
            sampler.score = 0.0
            tree = tree_of(self._graph, sampler, 0, self._tables, self._shapes, self._places)
            found.append(self._derivation(tree, sampler.score))
        return found

    def _derivation(self, tree: Tree | Token, score: float) -> Derivation:
        return Derivation(tree, score, exp(min(score - self._graph.inside[0], 0.0)))

    def posterior(self, tree: Tree | Token) -> float:
        """The probability of a tree among all derivations of the text; several of them may share it.

        Parameters
        ----------
        tree : lark.Tree or lark.Token
            Such as :attr:`Derivation.tree`, or one that Lark has made.  Where its tokens say at which positions they
            stand, that counts; it saves time, too.
        """
        found = log_weight_of(tree, self._graph, self._tables, self._shapes, self._places)
        return exp(min(found - self._graph.inside[0], 0.0))

    # --- what all derivations have in common ---------------------------------------------------------------------

    @property
    def entropy(self) -> float:
        """Entropy of the derivations given the text, in nats: 0 where there is only one."""
        return self._graph.entropy()

    @property
    def _uses(self) -> list[float]:
        if self._known_uses is None:
            self._known_uses = self._graph.uses()
        return self._known_uses

    def expected_counts(self) -> np.ndarray:
        """How often each rule is used in a derivation of the text, on average.

        The derivative of :attr:`logprob` by the logarithm of the weight of a rule, as long as weights are raw.

        Returns
        -------
        float64[rules]
            In the order of ``grammar.rules``.
        """
        counts = np.zeros(self._n_rules)
        for node, used in enumerate(self._uses):
            alternatives = self._graph.alternatives[node]
            if alternatives[0].rule == NO_NODE:
                continue
            for share, alternative in zip(self._graph.shares(node), alternatives, strict=True):
                source = self._tables.source[alternative.rule]
                if source >= 0 and self._rule_of is not None:
                    source = self._rule_of[source]
                if source >= 0:
                    counts[source] += used * share
        return counts

    def inside(self, symbol: str, begin: int, end: int) -> float:
        """Natural logarithm of the probability that a symbol derives a part of the text.

        Negative infinity where it stands there in no derivation of the whole.  Places are those of :class:`Span`.

        Raises
        ------
        GrammarError
            Where the grammar has no such symbol.
        """
        span = self._span(symbol, begin, end)
        return -inf if span is None else span.inside

    def outer(self, symbol: str, begin: int, end: int) -> float:
        """Natural logarithm of the weight of all derivations in which a symbol, not yet derived, takes a part's place.

        With :meth:`inside` it adds up to the probability of the text with that symbol there.
        """
        span = self._span(symbol, begin, end)
        return -inf if span is None else span.outer

    def _span(self, symbol: str, begin: int, end: int) -> Span | None:
        places = self._places
        if not 0 <= begin <= end <= places.position(len(places.data)):
            return None
        keys = [(number, places.byte(begin), places.byte(end)) for number in self._tables.symbols(symbol)]
        nodes = [self._graph.number[key] for key in keys if key in self._graph.number]
        return self._make_span(*nodes) if nodes else None

    def spans(self) -> Iterator[Span]:
        """Go through all symbols of derivations of the text with their places, the helpers of operators included."""
        for node, key in enumerate(self._graph.keys):
            if key[0] >= 0:
                yield self._make_span(node)

    def _make_span(self, *nodes: int) -> Span:
        """What nodes come to that are copies of one symbol."""
        symbol, begin, end = self._graph.keys[nodes[0]]
        position = self._places.position
        inside = float(np.logaddexp.reduce([self._graph.inside[node] for node in nodes]))
        used = sum(self._uses[node] for node in nodes)
        outer = (log(used) if used > 0 else -inf) + self._graph.inside[0] - inside
        return Span(self._tables.names[symbol], position(begin), position(end), inside, outer, used)

    # --- drawings ------------------------------------------------------------------------------------------------

    def to_svg(self, least: float = 0.01) -> str:
        """Draw the forest: symbols with the parts of the text that they derive, and how probable each is.

        Parameters
        ----------
        least : float
            What is less probable, given the text, is left out.
        """
        return to_svg(self._picture(least))

    def to_dot(self, least: float = 0.01) -> str:
        """Describe the drawing of the forest in Graphviz' language."""
        return to_dot(self._picture(least))

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _picture(self, least: float) -> Picture:
        title = f"{_number(self.n_derivations)}, log-probability {self.logprob:.4g}, entropy {self.entropy:.4g} nats"
        return forest_picture(self._graph, self._uses, self._tables, self._places, least, title)


def _number(derivations: int | float) -> str:
    if derivations == 1:
        return "1 derivation"
    few = isinstance(derivations, int) and derivations < 10**6
    return f"{derivations if few else f'{float(derivations):.3g}'} derivations"


def _expand(chart: Chart, key: Key) -> list[RawAlternative]:
    """The ways to derive a node."""
    tables = chart.tables
    symbol, begin, end = key
    if symbol < 0:
        dot = -1 - symbol
        return _splits(chart, tables.begin[tables.rule_at[dot]], dot, begin, end, 0.0, NO_NODE)
    if symbol < tables.n_terminals:
        return [(chart.matches[key], None, None, NO_NODE)]
    found: list[RawAlternative] = []
    for rule in tables.rules(symbol):
        first, weight = tables.begin[rule], tables.log_weight[rule]
        length = tables.length(rule)
        if begin < end:
            if length:
                found += _splits(chart, first, first + length, begin, end, weight, rule)
        elif not length:
            found.append((weight, None, None, rule))
        elif all(tables.nullable[x] for x in tables.after[first : first + length]):
            found += _splits(chart, first, first + length, begin, end, weight, rule)
    return found


def _splits(chart: Chart, first: int, dot: int, begin: int, end: int, weight: float, rule: int) -> list[RawAlternative]:
    """The ways to divide what stands before a dot: its last symbol, and all before that."""
    after = chart.tables.after
    last = after[dot - 1]
    links = chart.links(dot, begin, end)
    if dot - first == 1:
        return [(weight, None, (last, k, end), rule) for k in links]
    before = after[first] if dot - first == 2 else -dot  # the dot before the last symbol is dot - 1
    return [(weight, (before, begin, k), (last, k, end), rule) for k in links]
