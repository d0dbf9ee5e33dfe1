"""Weights in Lark texts: where they may stand, what they become, and that the result means what was written."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.grammar.model import Grammar, Terminal
from stolcke.grammar.weights import ignore_weights, is_weighted, rule_weights
from stolcke.options import Limits


def rules(text: str, **keywords) -> list[str]:
    """The rules of a grammar text in one line each."""
    written = []
    for rule in Grammar.from_lark(text, **keywords).rules:
        parts = [symbol.name for symbol in rule.rhs]
        parts += [] if rule.weight is None else [f"[{rule.weight!r}]"]
        parts += [] if rule.alias is None else ["->", rule.alias]
        written.append(" ".join([f"{rule.lhs.name}:", *parts]))
    return written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('start: "a" [0.7] | "b" [0.3]', ["start: A [0.7]", "start: B [0.3]"]),
        ('start: "a"[.7]|"b"|[1e-1]', ["start: A [0.7]", "start: B", "start: [0.1]"]),
        ('start: "a" "b" [ 1 ] // [2]', ["start: A B [1.0]"]),
        ('start: "a" [0.7] -> x\n  | [0.3] -> y', ["start: A [0.7] -> x", "start: [0.3] -> y"]),
        ('start: b[0.25]|b b\nb: "b"', ["start: b [0.25]", "start: b b", "b: B"]),
        ('start: (("a" [0.7] | "b"))', ["start: A [0.7]", "start: B"]),
        ('start: ["x"] [0.7] |', ["start: _start_opt_0 [0.7]", "start:", "_start_opt_0: X", "_start_opt_0:"]),
        (
            'start: "c" ("a" [0.7] | "b" |)',
            ["start: C _start_opt_0", "_start_opt_0: A [0.7]", "_start_opt_0: B", "_start_opt_0:"],
        ),
        (
            'start: ("a" [0.7] | "b") | "c"',
            ["start: _start_group_0", "start: C", "_start_group_0: A [0.7]", "_start_group_0: B"],
        ),
        (
            'start: ("a" | "b") [0.7] -> x | "c"',
            ["start: _start_group_0 [0.7] -> x", "start: C", "_start_group_0: A", "_start_group_0: B"],
        ),
        (
            'start: ("a" [0.7] | "b") -> x | "c"',
            ["start: _start_group_0 -> x", "start: C", "_start_group_0: A [0.7]", "_start_group_0: B"],
        ),
        ('start: "c" ("a" [1])', ["start: C _start_group_0", "_start_group_0: A [1.0]"]),
        ('start: ("a" [1]) | "c"', ["start: _start_group_0", "start: C", "_start_group_0: A [1.0]"]),
    ],
)
def test_weights_of_alternatives(text, expected):
    assert rules(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('start: "a"?{0.2}', ["start: A [0.2]", "start: [0.8]"]),
        ('start: ["a"]{0.2}', ["start: A [0.2]", "start: [0.8]"]),
        ('start: "a"?{1} | "b"', ["start: _start_opt_0", "start: B", "_start_opt_0: A [1.0]", "_start_opt_0: [0.0]"]),
        (
            'start: "a" * { .8 }',
            ["start: _start_star_0", "_start_star_0: [0.2]", "_start_star_0: _start_star_0 A [0.8]"],
        ),
        (
            'start: "a"+{0.8}',
            ["start: _start_plus_0", "_start_plus_0: A [0.2]", "_start_plus_0: _start_plus_0 A [0.8]"],
        ),
        (
            'start: ("a" "b")+{0.8} [0.5] | "c"',
            [
                *("start: _start_plus_0 [0.5]", "start: C"),
                *("_start_plus_0: A B [0.2]", "_start_plus_0: _start_plus_0 A B [0.8]"),
            ],
        ),
        (
            'start: ("a" | "b")*{0.5}',
            [
                *("start: _start_star_0", "_start_group_0: A", "_start_group_0: B"),
                *("_start_star_0: [0.5]", "_start_star_0: _start_star_0 _start_group_0 [0.5]"),
            ],
        ),
        (
            'start: ("a" [0.7] | "b")*',
            [
                *("start: _start_star_0", "_start_group_0: A [0.7]", "_start_group_0: B"),
                *("_start_star_0:", "_start_star_0: _start_star_0 _start_group_0"),
            ],
        ),
        # Operators around others are one only where nothing has weights.
        ('start: ("a"+)?', ["start: _start_star_0", "_start_star_0:", "_start_star_0: _start_star_0 A"]),
        (
            'start: ("a"+{0.8})?',
            [
                *("start: _start_plus_0", "start:"),
                *("_start_plus_0: A [0.2]", "_start_plus_0: _start_plus_0 A [0.8]"),
            ],
        ),
        (
            'start: "a"~1..2',
            ["start: _start_repeat_0", "_start_upto_0:", "_start_upto_0: A", "_start_repeat_0: A _start_upto_0"],
        ),
        (
            'start: "a"~0..3',
            [
                *("start: _start_upto_2", "_start_upto_0:", "_start_upto_0: A"),
                *(f"_start_upto_1: [{1 / 3!r}]", f"_start_upto_1: A _start_upto_0 [{2 / 3!r}]"),
                *("_start_upto_2: [0.25]", "_start_upto_2: A _start_upto_1 [0.75]"),
            ],
        ),
    ],
)
def test_probabilities_of_operators(text, expected):
    assert rules(text) == expected


def test_helpers_are_shared_where_weights_agree():
    expressions = '"a"*{0.8} "a"*{0.80} "a"*{0.7} "a"* ("a" [0.7] | "b") ("a" [0.7] | "b") ("a" | "b")'
    text = f'start: x{{"a"}} {expressions}\nx{{y}}: y*{{0.8}}'
    (first, *_) = Grammar.from_lark(text).rules
    names = [symbol.name for symbol in first.rhs]
    assert [names.index(name) for name in names] == [0, 1, 1, 3, 4, 5, 5, 7]
    assert "x_0: _start_star_0" in rules(text)


def test_weights_go_with_templates_imports_and_extensions(tmp_path):
    (tmp_path / "parts.lark").write_text(
        'list{x}: x [0.4] | x "," list{x}\nnp: "n" ("x" [0.3] | "y") [0.6] | "m" [0.4]\n'
    )
    text = "%import .parts.list\n%import .parts.np -> noun\nstart: list{noun}\n"
    text += '%extend start: "s" [0.25]\n%override noun: "o" [1] | [0]'
    assert rules(text, source=tmp_path / "main.lark") == [
        *("noun: O [1.0]", "noun: [0.0]"),
        *("start: S [0.25]", "start: list_0"),
        *("list_0: noun [0.4]", "list_0: noun COMMA list_0"),
    ]
    kept = rules("%import .parts.np\nstart: np", source=tmp_path / "main.lark")
    assert kept[:2] == ["np: N _np_group_0 [0.6]", "np: M [0.4]"]


def test_raw_weights_need_not_add_up(tmp_path):
    text = 'start: "a" [2] | "b" [3] | "c"~0..3 | "d"?\n%weights raw // as they are'
    grammar = Grammar.from_lark(text)
    assert grammar.raw_weights
    assert list(rule_weights(grammar)) == [2, 3] + [1] * 9
    with pytest.raises(GrammarError, match="add up to 5, more than 1"):
        Grammar.from_lark(text.replace("%weights raw", ""))
    (tmp_path / "parts.lark").write_text('%weights raw\nnp: "n" [7]\nN: "n"\n')
    with pytest.raises(GrammarError, match=r"parts\.lark has raw weights; write %weights raw .*line 1, column 10"):
        Grammar.from_lark("%import .parts.np\nstart: np", source=tmp_path / "main.lark")
    assert Grammar.from_lark("%weights raw\n%import .parts.np\nstart: np", source=tmp_path / "main.lark").raw_weights
    assert not Grammar.from_lark("%import .parts.N\nstart: N", source=tmp_path / "main.lark").raw_weights


def test_weights_of_what_is_ignored():
    text = 'start: "a"\n%ignore " " {0.2}\n%ignore B\n%ignore "c" | "d"+ { .5 }\nB: "b"'
    grammar = Grammar.from_lark(text)
    assert grammar.ignore_weights == {"SPACE": 0.2, "__IGNORE_2": 0.5}
    assert ignore_weights(grammar) == (pytest.approx((0.2, 0.15, 0.5)), pytest.approx(0.15))


@pytest.mark.parametrize(
    "text",
    [
        'start: A | "[0.7]" | B // [0.7] %weights raw\nA: /[0-9]+[1]/ # {0.2}\nB: /"[0.2]/ "\\"[2]"',
        'start: a ["1"] [b]\na{x}: x\nb: _x{"1", "2"}\n_x{y, z}: y z'.replace("a [", 'a{"1"} ['),
    ],
)
def test_other_brackets_mean_what_they_did(text):
    grammar = Grammar.from_lark(text)
    assert not is_weighted(grammar)


def test_places_stay_what_they_are():
    text = 'start: "a" b?{0.25} %json {"type":\n "null"} [0.25] | c  [0.125] -> x | [0.625]\nb: "b"\nc: "c" | lost'
    with pytest.raises(GrammarError, match="'lost' is used but not defined") as caught:
        Grammar.from_lark(text)
    assert (caught.value.line, caught.value.column) == (4, 10)
    places = [rule.location for rule in Grammar.from_lark(text.replace("lost", "b")).rules]
    assert [(place.line, place.column) for place in places[:3]] == [(1, 8), (2, 19), (2, 37)]


def test_schemas_have_no_weights_of_their_own():
    text = 'start: %json {"enum": [1, true, [null]]} [0.5] | "a"\n%ignore " " {0.25}'
    grammar = Grammar.from_lark(text)
    weights = dict(zip(grammar.rules, rule_weights(grammar), strict=True))
    by_name = defaultdict(list)
    for rule, weight in weights.items():
        by_name[rule.lhs.name].append(weight)
    assert by_name["start"] == [0.5, 0.5]
    assert by_name["%ignored_list_0"] == [0.75, 0.25]
    raw = Grammar.from_lark(text.replace("[0.5]", "[5]") + "\n%weights raw")
    sums = {name: sum(rule.weight or 1 for rule in rules) for name, rules in raw.alternatives.items()}
    assert sums == {**dict.fromkeys(sums, 1), "start": 6}
    assert len(sums) > 4


def test_very_many_weights_are_read_and_counted():
    size = 3_000
    lines = ["start: " + " | ".join(f"r{i} [{1 / size!r}]" for i in range(size))]
    lines += [f'r{i}: "{i}" [1]' for i in range(size)]
    grammar = Grammar.from_lark("\n".join(lines))
    assert rule_weights(grammar) == pytest.approx([1 / size] * size + [1] * size)
    with pytest.raises(LimitExceeded):
        Grammar.from_lark("\n".join(lines), limits=Limits(alternatives=size - 1))


# -- texts against what their parts mean


class Written:
    """A random expression, as text and as the probabilities of its texts up to a length."""

    LENGTH = 3

    def __init__(self, random: Random) -> None:
        self.random = random

    def number(self) -> float:
        return self.random.choice([0, 0.125, 0.2, 0.3, 0.5, 0.75, 0.9])

    def expression(self, depth: int) -> tuple[str, dict[str, float]]:
        kind = self.random.choice(
            ["letter"] * 2 + ["sequence", "choice", "?", "[", "*", "+", "~"] if depth else ["letter"]
        )
        if kind == "letter":
            letter = self.random.choice("abc")
            return f'"{letter}"', {letter: 1.0}
        if kind == "sequence":
            text, found = self.sequence(depth - 1, self.random.randrange(4))
            return f"({text})", found
        if kind == "choice":
            text, found = self.choice(depth - 1)
            return f"({text})", found
        text, inner = self.expression(depth - 1)
        text = text if len(text) == 3 else f"({text})"
        if kind == "~":
            least = self.random.randrange(3)
            counts = range(least, least + self.random.randrange(1, 4))
            powers = [self.power(inner, count) for count in counts]
            return f"{text}~{counts[0]}..{counts[-1]}", self.mixed([(1 / len(counts), power) for power in powers])
        p = self.number()
        if kind == "?":
            return f"{text}?{{{p}}}", self.mixed([(p, inner), (1 - p, {"": 1.0})])
        if kind == "[":
            return f"[{text}]{{{p}}}", self.mixed([(p, inner), (1 - p, {"": 1.0})])
        first = {"": 1.0} if kind == "*" else inner
        parts = [((1 - p) * p**count, self.joined(first, self.power(inner, count))) for count in range(300)]
        return f"{text}{kind}{{{p}}}", self.mixed(parts)

    def sequence(self, depth: int, size: int) -> tuple[str, dict[str, float]]:
        texts, found = [], {"": 1.0}
        for _ in range(size):
            text, part = self.expression(depth)
            texts.append(text)
            found = self.joined(found, part)
        return " ".join(texts), found

    def choice(self, depth: int) -> tuple[str, dict[str, float]]:
        size = self.random.randrange(2, 5)
        weights = [self.random.choice([0.0, 0.1, 0.2, 0.25]) for _ in range(size)]
        missing = self.random.randrange(1, size)
        parts, texts = [], []
        for i, weight in enumerate(weights):
            text, found = self.sequence(depth, self.random.randrange(3))
            share = (1 - sum(weights[missing:])) / missing
            parts.append((share if i < missing else weight, found))
            texts.append(text if i < missing else f"{text} [{weight}]")
        return " | ".join(texts), self.mixed(parts)

    def joined(self, one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for a, p in one.items():
            for b, q in other.items():
                if len(a + b) <= self.LENGTH:
                    found[a + b] += p * q
        return found

    def power(self, inner: dict[str, float], count: int) -> dict[str, float]:
        found = {"": 1.0}
        for _ in range(count):
            found = self.joined(found, inner)
            if max(found.values(), default=0) < 1e-14:
                return {}
        return found

    def mixed(self, parts: list[tuple[float, dict[str, float]]]) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for weight, texts in parts:
            for text, p in texts.items():
                found[text] += weight * p
        return found


def probabilities(grammar: Grammar) -> dict[str, float]:
    """Probabilities of short texts, of a grammar whose terminals are letters, by iteration."""
    weights = rule_weights(grammar)
    found: dict[str, dict[str, float]] = {name: {} for name in grammar.nonterminals}
    for _ in range(400):
        new: dict[str, dict[str, float]] = {name: defaultdict(float) for name in found}
        for rule, weight in zip(grammar.rules, weights, strict=True):
            texts = {"": weight}
            for symbol in rule.rhs:
                is_letter = isinstance(symbol, Terminal)
                part = {grammar.terminals[symbol.name].pattern.text: 1.0} if is_letter else found[symbol.name]
                texts = Written.joined(_JOINING, texts, part)
            for text, p in texts.items():
                new[rule.lhs.name][text] += p
        change = max(
            abs(p - found[name].get(text, 0)) for name, texts in new.items() for text, p in texts.items() or [("", 0)]
        )
        found = new
        if change < 1e-13:
            break
    return found[grammar.start]


_JOINING = Written(Random(0))


@pytest.mark.parametrize("seed", range(60))
def test_random_expressions_mean_what_is_written(seed):
    written = Written(Random(seed))
    text, expected = written.choice(3)
    grammar = Grammar.from_lark(f"start: {text}")
    found = probabilities(grammar)
    for key in {*found, *expected}:
        assert found.get(key, 0) == pytest.approx(expected.get(key, 0), abs=1e-9), (key, text, str(grammar))
    again = Grammar.from_lark(str(grammar))
    assert again == grammar
