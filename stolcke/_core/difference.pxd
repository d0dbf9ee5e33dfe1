"""States that differ from a common one in a few tokens, such as those of "any name but these"."""

from libc.stdint cimport uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.inside cimport Partition
from stolcke._core.split cimport Splitter
from stolcke._core.storage cimport IdMap, SeenSet, SequenceTable


cdef struct Exit:
    uint32_t below                      # of the trie node where the terminal may end
    uint32_t node                       # the suffix trie of what remains there


cdef struct Base:
    uint32_t node                       # of the vocabulary's own trie, as everywhere here
    uint32_t state
    uint32_t exits                      # Differences.exits[exits:exits_end], by where they are
    uint32_t exits_end


cdef struct Pair:
    uint32_t node
    uint32_t state
    uint32_t base


cdef struct Apart:
    uint32_t state
    uint32_t base


cdef class Differences:
    cdef IdMap known                    # node << 32 | state -> base
    cdef vector[Base] bases
    cdef vector[Exit] exits
    cdef SequenceTable rests            # a base, and the ranges of its exits that are gone ...
    cdef vector[uint32_t] rest_node     # ... -> the suffix trie of the others

    cdef vector[Apart] apart            # of agree(): pairs of states met, in order of the bytes before them
    cdef SeenSet seen

    # What the last compare() found, and its scratch.
    cdef vector[Pair] pairs
    cdef vector[uint32_t] gone          # TokenTrie.order[gone[2i]:gone[2i+1]]: inside or leaving for the base alone
    cdef vector[uint32_t] holes         # of join_holes()
    cdef vector[uint32_t] tokens, taken     # of subtract_tokens(), and its scratch
    cdef vector[uint32_t] key
    cdef Base made

    cdef uint32_t base_of(self, Splitter splitter, uint32_t state) noexcept nogil
    cdef bint alike(self, Splitter splitter, uint32_t base, uint32_t node, uint32_t state) noexcept nogil
    cdef uint32_t agree(self, Splitter splitter, uint32_t state, uint32_t base) except? 0xFFFFFFFF nogil
    cdef bint compare(self, Splitter splitter, uint32_t node, uint32_t state, uint32_t base,
                      uint32_t same) except -1 nogil
    cdef bint knows(self, uint32_t node, uint32_t state) noexcept nogil
    cdef uint32_t find(self, Splitter splitter, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil
    cdef uint32_t learn(self, Splitter splitter, uint32_t node, uint32_t state) except? 0xFFFFFFFF nogil
    cdef int begin(self, uint32_t node, uint32_t state) except -1 nogil
    cdef int add_exit(self, uint32_t below, uint32_t node) except -1 nogil
    cdef uint32_t finish(self) except? 0xFFFFFFFF nogil
    cdef uint32_t lost(self, Splitter splitter, const Partition* p) noexcept nogil
    cdef uint32_t join_holes(self, const Partition* p) except? 0xFFFFFFFF nogil
    cdef int subtract_tokens(self, Splitter splitter, const uint32_t* tokens, size_t n) except -1 nogil
    cdef uint32_t residue(self, Splitter splitter, uint32_t base, uint32_t whole) except? 0xFFFFFFFF nogil
    cdef int keep(self, Splitter splitter, size_t first, size_t last) except -1 nogil
    cdef size_t bytes(self) noexcept nogil
