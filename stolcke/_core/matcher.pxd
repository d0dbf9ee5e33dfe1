"""One generated sequence, as an append-only list of live states."""

from libc.stdint cimport int32_t, uint32_t
from libcpp.vector cimport vector

from stolcke._core.engine cimport Engine
from stolcke._core.meter cimport Meter
from stolcke._core.weighted_matcher cimport WeightTrack


cdef class CoreMatcher:
    cdef readonly Engine engine
    cdef vector[uint32_t] history       # live state before anything, then after each accepted call
    cdef vector[uint32_t] given         # token of each call, NONE for bytes ...
    cdef list texts                     # ... which are here
    cdef WeightTrack track              # the same with weights, once anybody has asked
    cdef frozenset end_tokens
    cdef readonly bint prunes_masks     # a class that says so has restrict_mask()
    cdef readonly Meter meter           # which is told what happens here; None where nobody asked

    cdef uint32_t checked(self, token) except? 0xFFFFFFFF
    cdef uint32_t after(self, uint32_t state, uint32_t token) except? 0xFFFFFFFF
    cdef uint32_t metered_after(self, uint32_t token) except? 0xFFFFFFFF
    cdef bint is_known(self, uint32_t token) except -1
    cdef int make_room(self) except -1
    cdef uint32_t after_bytes(self, const unsigned char[::1] data) except? 0xFFFFFFFF
    cdef uint32_t metered_after_bytes(self, const unsigned char[::1] data) except? 0xFFFFFFFF
    cdef int fill_metered(self, uint32_t state, int32_t* words, size_t n_words) except -1
    cdef int keep(self, size_t n) except -1
    cdef bytes prefix_of(self, uint32_t state)
