r"""Assertions, within a match and beside it, against :mod:`re` and against the definition.

An expression is judged on every text up to a length, alone and in every context
of at most one character on each side: ``pattern(?=.{k}\Z)``, with as much text as
comes after the match, makes :mod:`re` match exactly there.
"""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stolcke.errors import GrammarError, LimitExceeded, RegexError
from stolcke.grammar.model import Neighbour
from stolcke.grammar.patterns import Choice, Literal, Machine, Nonempty, Regex, Repeat, Sequence, Whole
from stolcke.lexer import Automaton, automaton, edge_variants
from stolcke.options import Limits
from tests.reference.regex import Twin
from tests.strategies import EFFORT

ALPHABET = "ab_ -\n"
LENGTH = 5 if EFFORT == 1 else 6
SIDES = ("", *ALPHABET)
LONG_SIDES = tuple("".join(text) for length in range(4) for text in product("ab- \n", repeat=length))

ASSERTIONS = [
    *(r"\b", r"\B", "^", "$", r"\A", r"\Z"),
    *("(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?=ab)", "(?!ab)", "(?<=ab)", "(?<!ab)"),
    *(r"(?!a\b)", "(?=a*b)", "(?!$)", "(?<!^)", "(?<=a(?=b))", "(?<!a(?!-))", "(?=(?<=a)b)", r"(?<=\b.)", "(?!(?!a))"),
    *("(?:(?=a)|(?<=b))", r"(?:\b|^)", "(?<=a(?=b|-)(?!b))", "(?=.*(?<=-)b)"),
]
SHAPES = [
    *("{}", "a{}", "{}a", "{}a{}", "a{}b", "a{}b|a", "[ab]{}[b-]", "(?:a|{})b", "a(?:{}|b)"),
    *(
        "(?:a{})+",
        "(?:{}a)+b?",
        "(?:a{}|b)*",
        "(?:{}|a)*[^a]",
        "{}[ab]+{}",
        "(?:.{}){{1,2}}",
        "[^a]*{}.*",
        "({}a?)*\\n?",
    ),
    *("(?:a{}b?){{2}}", "(?:{}.)*{}"),
]
LAZY_SHAPES = ["a*?{}", "a+?{}b?", "(?:a|b)*?{}b", "a??{}a?", "(?:a{}|b)+?-?", "[ab]{{1,3}}?{}"]


def flags_for(source: str) -> list[str]:
    """The flags that may make a difference."""
    flags = [""]
    if re.search(r"\^|\$", source):
        flags.append("m")
    if "." in source:
        flags += [flag + "s" for flag in flags]
    return flags


def expressions(shapes: list[str]) -> list[tuple[str, str]]:
    sources = [shape.replace("{}", "\0").format().replace("\0", a) for shape, a in product(shapes, ASSERTIONS)]
    return [(source, flags) for source in dict.fromkeys(sources) for flags in flags_for(source)]


def compiled(source: str, flags: str) -> re.Pattern:
    return re.compile(f"(?{flags}){source}" if flags else source)


def texts(length: int) -> list[str]:
    """Every text up to a length: each is one of those before it and one character more."""
    return ["".join(text) for n in range(length + 1) for text in product(ALPHABET, repeat=n)]


def accepted(machine: Automaton, length: int) -> np.ndarray:
    """Which of these texts an automaton accepts."""
    steps = np.vstack([machine.steps(), np.full(256, -1, np.int32)])[:, list(ALPHABET.encode())]
    layers = [np.array([0 if machine.n_states else -1])]
    for _ in range(length):
        layers.append(steps[layers[-1]].ravel())
    accepting = np.append(machine.accepting, 0)
    return accepting[np.concatenate(layers)].astype(bool)


def allows(neighbour: Neighbour | None, character: str) -> bool:
    if neighbour is None or not character:
        return neighbour is None or neighbour.edge
    bounds = neighbour.characters
    return any(bounds[i] <= ord(character) < bounds[i + 1] for i in range(0, len(bounds), 2))


def judge(source: str, flags: str, before: str, text: str, after: str) -> bool:
    """Whether an expression matches a text where it stands, as re has it."""
    exact = compiled(f"(?:{source})(?=[\\s\\S]{{{len(after)}}}\\Z)", flags)
    found = exact.match(before + text + after, len(before))
    return found is not None and found.end() == len(before + text)


def differs_in_re(source: str, text: str) -> bool:
    r"""Before Python 3.14, \B does not match in the empty text."""
    return text == "" and r"\B" in source


