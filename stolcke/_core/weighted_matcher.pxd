"""What one sequence's text is worth."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from stolcke._core.token_scores cimport TokenScores


cdef struct Reading:                    # after each accepted call
    uint32_t state
    double logprob                      # of the text so far, as a beginning ...
    double rest                         # ... and what rounding has taken from this sum
    double log_lost                     # of what pruning may have left out


cdef class WeightTrack:
    cdef readonly TokenScores scores
    cdef vector[Reading] readings       # the first is of the empty text
    cdef double log_start               # of the start's partition function, where weights are raw

    cdef void cut(self, size_t n) noexcept
    cdef int move(self, Reading* reading, uint32_t symbol) except -1
    cdef uint32_t symbol(self, uint32_t token) noexcept
    cdef int follow(self, uint32_t token) except -1
    cdef int follow_first(self, uint32_t token) except -1
    cdef int follow_behind(self, uint32_t token, size_t prefix) except -1
    cdef int follow_end(self) except -1
    cdef int follow_bytes(self, const unsigned char* data, size_t n) except -1
