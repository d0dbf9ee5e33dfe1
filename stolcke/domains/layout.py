"""Layout: blocks by indentation, in the convention of Lark's ``Indenter``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stolcke.errors import CompileError
from stolcke.guard import Guard, Kinds, Reading

__all__ = ["Layout"]

_NEWLINE, _SPACE, _TAB = b"\n \t"
_NO_LINE = -1  # before the first newline


@dataclass(frozen=True, slots=True)
class _Width(Kinds):
    """The kind of a line end is the width of the space after its last newline."""

    tab_len: int
    deepest: int
    start = _NO_LINE

    def step(self, state: Any, byte: int) -> int:
        if byte == _NEWLINE:
            return 0
        if state == _NO_LINE or byte not in (_SPACE, _TAB):
            return state
        # Wider than any block may be, unless another newline follows.
        return min(state + (1 if byte == _SPACE else self.tab_len), self.deepest + 1)

    def kind(self, state: Any) -> int | None:
        return state if 0 <= state <= self.deepest else None


@dataclass(frozen=True)
class Layout(Guard):
    """Indentation as Lark's ``Indenter`` understands it, inside the mask.

    The terminal ``newline`` matches the end of a line together with blank lines (and comments) and the indentation of
    the next one.  After it, ``indent`` is inserted where the next line is indented further than the block that it
    stands in, and one ``dedent`` for each block that it ends; it must then stand where a block that is open began.
    Within parentheses, line ends are ignored.  At the end of the text all blocks end.

    Attributes
    ----------
    newline, indent, dedent : str
        Names of terminals; the last two stand under ``%declare``.
    opening, closing : tuple of str
        Names of the terminals between which line ends are ignored.
    tab_len : int
        How many spaces a tab counts for, wherever it stands.
    deepest : int
        How wide an indentation may be. Compiling takes time and memory in proportion to its square: 0.2 s for 80,
        on a busy machine.

    Examples
    --------
    >>> from stolcke.domains import Layout
    >>> Layout(newline="_NEWLINE", opening=("LPAR", "LSQB"), closing=("RPAR", "RSQB")).tab_len
    8
    """

    newline: str = "_NL"
    indent: str = "_INDENT"
    dedent: str = "_DEDENT"
    opening: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    tab_len: int = 8
    deepest: int = 80

    # Widths of the open blocks, the outermost first, and how many parentheses are open.
    start = ((0,), 0)

    def __post_init__(self) -> None:
        for name in ("tab_len", "deepest"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= 1000:
                raise CompileError(f"{name} of a layout must be a number from 1 to 1000, not {value!r}")
        for name in ("opening", "closing"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise CompileError(f"{name} of a layout must be a tuple of names of terminals, not {value!r}")
            object.__setattr__(self, name, tuple(value))

    @classmethod
    def of(cls, indenter: Any, *, deepest: int = 80) -> Layout:
        """Take the settings of a ``lark.indenter.Indenter``, such as ``PythonIndenter()``.

        Raises
        ------
        CompileError
            If it is none.
        """
        try:
            return cls(
                indenter.NL_type,
                indenter.INDENT_type,
                indenter.DEDENT_type,
                tuple(indenter.OPEN_PAREN_types),
                tuple(indenter.CLOSE_PAREN_types),
                indenter.tab_len,
                deepest,
            )
        except AttributeError as error:
            raise CompileError(f"{indenter!r} is no lark.indenter.Indenter: {error}") from error

    @property
    def watches(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.newline, *self.opening, *self.closing)

    @property
    def longest(self) -> tuple[str, ...]:  # type: ignore[override]
        # A line end takes all blank lines and the whole indentation.
        return (self.newline,)

    @property
    def ignores(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.newline,) if self.opening else ()

    @property
    def inserts(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.indent, self.dedent)

    def kinds(self, terminal: str) -> Kinds | None:
        return _Width(self.tab_len, self.deepest) if terminal == self.newline else None

    def read(self, state: Any, terminal: str, kind: Any) -> Reading | None:
        widths, depth = state
        if terminal == self.newline:
            if depth or kind is None:
                return Reading(state, ignored=True) if depth and kind is None else None
            return self._line(widths, kind)
        if terminal in self.opening:
            return Reading((widths, depth + 1))
        return Reading((widths, depth - 1)) if depth else None

    def _line(self, widths: tuple[int, ...], width: int) -> Reading | None:
        """Begin a line of some width within blocks."""
        if width > widths[-1]:
            return Reading(((*widths, width), 0), (self.indent,))
        kept = tuple(w for w in widths if w <= width)
        if kept[-1] != width:
            return None
        return Reading((kept, 0), (self.dedent,) * (len(widths) - len(kept)))

    def end(self, state: Any) -> tuple[str, ...] | None:
        widths, _ = state
        return (self.dedent,) * (len(widths) - 1)