@pytest.mark.parametrize("shape", SHAPES)
def test_alone_as_re(shape: str) -> None:
    samples = texts(LENGTH)
    for source, flags in expressions([shape]):
        expected = compiled(source, flags)
        found = accepted(automaton(Whole(Regex(source, flags))), LENGTH)
        wrong = [t for t, is_in in zip(samples, found, strict=True) if is_in != bool(expected.fullmatch(t))]
        assert all(differs_in_re(source, text) for text in wrong), (source, flags, wrong)


@pytest.mark.parametrize("shape", SHAPES)
def test_in_context_as_re(shape: str) -> None:
    samples = texts(2)
    for source, flags in expressions([shape]):
        try:
            variants = edge_variants(Regex(source, flags))
        except RegexError:
            assert looks_further(source, flags), (source, flags)
            continue
        languages = [accepted(automaton(pattern), 2) for pattern, _, _ in variants]
        for before, after in product(SIDES, repeat=2):
            fits = [allows(precede, before) and allows(follow, after) for _, precede, follow in variants]
            found = np.sum([language for language, fit in zip(languages, fits, strict=True) if fit], axis=0, initial=0)
            for text, times in zip(samples, np.broadcast_to(found, len(samples)), strict=True):
                if "$" in source and "m" not in flags and after == "\n":
                    continue  # there re lets $ match, too
                if not differs_in_re(source, before + text + after):
                    expected = judge(source, flags, before, text, after)
                    assert times == expected, (source, flags, before, text, after)


def looks_further(source: str, flags: str) -> bool:
    """Whether texts beyond the neighbours of a match make a difference."""
    for text in ("", "a", "b", "ab", "aa", "-", "a-", " b"):
        seen: dict[tuple[str, str], bool] = {}
        for before, after in [(side, "") for side in LONG_SIDES] + [("", side) for side in LONG_SIDES]:
            verdict = judge(source, flags, before, text, after)
            if seen.setdefault((before[-1:], after[:1]), verdict) != verdict:
                return True
    return False


@pytest.mark.parametrize("shape", LAZY_SHAPES)
def test_lazy_repeats_as_the_definition_says(shape: str) -> None:
    samples = [text for text in texts(3) if not set(text) - set("ab-")]
    every = texts(3)
    for source, flags in expressions([shape]):
        twin = Twin(source, compiled(source, flags).flags)
        whole = dict(zip(every, accepted(automaton(Whole(Regex(source, flags))), 3), strict=True))
        for text in samples:
            assert whole[text] == twin.accepts(text), (source, flags, text)
        try:
            variants = edge_variants(Regex(source, flags))
        except RegexError:
            continue
        machines = [(automaton(pattern), precede, follow) for pattern, precede, follow in variants]
        for text, before, after in product(samples[:13], ("", "a", " "), ("", "a", "b", "-")):
            times = sum(
                allows(precede, before) and allows(follow, after) and machine.accepts(text.encode())
                for machine, precede, follow in machines
            )
            assert times == twin.accepts(text, before, after), (source, flags, before, text, after)


atoms = st.sampled_from(["a", "b", "-", "[ab]", "[^a]", ".", "\n", r"\w", "", *ASSERTIONS])


def composed(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(part, part).map("".join),
        st.tuples(part, part).map(lambda parts: f"(?:{parts[0]}|{parts[1]})"),
        st.tuples(part, st.sampled_from(["*", "+", "?", "{2}", "{1,2}"])).map(lambda p: f"(?:{p[0]}){p[1]}"),
        st.tuples(st.sampled_from(["?=", "?!", "?<=", "?<!", "?m:"]), part).map(lambda p: f"({p[0]}{p[1]})"),
    )


def is_expression(source: str) -> bool:
    try:
        re.compile(source)
    except re.error:
        return False
    return True


random_expressions = st.recursive(atoms, composed, max_leaves=7).filter(is_expression)


@settings(max_examples=200 * EFFORT, deadline=None)
@given(random_expressions, st.lists(st.text(ALPHABET, max_size=6), max_size=20))
def test_random_expressions(source: str, further: list[str]) -> None:
    machine = automaton(Whole(Regex(source)))
    expected = re.compile(source)
    for text in [*SIDES, *further]:
        if not differs_in_re(source, text):
            assert machine.accepts(text.encode()) == bool(expected.fullmatch(text)), (source, text)
    try:
        variants = edge_variants(Regex(source))
    except RegexError:
        return
    machines = [(automaton(pattern), precede, follow) for pattern, precede, follow in variants]
    for before, *middle, after in (text for text in further if len(text) > 2 and not text.endswith("\n")):
        text = "".join(middle)
        times = sum(
            allows(precede, before) and allows(follow, after) and machine.accepts(text.encode())
            for machine, precede, follow in machines
        )
        assert times == judge(source, "", before, text, after), (source, before, text, after)


WORD = edge_variants(Regex(r"a(?=\w)"))[0][2].characters
NO_WORD = edge_variants(Regex(r"a(?!\w)"))[0][2]


