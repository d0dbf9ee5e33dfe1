"""The probabilities of one grammar's rules, and what they say about how things begin."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.tables cimport GrammarTables
from stolcke._core.types cimport NONE


cdef extern from *:
    """
    #ifndef STOLCKE_WEIGHTS
    #define STOLCKE_WEIGHTS
    #include <stdint.h>
    #include <string.h>
    /* Masses that are equal but for rounding errors are one: five of the 53 bits are rounded off, so that contexts
       which repeat are found again, at a relative error of 4e-15. */
    static inline double rounded(double x) {
        uint64_t bits;
        memcpy(&bits, &x, 8);
        bits = (bits + 16) & ~(uint64_t)31;
        memcpy(&x, &bits, 8);
        return x;
    }
    static inline uint64_t double_bits(double x) { uint64_t b; memcpy(&b, &x, 8); return b; }
    #endif
    """
    double rounded(double x) noexcept nogil
    uint64_t double_bits(double x) noexcept nogil


cdef struct First:                      # one way in which a nonterminal can begin
    uint32_t symbol
    uint32_t suffix                     # of its rule, beginning with the symbol; before it is nothing
    double weight


cdef struct Corner:                     # how often a nonterminal is expected where another one is, at the same place
    uint32_t nonterminal
    double mass


cdef struct Slice:
    uint32_t begin                      # NONE until it is made
    uint32_t end


cdef class WeightedTables:
    cdef readonly GrammarTables tables
    cdef vector[double] rule_weight     # by place in GrammarTables.rule_suffix, of the rules written
    cdef vector[double] given_empty     # by nonterminal of the grammar: how probable the empty text is
    cdef vector[Slice] firsts_of, corners_of                # by nonterminal
    cdef vector[First] firsts           # of each nonterminal by symbol
    cdef vector[Corner] corners
    cdef vector[vector[double]] factors                     # by component of several members: its matrix, factorised
    cdef vector[vector[uint32_t]] pivots

    # scratch
    cdef vector[double] mass            # by nonterminal
    cdef vector[uint8_t] reached
    cdef vector[uint32_t] reaching
    cdef vector[First] collecting
    cdef vector[double] right

    cdef double rule_probability(self, uint32_t nonterminal, uint32_t place) noexcept nogil
    cdef double empty(self, uint32_t nonterminal) except -1 nogil
    cdef const Slice* first(self, uint32_t nonterminal) except NULL nogil
    cdef const Slice* corner(self, uint32_t nonterminal) except NULL nogil
    cdef int reach(self, uint32_t nonterminal) except -1 nogil
    cdef size_t rank(self, uint32_t nonterminal) noexcept nogil
    cdef int solve(self, size_t begin, size_t end) except -1 nogil
    cdef int solve_dense(self, uint32_t component) except -1 nogil
    cdef int solve_sparse(self, size_t begin, size_t end) except -1 nogil
    cdef int factorise(self, uint32_t component) except -1 nogil
    cdef size_t bytes(self) noexcept nogil


cdef inline int add_bits(vector[uint32_t]& key, double x) except -1 nogil:
    """Append a number to what is compared by content."""
    cdef uint64_t bits = double_bits(x)
    key.push_back(<uint32_t>(bits >> 32))
    key.push_back(<uint32_t>bits)
    return 0
