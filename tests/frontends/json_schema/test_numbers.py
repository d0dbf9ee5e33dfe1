"""Sets of numbers, against arithmetic on fractions, and their automata, text by text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stolcke.errors import GrammarError, LimitExceeded
from stolcke.frontends.json_schema.numbers import NumberSet, number
from stolcke.lexer.automaton import Automaton
from stolcke.options import Limits
from tests.reference.number_texts import in_family, is_number, number_texts

ZERO = Fraction(0)
SHORT = [(text, Fraction(text)) for text in number_texts("-0123.eE+59", 5)]
VALUES = {value for _, value in SHORT}
EVERY_SPELLING = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)


@dataclass
class Conditions:
    """A set of numbers, its conditions as they were given."""

    minimum: str | None = None
    exclusive_minimum: str | None = None
    maximum: str | None = None
    exclusive_maximum: str | None = None
    integer: bool | None = None
    multiple_of: tuple[str, ...] = ()
    not_multiple_of: tuple[str, ...] = ()
    others_than: tuple[str, ...] = ()

    def made(self) -> NumberSet:
        made = NumberSet(
            integer=self.integer,
            steps=frozenset(map(number, self.multiple_of)),
            not_steps=frozenset(map(number, self.not_multiple_of)),
            excluded=frozenset(map(number, self.others_than)),
        )
        if self.minimum is not None:
            made &= NumberSet(least=number(self.minimum))
        if self.exclusive_minimum is not None:
            made &= NumberSet(least=number(self.exclusive_minimum), least_open=True)
        if self.maximum is not None:
            made &= NumberSet(most=number(self.maximum))
        if self.exclusive_maximum is not None:
            made &= NumberSet(most=number(self.exclusive_maximum), most_open=True)
        return made

    def holds(self, value: Fraction) -> bool:
        return (
            (self.minimum is None or value >= Fraction(self.minimum))
            and (self.exclusive_minimum is None or value > Fraction(self.exclusive_minimum))
            and (self.maximum is None or value <= Fraction(self.maximum))
            and (self.exclusive_maximum is None or value < Fraction(self.exclusive_maximum))
            and (self.integer is None or (value == int(value)) == self.integer)
            and all(value % Fraction(step) == 0 for step in self.multiple_of)
            and all(value % Fraction(step) != 0 for step in self.not_multiple_of)
            and all(value != Fraction(other) for other in self.others_than)
        )

    def schema(self) -> dict:
        """The same for a validator of JSON Schema."""
        bounds = {
            "minimum": self.minimum,
            "exclusiveMinimum": self.exclusive_minimum,
            "maximum": self.maximum,
            "exclusiveMaximum": self.exclusive_maximum,
        }
        parts = [{keyword: Decimal(bound)} for keyword, bound in bounds.items() if bound is not None]
        parts += [{"multipleOf": Decimal(step)} for step in self.multiple_of]
        parts += [{"not": {"multipleOf": Decimal(step)}} for step in self.not_multiple_of]
        parts += [{"not": {"const": Decimal(other)}} for other in self.others_than]
        return {"allOf": parts}


SETS = {
    "number": Conditions(),
    "integer": Conditions(integer=True),
    "from 0": Conditions(minimum="0"),
    "above 0": Conditions(exclusive_minimum="0"),
    "below 0": Conditions(exclusive_maximum="0"),
    "up to 0": Conditions(maximum="0"),
    "from 0 to 1": Conditions(minimum="0", maximum="1"),
    "between 0 and 1": Conditions(exclusive_minimum="0", exclusive_maximum="1"),
    "between -1 and 1": Conditions(exclusive_minimum="-1", exclusive_maximum="1"),
    "longitudes": Conditions(minimum="-180", maximum="180"),
    "from 0.1": Conditions(minimum="0.1"),
    "above 0.1 to 0.12": Conditions(exclusive_minimum="0.1", maximum="0.12"),
    "from 1e-5": Conditions(minimum="1e-5", maximum="0.003"),
    "to 1e30": Conditions(maximum="1e30"),
    "from -12.75": Conditions(minimum="-12.75", exclusive_maximum="-0.95"),
    "to 1e-30": Conditions(minimum="-1e-30", maximum="1e-30"),
    "natural": Conditions(integer=True, minimum="0"),
    "positive": Conditions(integer=True, exclusive_minimum="0"),
    "percent": Conditions(integer=True, minimum="0", maximum="100"),
    "ports": Conditions(integer=True, minimum="1", maximum="65535"),
    "32 bits": Conditions(integer=True, minimum=str(-(2**31)), maximum=str(2**31 - 1)),
    "64 bits": Conditions(integer=True, minimum=str(-(2**63)), maximum=str(2**63 - 1)),
    "integers between fractions": Conditions(integer=True, minimum="-9.5", exclusive_maximum="5.0"),
    "cents": Conditions(multiple_of=("0.01",), minimum="0"),
    "twentieths": Conditions(multiple_of=("0.05",), maximum="5"),
    "halves": Conditions(multiple_of=("0.5",)),
    "quarters": Conditions(multiple_of=("0.25",)),
    "three halves": Conditions(multiple_of=("1.5",)),
    "fine": Conditions(multiple_of=("1e-8",)),
    "even": Conditions(multiple_of=("2",)),
    "fives": Conditions(multiple_of=("5",), exclusive_minimum="-50"),
    "tens": Conditions(multiple_of=("10",)),
    "hundreds": Conditions(multiple_of=("100",)),
    "threes": Conditions(multiple_of=("3",)),
    "threes and fives": Conditions(multiple_of=("3", "5"), minimum="-100"),
    "sevens and fractions": Conditions(multiple_of=("0.7", "0.2")),
    "divided by 12": Conditions(multiple_of=("12",)),
    "very large steps": Conditions(multiple_of=("1e40",)),
    "no integer": Conditions(integer=False),
    "no integer from 0 to 2": Conditions(integer=False, minimum="0", maximum="2"),
    "no half": Conditions(not_multiple_of=("0.5",)),
    "no three": Conditions(not_multiple_of=("3",)),
    "no two nor three": Conditions(integer=True, not_multiple_of=("2", "3"), minimum="0"),
    "no ten": Conditions(integer=True, not_multiple_of=("10",)),
    "no 5": Conditions(others_than=("5",)),
    "no integer 5": Conditions(integer=True, others_than=("5", "50", "-1")),
    "some others": Conditions(others_than=("0", "0.5", "0.05", "500", "505", "-2")),
    "others among bounds": Conditions(minimum="1", maximum="30", others_than=("1", "2", "29.5", "30")),
    "0": Conditions(minimum="0", maximum="0"),
    "one point": Conditions(minimum="2.5", maximum="2.5"),
}


class Acceptor:
    """An automaton made fast for many texts."""

    def __init__(self, automaton: Automaton) -> None:
        self.accepting = automaton.accepting.tolist()
        self.ways = [
            {chr(byte): target for byte in range(128) if (target := automaton.step(state, byte)) >= 0}
            for state in range(automaton.n_states)
        ]

    def __call__(self, text: str) -> bool:
        state = 0
        for char in text:
            if not self.accepting or (state := self.ways[state].get(char)) is None:
                return False
        return bool(self.accepting[state])


def spelled(numbers: NumberSet, text: str) -> bool:
    """Whether a text is in the family that is promised for a set."""
    sign = -1 if text.startswith("-") else 1
    magnitudes = [sign * bound for bound in (numbers.least, numbers.most) if bound is not None and sign * bound > 0]
    magnitudes += [sign * other for other in numbers.excluded if sign * other > 0]
    steps = list(numbers.steps) or [Fraction(1)] * (numbers.integer is True)
    not_steps = [*numbers.not_steps, *[Fraction(1)] * (numbers.integer is False)]
    farthest = numbers.most if sign > 0 else numbers.least
    if numbers.contains(ZERO) and farthest is None and not (magnitudes or steps or not_steps):
        return True
    return in_family(text, magnitudes, steps, not_steps)


@pytest.mark.parametrize("conditions", SETS.values(), ids=SETS)
def test_short_texts(conditions: Conditions) -> None:
    numbers = conditions.made()
    accepts = Acceptor(numbers.automaton())
    held = {value: conditions.holds(value) for value in VALUES}
    assert held == {value: numbers.contains(value) for value in VALUES}
    for text, value in SHORT:
        if accepts(text) != (held[value] and spelled(numbers, text)):
            pytest.fail(text)


bounds = st.sampled_from(["0", "1", "-1", "5", "0.5", "-0.05", "12.75", "-99", "100", "3e-3", "2e3", "-1e1", "1023"])
steps = st.sampled_from(["1", "2", "3", "5", "0.1", "0.25", "1.5", "0.7", "10", "8", "20", "6"])
conditions = st.builds(
    Conditions,
    minimum=st.none() | bounds,
    exclusive_minimum=st.none() | bounds,
    maximum=st.none() | bounds,
    exclusive_maximum=st.none() | bounds,
    integer=st.none() | st.none() | st.booleans(),
    multiple_of=st.just(()) | st.tuples(steps) | st.tuples(steps, steps),
    not_multiple_of=st.just(()) | st.tuples(steps) | st.tuples(steps, steps),
    others_than=st.lists(bounds, max_size=3).map(tuple),
)
digits = st.text("0123456789", min_size=1, max_size=6) | st.text("05", min_size=1, max_size=12)
long_texts = st.builds(
    lambda sign, whole, fraction, exponent: sign + (whole.lstrip("0") or "0") + fraction + exponent,
    st.sampled_from(["", "-"]),
    digits,
    st.just("") | digits.map(".{}".format),
    st.just("")
    | st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 9))
    | st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-", "00"]), st.integers(0, 400)),
)
values = st.builds(
    lambda numerator, places: Fraction(numerator, 10**places), st.integers(-(10**5), 10**5), st.integers(0, 4)
)


@settings(max_examples=100, deadline=None)
@given(conditions, st.lists(long_texts, min_size=10, max_size=30))
@example(Conditions(integer=True, minimum="1"), ["10e308", "1e308", "1e309", "1.250e2", "1.25e1"])
def test_random_sets(conditions: Conditions, texts: list[str]) -> None:
    numbers = conditions.made()
    accepts = Acceptor(numbers.automaton())
    for text in texts:
        assert is_number(text)
        value = Fraction(text)
        assert numbers.contains(value) == conditions.holds(value), text
        assert accepts(text) == (conditions.holds(value) and spelled(numbers, text)), text


@settings(max_examples=60, deadline=None)
@given(conditions, conditions, st.lists(values, min_size=10, max_size=30))
def test_intersection_and_complement(one: Conditions, other: Conditions, values: list[Fraction]) -> None:
    a, b = one.made(), other.made()
    both, others = a & b, a.complement()
    for value in [*values, *(Fraction(bound) for bound in ("0", "1", "-1", "5", "0.5", "100", "-99"))]:
        assert both.contains(value) == (a.contains(value) and b.contains(value))
        assert any(part.contains(value) for part in others) != a.contains(value)
    assert both.automaton() == (b & a).automaton()
    assert (a & a) == a


@settings(max_examples=60, deadline=None)
@given(conditions)
@example(Conditions(integer=True, minimum="2", maximum="4", not_multiple_of=("2", "3")))
@example(Conditions(integer=True, exclusive_minimum="0", exclusive_maximum="1"))
def test_members(conditions: Conditions) -> None:
    numbers = conditions.made()
    members = numbers.finite(300)
    automaton = numbers.automaton()
    assert numbers.is_empty == (automaton.n_states == 0)
    if members is None:
        assert not numbers.is_empty
        return
    assert numbers.is_empty == (not members)
    assert list(members) == sorted(set(members))
    assert all(conditions.holds(member) for member in members)
    if members:
        assert numbers.finite(len(members)) == members
        assert numbers.finite(len(members) - 1) is None
    # Every number with up to three decimals that is missing, is missing for a reason.
    found = set(members)
    low, high = (members[0], members[-1]) if members else (Fraction(-3), Fraction(3))
    for thousandths in range(int(low * 1000) - 1500, int(high * 1000) + 1500, 1 if high - low < 3 else 250):
        value = Fraction(thousandths, 1000)
        assert conditions.holds(value) == (value in found)


@settings(max_examples=60, deadline=None)
@given(conditions.filter(lambda conditions: conditions.integer is None), st.lists(values, min_size=5, max_size=20))
def test_against_a_validator(conditions: Conditions, values: list[Fraction]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(conditions.schema())
    numbers = conditions.made()
    for value in values:
        decimal = Decimal(value.numerator) / Decimal(value.denominator)
        assert numbers.contains(value) == validator.is_valid(decimal)


FAMILY = [
    (Conditions(), ["1e999", "12345.678e-90", "0.5E+3", "-0.0e-999"]),
    (Conditions(minimum="0"), ["1e999", "0.5e3", "0e5", "-0", "-0.00", "-0e1"]),
    (Conditions(integer=True), ["7", "7.000", "1.5e1", "12e3", "1234567e3", "1e2", "1E+2", "1e0", "6.022e23", "0e-9"]),
    (Conditions(integer=True, minimum="1", maximum="100"), ["1e2", "1.0E+02", "10e1", "100e0", "100.0", "9.9e1"]),
    (Conditions(minimum="0.5", maximum="2e5"), ["5.00e-1", "1.9999999999999999999e5", "20e4", "200e3", "123.456e2"]),
    (Conditions(multiple_of=("0.01",)), ["1.5e-1", "1e-2", "2.5", "2.500", "123.45", "1.25e+5", "12e3"]),
    (Conditions(multiple_of=("0.1",)), ["0.30", "3e-1", "0.3000000000000000000000000000"]),
    (Conditions(integer=False), ["1.5e0", "1e-3", "1.25e1", "0.1000"]),
]


@pytest.mark.parametrize(("conditions", "texts"), FAMILY)
def test_spellings_that_are_taken(conditions: Conditions, texts: list[str]) -> None:
    automaton = conditions.made().automaton()
    assert [text for text in texts if not automaton.accepts(text.encode())] == []


WRONG = [
    (Conditions(integer=True), ["1.5", "1.5e0", "1e-1", "0.1", "1.25e1", "1.0001"]),
    (Conditions(multiple_of=("0.1",)), ["0.30000000000000000001", "1e-2", "2.25e0"]),
    (Conditions(exclusive_maximum="5"), ["5", "5.0", "5e0", "50e-1", "0.5e1", "1e1"]),
    (Conditions(exclusive_minimum="0"), ["0", "-0", "0.0", "0e5", "-1", "-1e-300"]),
]


@pytest.mark.parametrize(("conditions", "texts"), WRONG)
def test_values_that_are_not(conditions: Conditions, texts: list[str]) -> None:
    automaton = conditions.made().automaton()
    assert [text for text in texts if automaton.accepts(text.encode())] == []


@settings(deadline=None)
@given(st.from_regex(EVERY_SPELLING, fullmatch=True) | st.text("-+.eE019", max_size=8))
def test_numbers_without_conditions_are_all_of_json(text: str) -> None:
    assert NumberSet().automaton().accepts(text.encode()) == is_number(text)


def test_equal_sets_have_equal_automata() -> None:
    assert NumberSet(least=ZERO, integer=True) == NumberSet(least=Fraction(-1, 2), integer=True)
    assert Conditions(multiple_of=("3", "5")).made() == Conditions(multiple_of=("15",)).made()
    assert Conditions(multiple_of=("1",)).made() == NumberSet(integer=True)
    assert Conditions(others_than=("3",), maximum="2").made() == Conditions(maximum="2").made()
    ends = NumberSet(integer=True, least=Fraction(1), most=Fraction(4), excluded=frozenset(map(Fraction, (1, 4))))
    assert ends == NumberSet(integer=True, least=Fraction(2), most=Fraction(3))
    assert NumberSet(least=ZERO, most=ZERO, integer=True) == NumberSet.point(ZERO)
    some = Conditions(multiple_of=("1.5",), exclusive_minimum="0").made().automaton()
    assert some == Conditions(multiple_of=("1.5",), minimum="1.5").made().automaton()


def test_numbers_of_a_schema() -> None:
    assert number(0.1) == Fraction(1, 10)
    assert number(json.loads("1e-5")) == Fraction(1, 100_000)
    assert number("12.50") == number(Decimal("12.5")) == Fraction(25, 2)
    assert number(10**30) == number("1e30") == number(1e30)
    assert number("0e999999999") == 0
    for wrong in ("x", "Infinity", "NaN", float("inf"), float("nan")):
        with pytest.raises(GrammarError):
            number(wrong)
    with pytest.raises(LimitExceeded):
        number("1e999999999")


@pytest.mark.parametrize(
    "numbers",
    [
        NumberSet(steps=frozenset([Fraction(10**9 + 7)])),
        NumberSet(steps=frozenset([Fraction(2**40)])),
        NumberSet(steps=frozenset([Fraction(10**5000)])),
        NumberSet(not_steps=frozenset([number("0.123456789")])),
        NumberSet(least=Fraction(10**49_000)),
    ],
    ids=["prime", "power of two", "power of ten", "long", "far"],
)
def test_limits(numbers: NumberSet) -> None:
    with pytest.raises(LimitExceeded) as caught:
        numbers.automaton()
    assert caught.value.limit == "regex_states"


def test_limits_can_be_set() -> None:
    numbers = NumberSet(steps=frozenset([Fraction(7)]))
    with pytest.raises(LimitExceeded):
        numbers.automaton(Limits(regex_states=50))
    assert numbers.automaton(Limits(regex_states=2000)) == numbers.automaton()


def test_numbers_without_an_end_are_no_bounds() -> None:
    with pytest.raises(GrammarError, match="decimal"):
        NumberSet(least=Fraction(1, 3)).automaton()


# Cold masks cost time for each state that they meet: these may only become fewer.
@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("number", 9),
        ("from 0", 12),
        ("integer", 35),
        ("natural", 35),
        ("percent", 32),
        ("from 0 to 1", 29),
        ("ports", 62),
    ],
)
def test_automata_stay_small(name: str, states: int) -> None:
    assert SETS[name].made().automaton().n_states <= states
