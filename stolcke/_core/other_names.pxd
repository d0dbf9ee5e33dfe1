"""The canonical states of any JSON string but some."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport AutomatonStore

cdef uint32_t other_names_state(
    AutomatonStore store, vector[vector[uint32_t]]& names, bint ascii_only, uint32_t everything
) except? 0xFFFFFFFF nogil
