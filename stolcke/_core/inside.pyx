"""The tokens inside, as partitions keep them and as masks need them.

A wide partition is a row of one bit for each token.  Hundreds of them differ in
a few tokens: states of "any name but these", places under a pattern.  So they
share a row, and each says which tokens it leaves out, its *holes*, and which it
adds.  Rows of 16 kB, each of them written once and read once, cost more than all
else: memory that has never been touched is given out by the system a page at a
time, at 2 to 3 us each.
"""

from libc.string cimport memcpy


cdef inline bint has(const uint32_t* row, uint32_t token) noexcept nogil:
    return row[token >> 5] >> (token & 31) & 1


cdef inline void take(uint32_t* row, uint32_t token) noexcept nogil:
    row[token >> 5] &= ~(<uint32_t>1 << (token & 31))


cdef void add_listed(uint32_t* row, const Partition* p) noexcept nogil:
    """Set the bits of the tokens in a partition's list."""
    cdef uint32_t i, token
    for i in range(p.n_listed):
        token = p.tokens[i]
        row[token >> 5] |= <uint32_t>1 << (token & 31)


cdef void copy_row(uint32_t* row, size_t n_words, const Partition* p, const uint32_t* order) noexcept nogil:
    """Write a wide partition's row without its holes; ``order`` is the trie's.  Its list is left to the caller."""
    cdef uint32_t i, k
    memcpy(row, p.dense, n_words * 4)
    for i in range(0, p.n_holes, 2):
        for k in range(p.holes[i], p.holes[i + 1]):
            take(row, order[k])


cdef void add_row(uint32_t* row, size_t n_words, const Partition* p, const uint32_t* order) noexcept nogil:
    """The same, united with the bits that are there."""
    cdef uint32_t[MOST_IN_HOLES] missing        # tokens in the holes that are not there
    cdef const uint32_t* dense = <const uint32_t*>p.dense
    cdef uint32_t i, k, n = 0
    cdef size_t w
    for i in range(0, p.n_holes, 2):
        for k in range(p.holes[i], p.holes[i + 1]):
            if not has(row, order[k]):
                missing[n] = order[k]
                n += 1
    for w in range(n_words):
        row[w] |= dense[w]
    for i in range(n):
        take(row, missing[i])
