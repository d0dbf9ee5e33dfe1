"""Canonical states of all terminals' automata: equal language from here on, equal id."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.storage cimport Arena, Segments, SequenceTable, segments_at
from stolcke._core.types cimport NONE, ByteSet


cdef struct State:
    const uint32_t* row                 # target by byte, NONE where dead; NULL for states of few edges
    const uint8_t* low                  # edges: byte ranges, ascending and disjoint ...
    const uint8_t* high
    const uint32_t* target              # ... and the states they lead to
    uint32_t n_edges
    bint accepting
    bint loops_utf8                     # every complete multi-byte character leads back to this state
    ByteSet live                        # bytes that have an edge
    uint64_t loop_ascii[2]              # ASCII bytes that lead back to this state
    # By where in a character the text is (trie.pyx): the state that loops_utf8 and that every rest of the
    # character leads back to, or NONE.
    uint32_t home[8]


cdef inline uint32_t state_next(const State* s, uint32_t byte) noexcept nogil:
    cdef uint32_t i
    if s.row != NULL:
        return s.row[byte]
    for i in range(s.n_edges):
        if s.low[i] <= byte <= s.high[i]:
            return s.target[i]
    return NONE


cdef class AutomatonStore:
    cdef Arena arena
    cdef SequenceTable keys             # one key per strongly connected component
    cdef Segments states                # State each
    cdef vector[uint32_t] first         # canonical id of a component's first state

    cdef int add(self, uint32_t n, const int32_t* offsets, const uint8_t* low, const uint8_t* high,
                 const int32_t* target, const uint8_t* accepting, uint32_t* ids) except -1 nogil
    cdef int write_component(self, uint32_t start, const int32_t* offsets, const uint8_t* low, const uint8_t* high,
                             const int32_t* target, const uint8_t* accepting, const uint32_t* ids,
                             vector[uint32_t]& place, vector[uint32_t]& order, vector[uint32_t]& key) except -1 nogil
    cdef int intern_component(self, vector[uint32_t]& component, const int32_t* offsets, const uint8_t* low,
                              const uint8_t* high, const int32_t* target, const uint8_t* accepting,
                              uint32_t* ids, vector[uint32_t]& place) except -1 nogil
    cdef int make_state(self, uint32_t s, const int32_t* offsets, const uint8_t* low, const uint8_t* high,
                        const int32_t* target, const uint8_t* accepting, const uint32_t* ids) except -1 nogil
    cdef void note_loops(self, uint32_t index) noexcept nogil
    cdef void note_home(self, uint32_t index, uint32_t home, uint32_t utf8, const uint8_t* ranges) noexcept nogil
    cdef bint returns(self, uint32_t index, const uint8_t* ranges, uint32_t home) noexcept nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline const State* state(self, uint32_t index) noexcept nogil:
        return <const State*>segments_at(&self.states, index)
