r"""A name as JSON writes it, straight to canonical states: from its last character to the first.

A schema declares names by the dozen, and what :mod:`stolcke._core.json_text` does for any language would be most of
the time that a name takes.  One text is simple: each character leads to the rest of the name, as it is or escaped, and
what stands between are states with an edge or two.
"""

from libc.stdint cimport uint8_t, uint32_t

from stolcke._core.automata cimport Edge


cdef enum:
    ASTRAL = 0x10000                 # the first character that is escaped as a pair of surrogates


cdef inline Edge edge(uint32_t low, uint32_t high, uint32_t target) noexcept nogil:
    cdef Edge made
    made.low = <uint8_t>low
    made.high = <uint8_t>high
    made.zero = 0
    made.target = target
    return made


cdef uint32_t single(AutomatonStore store, uint32_t byte, uint32_t target) except? 0xFFFFFFFF nogil:
    """The state of one edge."""
    cdef Edge made = edge(byte, byte, target)
    return store.intern(&made, 1, False)


cdef uint32_t four_digits(AutomatonStore store, uint32_t unit, uint32_t target) except? 0xFFFFFFFF nogil:
    """The state before the hexadecimal digits, in either case, of a code unit."""
    cdef Edge[2] edges
    cdef uint32_t place, digit
    for place in range(4):
        digit = unit >> (4 * place) & 15
        edges[0] = edge(c'0' + digit, c'0' + digit, target)
        if digit > 9:
            edges[0] = edge(c'A' + digit - 10, c'A' + digit - 10, target)
            edges[1] = edge(c'a' + digit - 10, c'a' + digit - 10, target)
        target = store.intern(edges, 1 if digit < 10 else 2, False)
    return target


cdef uint32_t escape(AutomatonStore store, uint32_t character, uint32_t target) except? 0xFFFFFFFF nogil:
    """The state behind a backslash."""
    cdef const char* letters = b'"/\\bfnrt'
    cdef const char* meanings = b'"/\\\x08\x0C\n\r\t'
    cdef Edge[2] edges
    cdef uint32_t n = 0, i, digits = target
    if character >= ASTRAL:
        digits = four_digits(store, 0xDC00 | character & 0x3FF, digits)
        digits = single(store, c'\\', single(store, c'u', digits))
        digits = four_digits(store, 0xD800 | (character - ASTRAL) >> 10, digits)
    else:
        digits = four_digits(store, character, digits)
    for i in range(8):
        if <uint8_t>meanings[i] == character:
            edges[0] = edge(<uint8_t>letters[i], <uint8_t>letters[i], target)
            n = 1
    edges[n] = edge(c'u', c'u', digits)         # behind every letter
    return store.intern(edges, n + 1, False)


cdef uint32_t before(
    AutomatonStore store, uint32_t character, bint ascii_only, uint32_t target
) except? 0xFFFFFFFF nogil:
    """The state that reads a character, and leads to ``target``."""
    cdef Edge[2] edges
    cdef Edge backslash = edge(c'\\', c'\\', escape(store, character, target))
    cdef uint32_t rest = target, width, i
    edges[0] = backslash
    if character < 0x20 or character == c'"' or character == c'\\' or (character >= 0x80 and ascii_only):
        return store.intern(edges, 1, False)
    if character < c'\\':
        edges[0] = edge(character, character, target)
        edges[1] = backslash
    elif character < 0x80:
        edges[1] = edge(character, character, target)
    else:
        width = 2 if character < 0x800 else (3 if character < ASTRAL else 4)
        for i in range(width - 1):
            rest = single(store, 0x80 | character >> (6 * i) & 0x3F, rest)
        i = (0xF00 >> width & 0xFF) | character >> (6 * (width - 1))
        edges[1] = edge(i, i, rest)
    return store.intern(edges, 2, False)


cdef uint32_t name_state(
    AutomatonStore store, const vector[uint32_t]& name, bint ascii_only, uint32_t after
) except? 0xFFFFFFFF nogil:
    """The canonical state that reads a name in quotes, and leads to ``after``.

    Parameters
    ----------
    name : code points
        None of them a surrogate.
    ascii_only : bool
        Whether characters beyond ASCII must be escaped; every character may be.
    after : id of a state
    """
    cdef size_t i = name.size()
    cdef uint32_t state = single(store, c'"', after)
    while i:
        i -= 1
        state = before(store, name[i], ascii_only, state)
    return single(store, c'"', state)
