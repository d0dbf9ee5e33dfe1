"""What may follow the members of a component, as linear equations."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector


cdef enum:
    LARGEST = 2000                      # members that end with each other, of which all may follow all


cdef struct Share:                      # a column that is reached, and how much of the mass goes there
    uint32_t column
    double share


cdef struct Follower:                   # one term of an equation for what may follow a member
    uint32_t suffix
    uint32_t continuation               # RELATIVE | member for one of the same component
    double weight


cdef class FollowerSystem:
    cdef double threshold               # followers below it are left out, but the best; 0 for none
    cdef uint32_t n
    cdef vector[vector[Follower]] followers             # by member
    cdef vector[vector[Share]] units                    # by member: members that it ends with, and how often
    cdef vector[double] accepts, losses
    cdef size_t refused                 # members of a circle that was too large to be solved; 0 again by its user
    cdef vector[uint32_t] unit_begin, unit_to, class_of

    cdef int start(self, uint32_t n) except -1 nogil
    cdef void accept(self, uint32_t member, double ending, double lost) noexcept nogil
    cdef int close(self) except -1 nogil
    cdef int add_scaled(self, uint32_t member, uint32_t other, double weight) except -1 nogil
    cdef int close_class(self, const vector[uint32_t]& members) except -1 nogil
    cdef int combine(self, uint32_t member) except -1 nogil
    cdef int prune(self, uint32_t member, double least) except -1 nogil
