"""Places in a text: from bytes, in which the chart counts, to what people count in."""

from __future__ import annotations

import numpy as np

__all__ = ["Places"]


class Places:
    """The bytes of a text and their positions.

    Parameters
    ----------
    text : str or bytes
        Positions are counted in characters in the one, in bytes in the other.

    Attributes
    ----------
    data : bytes
        The text in UTF-8.
    """

    def __init__(self, text: str | bytes) -> None:
        self.data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        array = np.frombuffer(self.data, np.uint8)
        self._lines = np.flatnonzero(array == 0x0A) + 1
        self._positions: np.ndarray | None = None
        if isinstance(text, str) and not text.isascii():
            # A byte within a character counts as that character.
            begins = np.append((array & 0xC0) != 0x80, True)
            self._positions = np.cumsum(begins) - 1
            self._bytes = np.flatnonzero(begins)

    def position(self, byte: int) -> int:
        """Position of a byte; of the end of the text for the number of bytes."""
        return byte if self._positions is None else int(self._positions[byte])

    def byte(self, position: int) -> int:
        """The first byte at a position."""
        return position if self._positions is None else int(self._bytes[position])

    def line_and_column(self, byte: int) -> tuple[int, int]:
        """Line and column of a byte, both from 1."""
        line = int(np.searchsorted(self._lines, byte, side="right"))
        begin = int(self._lines[line - 1]) if line else 0
        return line + 1, self.position(byte) - self.position(begin) + 1

    def line_of(self, byte: int) -> str:
        """The line that a byte is in, without its end."""
        begin = self.data.rfind(b"\n", 0, byte) + 1
        end = self.data.find(b"\n", byte)
        return self.data[begin : end if end >= 0 else len(self.data)].decode(errors="replace").rstrip("\r")

    def text(self, begin: int, end: int) -> str:
        """The text between two bytes; those that are not UTF-8 come as Python's ``surrogateescape`` writes them."""
        return self.data[begin:end].decode("utf-8", "surrogateescape")
