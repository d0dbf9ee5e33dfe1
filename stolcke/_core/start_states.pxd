"""Where the terminals' automata begin."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from stolcke._core.byte_dfa cimport ByteDfa
from stolcke._core.locks cimport Lock
from stolcke._core.split cimport Splitter


cdef class StartStates(Splitter):
    cdef Lock lock                      # of everything that grows, here, in the Splitter and the PartitionStore

    cdef int add_states(self, ByteDfa machine, uint32_t* ids) except -1
