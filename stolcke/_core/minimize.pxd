"""Minimisation of deterministic automata: partition refinement, and the canonical numbering of states."""

from libc.stdint cimport int32_t, uint8_t
from libcpp.vector cimport vector


cdef cppclass Partition:
    # Elements 0..n-1 in sets that can be split; each set is a range of `elements`.
    vector[int32_t] elements
    vector[int32_t] place            # [n]: where in `elements`
    vector[int32_t] set_of           # [n]
    vector[int32_t] begin            # [sets]
    vector[int32_t] end              # [sets]
    vector[int32_t] marked           # [sets]: how many at the front of the range are marked
    vector[int32_t] touched          # sets with marked elements


cdef cppclass Dfa:
    # Edges of state s are offsets[s] to offsets[s + 1], sorted and disjoint; state 0 is the start.
    vector[int32_t] offsets
    vector[int32_t] low
    vector[int32_t] high
    vector[int32_t] target
    vector[uint8_t] accepting


cdef cppclass Transitions:
    # One for each state and each class of letters that the automaton does not tell apart.
    vector[int32_t] tail
    vector[int32_t] label            # number of the class
    vector[int32_t] head
    int32_t labels


cdef int one_set(Partition& sets, int32_t n) except -1 nogil
cdef int mark(Partition& sets, int32_t element) except -1 nogil
cdef int split(Partition& sets) except -1 nogil
cdef int trim(Dfa& raw, Dfa& dfa) except -1 nogil
cdef int refine(Dfa& dfa, Transitions& transitions, Partition& blocks) except -1 nogil
cdef int quotient(Dfa& dfa, Partition& blocks, Dfa& result) except -1 nogil
cdef int minimize_bytes(Dfa& raw, Dfa& result) except -1 nogil
cdef tuple byte_arrays(Dfa& dfa)
