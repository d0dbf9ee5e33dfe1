"""A partition: which tokens of a suffix trie stay inside a terminal, and what remains of the others."""

from libc.stdint cimport uint32_t, uint64_t


cdef struct Partition:
    # Tokens inside: those of a bit row, but for the ones in its holes, and those of a list.
    const uint64_t* dense               # NULL where few tokens are inside; many partitions may share a row
    const uint32_t* holes               # pairs of bounds: ranges of TokenTrie.order, ascending and disjoint
    const uint32_t* tokens              # the list; ascending where there is no row
    uint32_t n_holes                    # how many bounds there are
    uint32_t n_in_holes                 # how many tokens
    uint32_t n_listed                   # how many tokens the list has
    uint32_t n_tokens                   # how many tokens are inside
    uint32_t visits                     # to nodes, that it took; 0 where it was made from another
    uint32_t residue                    # suffix trie of the tokens that leave, NONE where no token does


cdef enum:
    MOST_IN_HOLES = 1024                # tokens: a row with more of them to leave out is made anew


cdef void add_listed(uint32_t* row, const Partition* p) noexcept nogil
cdef void copy_row(uint32_t* row, size_t n_words, const Partition* p, const uint32_t* order) noexcept nogil
cdef void add_row(uint32_t* row, size_t n_words, const Partition* p, const uint32_t* order) noexcept nogil
