"""Drawings are well-formed, complete, and nothing in them covers anything else."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

import stolcke
from stolcke import Parser

SVG = "{http://www.w3.org/2000/svg}"

ENGLISH = Parser(
    stolcke.Grammar.from_lark(
        's: np vp\nnp: DET N | np pp | PRON\nvp: V np | vp pp\npp: P np\nDET: "the" | "a"\n'
        'N: "man" | "telescope" | "park"\nPRON: "I"\nV: "saw"\nP: "with" | "in"\n%ignore " "',
        "s",
    )
)
SENTENCE = "I saw a man with a telescope in the park"


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    root = ElementTree.fromstring(svg)
    sizes = [[rect.get(name) for name in ("x", "y", "width", "height")] for rect in root.iter(f"{SVG}rect")]
    return [tuple(map(float, size)) for size in sizes if None not in size]


def words(svg: str) -> list[str]:
    return [text.text.strip() for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if text.text]


def test_a_tree() -> None:
    best = ENGLISH.parse(SENTENCE).best
    svg = best.to_svg()
    assert best._repr_svg_() == svg
    nodes = sum(1 for _ in best.tree.iter_subtrees()) + sum(1 for _ in best.tree.scan_values(lambda value: True))
    assert len(boxes(svg)) == nodes
    assert {"telescope", "park", "np", "DET"} <= set(words(svg))
    assert f"posterior {best.posterior:.4g}" in words(svg)[0]
    dot = best.to_dot()
    assert len(re.findall(r"n\d+ \[label", dot)) == nodes
    assert len(re.findall(r"n\d+ -> n\d+", dot)) == nodes - 1


@pytest.mark.parametrize("draw", [lambda forest: forest.best.to_svg(), lambda forest: forest.to_svg()])
def test_marks_do_not_overlap(draw) -> None:
    found = boxes(draw(ENGLISH.parse(SENTENCE)))
    assert len(found) > 10
    for i, (x, y, width, height) in enumerate(found):
        for other_x, other_y, other_width, other_height in found[:i]:
            apart = x >= other_x + other_width or other_x >= x + width
            assert apart or y >= other_y + other_height or other_y >= y + height


def test_a_forest_shows_each_place_once_with_its_probability() -> None:
    forest = ENGLISH.parse(SENTENCE)
    svg = forest.to_svg()
    assert forest._repr_svg_() == svg
    spans = [span for span in forest.spans() if span.symbol not in ("SPACE", "_ignored", "_s_and_ignored")]
    assert len(boxes(svg)) == len(spans)
    # What is ignored belongs to the symbol after it.
    (np,) = [span for span in spans if (span.symbol, span.begin, span.end) == ("np", 5, 28)]
    assert f"a man with a telescope {np.posterior:.3g}" in words(svg)
    assert "5 derivations" in words(svg)[0]
    assert len(boxes(forest.to_svg(least=0.5))) < len(spans)
    assert f"a man with a telescope {np.posterior:.3g}" not in words(forest.to_svg(least=0.5))


def test_circles_and_odd_texts_are_drawn() -> None:
    forest = Parser(stolcke.Grammar.from_lark('start: x\nx: y | /[<"&\\x00-\\x1f]+/\ny: x')).parse('<"&\n\x00')
    assert len(boxes(forest.to_svg())) == 4
    assert "\\n" in forest.to_dot()
    ElementTree.fromstring(forest.best.to_svg())
