"""Unions of sorted lists of tokens, by bits instead of by comparisons."""

from stolcke._core.containers cimport refill


cdef extern from *:
    """
    static inline int trailing_zeros(uint64_t x) { return __builtin_ctzll(x); }
    """
    int trailing_zeros(uint64_t x) noexcept nogil


cdef class TokenBits:

    def __cinit__(self, uint32_t n_tokens):
        refill(self.words, n_tokens // 64 + 1, 0)
        refill(self.touched, n_tokens // 4096 + 1, 0)

    cdef void add(self, const uint32_t* tokens, size_t n) noexcept nogil:
        cdef size_t i
        cdef uint32_t t
        for i in range(n):
            t = tokens[i]
            self.words[t >> 6] |= <uint64_t>1 << (t & 63)
            self.touched[t >> 12] |= <uint64_t>1 << ((t >> 6) & 63)

    cdef int drain(self, vector[uint32_t]& tokens) except -1 nogil:
        """Append the tokens, ascending, and empty the set."""
        cdef size_t i, w
        cdef uint64_t words, bits
        for i in range(self.touched.size()):
            words = self.touched[i]
            self.touched[i] = 0
            while words:
                w = i << 6 | <size_t>trailing_zeros(words)
                words &= words - 1
                bits = self.words[w]
                self.words[w] = 0
                while bits:
                    tokens.push_back(<uint32_t>(w << 6) | <uint32_t>trailing_zeros(bits))
                    bits &= bits - 1
        return 0
