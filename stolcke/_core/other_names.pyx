r"""Any JSON string but some, straight to canonical states.

What an object that declares names may have as further ones: nearly every schema asks for it, with names that nobody
has seen before.  The states are those of any string, changed where a declared name is being read: at each place of a
name, what its next character may be written as (as it is, by a letter, by ``\u`` and digits in either case) leads to
the next place, all else to where the states of any string lead, and where a name has ended no quote follows.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport Edge, State, state_next
from stolcke._core.types cimport NONE


cdef extern from *:
    """
    #include <algorithm>
    #include <vector>
    /* One way to write a character: at each place a byte, or two that are as good; and where it leads. */
    struct Writing { uint8_t low[12]; uint8_t high[12]; uint32_t length; uint32_t target; };
    static inline bool writing_before(const Writing& x, const Writing& y) {
        return std::lexicographical_compare(x.low, x.low + x.length, y.low, y.low + y.length);
    }
    static inline void sort_writings(std::vector<Writing>& all) { std::sort(all.begin(), all.end(), writing_before); }
    /* A byte, and where it leads instead. */
    struct Turn { uint32_t byte; uint32_t target; };
    static inline void sort_turns(Turn* turns, uint32_t n) {
        std::sort(turns, turns + n, [](const Turn& x, const Turn& y) { return x.byte < y.byte; });
    }
    static inline void sort_names(std::vector<std::vector<uint32_t>>& names) {
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
    }
    """
    cppclass Writing:
        uint8_t[12] low
        uint8_t[12] high
        uint32_t length
        uint32_t target
    cppclass Turn:
        uint32_t byte
        uint32_t target
    void sort_turns(Turn* turns, uint32_t n) noexcept nogil
    void sort_writings(vector[Writing]& all) except + nogil
    void sort_names(vector[vector[uint32_t]]& names) except + nogil


cdef enum:
    ASTRAL = 0x10000                 # the first character that is escaped as a pair of surrogates


cdef inline void put(Writing* writing, uint32_t low, uint32_t high) noexcept nogil:
    writing.low[writing.length] = <uint8_t>low
    writing.high[writing.length] = <uint8_t>high
    writing.length += 1


cdef void put_unit(Writing* writing, uint32_t unit) noexcept nogil:
    """The escape of a code unit by its number."""
    cdef int32_t shift = 12
    cdef uint32_t digit
    put(writing, c'\\', c'\\')
    put(writing, c'u', c'u')
    while shift >= 0:
        digit = unit >> shift & 15
        if digit < 10:
            put(writing, c'0' + digit, c'0' + digit)
        else:
            put(writing, c'A' + digit - 10, c'a' + digit - 10)
        shift -= 4


cdef int add_writings(uint32_t character, bint ascii_only, uint32_t target, vector[Writing]& out) except -1 nogil:
    """All ways to write a character in a JSON string."""
    cdef const char* letters = b'"/\\bfnrt'
    cdef const char* meanings = b'"/\\\x08\x0C\n\r\t'
    cdef Writing one
    cdef uint32_t width, i
    one.target = target
    one.length = 0
    if character >= ASTRAL:
        put_unit(&one, 0xD800 | (character - ASTRAL) >> 10)
        put_unit(&one, 0xDC00 | character & 0x3FF)
    else:
        put_unit(&one, character)
    out.push_back(one)
    for i in range(8):
        if <uint8_t>meanings[i] == character:
            one.length = 0
            put(&one, c'\\', c'\\')
            put(&one, <uint8_t>letters[i], <uint8_t>letters[i])
            out.push_back(one)
    if character < 0x20 or character == c'"' or character == c'\\' or (character >= 0x80 and ascii_only):
        return 0
    one.length = 0
    if character < 0x80:
        put(&one, character, character)
    else:
        width = 2 if character < 0x800 else (3 if character < ASTRAL else 4)
        i = (0xF00 >> width & 0xFF) | character >> (6 * (width - 1))
        put(&one, i, i)
        while width > 1:
            width -= 1
            i = 0x80 | character >> (6 * (width - 1)) & 0x3F
            put(&one, i, i)
    out.push_back(one)
    return 0


cdef inline void push_edge(Edge* edges, uint32_t* n, uint32_t low, uint32_t high, uint32_t target) noexcept nogil:
    """Add the edge behind all others, as one with the last where that leads to the same state."""
    if target == NONE:
        return
    if n[0] and edges[n[0] - 1].target == target and low == <uint32_t>edges[n[0] - 1].high + 1:
        edges[n[0] - 1].high = <uint8_t>high
        return
    edges[n[0]].low = <uint8_t>low
    edges[n[0]].high = <uint8_t>high
    edges[n[0]].zero = 0
    edges[n[0]].target = target
    n[0] += 1


cdef uint32_t changed(
    AutomatonStore store, uint32_t state, const vector[Writing]& writings, size_t begin, size_t end, uint32_t depth,
    bint without_quote
) except? 0xFFFFFFFF nogil:
    """A state that leads elsewhere where one of some writings goes on; they are alike up to here, and ascend."""
    cdef Edge[257] edges
    cdef Turn[257] turns
    cdef const State* old
    cdef size_t i = begin, j
    cdef uint32_t n = 0, n_turns = 0, turn = 0, low, high, target, k
    if begin < end and writings[begin].length == depth:
        return writings[begin].target
    old = store.state(state)
    while i < end:
        low, high = writings[i].low[depth], writings[i].high[depth]
        j = i + 1
        while j < end and writings[j].low[depth] == low:
            j += 1
        turns[n_turns].target = changed(store, state_next(old, low), writings, i, j, depth + 1, False)
        turns[n_turns].byte = low
        n_turns += 1
        if high != low:
            turns[n_turns] = turns[n_turns - 1]
            turns[n_turns].byte = high
            n_turns += 1
        i = j
    if without_quote:
        turns[n_turns].byte = c'"'
        turns[n_turns].target = NONE
        n_turns += 1
    sort_turns(turns, n_turns)
    # Bytes that lead elsewhere are cut out of the edges; all of them have one.
    for k in range(old.n_edges):
        low, high, target = old.edges[k].low, old.edges[k].high, old.edges[k].target
        while turn < n_turns and turns[turn].byte <= high:
            if turns[turn].byte > low:
                push_edge(edges, &n, low, turns[turn].byte - 1, target)
            push_edge(edges, &n, turns[turn].byte, turns[turn].byte, turns[turn].target)
            low = turns[turn].byte + 1
            turn += 1
        if low <= high:
            push_edge(edges, &n, low, high, target)
    return store.intern(edges, n, old.accepting)


cdef uint32_t place_state(
    AutomatonStore store, const vector[vector[uint32_t]]& names, size_t begin, size_t end, uint32_t depth,
    bint ascii_only, uint32_t free
) except? 0xFFFFFFFF nogil:
    """The state behind so many characters, which all of some names begin with."""
    cdef vector[Writing] writings
    cdef size_t i = begin, j
    cdef uint32_t character
    cdef bint is_end = names[begin].size() == depth
    if is_end:
        i += 1
    while i < end:
        character = names[i][depth]
        j = i + 1
        while j < end and names[j][depth] == character:
            j += 1
        add_writings(
            character, ascii_only, place_state(store, names, i, j, depth + 1, ascii_only, free), writings)
        i = j
    sort_writings(writings)
    return changed(store, free, writings, 0, writings.size(), 0, is_end)


cdef uint32_t other_names_state(
    AutomatonStore store, vector[vector[uint32_t]]& names, bint ascii_only, uint32_t everything
) except? 0xFFFFFFFF nogil:
    """The canonical state that reads any string in quotes but some, and what follows.

    Parameters
    ----------
    names : code points of each
        None of them a surrogate; none so long that a call for each of its characters were too much for the stack.
    ascii_only : bool
        Whether characters beyond ASCII must be escaped; every character may be.
    everything : id of a state
        That reads any string in quotes, and what follows.
    """
    cdef Edge quote
    cdef uint32_t free = state_next(store.state(everything), c'"')
    sort_names(names)
    if names.empty():
        return everything
    quote.low = quote.high = c'"'
    quote.zero = 0
    quote.target = place_state(store, names, 0, names.size(), 0, ascii_only, free)
    return store.intern(&quote, 1, False)
