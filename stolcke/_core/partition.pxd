"""What a terminal's automaton state does to a suffix trie: which tokens stay inside, what remains of the others."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport state_next
from stolcke._core.counted cimport COUNTED, CountedStore
from stolcke._core.difference cimport Differences
from stolcke._core.inside cimport Partition
from stolcke._core.profile cimport ProfileStore
from stolcke._core.start_states cimport StartStates
from stolcke._core.storage cimport IdMap, Segments, SequenceTable, segments_at
from stolcke._core.token_bits cimport TokenBits
from stolcke._core.types cimport NONE


cdef enum:
    SPARSE = 64                         # at most 1/64 of the vocabulary inside: a list, not a row


cdef class PartitionStore(StartStates):
    """Everything that depends on the vocabulary alone, shared by all grammars compiled for it."""
    cdef const uint8_t[::1] data
    cdef const int64_t[::1] offsets
    cdef const uint8_t[::1] skip
    cdef IdMap known                    # node << 32 | state -> partition
    cdef ProfileStore profiles
    cdef Differences differences
    cdef public bint by_difference      # off: every partition is walked for, in tests and for doubt
    cdef IdMap known_splits             # profile << 32 | least << 16 | most -> partition
    cdef Segments partitions            # Partition each
    cdef SequenceTable token_sets       # of partitions that are given as a list of tokens
    cdef vector[uint32_t] token_set_partition
    cdef SequenceTable merges           # of partitions that are given as a list of others, all of them sparse
    cdef vector[uint32_t] merge_partition
    cdef TokenBits merging
    cdef SequenceTable unions           # of suffix tries
    cdef vector[uint32_t] union_node
    cdef SequenceTable cuts             # of partitions that share another one's row: that, residue, list and holes
    cdef vector[uint32_t] cut_partition
    cdef uint64_t n_dense               # rows
    cdef vector[uint32_t] key           # scratch of cut()
    cdef vector[uint64_t] row
    cdef object kept                    # arrays that stored pointers point into

    cdef uint32_t next(self, uint32_t state, uint32_t byte, size_t most_bytes) except? 0xFFFFFFFE nogil
    cdef uint32_t partition(self, uint32_t node, uint32_t state, size_t most_bytes) except? 0xFFFFFFFF nogil
    cdef uint32_t of_tokens(self, const uint32_t* tokens, size_t n) except? 0xFFFFFFFF nogil
    cdef uint32_t merged(self, const uint32_t* parts, size_t n, size_t most_bytes) except? 0xFFFFFFFF nogil
    cdef uint32_t unite(self, const uint32_t* nodes, size_t n, size_t most_bytes) except? 0xFFFFFFFF nogil
    cdef uint32_t unite_locked(self, const uint32_t* nodes, size_t n) except? 0xFFFFFFFF nogil
    cdef uint32_t build(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil
    cdef const Partition* other(self, uint32_t node, uint32_t state) except NULL nogil
    cdef uint32_t add(self, const Partition* made) except? 0xFFFFFFFF nogil
    cdef uint32_t build_from_edge(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil
    cdef uint32_t build_from_base(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil
    cdef uint32_t build_from_similar(self, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil
    cdef uint32_t cut(self, const Partition* p, uint32_t residue, const uint32_t* more,
                      uint32_t n_more) except? 0xFFFFFFFF nogil
    cdef uint32_t build_counted(self, uint32_t state) except? 0xFFFFFFFF nogil
    cdef int store_inside(self, Partition* p, bint whole_tokens) except -1 nogil
    cdef int store_row(self, Partition* p, const uint64_t* row) except -1 nogil
    cdef void set_range(self, uint64_t* row, uint32_t begin, uint32_t end) noexcept nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline bint is_wide(self, size_t n) noexcept nogil:
        """Whether so many tokens inside are kept as a row, not as a list."""
        return n * SPARSE > self.n_tokens and n > SPARSE

    cdef inline const Partition* at(self, uint32_t index) noexcept nogil:
        return <const Partition*>segments_at(&self.partitions, index)
