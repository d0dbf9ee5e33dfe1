"""Texts that two terminals have in common."""

from __future__ import annotations

from stolcke.lexer.automaton import Automaton

__all__ = ["common_text"]


def common_text(a: Automaton, b: Automaton, most: int = 20_000) -> bytes | None:
    """Find a shortest text, the first among equals, that both automata accept.

    Parameters
    ----------
    a, b : Automaton
    most : int
        Pairs of states to visit before giving up.

    Returns
    -------
    bytes or None
        ``None`` where there is no such text, or it was not found within ``most``.
    """
    if not (a.n_states and b.n_states):
        return None
    # Breadth first over pairs of states; each remembers the pair and byte it was found from.
    origin: dict[tuple[int, int], tuple[tuple[int, int], int] | None] = {(0, 0): None}
    waiting = [(0, 0)]
    for pair in waiting:
        if a.accepting[pair[0]] and b.accepting[pair[1]]:
            return _text(origin, pair)
        if len(waiting) > most:
            return None
        for byte, successor in _steps(a, b, pair):
            if successor not in origin:
                origin[successor] = pair, byte
                waiting.append(successor)
    return None


def _steps(a: Automaton, b: Automaton, pair: tuple[int, int]) -> list[tuple[int, tuple[int, int]]]:
    """Pairs of states that one byte leads to, each with the first such byte of its range."""
    (i, end_a), (j, end_b) = ((int(x.offsets[s]), int(x.offsets[s + 1])) for x, s in zip((a, b), pair, strict=True))
    found = []
    while i < end_a and j < end_b:
        low = max(int(a.low[i]), int(b.low[j]))
        high_a, high_b = int(a.high[i]), int(b.high[j])
        if low <= min(high_a, high_b):
            found.append((low, (int(a.target[i]), int(b.target[j]))))
        if high_a <= high_b:
            i += 1
        else:
            j += 1
    return found


def _text(origin: dict, pair: tuple[int, int]) -> bytes:
    text = bytearray()
    while (step := origin[pair]) is not None:
        pair, byte = step
        text.append(byte)
    return bytes(reversed(text))
