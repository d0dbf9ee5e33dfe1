"""The guard of values: what equal values have in common, and what a text that is not complete can become."""

from __future__ import annotations

import json
from itertools import product

import pytest

from stolcke.frontends.json_schema.value_guard import CLOSE, ITEM, OPEN, ValueGuard
from tests.json_schema.oracle import identity

GUARD = ValueGuard((("[", (OPEN,)), ("]", (CLOSE,)), ("item", (ITEM,))))


def after(*items: str, begun: str = ""):
    """The state in which these items have been read, and a part of one more; None where one was refused."""
    state = GUARD.read(None, "[", None).state
    for number, item in enumerate(items):
        reading = GUARD.read(GUARD.extended(state, (", " * (number > 0) + item).encode()), "item", None)
        if reading is None:
            return None
        state = reading.state
    return GUARD.extended(state, f", {begun}".encode())


VALUES = ["0", "-0.0", "0e9", "1", "1.0", "10e-1", "0.1e1", "100", "1e2", "-1", "12", "1e-2", "0.01", "true", "null"]
VALUES += ['"1"', '""', '"a"', r'"\u0061"', r'"\ud83d\ude00"', '"😀"', "[]", "[1]", "[1.0]", '["1"]', "{}", '{"a":1}']
VALUES += ['{"a":1,"b":[0]}', '{"b":[0.0],"a":1e0}', '{"a":{"b":null}}', "false", '["array",[]]', '"literal"']


def test_equal_are_those_of_the_oracle():
    n = 0
    for a, b in product(VALUES, repeat=2):
        are_equal = identity(json.loads(a)) == identity(json.loads(b))
        assert (after(a, b) is None) is are_equal, (a, b)
        n += are_equal
    assert n > len(VALUES) + 20


@pytest.mark.parametrize(
    ("a", "b", "are_equal"),
    [
        ("1e1000000000", "10e999999999", True),
        ("1e1000000000", "1e999999999", False),
        (f"1e{'9' * 9000}", f"1.0e{'9' * 9000}", True),
        (f"1e{'9' * 9000}", f"1e-{'9' * 9000}", False),
        (f"{'1' * 9000}", f"{'1' * 9000}.0", True),
        ("0e" + "9" * 9000, "0", True),
    ],
)
def test_numbers_of_any_size(a, b, are_equal):
    assert (after(a, b) is None) is are_equal


SPELLINGS = {
    "aé": ['"aé"', r'"\u0061\u00e9"', r'"a\u00E9"'],
    "😀\\": [r'"😀\\"', r'"\ud83d\ude00\\"', r'"\uD83D\uDE00\u005c"'],
    '"/': [r'"\"/"', r'"\"\/"', r'"\u0022\u002f"'],
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_no_beginning_of_an_equal_item_is_safe(text):
    """Byte by byte: also within an escape, and within a character."""
    for spelling in SPELLINGS[text]:
        assert json.loads(spelling) == text
        state = after(json.dumps(text), "1")
        for end in range(len(spelling.encode())):
            assert not GUARD.is_safe(GUARD.extended(state, spelling.encode()[:end])), spelling.encode()[:end]


@pytest.mark.parametrize(
    ("begun", "is_safe"),
    [
        ('"', False),
        ('"a', False),
        ('"b', True),
        (r'"\u0062', True),
        (r'"a\\', True),
        ("1", False),
        ("t", False),
        ("f", True),
        ("[", True),
        ('{"x', False),
        ("", False),
    ],
)
def test_what_is_safe(begun, is_safe):
    assert GUARD.is_safe(after('"abc"', "12", "true", "{}", begun=begun)) is is_safe


def test_the_first_item_is_safe():
    assert GUARD.is_safe(GUARD.read(None, "[", None).state)


def test_a_file_says_all_of_it():
    assert ValueGuard.from_file(json.loads(json.dumps(GUARD.to_file()))) == GUARD
    for wrong in ([["a"]], [["a", [["other"]]]], [["a", [["end", ["length", True]]]]], [1], [["a", 1]]):
        with pytest.raises((TypeError, ValueError)):
            ValueGuard.from_file(wrong)
