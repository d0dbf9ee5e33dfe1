"""The JSON-Schema-Test-Suite: no file may do worse than the checked-in scoreboard says."""

from __future__ import annotations

import pytest

from tests.json_schema import suite
from tests.json_schema.judging import CHOICES
from tests.json_schema.scoreboard import read_scoreboard, score

KNOWN = [(choice, name) for choice, files in read_scoreboard().items() for name in files]


@pytest.mark.parametrize(("choice", "name"), KNOWN)
def test_no_file_does_worse(choice, name):
    expected = read_scoreboard()[choice][name]
    found = score(name, choice)
    counts = found.counts
    worse = counts["wrong"] > expected["wrong"] or counts["right"] < expected["right"]
    assert not worse, "\n".join([f"{counts}, were {expected}", *found.mistakes, *found.refusals])


def test_every_file_is_on_the_scoreboard():
    assert set(KNOWN) == {(choice, name) for choice in CHOICES for name in suite.files()}
