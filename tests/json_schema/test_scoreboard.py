"""The JSON-Schema-Test-Suite: no file may do worse than the checked-in scoreboard says."""

from __future__ import annotations

import pytest

from tests.json_schema import suite
from tests.json_schema.judging import ORDERS
from tests.json_schema.scoreboard import read_scoreboard, score

KNOWN = [(order, name) for order, files in read_scoreboard().items() for name in files]


@pytest.mark.parametrize(("order", "name"), KNOWN)
def test_no_file_does_worse(order, name):
    expected = read_scoreboard()[order][name]
    found = score(name, order)
    counts = found.counts
    worse = counts["wrong"] > expected["wrong"] or counts["right"] < expected["right"]
    assert not worse, "\n".join([f"{counts}, were {expected}", *found.mistakes, *found.refusals])


def test_every_file_is_on_the_scoreboard():
    assert set(KNOWN) == {(order, name) for order in ORDERS for name in suite.files()}
