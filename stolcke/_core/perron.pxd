"""Sparse non-negative matrices in which every index leads to every other."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from stolcke._core.storage cimport IdMap


cdef cppclass Links:                    # of the indices that are left, while some are removed
    vector[vector[uint32_t]] before     # what leads to each; what is removed is still listed
    vector[vector[uint32_t]] behind
    vector[uint32_t] n_before           # how many of these are left
    vector[uint32_t] n_behind
    vector[char] gone


cdef class Matrix:
    cdef uint32_t n
    cdef vector[double] values          # the diagonal, then ``rows`` and ``columns``, then what elimination adds
    cdef vector[uint32_t] rows, columns
    cdef IdMap slot_of                  # of row << 32 | column, while the pattern is made
    # Elimination: which index each step removes, what leads to it and what it leads to, and where products are added.
    cdef vector[uint32_t] removed
    cdef vector[uint32_t] before_begin, before, before_slot
    cdef vector[uint32_t] behind_begin, behind, behind_slot
    cdef vector[uint32_t] targets
    # What is left, its rows one after the other.
    cdef vector[uint32_t] core
    cdef vector[uint32_t] core_begin, core_column, core_slot
    cdef vector[double] work, small, sweep, basis, hessenberg

    cdef int build(self, uint32_t n, const vector[uint32_t]& rows, const vector[uint32_t]& columns,
                   vector[uint32_t]& slots) except -1 nogil
    cdef int eliminate(self) except -1 nogil
    cdef int remove(self, uint32_t v, Links* links) except -1 nogil
    cdef void multiply(self, const double* x, double* out) noexcept nogil
    cdef bint solve(self, double scale, vector[double]& x) except? -1 nogil
    cdef bint solve_dense(self, double scale) except? -1 nogil
    cdef bint iterate(self, double scale) except? -1 nogil
    cdef void lower_solve(self, double scale, double* x) noexcept nogil
    cdef void step(self, double scale, const double* x, double* out) noexcept nogil
    cdef bint is_below(self, double scale) except? -1 nogil
    cdef double radius(self) except? -1 nogil


cdef int group_by_component(const vector[uint32_t]& component, uint32_t n_components,
                            vector[uint32_t]& members, vector[uint32_t]& begin) except -1 nogil
