"""Trees and forests as pictures: SVG written here, and the language of Graphviz.

A picture is a list of marks and the lines between them.  For SVG each mark gets a place: it stands in a row by its
distance from the root, above what it is made of, and beside its neighbours without touching them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lark import Token, Tree

__all__ = ["Mark", "Picture", "to_dot", "to_svg", "tree_picture"]

_MOST_TEXT = 24
"""Characters of a token that are shown."""
_CHARACTER, _ROW, _HEIGHT, _GAP, _MARGIN = 7.3, 64, 34, 14, 16
"""Pixels: width of a character, distance of rows, height of a mark, and what is kept free."""


@dataclass
class Mark:
    """One thing in a picture.

    Parameters
    ----------
    title : str
        Its name; none for a point, where ways part.
    note : str
        What stands below the name, or beside the point, in small print.
    kind : {"rule", "token", "way"}
    parts : list of int
        The marks below it, from left to right.
    """

    title: str
    note: str = ""
    kind: str = "rule"
    parts: list[int] = field(default_factory=list)

    @property
    def width(self) -> float:
        """In pixels."""
        if self.kind == "way":
            return 10 + 2 * 0.8 * len(self.note) * _CHARACTER
        return max(len(self.title), 0.8 * len(self.note), 2) * _CHARACTER + 14


@dataclass
class Picture:
    """Marks, the first of which is the root, and a line of text above them."""

    title: str
    marks: list[Mark]


def tree_picture(tree: Tree | Token, title: str) -> Picture:
    """The picture of a tree."""
    marks: list[Mark] = []
    waiting: list[tuple[Tree | Token, Mark | None]] = [(tree, None)]
    while waiting:
        node, above = waiting.pop()
        if isinstance(node, Tree):
            mark = Mark(str(node.data))
            waiting += [(child, mark) for child in reversed(node.children)]
        else:
            mark = Mark(shown(node), node.type, "token")
        if above is not None:
            above.parts.append(len(marks))
        marks.append(mark)
    return Picture(title, marks)


def shown(text: str) -> str:
    """A part of a text as a mark shows it: in one line, and not too long."""
    line = repr(str(text))[1:-1]
    return line if len(line) <= _MOST_TEXT else f"{line[: _MOST_TEXT - 10]}…{line[-9:]}"


# --- Graphviz ----------------------------------------------------------------------------------------------------


def to_dot(picture: Picture) -> str:
    """A picture in Graphviz' language."""
    lines = [
        "digraph {",
        f"    label={_quoted(picture.title)}; labelloc=t; ordering=out; nodesep=0.2; ranksep=0.3",
        '    node [fontname="sans-serif", fontsize=11, height=0.3]; edge [arrowhead=none]',
    ]
    shapes = {"rule": "box, style=rounded", "token": 'box, style="filled", fillcolor="#fff3d6"', "way": "plaintext"}
    for number, mark in enumerate(picture.marks):
        label = _quoted("\n".join(filter(None, [mark.title or "•", mark.note])))
        lines.append(f"    n{number} [label={label}, shape={shapes[mark.kind]}]")
    for number, mark in enumerate(picture.marks):
        lines += [f"    n{number} -> n{part}" for part in mark.parts]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


# --- SVG ---------------------------------------------------------------------------------------------------------


