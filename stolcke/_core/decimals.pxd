"""Decimals digit by digit: bounds, excluded values, and what is left over of divisors."""

from libc.stdint cimport int32_t
from libcpp.vector cimport vector


ctypedef vector[int32_t] Words


# The words of states with digits: what is behind the kind and the side.
cdef enum:
    BEFORE = 2                       # digits before the point, at most `free_from`; ANY_NUMBER
    LOWER = 3                        # how the digits compare with the bounds: LESS, GREATER, or how many are the same
    UPPER = 4
    NODE = 5                         # of the excluded values; -1 where none begins so
    PLACES = 6                       # digits after the point, at most `places`
    MODE = 7
    MARKS = 8                        # of each divisor two: a verdict, and the number of the residue

cdef enum:
    LESS = -1
    GREATER = -2
    ANY_NUMBER = -0x40000000         # digits before the point no longer matter


cdef struct Node:
    int32_t[10] child                # -1 where no excluded value goes on so


cdef cppclass Bound:
    # A positive decimal: significant digits, the last not 0, and the exponent of the first.
    bint given
    bint is_open
    vector[int32_t] digits
    int32_t exponent


cdef cppclass Side:
    # The texts of one sign.
    Bound lower
    Bound upper
    bint zero                        # allowed
    bint only_zero
    vector[Node] nodes               # of excluded values, a trie of their significant digits
    vector[vector[int32_t]] ends     # [nodes]: exponents of the values that end there, sorted
    vector[int32_t] exponents        # of all excluded values, sorted
    int32_t free_from                # with as many digits before the point, none of the values that matter has as many
    int32_t most_zeros               # after ``0.``, as far as they are counted
    int32_t places                   # after the point, as far as they are counted


cdef class Residues:
    cdef object divisor
    cdef dict number_of
    cdef list residues
    cdef vector[Node] rows           # child[0] is -1 where not yet known
    cdef vector[int32_t] powers      # -1: none; -2: not yet known
    cdef int32_t places
    cdef bint negated

    cdef int32_t number(self, residue) except -1
    cdef int32_t first(self, int32_t digit) except -1
    cdef int32_t after(self, int32_t residue, int32_t digit) except -1
    cdef int32_t power(self, int32_t residue) except -2


cdef int32_t order_of(const Bound& bound, int32_t known) noexcept
cdef int read_side(Side& side, given, int32_t most_places, int32_t fraction) except -1
cdef int cut(Side& side, const Words& state, bint all_apart, int32_t first, vector[int32_t]& begins) except -1
cdef int advance(Side& side, const Words& state, int32_t digit, Words& target) except -1
