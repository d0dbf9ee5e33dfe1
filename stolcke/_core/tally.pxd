"""Tallies: entries in any order, of which a state remembers what still matters."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.storage cimport Arena, SequenceTable
from stolcke._core.types cimport NONE


cdef enum:                              # words of a state
    TALLY = 0
    NEED = 1                            # entries that must still come
    ROOM = 2                            # entries that may still come, NONE where their number is not bounded
    NEED_MARKED = 3                     # the same of marked ones
    ROOM_MARKED = 4
    SEEN = 5                            # and further: the set of entries that have occurred


cdef struct TallyEntry:
    uint32_t symbol                     # a nonterminal that does not derive the empty text
    uint32_t bit                        # in the set of seen ones; NONE where it may be repeated and need not occur
    bint once, required, marked


cdef struct Tally:
    uint32_t entries                    # TallyTable.entries[entries:entries_end]
    uint32_t entries_end
    uint32_t separator                  # TallyTable.separators[separator:separator_end]
    uint32_t separator_end
    uint32_t n_words                    # of a set of seen ones
    uint32_t sets                       # TallyTable.sets: once, once and marked, required, required and marked
    bint repeats[2]                     # whether some unmarked, some marked entry may be repeated
    uint32_t initial                    # state before the first entry


cdef struct Reach:                      # what can come after a state, of unmarked and of marked entries
    int64_t least[2]                    # required ones that have not occurred
    int64_t most[2]                     # those that may occur, MANY where one may be repeated


cdef class TallyTable:
    cdef vector[Tally] tallies
    cdef vector[uint32_t] nonterminals  # by tally
    cdef vector[TallyEntry] entries
    cdef vector[uint32_t] separators
    cdef vector[uint32_t] sets
    cdef Arena arena
    cdef SequenceTable states
    cdef vector[uint32_t] key

    cdef void put(self, uint32_t first_word, uint32_t bit) noexcept nogil
    cdef void reach(self, const uint32_t* state, Reach* out) noexcept nogil
    cdef void clip(self) noexcept nogil
    cdef bint complete(self, uint32_t state) noexcept nogil
    cdef bint continues(self, uint32_t state) noexcept nogil
    cdef int usable(self, uint32_t state, vector[uint32_t]& entries) except -1 nogil
    cdef uint32_t after(self, uint32_t state, uint32_t entry) except? 0xFFFFFFFF nogil
    cdef size_t bytes(self) noexcept nogil
