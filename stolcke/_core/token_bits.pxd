"""A set of tokens that is filled and emptied in time linear in its content."""

from libc.stdint cimport uint32_t, uint64_t
from libcpp.vector cimport vector


cdef class TokenBits:
    cdef vector[uint64_t] words         # a bit per token
    cdef vector[uint64_t] touched       # a bit per word that is not zero

    cdef void add(self, const uint32_t* tokens, size_t n) noexcept nogil
    cdef int drain(self, vector[uint32_t]& tokens) except -1 nogil
