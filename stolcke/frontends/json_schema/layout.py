"""White space: the structural characters of JSON as terminals, with the space around them.

Space belongs to the terminal beside it and never stands alone, so that a text has one
derivation and a comma with its spaces is one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from stolcke.grammar.patterns import Literal, Pattern, Regex, Sequence

__all__ = ["MAX_DEPTH", "Layout", "layout"]

MAX_DEPTH = 64
"""How deep documents may nest where each level is indented."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The structural terminals at one level of nesting.

    ``close_object`` and ``close_array`` follow a member; an empty object or array is one
    terminal.  ``colon`` is what stands between a name and its value; ``outer`` may stand
    before and after the document, None where nothing may.
    """

    open_object: Pattern
    close_object: Pattern
    empty_object: Pattern
    open_array: Pattern
    close_array: Pattern
    empty_array: Pattern
    comma: Pattern
    colon: Pattern
    outer: Pattern | None


@lru_cache(maxsize=256)
def layout(whitespace: str | int, max_whitespace: int | None, depth: int) -> Layout:
    """The terminals inside ``depth`` levels of objects and arrays."""
    if whitespace == "flexible":
        most = "" if max_whitespace is None else max_whitespace
        space = Regex(f"[ \\t\\n\\r]{{0,{most}}}") if most != 0 else Literal("")
        outer = None if most == 0 else Regex(f"[ \\t\\n\\r]{{1,{most}}}")

        def after(text: str) -> Pattern:
            return Sequence((Literal(text), space))

        def before(text: str) -> Pattern:
            return Sequence((space, Literal(text)))

        def around(text: str) -> Pattern:
            return Sequence((space, Literal(text), space))

        empty = [Sequence((Literal(a), space, Literal(b))) for a, b in ("{}", "[]")]
        return Layout(
            after("{"), before("}"), empty[0], after("["), before("]"), empty[1], around(","), around(":"), outer
        )
    if whitespace in ("compact", "spaced"):
        gap = " " if whitespace == "spaced" else ""
        texts = ("{", "}", "{}", "[", "]", "[]", "," + gap, ":" + gap)
        return Layout(*map(Literal, texts), None)  # type: ignore[arg-type]
    indent = int(whitespace)
    inner, outer_line = "\n" + " " * indent * (depth + 1), "\n" + " " * indent * depth
    texts = ("{" + inner, outer_line + "}", "{}", "[" + inner, outer_line + "]", "[]", "," + inner, ": ")
    return Layout(*map(Literal, texts), None)  # type: ignore[arg-type]
