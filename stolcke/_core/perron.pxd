"""Sparse non-negative matrices in which every index leads to every other."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector


cdef class Matrix:
    cdef uint32_t n
    cdef vector[uint32_t] place         # of each index as given, in the order of the rows
    cdef vector[double] values          # the diagonal, then the rows one after the other
    cdef vector[uint32_t] begin         # of each row, the diagonal left out
    cdef vector[uint32_t] middle        # where what is right of the diagonal begins
    cdef vector[uint32_t] column
    cdef vector[uint32_t] heads         # columns that have entries right of the diagonal
    cdef vector[uint32_t] upper_begin, upper_row, upper_slot        # these, by head
    cdef vector[double] small, sweep, basis, hessenberg

    cdef int build(self, uint32_t n, const vector[uint32_t]& rows, const vector[uint32_t]& columns,
                   vector[uint32_t]& slots) except -1 nogil
    cdef int order(self, const vector[uint32_t]& rows, const vector[uint32_t]& columns) except -1 nogil
    cdef void multiply(self, const double* x, double* out) noexcept nogil
    cdef void lower_solve(self, double scale, double* x, uint32_t first) noexcept nogil
    cdef bint solve(self, double scale, vector[double]& x) except? -1 nogil
    cdef bint solve_heads(self, double scale, vector[double]& x) except? -1 nogil
    cdef bint iterate(self, double scale, vector[double]& x) except? -1 nogil
    cdef void step(self, double scale, const double* x, double* out) noexcept nogil
    cdef double radius(self) except? -1 nogil


cdef int group_by_component(const vector[uint32_t]& component, uint32_t n_components,
                            vector[uint32_t]& members, vector[uint32_t]& begin) except -1 nogil
