"""Strongly connected components of a graph of integers."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector


cdef uint32_t strong_components(const vector[uint32_t]& begin, const vector[uint32_t]& successors,
                                vector[uint32_t]& component) except? 0xFFFFFFFF nogil
