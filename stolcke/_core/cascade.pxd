"""Which partitions of the vocabulary a suffix of a rule allows, and what remains of tokens that complete it."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset
from libcpp.vector cimport vector

from stolcke._core.chart cimport Chart
from stolcke._core.partition cimport PartitionStore
from stolcke._core.storage cimport IdMap, SeenSet, SequenceTable
from stolcke._core.tables cimport GrammarTables
from stolcke._core.trie cimport Node
from stolcke._core.types cimport ByteSet


cdef enum:
    REFUSED = 1                         # status: the vocabulary's partitions would outgrow their limit


cdef struct Cascaded:                   # of a suffix; or of a list of them, with the place of one before each residue
    uint32_t parts                      # results[parts:parts_end]: partitions whose inside is allowed
    uint32_t parts_end
    uint32_t residues_end               # results[parts_end:residues_end]: suffix tries where the suffix completes


cdef struct Return:
    uint32_t continuation
    uint32_t node


cdef class Cascade:
    cdef PartitionStore store
    cdef GrammarTables tables
    cdef Chart chart
    cdef bint memoise
    cdef size_t most_bytes              # of the vocabulary's memory
    cdef IdMap known                    # node << 32 | suffix -> cascaded
    cdef IdMap known_lists              # node << 32 | list of suffixes -> cascaded
    cdef SequenceTable lists            # of the suffixes in a continuation's entries
    cdef vector[uint32_t] list_of       # by continuation; NONE until needed
    cdef vector[Cascaded] cascaded
    cdef vector[uint32_t] results
    cdef readonly uint64_t n_evaluated  # suffixes evaluated, not remembered

    # Scratch: stacks, of which each evaluation under way owns the part above its mark.
    cdef vector[uint32_t] parts, residues, exits
    cdef vector[Return] returns, round
    cdef vector[uint32_t] uniting
    cdef vector[SeenSet] seen           # one per depth of evaluation
    cdef uint32_t depth
    cdef vector[uint32_t] merging, listing

    cdef int start(self) except -1 nogil
    cdef int open(self) except -1 nogil
    cdef int thread(self, uint32_t state, uint32_t column, uint32_t terminal) except -1 nogil
    cdef int fresh(self, uint32_t column, uint32_t node) except -1 nogil
    cdef int drain(self, size_t first_return) except -1 nogil
    cdef int follow(self, uint32_t node, uint32_t continuation) except -1 nogil
    cdef uint32_t suffix_list(self, uint32_t continuation) except? 0xFFFFFFFF nogil
    cdef uint32_t evaluate_entries(self, uint32_t node, uint32_t first, uint32_t end) except? 0xFFFFFFFF nogil
    cdef uint32_t keep(self, size_t first_part, vector[uint32_t]& left, size_t first_left) except? 0xFFFFFFFF nogil
    cdef void close(self) noexcept nogil
    cdef int scan(self, uint32_t node, uint32_t column, uint32_t terminal) except -1 nogil
    cdef int item(self, uint32_t node, uint32_t suffix, uint32_t continuation) except -1 nogil
    cdef int push_return(self, uint32_t continuation, uint32_t node) except -1 nogil
    cdef uint32_t evaluate(self, uint32_t node, uint32_t suffix) except? 0xFFFFFFFF nogil
    cdef int terminal(self, uint32_t node, uint32_t terminal, const ByteSet* bytes,
                      uint32_t* residue) except -1 nogil
    cdef int merge_small(self, size_t first) except -1 nogil
    cdef int unite_residues(self, size_t first) except -1 nogil
    cdef int unite_many(self) except -1 nogil
    cdef int unite_last(self, size_t first) except -1 nogil
    cdef size_t bytes(self) noexcept nogil


cdef inline void first_bytes(const Node* node, ByteSet* out) noexcept nogil:
    """Bytes that tokens of a suffix trie begin with."""
    cdef uint32_t i, byte, word = 0
    cdef uint64_t bits = 0
    memset(out, 0, sizeof(ByteSet))
    for i in range(node.n_children):
        byte = node.bytes[i]            # ascending
        if byte >> 6 != word:
            out.bits[word] = bits
            word = byte >> 6
            bits = 0
        bits |= <uint64_t>1 << (byte & 63)
    out.bits[word] = bits


cdef inline bint overlap(const ByteSet* a, const ByteSet* b) noexcept nogil:
    return (a.bits[0] & b.bits[0] | a.bits[1] & b.bits[1] | a.bits[2] & b.bits[2] | a.bits[3] & b.bits[3]) != 0
