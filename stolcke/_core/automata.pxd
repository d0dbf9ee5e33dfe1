"""Canonical states of all terminals' automata: equal language from here on, equal id."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.storage cimport Arena, Segments, SequenceTable, segments_at
from stolcke._core.types cimport NONE, ByteSet, byteset_add_range, byteset_join


cdef struct Edge:
    # A range of bytes, and the state that it leads to; compared as memory, so nothing may be left to chance.
    uint8_t low
    uint8_t high
    uint16_t zero
    uint32_t target


cdef struct Classes:
    # What all states whose edges have the same bounds share: which edge a byte takes.
    ByteSet live                        # bytes that have an edge
    uint8_t[256] edge                   # number of the edge; behind the last where there is none


cdef struct Loops:
    # Where whole subtrees of the vocabulary lead back to one state.
    uint64_t[2] loop_ascii              # ASCII bytes that lead back to this state
    # By where in a character the text is (trie.pyx): the state that every rest of the character leads back to, or
    # NONE; every other character with such a lead leads back to it, too.
    uint32_t[8] home
    uint8_t loop_utf8                   # rows of UTF8 (utf8.pxd) of which every character leads back to this state


cdef struct State:
    # There are hundreds of thousands: what most of them lack is elsewhere, and what is equal in many is shared.
    const Edge* edges                   # ascending and disjoint; one more, to NONE, where there are classes
    const Classes* classes              # NULL for states of few edges
    const Loops* loops                  # one and the same where nothing leads back
    uint16_t n_edges
    bint accepting


cdef inline uint32_t state_next(const State* s, uint32_t byte) noexcept nogil:
    cdef uint32_t i
    if s.classes != NULL:
        return s.edges[s.classes.edge[byte]].target
    for i in range(s.n_edges):
        if s.edges[i].low <= byte <= s.edges[i].high:
            return s.edges[i].target
    return NONE


cdef inline void join_live(ByteSet* bytes, const State* s) noexcept nogil:
    """Add the bytes that have an edge."""
    cdef uint32_t i
    if s.classes != NULL:
        byteset_join(bytes, &s.classes.live)
        return
    for i in range(s.n_edges):
        byteset_add_range(bytes, s.edges[i].low, s.edges[i].high)


cdef struct Given:
    # An automaton as it is given: edges of state s are offsets[s] to offsets[s + 1].
    uint32_t n
    const int32_t* offsets
    const uint8_t* low
    const uint8_t* high
    const int32_t* target
    const uint8_t* accepting
    uint32_t* ids                       # canonical, NONE while not yet known


cdef class AutomatonStore:
    cdef Arena arena
    cdef Segments states                # State each
    cdef vector[uint64_t] slots         # hash table of the states that lie on no cycle: hash and id + 1, 0 where free
    cdef size_t singles                 # how many these are
    cdef SequenceTable keys             # one key for each other strongly connected component
    cdef vector[uint32_t] first         # canonical id of such a component's first state
    cdef SequenceTable class_keys       # bounds of edges
    cdef vector[const Classes*] classes
    cdef Loops* nothing                 # leads back

    cdef int add(self, Given* given) except -1 nogil
    cdef int intern_single(self, const Given* given, uint32_t s) except -1 nogil
    cdef uint32_t intern(self, const Edge* edges, uint32_t n, bint accepting) except? 0xFFFFFFFF nogil
    cdef int grow(self) except -1 nogil
    cdef int write_component(self, const Given* given, uint32_t start, vector[uint32_t]& place,
                             vector[uint32_t]& order, vector[uint32_t]& key) except -1 nogil
    cdef int intern_component(self, const Given* given, vector[uint32_t]& component,
                              vector[uint32_t]& place) except -1 nogil
    cdef int set_edges(self, State* state, const Edge* edges, uint32_t n) except -1 nogil
    cdef const Classes* classes_of(self, const Edge* edges, uint32_t n) except? NULL nogil
    cdef Loops* no_loops(self) except NULL nogil
    cdef Loops* loops_of(self, State* state) except NULL nogil
    cdef int note_loops(self, uint32_t index) except -1 nogil
    cdef int note_home(self, uint32_t index, uint32_t home, uint32_t utf8, const uint8_t* ranges) except -1 nogil
    cdef bint returns(self, uint32_t index, const uint8_t* ranges, uint32_t home) noexcept nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline const State* state(self, uint32_t index) noexcept nogil:
        return <const State*>segments_at(&self.states, index)