def to_svg(picture: Picture) -> str:
    """A picture as an SVG document."""
    marks = picture.marks
    rows = _rows(marks)
    centres = _centres(marks, rows)
    depth = {mark: row for row, members in enumerate(rows) for mark in members}
    width = max([centre + marks[i].width / 2 for i, centre in centres.items()] + [_CHARACTER * len(picture.title)])
    top = 2.5 * _MARGIN
    height = top + _ROW * (len(rows) - 1) + _HEIGHT + _MARGIN
    lines, boxes = [], []
    for number, mark in enumerate(marks):
        x, y = centres[number] + _MARGIN, top + _ROW * depth[number]
        for part in mark.parts:
            to_x, to_y = centres[part] + _MARGIN, top + _ROW * depth[part]
            lower, upper = mark.kind != "way", marks[part].kind != "way"
            y1, y2 = y + _HEIGHT * (1 if lower else 0.5), to_y + _HEIGHT * (0 if upper else 0.5)
            lines.append(f'<line x1="{x:.1f}" y1="{y1:.1f}" x2="{to_x:.1f}" y2="{y2:.1f}" stroke="#888888"/>')
        boxes.append(_box(mark, x, y))
    title = _escaped(picture.title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 2 * _MARGIN:.0f} {height:.0f}" '
        f'width="{width + 2 * _MARGIN:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{_MARGIN}" y="{1.3 * _MARGIN:.0f}" font-size="12" fill="#444444">{title}</text>',
        *lines,
        *boxes,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rows(marks: list[Mark]) -> list[list[int]]:
    """Marks by their distance from the root: the longest without circles, so that lines lead downwards."""
    order: list[int] = []
    state = [0] * len(marks)  # 1 where a mark is above the present one, 2 where it is done
    forward: list[list[int]] = [[] for _ in marks]
    stack = [(0, 0)]
    while stack:
        number, at = stack.pop()
        state[number] = 1
        parts = marks[number].parts
        while at < len(parts):
            part = parts[at]
            at += 1
            if state[part] != 1:
                forward[number].append(part)
            if not state[part]:
                stack += [(number, at), (part, 0)]
                break
        else:
            state[number] = 2
            order.append(number)
    depth = [0] * len(marks)
    for number in reversed(order):
        for part in forward[number]:
            depth[part] = max(depth[part], depth[number] + 1)
    rows: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for number in order:  # what is complete first stands to the left
        rows[depth[number]].append(number)
    return rows


def _centres(marks: list[Mark], rows: list[list[int]]) -> dict[int, float]:
    """Where each mark stands in its row: over the middle of its parts, as far as its neighbours leave room."""
    centres: dict[int, float] = {}
    edge = 0.0
    leaves = sorted(number for row in rows for number in row if not marks[number].parts)
    for number in leaves:
        centres[number] = edge + marks[number].width / 2
        edge += marks[number].width + _GAP
    for row in reversed(rows):
        for number in row:
            below = [centres[part] for part in marks[number].parts if part in centres]
            if below:
                centres[number] = (min(below) + max(below)) / 2
            centres.setdefault(number, 0.0)
        _spread(marks, row, centres)
    left = min(centres[number] - marks[number].width / 2 for number in centres)
    return {number: centre - left for number, centre in centres.items()}


def _spread(marks: list[Mark], row: list[int], centres: dict[int, float]) -> None:
    """Move the marks of a row apart, each group as little as can be: groups that touch keep their mean place."""
    groups: list[tuple[float, float, list[int]]] = []  # left edge wished for, width, members
    for number in sorted(row, key=lambda number: centres[number]):
        group = (centres[number] - marks[number].width / 2, marks[number].width, [number])
        while groups and groups[-1][0] + groups[-1][1] + _GAP > group[0]:
            left, width, members = groups.pop()
            n, m = len(members), len(group[2])
            joined = (n * left + m * (group[0] - width - _GAP)) / (n + m)
            group = (joined, width + _GAP + group[1], members + group[2])
        groups.append(group)
    for left, _, members in groups:
        edge = left
        for number in members:
            centres[number] = edge + marks[number].width / 2
            edge += marks[number].width + _GAP


def _box(mark: Mark, x: float, y: float) -> str:
    if mark.kind == "way":
        middle = y + _HEIGHT / 2
        return (
            f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="3.5" fill="#444444"/>'
            f'<text x="{x + 6:.1f}" y="{middle + 3:.1f}" font-size="10" fill="#0b5394">{_escaped(mark.note)}</text>'
        )
    fill, stroke, corner = ("#eaf2fb", "#5b83b0", 8) if mark.kind == "rule" else ("#fff3d6", "#c9a227", 0)
    parts = [
        f'<rect x="{x - mark.width / 2:.1f}" y="{y:.1f}" width="{mark.width:.1f}" height="{_HEIGHT}" '
        f'rx="{corner}" fill="{fill}" stroke="{stroke}"/>',
        f'<text x="{x:.1f}" y="{y + (15 if mark.note else 21):.1f}" text-anchor="middle">{_escaped(mark.title)}</text>',
    ]
    if mark.note:
        parts.append(
            f'<text x="{x:.1f}" y="{y + 28:.1f}" font-size="9.5" fill="#666666" text-anchor="middle">'
            f"{_escaped(mark.note)}</text>"
        )
    return "".join(parts)


def _escaped(text: str) -> str:
    """Text for XML; what XML has no character for is shown as a question mark."""
    safe = "".join(c if c.isprintable() or c == " " else "\ufffd" for c in text)
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
