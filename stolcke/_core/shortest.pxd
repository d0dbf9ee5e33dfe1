"""The least that the parts of a grammar need: bytes, and tokens."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.counted cimport Family
from stolcke._core.partition cimport PartitionStore
from stolcke._core.tables cimport GrammarTables
from stolcke._core.trie cimport Node


cdef extern from *:
    """
    #define FAR ((int64_t)1 << 40)
    """
    const int64_t FAR                   # more than anything needs: there is no way, or none is known


cdef enum:                              # what is counted
    IN_BYTES = 0                        # bytes, exactly; a special token counts as the longest token has bytes
    IN_TOKENS = 1                       # tokens, where none reaches across the ends of terminals: an upper bound


cdef struct Need:
    int64_t[2] least


cdef inline int64_t sum_of(int64_t a, int64_t b) noexcept nogil:
    return min(a + b, FAR)


cdef inline int64_t times(int64_t n, int64_t a) noexcept nogil:
    return FAR if a and n > FAR // a else n * a


cdef class Shortest:
    cdef PartitionStore store
    cdef GrammarTables tables
    cdef size_t most_bytes              # of the vocabulary's tables
    cdef int64_t longest       # bytes of the longest token
    cdef bint spells_bytes     # whether each byte is a token
    cdef int64_t growth        # the most tokens that a terminal that begins adds to what is left
    cdef int64_t within        # the most tokens that the rest of a terminal needs
    cdef unordered_map[uint32_t, int64_t] bytes_of, tokens_of       # by state of an automaton
    cdef unordered_map[uint32_t, vector[int64_t]] inner_of          # by family of counted states: to the word's end
    cdef vector[Need] nonterminals      # of the grammar
    cdef vector[Need] suffixes          # negative while unknown
    cdef unordered_map[uint64_t, Need] instances                    # kind << 32 | state of a tally

    cdef int prepare(self) except -1 nogil
    cdef int64_t bytes_left(self, uint32_t state) except -1 nogil
    cdef int explore(self, uint32_t start) except -1 nogil
    cdef int64_t counted_left(self, uint32_t state) except -1 nogil
    cdef int explore_family(self, uint32_t index, const Family* family) except -1 nogil
    cdef uint32_t onward(self, uint32_t state, uint8_t* byte) except? 0xFFFFFFFE nogil
    cdef int64_t tokens_left(self, uint32_t state) except -1 nogil
    cdef int terminal(self, uint32_t terminal, Need* need) except -1 nogil
    cdef int nonterminal(self, uint32_t nonterminal, Need* need) except -1 nogil
    cdef int suffix(self, uint32_t suffix, Need* need) except -1 nogil
    cdef int settle(self, uint32_t kind) except -1 nogil
    cdef int64_t symbol_least(self, uint32_t symbol, uint32_t kind) except -1 nogil
    cdef int64_t separator_least(self, uint32_t tally, uint32_t kind) except -1 nogil
    cdef int64_t tally_least(self, uint32_t state, uint32_t place, uint32_t kind) except -1 nogil
    cdef int64_t tally_most(self, uint32_t tally) except -1 nogil
    cdef int find_growth(self) except -1 nogil
    cdef int find_within(self) except -1 nogil
    cdef int64_t longest_inner(self, uint32_t family) except -1 nogil
    cdef size_t bytes(self) noexcept nogil


cdef uint32_t child(const Node* at, uint8_t byte) noexcept nogil
