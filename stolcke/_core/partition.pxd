"""What a terminal's automaton state does to a suffix trie: which tokens stay inside, what remains of the others."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport AutomatonStore
from stolcke._core.locks cimport Lock
from stolcke._core.storage cimport Arena, IdMap, Segments, SequenceTable, segments_at
from stolcke._core.trie cimport TokenTrie
from stolcke._core.types cimport NONE


cdef struct Partition:
    const uint64_t* dense               # tokens inside, as a bit row; NULL where they are few
    const uint32_t* tokens              # tokens inside, ascending, where they are few
    uint32_t n_tokens                   # how many tokens are inside
    uint32_t residue                    # suffix trie of the tokens that leave, NONE where no token does


cdef struct Visit:
    uint32_t node
    uint32_t state
    uint32_t label                      # of the edge that leads here
    uint32_t first                      # live children: visits first..last-1
    uint32_t last
    uint32_t merged                     # the residue below, once made
    bint leaves                         # whether some token below leaves the terminal


cdef class PartitionStore:
    """Everything that depends on the vocabulary alone, shared by all grammars compiled for it."""
    cdef readonly uint32_t n_tokens
    cdef readonly uint32_t n_words      # int32 words of a mask row
    cdef const uint8_t[::1] data
    cdef const int64_t[::1] offsets
    cdef const uint8_t[::1] skip
    cdef Arena arena
    cdef AutomatonStore automata
    cdef TokenTrie trie
    cdef Lock lock                      # of everything below and of automata and trie
    cdef IdMap known                    # node << 32 | state -> partition
    cdef Segments partitions            # Partition each
    cdef SequenceTable token_sets       # of partitions that are given as a list of tokens
    cdef vector[uint32_t] token_set_partition
    cdef SequenceTable unions           # of suffix tries
    cdef vector[uint32_t] union_node
    cdef readonly uint64_t visited      # trie nodes walked so far, a deterministic measure of work
    cdef uint64_t n_dense
    cdef uint64_t* all_tokens           # the row of everything that text can match, once needed
    cdef object kept                    # arrays that stored pointers point into

    # scratch of build(), kept to avoid allocation
    cdef vector[Visit] visits
    cdef vector[uint32_t] inside, inside_ranges, outside_ranges, left_tokens
    cdef vector[uint64_t] elements, gathered, edges, sorting

    cdef restore(self, arrays)
    cdef uint32_t partition(self, uint32_t node, uint32_t state, size_t most_bytes) except? 0xFFFFFFFF nogil
    cdef uint32_t of_tokens(self, const uint32_t* tokens, size_t n) except? 0xFFFFFFFF nogil
    cdef uint32_t unite(self, const uint32_t* nodes, size_t n, size_t most_bytes) except? 0xFFFFFFFF nogil
    cdef void clear_merging(self) noexcept nogil
    cdef uint32_t build(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil
    cdef int walk(self, uint32_t node, uint32_t state) except -1 nogil
    cdef uint32_t residue(self) except? 0xFFFFFFFF nogil
    cdef uint32_t merge(self, size_t begin, size_t end) except? 0xFFFFFFFF nogil
    cdef int gather(self, uint64_t element) except -1 nogil
    cdef int sort_gathered(self, size_t first) except -1 nogil
    cdef int store_inside(self, Partition* p, bint whole_tokens) except -1 nogil
    cdef void set_range(self, uint64_t* row, uint32_t begin, uint32_t end) noexcept nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline const Partition* at(self, uint32_t index) noexcept nogil:
        return <const Partition*>segments_at(&self.partitions, index)
