"""Which bytes a state takes in any order and number without coming to an end."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport AutomatonStore
from stolcke._core.storage cimport IdMap
from stolcke._core.trie cimport Node


cdef struct Free:
    uint64_t ascii[2]
    uint8_t characters                  # rows of UTF8 (utf8.pxd) of which all characters may come between these


cdef class FreeBytes:
    cdef AutomatonStore automata
    cdef IdMap known                    # state -> free
    cdef vector[Free] free
    cdef vector[uint32_t] reached

    cdef bint cover(self, uint32_t state, const Node* below) except -1 nogil
    cdef uint32_t find(self, uint32_t state) except? 0xFFFFFFFF nogil
    cdef bint close(self, uint32_t state, uint64_t* ascii) except -1 nogil
    cdef uint8_t free_characters(self) noexcept nogil
    cdef uint32_t first_home(self, uint32_t state, const uint8_t* ranges) noexcept nogil
    cdef bint has_reached(self, uint32_t state) noexcept nogil
    cdef size_t bytes(self) noexcept nogil
