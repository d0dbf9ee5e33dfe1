"""docs/weights.md does what it says: its code runs as written, in order, and prints what stands below it."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke
from tests.docs_pages import DOCS, run

PAGE = DOCS / "weights.md"


# Warnings are part of what the page explains.
@pytest.mark.filterwarnings("ignore:by the grammar's weights")
def test_the_code_prints_what_the_page_shows(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(PAGE) >= 8


def says(*sentences: str) -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert [sentence for sentence in sentences if sentence not in page] == []


def short(number: float, digits: int) -> str:
    """As the page writes it, without the 0 before the point."""
    return f"{number:.{digits}f}".lstrip("0")


def test_the_example_is_right_by_hand() -> None:
    """What the text derives without code, from the two rules' .3 and .7."""
    roots = [(1 - (1 - 4 * 0.3 * 0.7) ** 0.5) / 0.6, (1 + (1 - 4 * 0.3 * 0.7) ** 0.5) / 0.6]
    assert roots == pytest.approx([1, 7 / 3])
    two = 0.3 * 0.7**2
    says(
        "The solutions are 1 and 7/3",
        f"{1 / (1 - 0.3):.6f} sums are expected",
        f"The other {short(1 / (1 - 0.3) - 1, 6)} stand",
        f"two with .3 · .7² = {short(two, 3)} and so three or more with {short(0.3 - two, 3)}",
        f"of .3² · .7³ · .2³ = {short(0.3**2 * 0.7**3 * 0.2**3, 8)} each",
        f"Together they have {0.3 * (1 + 0.2 + 0.8 / 10) + 0.7:.3f}",
    )


def test_a_circle_of_unit_rules() -> None:
    says('In `a: b [.5] | "a"` with `b: a [.5] | "b"`', '`"a"` has 2/3, and `"b"` 1/3')
    grammar = stolcke.Grammar.from_lark('a: b [.5] | "a"\nb: a [.5] | "b"', start="a")
    matcher = stolcke.compile(grammar, stolcke.Vocabulary.from_bytes()).matcher()
    assert np.exp(matcher.next_byte_logprobs())[97:99] == pytest.approx([2 / 3, 1 / 3], rel=1e-12)


def test_the_ambiguous_sum_of_three() -> None:
    says('`S: S "+" S [0.3] | S "*" S [0.1] | "1" [0.6]`', "the probability .00648 each; the text has .01296")
    says("is .1 · .6 · .6 = .036, its outer probability .6 · .3 = .18")
    rules = 's: s "+" s [0.3] | s "*" s [0.1] | "1" [0.6]'
    forest = stolcke.Parser(stolcke.Grammar.from_lark(rules, start="s")).parse("1+1*1")
    assert np.exp([each.logprob for each in forest.k_best(9)]) == pytest.approx([0.00648, 0.00648])
    assert (np.exp(forest.logprob), forest.entropy) == pytest.approx((0.01296, np.log(2)))
    assert np.exp([forest.inside("s", 2, 5), forest.outer("s", 2, 5)]) == pytest.approx([0.036, 0.18])


SUM = 'start: start "+" item [.3] | item\nitem: "x"'
AMBIGUOUS = 'start: start "+" start [.3] | "x"'


@pytest.mark.parametrize(
    ("rules", "text", "counts", "sentence"),
    [
        (SUM, b"x" + b"+x" * 9_999, {"columns": 3}, "10,000 terms makes 3 columns"),
        ('start: "a"* "b"', b"a" * 100_000, {"columns": 2}, '10⁵ times `a` under `"a"* "b"` makes 2'),
        (AMBIGUOUS, b"x" + b"+x" * 100, {"columns": 202, "items": 10_202}, "10,202 items for 100 of them"),
        (AMBIGUOUS, b"x" + b"+x" * 200, {"columns": 402, "items": 40_402}, "40,402 for 200"),
    ],
)
def test_how_many_columns_are_made(rules: str, text: bytes, counts: dict, sentence: str) -> None:
    says(sentence)
    compiled = stolcke.compile(stolcke.Grammar.from_lark(rules), stolcke.Vocabulary.from_bytes())
    matcher = compiled.matcher()
    assert matcher.accept_bytes(text)
    assert matcher.prefix_logprob < 0
    stats = compiled.weight_track(stolcke.Pruning()).scores.live.stats()
    assert {name: stats[f"weighted_{name}"] for name in counts} == counts
