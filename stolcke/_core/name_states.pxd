"""The canonical states of a name between quotes."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport AutomatonStore

cdef uint32_t name_state(
    AutomatonStore store, const vector[uint32_t]& name, bint ascii_only, uint32_t after
) except? 0xFFFFFFFF nogil
