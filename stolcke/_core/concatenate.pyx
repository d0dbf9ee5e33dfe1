"""One automaton after another, where it is certain when the first one ends."""

from libc.stdint cimport int32_t, uint8_t

from stolcke._core.minimize cimport Dfa, byte_arrays, minimize_bytes

__all__ = ["concatenate"]


def concatenate(
    const int32_t[::1] offsets, const uint8_t[::1] low, const uint8_t[::1] high, const int32_t[::1] target,
    const uint8_t[::1] accepting, const int32_t[::1] offsets_after, const uint8_t[::1] low_after,
    const uint8_t[::1] high_after, const int32_t[::1] target_after, const uint8_t[::1] accepting_after,
):
    """Make the minimal automaton of two languages one after the other.

    No text of the first may be a prefix of another: then its accepting state is
    a single one without edges, and the start of the second takes its place.

    Parameters
    ----------
    offsets, low, high, target, accepting : arrays
        A minimal automaton, as :func:`stolcke._core.minimize.minimize` returns it.
    offsets_after, low_after, high_after, target_after, accepting_after : arrays
        Another one.

    Returns
    -------
    tuple of arrays, or None
        As :func:`minimize` returns them; None where some text is a prefix of another, or a language is empty.
    """
    cdef int32_t n = <int32_t>accepting.shape[0], n_after = <int32_t>accepting_after.shape[0]
    cdef int32_t end = -1, s, e
    cdef Dfa raw, result
    for s in range(n):
        if accepting[s]:
            if end >= 0 or offsets[s] != offsets[s + 1]:
                return None
            end = s
    if end < 0 or n_after == 0:
        return None
    # The states of the first but its last one, then those of the second.
    raw.offsets.push_back(0)
    for s in range(n):
        if s == end:
            continue
        raw.accepting.push_back(0)
        for e in range(offsets[s], offsets[s + 1]):
            raw.low.push_back(low[e])
            raw.high.push_back(high[e])
            raw.target.push_back(n - 1 if target[e] == end else target[e] - (target[e] > end))
        raw.offsets.push_back(<int32_t>raw.target.size())
    for s in range(n_after):
        raw.accepting.push_back(accepting_after[s])
        for e in range(offsets_after[s], offsets_after[s + 1]):
            raw.low.push_back(low_after[e])
            raw.high.push_back(high_after[e])
            raw.target.push_back(n - 1 + target_after[e])
        raw.offsets.push_back(<int32_t>raw.target.size())
    minimize_bytes(raw, result)
    return byte_arrays(result)