def shown(pattern: str, flags: str = "") -> list[tuple[Automaton, Neighbour | None, Neighbour | None]]:
    return [(automaton(part), *sides) for part, *sides in edge_variants(Regex(pattern, flags))]


def test_what_variants_are() -> None:
    one, other = automaton(Regex("[a-z]")), automaton(Regex("[- ]"))
    assert NO_WORD.edge and not any(allows(NO_WORD, c) for c in "aé_1") and allows(NO_WORD, " ")
    assert shown(r"\b[a-z]\b") == [(one, NO_WORD, NO_WORD)]
    assert shown(r"[a-z- ]\b") in (
        [(one, None, NO_WORD), (other, None, Neighbour(WORD, False))],
        [(other, None, Neighbour(WORD, False)), (one, None, NO_WORD)],
    )
    assert shown(r"\A[a-z]\Z") == [(one, Neighbour((), True), Neighbour((), True))]
    assert shown("^[a-z]$", "m") == [(one, Neighbour((10, 11), True), Neighbour((10, 11), True))]
    assert shown("[a-z](?!b|bc)") == [(one, None, Neighbour((0, 98, 99, 0x110000), True))]
    assert shown("(?<=b)[a-z]") == [(one, Neighbour((98, 99), False), None)]
    assert [sides for _, *sides in shown(r"[a-z]\b|-")] == [[None, None], [None, NO_WORD]]


@pytest.mark.parametrize("pattern", [Literal("a$"), Regex("a$|[$]"), Regex(r"\$a"), Regex("a(?=b)b"), Regex(r"a\bb")])
def test_only_what_looks_beside_the_match_is_split(pattern: Literal | Regex) -> None:
    variants = edge_variants(pattern)
    if pattern == Regex("a$|[$]"):
        assert len(variants) == 2
    else:
        assert variants == ((pattern, None, None),)


def test_patterns_of_several_expressions() -> None:
    """An assertion of one sees what another matches."""
    end = Regex(r"a\b")
    assert edge_variants(Sequence((end, Literal("b")))) == ((Sequence((end, Literal("b"))), None, None),)
    assert automaton(Sequence((end, Literal("b")))).n_states == 0
    assert automaton(Sequence((end, Literal("-B", True)))) == automaton(Regex("a-[bB]"))
    assert automaton(Sequence((Repeat(Sequence((end, Literal("-"))), 1, None),))) == automaton(Regex("(a-)+"))
    variants = edge_variants(Choice((end, Literal("ab"), Literal(b"-"))))
    assert [(automaton(part), follow) for part, _, follow in variants] == [
        (automaton(Regex("ab|-")), None),
        (automaton(Regex("a")), NO_WORD),
    ]
    with pytest.raises(GrammarError, match="bytes"):
        automaton(Sequence((end, Literal(b"\xff"))))


def test_without_the_empty_text() -> None:
    ((machine, precede, follow),) = edge_variants(Nonempty(Regex("a*$")))
    assert (automaton(machine), precede, follow) == (automaton(Regex("a+")), None, Neighbour((), True))
    pattern = Nonempty(Whole(Regex("a*$")))
    assert edge_variants(pattern) == ((pattern, None, None),)
    assert automaton(pattern) == automaton(Regex("a+"))


def test_variants_are_automata_that_can_be_named() -> None:
    ((machine, _, _),) = edge_variants(Regex(r"if\b"))
    assert isinstance(machine, Machine)
    assert machine.title == r"/if\b/"


@pytest.mark.parametrize(
    "source",
    [
        "x(?:(?!a.{12}b)(?!b.{13}a).)*",  # copies for duties
        "(?<=a.{20})b",  # the automaton of a lookbehind
        "(?=.*a.{20}b).*b",  # that of a lookahead
        "(?:(?!a.{300}b)(?!b.{301}a)(?!c.{302}d)[^x])*",  # large sets of duties
        "a(?<!" + "|".join(f"a(?=b*{c})(?=z*{c})" for c in "cdefghijklm") + ")",  # ways to fail
    ],
)
def test_large_products_are_refused_with_the_place(source: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        edge_variants(Regex(source), Limits(regex_states=2000))
    assert caught.value.limit == "regex_states"
    lines = str(caught.value).splitlines()
    assert lines[-2][lines[-1].index("^") :].startswith(("(?!a", "(?<", "(?="))


def test_deep_nesting() -> None:
    assert len(edge_variants(Regex("(?<!" * 50 + "a(?=b)" + ")" * 50))) == 1
    with pytest.raises(LimitExceeded) as caught:
        edge_variants(Regex("(?!" * 150 + "a" + ")" * 150))
    assert caught.value.limit == "nesting"
