"""Minimal automata over bytes, as values."""

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.minimize cimport Dfa


cdef class ByteDfa:
    # Minimal, trimmed and numbered breadth first: equal languages have equal automata.  Edges of state s are
    # offsets[s] to offsets[s + 1].
    cdef vector[int32_t] offsets
    cdef vector[uint8_t] low
    cdef vector[uint8_t] high
    cdef vector[int32_t] target
    cdef vector[uint8_t] accepting
    cdef uint64_t hash_value         # 0 where not yet known


cdef ByteDfa byte_dfa(Dfa& dfa)
