"""Small grammars and vocabularies: all of them up to a size, and random ones.

The grammars are over the letters a, b and c, few enough that rules, terminals
and tokens overlap in every way: empty rules, unit cycles, left, right, hidden
left and indirect recursion, symbols that derive nothing or are never reached,
ambiguity, and terminals that are prefixes of each other.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import strategies as st

from stolcke.grammar.model import Grammar, Nonterminal, Rule, Symbol, Tally, TallyEntry, Terminal, TerminalDefinition
from stolcke.grammar.patterns import Choice, Counted, Literal, Pattern, Repeat, Sequence, Special
from tests.reference.masks import Tokens


class Effort(float):
    """A factor that leaves of every number at least one."""

    def __rmul__(self, number: int) -> int:
        return max(1, round(number * float(self)))


EFFORT = Effort(os.environ.get("STOLCKE_EFFORT", "1"))
"""How many times the usual number of random examples to try; less than 1 where checks are slow."""

A, B, C = Literal("a"), Literal("b"), Literal("c")

PATTERNS: tuple[Pattern, ...] = (
    A,
    B,
    C,
    Literal("aa"),
    Literal("ab"),
    Literal("aba"),
    Repeat(A, 1, None),  # a+
    Sequence((A, Repeat(B, 0, None))),  # ab*
    Repeat(Choice((A, B)), 1, None),  # [ab]+
    Sequence((Repeat(A, 0, None), B)),  # a*b
    Repeat(Sequence((A, B)), 1, None),  # (ab)+
    Choice((A, Literal("abc"))),  # a|abc
    Repeat(A, 2, 3),  # a{2,3}
    Sequence((Repeat(B, 0, 1), A)),  # b?a
)
"""Terminals; every two of them share texts, prefixes or nothing at all."""


def make_grammar(
    rules: dict[str, list[tuple[str, ...]]], terminals: dict[str, Pattern], ignore=(), tallies=(), start=None
) -> Grammar:
    """A grammar from names; upper case is a terminal, the first rule is the start if none is given."""
    return Grammar(
        start=start or next(iter(rules)),
        tallies=dict(tallies),
        rules=tuple(Rule(Nonterminal(lhs), tuple(map(symbol, rhs))) for lhs, found in rules.items() for rhs in found),
        terminals={name: TerminalDefinition(name, pattern) for name, pattern in terminals.items()},
        ignore=tuple(ignore),
    )


def symbol(name: str) -> Symbol:
    """The symbol of a name, a terminal if and only if it is in upper case."""
    return Terminal(name) if name.isupper() else Nonterminal(name)


def lark_text(grammar: Grammar) -> str:
    """A grammar as Lark text, the start rule first; independent of ``str(grammar)``."""
    lines, declared = [], []
    for lhs in dict.fromkeys([grammar.start, *(rule.lhs.name for rule in grammar.rules)]):
        bodies = dict.fromkeys(" ".join(s.name for s in rule.rhs) for rule in grammar.rules if rule.lhs.name == lhs)
        lines.append(f"{lhs}: " + " | ".join(bodies))
    for name, definition in grammar.terminals.items():
        if isinstance(definition.pattern, Special):
            declared.append(f"%declare {name}")
        else:
            lines.append(f"{name}: /{regex_text(definition.pattern)}/")
    declared += [f"%ignore {name}" for name in grammar.ignore]
    # Lark has no tallies: these lines are only to be read by people.
    return "\n".join([*lines, *declared, *(f"// {name}: {tally}" for name, tally in grammar.tallies.items())]) + "\n"


def regex_text(pattern: Pattern) -> str:
    """A pattern over plain letters as a regular expression of Python's ``re``."""
    match pattern:
        case Literal(bytes() as data, False):
            return repr(data)[2:-1]  # only to be read by people: Lark has no such texts
        case Literal(text, False):
            return text
        case Sequence(parts):
            return "".join(f"(?:{regex_text(p)})" if isinstance(p, Choice) else regex_text(p) for p in parts)
        case Choice(parts):
            return "|".join(map(regex_text, parts))
        case Repeat(part, least, most):
            inside = regex_text(part)
            inside = inside if len(inside) == 1 else f"(?:{inside})"
            return inside + {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((least, most), f"{{{least},{most}}}")
        case Counted():
            return regex_text(pattern.expanded())
    raise AssertionError(f"no regular expression for {pattern!r}")


BYTE_PATTERNS: tuple[Pattern, ...] = (
    Literal("é"),
    Literal(b"a\xff"),
    Repeat(Choice((Literal("é"), Literal("è"))), 1, None),
)
"""Terminals whose texts tokens cut inside a character, or that are no text at all."""


# All small grammars.

PALETTES: tuple[tuple[dict[str, Pattern], tuple[str, ...]], ...] = (
    ({"A": A, "B": B}, ()),
    ({"A": A, "B": A}, ()),  # equal languages, different terminals
    ({"A": A, "B": Literal("aa")}, ()),
    ({"A": Repeat(A, 1, None), "B": Literal("ab")}, ()),
    ({"A": Repeat(A, 1, None), "B": Sequence((A, Repeat(B, 0, None)))}, ()),
    ({"A": A, "B": B}, ("B",)),  # one that is ignored and asked for
    ({"A": Literal("ab"), "B": A, "I": Repeat(B, 1, None)}, ("I",)),
)
"""Two terminals, and what is ignored."""


def right_hand_sides(names: tuple[str, ...], size: int) -> list[tuple[str, ...]]:
    """All right-hand sides of at most ``size`` symbols."""
    return [rhs for length in range(size + 1) for rhs in itertools.product(names, repeat=length)]


def small_rules(budget: int) -> Iterator[dict[str, list[tuple[str, ...]]]]:
    """All sets of rules for ``s`` and, if ``s`` reaches it, ``x`` within a budget.

    An alternative costs 1 and each of its symbols 1.  ``s`` has one or two
    alternatives, and so has ``x``; none has more than two symbols.
    """
    bodies = right_hand_sides(("s", "x", "A", "B"), 2)
    rule_sets = [[rhs] for rhs in bodies] + [list(pair) for pair in itertools.combinations(bodies, 2)]
    cost = {id(found): sum(1 + len(rhs) for rhs in found) for found in rule_sets}
    for s in rule_sets:
        if cost[id(s)] > budget:
            continue
        if not any("x" in rhs for rhs in s):
            yield {"s": s}
            continue
        for x in rule_sets:
            if cost[id(s)] + cost[id(x)] <= budget:
                yield {"s": s, "x": x}


def small_grammars(budget: int) -> Iterator[Grammar]:
    """All grammars of :func:`small_rules` over all palettes, those that derive nothing included."""
    for terminals, ignore in PALETTES:
        for rules in small_rules(budget):
            yield make_grammar(rules, terminals, ignore)


def texts(alphabet: bytes, longest: int) -> list[bytes]:
    """All texts over an alphabet up to a length, shortest first."""
    return [bytes(t) for n in range(longest + 1) for t in itertools.product(alphabet, repeat=n)]


FUSED = Tokens(
    tokens=[
        b"a",
        b"b",
        b"",
        b"aa",
        b"ab",
        b"ba",
        b"bb",
        b"</s>",
        b"aab",
        b"aba",
        b"aa",
        b"\xff",
        b"a\xff",
        b"</s>",
        b"<x>",
    ],
    ends=(7, 13),
    special_ids=(14,),
)
"""Tokens across several terminals, a duplicate, an empty one, two ends, bytes that are no text."""

BYTES_ONLY = Tokens(tokens=[b"b", b"a"])
"""One token for each letter, none for the end."""


# Random grammars and vocabularies.

NONTERMINALS = ("s", "x", "y", "z")
TERMINALS = ("A", "B", "C", "D")


def make_tally(entries: list[tuple[str, ...]], separator: tuple[str, ...] = (), **bounds) -> Tally:
    """A tally from names: an entry's flags are the words ``once``, ``required`` and ``marked`` before its symbols."""
    flags = ("once", "required", "marked")
    made = [
        TallyEntry(tuple(symbol(n) for n in names if n not in flags), **{flag: flag in names for flag in flags})
        for names in entries
    ]
    return Tally(tuple(made), tuple(map(symbol, separator)), **bounds)


@st.composite
def tallies(draw, names: tuple[str, ...], terminals: tuple[str, ...]) -> Tally:
    """A random tally; most entries hold a terminal, as those that derive the empty text are refused."""
    # Small enough to be written out; what derives nothing is frequent enough without being sought.
    flags = st.sampled_from(
        [
            *[(), ("once",), ("once",), ("required",), ("marked",)],
            *[("once", "required"), ("once", "required"), ("once", "marked"), ("once", "required", "marked")],
        ]
    )
    solid = st.tuples(st.sampled_from(terminals)) | st.tuples(st.sampled_from(terminals), st.sampled_from(names))
    entry = st.tuples(flags, st.one_of(solid, solid, solid, st.tuples(st.sampled_from(names)))).map(sum_of)
    separator = draw(st.sampled_from([(), (), terminals[:1], terminals[-1:]]) | st.tuples(st.sampled_from(names)))
    least, least_marked = draw(st.sampled_from([0, 0, 0, 1, 2, 3])), draw(st.sampled_from([0, 0, 0, 1, 2]))
    return make_tally(
        draw(st.lists(entry, min_size=1, max_size=4)),
        separator,
        least=least,
        most=draw(st.sampled_from([None, None, 1, 2, 3, 4])),
        least_marked=least_marked,
        most_marked=draw(st.sampled_from([None, None, 0, 1, 2])),
    )


def sum_of(parts: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """All parts in one."""
    return tuple(itertools.chain(*parts))


@st.composite
def tally_grammars(draw) -> Grammar:
    """A random grammar in which one to three nonterminals, perhaps the start, are tallies."""
    nonterminals = NONTERMINALS[: draw(st.integers(1, len(NONTERMINALS)))]
    terminals = TERMINALS[: draw(st.integers(1, len(TERMINALS)))]
    chosen = draw(st.sets(st.sampled_from(nonterminals), min_size=1, max_size=3))
    rhs = st.lists(st.sampled_from(nonterminals + 2 * terminals), max_size=4).map(tuple)
    rules = {x: draw(st.lists(rhs, min_size=1, max_size=3, unique=True)) for x in nonterminals if x not in chosen}
    counted = {x: draw(tallies(nonterminals + terminals, terminals)) for x in nonterminals if x in chosen}
    patterns = {name: draw(st.sampled_from(2 * PATTERNS + BYTE_PATTERNS)) for name in terminals}
    ignored = (draw(st.sampled_from(terminals)),) if draw(st.integers(0, 4)) == 0 else ()
    return make_grammar(rules, patterns, ignored, counted, "s")


@st.composite
def grammars(draw, *, specials: bool = True, ignore: bool = True) -> Grammar:
    """A random grammar of up to four rules over up to four terminals; it may derive nothing."""
    nonterminals = NONTERMINALS[: draw(st.integers(1, len(NONTERMINALS)))]
    terminals = TERMINALS[: draw(st.integers(1, len(TERMINALS)))]
    declared = ("SPECIAL",) if specials and draw(st.booleans()) else ()
    # With few terminals there is more recursion, but also more that derives nothing.
    names = st.sampled_from(draw(st.integers(1, 2)) * nonterminals + 2 * (terminals + declared))
    rhs = st.lists(names, max_size=4).map(tuple)
    rules = {lhs: draw(st.lists(rhs, min_size=1, max_size=4, unique=True)) for lhs in nonterminals}
    patterns: dict[str, Pattern] = {name: draw(st.sampled_from(2 * PATTERNS + BYTE_PATTERNS)) for name in terminals}
    patterns |= {name: Special(name) for name in declared}
    ignored = (draw(st.sampled_from(terminals)),) if ignore and draw(st.integers(0, 3)) == 0 else ()
    return make_grammar(rules, patterns, ignored)


TOKEN_BYTES = st.one_of(
    st.sampled_from(texts(b"abc", 2)),
    st.lists(st.sampled_from(b"abc"), min_size=3, max_size=6).map(bytes),
    st.sampled_from([b"", b"\xff", b"a\xff", b"\xc3", b"b\xc3", b"\xa9", b"\xa9\xc3", b"SPECIAL"]),
)


@st.composite
def vocabularies(draw) -> Tokens:
    """A random vocabulary: duplicates, empties, up to two ends, special tokens of which one is bound."""
    tokens = [(text, "plain") for text in draw(st.lists(TOKEN_BYTES, min_size=1, max_size=40))]
    # The texts of end and special tokens may also be those of ordinary ones.
    tokens += [(text, "end") for text in draw(st.lists(st.sampled_from([b"</s>", b"a", b""]), max_size=2))]
    tokens += [(b"SPECIAL", "bound"), *draw(st.sampled_from([[], [(b"b", "unbound")], [(b"", "unbound")]]))]
    tokens = draw(st.permutations(tokens))
    kinds = [kind for _, kind in tokens]
    return Tokens(
        tokens=[text for text, _ in tokens],
        ends=tuple(i for i, kind in enumerate(kinds) if kind == "end"),
        special_ids=tuple(i for i, kind in enumerate(kinds) if kind in ("bound", "unbound")),
        special={"SPECIAL": kinds.index("bound")},
    )


@st.composite
def walks(draw, earley, tokens: Tokens, steps: int = 8) -> list[int]:
    """Token ids that can be accepted one after the other; no end tokens."""
    text: tuple = ()
    walk: list[int] = []
    for _ in range(draw(st.integers(0, steps))):
        fits = [
            t for t in range(len(tokens.tokens)) if tokens.symbols(t) and earley.is_viable(text + tokens.symbols(t))
        ]
        if not fits:
            break
        walk.append(draw(st.sampled_from(fits)))
        text += tokens.symbols(walk[-1])
    return walk


# Weights.

SIXTEENTHS = st.integers(0, 12)
"""Of a weight; so their sums are exact."""


@st.composite
def weights(draw, count: int, raw: bool) -> list[float | None]:
    """Weights of the rules of one left side: all, some or none of them given; not all zero, and in all 1 if not raw."""
    given = draw(st.lists(st.sampled_from([True, True, False]), min_size=count, max_size=count))
    parts = [draw(SIXTEENTHS) if is_given else 0 for is_given in given]
    whole = 16 if raw else max(16, 1 << (sum(parts) - 1).bit_length())
    if all(given):
        parts[-1] += max(0, whole - sum(parts)) if not raw else not any(parts)
    return [part / whole if is_given else None for part, is_given in zip(parts, given, strict=True)]


@st.composite
def weighted_grammars(draw, *, specials: bool = False, ignore: bool = True, plain=None) -> Grammar:
    """A random grammar with weights on some of its rules and ignored terminals; it may have no probability at all."""
    grammar = draw(plain if plain is not None else grammars(specials=specials, ignore=ignore))
    raw = draw(st.integers(0, 4)) == 0
    taken = {name: iter(draw(weights(len(rules), raw))) for name, rules in grammar.alternatives.items()}
    return replace(
        grammar,
        rules=tuple(replace(rule, weight=next(taken[rule.lhs.name])) for rule in grammar.rules),
        ignore_weights={name: draw(SIXTEENTHS) / 16 for name in grammar.ignore if draw(st.booleans())},
        raw_weights=raw,
    )
