"""Rows of a deterministic automaton, each kept once, and their canonical numbering."""

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.minimize cimport Dfa
from stolcke._core.subsets cimport Edge


cdef cppclass Rows:
    # States that know where they lead; row r has edges begin[r] to begin[r + 1].
    vector[Edge] edges
    vector[size_t] begin             # [rows + 1]
    vector[uint8_t] accepting        # [rows]
    vector[uint64_t] hashes          # [rows]; only of interned rows
    vector[int32_t] slots            # hash table of interned rows, -1 where free


cdef int32_t append_row(Rows& rows, const Edge* row, size_t size, bint accepting) except -1 nogil
cdef int32_t intern_row(Rows& rows, const Edge* row, size_t size, bint accepting) except -1 nogil
cdef int number_rows(Rows& named, Rows& interned, int32_t start, Dfa& result) except -1 nogil


cdef inline int32_t row_count(Rows& rows) noexcept nogil:
    return <int32_t>rows.accepting.size()
