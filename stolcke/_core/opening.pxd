"""The first token of a text whose decoder takes one leading space away."""

from libc.stdint cimport uint8_t, uint32_t
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.cascade cimport Cascade
from stolcke._core.partition cimport PartitionStore


cdef class Opening:
    cdef PartitionStore store
    cdef vector[uint32_t] exceptions                    # tokens that stand for something else than others would
    cdef unordered_map[uint32_t, size_t] places         # where each is in ``exceptions``
    cdef vector[uint8_t] texts                          # of the exceptions, one after the other
    cdef vector[size_t] begins

    cdef const uint8_t* text(self, uint32_t token, size_t* n) noexcept nogil
    cdef int collect(self, Cascade cascade, uint32_t column) except -1 nogil
    cdef int find_tries(self, uint32_t* others, uint32_t* spaced) except -1 nogil
