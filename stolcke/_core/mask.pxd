"""Masks, interned by content, and their bits."""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.partition cimport PartitionStore
from stolcke._core.storage cimport Arena, Segments, SequenceTable, segments_at
from stolcke._core.types cimport NONE, load_pointer


cdef struct Mask:
    const void* wide                    # the row that its wide partitions come to, NULL where none was made
    const uint32_t* parts               # what is to be united with it
    uint32_t n_parts
    uint32_t n_dense                    # how many of these are rows
    uint32_t n_tokens                   # how many tokens are listed in them or in their holes
    bint accepting                      # the end tokens, too
    void* row                           # the finished row, NULL until the mask is HOT
    uint32_t uses


cdef class MaskStore:
    cdef PartitionStore store
    cdef Arena arena
    cdef Segments masks                 # Mask each
    cdef SequenceTable keys             # whether the text may end, then the wide partitions, then the others
    cdef SequenceTable wide_sets        # of wide partitions
    cdef vector[const void*] wide_rows  # of each of these sets
    cdef vector[uint32_t] end_tokens
    cdef vector[uint32_t] key
    cdef uint64_t n_rows

    cdef uint32_t intern(self, vector[uint32_t]& parts, bint accepting) except? 0xFFFFFFFF nogil
    cdef bint is_wide(self, uint32_t part) noexcept nogil
    cdef const void* wide_row(self, const uint32_t* parts, size_t n) except? NULL nogil
    cdef void write(self, Mask* mask, int32_t* row, size_t n_words) noexcept nogil
    cdef int finish(self, uint32_t index) except -1 nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline Mask* at(self, uint32_t index) noexcept nogil:
        return <Mask*>segments_at(&self.masks, index)
